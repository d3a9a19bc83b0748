//! Signing in and out. A session is a random secret in a cookie; what it stands for is in SQL, and it is another one after each sign-in.

use super::Console;
use super::failure::Failure;
use super::form::Submission;
use super::origin::Place;
use super::shell::{self, Alert, FILE_AGAIN, Shell, Theme, cookie, html, html_with, local};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;

/// The cookie's name where it travels by TLS: browsers take it from this host alone, for all of it, and never in the clear.
const SECURE_COOKIE: &str = "__Host-linkyard_session";
/// Its name on the loopback, where there is no TLS and browsers take no cookie with the other name.
const LOOPBACK_COOKIE: &str = "linkyard_session";

/// Said to whoever comes with a link that was used.
const USED_LINK: &str = "This sign-in link was used already or is older than an hour. Sign in with your API key, or start linkyard again \
    for a new link.";
/// Said to whoever comes with a key that opens nothing.
const WRONG_KEY: &str = "This API key is unknown, expired or revoked. Check that all of it was copied: it begins with ly_.";
/// Said to whoever sent a form after the end of the session.
const ENDED: &str = "Your session has ended, so nothing was changed yet. Sign in again: what you typed is kept.";
/// Said to whoever sent a file after the end of the session.
const ENDED_OVER_FILE: &str = "Your session has ended, so the file was not taken in and nothing was changed. Sign in again, and choose \
    the file once more on the page that opens.";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    next: String,
    /// The form that was sent after the end of a session.
    kept: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "sign_in_link.html")]
struct LinkPage {
    shell: Shell,
    link: String,
}

#[derive(Template)]
#[template(path = "sign_in_again.html")]
struct AgainPage {
    shell: Shell,
    next: String,
    kept: Vec<(String, String)>,
}

/// What begins the name of a field that is kept over a sign-in.
const KEPT: &str = "kept.";

/// The page to sign in on, after which `next` is opened.
pub(crate) fn address(next: &str) -> String {
    shell::address("/sign-in", &[("next", if next == "/" { "" } else { next })])
}

/// The session's secret in the cookies of a request.
pub(crate) fn secret(headers: &HeaderMap) -> Option<SecretString> {
    let value = cookie(headers, SECURE_COOKIE).or_else(|| cookie(headers, LOOPBACK_COOKIE))?;
    Some(SecretString::from(value.to_owned())).filter(|secret| !secret.expose_secret().is_empty())
}

/// The page to sign in on; with `link` a page with one button, because programs that look at addresses open them too.
pub(crate) async fn show(headers: HeaderMap, Query(query): Query<HashMap<String, String>>) -> Result<Response, Failure> {
    let shell = Shell::bare("Sign in").in_colours(Theme::read(&headers));
    let word = |name: &str| query.get(name).cloned().unwrap_or_default();
    match query.get("link") {
        Some(link) => html(&LinkPage { shell, link: link.clone() }),
        None => html(&SignInPage { shell, next: local(&word("next")).to_owned(), kept: Vec::new() }),
    }
}

/// Signs in with an API key.
pub(crate) async fn with_key(
    State(console): State<Console>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    form: Submission,
) -> Result<Response, Failure> {
    let next = local(form.get("next")).to_owned();
    let kept = fields_kept(&form);
    let key = SecretString::from(form.get("key").trim().to_owned());
    let Some(session) = console.service.session_open(&key).await? else {
        let shell = Shell::bare("Sign in").in_colours(Theme::read(&headers)).saying(Some(Alert::bad(WRONG_KEY)));
        return html_with(StatusCode::UNAUTHORIZED, &SignInPage { shell, next, kept });
    };
    leave(&console, &headers).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(&place, session.expose_secret()))];
    if kept.is_empty() {
        return Ok((cookie, Redirect::to(&next)).into_response());
    }
    let shell = Shell::bare("Go on").in_colours(Theme::read(&headers));
    Ok((cookie, html(&AgainPage { shell, next, kept })?).into_response())
}

/// Signs in with the secret of a link.
pub(crate) async fn with_link(
    State(console): State<Console>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
    form: Submission,
) -> Result<Response, Failure> {
    let link = SecretString::from(form.get("link").to_owned());
    let Some(session) = console.service.session_open_by_link(&link).await? else {
        let shell = Shell::bare("Sign in").in_colours(Theme::read(&headers)).saying(Some(Alert::bad(USED_LINK)));
        return html_with(StatusCode::UNAUTHORIZED, &SignInPage { shell, next: "/".to_owned(), kept: Vec::new() });
    };
    leave(&console, &headers).await?;
    let cookie = [(header::SET_COOKIE, session_cookie(&place, session.expose_secret()))];
    Ok((cookie, Redirect::to("/")).into_response())
}

/// Signs out.
pub(crate) async fn out(
    State(console): State<Console>,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    leave(&console, &headers).await?;
    let cookie = format!("{}; Max-Age=0", session_cookie(&place, ""));
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

/// The page for somebody whose form came after the end of the session.
pub(crate) fn ended(path: &str, kept: Vec<(String, String)>) -> Response {
    again(ENDED, path, kept)
}

/// The page for somebody whose file came after the end of the session. It is not kept: the page that it was sent from says so once more.
pub(crate) fn ended_over_file(path: &str) -> Response {
    again(ENDED_OVER_FILE, &shell::address(path, &[("notice", FILE_AGAIN)]), Vec::new())
}

fn again(said: &str, next: &str, kept: Vec<(String, String)>) -> Response {
    let shell = Shell::bare("Sign in").saying(Some(Alert::bad(said)));
    let page = html_with(StatusCode::UNAUTHORIZED, &SignInPage { shell, next: local(next).to_owned(), kept });
    page.unwrap_or_else(Failure::into_response)
}

/// Ends the session that a request came with.
async fn leave(console: &Console, headers: &HeaderMap) -> Result<(), Failure> {
    if let Some(secret) = secret(headers) {
        console.service.session_close(&secret).await?;
    }
    Ok(())
}

fn session_cookie(place: &Place, value: &str) -> String {
    let (name, secure) = if place.secure { (SECURE_COOKIE, "; Secure") } else { (LOOPBACK_COOKIE, "") };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

/// The fields of the form that was sent after the end of a session.
fn fields_kept(form: &Submission) -> Vec<(String, String)> {
    let kept = form.fields().iter().filter_map(|(name, value)| Some((name.strip_prefix(KEPT)?.to_owned(), value.clone())));
    kept.collect()
}
