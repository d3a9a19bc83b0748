//! What is done with a provider: tested, fetched, paused, resumed, approved, deleted.

use super::super::Console;
use super::super::asked::{Asked, Id};
use super::super::failure::Failure;
use super::super::shell::{Alert, Shell, Visitor, html, html_with};
use super::{Linked, detail_page};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use linkyard_core::Error;
use linkyard_core::id::{JobId, ProviderId};

/// Starts a connection test and shows it.
pub(crate) async fn test(asked: Asked<ProviderId>) -> Result<Response, Failure> {
    let done = asked.console.service.provider_test(asked.visitor.scope(), asked.id, Some(&asked.key)).await;
    started(&asked, done.map(|job| job.id)).await
}

/// Starts a fetch and shows it.
pub(crate) async fn fetch(asked: Asked<ProviderId>) -> Result<Response, Failure> {
    let done = asked.console.service.directory_fetch(asked.visitor.scope(), asked.id, false, Some(&asked.key)).await;
    started(&asked, done.map(|job| job.id)).await
}

/// Stops the work of a provider.
pub(crate) async fn pause(asked: Asked<ProviderId>) -> Result<Response, Failure> {
    let done = asked.console.service.provider_set_paused(asked.visitor.scope(), asked.id, true, Some(&asked.key)).await;
    changed(&asked, done.map(|_| "provider-paused")).await
}

/// Goes on with it.
pub(crate) async fn resume(asked: Asked<ProviderId>) -> Result<Response, Failure> {
    let done = asked.console.service.provider_set_paused(asked.visitor.scope(), asked.id, false, Some(&asked.key)).await;
    changed(&asked, done.map(|_| "provider-resumed")).await
}

/// Lets a claim through.
pub(crate) async fn approve(asked: Asked<ProviderId>) -> Result<Response, Failure> {
    let done = asked.console.service.provider_approve(asked.visitor.scope(), asked.id, Some(&asked.key)).await;
    changed(&asked, done.map(|_| "provider-approved")).await
}

#[derive(Template)]
#[template(path = "provider_delete.html")]
struct DeletePage {
    shell: Shell,
    id: String,
    name: String,
    typed: String,
    problem: String,
    linked: Vec<Linked>,
}

/// The page on which the name is typed before a provider is deleted.
pub(crate) async fn confirm_delete(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<ProviderId>,
) -> Result<Response, Failure> {
    html(&delete_page(&console, &visitor, id, "", "").await?)
}

async fn delete_page(
    console: &Console,
    visitor: &Visitor,
    id: ProviderId,
    typed: &str,
    problem: &str,
) -> Result<DeletePage, Failure> {
    let provider = console.service.provider_get(visitor.scope(), id).await?;
    Ok(DeletePage {
        shell: Shell::new(visitor, "Delete provider"),
        id: id.to_string(),
        name: provider.display_name,
        typed: typed.to_owned(),
        problem: problem.to_owned(),
        linked: Linked::both(console, visitor, id).await?.into(),
    })
}

/// Deletes a provider whose name was typed.
pub(crate) async fn delete(asked: Asked<ProviderId>) -> Result<Response, Failure> {
    let Asked { console, visitor, id, form, key } = &asked;
    let typed = form.get("name");
    let named = match console.service.provider_get(visitor.scope(), *id).await {
        // A page breaks long names and browsers trim what is copied from one; the words decide.
        Ok(provider) => typed.split_whitespace().eq(provider.display_name.split_whitespace()),
        // Gone by a click before this one, perhaps: then it is answered like that.
        Err(Error::NotFound { .. }) => true,
        Err(error) => return Err(error.into()),
    };
    if !named {
        let problem = "This is not the provider's name. Type it as it stands above.";
        let page = delete_page(console, visitor, *id, typed, problem).await?;
        return html_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let done = console.service.provider_delete(visitor.scope(), *id, None, Some(key)).await;
    match done {
        Ok(_) => Ok(Redirect::to("/providers?notice=provider-deleting").into_response()),
        Err(error) => refused(&asked, error).await,
    }
}

/// The page of a job that was started, or the provider's with what refused it.
async fn started(asked: &Asked<ProviderId>, done: Result<JobId, Error>) -> Result<Response, Failure> {
    match done {
        Ok(job) => Ok(Redirect::to(&format!("/jobs/{job}?notice=job-started")).into_response()),
        Err(error) => refused(asked, error).await,
    }
}

/// The provider's page: as it is now, or with what refused the change above it.
async fn changed(asked: &Asked<ProviderId>, done: Result<&'static str, Error>) -> Result<Response, Failure> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/providers/{}?notice={notice}", asked.id)).into_response()),
        Err(error) => refused(asked, error).await,
    }
}

async fn refused(asked: &Asked<ProviderId>, error: Error) -> Result<Response, Failure> {
    let failure = Failure::from(error);
    let page = detail_page(&asked.console, &asked.visitor, asked.id, Some(Alert::bad(failure.message.clone()))).await?;
    html_with(failure.status, &page)
}
