//! The doorbell's part in Redis: three short lists of ids, one for each lane, and a list of at most one ring.
//!
//! A worker takes ids with a blocking pop on a connection of its own, as many as it has free slots, from the first lane that has any.
//! An id that is lost on its way (a killed worker, an emptied Redis) is offered again by the feeder a moment later, and one that is
//! delivered twice is claimed once, so nothing here is acknowledged. Every script is bounded by [`MOST_WAITING`].

use super::{Redis, backoff};
use crate::doorbell::{Called, Doorbell, MOST_WAITING};
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_core::job::Lane;
use redis::aio::MultiplexedConnection;
use redis::{RedisError, RedisResult, Script};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Lanes by who waits, as their lists are looked at.
const LANES: [Lane; 3] = [Lane::Person, Lane::Push, Lane::Background];
/// How long a pop blocks in Redis, seconds. Only so that a connection on which nothing comes any more is noticed.
const BLOCK_S: u64 = 1;
/// When a blocking pop without an answer is given up; a cut connection is noticed in this time.
const GIVE_UP_AFTER: Duration = Duration::from_secs(BLOCK_S + 4);
/// Follows the id of a job that has to run alone.
const ALONE: char = '!';

/// Puts ids at the end of their lanes: those that are not in any, while there is room. Keys: the lanes. Arguments: the most that may
/// wait, then for each id the number of its lane and the entry. Answers how many were taken in.
static OFFER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local waits, total, taken = {}, 0, 0
        for _, lane in ipairs(KEYS) do
            for _, entry in ipairs(redis.call('LRANGE', lane, 0, ARGV[1] - 1)) do waits[string.sub(entry, 1, 36)] = true end
            total = total + redis.call('LLEN', lane)
        end
        for i = 2, #ARGV, 2 do
            if total >= tonumber(ARGV[1]) then break end
            local id = string.sub(ARGV[i + 1], 1, 36)
            if not waits[id] then
                redis.call('RPUSH', KEYS[tonumber(ARGV[i])], ARGV[i + 1])
                waits[id] = true
                total, taken = total + 1, taken + 1
            end
        end
        return taken",
    )
});

/// The lists of one Redis, and the tasks that carry rings to and from it. Those end when it is dropped.
#[derive(Debug)]
pub(crate) struct Bell {
    redis: Redis,
    lanes: [String; 3],
    /// Somebody here rang.
    rang: Arc<Notify>,
    /// Whether rings are for this process.
    listening: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Bell {
    /// Starts carrying rings; `changed` is notified of each that comes while this process listens.
    pub(crate) fn start(redis: Redis, changed: Arc<Notify>) -> Self {
        let lanes = LANES.map(|lane| redis.key(&format!("waiting:{}", lane.as_str())));
        let (rang, (listening, listens)) = (Arc::new(Notify::new()), watch::channel(false));
        let tasks =
            [tokio::spawn(carry_rings(redis.clone(), rang.clone())), tokio::spawn(hear_rings(redis.clone(), listens, changed))];
        Self { redis, lanes, rang, listening, tasks }
    }

    /// Rings soon. Rings that come while one is under way are one.
    pub(crate) fn ring(&self) {
        self.rang.notify_one();
    }

    pub(crate) fn listen(&self, listening: bool) {
        self.listening.send_if_modified(|before| std::mem::replace(before, listening) != listening);
    }

    /// How many ids wait.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn waiting(&self) -> Result<usize> {
        let mut lent = self.redis.lend().await?;
        let mut lengths = redis::pipe();
        self.lanes.iter().for_each(|lane| {
            lengths.llen(lane);
        });
        let found: RedisResult<Vec<usize>> = lengths.query_async(&mut lent.connection).await;
        self.redis.heard(&lent, found).await.map(|lengths| lengths.iter().sum())
    }

    /// As [`Doorbell::offer`].
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn offer(&self, calls: &[Called], most: usize) -> Result<usize> {
        let mut lent = self.redis.lend().await?;
        let mut offer = OFFER.prepare_invoke();
        self.lanes.iter().for_each(|lane| {
            offer.key(lane);
        });
        offer.arg(most);
        for call in calls.iter().take(MOST_WAITING) {
            offer.arg(lane_number(call.lane)).arg(entry(call));
        }
        let taken = offer.invoke_async(&mut lent.connection).await;
        self.redis.heard(&lent, taken).await
    }

    /// Takes in ids for the free ones of `slots` until `stop`.
    pub(crate) async fn pop(&self, doorbell: &Doorbell, slots: usize, stop: CancellationToken) {
        let mut failures = 0;
        while !stop.is_cancelled() {
            let error = tokio::select! {
                () = stop.cancelled() => return,
                error = self.pop_on_one_connection(doorbell, slots, &mut failures) => error,
            };
            if failures == 0 {
                tracing::warn!(%error, "no ids come from Redis now; another connection is tried");
            }
            failures += 1;
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff(failures)) => {}
            }
        }
    }

    async fn pop_on_one_connection(&self, doorbell: &Doorbell, slots: usize, failures: &mut u32) -> RedisError {
        let mut connection = match self.redis.open_own().await {
            Ok(connection) => connection,
            Err(error) => return error,
        };
        loop {
            let free = doorbell.free_slots(slots).await;
            match self.pop_once(&mut connection, free).await {
                Ok(calls) => {
                    *failures = 0;
                    if !calls.is_empty() {
                        doorbell.take_in(calls);
                        // Fewer wait now; the feeder decides whether that is too few.
                        self.ring();
                    }
                }
                Err(error) => return error,
            }
        }
    }

    /// Up to `most` ids of one lane; none when none came for a while. What comes after a job that has to run alone goes back.
    async fn pop_once(&self, connection: &mut MultiplexedConnection, most: usize) -> RedisResult<Vec<Called>> {
        let mut pop = redis::cmd("BLMPOP");
        pop.arg(BLOCK_S).arg(LANES.len()).arg(&self.lanes).arg("LEFT").arg("COUNT").arg(most);
        let popped: Option<(String, Vec<String>)> = answer(pop.query_async(connection)).await?;
        let Some((key, entries)) = popped else { return Ok(Vec::new()) };
        let lane = self.lanes.iter().position(|lane| *lane == key).map_or(Lane::Background, |number| LANES[number]);
        let mut calls: Vec<Called> = entries.iter().filter_map(|entry| read(entry, lane)).collect();
        if let Some(last) = calls.iter().position(|call| call.alone).map(|alone| alone + 1)
            && last < calls.len()
        {
            let mut back = redis::cmd("LPUSH");
            back.arg(&key).arg(calls.split_off(last).iter().rev().map(entry).collect::<Vec<_>>());
            answer(back.query_async::<i64>(connection)).await?;
        }
        Ok(calls)
    }
}

/// Gives a call on a connection of one's own an end.
async fn answer<T>(call: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let answered = tokio::time::timeout(GIVE_UP_AFTER, call).await;
    answered.unwrap_or_else(|_| Err((redis::ErrorKind::Io, "no answer in time").into()))
}

fn lane_number(lane: Lane) -> usize {
    match lane {
        Lane::Person => 1,
        Lane::Push => 2,
        Lane::Background => 3,
    }
}

fn entry(call: &Called) -> String {
    let id = call.job.0.hyphenated();
    if call.alone { format!("{id}{ALONE}") } else { id.to_string() }
}

/// An entry that is none of ours is dropped: whatever it stood for, the feeder finds it in SQL.
fn read(entry: &str, lane: Lane) -> Option<Called> {
    let id = entry.strip_suffix(ALONE).unwrap_or(entry);
    match Uuid::try_parse(id) {
        Ok(id) => Some(Called { job: JobId(id), lane, alone: entry.ends_with(ALONE) }),
        Err(_) => {
            tracing::warn!("something that is no id waited in Redis; it is dropped");
            None
        }
    }
}

/// Carries what is rung here to whoever feeds, one ring at a time. A ring that Redis does not take is dropped: the feeder looks anyway.
async fn carry_rings(redis: Redis, rang: Arc<Notify>) {
    let key = redis.key("ring");
    loop {
        rang.notified().await;
        let Ok(mut lent) = redis.lend().await else { continue };
        let mut ring = redis::pipe();
        ring.lpush(&key, 1).ltrim(&key, 0, 0);
        let rung: RedisResult<()> = ring.query_async(&mut lent.connection).await;
        // Logged where the connection is given up.
        let _ = redis.heard(&lent, rung).await;
    }
}

/// Waits for rings while `listens`, on a connection of its own.
async fn hear_rings(redis: Redis, mut listens: watch::Receiver<bool>, changed: Arc<Notify>) {
    let key = redis.key("ring");
    let mut failures = 0;
    while listens.wait_for(|listens| *listens).await.is_ok() {
        let heard = async {
            let mut connection = redis.open_own().await?;
            failures = 0;
            while *listens.borrow() {
                let mut wait = redis::cmd("BLPOP");
                let rung: Option<(String, String)> = answer(wait.arg(&key).arg(BLOCK_S).query_async(&mut connection)).await?;
                if rung.is_some() {
                    changed.notify_one();
                }
            }
            RedisResult::Ok(())
        };
        if heard.await.is_err() {
            failures += 1;
            tokio::time::sleep(backoff(failures)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_which_job_and_whether_it_runs_alone() {
        for alone in [false, true] {
            let call = Called { job: JobId::generate(), lane: Lane::Push, alone };
            assert_eq!(read(&entry(&call), Lane::Push), Some(call));
        }
        assert_eq!(read("nonsense", Lane::Push), None);
        assert_eq!(LANES.map(lane_number), [1, 2, 3]);
    }
}
