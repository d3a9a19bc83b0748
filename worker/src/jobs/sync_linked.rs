//! Brings addresses, associations and contacts of linked records in step with the directory as it was last fetched. Safe to run again: a
//! record or a contact that is in step is passed over.

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
#[serde(untagged)]
enum Position {
    Records {
        subject: Subject,
        last: Option<RecordId>,
    },
    Contacts {
        part: Contacts,
        last: Option<RecordId>,
        /// How many came to be or changed so far.
        contacts: u64,
    },
}

/// The word by which the second half is known.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Contacts {
    Contact,
}

impl Job for SyncLinked {
    const KIND: JobKind = JobKind::SyncLinked;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let provider = cx.provider()?.id;
        let first = Position::Records { subject: Subject::ALL[0], last: None };
        let mut position = progress.position().unwrap_or(first);
        let mut synced = cx.counts.succeeded;
        loop {
            if cx.should_stop() {
                return Ok(Outcome::Continue);
            }
            match position {
                Position::Records { subject, last } => {
                    let (rows, last) = cx.store.mapping_sync_chunk(&cx.fence, provider, subject, last, CHUNK_ROWS).await?;
                    cx.note_progress();
                    synced += i64::try_from(rows).unwrap_or(i64::MAX);
                    position = if last.is_some() { Position::Records { subject, last } } else { after(subject) };
                }
                Position::Contacts { part, last, contacts } => {
                    let (changed, last) = cx.store.contact_sync_chunk(&cx.fence, provider, last, CHUNK_ROWS, contacts).await?;
                    cx.note_progress();
                    let contacts = contacts + changed;
                    position = Position::Contacts { part, last, contacts };
                    if last.is_none() {
                        return end(cx, progress, &position, synced, contacts).await;
                    }
                }
            }
        }
    }
}

/// Says what was done. How many rows there were is known only now: the chunks have counted what they did, and no more was to be done.
async fn end(cx: &Context, progress: &mut Progress, position: &Position, synced: i64, contacts: u64) -> Result<Outcome> {
    let known = RowCounts { total: synced - cx.counts.total, ..RowCounts::default() };
    progress.save(cx, position, "contacts", known).await?;
    Ok(Outcome::Done(serde_json::json!({ "synced": synced, "contacts": contacts })))
}

/// Where to go on when a subject is in step.
fn after(subject: Subject) -> Position {
    match subject {
        Subject::Vendor => Position::Records { subject: Subject::Project, last: None },
        Subject::Project => Position::Contacts { part: Contacts::Contact, last: None, contacts: 0 },
    }
}
