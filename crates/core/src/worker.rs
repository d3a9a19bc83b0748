//! Worker processes, as the others see them.

use crate::id::WorkerId;

/// What a worker process says of itself from time to time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerBeat {
    /// Which process.
    pub id: WorkerId,
    /// Its machine, or the name that it was given.
    pub name: String,
    /// Its number on that machine.
    pub process: u32,
    /// Its release.
    pub version: String,
    /// Jobs that it runs at most at once.
    pub slots: u32,
    /// Jobs that it runs now.
    pub running: u32,
    /// It takes no more jobs and ends when those that run have reached a checkpoint.
    pub draining: bool,
}

/// A worker process, with when it was heard of. Times are milliseconds since 1970 on the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// What it said last.
    pub beat: WorkerBeat,
    /// Its first word.
    pub started_at_ms: i64,
    /// Its last word.
    pub seen_at_ms: i64,
}
