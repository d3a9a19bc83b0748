//! The only crate that knows SQL: rows in, domain values out, SQLite and PostgreSQL by the same statements.
//!
//! Every function that touches a tenant's rows takes the tenant's [`Scope`](linkyard_core::scope::Scope) or a job's
//! [`Fence`](linkyard_core::job::Fence) first; only the feeder's functions ([`ledger`]) look across tenants, and they return ids, not
//! contents. A function is one transaction: it happens whole or not at all. Nothing here calls out, schedules or decides; what may
//! follow what is decided in `linkyard_core`.

#![forbid(unsafe_code)]

mod args;
mod association;
mod audit;
mod compliance;
mod contact;
mod directory;
mod duplicate;
mod error;
mod features;
mod gate;
pub mod grouped;
pub mod ledger;
mod mapping;
mod organization;
mod person;
mod progress;
mod provider;
mod registry;
mod request;
mod retention;
mod row;
mod schedule;
mod seal;
mod session;
mod sql;
mod statistics;
mod text;
mod walk;
mod walk_covers;

pub use args::Args;
pub use audit::{AuditEntry, AuditFilter};
pub use compliance::{
    CoverageFilter, DueLine, InsuranceFilter, InsuranceLine, LineCounts, LineOutcome, LineResult, LineState, PushBatch,
};
pub use directory::PageStored;
pub use gate::{Creating, Gate, NameKey};
pub use mapping::confirm::Confirmed;
pub use mapping::decline::DeclineRow;
pub use mapping::import::{Import, ImportCounts, ImportFilter, PART_BYTES};
pub use mapping::link::LinkedChunk;
pub use mapping::screen::Brought;
pub use mapping::suggest::{SidesSeen, SuggestionsSaved, Undecided};
pub use mapping::unlink::UnlinkRow;
pub use organization::{ApiKey, Organization, Principal};
pub use progress::{Fresh, HourLinked, ProgressSample};
pub use provider::calls::CallsOf;
pub use provider::change::ProviderUpdate;
pub use provider::health::ProviderHealth;
pub use registry::RegistryFilter;
pub use registry::merge::Merge;
pub use request::RequestKey;
pub use retention::{Keep, Purged};
pub use schedule::{Schedule, ScheduleDue, ScheduleOwner};
pub use seal::SealingKey;
pub use session::{Session, SessionUse};
pub use sql::Store;
pub use walk::{Totals, WalkSummary};
