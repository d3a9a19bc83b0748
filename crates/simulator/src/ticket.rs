//! One call's journal entry while the call is under way, and the turning of its outcome into bytes. Whatever happens to the
//! call (an answer, a cut, a caller that goes away), the entry is written exactly once: when the ticket is dropped.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::Response;
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue};

use crate::call::Call;
use crate::clock::Clock;
use crate::journal::Entry;
use crate::limiter::Key;
use crate::reply::Reply;
use crate::shared::Shared;

/// The connection ends here, without the rest of the answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
pub(crate) struct Cut;

/// A response body: whole, or piece by piece.
pub(crate) type Body = UnsyncBoxBody<Bytes, Cut>;

/// A call under way.
#[derive(Debug)]
pub(crate) struct Ticket {
    shared: Arc<Shared>,
    pub(crate) key: Key,
    pub(crate) entry: Entry,
}

impl Ticket {
    /// Notes the start of a call.
    pub(crate) fn begin(shared: &Arc<Shared>, call: &Call, key: Key, route: &str, company_id: Option<u64>) -> Self {
        let started_ms = shared.clock.now_ms();
        let (in_flight, during_block_ms) = shared.journal.begin(&key, started_ms);
        let entry = Entry {
            started_ms,
            client_id: Some(key.client_id.as_str()).filter(|id| !id.is_empty()).map(Arc::from),
            company_header: call.company_header().map(Box::from),
            company_id,
            method: call.method.as_str().into(),
            path: call.target.as_str().into(),
            route: route.into(),
            in_flight,
            during_block_ms,
            ..Entry::default()
        };
        Self { shared: Arc::clone(shared), key, entry }
    }

    /// Sends the whole answer.
    pub(crate) fn deliver(mut self, reply: Reply) -> Response<Body> {
        self.note(&reply);
        let response = respond(&self.shared, &reply, whole(reply.body.clone()));
        self.delivered();
        response
    }

    /// Sends the answer in pieces, waiting before each.
    pub(crate) fn in_pieces(mut self, reply: Reply, delay_ms: u64, size: usize) -> Response<Body> {
        self.note(&reply);
        let head = respond(&self.shared, &reply, whole(Bytes::new())).into_parts().0;
        let rest = (self, reply.body);
        let pieces = stream::unfold(rest, move |(ticket, mut rest)| async move {
            if rest.is_empty() {
                ticket.delivered();
                return None;
            }
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            let piece = rest.split_to(size.min(rest.len()));
            Some((Ok(Frame::data(piece)), (ticket, rest)))
        });
        Response::from_parts(head, StreamBody::new(pieces).boxed_unsync())
    }

    /// Sends half of the answer under the length of the whole, then cuts the connection.
    pub(crate) fn half(mut self, reply: Reply) -> Response<Body> {
        self.note(&reply);
        let mut head = respond(&self.shared, &reply, whole(Bytes::new())).into_parts().0;
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(reply.body.len()));
        let half = reply.body.slice(..reply.body.len() / 2);
        // The pause lets the half leave before the connection ends.
        let end = stream::once(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(self);
            Err(Cut)
        });
        let pieces = stream::iter([Ok(Frame::data(half))]).chain(end);
        Response::from_parts(head, StreamBody::new(pieces).boxed_unsync())
    }

    /// Notes an answer that is never sent.
    pub(crate) fn lose(mut self, reply: &Reply) {
        self.note(reply);
    }

    fn delivered(mut self) {
        self.entry.delivered = true;
    }

    fn note(&mut self, reply: &Reply) {
        self.entry.status = reply.status.as_u16();
        let number = |name: &str| {
            let header = reply.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
            header.and_then(|(_, value)| value.parse::<i64>().ok())
        };
        // A date is one by the simulator's clock.
        let dated = || {
            let header = reply.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case("Retry-After"));
            let date = httpdate::parse_http_date(header.map(|(_, value)| value.as_str())?).ok()?;
            i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
        };
        let after = number("Retry-After").map(|seconds| self.shared.clock.now_s() + seconds).or_else(dated);
        let reset = number("X-Rate-Limit-Reset");
        self.entry.rate_limit_reset = if reply.status.as_u16() == 429 { reset.max(after) } else { reset };
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.entry.ended_ms = self.shared.clock.now_ms();
        self.shared.journal.end(&self.key, std::mem::take(&mut self.entry));
    }
}

/// An answer of `/admin`: no journal, no limits.
pub(crate) fn plain(shared: &Shared, reply: Reply) -> Response<Body> {
    respond(shared, &reply, whole(reply.body.clone()))
}

/// A body of one piece.
fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Status, headers and body together, with the headers that every answer has.
pub(crate) fn respond(shared: &Shared, reply: &Reply, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    let headers = response.headers_mut();
    if !reply.body.is_empty() || reply.status.is_success() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    }
    headers.insert(DATE, date(&shared.clock));
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&shared.request_id()) {
        headers.insert("x-request-id", value);
    }
    response
}

fn date(clock: &Clock) -> HeaderValue {
    let text = clock.http_date_in(0);
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}
