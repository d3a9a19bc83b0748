//! The worker runtime: an apalis worker under a monitor, with so many slots.
//!
//! The handler is given an id and does everything else, outcomes and retries included: apalis is told nothing but "it ended". Layers of
//! apalis that retry, delay or give up are left out on purpose, because those decisions are rows of the ledger.

use crate::backend::Deliveries;
use crate::doorbell::{Delivery, Doorbell};
use apalis::layers::WorkerBuilderExt;
use apalis::layers::catch_panic::{CatchPanicLayer, PanicError};
use apalis_core::monitor::Monitor;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use linkyard_core::id::JobId;
use linkyard_core::{Error, Result};
use std::any::Any;
use std::future::Future;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Gives every id that waits at `doorbell` to `handler`, `concurrency` (at least 1) at once, each on a task of its own, until `shutdown`;
/// then takes no more ids and returns when the running handlers have ended. A handler that panics ends alone.
///
/// # Errors
/// `Internal` when the runtime itself ends early, which is a defect.
pub async fn run<H, F>(doorbell: Doorbell, concurrency: usize, handler: H, shutdown: CancellationToken) -> Result<()>
where
    H: Fn(JobId) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let concurrency = concurrency.max(1);
    let (fetching, stop_fetching) = (doorbell.clone(), shutdown.clone());
    let fetching = tokio::spawn(async move { fetching.fetch(concurrency, stop_fetching).await });
    let _fetching = AbortOnDrop(fetching);
    let worker = move |_restarts: usize| {
        let handler = handler.clone();
        WorkerBuilder::new("jobs")
            .backend(Deliveries::new(doorbell.clone()))
            .concurrency(concurrency)
            .parallelize(tokio::spawn)
            .layer(CatchPanicLayer::with_panic_handler(note_panic))
            .build(move |delivery: Delivery| {
                let ends = handler(delivery.id);
                async move {
                    ends.await;
                    // Held to the end: until here a second delivery of the id is dropped.
                    drop(delivery);
                }
            })
    };
    let stopped = async move {
        shutdown.cancelled().await;
        Ok(())
    };
    let monitor = Monitor::new().register(worker).should_restart(|_, _| true);
    monitor.run_with_signal(stopped).await.map_err(|error| Error::internal("the worker runtime ended", error.to_string()))
}

/// Ends its task when it is dropped.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn note_panic(panic: &Box<dyn Any + Send>) -> PanicError {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "a panic without a text".to_owned());
    tracing::error!(panic = %text, "a handler panicked; its slot is free again");
    PanicError(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doorbell::Called;
    use linkyard_core::job::Lane;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::{Semaphore, mpsc};

    fn ids(count: usize) -> Vec<JobId> {
        (0..count).map(|_| JobId::generate()).collect()
    }

    async fn offer(doorbell: &Doorbell, ids: &[JobId]) -> usize {
        let calls: Vec<Called> = ids.iter().map(|job| Called { job: *job, lane: Lane::Person, alone: false }).collect();
        doorbell.offer(&calls).await.expect("it waits in this process")
    }

    #[tokio::test]
    async fn every_offered_id_reaches_the_handler_once() {
        let (doorbell, shutdown, ids) = (Doorbell::default(), CancellationToken::new(), ids(500));
        let (seen, mut all) = mpsc::unbounded_channel();
        let handler = move |id| {
            let seen = seen.clone();
            async move { seen.send(id).expect("the test listens") }
        };
        let worker = tokio::spawn(run(doorbell.clone(), 8, handler, shutdown.clone()));
        offer(&doorbell, &ids).await;
        let mut got = Vec::new();
        for _ in 0..ids.len() {
            got.push(all.recv().await.expect("an id"));
        }
        shutdown.cancel();
        worker.await.expect("no panic").expect("a clean end");
        got.sort();
        assert_eq!(got, ids);
        assert!(all.recv().await.is_none(), "and nothing more");
    }

    #[tokio::test]
    async fn no_more_handlers_run_at_once_than_there_are_slots() {
        let (doorbell, shutdown) = (Doorbell::default(), CancellationToken::new());
        let (now, most, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let counters = (now.clone(), most.clone(), done.clone());
        let handler = move |_| {
            let (now, most, done) = counters.clone();
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                done.add_permits(1);
            }
        };
        let worker = tokio::spawn(run(doorbell.clone(), 3, handler, shutdown.clone()));
        offer(&doorbell, &ids(60)).await;
        done.acquire_many(60).await.expect("open").forget();
        shutdown.cancel();
        worker.await.expect("no panic").expect("a clean end");
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_stop_takes_no_more_ids_and_waits_for_the_running_ones() {
        let (doorbell, shutdown) = (Doorbell::default(), CancellationToken::new());
        let (started, go, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let signals = (started.clone(), go.clone(), ended.clone());
        let handler = move |_| {
            let (started, go, ended) = signals.clone();
            async move {
                started.add_permits(1);
                go.acquire().await.expect("open").forget();
                ended.fetch_add(1, Ordering::SeqCst);
            }
        };
        let worker = tokio::spawn(run(doorbell.clone(), 2, handler, shutdown.clone()));
        offer(&doorbell, &ids(5)).await;
        started.acquire_many(2).await.expect("open").forget();
        shutdown.cancel();
        go.add_permits(5);
        worker.await.expect("no panic").expect("a clean end");
        assert_eq!(ended.load(Ordering::SeqCst), 2);
        assert_eq!(doorbell.waiting().await.expect("it waits in this process"), 3);
    }

    #[tokio::test]
    async fn a_panicking_handler_ends_alone_and_its_id_may_come_again() {
        let (doorbell, shutdown, ids) = (Doorbell::default(), CancellationToken::new(), ids(2));
        let (seen, mut all) = mpsc::unbounded_channel();
        let poison = ids[0];
        let handler = move |id| {
            let seen = seen.clone();
            async move {
                seen.send(id).expect("the test listens");
                assert!(id != poison, "as the test wants");
            }
        };
        let worker = tokio::spawn(run(doorbell.clone(), 1, handler, shutdown.clone()));
        offer(&doorbell, &ids).await;
        assert_eq!(all.recv().await, Some(ids[0]));
        assert_eq!(all.recv().await, Some(ids[1]));
        while doorbell.held().contains(&ids[0]) {
            doorbell.changed().await;
        }
        assert_eq!(offer(&doorbell, &ids[..1]).await, 1);
        assert_eq!(all.recv().await, Some(ids[0]));
        shutdown.cancel();
        worker.await.expect("no panic").expect("a clean end");
    }
}
