//! Answers before they become HTTP, and the error bodies. Procore has no single error format; which status comes in which
//! shape here follows what is published or was seen live.

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::insurance_form::Problems;
use crate::limiter::Standing;

/// The sentence that Procore publishes for both rate windows.
pub(crate) const TOO_MANY: &str =
    "You have surpassed the max number of requests for an hour. Please wait until your limit resets.";
/// What a call without its company header is told.
pub(crate) const MISSING_HEADER: &str =
    "Missing Procore-Company-Id header!\n\nEach call your application makes must include the Procore-Company-Id header.";
/// What a company says to an app that is not connected.
pub(crate) const NOT_CONNECTED: &str = "App is not connected to this company.";

const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// An answer in memory.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// The error body shapes that were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// `{"errors":["..."]}`
    ErrorsArray,
    /// `{"errors":"..."}`
    ErrorsString,
    /// `{"errors":{"base":["..."]}}`
    ErrorsFields,
    /// `{"error":"..."}`
    ErrorString,
    /// `{"error":{"code":"..","message":".."}}`
    ErrorObject,
    /// `{"message":"..."}`
    Message,
    /// `{"code":..,"message":..,"fields":..,"reason":..,"error":..}`
    Model,
    /// The v2 standard object.
    V2,
    /// A plain sentence.
    Text,
    /// A load balancer's page.
    Html,
    /// Nothing.
    Empty,
}

impl Reply {
    /// A JSON answer from bytes.
    pub(crate) fn json(status: StatusCode, body: Bytes) -> Self {
        Self { status, content_type: JSON, headers: Vec::new(), body }
    }

    /// A JSON answer from a value.
    pub(crate) fn value(status: StatusCode, value: &serde_json::Value) -> Self {
        Self::json(status, value.to_string().into())
    }

    /// Plain text.
    pub(crate) fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self { status, content_type: TEXT, headers: Vec::new(), body: text.into() }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds the rate headers.
    pub(crate) fn with_standing(self, standing: Option<Standing>) -> Self {
        let Some(Standing { limit, remaining, reset_s }) = standing else { return self };
        self.with("X-Rate-Limit-Limit", limit.to_string())
            .with("X-Rate-Limit-Remaining", remaining.to_string())
            .with("X-Rate-Limit-Reset", reset_s.to_string())
    }

    /// 404, also for what the caller may not see.
    pub(crate) fn not_found() -> Self {
        Self::shaped(StatusCode::NOT_FOUND, Shape::ErrorString, "Not Found")
    }

    /// 400 that names the field.
    pub(crate) fn bad_field(field: &str, problem: &str) -> Self {
        Self::value(StatusCode::BAD_REQUEST, &json!({"errors": {field: [problem]}}))
    }

    /// 422 that names the fields.
    pub(crate) fn invalid(problems: &Problems) -> Self {
        Self::value(StatusCode::UNPROCESSABLE_ENTITY, &json!({"errors": problems}))
    }

    /// 401 in the documented model.
    pub(crate) fn unauthorized() -> Self {
        Self::shaped(StatusCode::UNAUTHORIZED, Shape::Model, "The access token is invalid")
            .with("WWW-Authenticate", "Bearer realm=\"Procore\", error=\"invalid_token\"")
    }

    /// An error in a chosen shape.
    pub(crate) fn shaped(status: StatusCode, shape: Shape, message: &str) -> Self {
        let code = status.canonical_reason().unwrap_or("error").to_uppercase().replace([' ', '-'], "_");
        let reason = status.canonical_reason().unwrap_or("error");
        let value = match shape {
            Shape::ErrorsArray => json!({"errors": [message]}),
            Shape::ErrorsString => json!({"errors": message}),
            Shape::ErrorsFields => json!({"errors": {"base": [message]}}),
            Shape::ErrorString => json!({"error": message}),
            Shape::ErrorObject => json!({"error": {"code": code, "message": message}}),
            Shape::Message => json!({"message": message}),
            Shape::Model => json!({
                "code": status.as_u16(), "message": message, "fields": null, "reason": code.to_lowercase(), "error": reason
            }),
            Shape::V2 => json!({"error": {"code": code, "message": message, "details": []}}),
            Shape::Text => return Self::text(status, message.to_owned()),
            Shape::Html => return Self::html(status, message),
            Shape::Empty => {
                return Self { status, content_type: TEXT, headers: Vec::new(), body: Bytes::new() };
            }
        };
        Self::value(status, &value)
    }

    /// A load balancer's page.
    pub(crate) fn html(status: StatusCode, message: &str) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
             <hr><center>{message}</center>\r\n</body>\r\n</html>\r\n"
        );
        Self { status, content_type: HTML, headers: Vec::new(), body: body.into() }
    }
}
