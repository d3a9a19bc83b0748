//! Remembered requests: the same request id with the same body gets the same answer, in the transaction of the change.
//!
//! A function begins its transaction with [`replay`] and, unless that answered, ends it with [`remember`]. The answer is as little as
//! the function needs to answer again (the id of what it made); the thing itself is read anew.

use crate::row::get;
use crate::sql::{execute, one};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::OrganizationId;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;

/// What makes a mutating call the same call again (AIP-155).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The full gRPC method name.
    pub method: String,
    /// The caller's id for the call, a UUID as text.
    pub request_id: String,
    /// SHA-256 of the request's body.
    pub body_sha256: [u8; 32],
}

/// The answer that was remembered for `key`, or `None` when this call is the first: it owns the key now and must [`remember`] its
/// answer before it commits. The same call at the same time on another node waits here until this one has committed.
///
/// # Errors
/// `Conflict(RequestIdReused)` when the id was used with another body.
pub(crate) async fn replay(
    transaction: &impl ConnectionTrait,
    organization: OrganizationId,
    key: Option<&RequestKey>,
) -> Result<Option<Vec<u8>>> {
    let Some(key) = key else { return Ok(None) };
    let first = execute(
        transaction,
        "insert into request (organization_id, method, request_id, body_sha256, answer, created_at_ms)
         values ($1, $2, $3, $4, $5, {now}) on conflict (organization_id, method, request_id) do nothing",
        [
            organization.0.into(),
            key.method.as_str().into(),
            key.request_id.as_str().into(),
            key.body_sha256.to_vec().into(),
            Vec::<u8>::new().into(),
        ],
    )
    .await?;
    if first == 1 {
        return Ok(None);
    }
    let found = one(
        transaction,
        "select body_sha256, answer from request where organization_id = $1 and method = $2 and request_id = $3",
        [organization.0.into(), key.method.as_str().into(), key.request_id.as_str().into()],
    )
    .await?
    .ok_or_else(|| Error::broken("a remembered request vanished while it was read"))?;
    if get::<Vec<u8>>(&found, "body_sha256")? == key.body_sha256 {
        return get(&found, "answer").map(Some);
    }
    Err(Error::Conflict {
        reason: ConflictReason::RequestIdReused,
        resource: "request",
        id: key.request_id.clone(),
        message: format!("request id {} was used before with another body: use a new id for a new request", key.request_id),
    })
}

/// Keeps `answer` for the key that [`replay`] took; does nothing without a key.
pub(crate) async fn remember(
    transaction: &impl ConnectionTrait,
    organization: OrganizationId,
    key: Option<&RequestKey>,
    answer: &[u8],
) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    execute(
        transaction,
        "update request set answer = $4 where organization_id = $1 and method = $2 and request_id = $3",
        [organization.0.into(), key.method.as_str().into(), key.request_id.as_str().into(), answer.to_vec().into()],
    )
    .await
    .map(|_| ())
}
