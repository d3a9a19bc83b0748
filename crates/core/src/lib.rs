//! The domain of linkyard: what the words mean and which changes are allowed.
//!
//! Lives here: typed ids, the tenant scope, providers, directory records, mappings and their states, the registry, jobs and their
//! outcomes, the call budget's port, backoff and the one error. Does not live here: I/O of any kind, an async runtime, SQL, HTTP,
//! protobuf. Everything is a value or a pure function, so every rule of the product can be tested in a microsecond.

#![forbid(unsafe_code)]

pub mod backoff;
pub mod budget;
pub mod calendar;
pub mod compliance;
pub mod contact;
pub mod decision_file;
pub mod directory;
pub mod duplicate;
pub mod error;
pub mod id;
pub mod job;
pub mod lookalike;
pub mod mapping;
pub mod page;
pub mod plan;
pub mod provider;
pub mod registry;
pub mod report;
pub mod scope;
pub mod suggestion;
pub mod worker;

pub use error::{Error, Result};
