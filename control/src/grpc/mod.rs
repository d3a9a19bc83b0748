//! The gRPC adapters: one file per service. A handler parses, asks the service once, answers.

mod compliance;
mod contact;
mod decision;
mod decision_file;
mod duplicate;
mod job;
mod mapping;
mod mask;
mod organization;
mod party;
mod party_mapping;
mod project;
mod project_mapping;
mod provider;
mod registry;
mod worker;

use crate::auth::Keys;
use crate::page::Pages;
use crate::service::Service;
use crate::watch::Hub;
use tonic::{Response, Status};

/// What a handler answers with.
type Reply<T> = Result<Response<T>, Status>;

/// What all adapters share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) service: Service,
    pub(crate) pages: Pages,
    pub(crate) keys: Keys,
    pub(crate) hub: Hub,
}
