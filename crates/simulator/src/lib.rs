//! A faithful fake of Procore's REST API, as a server of its own: login, API and admin on one origin.
//!
//! It exists so that everything that talks to Procore can be tried, tested and measured without Procore: OAuth client
//! credentials, companies with and without the app, directories of any size (made up from a seed or read from CSV),
//! pages with Procore's odd headers, two rate windows at once, error bodies in all their shapes, faults on demand, and a
//! journal of every call. It shares no code with the client: its wire types are its own, so that a mistake on one side
//! is not repeated on the other.
//!
//! # What is assumed
//! Procore documents much, not all. Assumed here: lists are in id order; `view=ids` and `ids_only` are arrays of numbers;
//! `compact` and `list` carry a handful of fields; an unknown view or a broken range filter is a 400; joining a project
//! does not move a vendor's `updated_at`; a call refused with 429 does not spend budget; 403 for every company call of
//! an app that is uninstalled or disconnected, while `/companies`, `/me` and `/app_installations` still answer.
//!
//! Of insurances: the list at company level has no project's insurances in it, but an `origin_id` is unique over both;
//! `exempt` and `info_received` start as false, `status` as null; a limit is a decimal number; a field that is not valid is a
//! 422 that names it; a row, vendor or project that cannot be seen is a 404; a `PATCH` of one insurance that does not take its
//! vendor from the path needs `vendor_id`, as Procore's reference marks it; a sync of more than 1,000 rows is a 400; nothing
//! expires by itself; insurances end with their vendor's merge. Of vendors: a `PATCH` of one needs `name`, a sync does not;
//! joining by `actions/add` twice is no error.
//!
//! # Admin API (JSON)
//! | call | what |
//! | --- | --- |
//! | `GET /admin/health` | 200 once it listens |
//! | `GET /admin/journal?after=SEQUENCE&limit=N` | calls in the order in which they ended; default 1,000, at most 10,000 |
//! | `GET /admin/journal/report?company_id=&after=&grace_ms=` | counts per date, status, method and normalized route; `calls_during_block`, `missing_company_header`, `foreign_company_header`, `max_in_flight`, `faults_landed`, .. |
//! | `GET /admin/companies` | all, with their counts |
//! | `POST /admin/companies` | a [`CompanySpec`]: `{"id":1,"vendors":100,"projects":"/path.csv","seed":7,..}` |
//! | `PUT /admin/companies/{id}/installation` | `{"installation":"installed"\|"uninstalled"\|"disconnected","view_vendors":true,"insurances":"write"\|"read"\|"none"}` |
//! | `GET /admin/companies/{id}/directory?resource=` | `vendors`, `projects`, `associations`, `people` or `insurances`: every row as JSON lines, merged and deleted ones with `"gone":true`; insurances also with `project_id` and `api_writes`, how often the API wrote them |
//! | `POST /admin/companies/{id}/vendors` | `{"rows":[{"name":"..",..}],"count":N,"early":false}` -> `{"ids":[..]}`; `count` rows are made up; `early` ids come first in every list |
//! | `PATCH /admin/companies/{id}/vendors/{vendor}` | any field of the views, plus `is_active`, `parent_id`, `project_ids`; moves `updated_at` unless that is given |
//! | `DELETE /admin/companies/{id}/vendors/{vendor}` | merged away: a 404 from now on |
//! | `POST /admin/companies/{id}/vendors/{master}/merge` | `{"sources":[..]}`: their ids are a 404, their projects and branches are the master's, their insurances end |
//! | the same three with `projects` | `active`, `permitted`, .. |
//! | the same three with `people` | rows need `vendor_id`; `first_name`, `last_name`, `email_address`, `is_active`, .. |
//! | the same three with `insurances` | what a person or an ERP system does: rows as the API takes them, plus `project_id`; `count` rows are made up |
//! | `POST`, `DELETE /admin/companies/{id}/associations` | `{"pairs":[[project,vendor],..]}` |
//! | `GET`, `PUT /admin/settings` | [`Settings`], whole |
//! | `PUT /admin/limits` | `{"preset":"small"}` or `{"hourly":600,"spike":25,"hourly_window_ms":..,"spike_window_ms":..}`; windows start anew |
//! | `PUT /admin/latency` | `{"latency_ms":50}` |
//! | `GET`, `POST /admin/clock` | `{"advance_s":5400}`, `{"advance_ms":..}` |
//! | `POST /admin/stop-token` | every token given so far is invalid |
//! | `GET`, `POST`, `DELETE /admin/faults` | scripts, see below; `GET` shows `seen` and `landed` |
//!
//! # Settings
//! `PUT /admin/settings` takes all of [`Settings`]; what is left out goes back to its default. Besides limits and latency:
//! `retry_after_on_429`, `company_header` (`off`, `warn`, `strict`), `foreign_header_is_403`, `link_keeps_query`,
//! `max_page_size`, `max_page_sizes` (`{"/rest/v1.0/vendors":7}`), `header_case` (`lower`, `title`; for new connections),
//! `read_lag_ms` (a write through the API is in lists only after so many milliseconds of the simulator's clock, in the row itself
//! at once), `shuffle_entities`, `sync_repeats_rows`, `sync_omits_rows` (answers of syncs), `cut_after_refusals` (connections
//! are cut after so many 429 in a row), `largest_unpaged_list` (longer lists without pages are a 408).
//!
//! # Fault scripts
//! `{"match":{"method":"GET","route":"/rest/v1.0/vendors","path_contains":"page=2","company_id":1,"nth":2,"every":3,
//! "probability":0.1,"seed":7,"times":5},"action":{..}}`, or a list of them. All conditions are optional; a fault without a
//! route hits `/rest` only. Routes are written as in the journal. Actions by `kind`: `status` (`status`, `retry_after_s`, or
//! `retry_after` as a text, or `retry_after_date_in_s`, `reset_in_s`, `rate_limit_headers`, `shape`, `message`), `hang`, `slow` (`delay_ms`, `chunk_bytes`), `truncated`,
//! `lose_reply`, `reset`, `html_200`, `empty_200`, `bad_json`, `page_before`, `empty_page`, `stop_tokens`, `drift` (`insert`, `append`,
//! `delete`, `rename`, `deactivate`, `reactivate`: so many rows of the list, after the answer). Shapes:
//! `errors_array`, `errors_string`, `errors_fields`, `error_string`, `error_object`, `message`, `model`, `v2`, `text`, `html`,
//! `empty`.
//!
//! # Data directory
//! State is stored as events and rebuilt from them; the journal is appended. Settings (limits, latency, ..) and fault
//! scripts are not stored: they come from the command line and the admin API.

mod admin;
mod api;
mod args;
mod build;
mod call;
mod change;
mod clock;
mod companies;
mod config;
mod csv_load;
mod directory;
mod drift;
mod effects;
mod error;
mod event;
mod faults;
mod generate;
mod ids;
mod insurance;
mod insurance_draft;
mod insurance_form;
mod insurance_view;
mod insurances;
mod journal;
mod lag;
mod limiter;
mod locks;
mod names;
mod oauth;
mod page;
mod people;
mod people_view;
mod persist;
mod project_view;
mod projects;
mod query;
mod render;
mod reply;
mod report;
mod route;
mod server;
mod service;
mod shared;
mod sync;
mod ticket;
mod transaction;
mod vendor_change;
mod vendor_form;
mod vendor_view;
mod vendor_writes;
mod vendors;
mod writes;

use std::io::{Read as _, Write as _};

pub use args::{Args, COMPANY, LimitPreset};
pub use config::{Access, CompanyHeader, CompanySpec, Config, Credentials, HeaderCase, Installation, Settings, Source};
pub use error::{Error, Result};
pub use limiter::Limits;
pub use server::Simulator;

/// Runs a simulator until `shutdown` ends, or until standard input closes if the arguments ask for that. Prints
/// `listening on http://..` when it answers.
///
/// # Errors
/// Those of [`Simulator::start`], and `Io` if standard output is closed.
pub async fn run(args: Args, shutdown: impl Future<Output = ()>) -> Result<()> {
    let simulator = Simulator::start(args.config()).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on {}", simulator.url())
        .and_then(|()| stdout.flush())
        .map_err(|source| Error::io("cannot write to standard output", source))?;
    if args.exit_when_stdin_closes {
        tokio::select! {
            () = shutdown => {}
            () = stdin_closed() => {}
        }
    } else {
        shutdown.await;
    }
    simulator.stop().await;
    Ok(())
}

/// Ends when standard input does. A plain thread: a blocked read must not hold up the end of the runtime.
async fn stdin_closed() {
    let (closed, when_closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        let mut stdin = std::io::stdin();
        while stdin.read(&mut buffer).is_ok_and(|read| read > 0) {}
        // The receiver is gone if the simulator stopped for another reason.
        let _ = closed.send(());
    });
    let _ = when_closed.await;
}
