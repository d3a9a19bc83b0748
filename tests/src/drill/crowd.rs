//! Many tenants with little to do, and jobs in any number that nobody asked for: rows of the ledger like those that calls write.

use super::judge::ENDED;
use super::person::Person;
use super::yard::Scene;
use crate::databases::Sql;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Between two looks at the ledger.
const PAUSE: Duration = Duration::from_millis(50);

/// Tenants with these companies of a few vendors each; their providers work.
///
/// # Errors
/// When one can not be made.
pub async fn gather(host: &mut Person, api: &str, companies: Range<i64>) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    for company in companies {
        host.admin("POST", "/companies", json!({ "id": company, "vendors": 3, "projects": 1, "seed": company })).await?;
        people.push(host.neighbour(api.to_owned(), company).await?);
    }
    futures_util::future::try_join_all(people.iter_mut().map(Person::connect)).await?;
    Ok(people)
}

/// Jobs to be written.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Their keys begin with this, and a colon.
    pub key: &'a str,
    /// Their kind.
    pub kind: &'a str,
    /// Whose they are, as a condition on the table of providers `p`.
    pub of: &'a str,
    /// How many of each such provider.
    pub each: u32,
    /// Each is due so many milliseconds after the one before it.
    pub apart_ms: u32,
}

impl Rows<'_> {
    /// Writes them, in the name of a call to the API.
    pub async fn write(self, sql: &Sql) {
        let Self { key, kind, of, each, apart_ms } = self;
        let statement = format!(
            "insert into job (id, organization_id, provider_id, kind, dedupe_key, lane, payload_version, payload, state, run_at_ms, actor,
                created_at_ms)
             select gen_random_uuid(), p.organization_id, p.id, '{kind}', '{key}:' || p.id || ':' || n, 'background', 1, '{{}}',
                'queued', clock.now_ms + (n - 1) * {apart_ms}, 'key:drill', clock.now_ms
             from provider p cross join generate_series(1, {each}) n
             cross join (select (extract(epoch from now()) * 1000)::bigint as now_ms) clock where {of}"
        );
        sql.execute(&statement).await;
    }

    /// How many of them are in a state that this condition names.
    pub async fn count(self, sql: &Sql, condition: &str) -> i64 {
        sql.number(&format!("select count(*) from job where dedupe_key like '{}:%' and {condition}", self.key)).await
    }

    /// How many of them have not ended. Answered from an index, however many there are.
    pub async fn left(self, sql: &Sql) -> i64 {
        let Self { key, kind, .. } = self;
        sql.number(&format!(
            "select count(*) from job where kind = '{kind}' and dedupe_key like '{key}:%' and state not in {ENDED}"
        ))
        .await
    }

    /// Waits until all of them have ended, looking on meanwhile.
    ///
    /// # Errors
    /// When they do not within the patience, or `look` fails.
    pub async fn ended(self, scene: &mut Scene<'_>, mut look: impl AsyncFnMut(&mut Scene<'_>) -> Result<()>) -> Result<()> {
        let began = Instant::now();
        while self.left(scene.sql).await > 0 {
            ensure!(began.elapsed() < scene.settings.patience(), "jobs {} do not end", self.key);
            look(scene).await?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The time in milliseconds below which so many percent of them waited from when they were due to their start.
    ///
    /// # Errors
    /// When none of them started.
    pub async fn wait_ms(self, sql: &Sql, percent: u32) -> Result<i64> {
        self.measure(sql, &format!("percentile_disc({percent} / 100.0) within group (order by started_at_ms - run_at_ms)")).await
    }

    /// How many of them were done per second while there was work for each of so many slots: up to the last start.
    ///
    /// # Errors
    /// When no more than `slots` of them started.
    pub async fn per_second(self, sql: &Sql, slots: u32) -> Result<f64> {
        let jobs = self.measure(sql, "count(*)").await? - i64::from(slots);
        let took_ms = self.measure(sql, "max(started_at_ms) - min(started_at_ms)").await?;
        ensure!(jobs > 0 && took_ms > 0, "jobs {} are too few for {slots} slots", self.key);
        Ok(jobs as f64 * 1_000.0 / took_ms as f64)
    }

    async fn measure(self, sql: &Sql, what: &str) -> Result<i64> {
        let measured = sql.texts(&format!("select cast({what} as text) from job where dedupe_key like '{}:%'", self.key)).await?;
        measured.first().context("a figure")?.parse().with_context(|| format!("{what} of jobs {}", self.key))
    }
}
