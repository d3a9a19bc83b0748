//! What a job is given: its proof, its tenant, its provider, and the ways to SQL and to Procore.
//!
//! A job sees neither the queue nor its own row: what it learns of the outside beyond this are the signals to stop.

use crate::calls::Calls;
use crate::running::Signals;
use linkyard_core::budget::{BudgetKey, Usage};
use linkyard_core::id::ProviderId;
use linkyard_core::job::{ClaimedJob, Fence, JobKind, Lane, RowCounts};
use linkyard_core::provider::Provider;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use linkyard_procore::{Company, Procore};
use linkyard_queue::Doorbell;
use linkyard_store::{Keep, Store};
use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

/// The way to Procore, for which providers this process has put back what was kept of their call budget, and where calls are gathered.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    procore: Procore,
    restored: Arc<Mutex<HashSet<ProviderId>>>,
    calls: Arc<Calls>,
}

impl Upstream {
    pub(crate) fn new(procore: Procore, calls: Arc<Calls>) -> Self {
        Self { procore, restored: Arc::default(), calls }
    }
}

/// A company that a run has used, and whose budget its calls spend.
#[derive(Debug)]
struct Open {
    company: Company,
    key: BudgetKey,
}

fn lock(restored: &Mutex<HashSet<ProviderId>>) -> MutexGuard<'_, HashSet<ProviderId>> {
    restored.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything one run of a job works with.
#[derive(Debug)]
pub struct Context {
    /// The proof that the job is ours; every write carries it.
    pub fence: Fence,
    /// The tenant, with the job as the actor.
    pub scope: Scope,
    /// SQL.
    pub store: Store,
    /// What the job does.
    pub kind: JobKind,
    /// Who waits.
    pub lane: Lane,
    /// Ids only.
    pub payload: serde_json::Value,
    /// Attempts in a row that failed without getting further, before this one.
    pub attempts: i32,
    /// What happened to the job's rows in earlier runs.
    pub counts: RowCounts,
    /// Whether another worker lost the job once and may have had a call under way.
    pub taken_over: bool,
    /// For how long history is kept.
    pub(crate) keep: Keep,
    provider: Option<Provider>,
    upstream: Upstream,
    signals: Signals,
    /// Told of progress, and nothing else.
    doorbell: Doorbell,
    open: OnceCell<Open>,
    /// Calls of this run that are in the job's counts already.
    reported_calls: AtomicI64,
}

impl Context {
    pub(crate) fn new(
        job: &ClaimedJob,
        store: Store,
        upstream: Upstream,
        provider: Option<Provider>,
        signals: Signals,
        doorbell: Doorbell,
        keep: Keep,
    ) -> Self {
        Self {
            fence: job.fence,
            scope: Scope::new(job.fence.organization, format!("job:{}", job.kind.as_str())).traced(job.trace_parent.clone()),
            store,
            kind: job.kind,
            lane: job.lane,
            payload: job.payload.clone(),
            attempts: job.attempts,
            counts: job.counts,
            taken_over: job.taken_over,
            keep,
            provider,
            upstream,
            signals,
            doorbell,
            open: OnceCell::new(),
            reported_calls: AtomicI64::new(0),
        }
    }

    /// The provider that the job works for, as it was when the run began.
    ///
    /// # Errors
    /// `Internal` when the job has none, which is a defect of whoever wrote it.
    pub fn provider(&self) -> Result<&Provider> {
        self.provider.as_ref().ok_or_else(|| Error::broken("this job needs a provider and was written without one"))
    }

    /// Whether the run should end at this checkpoint with `Outcome::Continue`: the process ends, or a person asked.
    #[must_use]
    pub fn should_stop(&self) -> bool {
        self.signals.should_stop()
    }

    /// The provider's company in Procore. The first use in this process puts back what was kept of its call budget, so that a restart
    /// does not forget a limit that is still in force.
    ///
    /// # Errors
    /// `Internal` without a provider; as [`Store::provider_credentials`].
    pub async fn company(&self) -> Result<&Company> {
        self.open.get_or_try_init(|| self.open_company()).await.map(|open| &open.company)
    }

    async fn open_company(&self) -> Result<Open> {
        let provider = self.provider()?;
        let (procore, restored) = (&self.upstream.procore, &self.upstream.restored);
        let credentials = self.store.provider_credentials(&self.fence, provider.id).await?;
        let key = procore.budget_key(&credentials, provider.company_id);
        if !lock(restored).contains(&provider.id) {
            if let Some(kept) = self.store.provider_budget(&self.scope, provider.id).await? {
                procore.budget().restore(&key, kept.usage).await;
            }
            lock(restored).insert(provider.id);
        }
        let company = procore.company(&credentials, provider.company_id, self.lane);
        self.upstream.calls.watch(self.fence.organization, provider.id, company.tally());
        Ok(Open { company, key })
    }

    /// Whose budget this run used, and what is known of it now; `None` when it used none, or whoever counts does not answer.
    pub(crate) async fn budget_used(&self) -> Option<(ProviderId, BudgetKey, Usage)> {
        let (open, provider) = (self.open.get()?, self.provider.as_ref()?);
        let usage = self.upstream.procore.budget().usage(&open.key).await;
        let usage = usage.inspect_err(|error| tracing::debug!(%error, "the budget can not be read now")).ok().flatten()?;
        Some((provider.id, open.key.clone(), usage))
    }

    /// Whether a call of this run had an answer.
    pub(crate) fn answered(&self) -> bool {
        let counts = self.open.get().map(|open| open.company.tally().read()).unwrap_or_default();
        counts.made > counts.failed
    }

    /// Calls made by this run that are not in the job's counts yet.
    #[must_use]
    pub fn unreported_calls(&self) -> i64 {
        let made = self.open.get().map_or(0, |open| i64::try_from(open.company.calls()).unwrap_or(i64::MAX));
        made - self.reported_calls.load(Ordering::Relaxed)
    }

    pub(crate) fn note_reported(&self, calls: i64) {
        self.reported_calls.fetch_add(calls, Ordering::Relaxed);
    }

    pub(crate) fn note_progress(&self) {
        self.doorbell.prove(self.fence.job);
    }
}
