//! The console: pages for people, over the same services as the gRPC API.
//!
//! Lives here: which pages there are and who may open them ([`PAGES`]), sessions, what every page has around it, forms, the live stream,
//! and the pages themselves: one file of handlers and views per area, its templates beside them. Does not live here: any rule about the
//! things that are shown (the services'), and any JavaScript but `assets/app.js`, without which everything works as well.

mod admit;
mod asked;
mod assets;
mod audit;
mod budget;
mod duplicates;
mod failure;
mod form;
mod guard;
mod jobs;
mod keys;
mod live;
mod mapping;
mod origin;
mod overview;
mod party;
mod plot;
mod project;
mod provider_form;
mod providers;
mod registry;
mod shell;
mod sign_in;
mod words;
mod workers;

pub use origin::Origin;

use crate::access::Need;
use crate::auth::Keys;
use crate::service::Service;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use linkyard_core::scope::Access;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What all pages share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    pub(crate) service: Service,
    /// What is known of keys here: one that is revoked is forgotten at once.
    pub(crate) keys: Keys,
    /// Where browsers find it, when not at a loopback address.
    pub(crate) origin: Option<Origin>,
    /// How often an open page looks for changes.
    pub(crate) every: Duration,
    /// The process stops: live streams end.
    pub(crate) draining: CancellationToken,
}

const OPEN: Need = Need::Nothing;
const READ: Need = Need::Key(Access::Read);
const WRITE: Need = Need::Key(Access::Write);
const OPERATOR: Need = Need::Key(Access::Operator);

/// Makes the table of pages and the router of one list, so that no page can be in one of them only.
macro_rules! pages {
    ($($method:ident $path:literal $need:ident $handler:expr;)+) => {
        /// Every page of the console: method, path, and what the visitor's key must allow.
        pub const PAGES: &[(&str, &str, Need)] = &[$((stringify!($method), $path, $need)),+];

        fn pages(console: &Console) -> Router<Console> {
            let admit = |need: Need| from_fn_with_state((console.clone(), need), admit::admit);
            Router::new()$(.route($path, $method($handler).route_layer(admit($need))))+
        }
    };
}

pages! {
    get "/" READ overview::show;
    get "/live" READ overview::live;
    get "/sign-in" OPEN sign_in::show;
    post "/sign-in" OPEN sign_in::with_key;
    post "/sign-in/link" OPEN sign_in::with_link;
    post "/sign-out" OPEN sign_in::out;
    post "/theme" OPEN shell::choose_theme;
    get "/assets/{file}" OPEN assets::serve;
    get "/providers" READ providers::list;
    get "/providers/live" READ providers::list_live;
    get "/providers/new" WRITE provider_form::new;
    post "/providers/new" WRITE provider_form::create;
    get "/providers/{id}" READ providers::detail;
    get "/providers/{id}/live" READ providers::detail_live;
    get "/providers/{id}/edit" WRITE provider_form::edit;
    post "/providers/{id}/edit" WRITE provider_form::update;
    post "/providers/{id}/test" WRITE providers::act::test;
    post "/providers/{id}/fetch" WRITE providers::act::fetch;
    post "/providers/{id}/pause" WRITE providers::act::pause;
    post "/providers/{id}/resume" WRITE providers::act::resume;
    post "/providers/{id}/approve" OPERATOR providers::act::approve;
    get "/providers/{id}/delete" WRITE providers::act::confirm_delete;
    post "/providers/{id}/delete" WRITE providers::act::delete;
    get "/mapping/{list}" READ mapping::list::choose;
    get "/mapping/{list}/{id}" READ mapping::list::show;
    get "/mapping/{list}/{id}/live" READ mapping::list::live;
    get "/mapping/{list}/{id}/targets" READ mapping::target::show;
    post "/mapping/{list}/{id}/act" WRITE mapping::act::act;
    get "/mapping/{list}/{id}/plan" READ mapping::plan::show;
    post "/mapping/{list}/{id}/confirm" WRITE mapping::plan::confirm;
    get "/mapping/{list}/{id}/automatic" WRITE mapping::automatic::warning;
    post "/mapping/{list}/{id}/automatic" WRITE mapping::automatic::switch;
    get "/mapping/{list}/{id}/export" READ mapping::file::export;
    get "/mapping/{list}/{id}/import" WRITE mapping::file::form;
    post "/mapping/{list}/{id}/import" WRITE mapping::file::preview;
    post "/mapping/{list}/{id}/import/start" WRITE mapping::file::start;
    get "/jobs" READ jobs::list;
    get "/jobs/live" READ jobs::list_live;
    get "/jobs/{id}" READ jobs::detail;
    get "/jobs/{id}/live" READ jobs::detail_live;
    post "/jobs/{id}/cancel" WRITE jobs::cancel;
    post "/jobs/{id}/retry" WRITE jobs::retry;
    get "/parties" READ registry::parties;
    get "/parties/live" READ registry::parties_live;
    get "/parties/{id}" READ party::show;
    get "/parties/{id}/live" READ party::show_live;
    get "/projects" READ registry::projects;
    get "/projects/live" READ registry::projects_live;
    get "/projects/{id}" READ project::show;
    get "/projects/{id}/live" READ project::show_live;
    get "/duplicates" READ duplicates::list;
    get "/duplicates/live" READ duplicates::list_live;
    get "/duplicates/{id}" READ duplicates::detail;
    post "/duplicates/{id}/dismiss" WRITE duplicates::dismiss;
    post "/duplicates/{id}/restore" WRITE duplicates::restore;
    post "/duplicates/{id}/map" WRITE duplicates::map;
    post "/duplicates/{id}/merge" WRITE duplicates::merge;
    get "/workers" OPERATOR workers::show;
    get "/workers/live" OPERATOR workers::show_live;
    post "/workers/{id}/drain" OPERATOR workers::drain;
    get "/budget" READ budget::show;
    get "/budget/live" READ budget::show_live;
    get "/keys" READ keys::list;
    get "/keys/live" READ keys::list_live;
    get "/keys/new" WRITE keys::new;
    post "/keys/new" WRITE keys::create;
    get "/keys/{id}/revoke" WRITE keys::confirm_revoke;
    post "/keys/{id}/revoke" WRITE keys::revoke;
    get "/audit" READ audit::show;
    get "/audit/live" READ audit::show_live;
}

/// The console as a router of its own, with all its layers.
pub(crate) fn router(console: Console) -> Router {
    pages(&console).fallback(failure::no_such_page).layer(from_fn_with_state(console.clone(), guard::guard)).with_state(console)
}

/// Whether a path is for the API: the name of a method, `/package.Service/Method`.
pub(crate) fn is_call(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).is_some_and(|(service, _)| service.contains('.'))
}
