//! Whether a Redis is fit for its part: new enough, evicting nothing, remembering over a restart.
//!
//! None of it stops a start, because a wrong answer here costs time and never work; each is said aloud, because it is easily mended.

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use std::fmt;

/// The first release with a blocking pop of several ids from several lists.
const OLDEST_MAJOR: u32 = 7;

/// Something about a Redis that should be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisFinding {
    /// It lacks commands that are used.
    TooOld {
        /// What it says it is.
        version: String,
    },
    /// Under memory pressure it drops keys, and with them what is known of rate limits.
    Evicts {
        /// The policy's name.
        policy: String,
    },
    /// After a restart it is empty.
    ForgetsOverRestarts,
}

impl fmt::Display for RedisFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooOld { version } => {
                write!(f, "Redis {version} is too old: release {OLDEST_MAJOR} or later is needed")
            }
            Self::Evicts { policy } => write!(
                f,
                "Redis evicts keys when its memory is full (maxmemory-policy {policy}), so rate limits may be forgotten: set noeviction"
            ),
            Self::ForgetsOverRestarts => f.write_str(
                "Redis keeps nothing over a restart, so each one makes calls wait for a whole window: set appendonly yes",
            ),
        }
    }
}

/// Looks at the server behind `connection`. What it does not want to tell is not held against it.
///
/// # Errors
/// When it does not answer at all.
pub(super) async fn inspect(connection: &mut MultiplexedConnection) -> RedisResult<Vec<RedisFinding>> {
    let info: String = redis::cmd("INFO").query_async(connection).await?;
    let mut save = redis::cmd("CONFIG");
    let snapshots: RedisResult<(String, String)> = save.arg("GET").arg("save").query_async(connection).await;
    // Managed servers forbid CONFIG and take snapshots on their own.
    let snapshots = snapshots.map_or(true, |(_, schedule)| !schedule.is_empty());
    Ok(findings(&info, snapshots))
}

fn findings(info: &str, snapshots: bool) -> Vec<RedisFinding> {
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim().to_owned())
    };
    let mut found = Vec::new();
    // Forks count releases of their own and say which Redis they are compatible with in this field.
    if let Some(version) = field("redis_version") {
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major < OLDEST_MAJOR) {
            found.push(RedisFinding::TooOld { version });
        }
    }
    found.extend(field("maxmemory_policy").filter(|policy| policy != "noeviction").map(|policy| RedisFinding::Evicts { policy }));
    if field("aof_enabled").as_deref() == Some("0") && !snapshots {
        found.push(RedisFinding::ForgetsOverRestarts);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.2.4\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n";

    #[test]
    fn a_fit_server_has_no_findings() {
        assert_eq!(findings(GOOD, false), vec![]);
        assert_eq!(findings("", true), vec![], "nor has one that tells nothing");
    }

    #[test]
    fn what_should_be_otherwise_is_named() {
        let poor = GOOD.replace("7.2.4", "6.2.14").replace("noeviction", "allkeys-lru").replace("enabled:1", "enabled:0");
        let found: Vec<String> = findings(&poor, false).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("6.2.14") && found[1].contains("allkeys-lru") && found[2].contains("appendonly"), "{found:?}");
        assert_eq!(findings(&poor.replace("6.2", "8.0"), true).len(), 1, "snapshots are kept as well");
    }
}
