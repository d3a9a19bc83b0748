//! Where Procore is and with which app we call it: this crate's part of the command line.

use linkyard_core::{Error, Result};
use secrecy::SecretString;
use std::path::PathBuf;

/// Where Procore logs in in production.
const LOGIN_URL: &str = "https://login.procore.com";
/// Where Procore's API is in production.
const API_URL: &str = "https://api.procore.com";
/// What `silence_ms` is unless a drill says otherwise, and at most.
const LONGEST_SILENCE_MS: u64 = 15_000;

/// How to reach Procore. Login and API are two hosts in every environment of Procore, and tokens of one environment mean nothing in
/// another, so both are set together.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where tokens come from.
    #[arg(long = "procore-login-url", env = "LINKYARD_PROCORE_LOGIN_URL", default_value = LOGIN_URL)]
    pub login_url: String,

    /// Where the API is.
    #[arg(long = "procore-api-url", env = "LINKYARD_PROCORE_API_URL", default_value = API_URL)]
    pub api_url: String,

    /// Client id of the platform's own app, used for providers whose form says N/A.
    #[arg(long = "procore-client-id", env = "LINKYARD_PROCORE_CLIENT_ID")]
    pub client_id: Option<String>,

    /// Its client secret. Set it through the environment or a file: arguments are visible to everybody on the machine.
    #[arg(
        long = "procore-client-secret",
        env = "LINKYARD_PROCORE_CLIENT_SECRET",
        hide = true,
        hide_env_values = true,
        value_parser = secret
    )]
    pub client_secret: Option<SecretString>,

    /// File with the client secret of the platform's own app; surrounding white space is not part of it.
    #[arg(long = "procore-client-secret-file", env = "LINKYARD_PROCORE_CLIENT_SECRET_FILE", conflicts_with = "client_secret")]
    pub client_secret_file: Option<PathBuf>,

    /// Vendors asked for in one call. Procore recommends at most 2,000.
    #[arg(
        long = "procore-vendors-per-page",
        env = "LINKYARD_PROCORE_VENDORS_PER_PAGE",
        default_value_t = 2000,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub vendors_per_page: u32,

    /// Projects asked for in one call. Procore's documented maximum is 300.
    #[arg(
        long = "procore-projects-per-page",
        env = "LINKYARD_PROCORE_PROJECTS_PER_PAGE",
        default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub projects_per_page: u32,

    /// People asked for in one call.
    #[arg(
        long = "procore-people-per-page",
        env = "LINKYARD_PROCORE_PEOPLE_PER_PAGE",
        default_value_t = 2000,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub people_per_page: u32,

    /// Insurances asked for in one call.
    #[arg(
        long = "procore-insurances-per-page",
        env = "LINKYARD_PROCORE_INSURANCES_PER_PAGE",
        default_value_t = 2000,
        value_parser = clap::value_parser!(u32).range(1..=10_000)
    )]
    pub insurances_per_page: u32,

    /// Allow http:// and private or local addresses: for the simulator. Without it only https to public addresses is called.
    #[arg(long = "procore-allow-private-hosts", env = "LINKYARD_PROCORE_ALLOW_PRIVATE_HOSTS")]
    pub allow_private_hosts: bool,

    /// For how many milliseconds a call may be silent, before its answer and within it. Only drills lower it: a slow directory needs the time.
    #[arg(
        long = "procore-silence-ms",
        env = "LINKYARD_PROCORE_SILENCE_MS",
        hide = true,
        default_value_t = LONGEST_SILENCE_MS,
        value_parser = clap::value_parser!(u64).range(1..=LONGEST_SILENCE_MS)
    )]
    pub silence_ms: u64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            login_url: LOGIN_URL.to_owned(),
            api_url: API_URL.to_owned(),
            client_id: None,
            client_secret: None,
            client_secret_file: None,
            vendors_per_page: 2000,
            projects_per_page: 300,
            people_per_page: 2000,
            insurances_per_page: 2000,
            allow_private_hosts: false,
            silence_ms: LONGEST_SILENCE_MS,
        }
    }
}

impl Args {
    /// The arguments for a simulator that serves login and API on one address (`http://127.0.0.1:PORT`).
    #[must_use]
    pub fn simulator(url: &str, client_id: &str, client_secret: &str) -> Self {
        Self {
            login_url: url.to_owned(),
            api_url: url.to_owned(),
            client_id: Some(client_id.to_owned()),
            client_secret: Some(SecretString::from(client_secret.to_owned())),
            allow_private_hosts: true,
            ..Self::default()
        }
    }

    /// The platform's client id and secret, where both are configured.
    ///
    /// # Errors
    /// `Invalid` when the secret's file can not be read or only one of the two is set.
    pub(crate) fn platform(&self) -> Result<Option<(String, SecretString)>> {
        let secret = match &self.client_secret_file {
            Some(path) => Some(read_secret(path)?),
            None => self.client_secret.clone(),
        };
        match (self.client_id.clone().filter(|id| !id.trim().is_empty()), secret) {
            (None, None) => Ok(None),
            (Some(id), Some(secret)) => Ok(Some((id.trim().to_owned(), secret))),
            (Some(_), None) => Err(Error::invalid("procore-client-secret-file", "is missing; the client id is set")),
            (None, Some(_)) => Err(Error::invalid("procore-client-id", "is missing; the client secret is set")),
        }
    }
}

fn read_secret(path: &std::path::Path) -> Result<SecretString> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::invalid("procore-client-secret-file", format!("{} can not be read: {error}", path.display())))?;
    Ok(SecretString::from(text.trim().to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a clap value parser")]
fn secret(text: &str) -> std::result::Result<SecretString, std::convert::Infallible> {
    Ok(SecretString::from(text.trim().to_owned()))
}
