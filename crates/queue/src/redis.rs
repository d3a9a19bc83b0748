//! The way to Redis: one address, the connections to it, and how they come back.
//!
//! A call that Redis does not answer is an error of that call and nothing more: the next one opens a new connection, at most as often
//! as the backoff allows, to wherever the address leads by then. Nothing in Redis is the only copy of anything, so nobody has to wait
//! for it either. What is kept there is in [`bell`] and in the budget.

pub(crate) mod bell;
mod inspect;
mod target;

pub use inspect::RedisFinding;

use linkyard_core::{Error, Result};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use target::Target;
use tokio::sync::Mutex;

/// How long an answer may take; a busy server answers late, a dead one never.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Between two attempts to connect: from this, doubling.
const BACKOFF_FIRST_MS: u64 = 100;
/// And no longer than this, so that work goes on soon after Redis is back.
const BACKOFF_MOST_MS: u64 = 5_000;

/// Where Redis is, for processes that share their work.
#[derive(Clone, clap::Args)]
#[group(skip)]
pub struct RedisArgs {
    /// Redis: `redis://HOST:PORT`, `rediss://..` with TLS, `unix:///SOCKET`, or `redis+sentinel://HOST,HOST/MASTER`; any node of a
    /// cluster will do. Release 7 or later, with `appendonly yes` and no eviction.
    #[arg(long = "redis-url", env = "LINKYARD_REDIS_URL", hide_env_values = true)]
    pub redis_url: String,

    /// The hash tag of every key in Redis; installations that share a Redis need different ones.
    #[arg(long = "redis-tag", env = "LINKYARD_REDIS_TAG", default_value = "ly")]
    pub redis_tag: String,
}

impl fmt::Debug for RedisArgs {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisArgs").field("redis_tag", &self.redis_tag).finish_non_exhaustive()
    }
}

/// A Redis that may or may not answer now. Cheap to clone; clones share one connection for everything that does not block.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    tag: String,
    shared: Mutex<Shared>,
}

#[derive(Default)]
struct Shared {
    connection: Option<MultiplexedConnection>,
    /// Raised with every connection, so that an old failure does not end a new connection.
    number: u64,
    failures: u32,
    not_before: Option<Instant>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("tag", &self.inner.tag).finish_non_exhaustive()
    }
}

/// The shared connection, as one caller has it.
pub(crate) struct Lent {
    pub(crate) connection: MultiplexedConnection,
    number: u64,
}

impl Redis {
    /// The Redis at an address. Opens nothing: it need not be there yet.
    ///
    /// # Errors
    /// `Invalid` for an address that is none, or a tag that can not be in a key.
    pub fn new(args: &RedisArgs) -> Result<Self> {
        let tag = args.redis_tag.as_str();
        if tag.is_empty() || !tag.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter)) {
            return Err(Error::invalid("redis_tag", "must be letters, digits, `-`, `_` and `.`"));
        }
        let target = Target::parse(&args.redis_url)?;
        Ok(Self { inner: Arc::new(Inner { target, tag: tag.to_owned(), shared: Mutex::default() }) })
    }

    /// What about this Redis should be otherwise; also logged whenever a connection is opened.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub async fn inspect(&self) -> Result<Vec<RedisFinding>> {
        let mut lent = self.lend().await?;
        let findings = inspect::inspect(&mut lent.connection).await;
        self.heard(&lent, findings).await
    }

    /// A key of ours. All of them have one hash tag, so a cluster keeps them on one node and a script may use several.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.inner.tag)
    }

    /// The shared connection; opens it where there is none, one caller at a time.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn lend(&self) -> Result<Lent> {
        let mut shared = self.inner.shared.lock().await;
        if let Some(connection) = &shared.connection {
            return Ok(Lent { connection: connection.clone(), number: shared.number });
        }
        if shared.not_before.is_some_and(|at| Instant::now() < at) {
            return Err(Error::Unavailable {
                service: "redis",
                message: "it did not answer a moment ago".to_owned(),
                source: None,
            });
        }
        match self.inner.target.open(&self.key("ring"), Some(ANSWER_WITHIN)).await {
            Ok(connection) => {
                tracing::info!(failures = shared.failures, "connected to Redis");
                tokio::spawn(tell_findings(connection.clone()));
                *shared = Shared { connection: Some(connection.clone()), number: shared.number + 1, ..Shared::default() };
                Ok(Lent { connection, number: shared.number })
            }
            Err(error) => {
                if shared.failures == 0 {
                    tracing::warn!(%error, "Redis can not be reached; work waits in SQL until it is back");
                }
                shared.failures += 1;
                shared.not_before = Some(Instant::now() + backoff(shared.failures));
                Err(unavailable(error))
            }
        }
    }

    /// What came of a call on a lent connection. One that is of no use any more is given up.
    ///
    /// # Errors
    /// `Unavailable` where the call failed.
    pub(crate) async fn heard<T>(&self, lent: &Lent, result: RedisResult<T>) -> Result<T> {
        let error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if broken(&error) {
            let mut shared = self.inner.shared.lock().await;
            if shared.number == lent.number && shared.connection.take().is_some() {
                tracing::warn!(%error, "the connection to Redis is lost");
            }
        }
        Err(unavailable(error))
    }

    /// A connection of one's own, for a call that blocks the connection; an answer may take for ever.
    pub(crate) async fn open_own(&self) -> RedisResult<MultiplexedConnection> {
        self.inner.target.open(&self.key("ring"), None).await
    }
}

/// The wait after so many failures in a row, with jitter: processes that lost Redis together do not come back together.
pub(crate) fn backoff(failures: u32) -> Duration {
    let most_ms = BACKOFF_FIRST_MS.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(BACKOFF_MOST_MS);
    Duration::from_millis(rand::random_range(most_ms / 2..=most_ms))
}

/// Whether the connection has to be given up: it is gone, or it leads to a server that is no longer the one.
fn broken(error: &RedisError) -> bool {
    if let ErrorKind::Server(kind) = error.kind() {
        return matches!(
            kind,
            ServerErrorKind::ReadOnly
                | ServerErrorKind::Moved
                | ServerErrorKind::Ask
                | ServerErrorKind::ClusterDown
                | ServerErrorKind::MasterDown
                | ServerErrorKind::BusyLoading
        );
    }
    !matches!(error.kind(), ErrorKind::UnexpectedReturnType | ErrorKind::Extension)
}

fn unavailable(error: RedisError) -> Error {
    Error::Unavailable { service: "redis", message: error.to_string(), source: Some(Box::new(error)) }
}

async fn tell_findings(mut connection: MultiplexedConnection) {
    match inspect::inspect(&mut connection).await {
        Ok(findings) => findings.iter().for_each(|finding| tracing::warn!("{finding}")),
        Err(error) => tracing::debug!(%error, "Redis could not be looked at"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_between_connections_grows_to_five_seconds() {
        assert!(backoff(1) <= Duration::from_millis(100));
        assert_eq!([target::OPEN_WITHIN, ANSWER_WITHIN].map(|time| time.as_secs()), [2, 5]);
        assert!(backoff(40) <= Duration::from_secs(5) && backoff(40) >= Duration::from_millis(2_500));
    }

    #[test]
    fn neither_the_address_nor_a_strange_tag_is_told_or_taken() {
        let args = |tag: &str| RedisArgs { redis_url: "redis://:secret@host".to_owned(), redis_tag: tag.to_owned() };
        assert!(!format!("{:?} {:?}", args("ly"), Redis::new(&args("ly"))).contains("secret"));
        assert_eq!(Redis::new(&args("a.b")).expect("a tag").key("ring"), "{a.b}:ring");
        assert!(Redis::new(&args("a}b")).is_err() && Redis::new(&args("")).is_err());
    }
}
