//! `/oauth/token` for client credentials, `/oauth/token/info` and `/oauth/revoke`, with Doorkeeper's error bodies.
//!
//! Tokens carry their own facts under a signature instead of being stored, so they outlive a restart like Procore's do. They
//! end by age, by revocation, or all at once (`stop-token`). Other grants belong to people and are not offered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::call::Call;
use crate::event::Event;
use crate::ids;
use crate::locks::read;
use crate::persist::hex;
use crate::reply::Reply;
use crate::shared::Shared;

/// Looks like the head of the real ones; nothing reads it.
const HEAD: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzUxMiJ9";

/// A valid token's facts.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) client_id: String,
    created_us: i64,
    ttl_s: i64,
}

/// Answers `/oauth/*`.
pub(crate) fn answer(shared: &Shared, call: &Call) -> Reply {
    match (&call.method, call.path.as_str()) {
        (&Method::POST, "/oauth/token") => token(shared, call),
        (&Method::GET, "/oauth/token/info") => info(shared, call),
        (&Method::POST, "/oauth/revoke") => revoke(shared, call),
        _ => Reply::not_found(),
    }
}

/// The valid token of a call's `Authorization: Bearer`.
pub(crate) fn bearer(shared: &Shared, call: &Call) -> Option<Token> {
    let header = call.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = header.split_once(' ')?;
    let token = verify(shared, text.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer"))?;
    let world = read(&shared.world);
    let valid = token.created_us >= world.tokens_from_us
        && shared.clock.now_s() < token.expires_s()
        && !world.revoked_tokens.contains(text.trim());
    valid.then_some(token)
}

impl Token {
    fn created_s(&self) -> i64 {
        self.created_us.div_euclid(1_000_000)
    }

    fn expires_s(&self) -> i64 {
        self.created_s() + self.ttl_s
    }
}

fn token(shared: &Shared, call: &Call) -> Reply {
    let form = form(call);
    let (client_id, client_secret) = credentials(call, &form);
    if form.get("grant_type").is_none() {
        return error(StatusCode::BAD_REQUEST, "invalid_request", "Missing required parameter: grant_type.");
    }
    if form.get("grant_type").and_then(Value::as_str) != Some("client_credentials") {
        let text = "The authorization grant type is not supported by the authorization server.";
        return error(StatusCode::BAD_REQUEST, "unsupported_grant_type", text);
    }
    if !known(shared, &client_id, &client_secret) {
        let text = "Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.";
        return error(StatusCode::UNAUTHORIZED, "invalid_client", text)
            .with("WWW-Authenticate", "Bearer realm=\"Procore\", error=\"invalid_client\"");
    }
    let created_us = shared.clock.now_us();
    let body = json!({
        "access_token": sign(shared, &client_id, created_us, shared.token_ttl_s),
        "token_type": "bearer",
        "expires_in": shared.token_ttl_s,
        "created_at": created_us.div_euclid(1_000_000),
    });
    Reply::value(StatusCode::OK, &body).with("Cache-Control", "no-store").with("Pragma", "no-cache")
}

fn info(shared: &Shared, call: &Call) -> Reply {
    let Some(token) = bearer(shared, call) else {
        return error(StatusCode::UNAUTHORIZED, "invalid_request", "The access token is invalid");
    };
    let body = json!({
        "resource_owner_id": ids::service_user(),
        "scopes": [],
        "expires_in_seconds": token.expires_s() - shared.clock.now_s(),
        "application": {"uid": token.client_id},
        "created_at": token.created_s(),
    });
    Reply::value(StatusCode::OK, &body)
}

/// Always 200; a token that is not one of ours is not kept.
fn revoke(shared: &Shared, call: &Call) -> Reply {
    let form = form(call);
    let (client_id, client_secret) = credentials(call, &form);
    let token = form.get("token").and_then(Value::as_str).unwrap_or_default();
    if known(shared, &client_id, &client_secret)
        && verify(shared, token).is_some_and(|token| token.client_id == client_id)
        && let Err(error) = shared.commit(Event::TokenRevoked { token: token.to_owned() })
    {
        tracing::warn!(%error, "a revocation was not stored");
    }
    Reply::value(StatusCode::OK, &json!({}))
}

fn error(status: StatusCode, code: &str, description: &str) -> Reply {
    Reply::value(status, &json!({"error": code, "error_description": description}))
}

fn known(shared: &Shared, client_id: &str, client_secret: &str) -> bool {
    let fits = |one: &crate::config::Credentials| one.client_id == client_id && one.client_secret == client_secret;
    fits(&shared.platform) || read(&shared.world).companies.iter().any(|company| company.credentials.iter().any(fits))
}

fn sign(shared: &Shared, client_id: &str, created_us: i64, ttl_s: u64) -> String {
    let facts = format!("{HEAD}.{}.{created_us}.{ttl_s}", hex(client_id.as_bytes()));
    format!("{facts}.{}", signature(shared, &facts))
}

fn signature(shared: &Shared, facts: &str) -> String {
    hex(&Sha256::digest(format!("{}.{facts}", shared.secret)))
}

fn verify(shared: &Shared, token: &str) -> Option<Token> {
    let (facts, given) = token.rsplit_once('.')?;
    if given != signature(shared, facts) {
        return None;
    }
    let mut parts = facts.split('.').skip(1);
    let client_id = unhex(parts.next()?)?;
    Some(Token { client_id, created_us: parts.next()?.parse().ok()?, ttl_s: parts.next()?.parse().ok()? })
}

fn unhex(text: &str) -> Option<String> {
    let digits = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok());
    String::from_utf8(digits.collect::<Option<Vec<u8>>>()?).ok()
}

/// Client credentials from HTTP Basic, else from the body.
fn credentials(call: &Call, form: &Map<String, Value>) -> (String, String) {
    let basic = call.headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let basic = basic.and_then(|header| header.strip_prefix("Basic "));
    let decoded = basic.and_then(|text| String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok());
    if let Some((id, secret)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        return (id.to_owned(), secret.to_owned());
    }
    let field = |name: &str| form.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    (field("client_id"), field("client_secret"))
}

/// The body's fields, whether JSON, urlencoded or multipart.
fn form(call: &Call) -> Map<String, Value> {
    let content_type = call.headers.get(CONTENT_TYPE).and_then(|header| header.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json") {
        return serde_json::from_slice(&call.body).unwrap_or_default();
    }
    if let Some((_, boundary)) = content_type.split_once("boundary=") {
        return multipart(&String::from_utf8_lossy(&call.body), boundary.trim_matches('"'));
    }
    url::form_urlencoded::parse(&call.body).map(|(key, value)| (key.into_owned(), value.into_owned().into())).collect()
}

fn multipart(body: &str, boundary: &str) -> Map<String, Value> {
    let separator = format!("--{boundary}");
    let fields = body.split(&separator).filter_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let name = head.split_once("name=\"")?.1.split('"').next()?;
        Some((name.to_owned(), value.strip_suffix("\r\n").unwrap_or(value).into()))
    });
    fields.collect()
}
