//! Request ids: every call has one, the answer carries it, every error names it, and the log's lines of the call have it.
//!
//! A caller may bring its own (`x-request-id`); it is a label only. The id that makes a call repeatable is the `request_id` *in* a request.

use crate::{access, status};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};
use linkyard_telemetry::{measure, trace};
use tokio::time::Instant;
use tonic::Status;
use tracing::Instrument;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id, in bytes, that is taken over from a caller.
const LONGEST: usize = 128;

/// The id of a call. In the extensions of every request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// The layer.
pub(crate) async fn attach(mut request: Request, next: Next) -> Response {
    let id = brought(&request).unwrap_or_else(|| Uuid::now_v7().to_string());
    let span = tracing::info_span!("call", otel.kind = "server", method = request.uri().path(), request_id = id);
    trace::follow(&span, request.headers().get("traceparent").and_then(|value| value.to_str().ok()));
    request.extensions_mut().insert(RequestId(id.clone()));
    let begin = Instant::now();
    let method = access::of(request.uri().path()).map(|(method, _)| method.to_owned());
    let mut response = next.run(request).instrument(span.clone()).await;
    let failure = Status::from_header_map(response.headers());
    let code = failure.as_ref().map_or(0, |status| status.code() as i32);
    let elapsed_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::debug!(code, elapsed_ms, "call answered"));
    if let Some(method) = method {
        measure::rpc_answered(&method, code, begin.elapsed());
    }
    if let Some(failure) = failure.filter(|status| status.code() != tonic::Code::Ok) {
        // An error answer has its status in its head; there it gets what only this layer knows.
        if let Err(unwritable) = status::stamp(&failure, &id).add_header(response.headers_mut()) {
            tracing::warn!(error = unwritable.message(), "the details of a status could not be written");
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// The id of a request that this layer has seen.
pub(crate) fn of(request: &Request) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default()
}

/// The caller's id, if it is short and plain enough for logs.
fn brought(request: &Request) -> Option<String> {
    let id = request.headers().get(HEADER)?.to_str().ok()?;
    let plain = !id.is_empty() && id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then(|| id.to_owned())
}
