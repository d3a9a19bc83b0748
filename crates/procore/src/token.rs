//! Access tokens by the client credentials grant: one per credential, kept in memory, refreshed a minute before it ends.
//!
//! At most one request for a token is under way per credential; whoever comes meanwhile waits for it and shares its outcome, failure
//! included, so that neither eight callers nor eight failing callers make eight requests. Among processes the budget sees to that, which
//! also stops asking a login host that is down. A credential is id *and* secret: a tenant that
//! knows another's client id but not the secret must not be handed the other's token.

use crate::call;
use crate::company::Inner;
use crate::failure::{self, Refusal, Waiting};
use crate::transport::{Transport, now_ms};
use crate::wire::Number;
use linkyard_core::budget::{BudgetKey, CallAnswer};
use linkyard_core::error::Attention;
use linkyard_core::job::Lane;
use linkyard_core::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

/// A token is replaced this long before it ends.
const REFRESH_BEFORE: Duration = Duration::from_secs(60);
/// Procore's documented life of a token, for an answer that does not tell it.
const DOCUMENTED_LIFE_S: u64 = 5400;
/// No token is kept longer, whatever the answer says.
const LONGEST_LIFE_S: u64 = 24 * 3600;
/// Above this many credentials the unused ones are forgotten.
const MANY: usize = 1_000;

const ASKED: &str = "POST /oauth/token";

/// A client id with its secret.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl PartialEq for Credential {
    fn eq(&self, other: &Self) -> bool {
        self.client_id == other.client_id && self.client_secret.expose_secret() == other.client_secret.expose_secret()
    }
}

impl Eq for Credential {}

impl Hash for Credential {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.client_id.hash(state);
    }
}

/// A token in use.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    /// The bearer text.
    pub(crate) access: SecretString,
    /// Which request for a token brought it; compared when it is refused.
    pub(crate) number: u64,
    refresh_at: Instant,
}

/// All tokens of one login host.
#[derive(Debug)]
pub(crate) struct Tokens {
    url: Url,
    slots: Mutex<HashMap<Credential, Arc<Slot>>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Requests finished, with either outcome.
    finished: AtomicU64,
    /// Held while a token is requested.
    kept: tokio::sync::Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    token: Option<Token>,
    failure: Option<Error>,
}

impl Tokens {
    /// Tokens of the login host at `base`.
    pub(crate) fn new(base: &Url) -> Self {
        let mut url = base.clone();
        url.set_path(&format!("{}/oauth/token", base.path().trim_end_matches('/')));
        Self { url, slots: Mutex::default() }
    }

    /// A token that is good for a minute at least. `refused` is the number of a token that the API did not take.
    ///
    /// # Errors
    /// `Unauthorized{Credentials}`, `Unavailable`, or `Throttled`: also where the login host is down, or while another process asks it
    /// for a token with this credential.
    pub(crate) async fn get(&self, inner: &Inner, lane: Lane, credential: &Credential, refused: Option<u64>) -> Result<Token> {
        let slot = self.slot(credential);
        let finished_before = slot.finished.load(Ordering::Acquire);
        let mut kept = slot.kept.lock().await;
        if let Some(token) = &kept.token
            && refused != Some(token.number)
            && Instant::now() < token.refresh_at
        {
            return Ok(token.clone());
        }
        let finished = slot.finished.load(Ordering::Acquire);
        if finished != finished_before
            && let Some(failure) = &kept.failure
        {
            return Err(failure::copy(failure));
        }
        let outcome = self.request(inner, lane, credential, finished + 1).await;
        let answer = match outcome {
            Ok(token) => {
                *kept = Kept { token: Some(token.clone()), failure: None };
                Ok(token)
            }
            Err(error) => {
                *kept = Kept { token: None, failure: Some(failure::copy(&error)) };
                Err(error)
            }
        };
        slot.finished.store(finished + 1, Ordering::Release);
        answer
    }

    fn slot(&self, credential: &Credential) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MANY && !slots.contains_key(credential) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(credential.clone()).or_default())
    }

    async fn request(&self, inner: &Inner, lane: Lane, credential: &Credential, number: u64) -> Result<Token> {
        let (transport, key) = (&inner.transport, BudgetKey::login(&credential.client_id));
        let granted = call::leave(&inner.budget, &transport.settings, &key, lane, || ()).await?;
        let outcome = self.exchange(transport, credential, number).await;
        let down = outcome.as_ref().is_err_and(failure::is_down);
        // It has no limits of its own to learn: that it answered is all there is to say.
        granted.report(CallAnswer { status: if down { 0 } else { 200 }, failed: down, ..CallAnswer::default() }).await;
        outcome
    }

    async fn exchange(&self, transport: &Transport, credential: &Credential, number: u64) -> Result<Token> {
        let secret = credential.client_secret.expose_secret();
        let form = [("grant_type", "client_credentials"), ("client_id", &credential.client_id), ("client_secret", secret)];
        let started = Instant::now();
        let request = transport.client().post(self.url.clone()).form(&form);
        let (_, answer) = transport.exchange(ASKED, request).await;
        let answer = answer?;
        if !(200..300).contains(&answer.status) {
            let refusal =
                Refusal { asked: ASKED, status: answer.status, head: &answer.head, body: &answer.body, secrets: &[secret] };
            let waiting = Waiting { now_ms: now_ms(), longest: transport.settings.longest_wait, jitter: Duration::ZERO };
            return Err(refusal.token_error(waiting));
        }
        let body: Body = serde_json::from_slice(&answer.body)
            .map_err(|_| failure::nonsense(ASKED, &answer.head, "something that is not a token"))?;
        if body.access_token.is_empty() || !body.access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(failure::nonsense(ASKED, &answer.head, "a token that can not be sent"));
        }
        let life = Duration::from_secs(body.expires_in.positive().unwrap_or(DOCUMENTED_LIFE_S).min(LONGEST_LIFE_S));
        // A token that lives for minutes only is used for most of its life, not refreshed all the time.
        let refresh_at = started + life - REFRESH_BEFORE.min(life / 4);
        tracing::debug!(client_id = %credential.client_id, life_s = life.as_secs(), "a new access token");
        Ok(Token { access: SecretString::from(body.access_token), number, refresh_at })
    }
}

#[derive(Deserialize)]
struct Body {
    access_token: String,
    #[serde(default)]
    expires_in: Number,
}

/// The error of a provider that uses the platform's credentials where none are configured.
pub(crate) fn no_platform_credentials() -> Error {
    let message = "this installation has no Procore app of its own: set LINKYARD_PROCORE_CLIENT_ID and its secret, \
                   or give the provider a client id and secret"
        .to_owned();
    Error::Unauthorized { attention: Attention::Credentials, message }
}
