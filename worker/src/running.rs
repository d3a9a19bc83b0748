//! What runs in this process: the proofs of our leases, the signals to each run, and the renewal of all leases in one statement.
//!
//! A renewal that finds a lease gone tells the run to stop at once; one that finds a person's request, or a provider that was paused
//! meanwhile, tells it to stop at its next checkpoint. Renewals go on while the process drains: a run that is about to reach its checkpoint must not lose its lease.

use crate::args::Timing;
use linkyard_core::error::Attention;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{ClaimedJob, Fence, JobKind, RequestedState};
use linkyard_core::provider::{Provider, ProviderState};
use linkyard_core::scope::Scope;
use linkyard_store::Store;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What a run is told while it runs. Clones are the same signals.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// Stop at the next checkpoint: the process ends, or a person asked.
    stop: CancellationToken,
    /// Stop at once and write nothing: another worker has the job.
    lost: CancellationToken,
    requested: Arc<Mutex<RequestedState>>,
    /// The provider makes the job wait: it is given back, and the feeder leaves it out until the provider works again.
    provider_waits: Arc<AtomicBool>,
}

impl Signals {
    /// Signals of a run in a process that stops when `process_stop` is cancelled.
    #[must_use]
    pub(crate) fn new(process_stop: &CancellationToken, requested: RequestedState) -> Self {
        let signals = Self {
            stop: process_stop.child_token(),
            lost: CancellationToken::new(),
            requested: Arc::new(Mutex::new(RequestedState::None)),
            provider_waits: Arc::default(),
        };
        signals.request(requested);
        signals
    }

    /// Whether the run should end at this checkpoint with `Outcome::Continue`.
    #[must_use]
    pub(crate) fn should_stop(&self) -> bool {
        self.stop.is_cancelled() || self.lost.is_cancelled()
    }

    /// Whether the job is to be given back because its provider was paused.
    pub(crate) fn provider_waits(&self) -> bool {
        self.provider_waits.load(Ordering::Relaxed)
    }

    /// What a person asked for so far.
    #[must_use]
    pub(crate) fn requested(&self) -> RequestedState {
        *self.requested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the run should end at its next checkpoint.
    pub(crate) async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Waits until the lease is lost.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }

    fn wait_for_provider(&self) {
        self.provider_waits.store(true, Ordering::Relaxed);
        self.stop.cancel();
    }

    fn request(&self, requested: RequestedState) {
        *self.requested.lock().unwrap_or_else(PoisonError::into_inner) = requested;
        match requested {
            RequestedState::None => {}
            RequestedState::Pause | RequestedState::Cancel => self.stop.cancel(),
        }
    }
}

/// The runs of this process.
#[derive(Debug, Default)]
pub(crate) struct Running {
    runs: Mutex<HashMap<JobId, Entry>>,
    poked: Notify,
}

#[derive(Clone, Debug)]
struct Entry {
    fence: Fence,
    kind: JobKind,
    provider: Option<ProviderId>,
    signals: Signals,
}

impl Running {
    /// Enters a run; it leaves when the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>, job: &ClaimedJob, signals: Signals) -> Entered {
        let entry = Entry { fence: job.fence, kind: job.kind, provider: job.provider, signals };
        self.lock().insert(job.fence.job, entry);
        Entered { running: self.clone(), job: job.fence.job }
    }

    /// Asks for a renewal soon: somebody rang, and it may have been for a cancel of a job that runs here.
    pub(crate) fn poke(&self) {
        if !self.lock().is_empty() {
            self.poked.notify_one();
        }
    }

    /// How many runs there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    fn entries(&self) -> Vec<Entry> {
        self.lock().values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<JobId, Entry>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews every lease held here; a database that does not answer is left to the next renewal, and to the fence in every write.
    async fn renew(&self, store: &Store, lease_ms: i64) {
        let entries = self.entries();
        if entries.is_empty() {
            return;
        }
        let fences: Vec<Fence> = entries.iter().map(|entry| entry.fence).collect();
        let renewals = match store.leases_renew(&fences, lease_ms).await {
            Ok(renewals) => renewals,
            Err(error) => {
                tracing::warn!(%error, jobs = fences.len(), "the leases could not be renewed now");
                return;
            }
        };
        for renewal in renewals {
            let Some(entry) = entries.iter().find(|entry| entry.fence.job == renewal.job) else { continue };
            match renewal.requested {
                Some(requested) => entry.signals.request(requested),
                None => entry.signals.lost.cancel(),
            }
        }
        for entry in &entries {
            if provider_stops(store, entry).await {
                entry.signals.wait_for_provider();
            }
        }
    }
}

/// Whether a person paused the provider of a run since it began.
async fn provider_stops(store: &Store, entry: &Entry) -> bool {
    let Some(provider) = entry.provider else { return false };
    let scope = Scope::new(entry.fence.organization, format!("job:{}", entry.kind.as_str()));
    store.provider_get(&scope, provider).await.is_ok_and(|provider| must_wait(&provider, entry.kind))
}

/// Whether `provider` makes a job of `kind` wait. The feeder leaves such jobs out; this is for those already on their way.
pub(crate) fn must_wait(provider: &Provider, kind: JobKind) -> bool {
    let held = provider.attention.is_some_and(Attention::stops_all);
    match provider.state {
        ProviderState::Paused | ProviderState::PendingApproval => kind != JobKind::TestConnection,
        ProviderState::NeedsAttention => held && kind != JobKind::TestConnection,
        ProviderState::Testing | ProviderState::Active | ProviderState::Deleting | ProviderState::Deleted => false,
    }
}

/// A run in the table; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    running: Arc<Running>,
    job: JobId,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.running.lock().remove(&self.job);
    }
}

/// Renews until `ended`: every `renew`, and a tick after somebody rang.
pub(crate) async fn renew_leases(store: Store, running: Arc<Running>, timing: Timing, ended: CancellationToken) {
    loop {
        let due = async {
            tokio::select! {
                () = tokio::time::sleep(timing.renew) => {}
                () = async { running.poked.notified().await; tokio::time::sleep(timing.tick.min(timing.renew)).await } => {}
            }
        };
        tokio::select! {
            () = ended.cancelled() => return,
            () = due => running.renew(&store, timing.lease_ms).await,
        }
    }
}
