//! Watching jobs: one poller per process asks the store in one query which of all watched jobs have changed.
//!
//! However many callers watch, the database sees two small queries a second, and none when nobody watches. A watcher gets the newest
//! state, not every state in between: a slow reader misses steps, never the end.

use crate::deadline;
use crate::status;
use crate::wire;
use futures_util::Stream;
use futures_util::stream;
use linkyard_core::id::JobId;
use linkyard_core::job::Job;
use linkyard_proto::v1;
use linkyard_store::Store;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// How jobs are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPace {
    /// How often the store is asked.
    pub poll: Duration,
    /// After so long without a change a watcher gets a message without a job.
    pub heartbeat: Duration,
}

impl Default for WatchPace {
    fn default() -> Self {
        Self { poll: Duration::from_millis(500), heartbeat: Duration::from_secs(15) }
    }
}

/// After so many polls in a row that failed, watchers are sent away: they must not take silence for "nothing changed".
const MOST_FAILURES: u32 = 6;

/// What a watcher can learn.
#[derive(Clone, Debug)]
enum News {
    /// Nothing yet.
    None,
    /// The job as it is now.
    Changed(Arc<Job>),
    /// The store could not be asked for a while.
    Lost,
}

#[derive(Debug)]
struct Watched {
    /// The newest revision that the poller knows.
    revision: i64,
    news: watch::Sender<News>,
}

/// All watchers of a process.
#[derive(Clone, Debug)]
pub(crate) struct Hub {
    store: Store,
    pace: WatchPace,
    draining: CancellationToken,
    watched: Arc<Mutex<HashMap<JobId, Watched>>>,
    /// Rung when somebody begins to watch.
    begun: Arc<Notify>,
}

impl Hub {
    /// A hub whose poller runs until `draining`. Needs a tokio runtime.
    pub(crate) fn start(store: Store, pace: WatchPace, draining: CancellationToken) -> Self {
        let hub = Self { store, pace, draining, watched: Arc::default(), begun: Arc::default() };
        tokio::spawn(hub.clone().poll());
        hub
    }

    /// The stream for a watcher that is shown `job` (just read) and knows its revision `known`.
    pub(crate) fn watch(
        &self,
        job: Job,
        known: i64,
        until: Option<Instant>,
        request_id: String,
    ) -> impl Stream<Item = Result<v1::WatchJobResponse, Status>> + Send + use<> {
        let news = self.subscribe(&job);
        let watcher = Watcher {
            first: (job.revision != known).then(|| job.clone()),
            seen: job.revision,
            ended: job.state.terminal(),
            news,
            heartbeat: self.pace.heartbeat,
            until,
            request_id,
            draining: self.draining.clone(),
        };
        stream::unfold(Some(watcher), |watcher| async move {
            let mut watcher = watcher?;
            match watcher.next().await {
                Some(Ok(message)) => Some((Ok(message), Some(watcher))),
                Some(Err(end)) => Some((Err(status::stamp(&end, &watcher.request_id)), None)),
                None => None,
            }
        })
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<JobId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subscribe(&self, job: &Job) -> watch::Receiver<News> {
        let mut watched = self.watched();
        let entry =
            watched.entry(job.id).or_insert_with(|| Watched { revision: job.revision, news: watch::Sender::new(News::None) });
        self.begun.notify_one();
        entry.news.subscribe()
    }

    /// Jobs that somebody still watches, with the revision known here; the others are forgotten.
    fn asked(&self) -> Vec<(JobId, i64)> {
        let mut watched = self.watched();
        watched.retain(|_, entry| entry.news.receiver_count() > 0);
        watched.iter().map(|(id, entry)| (*id, entry.revision)).collect()
    }

    async fn poll(self) {
        let mut failures = 0;
        loop {
            let asked = self.asked();
            if asked.is_empty() {
                tokio::select! {
                    () = self.draining.cancelled() => return,
                    () = self.begun.notified() => continue,
                }
            }
            match self.store.jobs_changed(&asked).await {
                Ok(changed) => {
                    failures = 0;
                    self.tell(changed);
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, failures, "watched jobs could not be read");
                    if failures >= MOST_FAILURES {
                        failures = 0;
                        self.send_away();
                    }
                }
            }
            tokio::select! {
                () = self.draining.cancelled() => return,
                () = tokio::time::sleep(self.pace.poll) => {}
            }
        }
    }

    fn tell(&self, changed: Vec<Job>) {
        let mut watched = self.watched();
        for job in changed {
            if let Some(entry) = watched.get_mut(&job.id) {
                entry.revision = job.revision;
                entry.news.send_replace(News::Changed(Arc::new(job)));
            }
        }
    }

    fn send_away(&self) {
        for (_, entry) in self.watched().drain() {
            entry.news.send_replace(News::Lost);
        }
    }
}

/// One watcher's side of the stream.
#[derive(Debug)]
struct Watcher {
    first: Option<Job>,
    seen: i64,
    ended: bool,
    news: watch::Receiver<News>,
    heartbeat: Duration,
    until: Option<Instant>,
    request_id: String,
    draining: CancellationToken,
}

impl Watcher {
    /// The next message; `None` after a job's last state.
    async fn next(&mut self) -> Option<Result<v1::WatchJobResponse, Status>> {
        if let Some(job) = self.first.take() {
            return Some(Ok(v1::WatchJobResponse { job: Some(wire::job(&job)) }));
        }
        if self.ended {
            return None;
        }
        let beat = Instant::now() + self.heartbeat;
        loop {
            if let Some(answer) = self.news() {
                return Some(answer);
            }
            tokio::select! {
                () = self.draining.cancelled() => return Some(Err(status::draining())),
                () = passed(self.until) => return Some(Err(deadline::passed())),
                () = tokio::time::sleep_until(beat) => return Some(Ok(v1::WatchJobResponse { job: None })),
                changed = self.news.changed() => if changed.is_err() { return Some(Err(lost())) },
            }
        }
    }

    /// What is new for this watcher now.
    fn news(&mut self) -> Option<Result<v1::WatchJobResponse, Status>> {
        let news = self.news.borrow_and_update().clone();
        match news {
            News::Changed(job) if job.revision > self.seen => {
                self.seen = job.revision;
                self.ended = job.state.terminal();
                Some(Ok(v1::WatchJobResponse { job: Some(wire::job(&job)) }))
            }
            News::Lost => Some(Err(lost())),
            News::None | News::Changed(_) => None,
        }
    }
}

fn lost() -> Status {
    status::to_status(linkyard_core::Error::Unavailable {
        service: "database",
        message: "the job could not be read for a while; go on with the revision that was seen last".to_owned(),
        source: None,
    })
}

/// Ends at `until`, never without one.
async fn passed(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
