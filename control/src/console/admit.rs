//! The layer around each page: who is visiting, whether the key allows it, and what a visitor is told whose session has ended.

use super::Console;
use super::failure::Failure;
use super::form::{LARGEST_FORM, kept};
use super::shell::Visitor;
use super::sign_in;
use crate::access::Need;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::TryStreamExt;
use http::{Method, StatusCode, header};
use linkyard_core::decision_file::MOST_FILE_BYTES;
use linkyard_store::SessionUse;
use linkyard_telemetry::trace;

/// A page that brings itself up to date says so with this header; nobody may be sitting in front of it.
const LIVE: &str = "x-linkyard-live";

/// The layer.
pub(crate) async fn admit(State((console, need)): State<(Console, Need)>, mut request: Request, next: Next) -> Response {
    let Need::Key(needed) = need else { return next.run(request).await };
    let by = if is_live(&request) { SessionUse::Page } else { SessionUse::Person };
    let session = match sign_in::secret(request.headers()) {
        Some(secret) => match console.service.session_check(&secret, by).await {
            Ok(session) => session,
            Err(error) => return Failure::from(error).into_response(),
        },
        None => None,
    };
    let Some(mut session) = session else { return ended(request).await };
    session.principal.scope = session.principal.scope.clone().traced(trace::parent_of_current());
    let visitor = Visitor::new(session, &request);
    let own = visitor.session.principal.access;
    if own < needed {
        return Failure::access(needed.as_str(), own.as_str()).page(&visitor);
    }
    request.extensions_mut().insert(visitor.clone());
    let response = next.run(request).await;
    match response.extensions().get::<Failure>() {
        Some(failure) => failure.page(&visitor),
        None => response,
    }
}

fn is_live(request: &Request) -> bool {
    request.headers().contains_key(LIVE) || request.uri().path().ends_with("/live")
}

/// The answer to somebody who is not signed in (any more): a page is opened after signing in, and what was typed into a form is kept.
async fn ended(request: Request) -> Response {
    if is_live(&request) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if request.method() == Method::GET {
        return Redirect::to(&sign_in::address(&path)).into_response();
    }
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        // A browser that is still sending hears no answer, so what it sends is read to its end, and not kept.
        let sent = request.into_body().into_data_stream().try_fold(0, |read, piece| async move {
            let read = read + piece.len() as u64;
            if read > MOST_FILE_BYTES { Err(axum::Error::new("larger than any file that is taken")) } else { Ok(read) }
        });
        return if sent.await.is_ok() { sign_in::ended_over_file(&path) } else { Failure::unreadable().into_response() };
    }
    match to_bytes(request.into_body(), LARGEST_FORM).await {
        Ok(body) => sign_in::ended(&path, kept(&body)),
        Err(_) => Failure::unreadable().into_response(),
    }
}
