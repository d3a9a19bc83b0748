//! The switch for automatic adding: off at once, on at once where nothing waits, and on with a warning where something does.

use super::super::Console;
use super::super::failure::Failure;
use super::super::form::Submission;
use super::super::shell::{Alert, Shell, Visitor, html, html_with};
use super::super::words::number;
use super::{Place, Words};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use linkyard_core::Error;
use linkyard_core::error::ConflictReason;
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::provider::ProviderChange;

#[derive(Template)]
#[template(path = "mapping_automatic.html")]
struct WarningPage {
    shell: Shell,
    words: &'static Words,
    path: String,
    name: String,
    waiting: u64,
    waiting_text: String,
    adds: bool,
}

/// The warning before it is switched on.
pub(crate) async fn warning(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, &place, None).await?)
}

async fn page(console: &Console, visitor: &Visitor, place: &Place, alert: Option<Alert>) -> Result<WarningPage, Failure> {
    let (service, scope, words) = (&console.service, visitor.scope(), place.words());
    let provider = service.provider_get(scope, place.provider).await?;
    let counts = service.mapping_counts(scope, place.provider, place.subject).await?;
    let waits = |state| matches!(state, MappingState::Unmapped | MappingState::Suggested);
    let waiting = counts.iter().filter(|(state, _)| waits(*state)).map(|(_, count)| count).sum();
    Ok(WarningPage {
        shell: Shell::new(visitor, words.automatic).saying(alert),
        words,
        path: place.path(),
        name: provider.display_name.clone(),
        waiting,
        waiting_text: format!("{} {}", number(waiting), if waiting == 1 { words.record } else { words.records }),
        adds: provider.auto_add_since_ms(place.subject).is_some(),
    })
}

/// Switches it.
pub(crate) async fn switch(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    form: Submission,
) -> Result<Response, Failure> {
    let (on, key) = (form.get("on") == "yes", form.request_key()?);
    let mut change = ProviderChange::default();
    match place.subject {
        Subject::Vendor => change.auto_add_parties = Some(on),
        Subject::Project => change.auto_add_projects = Some(on),
    }
    let terms = (None, form.ticked("acknowledge"));
    let done = console.service.provider_update(visitor.scope(), place.provider, change, None, terms, Some(&key)).await;
    match done {
        Ok(_) => {
            let notice = if on { "adding-on" } else { "adding-off" };
            Ok(Redirect::to(&format!("{}?notice={notice}", place.path())).into_response())
        }
        // Records wait: the warning says how many, and asks.
        Err(Error::Conflict { reason: ConflictReason::State, .. }) if on && !form.ticked("acknowledge") => {
            Ok(Redirect::to(&place.page("automatic")).into_response())
        }
        Err(error) => {
            let failure = Failure::from(error);
            html_with(failure.status, &page(&console, &visitor, &place, Some(Alert::bad(failure.message.clone()))).await?)
        }
    }
}
