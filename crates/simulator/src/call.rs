//! A request, read completely: what everything behind the server works on.

use std::sync::OnceLock;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::{HeaderMap, Method, Request};
use serde_json::{Map, Value};

use crate::query::Query;

/// Largest request body; an admin call may bring many rows.
const LARGEST_BODY: usize = 64 << 20;

/// One request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Path with query, as it came.
    pub(crate) target: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    json: OnceLock<Option<Map<String, Value>>>,
    /// `http://` plus the `Host` header.
    pub(crate) origin: String,
}

impl Call {
    /// Reads a request to its end; `None` if the client went away or the body is too large.
    pub(crate) async fn read(request: Request<Incoming>) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, LARGEST_BODY).collect().await.ok()?.to_bytes();
        let host = head.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        Some(Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            target: head.uri.path_and_query().map_or_else(|| head.uri.path().to_owned(), ToString::to_string),
            query: Query::parse(head.uri.query().unwrap_or_default()),
            origin: format!("http://{host}"),
            headers: head.headers,
            body,
            json: OnceLock::new(),
        })
    }

    /// The same call for the page before the one that it asks for; the first page has none before it.
    pub(crate) fn page_before(&self) -> Self {
        let page = self.query.number("page").unwrap_or(1).saturating_sub(1).max(1);
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            target: self.target.clone(),
            query: self.query.with("page", page),
            headers: self.headers.clone(),
            body: self.body.clone(),
            json: OnceLock::new(),
            origin: self.origin.clone(),
        }
    }

    /// The body if it is a JSON object; read once, however often it is asked for.
    pub(crate) fn json(&self) -> Option<&Map<String, Value>> {
        self.json.get_or_init(|| serde_json::from_slice(&self.body).ok()).as_ref()
    }

    /// The `Procore-Company-Id` header as it came.
    pub(crate) fn company_header(&self) -> Option<&str> {
        self.headers.get("procore-company-id").and_then(|value| value.to_str().ok())
    }
}
