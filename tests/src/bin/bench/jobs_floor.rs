//! The least that would move a job: its id through a bare list in Redis, and its row claimed and ended by two bare statements.

use crate::place::{Kind, Place};
use anyhow::{Context, Result, ensure};
use linkyard_core::id::JobId;
use linkyard_tests::redis::RedisServer;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Instant;

/// Ids per second through one list of one Redis on one connection: pushed and taken so many at once.
pub(crate) fn redis_list(ids: usize, at_once: usize) -> Result<f64> {
    let redis = RedisServer::start();
    let socket = redis.url().trim_start_matches("unix://").to_owned();
    let mut redis_socket = UnixStream::connect(socket).context("Redis takes connections")?;
    let mut answers = BufReader::new(redis_socket.try_clone()?);
    let all: Vec<String> = (0..ids).map(|_| JobId::generate().to_string()).collect();
    let began = Instant::now();
    for some in all.chunks(at_once) {
        let words: Vec<&str> = ["RPUSH", "list"].into_iter().chain(some.iter().map(String::as_str)).collect();
        redis_socket.write_all(command(&words).as_bytes())?;
        ensure!(line(&mut answers)?.starts_with(':'), "Redis takes ids");
        let count = at_once.to_string();
        redis_socket.write_all(command(&["BLMPOP", "1", "1", "list", "LEFT", "COUNT", &count]).as_bytes())?;
        // *2, the key in two lines, *N, then each id in two lines.
        (0..3).try_for_each(|_| line(&mut answers).map(|_| ()))?;
        let taken: usize = line(&mut answers)?.trim_start_matches('*').parse().context("a number of ids")?;
        (0..2 * taken).try_for_each(|_| line(&mut answers).map(|_| ()))?;
        ensure!(taken == some.len(), "{taken} ids of {} came back", some.len());
    }
    Ok(ids as f64 / began.elapsed().as_secs_f64())
}

fn command(words: &[&str]) -> String {
    let mut text = format!("*{}\r\n", words.len());
    for word in words {
        // Writing into a String can not fail.
        let _ = write!(text, "${}\r\n{word}\r\n", word.len());
    }
    text
}

fn line(answers: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    answers.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

/// Jobs per second of the same rows, claimed and ended so many at once, by one connection that does nothing else.
pub(crate) async fn claim_and_end(kind: Kind, jobs: usize, at_once: usize) -> Result<f64> {
    let place = Place::new(kind).await?;
    place.enqueue_many(&[(place.provider, jobs)]).await?;
    let skip = if place.is_sqlite() { "" } else { "for update skip locked" };
    let now = place.now();
    let claim = format!(
        "update job set state = 'running', epoch = epoch + 1, lease_owner = 'floor', lease_until_ms = {now} + 30000, started_at_ms = {now}
         where id in (select id from job where state = 'queued' and run_at_ms <= {now} order by run_at_ms limit {at_once} {skip})"
    );
    let end = format!(
        "update job set state = 'succeeded', result = '{{}}', finished_at_ms = {now}, lease_owner = null, lease_until_ms = null
         where id in (select id from job where state = 'running' and lease_owner = 'floor')"
    );
    let began = Instant::now();
    for _ in 0..jobs.div_ceil(at_once) {
        place.execute(&claim).await;
        place.execute(&end).await;
    }
    let took = began.elapsed();
    let left = place.number("select count(*) from job where state in ('queued', 'running')").await;
    ensure!(left == 0, "{left} jobs were not ended");
    place.leave().await;
    Ok(jobs as f64 / took.as_secs_f64())
}
