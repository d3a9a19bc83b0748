//! A whole linkyard in one process: store, doorbell, client of Procore, worker and control on a listener.
//!
//! `up`, the demo and the end-to-end tests all start this one assembly, so what they show is the same program. Here is only what runs
//! together and in which order it starts and stops; what the parts do is theirs. The fake Procore is not part of it, see
//! [`crate::serve::simulator`].

use super::data_dir::DataDir;
use super::{first_key, sealing};
use anyhow::{Context, Result, anyhow};
use linkyard_core::budget::Budget;
use linkyard_procore::Procore;
use linkyard_queue::{BudgetArgs, Doorbell, MemoryBudget};
use linkyard_store::Store;
use linkyard_worker::WorkerArgs;
use secrecy::{ExposeSecret, SecretString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What a yard is made from.
#[derive(Clone, Debug)]
pub struct YardConfig {
    /// Where the database, the keys and the lock are; made where it is missing.
    pub data_dir: PathBuf,
    /// Another database than the SQLite file of the data directory: `sqlite:PATH` or `postgres://..`.
    pub database_url: Option<String>,
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where Procore is.
    pub procore: linkyard_procore::Args,
    /// Slots, leases, waits.
    pub worker: WorkerArgs,
    /// How calls to Procore are counted.
    pub budget: BudgetArgs,
    /// Whether callers are told the shape of the API without a key.
    pub reflection: bool,
    /// Whether the first claim on a company id needs no operator.
    pub approve_claims: bool,
    /// How long calls in flight may take after a stop was asked for.
    pub drain: Duration,
}

impl YardConfig {
    /// A yard in `data_dir` on a free port of 127.0.0.1 that calls `procore`, with one customer: reflection on, claims approved.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>, procore: linkyard_procore::Args) -> Self {
        Self {
            data_dir: data_dir.into(),
            database_url: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            procore,
            worker: WorkerArgs::default(),
            budget: BudgetArgs::default(),
            reflection: true,
            approve_claims: true,
            drain: Duration::from_secs(30),
        }
    }
}

/// A running yard. [`Yard::stop`] ends it orderly; dropping it ends everything at once, as a crash would.
#[derive(Debug)]
pub struct Yard {
    address: SocketAddr,
    store: Store,
    doorbell: Doorbell,
    api_key: SecretString,
    new_api_key: bool,
    shutdown: CancellationToken,
    parts: JoinSet<(&'static str, linkyard_core::Result<()>)>,
    /// The last field: given up when everything else has ended.
    data_dir: DataDir,
}

impl Yard {
    /// Starts everything and answers when the API listens. The schema is brought up to date, leases of the boot before are released (the
    /// lock says that nobody else runs on this SQLite file), and on the first start an organization and an operator key are made.
    ///
    /// # Errors
    /// When another process has the data directory, the database can not be opened, or the address is taken.
    pub async fn start(config: YardConfig) -> Result<Self> {
        Self::start_in(DataDir::take(&config.data_dir)?, config).await
    }

    /// As [`Yard::start`], in a data directory that was taken before: for a process that keeps more in it than the yard.
    ///
    /// # Errors
    /// As [`Yard::start`].
    pub async fn start_in(data_dir: DataDir, config: YardConfig) -> Result<Self> {
        let listener = listen(config.listen).await?;
        let address = listener.local_addr()?;
        let sealing = sealing::embedded(&data_dir.sealing_key())?;
        let database_url = config.database_url.clone().unwrap_or_else(|| data_dir.database_url());
        let database = linkyard_store::Args { database_url, connections: 10 };
        let store = Store::connect(&database, sealing.key.clone()).await.context("the database can not be opened")?;
        store.migrate().await.context("the database can not be brought up to date")?;
        if config.database_url.is_none() {
            let released = store.leases_release_all().await?;
            tracing::debug!(jobs = released, "jobs of the boot before go on");
        }
        let key = first_key::ensure(&store, &data_dir.api_key()).await?;
        let budget: Arc<dyn Budget> = Arc::new(MemoryBudget::new(&config.budget));
        let procore = Procore::new(&config.procore, budget.clone()).context("the client of Procore can not be made")?;
        let (doorbell, shutdown) = (Doorbell::default(), CancellationToken::new());
        let mut parts = JoinSet::new();
        let worker =
            linkyard_worker::run(store.clone(), doorbell.clone(), procore, config.worker.clone(), shutdown.child_token());
        parts.spawn(async move { ("worker", worker.await) });
        let control = linkyard_control::serve(
            store.clone(),
            ring(&doorbell),
            control_config(&config, sealing.shared_bytes(), budget),
            listener,
            shutdown.child_token(),
        );
        parts.spawn(async move { ("control", control.await) });
        Ok(Self { address, store, doorbell, api_key: key.secret, new_api_key: key.new, shutdown, parts, data_dir })
    }

    /// Where the API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An address that opens the console, signed in with the operator key: once, and within an hour.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn sign_in_link(&self) -> Result<String> {
        let link = self.store.sign_in_link_create(&self.api_key).await?.context("the local API key was revoked")?;
        Ok(format!("{}/sign-in?link={}", console_url(self.address), link.expose_secret()))
    }

    /// The operator key of the first organization; also in the file [`crate::serve::API_KEY_FILE`] of the data directory.
    #[must_use]
    pub fn api_key(&self) -> &SecretString {
        &self.api_key
    }

    /// Whether the key was made by this start, so that a person has not seen it yet.
    #[must_use]
    pub fn api_key_is_new(&self) -> bool {
        self.new_api_key
    }

    /// The store, for counts that no API gives and for tests.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The doorbell, for tests that write jobs past the API.
    #[must_use]
    pub fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.data_dir.path()
    }

    /// Waits until a part ends without having been told to, which is a defect: whoever runs the yard should stop it and say so.
    pub async fn broken(&mut self) -> anyhow::Error {
        match self.parts.join_next().await {
            Some(Ok((part, Ok(())))) => anyhow!("the {part} ended by itself"),
            Some(Ok((part, Err(error)))) => anyhow::Error::new(error).context(format!("the {part} ended")),
            Some(Err(error)) => anyhow::Error::new(error).context("a part of linkyard panicked"),
            None => anyhow!("nothing runs any more"),
        }
    }

    /// Stops orderly: no new calls and no new jobs, calls in flight end, running jobs reach a checkpoint or are given up at the end of the
    /// drain time. Then the data directory is free.
    ///
    /// # Errors
    /// When a part ended with an error.
    pub async fn stop(mut self) -> Result<()> {
        self.shutdown.cancel();
        let mut result = Ok(());
        while let Some(ended) = self.parts.join_next().await {
            match ended {
                Ok((_, Ok(()))) => {}
                Ok((part, Err(error))) => result = Err(anyhow::Error::new(error).context(format!("the {part} ended"))),
                Err(error) => result = Err(anyhow::Error::new(error).context("a part of linkyard panicked")),
            }
        }
        result
    }
}

/// A listener, with words for the usual reason why there is none.
///
/// # Errors
/// When the address can not be listened on.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{address} can not be listened on; --listen names another address"))
}

/// Where the console of a control at `address` is found from this machine, without a path.
pub(crate) fn console_url(address: SocketAddr) -> String {
    match address.ip() {
        ip if !ip.is_unspecified() => format!("http://{address}"),
        _ => format!("http://127.0.0.1:{}", address.port()),
    }
}

/// How the control wakes the feeder of this process.
pub(crate) fn ring(doorbell: &Doorbell) -> linkyard_control::Ring {
    let doorbell = doorbell.clone();
    Arc::new(move || doorbell.ring())
}

fn control_config(config: &YardConfig, shared_secret: &[u8], budget: Arc<dyn Budget>) -> linkyard_control::Config {
    let args = linkyard_control::Args {
        listen: config.listen,
        reflection: config.reflection,
        approve_claims: config.approve_claims,
        console_origin: None,
        no_console: false,
    };
    let mut control = linkyard_control::Config::new(&args, shared_secret);
    control.drain = config.drain;
    control.budget = Some(budget);
    control
}
