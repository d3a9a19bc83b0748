//! One statement for many: what is asked while a statement is under way is asked together by the next one.
//!
//! Nobody waits for a group to fill up: a lone request goes at once, and the busier the database, the larger the groups. Whoever asks sees
//! what was written before: a statement begins after each of its questions was asked. Lives here: the grouping, and the reads that go
//! through it wherever they come from. Does not live here: the worker's claims and ends.

use crate::Store;
use futures_util::future::{BoxFuture, join_all};
use linkyard_core::id::{JobId, OrganizationId};
use linkyard_core::job::Job;
use linkyard_core::{Error, Result};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use tokio::sync::{mpsc, oneshot};

/// The most that one statement takes.
const MOST: usize = 256;

/// Requests on their way into groups.
pub struct Grouped<Q, A>(mpsc::UnboundedSender<(Q, oneshot::Sender<A>)>);

impl<Q: Send + 'static, A: Send + 'static> Grouped<Q, A> {
    /// Groups requests for `work`, which answers each in its place, until this is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(work: impl Fn(Vec<Q>) -> BoxFuture<'static, Vec<A>> + Send + 'static) -> Self {
        let (asks, mut asked) = mpsc::unbounded_channel::<(Q, oneshot::Sender<A>)>();
        tokio::spawn(async move {
            let mut group = Vec::new();
            while asked.recv_many(&mut group, MOST).await > 0 {
                let (requests, replies): (Vec<Q>, Vec<_>) = group.drain(..).unzip();
                for (reply, answer) in replies.into_iter().zip(work(requests).await) {
                    // Whoever asked may be gone.
                    let _ = reply.send(answer);
                }
            }
        });
        Self(asks)
    }

    /// Asks in the next group.
    ///
    /// # Errors
    /// `Internal` when the group came to nothing, which is a defect.
    pub async fn ask(&self, request: Q) -> Result<A> {
        let (reply, answer) = oneshot::channel();
        let broken = || Error::broken("a group of requests was not answered");
        self.0.send((request, reply)).map_err(|_| broken())?;
        answer.await.map_err(|_| broken())
    }
}

impl<Q, A> fmt::Debug for Grouped<Q, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grouped").finish_non_exhaustive()
    }
}

/// Reads jobs of tenants, each once for everybody who asked for it before the read began: people and programs poll them by the thousand.
///
/// # Panics
/// Outside of a tokio runtime.
#[must_use]
pub fn jobs(store: Store) -> Grouped<(OrganizationId, JobId), Result<Job>> {
    Grouped::start(move |asked| {
        let store = store.clone();
        Box::pin(async move {
            let mut wanted: BTreeMap<OrganizationId, Vec<JobId>> = BTreeMap::new();
            for (organization, job) in &asked {
                wanted.entry(*organization).or_default().push(*job);
            }
            let read = wanted.iter_mut().map(|(organization, jobs)| {
                jobs.sort_unstable();
                jobs.dedup();
                let store = &store;
                async move { (*organization, store.jobs_of(*organization, jobs).await) }
            });
            let found: HashMap<OrganizationId, Result<HashMap<JobId, Job>>> = join_all(read).await.into_iter().collect();
            let one = |(organization, job): &(OrganizationId, JobId)| match found.get(organization) {
                Some(Ok(jobs)) => jobs.get(job).cloned().ok_or_else(|| Error::not_found("job", *job)),
                Some(Err(error)) => Err(same(error)),
                None => Err(Error::broken("an organization was not asked")),
            };
            asked.iter().map(one).collect()
        })
    })
}

/// One error for several: what its readers do is the same.
#[must_use]
pub fn same(error: &Error) -> Error {
    if error.retryable() {
        Error::Unavailable { service: "database", message: error.to_string(), source: None }
    } else {
        Error::broken(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn what_is_asked_meanwhile_goes_together_and_each_gets_its_answer() {
        let (sizes, gate) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Semaphore::new(0)));
        let (noted, behind) = (sizes.clone(), gate.clone());
        let grouped = Arc::new(Grouped::start(move |numbers: Vec<u32>| {
            noted.lock().expect("whole").push(numbers.len());
            let gate = behind.clone();
            Box::pin(async move {
                gate.acquire().await.expect("open").forget();
                numbers.into_iter().map(|number| number * 2).collect()
            })
        }));
        let ask = |number| {
            let grouped = grouped.clone();
            tokio::spawn(async move { grouped.ask(number).await.expect("an answer") })
        };
        let first = ask(1);
        while sizes.lock().expect("whole").is_empty() {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (2..=300).map(ask).collect();
        // Each task asks when it is first run; then all wait.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(10);
        assert_eq!(first.await.expect("no panic"), 2);
        for (number, other) in (2..=300).zip(others) {
            assert_eq!(other.await.expect("no panic"), number * 2);
        }
        assert_eq!(*sizes.lock().expect("whole"), [1, MOST, 300 - 1 - MOST]);
    }
}
