//! What a visitor is shown when a page can not be: what happened, what to do, and the id under which the log has it.

use super::shell::{Shell, Visitor};
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;
use linkyard_core::Error;
use linkyard_core::error::{ConflictReason, Violation};

/// A page that could not be answered. Handlers end with it; the layer around them, which knows the visitor, makes the page of it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) title: String,
    pub(crate) message: String,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    shell: Shell,
    failure: &'a Failure,
    request_id: &'a str,
}

#[derive(Template)]
#[template(path = "failure_bare.html")]
struct BareFailurePage<'a> {
    shell: Shell,
    failure: &'a Failure,
    request_id: &'a str,
}

impl Failure {
    fn new(status: StatusCode, title: &str, message: impl Into<String>) -> Self {
        Self { status, title: title.to_owned(), message: message.into() }
    }

    /// Sent to a host that is not ours.
    pub(crate) fn elsewhere() -> Self {
        let message = "The console answers at loopback addresses (http://127.0.0.1, http://localhost) and at its --console-origin. \
            Open it there, or start the control with --console-origin and the address of what speaks TLS in front of it.";
        Self::new(StatusCode::MISDIRECTED_REQUEST, "Not served at this address", message)
    }

    /// A change that no page of ours asked for.
    pub(crate) fn foreign() -> Self {
        let message = "This change was not asked for by a page of the console, so nothing was done. Open the page and try again.";
        Self::new(StatusCode::FORBIDDEN, "Refused", message)
    }

    /// The answer took too long.
    pub(crate) fn too_slow() -> Self {
        let message = "The page was not ready within 30 seconds. What you asked for may still happen: look before you try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Too slow", message)
    }

    /// The key's access does not reach.
    pub(crate) fn access(needed: &str, own: &str) -> Self {
        let message = format!("This needs a key with {needed} access; you are signed in with one that has {own} access.");
        Self::new(StatusCode::FORBIDDEN, "Your key may not do this", message)
    }

    /// A page that is not there.
    pub(crate) fn nowhere() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing here", "The address is wrong, or what was here is gone.")
    }

    /// A body that is not a form, or is too large.
    pub(crate) fn unreadable() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "The form could not be read", "Nothing was changed. Open the page and try again.")
    }

    /// The page around it that everybody may see.
    pub(crate) fn bare(&self, request_id: &str) -> Response {
        self.answer(BareFailurePage { shell: Shell::bare(&self.title), failure: self, request_id }.render())
    }

    /// The page for somebody who is signed in.
    pub(crate) fn page(&self, visitor: &Visitor) -> Response {
        let (shell, request_id) = (Shell::new(visitor, &self.title), visitor.request_id.as_str());
        self.answer(FailurePage { shell, failure: self, request_id }.render())
    }

    fn answer(&self, page: askama::Result<String>) -> Response {
        match page {
            Ok(page) => (self.status, Html(page)).into_response(),
            Err(error) => {
                tracing::error!(%error, "the page of a failure could not be made");
                self.status.into_response()
            }
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (status, title) = kind(&error);
        if status.is_server_error() {
            tracing::error!(error = crate::status::chain(&error), "a page could not be made");
        }
        let message = match &error {
            Error::NotFound { resource, .. } => {
                format!("There is no such {resource} in your organization. It may have been deleted, or the address is wrong.")
            }
            Error::Internal { .. } => "This is a defect of linkyard; the log has it under this request's id.".to_owned(),
            Error::Unavailable { service, .. } => format!("The {service} does not answer at the moment. Try again."),
            Error::Invalid(violations) => violations.iter().map(sentence).collect::<Vec<_>>().join(" "),
            Error::AlreadyExists { .. }
            | Error::Conflict { .. }
            | Error::Forbidden(_)
            | Error::Unauthorized { .. }
            | Error::Throttled { .. } => capitalised(&error.to_string()),
        };
        Self::new(status, title, message)
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        Error::internal("a page could not be rendered", error).into()
    }
}

fn kind(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::NotFound { .. } => (StatusCode::NOT_FOUND, "Not found"),
        Error::AlreadyExists { .. } => (StatusCode::CONFLICT, "There already"),
        Error::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Something is not right"),
        Error::Conflict { reason: ConflictReason::RequestIdReused, .. } => (StatusCode::CONFLICT, "Sent before"),
        Error::Conflict { reason: ConflictReason::TooMany, .. } => (StatusCode::TOO_MANY_REQUESTS, "Too much is waiting"),
        Error::Conflict { .. } => (StatusCode::CONFLICT, "That is not possible now"),
        Error::Forbidden(_) => (StatusCode::FORBIDDEN, "Your key may not do this"),
        Error::Unauthorized { .. } => (StatusCode::CONFLICT, "The provider refuses"),
        Error::Throttled { .. } => (StatusCode::TOO_MANY_REQUESTS, "Later"),
        Error::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "Not available at the moment"),
        Error::Internal { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong"),
    }
}

fn sentence(violation: &Violation) -> String {
    format!("{}: {}.", violation.field, violation.problem)
}

/// With a capital letter at its beginning.
pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The fallback of the router.
pub(crate) async fn no_such_page() -> Failure {
    Failure::nowhere()
}
