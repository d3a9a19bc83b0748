//! The only crate that knows apalis and Redis: the doorbell, the worker runtime and the call budget.
//!
//! Lives here: how a job id reaches a free slot of a worker, and how calls to a platform are counted. Does not live here: jobs, their
//! leases and outcomes (the ledger in the store decides those, and this crate does not know it), and calling out.

#![forbid(unsafe_code)]

mod backend;
pub mod budget;
mod doorbell;
mod redis;
mod run;

pub use budget::{BudgetArgs, MemoryBudget, SharedBudget};
pub use doorbell::{Called, Doorbell, MOST_WAITING};
pub use redis::{Redis, RedisArgs, RedisFinding};
pub use run::run;
