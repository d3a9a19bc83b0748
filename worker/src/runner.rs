//! The runner: takes one job, runs it, and writes how it ended.
//!
//! It is the only place that turns an error into an outcome. A job never retries, sleeps or schedules itself; a job that panics, loses
//! its lease or outlasts the drain is ended here. What an end means is decided in [`crate::finish`].

use crate::args::Timing;
use crate::context::{Context, Upstream};
use crate::finish::{Run, as_requested, finish_of, finish_of_panic, word};
use crate::progress::Progress;
use crate::running::{Running, Signals, must_wait};
use futures_util::future::BoxFuture;
use linkyard_core::budget::{BudgetKey, Usage};
use linkyard_core::error::Attention;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{ClaimedJob, Fence, Finish, JobKind, JobState, Outcome, RequestedState};
use linkyard_core::provider::{Provider, ProviderState};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use linkyard_queue::Doorbell;
use linkyard_store::grouped::Grouped;
use linkyard_store::ledger::PlainEnd;
use linkyard_store::{Keep, Store};
use linkyard_telemetry::{measure, trace};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// This part of the drain time a run that only reads may take to reach a checkpoint.
const HANGING_PART_OF_DRAIN: u32 = 6;
/// A platform that was found down so often in a row is shown to people as down; fewer may be a hiccup.
const LASTING_OUTAGES: u32 = 4;

/// How the work of a kind is done: the registry in [`crate::jobs`], or a test's own.
pub type Perform = Arc<dyn for<'a> Fn(JobKind, &'a Context, &'a mut Progress) -> BoxFuture<'a, Result<Outcome>> + Send + Sync>;

/// What all runs of a process share.
pub(crate) struct Runner {
    pub(crate) store: Store,
    pub(crate) upstream: Upstream,
    pub(crate) running: Arc<Running>,
    pub(crate) doorbell: Doorbell,
    pub(crate) perform: Perform,
    pub(crate) claims: Grouped<JobId, Option<ClaimedJob>>,
    pub(crate) providers: Grouped<(Scope, ProviderId), Result<Option<Provider>>>,
    pub(crate) ends: Grouped<(Fence, PlainEnd), Result<JobState>>,
    pub(crate) timing: Timing,
    pub(crate) keep: Keep,
    /// Runs end at their next checkpoint.
    pub(crate) stop: CancellationToken,
    /// Runs end now: the drain took too long.
    pub(crate) kill: CancellationToken,
}

/// How the code of a job ended.
enum Ended {
    /// By itself.
    Returned(Result<Outcome>),
    /// By a panic.
    Panicked(String),
    /// By us, orderly, before or instead of its end.
    Decided(Finish),
    /// By us, because another worker has it.
    Lost,
}

struct Attempt {
    ended: Ended,
    /// What is needed to write down its calls and its budget; nothing when it never began.
    used: Option<(Arc<Context>, Progress)>,
}

impl Attempt {
    fn unstarted(ended: Ended) -> Self {
        Self { ended, used: None }
    }
}

impl Runner {
    /// Runs the job `id` if it is still there to be run.
    pub(crate) async fn run(self: Arc<Self>, id: JobId) {
        let job = match self.claims.ask(id).await {
            Ok(Some(job)) => job,
            Ok(None) => return,
            Err(error) => return tracing::error!(job = %id, %error, "job {id} was not claimed"),
        };
        let signals = Signals::new(&self.stop, job.requested);
        let _entered = self.running.enter(&job, signals.clone());
        let started = Instant::now();
        measure::job_taken(job.kind.as_str(), Duration::from_millis(u64::try_from(job.waited_ms).unwrap_or_default()));
        let span = tracing::info_span!("run", otel.name = job.kind.as_str(), job = %job.fence.job, epoch = job.fence.epoch);
        trace::follow(&span, job.trace_parent.as_deref());
        async {
            let attempt = self.attempt(&job, &signals).await;
            self.end(&job, &signals, attempt, started).await;
        }
        .instrument(span)
        .await;
    }

    async fn attempt(&self, job: &ClaimedJob, signals: &Signals) -> Attempt {
        match job.requested {
            RequestedState::None => {}
            RequestedState::Pause => return Attempt::unstarted(Ended::Decided(Finish::Paused)),
            RequestedState::Cancel => return Attempt::unstarted(Ended::Decided(Finish::Cancelled)),
        }
        let provider = match self.provider_of(job).await {
            Ok(provider) => provider,
            Err(Error::NotFound { .. }) => {
                tracing::info!(job = %job.fence.job, "job {}: its provider is gone, nothing to do", job.fence.job);
                let found = serde_json::json!({ "skipped": "the provider was deleted" });
                return Attempt::unstarted(Ended::Returned(Ok(Outcome::Done(found))));
            }
            Err(error) => return Attempt::unstarted(Ended::Returned(Err(error))),
        };
        if let Some(provider) = &provider
            && must_wait(provider, job.kind)
        {
            return Attempt::unstarted(Ended::Decided(Finish::Release));
        }
        let (store, doorbell) = (self.store.clone(), self.doorbell.clone());
        let cx = Arc::new(Context::new(job, store, self.upstream.clone(), provider, signals.clone(), doorbell, self.keep));
        self.supervise(job, signals, cx).await
    }

    /// Runs the job's code on a task of its own, so that a panic ends only that task and a lost lease can end it at once.
    async fn supervise(&self, job: &ClaimedJob, signals: &Signals, cx: Arc<Context>) -> Attempt {
        let (perform, kind, mut progress) = (self.perform.clone(), job.kind, Progress::new(job.checkpoint.clone()));
        let context = cx.clone();
        let mut code = AbortOnDrop(tokio::spawn(
            async move {
                let result = perform(kind, &context, &mut progress).await;
                (result, progress)
            }
            .in_current_span(),
        ));
        let ended = tokio::select! {
            joined = &mut code.0 => match joined {
                Ok((result, progress)) => return Attempt { ended: Ended::Returned(result), used: Some((cx, progress)) },
                Err(error) => Ended::Panicked(panic_text(error)),
            },
            () = signals.lost() => Ended::Lost,
            () = self.kill.cancelled() => Ended::Decided(Finish::Release),
            () = self.hung(signals), if kind.only_reads() => Ended::Decided(Finish::Release),
        };
        // The job's code must have ended before its row says so.
        code.0.abort();
        if !code.0.is_finished() {
            let _ = (&mut code.0).await;
        }
        Attempt { ended, used: Some((cx, Progress::new(job.checkpoint.clone()))) }
    }

    /// Waits until a run that should end has had time enough to reach a checkpoint: a call that hangs must not hold up a stop. What it
    /// was reading is read again.
    async fn hung(&self, signals: &Signals) {
        signals.stopping().await;
        tokio::time::sleep(self.timing.drain / HANGING_PART_OF_DRAIN).await;
    }

    /// The provider of a job, if it has one; `NotFound` when that is deleted.
    async fn provider_of(&self, job: &ClaimedJob) -> Result<Option<Provider>> {
        let Some(id) = job.provider else { return Ok(None) };
        let scope = Scope::new(job.fence.organization, format!("job:{}", job.kind.as_str()));
        self.providers.ask((scope, id)).await??.map(Some).ok_or_else(|| Error::not_found("provider", id))
    }

    /// Writes the end, again and again while the database does not answer and the lease is ours: a run whose end is not written counts
    /// as unclean.
    async fn end(&self, job: &ClaimedJob, signals: &Signals, mut attempt: Attempt, started: Instant) {
        let (id, kind) = (job.fence.job, job.kind.as_str());
        loop {
            let error = match self.write_end(job, signals, &mut attempt).await {
                Ok(Some((finish, state))) => return note_end(job, &finish, state, started),
                Ok(None) => {
                    tracing::info!(job = %id, kind, "job {id}: the lease was lost, another worker goes on");
                    return;
                }
                Err(error) if error.is_fenced() => {
                    tracing::info!(job = %id, kind, "job {id}: the lease was lost before its end was written");
                    return;
                }
                Err(error) => error,
            };
            if !error.retryable() {
                tracing::error!(job = %id, kind, %error, "job {id}: its end can not be written");
                return;
            }
            tracing::warn!(job = %id, kind, %error, "job {id}: its end can not be written now");
            tokio::select! {
                () = tokio::time::sleep(self.timing.tick) => {}
                () = signals.lost() => return,
                () = self.kill.cancelled() => return,
            }
        }
    }

    /// Everything that is written when a run ends; safe to do again. `None` when nothing may be written.
    async fn write_end(&self, job: &ClaimedJob, signals: &Signals, attempt: &mut Attempt) -> Result<Option<(Finish, JobState)>> {
        let now_ms = match &attempt.ended {
            Ended::Returned(Err(_)) | Ended::Panicked(_) => self.store.now_ms().await?,
            // No time is computed from these.
            Ended::Returned(Ok(_)) | Ended::Decided(_) | Ended::Lost => job.created_at_ms,
        };
        let used = match &attempt.used {
            Some((cx, _)) => Used::by(cx).await,
            None => Used::default(),
        };
        // A run that got further begins a new row of attempts: large work may meet many faults, each of which was overcome.
        let moved = attempt.used.as_ref().is_some_and(|(_, progress)| progress.moved());
        let run = Run {
            attempts: if moved { 0 } else { job.attempts },
            created_at_ms: job.created_at_ms,
            now_ms,
            random: rand::random(),
            down_until_ms: used.usage().and_then(|usage| usage.down_until_ms(now_ms)),
            may_wait: job.kind != JobKind::TestConnection && used.may_wait,
        };
        let finish = match &attempt.ended {
            Ended::Returned(result) => finish_of(result, run, &self.timing.backoff),
            Ended::Panicked(message) => Some(finish_of_panic(message, run, &self.timing.backoff)),
            Ended::Decided(finish) => Some(finish.clone()),
            Ended::Lost => None,
        };
        let Some(finish) = finish else { return Ok(None) };
        let give_back = self.stop.is_cancelled() || signals.provider_waits();
        let finish = as_requested(finish, signals.requested(), give_back);
        if let Some((cx, progress)) = &mut attempt.used
            && matches!(attempt.ended, Ended::Returned(_))
        {
            progress.save_calls(cx).await?;
        }
        if let Some((provider, key, usage)) = &used.budget {
            measure_budget(*provider, *usage);
            self.store.provider_budget_save(&job.fence, *provider, key, usage).await?;
        }
        if let (Ended::Returned(Err(Error::Unauthorized { attention, message })), Some(provider)) = (&attempt.ended, job.provider)
            && job.kind != JobKind::TestConnection
        {
            self.store.provider_needs_attention(&job.fence, provider, *attention, message).await?;
        }
        self.note_outage(job, &finish, &used).await?;
        let state = match PlainEnd::of(&finish) {
            Some(end) => self.ends.ask((job.fence, end)).await??,
            None => self.store.job_finish(&job.fence, &finish).await?,
        };
        Ok(Some((finish, state)))
    }

    /// Shows people that the provider's platform is down, once that lasts, and that it is back.
    async fn note_outage(&self, job: &ClaimedJob, finish: &Finish, used: &Used) -> Result<()> {
        let Some(provider) = job.provider else { return Ok(()) };
        let outages = used.usage().map_or(0, |usage| usage.outages);
        if let Finish::Outage { message, .. } = finish
            && outages >= LASTING_OUTAGES
            && used.attention.is_none()
            && used.may_wait
        {
            return self.store.provider_needs_attention(&job.fence, provider, Attention::UpstreamDown, message).await;
        }
        if used.answered && outages == 0 && used.attention == Some(Attention::UpstreamDown) {
            return self.store.provider_answers(&job.fence, provider).await;
        }
        Ok(())
    }
}

/// What a run had to do with its provider's platform.
#[derive(Default)]
struct Used {
    budget: Option<(ProviderId, BudgetKey, Usage)>,
    /// Whether a call of the run had an answer.
    answered: bool,
    /// What was to be mended when the run began.
    attention: Option<Attention>,
    /// Whether the provider is one that a person may mend, so that its jobs wait.
    may_wait: bool,
}

impl Used {
    async fn by(cx: &Context) -> Self {
        let provider = cx.provider().ok();
        Self {
            budget: cx.budget_used().await,
            answered: cx.answered(),
            attention: provider.and_then(|provider| provider.attention),
            may_wait: provider.is_some_and(|provider| match provider.state {
                ProviderState::Testing | ProviderState::Active | ProviderState::NeedsAttention | ProviderState::Paused => true,
                ProviderState::PendingApproval | ProviderState::Deleting | ProviderState::Deleted => false,
            }),
        }
    }

    fn usage(&self) -> Option<&Usage> {
        self.budget.as_ref().map(|(_, _, usage)| usage)
    }
}

/// Ends its task when it is dropped, so that a run that is thrown away does not work on.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn panic_text(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "the job's task was ended from outside".to_owned() };
    let text = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a text".to_owned())
}

fn measure_budget(provider: ProviderId, usage: Usage) {
    let provider = provider.to_string();
    measure::budget(&provider, "spike", usage.spike_used, usage.spike_limit);
    measure::budget(&provider, "hour", usage.hour_used, usage.hour_limit);
}

fn note_end(job: &ClaimedJob, finish: &Finish, state: JobState, started: Instant) {
    measure::job_ended(job.kind.as_str(), word(finish), started.elapsed());
    let (id, kind, outcome) = (job.fence.job, job.kind.as_str(), word(finish));
    let provider = job.provider.map(tracing::field::display);
    let (state, duration_ms) = (state.as_str(), started.elapsed().as_millis());
    match finish {
        Finish::Retry { reason, message, .. } | Finish::Hold { reason, message } | Finish::Fail { reason, message } => {
            tracing::warn!(job = %id, kind, provider, outcome, state, duration_ms, reason, "job {id} ({kind}): {outcome}: {message}");
        }
        Finish::Done(_)
        | Finish::Partial(_)
        | Finish::Continue
        | Finish::Snooze { .. }
        | Finish::Outage { .. }
        | Finish::WaitForChildren
        | Finish::Cancelled
        | Finish::Paused
        | Finish::Release => {
            tracing::info!(job = %id, kind, provider, outcome, state, duration_ms, "job {id} ({kind}): {outcome}");
        }
    }
}
