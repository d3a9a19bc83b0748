//! The control process: the gRPC API and the console over the store.
//!
//! A request is parsed and checked, becomes one call of the store, and is answered; it never calls out and never does the work of a job.
//! Lives here: authentication and the table of who may call what, deadlines, request ids, page tokens, the translation of the one error
//! to a status, the services ([`Service`], domain values in and out), their gRPC adapters and their pages, and watching jobs. Does not live here:
//! SQL (the store's), jobs (the worker's), rules about states (the domain's).

#![forbid(unsafe_code)]

mod access;
mod args;
mod auth;
mod console;
mod deadline;
mod etag;
mod grpc;
mod health;
mod names;
mod page;
mod request;
mod request_id;
mod server;
mod service;
mod status;
mod watch;
mod wire;

pub use access::{METHODS, Need, OPEN_SERVICES};
pub use args::{Args, Config};
pub use console::{Origin, PAGES};
pub use server::{Ring, router, serve};
pub use service::{Block, ImportPreview, Imported, ProviderBudget, ProviderForm, Service, Upload};
pub use status::{DOMAIN, to_status};
pub use watch::WatchPace;
