//! What every handler takes from a request: who calls, and what makes the call the same call again.

use crate::auth::Method;
use crate::deadline::Deadline;
use crate::request_id::RequestId;
use linkyard_core::scope::{Access, Scope};
use linkyard_core::{Error, Result};
use linkyard_store::{Principal, RequestKey};
use linkyard_telemetry::trace;
use prost::Message;
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tonic::{Request, Status};
use uuid::Uuid;

/// Who calls what. Made by the layers from the credential, never from the message.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Tenant and actor.
    pub(crate) scope: Scope,
    /// What the key may do.
    pub(crate) access: Access,
    /// Full name of the called method.
    pub(crate) method: String,
    /// Label of the call.
    pub(crate) request_id: String,
    /// Until when the caller waits.
    pub(crate) deadline: Option<Instant>,
}

/// The caller and the message of a request.
///
/// # Errors
/// INTERNAL when the layers are not there: a server that was put together wrongly must not answer anybody.
pub(crate) fn open<T>(request: Request<T>) -> std::result::Result<(Caller, T), Status> {
    let (_, extensions, message) = request.into_parts();
    let caller = extensions.get::<Principal>().zip(extensions.get::<Method>()).map(|(principal, method)| Caller {
        scope: principal.scope.clone().traced(trace::parent_of_current()),
        access: principal.access,
        method: method.0.clone(),
        request_id: extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
        deadline: extensions.get::<Deadline>().and_then(|deadline| deadline.0),
    });
    match caller {
        Some(caller) => Ok((caller, message)),
        None => Err(Status::internal("the call was not authenticated")),
    }
}

impl Caller {
    /// What makes this call the same call again, when the caller gave an id for it (AIP-155).
    ///
    /// # Errors
    /// `Invalid` when the id is not a UUID.
    pub(crate) fn request_key(&self, request_id: &str, message: &impl Message) -> Result<Option<RequestKey>> {
        if request_id.is_empty() {
            return Ok(None);
        }
        let id = Uuid::parse_str(request_id).map_err(|_| Error::invalid("request_id", "must be a UUID"))?;
        Ok(Some(RequestKey {
            method: self.method.clone(),
            request_id: id.to_string(),
            body_sha256: Sha256::digest(message.encode_to_vec()).into(),
        }))
    }
}
