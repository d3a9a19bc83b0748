//! Brings addresses and associations of linked records in step with the directory as it was last fetched. Safe to run again: a record
//! that is in step is passed over.

use super::Job;
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::Result;
use linkyard_core::id::RecordId;
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_core::mapping::Subject;
use serde::{Deserialize, Serialize};

/// Rows brought in step in one transaction.
const CHUNK_ROWS: u32 = 500;

pub(crate) struct SyncLinked;

/// Where to go on, as the store writes it with each chunk.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Position {
    subject: Subject,
    last: Option<RecordId>,
}

impl Job for SyncLinked {
    const KIND: JobKind = JobKind::SyncLinked;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let provider = cx.provider()?.id;
        let mut position = progress.position().unwrap_or(Position { subject: Subject::ALL[0], last: None });
        let mut synced = cx.counts.succeeded;
        let first = position.subject;
        for subject in Subject::ALL.into_iter().skip_while(|subject| *subject != first) {
            if subject != position.subject {
                position = Position { subject, last: None };
            }
            loop {
                if cx.should_stop() {
                    return Ok(Outcome::Continue);
                }
                let (rows, last) = cx.store.mapping_sync_chunk(&cx.fence, provider, subject, position.last, CHUNK_ROWS).await?;
                cx.note_progress();
                synced += i64::try_from(rows).unwrap_or(i64::MAX);
                if last.is_none() {
                    break;
                }
                position.last = last;
            }
        }
        // How many rows there were is known only now: the chunks have counted what they did, and no more was to be done.
        let known = RowCounts { total: synced - cx.counts.total, ..RowCounts::default() };
        progress.save(cx, &position, "syncing", known).await?;
        Ok(Outcome::Done(serde_json::json!({ "synced": synced })))
    }
}
