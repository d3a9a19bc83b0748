//! What a page is asked about, read from its address and form before any handler sees it: the thing, by its id, and a change to it.
//! An address whose id is none leads nowhere.

use super::Console;
use super::failure::Failure;
use super::form::Submission;
use super::shell::Visitor;
use axum::Extension;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use http::request::Parts;
use linkyard_store::RequestKey;
use std::str::FromStr;

/// The id in an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| Failure::nowhere())?;
        text.parse().map(Self).map_err(|_| Failure::nowhere())
    }
}

/// A change that a form asks for, to the thing in its address.
#[derive(Debug)]
pub(crate) struct Asked<T> {
    pub(crate) console: Console,
    pub(crate) visitor: Visitor,
    pub(crate) id: T,
    pub(crate) form: Submission,
    /// The same form once more, by a second click, is the same request.
    pub(crate) key: RequestKey,
}

impl<T: FromStr + Send> FromRequest<Console> for Asked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, console: &Console) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let visitor = Extension::<Visitor>::from_request_parts(&mut parts, console).await;
        let Extension(visitor) = visitor.map_err(|_| Failure::nowhere())?;
        let Id(id) = Id::from_request_parts(&mut parts, console).await?;
        let form = Submission::from_request(Request::from_parts(parts, body), console).await?;
        let key = form.request_key()?;
        Ok(Self { console: console.clone(), visitor, id, form, key })
    }
}
