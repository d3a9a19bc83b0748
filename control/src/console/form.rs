//! Forms as they are sent, and as they are shown again with what is wrong at each field.

use super::failure::Failure;
use super::shell::{Alert, Visitor};
use axum::Form;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use linkyard_core::Error;
use linkyard_core::error::Violation;
use linkyard_store::RequestKey;
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// The largest form in bytes.
pub(crate) const LARGEST_FORM: usize = 256 * 1024;

/// The field that makes the same form the same request.
pub(crate) const REQUEST_ID: &str = "request_id";

/// Fields that are never sent back to the browser.
const SECRETS: [&str; 2] = ["client_secret", "key"];

/// A form as it was sent. What stands in it is told to no log: there may be secrets.
#[derive(Clone)]
pub(crate) struct Submission {
    path: String,
    fields: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequest<S> for Submission {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let path = request.uri().path().to_owned();
        let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
        let Form(fields) = form.map_err(|_| Failure::unreadable())?;
        Ok(Self { path, fields })
    }
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Submission").field("path", &self.path).field("fields", &names).finish()
    }
}

impl Submission {
    /// What stands in a field; nothing where it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }

    /// Whether a box is ticked.
    pub(crate) fn ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// Everything that was sent.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// What makes this form the same request again: a second click, or a page that is sent once more, gets the answer of the first.
    pub(crate) fn request_key(&self) -> Result<RequestKey, Failure> {
        let request_id = Uuid::parse_str(self.get(REQUEST_ID)).map_err(|_| Failure::unreadable())?;
        let mut body = Sha256::new();
        for (name, value) in &self.fields {
            for part in [name, value] {
                body.update((part.len() as u64).to_be_bytes());
                body.update(part.as_bytes());
            }
        }
        let method = format!("console {}", self.path);
        Ok(RequestKey { method, request_id: request_id.to_string(), body_sha256: body.finalize().into() })
    }
}

/// The fields of a form's body that may be sent back to the browser.
pub(crate) fn kept(body: &[u8]) -> Vec<(String, String)> {
    let fields = serde_urlencoded::from_bytes::<Vec<(String, String)>>(body).unwrap_or_default();
    fields.into_iter().filter(|(name, _)| !SECRETS.contains(&name.as_str())).collect()
}

/// What is wrong with a form, field by field.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(Vec<Violation>);

impl Problems {
    /// These.
    pub(crate) fn new(violations: Vec<Violation>) -> Self {
        Self(violations)
    }

    /// What is wrong with one field, as a sentence; empty when nothing is.
    pub(crate) fn of(&self, field: &str) -> String {
        let own = self.0.iter().filter(|violation| violation.field == field);
        own.map(|violation| super::failure::capitalised(&violation.problem)).collect::<Vec<_>>().join(". ")
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// With what a form is shown again that was refused: its status, what is wrong at each field, and what else was in the way.
pub(crate) fn refused(error: Error) -> (StatusCode, Problems, Option<Alert>) {
    if let Error::Invalid(violations) = error {
        return (StatusCode::UNPROCESSABLE_ENTITY, Problems::new(violations), None);
    }
    let failure = Failure::from(error);
    (failure.status, Problems::default(), Some(Alert::bad(failure.message)))
}

/// A field as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) problem: String,
    pub(crate) help: &'static str,
}

/// One option of a field with a closed choice.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) help: &'static str,
    pub(crate) chosen: bool,
}

impl Visitor {
    /// The id that the forms of one page carry.
    pub(crate) fn form_id(&self) -> Uuid {
        // A page that is made to see whether it has changed must come out the same.
        if self.comparing { Uuid::nil() } else { Uuid::new_v4() }
    }
}
