//! Everything that decides how a simulator behaves, as plain data. The command line that fills it is in `args.rs`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limiter::Limits;

/// How a simulator is started. `Config::default()` listens on a free port of 127.0.0.1, has no companies, keeps nothing on
/// disk and limits like Procore's published default (3,600 per hour, 100 per 10 s).
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on; port 0 lets the operating system choose.
    pub listen: SocketAddr,
    /// Where state and journal live; `None` keeps both in memory.
    pub data_dir: Option<PathBuf>,
    /// Companies to create, unless the data directory already has one of that id.
    pub companies: Vec<CompanySpec>,
    /// The platform's own credentials: they open every company.
    pub credentials: Credentials,
    /// How long a token lives, in seconds. Procore: 5,400.
    pub token_ttl_s: u64,
    /// So many of a hundred writes are done, and their answers lost: a fault that is there from the start.
    pub lost_replies_percent: u8,
    /// What can be changed while running.
    pub settings: Settings,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data_dir: None,
            companies: Vec::new(),
            credentials: Credentials { client_id: "simulator-client".to_owned(), client_secret: "simulator-secret".to_owned() },
            token_ttl_s: 5400,
            lost_replies_percent: 0,
            settings: Settings::default(),
        }
    }
}

/// An OAuth client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Public half.
    pub client_id: String,
    /// Secret half. It guards invented data only, so it is stored as it is.
    pub client_secret: String,
}

/// The switches where Procore's behaviour is not documented, varies, or must be slowed down for a test. They come from
/// the command line at every start and are not part of the stored state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The two rate windows.
    pub limits: Limits,
    /// Whether a 429 of the limiter carries `Retry-After`; Procore's pages disagree.
    pub retry_after_on_429: bool,
    /// Delay before every API answer, in milliseconds.
    pub latency_ms: u64,
    /// What a missing `Procore-Company-Id` header does.
    pub company_header: CompanyHeader,
    /// Whether `Link` repeats the other query parameters. Procore's documented sample does not.
    pub link_keeps_query: bool,
    /// Lowers every endpoint's largest page, so that few rows make many pages.
    pub max_page_size: Option<u32>,
    /// Lowers the largest page of single routes, written as in the journal.
    pub max_page_sizes: BTreeMap<String, u32>,
    /// How header names are written, for connections that open from now on.
    pub header_case: HeaderCase,
    /// Whether a header that names another company than path, query or body is a 403 instead of a 404.
    pub foreign_header_is_403: bool,
    /// How long lists go on showing rows as they were before a write through the API, in milliseconds of the simulator's
    /// clock. Whoever asks for one row sees the write at once.
    pub read_lag_ms: u64,
    /// Whether a sync answers its `entities` in another order than they were sent in.
    pub shuffle_entities: bool,
    /// Whether every tenth of a sync's `entities`, from the first, comes twice.
    pub sync_repeats_rows: bool,
    /// Whether every tenth of a sync's `entities`, from the last, is left out of the answer although it was applied.
    pub sync_omits_rows: bool,
    /// Cuts connections without an answer after so many calls in a row were refused with 429.
    pub cut_after_refusals: Option<u32>,
    /// Lists without pages that have more rows than this are a 408.
    pub largest_unpaged_list: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::standard(),
            retry_after_on_429: true,
            latency_ms: 0,
            company_header: CompanyHeader::Strict,
            link_keeps_query: false,
            max_page_size: None,
            max_page_sizes: BTreeMap::new(),
            header_case: HeaderCase::Lower,
            foreign_header_is_403: false,
            read_lag_ms: 0,
            shuffle_entities: false,
            sync_repeats_rows: false,
            sync_omits_rows: false,
            cut_after_refusals: None,
            largest_unpaged_list: None,
        }
    }
}

/// How header names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderCase {
    /// `per-page`, as HTTP/2 writes them.
    Lower,
    /// `Per-Page`, as HTTP/1 servers often do.
    Title,
}

/// How far Procore's announced enforcement of the `Procore-Company-Id` header has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum CompanyHeader {
    /// The header is not looked at.
    Off,
    /// A missing header is only counted in the journal.
    Warn,
    /// A missing header is a 400; one that contradicts the path or query is a 404.
    Strict,
}

/// A customer company to create. Everything is made deterministically from `seed`, so equal specs give equal rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompanySpec {
    /// The company id, as in `Procore-Company-Id`.
    pub id: u64,
    /// The customer's own name; made up when absent.
    pub name: Option<String>,
    /// Vendors: how many, or a CSV with the columns `vendor_id,name,phone`. The customer's own record comes on top.
    pub vendors: Source,
    /// Projects: how many, or a CSV with `project_id,address,issue_date,permit_type,status,reported_cost,description`.
    /// One template and one demo project come on top.
    pub projects: Source,
    /// A CSV with `project_id,vendor_id,role`; needs CSV vendors and CSV projects. Without it associations are made up.
    pub project_vendors: Option<PathBuf>,
    /// Average vendors per made-up project.
    pub vendors_per_project: u32,
    /// People per vendor, 0 to 15.
    pub people_per_vendor: u8,
    /// Share of vendors that start inactive, in percent.
    pub inactive_vendors_percent: u8,
    /// Share of projects that start inactive, in percent.
    pub inactive_projects_percent: u8,
    /// Seed of all made-up values.
    pub seed: u64,
    /// Whether the app is installed here.
    pub installation: Installation,
    /// Whether the service user may read the directory; without it vendor lists show the minimal view.
    pub view_vendors: bool,
    /// What the service user may do with insurances.
    pub insurances: Access,
    /// Credentials that open this company only.
    pub credentials: Vec<Credentials>,
}

impl Default for CompanySpec {
    fn default() -> Self {
        Self {
            id: 4_711,
            name: None,
            vendors: Source::Count(0),
            projects: Source::Count(0),
            project_vendors: None,
            vendors_per_project: 6,
            people_per_vendor: 2,
            inactive_vendors_percent: 0,
            inactive_projects_percent: 0,
            seed: 1,
            installation: Installation::Installed,
            view_vendors: true,
            insurances: Access::Write,
            credentials: Vec::new(),
        }
    }
}

impl CompanySpec {
    /// A company of made-up vendors and projects.
    pub fn generated(id: u64, vendors: u32, projects: u32) -> Self {
        Self { id, vendors: Source::Count(vendors), projects: Source::Count(projects), ..Self::default() }
    }
}

/// Where a company's rows come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Source {
    /// So many made-up rows.
    Count(u32),
    /// The rows of a CSV file, ids in file order.
    Csv(PathBuf),
}

impl std::str::FromStr for Source {
    type Err = std::convert::Infallible;

    /// A number is a count, anything else a path.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Csv(PathBuf::from(text)), Self::Count))
    }
}

/// Whether the app may work in a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Installation {
    /// The app works.
    Installed,
    /// The app was removed: the company is not listed any more and its calls are a 403.
    Uninstalled,
    /// The company is listed, but its calls are a 403.
    Disconnected,
}

/// What the service user may do with one tool of a company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing: every call is a 404, as if nothing were there.
    None,
    /// Reading; writes are a 403.
    Read,
    /// Everything.
    Write,
}
