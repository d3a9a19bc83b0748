//! What the two link jobs have in common: confirmed rows become links, a chunk and its checkpoint in one transaction, until none is
//! left. A linked row is no longer confirmed, so running again goes on where the last chunk ended, wherever the run died.

use crate::context::Context;
use crate::gatekeeper::gatekeeper;
use crate::progress::Progress;
use linkyard_core::Result;
use linkyard_core::job::{Outcome, RowCounts};
use linkyard_core::mapping::Subject;

/// Rows linked in one transaction: few enough that it holds the gate for a fraction of a second, enough that a directory of ten
/// thousand is ten of them.
const CHUNK_ROWS: u32 = 1_000;

pub(crate) async fn link(cx: &Context, progress: &mut Progress, subject: Subject) -> Result<Outcome> {
    let provider = cx.provider()?.id;
    if cx.counts.total == 0 {
        let rows = i64::try_from(cx.store.mapping_link_remaining(&cx.fence).await?).unwrap_or(i64::MAX);
        let known = RowCounts { total: rows, ..RowCounts::default() };
        progress.save(cx, &serde_json::Value::Null, "linking", known).await?;
    }
    let gate = gatekeeper(&cx.store, &cx.fence, subject).await?;
    let (mut linked, mut associations) = (RowCounts::default(), 0);
    loop {
        if cx.should_stop() {
            return Ok(Outcome::Continue);
        }
        let chunk = cx.store.mapping_link_chunk(&cx.fence, provider, subject, CHUNK_ROWS, &gate).await?;
        cx.note_progress();
        linked.add(chunk.counts);
        associations += chunk.associations;
        if chunk.last.is_none() {
            break;
        }
        tracing::debug!(job = %cx.fence.job, succeeded = linked.succeeded, held = linked.held, failed = linked.failed, "linking");
    }
    let mut rows = cx.counts;
    rows.add(linked);
    let found = serde_json::json!({ "linked": rows.succeeded, "held": rows.held, "failed": rows.failed,
        "skipped": rows.skipped, "associations_of_last_run": associations });
    Ok(Outcome::Done(found))
}
