//! What an answer that is not a success means: from status and body to the one error. Procore has no single error format, so every
//! shape that was seen is read, and a body in none of them still gives a sentence. The sentence is short and redacted: it ends in job
//! rows, logs and on screens.

use crate::headers::Head;
use linkyard_core::error::Attention;
use linkyard_core::{Error, Result};
use serde_json::Value;
use std::time::Duration;

/// The longest message made of an answer, in characters.
const LONGEST_MESSAGE: usize = 300;
/// A 429 that names no time is waited out for one spike window.
const WAIT_WITHOUT_A_TIME: Duration = Duration::from_secs(10);
/// Words longer than this, made of token characters only, are taken for tokens or keys.
const LONGEST_PLAIN_WORD: usize = 40;

/// An answer with a status other than 2xx.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    /// What was asked, for a person: `GET /rest/v1.0/vendors`.
    pub(crate) asked: &'a str,
    /// HTTP status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) head: &'a Head,
    /// The body, as far as it was read.
    pub(crate) body: &'a [u8],
    /// Secrets of this call, which a server may have repeated.
    pub(crate) secrets: &'a [&'a str],
}

/// How long refused calls wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// Our clock, milliseconds since 1970.
    pub(crate) now_ms: i64,
    /// The longest wait that is passed on.
    pub(crate) longest: Duration,
    /// Added to every wait, so that many callers do not come back at once.
    pub(crate) jitter: Duration,
}

impl Refusal<'_> {
    /// The error of a call to the API. A 401 is judged by [`Refusal::token_refused`] first.
    pub(crate) fn error(&self, waiting: Waiting) -> Error {
        let wait = self.head.asked_wait(waiting.now_ms, waiting.longest);
        match (self.status, self.head.answer.retry_after) {
            (429, _) => throttled(wait.unwrap_or(WAIT_WITHOUT_A_TIME), waiting),
            // A heavily loaded Procore: the call was right.
            (503, Some(retry_after)) => throttled(retry_after, waiting),
            (401 | 403, _) => self.unauthorized(),
            (404 | 410, _) => Error::not_found("Procore resource", self.sentence()),
            (408 | 425 | 500.., _) | (..400, _) => {
                Error::Unavailable { service: "procore", message: self.sentence(), source: None }
            }
            (400..500, _) => Error::invalid("procore", self.sentence()),
        }
    }

    /// Whether this says that the token is no longer good, which a new one mends; other 401s are about the installation.
    pub(crate) fn token_refused(&self) -> bool {
        self.status == 401 && matches!(self.attention(), Attention::Credentials)
    }

    /// The error of a call to the token endpoint: Doorkeeper's bodies mean that the credentials are wrong.
    pub(crate) fn token_error(&self, waiting: Waiting) -> Error {
        let refused = matches!(self.status, 400 | 401 | 403)
            && serde_json::from_slice::<Value>(self.body).is_ok_and(|body| body.is_object());
        if refused || self.status == 401 {
            let message = format!("Procore refused the client id or secret: {}", self.sentence());
            return Error::Unauthorized { attention: Attention::Credentials, message };
        }
        match self.error(waiting) {
            // The login host knows no resources: such an answer is a wrong host or a proxy, not a verdict on the credentials.
            Error::NotFound { .. } | Error::Invalid(_) | Error::Unauthorized { .. } => {
                Error::Unavailable { service: "procore", message: self.sentence(), source: None }
            }
            other @ (Error::AlreadyExists { .. }
            | Error::Conflict { .. }
            | Error::Forbidden(_)
            | Error::Throttled { .. }
            | Error::Unavailable { .. }
            | Error::Internal { .. }) => other,
        }
    }

    fn unauthorized(&self) -> Error {
        let attention = self.attention();
        let what_to_do = match attention {
            Attention::NotConnected => "the app is not connected to this company; ask the company's administrator to connect it",
            Attention::NotInstalled => "the app is not installed in this company; ask the company's administrator to install it",
            Attention::Credentials => "Procore refuses the access token, also new ones; check client id and secret",
            Attention::Permission | Attention::UnknownCompany | Attention::UpstreamDown | Attention::TestUnfinished
                if !self.asked.starts_with("GET ") =>
            {
                "the app's user may not write insurances in Procore (Directory: admin, or insurance manager)"
            }
            Attention::Permission | Attention::UnknownCompany | Attention::UpstreamDown | Attention::TestUnfinished => {
                "the app's user lacks a permission in Procore (Directory: read, and the permitted projects)"
            }
        };
        Error::Unauthorized { attention, message: cut(&format!("{what_to_do}. {}", self.sentence())) }
    }

    fn attention(&self) -> Attention {
        let text = self.text().unwrap_or_default().to_lowercase();
        if text.contains("not connected") || text.contains("disconnected") {
            Attention::NotConnected
        } else if text.contains("not installed") || text.contains("not been installed") || text.contains("uninstalled") {
            Attention::NotInstalled
        } else if self.status == 401 {
            Attention::Credentials
        } else {
            Attention::Permission
        }
    }

    /// `GET /x answered 422: name is required (request 1a2b)`.
    fn sentence(&self) -> String {
        let said = match self.text() {
            Some(text) => format!(": {}", redact(&text, self.secrets)),
            None => String::new(),
        };
        let request = self.head.request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default();
        let start = format!("{} answered {}", self.asked, self.status);
        let room = LONGEST_MESSAGE.saturating_sub(start.chars().count() + request.chars().count());
        let said: String = said.chars().take(room).collect();
        format!("{start}{said}{request}")
    }

    /// What the body says, whatever its shape; `None` for an empty body.
    fn text(&self) -> Option<String> {
        let body = String::from_utf8_lossy(self.body);
        let body = body.trim();
        if body.is_empty() {
            return None;
        }
        if let Ok(value) = serde_json::from_str::<Value>(body) {
            return Some(said(&value)).filter(|text| !text.is_empty());
        }
        if is_html(body.as_bytes()) {
            Some("an HTML page".to_owned())
        } else {
            Some(body.chars().take(2 * LONGEST_MESSAGE).collect())
        }
    }
}

/// An error about an answer that came with 200 and is not what it should be.
pub(crate) fn nonsense(asked: &str, head: &Head, what: &str) -> Error {
    let request = head.request_id.as_deref().map(|id| format!(" (request {id})")).unwrap_or_default();
    Error::Unavailable { service: "procore", message: cut(&format!("{asked} answered 200 with {what}{request}")), source: None }
}

/// Whether a body looks like a page for people.
pub(crate) fn is_html(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

fn throttled(wait: Duration, waiting: Waiting) -> Error {
    Error::Throttled { retry_after: (wait + waiting.jitter).min(waiting.longest) }
}

/// Why a row of a sync was refused, for a person.
pub(crate) fn row_refusal(errors: &Value) -> String {
    let mut parts = Vec::new();
    leaves("", errors, &mut parts, 3);
    parts.dedup();
    if parts.is_empty() { "Procore gives no reason".to_owned() } else { redact(&parts.join("; "), &[]) }
}

/// The sentences inside an error body: `errors` and `error` as text, list or object, `error_description`, `message`, `reason`.
fn said(value: &Value) -> String {
    let mut parts: Vec<String> = Vec::new();
    match value {
        Value::Object(fields) => {
            for name in ["error", "error_description", "message", "reason", "errors"] {
                if let Some(field) = fields.get(name) {
                    leaves("", field, &mut parts, 3);
                }
            }
        }
        Value::Array(_) | Value::String(_) => leaves("", value, &mut parts, 3),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    parts.dedup();
    parts.join("; ")
}

/// Collects texts; a field's name stands before its text unless it only says that a text follows.
fn leaves(name: &str, value: &Value, parts: &mut Vec<String>, depth: u8) {
    if parts.len() >= 12 {
        return;
    }
    match value {
        Value::String(text) if name.is_empty() => parts.push(text.clone()),
        Value::String(text) => parts.push(format!("{name} {text}")),
        Value::Array(items) if depth > 0 => items.iter().for_each(|item| leaves(name, item, parts, depth - 1)),
        Value::Object(fields) if depth > 0 => {
            for (key, field) in fields {
                let telling = !matches!(key.as_str(), "base" | "fields" | "code" | "message" | "error" | "errors" | "details");
                leaves(if telling { key } else { name }, field, parts, depth - 1);
            }
        }
        Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One line of printable text without the call's secrets, anything shaped like a token, and e-mail addresses.
pub(crate) fn redact(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, "***");
    }
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let shown: Vec<&str> = words.map(|word| if revealing(word) { "***" } else { word }).collect();
    cut(&shown.join(" "))
}

fn revealing(word: &str) -> bool {
    let token_like = |part: &str| {
        part.len() > LONGEST_PLAIN_WORD && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.+/=~".contains(&b))
    };
    let quoted = |c: char| matches!(c, '"' | '\'' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | ':' | '&' | '?');
    word.contains('@') || word.split(quoted).any(token_like)
}

fn cut(text: &str) -> String {
    text.chars().take(LONGEST_MESSAGE).collect()
}

/// A copy for a second reader, without what lies beneath.
pub(crate) fn copy(error: &Error) -> Error {
    match error {
        Error::Unauthorized { attention, message } => Error::Unauthorized { attention: *attention, message: message.clone() },
        Error::Throttled { retry_after } => Error::Throttled { retry_after: *retry_after },
        Error::Unavailable { service, message, .. } => Error::Unavailable { service, message: message.clone(), source: None },
        Error::Invalid(violations) => Error::Invalid(violations.clone()),
        Error::NotFound { .. }
        | Error::AlreadyExists { .. }
        | Error::Conflict { .. }
        | Error::Forbidden(_)
        | Error::Internal { .. } => Error::broken(error.to_string()),
    }
}

/// A call that had no answer: refused connections, deadlines, broken bodies.
pub(crate) fn no_answer(asked: &str, error: reqwest::Error) -> Error {
    let what = if error.is_timeout() {
        "took too long"
    } else if error.is_connect() {
        "could not connect"
    } else if error.is_body() || error.is_decode() {
        "broke off"
    } else {
        "failed"
    };
    Error::Unavailable { service: "procore", message: format!("{asked} {what}"), source: Some(Box::new(error.without_url())) }
}

/// Whether a call had no whole answer. An answer that was too large has nothing beneath.
pub(crate) fn broke_off(error: &Error) -> bool {
    matches!(error, Error::Unavailable { source: Some(_), .. })
}

/// Whether the platform is down, as far as a request for a token tells.
pub(crate) fn is_down(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. })
}

/// Puts `attention` in place of a `NotFound` or a permission error: during a connection test these say more than elsewhere.
pub(crate) fn as_attention<T>(result: Result<T>, attention: Attention, advice: &str) -> Result<T> {
    match result {
        Err(Error::NotFound { id, .. }) => Err(Error::Unauthorized { attention, message: cut(&format!("{advice}. {id}")) }),
        other @ (Ok(_) | Err(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: Waiting = Waiting { now_ms: 0, longest: Duration::from_secs(900), jitter: Duration::ZERO };

    fn error(status: u16, body: &str) -> Error {
        let head = Head { request_id: Some("req-1".to_owned()), ..Head::default() };
        Refusal { asked: "GET /x", status, head: &head, body: body.as_bytes(), secrets: &["s3cret"] }.error(WAITING)
    }

    #[test]
    fn every_error_shape_gives_its_sentence() {
        let shapes = [
            (r#"{"errors":["Too bad."]}"#, "Too bad."),
            (r#"{"errors":"Too bad."}"#, "Too bad."),
            (r#"{"errors":{"base":["Too bad."],"fields":{"name":["is missing"]}}}"#, "Too bad.; name is missing"),
            (r#"{"errors":{"assignees":["required"]}}"#, "assignees required"),
            (r#"{"error":"Too bad."}"#, "Too bad."),
            (r#"{"error":{"code":"BAD_REQUEST","message":"Too bad.","details":[]}}"#, "BAD_REQUEST; Too bad."),
            (r#"{"error":{"error":"Too bad."}}"#, "Too bad."),
            (r#"{"message":"Too bad."}"#, "Too bad."),
            (
                r#"{"code":422,"message":"Too bad.","fields":null,"reason":"r","error":"Unprocessable"}"#,
                "Unprocessable; Too bad.; r",
            ),
            (r#"{"message":"Too bad.","error":"E"}"#, "E; Too bad."),
            ("Too bad.", "Too bad."),
            (r#""Too bad.""#, "Too bad."),
            ("<html><body>x</body></html>", "an HTML page"),
        ];
        for (body, sentence) in shapes {
            let message = error(422, body).to_string();
            assert_eq!(message, format!("procore: GET /x answered 422: {sentence} (request req-1)"), "{body}");
        }
        assert_eq!(error(422, "").to_string(), "procore: GET /x answered 422 (request req-1)");
        assert_eq!(error(422, "{}").to_string(), "procore: GET /x answered 422 (request req-1)");
    }

    #[test]
    fn status_and_body_decide_what_a_reader_can_do() {
        let cases = [
            (403, r#"{"errors":["App is not connected to this company."]}"#, "PROVIDER_NOT_CONNECTED"),
            (401, r#"{"errors":["App is not connected to this company."]}"#, "PROVIDER_NOT_CONNECTED"),
            (403, r#"{"errors":["App is not installed."]}"#, "PROVIDER_NOT_INSTALLED"),
            (403, r#"{"message":"You do not have permission"}"#, "PROVIDER_PERMISSION"),
            (403, "", "PROVIDER_PERMISSION"),
            (401, "The access token is invalid", "PROVIDER_CREDENTIALS"),
            (404, r#"{"error":"Not Found"}"#, "NOT_FOUND"),
            (400, "x", "INVALID_INPUT"),
            (409, "x", "INVALID_INPUT"),
            (408, "x", "UNAVAILABLE"),
            (500, "x", "UNAVAILABLE"),
            (503, "x", "UNAVAILABLE"),
            (302, "x", "UNAVAILABLE"),
            (429, "x", "RATE_LIMITED"),
        ];
        for (status, body, reason) in cases {
            assert_eq!(error(status, body).reason(), reason, "{status} {body}");
        }
    }

    #[test]
    fn a_message_is_short_and_keeps_no_secret() {
        let token = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzUxMiJ9.abcdefghijklmnopqrstuvwxyz0123456789";
        let body = format!("bad s3cret Bearer {token} access_token={token} of jo@example.com {}", "long ".repeat(500));
        for status in [400, 401, 403, 404, 500] {
            let message = error(status, &body).to_string();
            assert!(!message.contains("s3cret") && !message.contains("eyJ0") && !message.contains("jo@"), "{message}");
            assert!(
                message.chars().count() <= LONGEST_MESSAGE + "procore is unavailable: Procore resource  not found".len(),
                "{message}"
            );
        }
    }

    #[test]
    fn doorkeeper_bodies_are_about_credentials_and_other_answers_are_not() {
        let head = Head::default();
        let reason = |status, body: &str| {
            Refusal { asked: "POST /oauth/token", status, head: &head, body: body.as_bytes(), secrets: &[] }
                .token_error(WAITING)
                .reason()
        };
        assert_eq!(reason(401, r#"{"error":"invalid_client","error_description":"unknown client"}"#), "PROVIDER_CREDENTIALS");
        assert_eq!(reason(400, r#"{"error":"invalid_grant"}"#), "PROVIDER_CREDENTIALS");
        assert_eq!(reason(400, "<html>"), "UNAVAILABLE");
        assert_eq!(reason(404, r#"{"error":"x"}"#), "UNAVAILABLE");
        assert_eq!(reason(502, "<html>"), "UNAVAILABLE");
        assert_eq!(reason(429, ""), "RATE_LIMITED");
    }
}
