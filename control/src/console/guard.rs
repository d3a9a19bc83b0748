//! The outermost layer of the console: which requests are looked at at all, and what every answer carries.

use super::Console;
use super::failure::Failure;
use super::origin::{self, Place};
use crate::request_id;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use std::time::Duration;

/// No page takes longer; a live stream only has to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nothing from elsewhere, nothing inline, nobody may frame us. Trusted Types: our script never makes markup out of text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What every answer carries.
const HEADERS: [(&str, &str); 7] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Not `no-referrer`: with it browsers hide the origin of our own forms, which is one of the two things that a change is let in by.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// The layer.
pub(crate) async fn guard(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let place = origin::place(&request, console.origin.as_ref());
    let request_id = request_id::of(&request);
    let mut response = match refusal(place.as_ref(), request.method(), request.headers()) {
        Some(refusal) => refusal.bare(&request_id),
        None => {
            request.extensions_mut().insert(place.clone().unwrap_or_else(|| Place { origin: String::new(), secure: true }));
            match tokio::time::timeout(PATIENCE, next.run(request)).await {
                Ok(response) => response,
                Err(_) => Failure::too_slow().into_response(),
            }
        }
    };
    if let Some(failure) = response.extensions().get::<Failure>() {
        // Nobody is signed in there, or the page did not get as far as to know who.
        response = failure.bare(&request_id);
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if place.is_some_and(|place| place.secure) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    response
}

/// Why a request is not looked at.
fn refusal(place: Option<&Place>, method: &Method, headers: &HeaderMap) -> Option<Failure> {
    let Some(place) = place else { return Some(Failure::elsewhere()) };
    (*method != Method::GET && *method != Method::HEAD && !is_ours(place, headers)).then(Failure::foreign)
}

/// Whether a change was asked for by a page of ours. Browsers say so themselves; older ones only name the origin.
fn is_ours(place: &Place, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin.eq_ignore_ascii_case(&place.origin),
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(headers: &[(&str, &str)]) -> bool {
        let place = Place { origin: "http://127.0.0.1:5".to_owned(), secure: false };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(http::HeaderName::from_bytes(name.as_bytes()).expect("a name"), value.parse().expect("a value"));
        }
        refusal(Some(&place), &Method::POST, &map).is_none()
    }

    #[test]
    fn a_change_comes_from_a_page_of_ours_or_not_at_all() {
        assert!(asked(&[("sec-fetch-site", "same-origin")]));
        assert!(asked(&[("origin", "http://127.0.0.1:5")]));
        for foreign in [
            &[][..],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:5")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://127.0.0.1:6")],
            &[("origin", "https://127.0.0.1:5")],
            &[("origin", "null")],
            &[("referer", "http://127.0.0.1:5/jobs")],
        ] {
            assert!(!asked(foreign), "{foreign:?}");
        }
    }
}
