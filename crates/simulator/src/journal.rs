//! The record of every call: the evidence that tests and drills judge a client by. Kept in memory and, with a data
//! directory, appended to `journal.jsonl` with one write per call, so that killing the simulator loses no answered call.
//!
//! A call gets its sequence number when it ends. `during_block_ms` is decided when it starts: some 429 had been answered
//! to the same client and company, and the time that this 429 named had not come yet. The counts are in `report.rs`.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limiter::Key;
use crate::locks::lock;
use crate::persist;

/// One call.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// 1, 2, 3, .. in the order in which calls ended.
    pub(crate) sequence: u64,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: i64,
    /// The token's client; absent without a valid token.
    pub(crate) client_id: Option<Arc<str>>,
    /// The `Procore-Company-Id` header as it came.
    pub(crate) company_header: Option<Box<str>>,
    /// The company of path, query or project; of the header if there is none there.
    pub(crate) company_id: Option<u64>,
    pub(crate) method: Box<str>,
    /// With its query.
    pub(crate) path: Box<str>,
    /// The normalized route, `unknown` if there is none.
    pub(crate) route: Box<str>,
    /// 0 if no answer was begun.
    pub(crate) status: u16,
    /// The `X-Rate-Limit-Reset` or `Retry-After` time that was sent with a 429, in epoch seconds; else the header's.
    pub(crate) rate_limit_reset: Option<i64>,
    /// Whether the limiter counted it.
    pub(crate) counted: bool,
    /// Started while a 429 was in force: milliseconds since that 429 was answered.
    pub(crate) during_block_ms: Option<i64>,
    /// Calls of this client and company under way when it started, itself included.
    pub(crate) in_flight: u32,
    /// Number of the fault that hit it.
    #[serde(default)]
    pub(crate) fault: Option<u32>,
    /// Whether the whole answer was sent.
    pub(crate) delivered: bool,
}

/// The record.
#[derive(Debug)]
pub(crate) struct Journal {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: Vec<Entry>,
    file: Option<File>,
    traffic: HashMap<Key, Traffic>,
}

#[derive(Debug, Default)]
struct Traffic {
    in_flight: u32,
    /// Calls started in this span break the rule.
    blocked_ms: Option<(i64, i64)>,
}

impl Journal {
    /// An empty record in memory.
    pub(crate) fn in_memory() -> Self {
        Self { inner: Mutex::default() }
    }

    /// Goes on with the record of a data directory; a line that was cut off by a crash is dropped.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let entries = persist::read_lines(path)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|source| Error::io(format!("cannot open {}", path.display()), source))?;
        let inner = Inner { entries, file: Some(file), traffic: HashMap::new() };
        Ok(Self { inner: Mutex::new(inner) })
    }

    /// Notes that a call starts: how many are under way, and whether a 429 is in force.
    pub(crate) fn begin(&self, key: &Key, now_ms: i64) -> (u32, Option<i64>) {
        let mut inner = lock(&self.inner);
        let traffic = inner.traffic.entry(key.clone()).or_default();
        traffic.in_flight += 1;
        let blocked = traffic.blocked_ms.filter(|(from_ms, until_ms)| *from_ms < now_ms && now_ms < *until_ms);
        (traffic.in_flight, blocked.map(|(from_ms, _)| now_ms - from_ms))
    }

    /// Notes that a call ended and gives it its sequence number.
    pub(crate) fn end(&self, key: &Key, mut entry: Entry) {
        let mut inner = lock(&self.inner);
        let traffic = inner.traffic.entry(key.clone()).or_default();
        traffic.in_flight = traffic.in_flight.saturating_sub(1);
        if entry.status == 429
            && let Some(reset_s) = entry.rate_limit_reset
        {
            let until_ms = traffic.blocked_ms.map_or(0, |(_, until_ms)| until_ms).max(reset_s * 1000);
            let from_ms = traffic.blocked_ms.filter(|(_, until_ms)| *until_ms > entry.ended_ms);
            traffic.blocked_ms = Some((from_ms.map_or(entry.ended_ms, |(from_ms, _)| from_ms), until_ms));
        }
        entry.sequence = inner.entries.last().map_or(1, |last| last.sequence + 1);
        if let Some(file) = &mut inner.file {
            let mut line = serde_json::to_vec(&entry).unwrap_or_default();
            line.push(b'\n');
            if let Err(error) = file.write_all(&line) {
                tracing::warn!(%error, "the journal file cannot be written");
            }
        }
        inner.entries.push(entry);
    }

    /// Entries with a sequence above `after`, at most `limit`.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Vec<Entry> {
        let inner = lock(&self.inner);
        let start = inner.entries.partition_point(|entry| entry.sequence <= after);
        inner.entries[start..].iter().take(limit).cloned().collect()
    }

    /// Looks at all entries.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&[Entry]) -> T) -> T {
        look(&lock(&self.inner).entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { client_id: "client".to_owned(), company_id: 1 }
    }

    fn throttled(ended_ms: i64, reset_s: i64) -> Entry {
        Entry { status: 429, ended_ms, rate_limit_reset: Some(reset_s), ..Entry::default() }
    }

    #[test]
    fn only_calls_between_the_429_and_its_reset_are_during_the_block() {
        let journal = Journal::in_memory();
        journal.begin(&key(), 1_000);
        journal.begin(&key(), 1_001);
        journal.end(&key(), throttled(1_500, 4));
        assert_eq!(journal.begin(&key(), 1_500), (2, None));
        assert_eq!(journal.begin(&key(), 3_999), (3, Some(2_499)));
        assert_eq!(journal.begin(&key(), 4_000), (4, None));
        let other = Key { company_id: 2, ..key() };
        assert_eq!(journal.begin(&other, 3_000), (1, None));
    }

    #[test]
    fn sequences_have_no_gaps_and_go_on_after_a_restart() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("journal.jsonl");
        let journal = Journal::open(&path).expect("new journal");
        journal.end(&key(), throttled(1, 2));
        journal.end(&key(), throttled(2, 2));
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).expect("journal file");
        file.write_all(b"{\"sequence\":3,\"cut").expect("torn line");
        let journal = Journal::open(&path).expect("torn journal");
        journal.end(&key(), throttled(3, 2));
        let journal = Journal::open(&path).expect("journal");
        let sequences: Vec<u64> = journal.after(1, 10).iter().map(|entry| entry.sequence).collect();
        assert_eq!(sequences, [2, 3]);
    }
}
