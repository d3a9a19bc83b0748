//! API keys: those of the organization, a new one whose secret is shown this once, and how one is revoked.

use super::Console;
use super::asked::{Asked, Id};
use super::failure::Failure;
use super::form::{Choice, Field, Problems, Submission, refused};
use super::live::Screen;
use super::shell::{Alert, Shell, Visitor, address, html, html_with};
use super::words::{Badge, Clock, Moment};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use linkyard_core::error::Violations;
use linkyard_core::id::ApiKeyId;
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_core::{Error, Result as CoreResult};
use linkyard_store::ApiKey;
use secrecy::ExposeSecret;
use std::collections::HashMap;

/// Keys on a page.
const PAGE: u32 = 50;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// For how long a new key is valid: word of the form, label, days.
const TERMS: [(&str, &str, Option<i64>); 4] = [
    ("30", "30 days", Some(30)),
    ("90", "90 days", Some(90)),
    ("365", "A year", Some(365)),
    ("never", "Until it is revoked", None),
];

/// What a key may do: label, what that is.
fn access_words(access: Access) -> (&'static str, &'static str) {
    match access {
        Access::Read => ("Read", "Sees everything of this organization and changes nothing."),
        Access::Write => ("Write", "Changes things of this organization, and makes and revokes keys."),
        Access::Operator => ("Operator", "Also approves company ids, drains workers and creates organizations."),
    }
}

/// A key as a row.
struct KeyRow {
    id: String,
    name: String,
    prefix: String,
    access: &'static str,
    state: Badge,
    created: Moment,
    /// Until when it is valid; nothing where it does not end by itself.
    until: Option<Moment>,
    /// The visitor came in with it.
    own: bool,
    may_revoke: bool,
}

impl KeyRow {
    fn new(key: &ApiKey, visitor: &Visitor, now_ms: i64, clock: Clock) -> Self {
        let expired = key.expires_at_ms.is_some_and(|at| at <= now_ms);
        let state = match key.revoked_at_ms {
            Some(at) => Badge::new("off", format!("Revoked {}", clock.at(at).shown)),
            None if expired => Badge::new("off", "Expired"),
            None => Badge::new("ok", "Valid"),
        };
        Self {
            id: key.id.to_string(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            access: access_words(key.access).0,
            state,
            created: clock.at(key.created_at_ms),
            until: key.expires_at_ms.map(|at| clock.at(at)),
            own: is_own(key, visitor),
            may_revoke: visitor.may_write() && key.revoked_at_ms.is_none() && !expired,
        }
    }
}

/// Whether the visitor signed in with this key.
fn is_own(key: &ApiKey, visitor: &Visitor) -> bool {
    visitor.scope().actor == format!("key:{}", key.prefix)
}

#[derive(Template)]
#[template(path = "keys.html")]
struct KeysPage {
    shell: Shell,
    rows: Vec<KeyRow>,
    first: String,
    next: String,
}

type Query_ = Query<HashMap<String, String>>;

/// All keys.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&list_page(&console, &visitor, query.get("after").cloned()).await?)
}

/// Their stream.
pub(crate) async fn list_live(screen: Screen, Query(query): Query_) -> Response {
    let after = query.get("after").cloned();
    screen.watch(move |console, visitor| {
        let after = after.clone();
        async move { list_page(&console, &visitor, after).await }
    })
}

async fn list_page(console: &Console, visitor: &Visitor, after: Option<String>) -> Result<KeysPage, Failure> {
    let wanted = PageRequest { size: PAGE, after: after.clone() };
    let keys = console.service.api_key_list(visitor.scope(), &wanted).await?;
    let (now_ms, clock) = (console.service.now_ms().await?, visitor.clock());
    let here = |path: &str, after: &str| address(path, &[("after", after)]);
    Ok(KeysPage {
        shell: Shell::new(visitor, "API keys").live(here("/keys/live", after.as_deref().unwrap_or_default())),
        rows: keys.rows.iter().map(|key| KeyRow::new(key, visitor, now_ms, clock)).collect(),
        first: if after.is_some() { here("/keys", "") } else { String::new() },
        next: keys.next.map(|after| here("/keys", &after)).unwrap_or_default(),
    })
}

#[derive(Template)]
#[template(path = "key_form.html")]
struct FormPage {
    shell: Shell,
    problems: Problems,
    name: Field,
    access: Field,
    accesses: Vec<Choice>,
    term: Field,
    terms: Vec<Choice>,
}

/// The form of a new key.
pub(crate) async fn new(Extension(visitor): Extension<Visitor>) -> Result<Response, Failure> {
    html(&form_page(&visitor, ("", Access::Read.as_str(), "90"), Problems::default(), None))
}

/// The form with this name, access and term in it.
fn form_page(visitor: &Visitor, (name, access, term): (&str, &str, &str), problems: Problems, alert: Option<Alert>) -> FormPage {
    let own = visitor.session.principal.access;
    let field = |field, label, value: &str, help| Field {
        name: field,
        label,
        value: value.to_owned(),
        problem: problems.of(field),
        help,
    };
    let offered = Access::ALL.into_iter().filter(|offered| *offered <= own).map(|offered| {
        let (label, help) = access_words(offered);
        let value = offered.as_str();
        Choice { chosen: value == access, value: value.to_owned(), label: label.to_owned(), help }
    });
    let lasting = TERMS.into_iter().map(|(value, label, _)| Choice {
        chosen: value == term,
        value: value.to_owned(),
        label: label.to_owned(),
        help: "",
    });
    FormPage {
        shell: Shell::new(visitor, "New API key").saying(alert),
        name: field("name", "What it is for", name, "The program or person that gets it; the audit log tells keys apart by it."),
        access: field("access", "What it may do", access, ""),
        accesses: offered.collect(),
        term: field("term", "How long it is valid", term, "A key that has ended is refused; make another one in time."),
        terms: lasting.collect(),
        problems,
    }
}

#[derive(Template)]
#[template(path = "key_made.html")]
struct MadePage {
    shell: Shell,
    name: String,
    access: &'static str,
    until: Option<Moment>,
    secret: String,
}

/// Makes a key and shows its secret. The same form once more shows the same key.
pub(crate) async fn create(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    form: Submission,
) -> Result<Response, Failure> {
    let key = form.request_key()?;
    let made = match read(&form) {
        Ok((access, days)) => {
            let until_ms = match days {
                Some(days) => Some(console.service.now_ms().await? + days * DAY_MS),
                None => None,
            };
            let own = visitor.session.principal.access;
            console.service.api_key_create(visitor.scope(), own, form.get("name"), access, until_ms, Some(&key)).await
        }
        Err(error) => Err(error),
    };
    match made {
        Ok((key, secret)) => html(&MadePage {
            shell: Shell::new(&visitor, "New API key"),
            name: key.name.clone(),
            access: access_words(key.access).0,
            until: key.expires_at_ms.map(|at| visitor.clock().at(at)),
            secret: secret.expose_secret().to_owned(),
        }),
        Err(error) => {
            let typed = (form.get("name"), form.get("access"), form.get("term"));
            let (status, problems, alert) = refused(error);
            html_with(status, &form_page(&visitor, typed, problems, alert))
        }
    }
}

/// The access and the days of a form; what is wrong with its name as well, so that a person hears of everything at once.
fn read(form: &Submission) -> CoreResult<(Access, Option<i64>)> {
    let mut violations = Violations::default();
    if form.get("name").trim().is_empty() {
        violations.add("name", "say what it is for");
    }
    let access = Access::parse(form.get("access"));
    if access.is_none() {
        violations.add("access", "choose what it may do");
    }
    let days = TERMS.into_iter().find(|(term, ..)| *term == form.get("term")).map(|(_, _, days)| days);
    if days.is_none() {
        violations.add("term", "choose how long it is valid");
    }
    violations.finish(access.zip(days))?.ok_or_else(|| Error::broken("a form without violations is not whole"))
}

#[derive(Template)]
#[template(path = "key_revoke.html")]
struct RevokePage {
    shell: Shell,
    id: String,
    name: String,
    prefix: String,
    own: bool,
}

/// The page on which a person sees which key is revoked before it is.
pub(crate) async fn confirm_revoke(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<ApiKeyId>,
) -> Result<Response, Failure> {
    let key = console.service.api_key_get(visitor.scope(), id).await?;
    html(&RevokePage {
        shell: Shell::new(&visitor, "Revoke API key"),
        id: id.to_string(),
        own: is_own(&key, &visitor),
        name: key.name,
        prefix: key.prefix,
    })
}

/// Revokes a key. Whoever revokes the own one is signed out by it.
pub(crate) async fn revoke(asked: Asked<ApiKeyId>) -> Result<Response, Failure> {
    asked.console.service.api_key_revoke(asked.visitor.scope(), asked.id, Some(&asked.key)).await?;
    asked.console.keys.forget();
    Ok(Redirect::to("/keys?notice=key-revoked").into_response())
}
