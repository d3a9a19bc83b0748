//! The doorbell: which job ids wait for a worker, and the ring that wakes the feeder.
//!
//! It carries ids and wake-ups, never work: everything in it can be rebuilt from the ledger, so losing it loses nothing. Only the feeder
//! puts ids in; whoever commits a change merely rings. Ids wait in this process, or in a Redis that several processes share; either way
//! they pass through here on their way to a slot. An id that is here already is not taken a second time, so a second delivery ends here
//! and not in a claim; and a job that has to run alone waits here until nothing that it could take down with it runs beside it. What is
//! not here: SQL, leases, and any decision about which job may run.

use crate::redis::Redis;
use crate::redis::bell::Bell;
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_core::job::Lane;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// The most ids that may wait; the rest waits in SQL, where it costs nothing.
pub const MOST_WAITING: usize = 1_000;

/// A job that is called to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// The job.
    pub job: JobId,
    /// Who waits; between processes more urgent lanes go first, within one the order is the feeder's.
    pub lane: Lane,
    /// Its last start ended without progress, so in its process nothing that has made no progress yet may run beside it.
    pub alone: bool,
}

/// The doorbell of one process. Cheap to clone; clones are the same doorbell.
#[derive(Clone, Debug)]
pub struct Doorbell {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    capacity: usize,
    ids: Mutex<Ids>,
    changed: Arc<Notify>,
    /// A slot became free, or a job that ran alone is proven.
    freed: Notify,
    /// Where ids wait that are for several processes; without it they wait in `ids`.
    shared: Option<Bell>,
}

#[derive(Debug, Default)]
struct Ids {
    waiting: VecDeque<Waiting>,
    /// Waiting and running ids: what must not be taken in again.
    held: HashSet<JobId>,
    /// Running, and no checkpoint yet.
    unproven: HashSet<JobId>,
    /// The unproven job that runs alone.
    alone: Option<JobId>,
    wakers: Vec<Waker>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    call: Called,
    since: Instant,
}

impl Ids {
    fn take_in(&mut self, call: Called) -> bool {
        let new = self.held.insert(call.job);
        if new {
            self.waiting.push_back(Waiting { call, since: Instant::now() });
        }
        new
    }

    /// The next id that may start.
    fn start(&mut self) -> Option<JobId> {
        let call = self.waiting.front()?.call;
        if self.alone.is_some() || call.alone && !self.unproven.is_empty() {
            return None;
        }
        self.waiting.pop_front();
        self.unproven.insert(call.job);
        self.alone = call.alone.then_some(call.job);
        Some(call.job)
    }

    fn prove(&mut self, job: JobId) -> bool {
        if self.alone == Some(job) {
            self.alone = None;
        }
        self.unproven.remove(&job)
    }

    /// How many ids may be taken in for `slots`; none while a job runs alone or is about to.
    fn room(&self, slots: usize) -> usize {
        let alone = self.alone.is_some() || self.waiting.iter().any(|waiting| waiting.call.alone);
        if alone { 0 } else { slots.saturating_sub(self.held.len()) }
    }
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new(MOST_WAITING)
    }
}

impl Doorbell {
    /// A doorbell in this process, at which at most `capacity` ids wait, `1..=`[`MOST_WAITING`] (clamped).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with(capacity, Arc::default(), None)
    }

    /// A doorbell that processes share through `redis`; at most [`MOST_WAITING`] ids wait there in all. Needs a runtime.
    #[must_use]
    pub fn shared(redis: Redis) -> Self {
        let changed = Arc::<Notify>::default();
        let bell = Bell::start(redis, changed.clone());
        Self::with(MOST_WAITING, changed, Some(bell))
    }

    fn with(capacity: usize, changed: Arc<Notify>, shared: Option<Bell>) -> Self {
        let capacity = capacity.clamp(1, MOST_WAITING);
        Self { inner: Arc::new(Inner { capacity, ids: Mutex::default(), changed, freed: Notify::new(), shared }) }
    }

    /// Wakes the feeder, in whatever process it is: something may be runnable now. Rings that nobody waits for are remembered as one, so
    /// none is lost and a thousand cost one pass. Best effort by design: the feeder's tick finds what a lost ring would have told.
    pub fn ring(&self) {
        match &self.inner.shared {
            None => self.inner.changed.notify_one(),
            Some(bell) => bell.ring(),
        }
    }

    /// Waits for a ring; each job that ends rings. For the feeder alone: one waiter gets each ring.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// Whether rings of other processes are for this one: it feeds.
    pub fn listen(&self, listening: bool) {
        if let Some(bell) = &self.inner.shared {
            bell.listen(listening);
        }
    }

    /// Takes ids in, in this order, and answers how many. Ids that wait already (or run in this process) are left out, and so is
    /// everything beyond the capacity. For the feeder alone.
    ///
    /// # Errors
    /// `Unavailable` when they are to wait in Redis and it does not answer.
    pub async fn offer(&self, calls: &[Called]) -> Result<usize> {
        if let Some(bell) = &self.inner.shared {
            return bell.offer(calls, self.inner.capacity).await;
        }
        let mut taken = 0;
        self.change(|inside| {
            for call in calls {
                if inside.waiting.len() >= self.inner.capacity {
                    break;
                }
                taken += usize::from(inside.take_in(*call));
            }
        });
        Ok(taken)
    }

    /// How many ids wait for a free slot.
    ///
    /// # Errors
    /// As [`Doorbell::offer`].
    pub async fn waiting(&self) -> Result<usize> {
        match &self.inner.shared {
            None => Ok(self.lock().waiting.len()),
            Some(bell) => bell.waiting().await,
        }
    }

    /// The ids that wait or run in this process, in no order.
    #[must_use]
    pub fn held(&self) -> Vec<JobId> {
        self.lock().held.iter().copied().collect()
    }

    /// Notes that a run of `job` has written a checkpoint: a crash from now on is no sign that it kills its process.
    pub fn prove(&self, job: JobId) {
        // Every checkpoint comes here and the first one counts.
        if self.lock().unproven.contains(&job) {
            self.change(|inside| {
                inside.prove(job);
            });
        }
    }

    /// Lets a job go that has waited here for `patience` to run alone: another process may be quieter, and others are waiting behind it.
    /// The feeder offers it again.
    pub fn let_go(&self, patience: Duration) {
        self.change(|inside| {
            let due = inside.waiting.front().filter(|head| head.call.alone && head.since.elapsed() >= patience);
            if let Some(job) = due.map(|head| head.call.job) {
                inside.waiting.pop_front();
                inside.held.remove(&job);
            }
        });
    }

    /// Fetches ids from where processes share them, for as many of `slots` as are free, until `stop`.
    pub(crate) async fn fetch(&self, slots: usize, stop: CancellationToken) {
        match &self.inner.shared {
            None => stop.cancelled().await,
            Some(bell) => bell.pop(self, slots, stop).await,
        }
    }

    /// Takes in what was fetched; what is here already was delivered twice.
    pub(crate) fn take_in(&self, calls: Vec<Called>) {
        self.change(|inside| {
            for call in calls {
                if !inside.take_in(call) {
                    tracing::debug!(job = %call.job, "job {} was delivered a second time", call.job);
                }
            }
        });
    }

    /// Waits until ids may be taken in for some of `slots`, and says how many.
    pub(crate) async fn free_slots(&self, slots: usize) -> usize {
        loop {
            let freed = self.inner.freed.notified();
            let room = self.lock().room(slots);
            if room > 0 {
                return room;
            }
            freed.await;
        }
    }

    /// The next waiting id, as a delivery that gives the id free when it is dropped.
    pub(crate) fn poll_delivery(&self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut inside = self.lock();
        let Some(id) = inside.start() else {
            if !inside.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                inside.wakers.push(cx.waker().clone());
            }
            return Poll::Pending;
        };
        Poll::Ready(Delivery { id, doorbell: self.clone() })
    }

    /// Changes what is here and wakes whoever may go on by that.
    fn change(&self, change: impl FnOnce(&mut Ids)) {
        let wakers = {
            let mut inside = self.lock();
            change(&mut inside);
            if inside.waiting.is_empty() { Vec::new() } else { std::mem::take(&mut inside.wakers) }
        };
        wakers.into_iter().for_each(Waker::wake);
        self.inner.freed.notify_one();
    }

    /// Every update of the set is one statement, so a panic elsewhere can not leave it half done: a poisoned lock is safe to use.
    fn lock(&self) -> MutexGuard<'_, Ids> {
        self.inner.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One id on its way through the worker. Dropping it, however the run ended, lets the id be delivered again and wakes the feeder.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) id: JobId,
    doorbell: Doorbell,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.doorbell.change(|inside| {
            inside.held.remove(&self.id);
            inside.prove(self.id);
        });
        // What the run wrote may be runnable, and its slot is free. Whoever feeds may be another process.
        self.doorbell.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn ids(count: usize) -> Vec<Called> {
        (0..count).map(|_| Called { job: JobId::generate(), lane: Lane::Person, alone: false }).collect()
    }

    async fn offer(doorbell: &Doorbell, calls: &[Called]) -> usize {
        doorbell.offer(calls).await.expect("it waits in this process")
    }

    fn next(doorbell: &Doorbell) -> Option<Delivery> {
        match doorbell.poll_delivery(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(delivery) => Some(delivery),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn ids_come_out_in_the_order_in_which_they_were_offered() {
        let doorbell = Doorbell::default();
        let ids = ids(3);
        assert_eq!(offer(&doorbell, &ids).await, 3);
        let out: Vec<JobId> = std::iter::from_fn(|| next(&doorbell)).map(|delivery| delivery.id).collect();
        assert_eq!(out, ids.iter().map(|call| call.job).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn an_id_that_waits_or_runs_is_not_taken_again() {
        let doorbell = Doorbell::default();
        let ids = ids(1);
        assert_eq!(offer(&doorbell, &ids).await, 1);
        assert_eq!(offer(&doorbell, &ids).await, 0, "it waits");
        let running = next(&doorbell).expect("it was offered");
        assert_eq!(offer(&doorbell, &ids).await, 0, "it runs");
        drop(running);
        assert_eq!(offer(&doorbell, &ids).await, 1, "it ended");
    }

    #[tokio::test]
    async fn no_more_ids_wait_than_the_capacity() {
        let doorbell = Doorbell::new(2);
        assert_eq!(offer(&doorbell, &ids(5)).await, 2);
        assert_eq!(doorbell.waiting().await.expect("it waits in this process"), 2);
        let large = Doorbell::new(1_000_000);
        assert_eq!(offer(&large, &ids(MOST_WAITING + 1)).await, MOST_WAITING);
    }

    #[tokio::test]
    async fn a_ring_before_the_wait_is_not_lost_and_many_are_one() {
        let doorbell = Doorbell::default();
        doorbell.ring();
        doorbell.ring();
        assert!(doorbell.changed().now_or_never().is_some(), "the ring was kept");
        assert!(doorbell.changed().now_or_never().is_none(), "two rings were one");
    }

    #[tokio::test]
    async fn a_job_that_runs_alone_starts_when_every_other_is_proven_and_holds_back_the_next_until_it_is() {
        let doorbell = Doorbell::default();
        let mut calls = ids(4);
        calls[2].alone = true;
        offer(&doorbell, &calls).await;
        let (first, second) = (next(&doorbell).expect("a slot"), next(&doorbell).expect("a slot"));
        assert!(next(&doorbell).is_none(), "two others are not proven");
        doorbell.prove(first.id);
        drop(second);
        let alone = next(&doorbell).expect("nothing unproven runs");
        assert_eq!(alone.id, calls[2].job);
        assert!(next(&doorbell).is_none(), "it is not proven");
        doorbell.prove(alone.id);
        assert_eq!(next(&doorbell).expect("it is proven").id, calls[3].job);
    }

    #[tokio::test]
    async fn a_job_that_waits_too_long_to_run_alone_is_let_go() {
        let doorbell = Doorbell::default();
        let mut calls = ids(3);
        calls[1].alone = true;
        offer(&doorbell, &calls).await;
        let _unproven = next(&doorbell).expect("a slot");
        doorbell.let_go(Duration::from_secs(60));
        assert!(next(&doorbell).is_none(), "it may wait a minute");
        doorbell.let_go(Duration::ZERO);
        assert_eq!(next(&doorbell).expect("it is gone").id, calls[2].job);
        assert!(!doorbell.held().contains(&calls[1].job));
    }

    #[tokio::test]
    async fn slots_are_free_for_what_is_shared_unless_a_job_runs_alone() {
        let doorbell = Doorbell::default();
        assert_eq!(doorbell.free_slots(3).await, 3);
        doorbell.take_in(ids(2));
        assert_eq!(doorbell.free_slots(3).await, 1);
        let mut alone = ids(1);
        alone[0].alone = true;
        doorbell.take_in(alone);
        assert!(doorbell.free_slots(9).now_or_never().is_none());
    }
}
