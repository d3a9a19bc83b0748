//! Live pages: a stream that says when a page would look different now. The page then fetches itself and takes over what has changed, so
//! there is one way in which a page is made, and the same page works without the stream.

use super::Console;
use super::failure::Failure;
use super::shell::Visitor;
use super::sign_in;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::HeaderMap;
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

/// One open page.
struct Watch<F> {
    console: Console,
    session: Option<SecretString>,
    render: F,
    /// The look of the page that the visitor has.
    seen: String,
    next: Instant,
    ended: bool,
}

/// The stream of an open page that `render` makes: an event whenever the page comes out differently, `ended` when the session has.
pub(crate) fn stream<F, Page>(console: &Console, visitor: &Visitor, headers: &HeaderMap, render: F) -> Response
where
    F: Fn(Visitor) -> Page + Send + Sync + 'static,
    Page: Future<Output = Result<String, Failure>> + Send,
{
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let visitor = visitor.comparing();
    let watch = Watch {
        console: console.clone(),
        session: sign_in::secret(headers),
        render: move || render(visitor.clone()),
        seen,
        next: Instant::now(),
        ended: false,
    };
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(event), watch))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

impl<F, Page> Watch<F>
where
    F: Fn() -> Page,
    Page: Future<Output = Result<String, Failure>>,
{
    /// The next event; `None` when the process stops, the page can not be made any more, or the session has ended.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        let draining = self.console.draining.clone();
        let mut ticks = interval_at(self.next, self.console.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = draining.cancelled() => return None,
                _ = ticks.tick() => {}
            }
            if !self.signed_in().await {
                self.ended = true;
                return Some(Event::default().event("ended").data("sign in again"));
            }
            let begin = Instant::now();
            // A page that fails says so when it is fetched; the stream ends and is opened again by the browser.
            let page = (self.render)().await.ok()?;
            self.next = Instant::now() + self.console.every.max(begin.elapsed() * REST);
            ticks.reset_at(self.next);
            let look = hex(&Sha256::digest(page.as_bytes())[..8]);
            if look != self.seen {
                self.seen.clone_from(&look);
                return Some(Event::default().event("change").id(look).data("look again"));
            }
        }
    }

    async fn signed_in(&self) -> bool {
        let Some(secret) = &self.session else { return false };
        // A database that does not answer now ends no session.
        self.console.service.session_check(secret, SessionUse::Page).await.map_or(true, |session| session.is_some())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
