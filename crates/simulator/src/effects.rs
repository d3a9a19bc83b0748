//! What a fault does to a call. Which calls are hit is `faults.rs`; how rows move is `drift.rs`; how an outcome becomes bytes is `ticket.rs`.

use bytes::Bytes;
use hyper::StatusCode;

use crate::event::Event;
use crate::faults::{Action, StatusFault};
use crate::limiter::Standing;
use crate::reply::{self, Reply, Shape};
use crate::route::Route;
use crate::shared::Shared;

/// What becomes of a call.
#[derive(Debug)]
pub(crate) enum Fate {
    /// The answer, with the limiter's headers.
    Answer(Reply),
    /// The answer with its own headers only.
    AnswerAsIs(Reply),
    /// The answer in small pieces.
    Pieces { reply: Reply, delay_ms: u64, size: usize },
    /// Half of the answer, then the end of the connection.
    Half(Reply),
    /// The work was done; the connection ends without an answer.
    Lost(Reply),
    /// The connection ends before the work.
    Cut,
    /// Nothing until the caller gives up.
    Silence,
}

/// The call that is hit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) route: Option<Route>,
    pub(crate) company_id: Option<u64>,
    pub(crate) standing: Option<Standing>,
}

impl Hit<'_> {
    /// Lets an action happen; `work` is what the call would have done.
    pub(crate) fn suffer(self, action: Action, work: impl FnOnce() -> Reply) -> Fate {
        match action {
            Action::Status(fault) => Fate::AnswerAsIs(self.status(&fault)),
            Action::Hang => Fate::Silence,
            Action::Reset => Fate::Cut,
            Action::Html200 => Fate::Answer(Reply::html(StatusCode::OK, "Sign in to continue")),
            Action::Empty200 => Fate::Answer(Reply::json(StatusCode::OK, Bytes::new())),
            Action::Slow { delay_ms, chunk_bytes } => Fate::Pieces { reply: work(), delay_ms, size: chunk_bytes.max(1) },
            Action::Truncated => Fate::Half(work()),
            Action::LoseReply => Fate::Lost(work()),
            Action::BadJson => {
                let body = "[{\"id\": 598134325000000, \"name\": \"Abern".into();
                Fate::Answer(Reply { body, ..work() })
            }
            Action::Drift(drift) => {
                let reply = work();
                self.drift(drift);
                Fate::Answer(reply)
            }
            // The call was made one for that page before it came here.
            Action::PageBefore => Fate::Answer(work()),
            Action::EmptyPage => Fate::Answer(Reply { body: "[]".into(), ..work() }),
            Action::StopTokens => {
                let reply = work();
                let before_us = self.shared.clock.now_us() + 1;
                self.commit(Event::TokensStopped { before_us });
                Fate::Answer(reply)
            }
        }
    }

    fn status(&self, fault: &StatusFault) -> Reply {
        let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (shape, text) = match status {
            StatusCode::TOO_MANY_REQUESTS => (Shape::Text, reply::TOO_MANY),
            StatusCode::FORBIDDEN => (Shape::ErrorsArray, reply::NOT_CONNECTED),
            StatusCode::UNAUTHORIZED => (Shape::Model, "The access token is invalid"),
            StatusCode::NOT_FOUND => (Shape::ErrorString, "Not Found"),
            _ if status.is_server_error() => (Shape::Html, "nginx"),
            _ => (Shape::ErrorsArray, status.canonical_reason().unwrap_or("error")),
        };
        let mut reply = Reply::shaped(status, fault.shape.unwrap_or(shape), fault.message.as_deref().unwrap_or(text));
        let date = fault.retry_after_date_in_s.map(|seconds| self.shared.clock.http_date_in(seconds));
        let seconds = fault.retry_after_s.map(|seconds| seconds.to_string());
        if let Some(wait) = date.or_else(|| fault.retry_after.clone()).or(seconds) {
            reply = reply.with("Retry-After", wait);
        }
        let mut standing = self.standing.filter(|_| fault.rate_limit_headers.unwrap_or(true));
        if let (StatusCode::TOO_MANY_REQUESTS, Some(standing)) = (status, &mut standing) {
            let reset_in_s = fault.reset_in_s.or(fault.retry_after_s).unwrap_or(1);
            standing.remaining = 0;
            standing.reset_s = self.shared.clock.now_s() + i64::try_from(reset_in_s).unwrap_or_default();
        }
        reply.with_standing(standing)
    }

    pub(crate) fn commit(&self, event: Event) {
        if let Err(error) = self.shared.commit(event) {
            tracing::warn!(%error, "a fault's change was not stored");
        }
    }
}
