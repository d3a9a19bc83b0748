//! The doorbell: which job ids wait for a worker of this process, and the ring that wakes the feeder.
//!
//! It carries ids and wake-ups, never work: everything in it can be rebuilt from the ledger, so losing it loses nothing. Only the feeder
//! puts ids in; whoever commits a change merely rings. An id that waits or runs here is not taken a second time, so a second delivery
//! ends here and not in a claim. What is not here: SQL, leases, and any decision about which job may run.

use linkyard_core::id::JobId;
use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;

/// The most ids that may wait; the rest waits in SQL, where it costs nothing.
pub const MOST_WAITING: usize = 1_000;

/// The doorbell of one process. Cheap to clone; clones are the same doorbell.
#[derive(Clone, Debug)]
pub struct Doorbell {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    capacity: usize,
    ids: Mutex<Ids>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Ids {
    waiting: VecDeque<JobId>,
    /// Waiting and running ids: what must not be taken in again.
    held: HashSet<JobId>,
    wakers: Vec<Waker>,
}

impl Default for Doorbell {
    fn default() -> Self {
        Self::new(MOST_WAITING)
    }
}

impl Doorbell {
    /// A doorbell at which at most `capacity` ids wait, `1..=`[`MOST_WAITING`] (clamped).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, MOST_WAITING);
        Self { inner: Arc::new(Inner { capacity, ids: Mutex::default(), changed: Notify::new() }) }
    }

    /// Wakes the feeder: something may be runnable now. Rings that nobody waits for are remembered as one, so none is lost and a
    /// thousand cost one pass. Best effort by design: the feeder's tick finds what a lost ring would have told.
    pub fn ring(&self) {
        self.inner.changed.notify_one();
    }

    /// Waits for a ring (or for a job of this process to end, which frees a slot). For the feeder alone: one waiter gets each ring.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// Takes ids in, in this order, and answers how many. Ids that wait or run here already are left out, and so is everything beyond
    /// the capacity. For the feeder alone.
    pub async fn offer(&self, ids: &[JobId]) -> usize {
        let mut taken = 0;
        let wakers = {
            let mut inside = self.lock();
            for id in ids {
                if inside.waiting.len() >= self.inner.capacity {
                    break;
                }
                if inside.held.insert(*id) {
                    inside.waiting.push_back(*id);
                    taken += 1;
                }
            }
            if taken == 0 { Vec::new() } else { std::mem::take(&mut inside.wakers) }
        };
        wakers.into_iter().for_each(Waker::wake);
        taken
    }

    /// How many ids wait for a free slot.
    pub async fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// How many more ids would be taken in.
    pub async fn free(&self) -> usize {
        self.inner.capacity.saturating_sub(self.waiting().await)
    }

    /// The ids that wait or run in this process, in no order.
    #[must_use]
    pub fn held(&self) -> Vec<JobId> {
        self.lock().held.iter().copied().collect()
    }

    /// The next waiting id, as a delivery that gives the id free when it is dropped.
    pub(crate) fn poll_delivery(&self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut inside = self.lock();
        let Some(id) = inside.waiting.pop_front() else {
            if !inside.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                inside.wakers.push(cx.waker().clone());
            }
            return Poll::Pending;
        };
        Poll::Ready(Delivery { id, doorbell: self.clone() })
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
        self.doorbell.lock().held.remove(&self.id);
        self.doorbell.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn ids(count: usize) -> Vec<JobId> {
        (0..count).map(|_| JobId::generate()).collect()
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
        assert_eq!(doorbell.offer(&ids).await, 3);
        let out: Vec<JobId> = std::iter::from_fn(|| next(&doorbell)).map(|delivery| delivery.id).collect();
        assert_eq!(out, ids);
    }

    #[tokio::test]
    async fn an_id_that_waits_or_runs_is_not_taken_again() {
        let doorbell = Doorbell::default();
        let ids = ids(1);
        assert_eq!(doorbell.offer(&ids).await, 1);
        assert_eq!(doorbell.offer(&ids).await, 0, "it waits");
        let running = next(&doorbell).expect("it was offered");
        assert_eq!(doorbell.offer(&ids).await, 0, "it runs");
        drop(running);
        assert_eq!(doorbell.offer(&ids).await, 1, "it ended");
    }

    #[tokio::test]
    async fn no_more_ids_wait_than_the_capacity() {
        let doorbell = Doorbell::new(2);
        assert_eq!(doorbell.offer(&ids(5)).await, 2);
        assert_eq!((doorbell.waiting().await, doorbell.free().await), (2, 0));
        assert_eq!(Doorbell::new(1_000_000).free().await, MOST_WAITING);
    }

    #[tokio::test]
    async fn a_ring_before_the_wait_is_not_lost_and_many_are_one() {
        let doorbell = Doorbell::default();
        doorbell.ring();
        doorbell.ring();
        assert!(doorbell.changed().now_or_never().is_some(), "the ring was kept");
        assert!(doorbell.changed().now_or_never().is_none(), "two rings were one");
    }
}
