//! Live pages: a stream that says when a page would look different now. The page then fetches itself and takes over what has changed, so
//! there is one way in which a page is made, and the same page works without the stream.

use super::Console;
use super::failure::Failure;
use super::shell::Visitor;
use super::sign_in;
use askama::Template;
use axum::Extension;
use axum::extract::FromRequestParts;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::request::Parts;
use linkyard_store::SessionUse;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// After so long without a change a comment is sent, so that nobody in between takes the stream for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A page that is open on many screens is made no more often than this share of the time: an expensive one is looked at less often.
const REST: u32 = 4;

/// A page that is open on somebody's screen.
#[derive(Debug)]
pub(crate) struct Screen {
    console: Console,
    visitor: Visitor,
    session: Option<SecretString>,
    /// The look of the page that the visitor has; empty before the first event.
    seen: String,
}

impl FromRequestParts<Console> for Screen {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Failure> {
        let visitor = Extension::<Visitor>::from_request_parts(parts, console).await;
        let Extension(visitor) = visitor.map_err(|_| Failure::nowhere())?;
        let seen = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        Ok(Self { console: console.clone(), visitor: visitor.comparing(), session: sign_in::secret(&parts.headers), seen })
    }
}

impl Screen {
    /// The stream of the page that `make` makes: an event whenever it comes out differently, `ended` when the session has.
    pub(crate) fn watch<F, Making, Page>(self, make: F) -> Response
    where
        F: Fn(Console, Visitor) -> Making + Send + Sync + 'static,
        Making: Future<Output = Result<Page, Failure>> + Send,
        Page: Template,
    {
        let watch = Watch { screen: self, make, next: Instant::now(), ended: false };
        let events = stream::unfold(watch, |mut watch| async move {
            let event = watch.next().await?;
            Some((Ok::<_, Infallible>(event), watch))
        });
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
    }
}

/// A screen, how its page is made, and when next.
struct Watch<F> {
    screen: Screen,
    make: F,
    next: Instant,
    ended: bool,
}

impl<F, Making, Page> Watch<F>
where
    F: Fn(Console, Visitor) -> Making,
    Making: Future<Output = Result<Page, Failure>>,
    Page: Template,
{
    /// The next event; `None` when the process stops, the page can not be made any more, or the session has ended.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let Screen { console, visitor, .. } = &self.screen;
        let (console, visitor) = (console.clone(), visitor.clone());
        let mut ticks = interval_at(self.next, console.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = console.draining.cancelled() => return None,
                _ = ticks.tick() => {}
            }
            if !self.signed_in().await {
                self.ended = true;
                return Some(Event::default().event("ended").data("sign in again"));
            }
            let begin = Instant::now();
            // A page that fails says so when it is fetched; the stream ends and is opened again by the browser.
            let page = (self.make)(console.clone(), visitor.clone()).await.ok()?.render().ok()?;
            self.next = Instant::now() + console.every.max(begin.elapsed() * REST);
            ticks.reset_at(self.next);
            let look = hex(&Sha256::digest(page.as_bytes())[..8]);
            if look != self.screen.seen {
                self.screen.seen.clone_from(&look);
                return Some(Event::default().event("change").id(look).data("look again"));
            }
        }
    }

    async fn signed_in(&self) -> bool {
        let Some(secret) = &self.screen.session else { return false };
        // A database that does not answer now ends no session.
        self.screen.console.service.session_check(secret, SessionUse::Page).await.map_or(true, |session| session.is_some())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
