//! Purges what an organization no longer needs of its history: ended jobs, request ids, records of walks, decision files, calls by the minute. Safe to run again: what is
//! purged is gone, and the next batch begins with what is oldest.

use super::Job;
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::Result;
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_store::Purged;
use serde::{Deserialize, Serialize};

/// Rows of each kind in one transaction: few enough that nobody waits for it.
const BATCH_ROWS: u32 = 500;

pub(crate) struct Retention;

/// What was purged so far.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Position {
    jobs: u64,
    requests: u64,
    walks: u64,
    #[serde(default)]
    imports: u64,
    #[serde(default)]
    calls: u64,
    #[serde(default)]
    samples: u64,
}

impl Position {
    fn add(&mut self, purged: Purged) {
        let Purged { jobs, requests, walks, imports, calls, samples } = purged;
        self.jobs += jobs;
        self.requests += requests;
        self.walks += walks;
        self.imports += imports;
        self.calls += calls;
        self.samples += samples;
    }
}

impl Job for Retention {
    const KIND: JobKind = JobKind::Retention;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let mut position: Position = progress.position().unwrap_or_default();
        loop {
            if cx.should_stop() {
                return Ok(Outcome::Continue);
            }
            // The checkpoint says what was purged before this batch; after a crash the figures may miss one batch, never its rows.
            let checkpoint = progress.checkpoint(cx, &position, "purging", RowCounts::default())?;
            let purged = cx.store.retention_purge(&cx.fence, cx.keep, BATCH_ROWS, &checkpoint).await?;
            progress.saved(cx, checkpoint);
            position.add(purged);
            if purged.rows() == 0 {
                break;
            }
        }
        Ok(Outcome::Done(serde_json::json!(position)))
    }
}
