//! Authentication: `authorization: Bearer ly_...`, from which the tenant scope is made. What a message says never widens it.

use crate::access::{self, Need};
use crate::status;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use linkyard_store::{Principal, Store};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tonic::{Code, Status};

/// How many keys are remembered at most.
const MOST_REMEMBERED: usize = 10_000;

/// The full name of the called method. In the extensions of every request that was let through.
#[derive(Clone, Debug)]
pub(crate) struct Method(pub(crate) String);

/// By the hash of a key: who it stands for and until when that is trusted.
type Right = HashMap<[u8; 32], (Principal, Instant)>;

/// Looks keys up and remembers for a moment which were right.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    store: Store,
    /// A key that was right is not looked up again for so long; a revoked one is refused no later than this.
    trust: Duration,
    right: Arc<Mutex<Right>>,
}

impl Keys {
    pub(crate) fn new(store: Store, trust: Duration) -> Self {
        Self { store, trust, right: Arc::default() }
    }

    /// Forgets what it knows: a key was revoked here.
    pub(crate) fn forget(&self) {
        self.remembered().clear();
    }

    fn remembered(&self) -> MutexGuard<'_, Right> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who `secret` stands for.
    async fn principal(&self, secret: &str) -> Result<Principal, Status> {
        let hash: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
        let now = Instant::now();
        if let Some((principal, until)) = self.remembered().get(&hash)
            && now < *until
        {
            return Ok(principal.clone());
        }
        let found = self.store.api_key_check(&SecretString::from(secret)).await.map_err(status::to_status)?;
        let Some(principal) = found else {
            let message = "the API key is unknown, expired or revoked";
            return Err(status::refused(Code::Unauthenticated, status::API_KEY_INVALID, message));
        };
        let mut right = self.remembered();
        if right.len() >= MOST_REMEMBERED {
            right.retain(|_, (_, until)| now < *until);
        }
        if right.len() < MOST_REMEMBERED {
            // Counted from before the look-up, so that the bound holds for a key that was revoked during it.
            right.insert(hash, (principal.clone(), now + self.trust));
        }
        Ok(principal)
    }

    /// Lets a request through, with its method and principal, or says why not.
    async fn admit(&self, request: &mut Request) -> Result<(), Status> {
        let Some((method, need)) = access::of(request.uri().path()).map(|(method, need)| (method.to_owned(), need)) else {
            return Err(status::refused(Code::Unimplemented, status::METHOD_UNKNOWN, "there is no such method"));
        };
        if let Need::Key(needed) = need {
            let principal = self.principal(bearer(request)?).await?;
            if principal.access < needed {
                let message =
                    format!("this needs a key with {} access; yours has {}", needed.as_str(), principal.access.as_str());
                return Err(status::refused(Code::PermissionDenied, status::ACCESS_TOO_LOW, message));
            }
            request.extensions_mut().insert(principal);
        }
        request.extensions_mut().insert(Method(method));
        Ok(())
    }
}

/// The layer.
pub(crate) async fn authenticate(State(keys): State<Keys>, mut request: Request, next: Next) -> Response {
    match keys.admit(&mut request).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_http(),
    }
}

/// The key in the request's metadata.
fn bearer(request: &Request) -> Result<&str, Status> {
    let header = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let secret = header.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    secret.map(|(_, secret)| secret.trim()).filter(|secret| !secret.is_empty()).ok_or_else(|| {
        let message = "an API key is needed: metadata `authorization: Bearer ly_..`";
        status::refused(Code::Unauthenticated, status::API_KEY_MISSING, message)
    })
}
