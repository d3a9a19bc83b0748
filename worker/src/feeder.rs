//! The feeder: moves the ids of runnable jobs from SQL to the doorbell.
//!
//! One feeder is active at a time (a role with a short lease in SQL); it takes no input and acts on the ledger alone, so a lost ring or a
//! crash costs a tick and never a job. It keeps two to four times the slots waiting: enough that no slot idles, little enough that a
//! job that becomes more urgent is next. The order of the ids, round-robin and all, is the query's.

use crate::args::Timing;
use crate::running::Running;
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_queue::{Called, Doorbell, MOST_WAITING};
use linkyard_store::Store;
use linkyard_store::ledger::Runnable;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const ROLE: &str = "feeder";
/// After tidying the ledger it is left alone for so many times as long as that took.
const REST_OF_TIDYING: u32 = 3;
/// For so many ticks a job waits in a process for its turn to run alone.
const PATIENCE_TICKS: u32 = 3;

/// What the feeder of a process is made from.
pub(crate) struct Feeding {
    pub(crate) store: Store,
    pub(crate) doorbell: Doorbell,
    pub(crate) running: Arc<Running>,
    pub(crate) owner: String,
    pub(crate) concurrency: usize,
    /// Of all slots, for one provider among several.
    pub(crate) provider_percent: u32,
    pub(crate) timing: Timing,
    /// Whether this process has the role, for what else only one process does.
    pub(crate) role: Arc<AtomicBool>,
}

/// Feeds until `shutdown`, then gives the role up.
pub(crate) async fn feed(feeding: Feeding, shutdown: CancellationToken) {
    let mut feeder =
        Feeder { slots: feeding.concurrency, feeding, held: None, tidied: None, most_running: None, offered: Offered::default() };
    while !shutdown.is_cancelled() {
        let wait = feeder.pass().await;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = feeder.woken(wait) => {}
        }
    }
    feeder.feeding.doorbell.listen(false);
    // Best effort: without it another process takes the role over when it runs out.
    let _ = feeder.feeding.store.role_take(ROLE, &feeder.feeding.owner, 0).await;
}

/// How long to sleep after a pass.
enum Wait {
    /// At most this long; a ring ends it.
    Ring(Duration),
    /// This long whoever rings: a server does not answer, or another process feeds.
    Blind(Duration),
}

struct Feeder {
    feeding: Feeding,
    /// When the role was last taken; `None` while another process feeds.
    held: Option<Instant>,
    /// When the ledger was last tidied, and how long that took.
    tidied: Option<(Instant, Duration)>,
    /// How many jobs all workers together can run.
    slots: usize,
    /// How many of them may be one provider's.
    most_running: Option<u32>,
    offered: Offered,
}

impl Feeder {
    async fn woken(&self, wait: Wait) {
        match wait {
            Wait::Blind(time) => tokio::time::sleep(time).await,
            Wait::Ring(time) => {
                if tokio::time::timeout(time, self.feeding.doorbell.changed()).await.is_ok() {
                    self.feeding.running.poke();
                }
            }
        }
    }

    async fn pass(&mut self) -> Wait {
        let tick = self.feeding.timing.tick;
        self.feeding.doorbell.let_go(tick * PATIENCE_TICKS);
        match self.try_pass().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "the feeder can not feed now");
                Wait::Blind(tick)
            }
        }
    }

    async fn try_pass(&mut self) -> Result<Wait> {
        let (held, tick) = (self.hold_role().await, self.feeding.timing.tick);
        self.feeding.doorbell.listen(matches!(held, Ok(true)));
        if !held? {
            return Ok(Wait::Blind(tick));
        }
        let (store, doorbell, slots) = (&self.feeding.store, &self.feeding.doorbell, self.slots);
        let waiting = doorbell.waiting().await?;
        let Some(room) = room(slots, waiting) else {
            return Ok(Wait::Ring(tick));
        };
        // What waits, or is on its way to a slot, is still runnable in SQL and comes first: ask for as many more.
        let limit = u32::try_from(room + waiting + slots).unwrap_or(u32::MAX);
        let runnable = store.jobs_runnable(limit, self.most_running).await?;
        let calls = self.offered.choose(&runnable, room, Instant::now(), tick);
        doorbell.offer(&calls).await?;
        self.offered.note(&runnable, &calls, Instant::now());
        let next_ms = store.next_runnable_in_ms().await?;
        let next = next_ms.and_then(|wait_ms| u64::try_from(wait_ms).ok()).filter(|wait_ms| *wait_ms > 0);
        Ok(Wait::Ring(next.map_or(tick, |wait_ms| Duration::from_millis(wait_ms).min(tick))))
    }

    /// Takes or keeps the role, at most once per tick: passes follow each other quickly when short jobs end. Tidies the ledger as often, but
    /// no more than a quarter of the time: where the database answers late, slots would wait for it.
    async fn hold_role(&mut self) -> Result<bool> {
        let Feeding { store, owner, timing, role, .. } = &self.feeding;
        if self.held.is_some_and(|at| at.elapsed() < timing.tick) {
            return Ok(true);
        }
        self.held = None;
        role.store(false, Ordering::Relaxed);
        if !store.role_take(ROLE, owner, timing.role_ms).await? {
            self.tidied = None;
            return Ok(false);
        }
        role.store(true, Ordering::Relaxed);
        let rest = |took: Duration| (took * REST_OF_TIDYING).max(timing.tick);
        if self.tidied.is_none_or(|(at, took)| at.elapsed() >= rest(took)) {
            self.tidy().await?;
        }
        self.held = Some(Instant::now());
        Ok(true)
    }

    /// Ends what nobody else would, and looks how many slots there are for how many providers.
    async fn tidy(&mut self) -> Result<()> {
        let began = Instant::now();
        let Feeding { store, timing, .. } = &self.feeding;
        let settled = store.jobs_settle().await?;
        if settled.poisoned > 0 {
            tracing::warn!(jobs = settled.poisoned, "jobs that kept killing their process are quarantined");
        }
        let slots = usize::try_from(store.worker_slots(timing.lease_ms).await?).unwrap_or(usize::MAX);
        self.slots = slots.max(self.feeding.concurrency);
        let several = store.several_providers().await?;
        self.most_running = several.then(|| share(self.slots, self.feeding.provider_percent));
        self.tidied = Some((Instant::now(), began.elapsed()));
        Ok(())
    }
}

/// How many ids to add when `waiting` wait for `slots`; `None` while enough wait.
fn room(slots: usize, waiting: usize) -> Option<usize> {
    let (low, high) = (slots.saturating_mul(2).min(MOST_WAITING), slots.saturating_mul(4).min(MOST_WAITING));
    (waiting < low).then(|| high - waiting)
}

/// So many percent of the slots, at least one.
fn share(slots: usize, percent: u32) -> u32 {
    u32::try_from(slots).unwrap_or(u32::MAX).saturating_mul(percent).div_ceil(100).max(1)
}

/// What was offered a moment ago, by job and start. The same start is not offered again before a tick is over, so a job on its way to a
/// slot, or one that the query and the claim see differently, costs a claim per tick and not a busy loop; a job that is lost on its way
/// waits no longer than that.
#[derive(Debug, Default)]
struct Offered(HashMap<JobId, (i64, Instant)>);

impl Offered {
    /// Takes `runnable` in its order, up to `room`, without what was just offered.
    fn choose(&mut self, runnable: &[Runnable], room: usize, now: Instant, tick: Duration) -> Vec<Called> {
        self.0.retain(|_, (_, at)| now.duration_since(*at) < tick);
        let new = runnable.iter().filter(|job| self.0.get(&job.job).is_none_or(|(epoch, _)| *epoch != job.epoch));
        new.take(room).map(|job| Called { job: job.job, lane: job.lane, alone: job.unclean }).collect()
    }

    fn note(&mut self, runnable: &[Runnable], calls: &[Called], now: Instant) {
        let epochs: HashMap<JobId, i64> = runnable.iter().map(|job| (job.job, job.epoch)).collect();
        let noted = calls.iter().filter_map(|call| Some((call.job, (*epochs.get(&call.job)?, now))));
        self.0.extend(noted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::job::Lane;

    const TICK: Duration = Duration::from_secs(1);

    fn runnable(unclean: bool) -> Runnable {
        Runnable { job: JobId::generate(), provider: None, lane: Lane::Person, unclean, epoch: 0 }
    }

    fn chosen(offered: &mut Offered, jobs: &[Runnable], room: usize, now: Instant) -> Vec<JobId> {
        let calls = offered.choose(jobs, room, now, TICK);
        offered.note(jobs, &calls, now);
        calls.iter().map(|call| call.job).collect()
    }

    #[test]
    fn two_to_four_times_the_slots_wait_and_never_more_than_the_doorbell_holds() {
        assert_eq!(room(4, 0), Some(16));
        assert_eq!(room(4, 7), Some(9));
        assert_eq!(room(4, 8), None);
        assert_eq!(room(5_000, 0), Some(MOST_WAITING));
        assert_eq!(room(5_000, MOST_WAITING), None);
    }

    #[test]
    fn a_provider_has_its_share_of_the_slots_and_one_at_least() {
        assert_eq!([share(12, 60), share(4, 60), share(1, 60), share(10, 100), share(1, 1)], [8, 3, 1, 10, 1]);
    }

    #[test]
    fn ids_keep_the_order_of_the_ledger_and_what_was_just_offered_is_left_out() {
        let (mut offered, now) = (Offered::default(), Instant::now());
        let jobs = [runnable(false), runnable(false), runnable(false)];
        assert_eq!(chosen(&mut offered, &jobs, 2, now), [jobs[0].job, jobs[1].job]);
        assert_eq!(chosen(&mut offered, &jobs, 2, now), [jobs[2].job]);
        assert_eq!(chosen(&mut offered, &jobs, 10, now + TICK), jobs.map(|job| job.job), "a tick later it may have been lost");
    }

    #[test]
    fn a_job_that_was_started_meanwhile_is_offered_again_at_once() {
        let (mut offered, now) = (Offered::default(), Instant::now());
        let job = runnable(false);
        assert_eq!(chosen(&mut offered, &[job], 1, now), [job.job]);
        assert_eq!(chosen(&mut offered, &[Runnable { epoch: 1, ..job }], 1, now), [job.job]);
    }

    #[test]
    fn a_job_that_ended_uncleanly_is_to_run_alone() {
        let jobs = [runnable(true), runnable(false)];
        let calls = Offered::default().choose(&jobs, 10, Instant::now(), TICK);
        assert_eq!(calls.iter().map(|call| call.alone).collect::<Vec<_>>(), [true, false]);
    }
}
