//! Mappings in SQL: listing them, choosing (drafts), confirming, suggesting, linking and keeping linked records in step.
//!
//! Vendors and projects share every statement; [`Subject`](linkyard_core::mapping::Subject) picks the registry's table.

mod automatic;
mod choice;
pub(crate) mod confirm;
mod decided;
pub(crate) mod decline;
mod draft;
mod filter;
pub(crate) mod import;
pub(crate) mod link;
mod list;
mod order;
mod outcome;
mod picked;
mod plan;
mod registry_copy;
pub(crate) mod screen;
mod search;
pub(crate) mod suggest;
mod sync;
pub(crate) mod unlink;
mod verdict;
