//! Compliance in SQL: the coverages of parties, and the line that each of them has in every linked vendor's insurances.
//!
//! A *line* (table `insurance`) is one coverage of one link. It is due whenever the directory may show something else than it should;
//! what it should show is computed from the coverage when it is pushed, so nothing here stores it twice.

mod coverages;
pub(crate) mod lines;
mod list;
mod push;
mod verify;

pub use coverages::CoverageFilter;
pub use list::{InsuranceFilter, InsuranceLine, LineCounts, LineState};
pub use push::{DueLine, LineOutcome, LineResult, PushBatch};
