//! Computes the candidates of every record without a decision, then hands over what is to be added by itself (a record without a
//! candidate that was first seen after that was switched on). Safe to run again: what did not change is not written again, and what was
//! handed over has a decision.

use super::{Job, follow_up};
use crate::context::Context;
use crate::progress::Progress;
use crate::suggestions::Pass;
use linkyard_core::Result;
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_core::mapping::Subject;
use serde::{Deserialize, Serialize};

pub(crate) struct Suggest;

/// What was found so far; its length says which subject is next.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Position {
    done: Vec<Computed>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Computed {
    subject: Subject,
    with: u64,
    without: u64,
}

impl Job for Suggest {
    const KIND: JobKind = JobKind::Suggest;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let provider = cx.provider()?.id;
        let mut position: Position = progress.position().unwrap_or_default();
        for subject in Subject::ALL.into_iter().skip(position.done.len()) {
            if cx.should_stop() {
                return Ok(Outcome::Continue);
            }
            let before = progress.checkpoint(cx, &position, "suggesting", RowCounts::default())?;
            let pass = Pass { store: &cx.store, fence: &cx.fence, provider, subject };
            let Some(computed) = pass.run(&before, || cx.should_stop()).await? else { return Ok(Outcome::Continue) };
            progress.saved(cx, before);
            let (with, without) = (computed.with, computed.without);
            tracing::debug!(job = %cx.fence.job, subject = subject.as_str(), with, without, skipped = computed.skipped, "suggested");
            position.done.push(Computed { subject, with, without });
            let rows = i64::try_from(with + without).unwrap_or(i64::MAX);
            let done = RowCounts { total: rows, succeeded: rows, ..RowCounts::default() };
            progress.save(cx, &position, "suggesting", done).await?;
        }
        let found = |computed: &Computed| {
            let counts = serde_json::json!({ "with_suggestion": computed.with, "without_suggestion": computed.without });
            (computed.subject.as_str().to_owned(), counts)
        };
        let mut found: serde_json::Map<String, serde_json::Value> = position.done.iter().map(found).collect();
        // Only now: what has a suggestion is a person's to decide.
        let mut added = 0;
        for subject in Subject::ALL {
            if let Some((_, rows)) = cx.store.mapping_add_automatically(&cx.fence, provider, subject).await? {
                added += rows;
            }
        }
        if added > 0 {
            found.insert("added_automatically".to_owned(), added.into());
        }
        cx.store.job_follow(&cx.fence, &follow_up(cx, JobKind::FindDuplicates)?).await?;
        Ok(Outcome::Done(serde_json::Value::Object(found)))
    }
}
