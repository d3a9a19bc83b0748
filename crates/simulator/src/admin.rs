//! `/admin`: the simulator's own controls. The paths are documented in `lib.rs`; answers are JSON, errors
//! `{"error": "..."}` with 400 or 404.

mod companies;
mod control;
mod insurances;
mod rows;

use hyper::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call::Call;
use crate::error::Error;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::ticket::{self, Body};

/// An admin answer, or why there is none.
type Answer = Result<Reply, Error>;

/// Answers an admin call.
pub(crate) fn answer(shared: &std::sync::Arc<Shared>, call: &Call) -> Response<Body> {
    let parts: Vec<&str> = call.path.trim_matches('/').split('/').skip(1).collect();
    if let (&Method::GET, ["companies", id, "directory"]) = (&call.method, parts.as_slice()) {
        return match companies::directory(shared, call, id) {
            Ok(response) => response,
            Err(error) => ticket::plain(shared, refusal(&error)),
        };
    }
    let reply = match parts.as_slice() {
        ["companies", rest @ ..] => companies::answer(shared, call, rest),
        parts => control::answer(shared, call, parts),
    };
    ticket::plain(shared, reply.unwrap_or_else(|error| refusal(&error)))
}

fn refusal(error: &Error) -> Reply {
    let status = match error {
        Error::Missing(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) | Error::Csv { .. } => StatusCode::BAD_REQUEST,
        Error::Io { .. } | Error::State { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Reply::value(status, &json!({"error": format!("{error}{cause}")}))
}

fn unknown(call: &Call) -> Error {
    Error::Missing(format!("{} {}", call.method, call.path))
}

/// The body as a typed value; no body counts as `{}`.
fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Error> {
    let bytes: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(bytes).map_err(|error| Error::Invalid(format!("the body is not what is expected: {error}")))
}

fn ok(value: &Value) -> Answer {
    Ok(Reply::value(StatusCode::OK, value))
}

fn number(text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::Invalid(format!("{text} is not an id")))
}
