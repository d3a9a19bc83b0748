//! The ends of many runs in one statement: those that change nothing but their own row.
//!
//! Every other end ([`Store::job_finish`]) touches rows beside it and is a transaction of its own.

use crate::Store;
use crate::row::{get, word};
use crate::sql::{Column, all, among, batch, rows};
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_core::job::{Fence, Finish, JobState};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// A [`Finish`] that changes only the job's own row, and by no outcome of an error.
#[derive(Clone, Debug, PartialEq)]
pub enum PlainEnd {
    /// As [`Finish::Done`].
    Done(serde_json::Value),
    /// As [`Finish::Continue`].
    Continue,
}

impl PlainEnd {
    /// The same end, if it is a plain one.
    #[must_use]
    pub fn of(finish: &Finish) -> Option<Self> {
        match finish {
            Finish::Done(result) => Some(Self::Done(result.clone())),
            Finish::Continue => Some(Self::Continue),
            Finish::Partial(_)
            | Finish::Snooze { .. }
            | Finish::Outage { .. }
            | Finish::Hold { .. }
            | Finish::WaitForChildren
            | Finish::Retry { .. }
            | Finish::Fail { .. }
            | Finish::Cancelled
            | Finish::Paused
            | Finish::Release => None,
        }
    }
}

/// One end as a row of a batch.
#[derive(Serialize)]
struct EndRow {
    end_id: Uuid,
    end_epoch: i64,
    end_organization: Uuid,
    /// Goes on later.
    again: bool,
    found: Option<String>,
}

const COLUMNS: [(&str, Column); 5] = [
    ("end_id", Column::Uuid),
    ("end_epoch", Column::Bigint),
    ("end_organization", Column::Uuid),
    ("again", Column::Boolean),
    ("found", Column::Text),
];

impl Store {
    /// Ends these runs and their leases, each as [`Store::job_finish`] would, and answers the states that their rows have now. A run whose
    /// lease is lost is left out, untouched. Rows are locked in the order of their ids, as in every batch.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_end(&self, ends: &[(Fence, PlainEnd)]) -> Result<HashMap<JobId, JobState>> {
        if ends.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = format!(
            "with ours as materialized (
                select again, found, (select job.id from job where job.id = end_id and job.epoch = end_epoch
                    and job.organization_id = end_organization and job.state = 'running' {{lock}}) as our_id
                from (select * from {batch} order by end_id) as in_order
            )
            update job set
                state = case when again then 'queued' when rows_failed > 0 then 'partial' else 'succeeded' end,
                run_at_ms = case when again then {{now}} else run_at_ms end,
                result = case when again then result else found end,
                requested_state = case when again then requested_state else 'none' end,
                error_reason = case when again then error_reason else null end,
                error_message = case when again then error_message else null end,
                finished_at_ms = case when again then finished_at_ms else {{now}} end,
                starts_without_progress = 0, lease_owner = null, lease_until_ms = null, revision = revision + 1
            from ours where id = our_id and id {among_ours} returning id, state",
            batch = rows(&self.writer, "ended", "$1", &COLUMNS),
            among_ours = among(&self.writer, "select our_id from ours where our_id is not null"),
        );
        let row = |(fence, end): &(Fence, PlainEnd)| EndRow {
            end_id: fence.job.0,
            end_epoch: fence.epoch,
            end_organization: fence.organization.0,
            again: *end == PlainEnd::Continue,
            found: match end {
                PlainEnd::Done(result) => Some(result.to_string()),
                PlainEnd::Continue => None,
            },
        };
        let found = all(&self.writer, &sql, [batch(&ends.iter().map(row).collect::<Vec<_>>())?]).await?;
        found.iter().map(|row| Ok((JobId(get(row, "id")?), word(row, "state", JobState::parse)?))).collect()
    }
}
