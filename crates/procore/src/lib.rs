//! The only crate that calls out over HTTP: Procore's REST API.
//!
//! Lives here: tokens, calls under the budget, pages of vendors, projects, people and insurances in the domain's words (such as
//! [`Record`](linkyard_core::directory::Record)), the sync of insurances, the connection test, and the translation of every way in which
//! Procore can fail into the one error. Does not live here: retries
//! across runs (the job runner's), counting of calls (behind the [`Budget`](linkyard_core::budget::Budget) port) and storing anything.
//!
//! TLS: the client is built on rustls without a built-in cryptography provider, so the binary (or a test) installs one process-wide
//! before [`Procore::new`]: `rustls::crypto::ring::default_provider().install_default()`. Without it the HTTP library panics when the
//! client is built, also when only `http://` is going to be called. A library does not choose that for its process.

#![forbid(unsafe_code)]

mod address;
mod args;
mod call;
mod company;
mod connection;
mod failure;
mod headers;
mod insurance;
mod list;
mod settings;
mod tally;
mod token;
mod transport;
mod wire;

pub use args::Args;
pub use company::{Company, Procore};
pub use insurance::{MOST_SYNCED, SyncAnswer, SyncOutcome};
pub use list::{InsurancePage, PersonPage, RecordPage, UpdatedRange};
#[doc(hidden)]
pub use settings::Settings;
pub use tally::Tally;
