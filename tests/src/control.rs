//! A control process inside the test: its real server with all its layers, over pipes in memory, on a store of the case.
//!
//! No worker runs here: a job does what the test does to its row.

use crate::ground;
use hyper_util::rt::TokioIo;
use linkyard_control::{Args, Config, router};
use linkyard_core::directory::{Address, Details, Record};
use linkyard_core::id::{JobId, ProviderId, RecordId};
use linkyard_core::job::{Checkpoint, Finish, JobKind, Lane};
use linkyard_core::mapping::Subject;
use linkyard_core::scope::{Access, Scope};
use linkyard_store::Store;
use secrecy::ExposeSecret;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// A channel that names a key.
pub type Keyed = InterceptedService<Channel, Key>;

/// A running control process.
#[derive(Debug)]
pub struct Control {
    /// Its store.
    pub store: Store,
    /// Stops it.
    pub shutdown: CancellationToken,
    dial: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    rings: Arc<AtomicU64>,
    _stop: DropGuard,
}

/// An API key as call credentials.
#[derive(Clone, Debug)]
pub struct Key(Option<MetadataValue<tonic::metadata::Ascii>>);

impl Key {
    /// These words as a key.
    ///
    /// # Panics
    /// When they can not stand in a header.
    #[must_use]
    pub fn new(secret: &str) -> Self {
        Self(Some(format!("Bearer {secret}").parse().expect("a header's value")))
    }

    /// No key.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// The value of the header.
    ///
    /// # Panics
    /// When this is no key.
    #[must_use]
    pub fn header(&self) -> &str {
        self.0.as_ref().and_then(|value| value.to_str().ok()).expect("a key")
    }
}

impl Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// A tenant with a key of each kind.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its scope.
    pub scope: Scope,
    /// A key that may read.
    pub read: Key,
    /// A key that may write.
    pub write: Key,
    /// A key of an operator.
    pub operator: Key,
}

/// The settings of a test: quick where the product waits, reflection on, claims wait for an operator.
#[must_use]
pub fn settings() -> Config {
    let listen = ([127, 0, 0, 1], 0).into();
    let mut config = Config::new(
        &Args { listen, reflection: true, approve_claims: false, console_origin: None, no_console: false },
        b"a test",
    );
    config.console_every = Duration::from_millis(50);
    config.trust_keys = Duration::from_millis(100);
    config.watch.poll = Duration::from_millis(10);
    config.health_every = Duration::from_millis(10);
    config.drain = Duration::from_secs(5);
    config
}

impl Control {
    /// Starts one on `store` with [`settings`].
    pub async fn start(store: Store) -> Self {
        Self::start_with(store, settings()).await
    }

    /// Starts one on `store` with these settings.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(store: Store, config: Config) -> Self {
        let shutdown = CancellationToken::new();
        let rings = Arc::new(AtomicU64::new(0));
        let counted = rings.clone();
        let ring = Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let server = router(store.clone(), ring, &config, shutdown.clone()).await.expect("a server");
        let (dial, incoming) = mpsc::unbounded_channel();
        let until = shutdown.clone().cancelled_owned();
        tokio::spawn(server.serve_with_incoming_shutdown(UnboundedReceiverStream::new(incoming), until));
        Self { store, _stop: shutdown.clone().drop_guard(), shutdown, dial, rings }
    }

    /// How often the feeder would have been woken.
    #[must_use]
    pub fn rings(&self) -> u64 {
        self.rings.load(Ordering::Relaxed)
    }

    /// A bare connection.
    ///
    /// # Panics
    /// When the server takes none any more.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(256 * 1024);
        self.dial.send(Ok(theirs)).expect("the server takes connections");
        ours
    }

    /// A channel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        let dial = self.dial.clone();
        Endpoint::from_static("http://control.test").connect_with_connector_lazy(tower::service_fn(move |_| {
            let dial = dial.clone();
            async move {
                let (ours, theirs) = tokio::io::duplex(256 * 1024);
                dial.send(Ok(theirs)).map_err(|_| io::Error::other("the server is gone"))?;
                Ok::<_, io::Error>(TokioIo::new(ours))
            }
        }))
    }

    /// A channel that names `key`.
    #[must_use]
    pub fn keyed(&self, key: &Key) -> Keyed {
        InterceptedService::new(self.channel(), key.clone())
    }

    /// A new tenant.
    pub async fn tenant(&self, name: &str) -> Tenant {
        let scope = ground::tenant(&self.store, name).await;
        Tenant {
            read: self.key(&scope, Access::Read).await,
            write: self.key(&scope, Access::Write).await,
            operator: self.key(&scope, Access::Operator).await,
            scope,
        }
    }

    /// A new key.
    ///
    /// # Panics
    /// When it can not be made.
    pub async fn key(&self, scope: &Scope, access: Access) -> Key {
        let made = self.store.api_key_create(scope, access.as_str(), access, None, None).await;
        Key::new(made.expect("a key").1.expose_secret())
    }

    /// Stores these records as the directory of `provider`, as a fetch does, and computes suggestions.
    ///
    /// # Panics
    /// When it can not.
    pub async fn fetched(&self, scope: &Scope, provider: ProviderId, subject: Subject, records: &[(i64, &str)]) {
        let key = match subject {
            Subject::Vendor => linkyard_matching::name_key,
            Subject::Project => linkyard_matching::project_key,
        };
        let fetch = ground::fetch(&self.store, scope, provider).await;
        let fence = ground::claim(&self.store, fetch.id).await.fence;
        let keys: Vec<String> = records.iter().map(|(_, name)| key(name)).collect();
        let records: Vec<Record> = records.iter().map(|(id, name)| record(*id, name)).collect();
        let checkpoint = Checkpoint::default();
        self.store.walk_begin(&fence, provider, subject).await.expect("a walk");
        let stored = self.store.directory_page_store(&fence, provider, subject, &records, &keys, &checkpoint).await;
        assert_eq!(stored.expect("a page").inserted, records.len() as u64);
        let total = Some(records.len() as u64);
        self.store.walk_finish(&fence, provider, subject, total, true, &checkpoint).await.expect("the end of the walk");
        self.store.job_finish(&fence, &Finish::Done(serde_json::json!({}))).await.expect("the end of the fetch");
        self.suggested(scope, provider, subject).await;
    }

    /// Computes suggestions.
    ///
    /// # Panics
    /// When it can not.
    pub async fn suggested(&self, scope: &Scope, provider: ProviderId, subject: Subject) {
        let key = JobId::generate().to_string();
        let job = ground::new_job(Some(provider), JobKind::Suggest, Lane::Background, key);
        let job = self.store.job_enqueue(scope, &job, None).await.expect("a suggest job");
        let fence = ground::claim(&self.store, job.id).await.fence;
        let pass = linkyard_worker::Pass { store: &self.store, fence: &fence, provider, subject };
        pass.run(&Checkpoint::default(), || false).await.expect("suggestions").expect("nobody stops it");
        self.store.job_finish(&fence, &Finish::Done(serde_json::json!({}))).await.expect("the end of the job");
    }
}

fn record(id: i64, name: &str) -> Record {
    Record {
        id: RecordId(id),
        name: name.to_owned(),
        address: Address { city: Some("Carpinteria".to_owned()), ..Default::default() },
        details: Details { phone: Some("805 555 0100".to_owned()), ..Default::default() },
        active: true,
        exclusion: None,
        project_ids: None,
        updated_at_ms: None,
    }
}
