//! The ledger: every job is a row, written in the transaction of the change that needs it.
//!
//! A row is claimed by one conditional UPDATE that raises its epoch and counts the start *before* the work; from then on every write
//! for it carries the epoch, and 0 rows changed means that another worker has taken over. Leases use the database's clock.

mod backlog;
mod claim;
mod end;
mod feeder;
mod finish;
mod insert;
mod link_rows;
mod of_provider;
mod people;
mod read;
mod reasons;
mod settle;
mod untested;
mod worker;

pub use claim::Renewal;
pub use end::PlainEnd;
pub use feeder::Runnable;
pub use insert::MOST_WAITING;
pub use reasons::JobReason;
pub use settle::Settled;

pub(crate) use finish::fence_and_checkpoint;
pub(crate) use insert::{insert_job, is_live};
pub(crate) use of_provider::end_jobs_of;
pub(crate) use read::read_job;

/// Jobs to which something will still happen; exactly the predicate of the index `job_one_live`, or it would not be used.
pub(crate) const LIVE: &str = "state not in ('succeeded', 'partial', 'failed', 'cancelled')";
