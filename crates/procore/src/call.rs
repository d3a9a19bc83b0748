//! One call to the API: a token, the budget's leave, the request with its company, the report of what came back. A refused token is
//! replaced and the call made again, a few times; every other failure goes to the caller, who decides in a job's terms.

use crate::company::Company;
use crate::failure::{self, Refusal, Waiting};
use crate::settings::Settings;
use crate::token::{self, Credential, Token};
use crate::transport::{Answer, now_ms};
use bytes::Bytes;
use linkyard_core::budget::{Budget, BudgetKey, CallAnswer, Grant};
use linkyard_core::job::Lane;
use linkyard_core::{Error, Result};
use linkyard_telemetry::measure;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing::Instrument;

/// Which company a call is for. Procore asks for it in addition to a company id in path or query, on every call of a service account.
const COMPANY_HEADER: &str = "Procore-Company-Id";
/// Up to this much is added to a wait, so that callers which were refused together do not come back together.
const MOST_JITTER_MS: u64 = 250;

/// With so many tokens a call is made before the credentials count as refused. A new token can end before it is used (all of an app's
/// tokens end at once, or this process stood still for its life), and one that another caller brought may be as old as the first.
const MOST_TOKENS: u32 = 4;

/// What is asked of the API, without a token.
#[derive(Clone, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(&'a str, String)],
    /// JSON, for a call that writes.
    pub(crate) body: Option<Bytes>,
}

impl Company {
    /// Reads `path` with `query`.
    ///
    /// # Errors
    /// Everything that [`Company::page`] names.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer> {
        self.send(Ask { method: Method::GET, path, query, body: None }).await
    }

    /// Makes one call. Only a call whose token was refused is made again, with up to [`MOST_TOKENS`]: it was not executed. Whether a call without a
    /// whole answer was executed is not known; it is `Unavailable`, and a caller that writes reads again before it writes again.
    ///
    /// # Errors
    /// Everything that [`Company::page`] names.
    pub(crate) async fn send(&self, ask: Ask<'_>) -> Result<Answer> {
        let credential = self.credential.as_ref().ok_or_else(token::no_platform_credentials)?;
        let inner = &self.procore.inner;
        let asked = format!("{} {}", ask.method, ask.path);
        let (mut refused, mut tokens) = (None, 0);
        loop {
            let granted = self.leave().await?;
            let token = match inner.tokens.get(inner, self.lane, credential, refused).await {
                Ok(token) => token,
                Err(error) => {
                    // No token and no call: a platform at which nobody can log in is down like one that does not answer.
                    granted.report(CallAnswer { failed: failure::is_down(&error), ..CallAnswer::default() }).await;
                    return Err(error);
                }
            };
            let answer = self.call(&asked, &ask, &token, granted).await?;
            if (200..300).contains(&answer.status) {
                return Ok(answer);
            }
            let secrets = secrets(credential, &token);
            let refusal =
                Refusal { asked: &asked, status: answer.status, head: &answer.head, body: &answer.body, secrets: &secrets };
            tokens += 1;
            if tokens < MOST_TOKENS && refusal.token_refused() {
                refused = Some(token.number);
                continue;
            }
            let longest = inner.transport.settings.longest_wait;
            return Err(refusal.error(Waiting { now_ms: now_ms(), longest, jitter: jitter() }));
        }
    }

    async fn call(&self, asked: &str, ask: &Ask<'_>, token: &Token, granted: Granted) -> Result<Answer> {
        let inner = &self.procore.inner;
        let mut url = inner.api_url.clone();
        url.set_path(&format!("{}{}", inner.api_url.path().trim_end_matches('/'), ask.path));
        let mut request = inner
            .transport
            .client()
            .request(ask.method.clone(), url)
            .query(ask.query)
            .bearer_auth(token.access.expose_secret())
            .header(COMPANY_HEADER, self.key.company.0);
        if let Some(body) = &ask.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        self.tally.started();
        let started = Instant::now();
        let span = tracing::info_span!("procore", otel.name = asked, otel.kind = "client", status = tracing::field::Empty);
        let (head, answer) = inner.transport.exchange(asked, request).instrument(span.clone()).await;
        let told = head.map(|head| head.answer).unwrap_or_default();
        let failed = match &answer {
            Ok(answer) => answer.status >= 500 && told.retry_after.is_none(),
            Err(error) => failure::broke_off(error),
        };
        let told = CallAnswer { failed, ..told };
        span.record("status", told.status);
        measure::call_made(asked, told.status, started.elapsed());
        self.tally.ended(told.status, answer.is_ok());
        tracing::debug!(asked, company = %self.key.company, status = told.status, elapsed_ms = started.elapsed().as_millis(), "called");
        granted.report(told).await;
        answer
    }

    async fn leave(&self) -> Result<Granted> {
        let inner = &self.procore.inner;
        leave(&inner.budget, &inner.transport.settings, &self.key, self.lane, || self.tally.waited()).await
    }
}

/// Waits for the budget's leave, if that is soon; says so once where it has to wait.
pub(crate) async fn leave(
    budget: &Arc<dyn Budget>,
    settings: &Settings,
    key: &BudgetKey,
    lane: Lane,
    waited: impl FnOnce() + Send,
) -> Result<Granted> {
    let mut waited = Some(waited);
    let asked = Instant::now();
    loop {
        let grant = budget.ask(key, lane).await;
        if grant != Grant::Go
            && let Some(waited) = waited.take()
        {
            waited();
        }
        match grant {
            Grant::Go => return Ok(Granted { budget: Some(Arc::clone(budget)), key: key.clone() }),
            // Where several ask for the same place each of them is told the same short wait, and most of them are too late for it.
            Grant::Wait(wait) if asked.elapsed() + wait <= settings.longest_wait_in_place => tokio::time::sleep(wait).await,
            Grant::Wait(wait) => return Err(Error::Throttled { retry_after: (wait + jitter()).min(settings.longest_wait) }),
        }
    }
}

/// A call that was granted and must be reported, also when its caller is dropped meanwhile: a call that stays under way for ever would
/// hold up the next ones.
pub(crate) struct Granted {
    budget: Option<Arc<dyn Budget>>,
    key: BudgetKey,
}

impl Granted {
    pub(crate) async fn report(mut self, answer: CallAnswer) {
        if let Some(budget) = self.budget.take() {
            budget.report(&self.key, answer).await;
        }
    }
}

impl Drop for Granted {
    fn drop(&mut self) {
        let (Some(budget), Ok(runtime)) = (self.budget.take(), tokio::runtime::Handle::try_current()) else { return };
        let key = self.key.clone();
        runtime.spawn(async move { budget.report(&key, CallAnswer::default()).await });
    }
}

fn secrets<'a>(credential: &'a Credential, token: &'a Token) -> [&'a str; 2] {
    [credential.client_secret.expose_secret(), token.access.expose_secret()]
}

fn jitter() -> Duration {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().subsec_nanos();
    Duration::from_millis(u64::from(nanoseconds / 1_000) % MOST_JITTER_MS)
}
