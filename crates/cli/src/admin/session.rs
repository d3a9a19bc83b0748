//! One admin command's connection: where the server is, the key, the deadline, and calls that are tried again when that can help.
//!
//! Knows nothing of what is called. A call that changes something carries its request id inside the message, so trying it again
//! is safe: the server answers what it answered before.

use super::output::{Format, Output};
use crate::exit::{Exit, ExitCode};
use anyhow::{Context, Result};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

/// How often a call is made at most when the server is unavailable.
const ATTEMPTS: u32 = 4;
/// The wait before the second attempt; it doubles, and the server's own wish (`RetryInfo`) wins.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait between two attempts, whatever the server asks.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The deadline of one call unless `--timeout` says another.
const CALL_DEADLINE: Duration = Duration::from_secs(60);

/// Which server, with which key, and how to answer.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Connection and output")]
pub struct SessionArgs {
    /// Address of the server's API.
    #[arg(long, global = true, env = "LINKYARD_SERVER", default_value = "http://127.0.0.1:50051", value_name = "URL")]
    pub server: String,

    /// A certificate authority (PEM) to trust besides the system's, for a server with https.
    #[arg(long, global = true, env = "LINKYARD_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// File that holds the API key. Without it: the variable `LINKYARD_API_KEY`, then `api-key` in the data directory of `up`.
    #[arg(long, global = true, env = "LINKYARD_API_KEY_FILE", value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// The data directory of `linkyard up` on this machine; its `api-key` is used when no other key is given.
    #[arg(long, global = true, env = "LINKYARD_DATA_DIR", default_value = crate::args::DATA_DIR, value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Longest time for the whole command, like 30s or 10m. Without it one call may take 60s and waiting for a job has no end.
    #[arg(long, global = true, env = "LINKYARD_TIMEOUT", value_parser = crate::duration::parse, value_name = "DURATION")]
    pub timeout: Option<Duration>,

    /// A table for people, or one JSON document (the API's own JSON) for programs.
    #[arg(short, long, global = true, env = "LINKYARD_OUTPUT", value_enum, default_value_t = Format::Table)]
    pub output: Format,
}

/// A connection for one command.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    channel: Channel,
    authorization: MetadataValue<Ascii>,
    deadline: Duration,
    server: String,
    /// How to answer.
    pub(crate) output: Output,
    /// The job that is being followed now.
    followed: Arc<Mutex<Option<String>>>,
}

impl Session {
    /// Prepares the connection; the first call opens it.
    ///
    /// # Errors
    /// Exit code 2 for an address that is none, 4 when there is no key.
    pub(crate) fn open(args: &SessionArgs) -> Result<Self> {
        let mut endpoint = Endpoint::from_shared(args.server.clone())
            .map_err(|_| Exit::usage(format!("--server: `{}` is not an address like http://127.0.0.1:50051", args.server)))?
            .connect_timeout(Duration::from_secs(10))
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_while_idle(true)
            .user_agent(concat!("linkyard/", env!("CARGO_PKG_VERSION")))?;
        if args.server.starts_with("https://") {
            endpoint = endpoint.tls_config(tls(args.ca_file.as_deref())?).context("--ca-file can not be used")?;
        }
        let mut authorization: MetadataValue<Ascii> = format!("Bearer {}", api_key(args)?)
            .parse()
            .map_err(|_| Exit::error(ExitCode::Auth, "the API key holds characters that no key has"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            channel: endpoint.connect_lazy(),
            authorization,
            deadline: args.timeout.unwrap_or(CALL_DEADLINE),
            server: args.server.clone(),
            output: Output::new(args.output),
            followed: Arc::default(),
        })
    }

    /// Notes the job that is being followed from now on, if any.
    pub(crate) fn note_followed(&self, name: Option<&str>) {
        *self.followed.lock().unwrap_or_else(PoisonError::into_inner) = name.map(str::to_owned);
    }

    /// What to say when a person interrupts now. One place listens for that: of two listeners either may hear it first.
    pub(crate) fn interruption(&self) -> String {
        match &*self.followed.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(name) => format!("detached; the job goes on: linkyard job watch {name}"),
            None => "interrupted".to_owned(),
        }
    }

    /// The channel, for a stream.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// `message` with the key, without a deadline: for a stream.
    pub(crate) fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.clone());
        request
    }

    /// Makes one call, and again while the server is unavailable. Used through [`call!`].
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn call<Q, A, F>(&self, message: Q, method: impl Fn(Channel, Request<Q>) -> F) -> Result<A>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut wait = FIRST_WAIT;
        for _ in 1..ATTEMPTS {
            match self.attempt(message.clone(), &method).await {
                Err(status) if status.code() == Code::Unavailable => {
                    let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
                    tracing::debug!(%status, "the server is unavailable; trying again");
                    tokio::time::sleep(asked.unwrap_or(wait).min(LONGEST_WAIT)).await;
                    wait *= 2;
                }
                outcome => return outcome.map_err(|status| self.explain(status)),
            }
        }
        self.attempt(message, &method).await.map_err(|status| self.explain(status))
    }

    async fn attempt<Q, A, F>(&self, message: Q, method: &impl Fn(Channel, Request<Q>) -> F) -> Result<A, Status>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut request = self.request(message);
        request.set_timeout(self.deadline);
        method(self.channel.clone(), request).await.map(Response::into_inner)
    }

    /// Adds what a person can do when nobody listens; a status that the server wrote speaks for itself.
    pub(crate) fn explain(&self, status: Status) -> anyhow::Error {
        let nobody_listens = status.code() == Code::Unavailable && std::error::Error::source(&status).is_some();
        let error = anyhow::Error::new(status);
        if nobody_listens {
            return error.context(format!("no linkyard server answers at {} (`linkyard up` starts one)", self.server));
        }
        error
    }
}

/// Calls one method: `call!(session, ProviderServiceClient, get_provider, request)`.
macro_rules! call {
    ($session:expr, $client:ident, $method:ident, $message:expr) => {
        $session.call($message, |channel, request| async move { $client::new(channel).$method(request).await })
    };
}
pub(crate) use call;

fn tls(ca_file: Option<&Path>) -> Result<ClientTlsConfig> {
    let config = ClientTlsConfig::new().with_native_roots();
    let Some(path) = ca_file else { return Ok(config) };
    let pem = std::fs::read(path).with_context(|| format!("--ca-file {} can not be read", path.display()))?;
    Ok(config.ca_certificate(Certificate::from_pem(pem)))
}

fn api_key(args: &SessionArgs) -> Result<String> {
    if let Some(path) = &args.api_key_file {
        return read_key(path).map_err(|error| {
            Exit::error(ExitCode::Auth, format!("the API key file {} can not be read: {error}", path.display()))
        });
    }
    if let Ok(key) = std::env::var("LINKYARD_API_KEY") {
        return Ok(key.trim().to_owned());
    }
    let path = args.data_dir.join(crate::serve::API_KEY_FILE);
    read_key(&path).map_err(|_| {
        let message = format!(
            "no API key: give --api-key-file, set LINKYARD_API_KEY, or run where `linkyard up` keeps its data ({} is not there)",
            path.display()
        );
        Exit::error(ExitCode::Auth, message)
    })
}

fn read_key(path: &Path) -> std::io::Result<String> {
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}

/// A fresh request id: the same id on every attempt of one command, another one for the next command.
pub(crate) fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Everything a list has, page by page, up to `limit` rows.
///
/// # Errors
/// Whatever `fetch` answers.
pub(crate) async fn pages<T>(
    limit: Option<usize>,
    mut fetch: impl AsyncFnMut(i32, String) -> Result<(Vec<T>, String)>,
) -> Result<Vec<T>> {
    /// The largest page of the API.
    const LARGEST: usize = 1_000;
    let (mut rows, mut token) = (Vec::new(), String::new());
    loop {
        let wanted = limit.map_or(LARGEST, |limit| (limit - rows.len()).min(LARGEST));
        if wanted == 0 {
            return Ok(rows);
        }
        let (page, next) = fetch(i32::try_from(wanted)?, token).await?;
        rows.extend(page);
        if let Some(limit) = limit {
            rows.truncate(limit);
        }
        if next.is_empty() {
            return Ok(rows);
        }
        token = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn paged(total: usize, limit: Option<usize>) -> (Vec<usize>, Vec<i32>) {
        let mut sizes = Vec::new();
        let rows = pages(limit, async |size, token| {
            sizes.push(size);
            let from: usize = token.parse().unwrap_or(0);
            let to = total.min(from + usize::try_from(size)?);
            Ok(((from..to).collect(), if to < total { to.to_string() } else { String::new() }))
        });
        (rows.await.expect("pages"), sizes)
    }

    #[tokio::test]
    async fn a_list_without_limit_is_read_to_its_end() {
        let (rows, sizes) = paged(2_500, None).await;
        assert_eq!(rows, (0..2_500).collect::<Vec<_>>());
        assert_eq!(sizes, [1_000, 1_000, 1_000]);
    }

    #[tokio::test]
    async fn a_limit_is_kept_and_no_more_than_needed_is_asked_for() {
        let (rows, sizes) = paged(2_500, Some(1_010)).await;
        assert_eq!(rows.len(), 1_010);
        assert_eq!(sizes, [1_000, 10]);
        assert_eq!(paged(5, Some(0)).await, (vec![], vec![]));
    }
}
