//! The feeder: moves the ids of runnable jobs from SQL to the doorbell.
//!
//! One feeder is active at a time (a role with a short lease in SQL); it takes no input and acts on the ledger alone, so a lost ring or a
//! crash costs a tick and never a job. It keeps two to four times the slots waiting: enough that no slot idles, little enough that a
//! job that becomes more urgent is next. The order of the ids, round-robin and all, is the query's.

use crate::args::Timing;
use crate::running::Running;
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_queue::{Doorbell, MOST_WAITING};
use linkyard_store::Store;
use linkyard_store::ledger::Runnable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const ROLE: &str = "feeder";

/// Feeds until `shutdown`, then gives the role up.
pub(crate) async fn feed(
    store: Store,
    doorbell: Doorbell,
    running: Arc<Running>,
    owner: String,
    concurrency: usize,
    timing: Timing,
    role: Arc<AtomicBool>,
    shutdown: CancellationToken,
) {
    let mut feeder = Feeder { store, doorbell, running, owner, concurrency, timing, role, settled: None, probation: None };
    while !shutdown.is_cancelled() {
        let wait = feeder.pass().await;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = feeder.woken(wait) => {}
        }
    }
    // Best effort: without it another process takes the role over when it runs out.
    let _ = feeder.store.role_take(ROLE, &feeder.owner, 0).await;
}

/// How long to sleep after a pass.
enum Wait {
    /// At most this long; a ring ends it.
    Ring(Duration),
    /// This long whoever rings: the database does not answer, or another process feeds.
    Blind(Duration),
}

struct Feeder {
    store: Store,
    doorbell: Doorbell,
    running: Arc<Running>,
    owner: String,
    concurrency: usize,
    timing: Timing,
    /// Whether this process has the role, for what else only one process does.
    role: Arc<AtomicBool>,
    /// When the role was last taken and the ledger tidied; `None` while another process feeds.
    settled: Option<Instant>,
    /// The job whose last start was unclean and that is here alone until it makes progress or ends.
    probation: Option<JobId>,
}

impl Feeder {
    async fn woken(&self, wait: Wait) {
        match wait {
            Wait::Blind(time) => tokio::time::sleep(time).await,
            Wait::Ring(time) => {
                if tokio::time::timeout(time, self.doorbell.changed()).await.is_ok() {
                    self.running.poke();
                }
            }
        }
    }

    async fn pass(&mut self) -> Wait {
        match self.try_pass().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "the feeder can not read the ledger now");
                Wait::Blind(self.timing.tick)
            }
        }
    }

    async fn try_pass(&mut self) -> Result<Wait> {
        if !self.hold_role().await? {
            return Ok(Wait::Blind(self.timing.tick));
        }
        if self.on_probation() {
            return Ok(Wait::Ring(self.timing.tick));
        }
        let waiting = self.doorbell.waiting().await;
        let Some(room) = room(self.concurrency, waiting) else {
            return Ok(Wait::Ring(self.timing.tick));
        };
        let held = self.doorbell.held();
        // Ids that wait here are still runnable in SQL and come first; ask for as many more.
        let limit = u32::try_from(room + held.len()).unwrap_or(u32::MAX);
        let runnable = self.store.jobs_runnable(limit).await?;
        let unproven = held.iter().any(|job| !self.running.progressed(*job));
        let offer = choose(&runnable, room, unproven, |job| held.contains(&job) || self.running.refused(job));
        if let Offer::Alone(job) = offer {
            self.probation = Some(job);
        }
        self.doorbell.offer(&offer.ids()).await;
        let next_ms = self.store.next_runnable_in_ms().await?;
        let next = next_ms.and_then(|wait_ms| u64::try_from(wait_ms).ok()).filter(|wait_ms| *wait_ms > 0);
        Ok(Wait::Ring(next.map_or(self.timing.tick, |wait_ms| Duration::from_millis(wait_ms).min(self.timing.tick))))
    }

    /// Takes or keeps the role and tidies the ledger, at most once per tick: passes follow each other quickly when short jobs end.
    async fn hold_role(&mut self) -> Result<bool> {
        if self.settled.is_some_and(|at| at.elapsed() < self.timing.tick) {
            return Ok(true);
        }
        self.settled = None;
        self.role.store(false, Ordering::Relaxed);
        if !self.store.role_take(ROLE, &self.owner, self.timing.role_ms).await? {
            return Ok(false);
        }
        self.role.store(true, Ordering::Relaxed);
        let settled = self.store.jobs_settle().await?;
        if settled.poisoned > 0 {
            tracing::warn!(jobs = settled.poisoned, "jobs that kept killing their process are quarantined");
        }
        self.running.forget_refusals();
        self.settled = Some(Instant::now());
        Ok(true)
    }

    fn on_probation(&mut self) -> bool {
        let Some(job) = self.probation else { return false };
        let goes_on = self.doorbell.held().contains(&job) && !self.running.progressed(job);
        if !goes_on {
            self.probation = None;
        }
        goes_on
    }
}

/// How many ids to add when `waiting` wait for `slots`; `None` while enough wait.
fn room(slots: usize, waiting: usize) -> Option<usize> {
    let (low, high) = (slots.saturating_mul(2).min(MOST_WAITING), slots.saturating_mul(4).min(MOST_WAITING));
    (waiting < low).then(|| high - waiting)
}

/// What one pass offers.
#[derive(Debug, PartialEq, Eq)]
enum Offer {
    /// These, in this order.
    Together(Vec<JobId>),
    /// This one, and nothing else until it has made progress or ended.
    Alone(JobId),
}

impl Offer {
    fn ids(&self) -> Vec<JobId> {
        match self {
            Self::Together(ids) => ids.clone(),
            Self::Alone(id) => vec![*id],
        }
    }
}

/// Takes `runnable` in its order, without those to `skip`, up to `room`. A job whose last start was unclean may take its neighbours down
/// with it, and a neighbour that has not made progress would be blamed: it goes alone, once every job here is proven, and what comes
/// after it waits.
fn choose(runnable: &[Runnable], room: usize, unproven: bool, skip: impl Fn(JobId) -> bool) -> Offer {
    let mut ids = Vec::new();
    for job in runnable.iter().filter(|job| !skip(job.job)) {
        if job.unclean {
            return if ids.is_empty() && !unproven { Offer::Alone(job.job) } else { Offer::Together(ids) };
        }
        if ids.len() >= room {
            break;
        }
        ids.push(job.job);
    }
    Offer::Together(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::job::Lane;

    fn runnable(unclean: bool) -> Runnable {
        Runnable { job: JobId::generate(), provider: None, lane: Lane::Person, unclean }
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
    fn ids_keep_the_order_of_the_ledger_and_what_is_here_is_left_out() {
        let jobs = [runnable(false), runnable(false), runnable(false)];
        let offer = choose(&jobs, 10, true, |job| job == jobs[1].job);
        assert_eq!(offer, Offer::Together(vec![jobs[0].job, jobs[2].job]));
        assert_eq!(choose(&jobs, 1, true, |_| false), Offer::Together(vec![jobs[0].job]));
    }

    #[test]
    fn a_job_that_ended_uncleanly_goes_alone_once_its_neighbours_are_proven() {
        let jobs = [runnable(true), runnable(false)];
        assert_eq!(choose(&jobs, 10, false, |_| false), Offer::Alone(jobs[0].job));
        assert_eq!(choose(&jobs, 10, true, |_| false), Offer::Together(vec![]), "and until then nothing is added");
    }

    #[test]
    fn what_is_more_urgent_goes_before_a_job_that_ended_uncleanly() {
        let jobs = [runnable(false), runnable(true), runnable(false)];
        assert_eq!(choose(&jobs, 10, false, |_| false), Offer::Together(vec![jobs[0].job]));
    }
}
