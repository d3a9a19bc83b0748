//! The command line of `linkyard simulator`, turned into a `Config`. No behaviour lives here.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{CompanyHeader, CompanySpec, Config, Credentials, Settings, Source};
use crate::limiter::Limits;

/// The company that is created where no other is asked for.
pub const COMPANY: u64 = 4711;

/// Serve a faithful fake of Procore's REST API on one local address.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on; port 0 takes a free one. It is printed as `listening on http://..`.
    #[arg(long, env = "LINKYARD_SIMULATOR_LISTEN", default_value = "127.0.0.1:8430")]
    pub listen: SocketAddr,

    /// Directory for state and journal; started again on it, the simulator goes on where it was. Default: memory only.
    #[arg(long, env = "LINKYARD_SIMULATOR_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Id of a company to create, unless the data directory has it already. 0 creates none.
    #[arg(long, default_value_t = COMPANY)]
    pub company: u64,

    /// Name of that company; made up when absent.
    #[arg(long)]
    pub company_name: Option<String>,

    /// Vendors of that company: a number to make up, or a CSV with `vendor_id,name,phone`.
    #[arg(long, default_value = "500", value_name = "N|FILE.csv")]
    pub vendors: Source,

    /// Projects of that company: a number to make up, or a CSV with `project_id,address,issue_date,permit_type,..`
    #[arg(long, default_value = "40", value_name = "N|FILE.csv")]
    pub projects: Source,

    /// Which vendor works on which project: a CSV with `project_id,vendor_id,role` (only with two CSVs).
    #[arg(long, value_name = "FILE.csv")]
    pub project_vendors: Option<PathBuf>,

    /// People of each vendor, at most 15.
    #[arg(long, default_value_t = 2)]
    pub people_per_vendor: u8,

    /// Seed of everything made up; the same seed gives the same rows.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Rate limits: the two pairs that Procore publishes, a tiny one for tests, or none.
    #[arg(long, value_enum, default_value_t = LimitPreset::Standard)]
    pub limits: LimitPreset,

    /// Calls per hourly window, instead of the preset's.
    #[arg(long)]
    pub hourly_limit: Option<u32>,

    /// Calls per spike window, instead of the preset's.
    #[arg(long)]
    pub spike_limit: Option<u32>,

    /// Length of the hourly window in milliseconds.
    #[arg(long)]
    pub hourly_window_ms: Option<u64>,

    /// Length of the spike window in milliseconds.
    #[arg(long)]
    pub spike_window_ms: Option<u64>,

    /// Leave `Retry-After` out of the limiter's 429.
    #[arg(long)]
    pub no_retry_after: bool,

    /// Delay before every API answer in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub latency_ms: u64,

    /// So many of a hundred writes are done, and their answers lost.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub lost_replies_percent: u8,

    /// Largest page of any list, below the endpoints' own maxima.
    #[arg(long)]
    pub max_page_size: Option<u32>,

    /// What a missing `Procore-Company-Id` header does.
    #[arg(long, value_enum, default_value_t = CompanyHeader::Strict)]
    pub company_header: CompanyHeader,

    /// Client id that opens every company.
    #[arg(long, env = "LINKYARD_SIMULATOR_CLIENT_ID", default_value = "simulator-client")]
    pub client_id: String,

    /// Its secret.
    #[arg(long, env = "LINKYARD_SIMULATOR_CLIENT_SECRET", default_value = "simulator-secret", hide_env_values = true)]
    pub client_secret: String,

    /// Life of an access token in seconds.
    #[arg(long, default_value_t = 5400)]
    pub token_ttl_s: u64,

    /// Stop when standard input is closed, so that a parent that is killed takes the simulator along.
    #[arg(long)]
    pub exit_when_stdin_closes: bool,
}

/// Named pairs of rate limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LimitPreset {
    /// 3,600 per hour and 100 per 10 s.
    Standard,
    /// 600 per hour and 25 per 10 s.
    Small,
    /// 60 per minute and 5 per second.
    Tiny,
    /// No limits and no rate headers.
    Off,
}

impl LimitPreset {
    /// The pair behind the name.
    pub fn limits(self) -> Limits {
        match self {
            Self::Standard => Limits::standard(),
            Self::Small => Limits::small(),
            Self::Tiny => Limits::tiny(),
            Self::Off => Limits::off(),
        }
    }
}

impl Args {
    /// The configuration that these arguments ask for.
    pub fn config(&self) -> Config {
        let mut limits = self.limits.limits();
        limits.hourly = self.hourly_limit.or(limits.hourly);
        limits.spike = self.spike_limit.or(limits.spike);
        limits.hourly_window_ms = self.hourly_window_ms.unwrap_or(limits.hourly_window_ms);
        limits.spike_window_ms = self.spike_window_ms.unwrap_or(limits.spike_window_ms);
        Config {
            listen: self.listen,
            data_dir: self.data_dir.clone(),
            companies: self.companies(),
            credentials: Credentials { client_id: self.client_id.clone(), client_secret: self.client_secret.clone() },
            token_ttl_s: self.token_ttl_s,
            lost_replies_percent: self.lost_replies_percent,
            settings: Settings {
                limits,
                retry_after_on_429: !self.no_retry_after,
                latency_ms: self.latency_ms,
                company_header: self.company_header,
                max_page_size: self.max_page_size,
                ..Settings::default()
            },
        }
    }

    fn companies(&self) -> Vec<CompanySpec> {
        if self.company == 0 {
            return Vec::new();
        }
        vec![CompanySpec {
            id: self.company,
            name: self.company_name.clone(),
            vendors: self.vendors.clone(),
            projects: self.projects.clone(),
            project_vendors: self.project_vendors.clone(),
            people_per_vendor: self.people_per_vendor,
            seed: self.seed,
            ..CompanySpec::default()
        }]
    }
}
