//! One statement for many: what is asked while a statement is under way is asked together by the next one.
//!
//! Nobody waits for a group to fill up: a lone request goes at once, and the busier the database, the larger the groups. Short jobs by the
//! thousand spend most of their time on being claimed and ended, so those two go through here.

use futures_util::future::{BoxFuture, join_all};
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{ClaimedJob, Fence, JobState};
use linkyard_core::provider::Provider;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use linkyard_store::Store;
use linkyard_store::ledger::PlainEnd;
use std::collections::HashMap;
use tokio::sync::{mpsc, oneshot};

/// The most that one statement takes.
const MOST: usize = 256;

/// Requests on their way into groups.
pub(crate) struct Grouped<Q, A>(mpsc::UnboundedSender<(Q, oneshot::Sender<A>)>);

impl<Q: Send + 'static, A: Send + 'static> Grouped<Q, A> {
    /// Groups requests for `work`, which answers each in its place, until this is dropped.
    pub(crate) fn start(work: impl Fn(Vec<Q>) -> BoxFuture<'static, Vec<A>> + Send + 'static) -> Self {
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
    pub(crate) async fn ask(&self, request: Q) -> Result<A> {
        let (reply, answer) = oneshot::channel();
        let broken = || Error::broken("a group of requests was not answered");
        self.0.send((request, reply)).map_err(|_| broken())?;
        answer.await.map_err(|_| broken())
    }
}

/// Claims jobs for `owner`: the job, or nothing when it is not there to be run (or the database does not answer now).
pub(crate) fn claims(store: Store, owner: String, lease_ms: i64) -> Grouped<JobId, Option<ClaimedJob>> {
    Grouped::start(move |jobs| {
        let (store, owner) = (store.clone(), owner.clone());
        Box::pin(async move {
            let claimed = store.jobs_claim(&jobs, &owner, lease_ms).await.unwrap_or_else(|error| {
                tracing::warn!(%error, jobs = jobs.len(), "jobs can not be claimed now");
                Vec::new()
            });
            let mut claimed: HashMap<JobId, ClaimedJob> = claimed.into_iter().map(|job| (job.fence.job, job)).collect();
            jobs.iter().map(|job| claimed.remove(job)).collect()
        })
    })
}

/// Writes the ends of jobs that need nothing but their own row. An error of the statement is everybody's, as words.
pub(crate) fn ends(store: Store) -> Grouped<(Fence, PlainEnd), Result<JobState>> {
    Grouped::start(move |ends| {
        let store = store.clone();
        Box::pin(async move {
            match store.jobs_end(&ends).await {
                Ok(states) => {
                    let one = |(fence, _): &(Fence, PlainEnd)| states.get(&fence.job).copied();
                    ends.iter().map(|end| one(end).ok_or_else(|| Error::fenced(end.0.job))).collect()
                }
                Err(error) => ends.iter().map(|_| Err(same(&error))).collect(),
            }
        })
    })
}

/// Reads the providers of jobs, each once for everybody who asked for it before the read began; nothing where it is deleted.
pub(crate) fn providers(store: Store) -> Grouped<(Scope, ProviderId), Result<Option<Provider>>> {
    Grouped::start(move |asked| {
        let store = store.clone();
        Box::pin(async move {
            let mut wanted: Vec<&(Scope, ProviderId)> = asked.iter().collect();
            wanted.sort_by_key(|(scope, provider)| (scope.organization, *provider));
            wanted.dedup_by_key(|(scope, provider)| (scope.organization, *provider));
            let read = wanted.iter().map(|(scope, provider)| async {
                let found = match store.provider_get(scope, *provider).await {
                    Ok(found) => Ok(Some(found)),
                    Err(Error::NotFound { .. }) => Ok(None),
                    Err(error) => Err(error),
                };
                ((scope.organization, *provider), found)
            });
            let found: HashMap<_, _> = join_all(read).await.into_iter().collect();
            let one = |(scope, provider): &(Scope, ProviderId)| match found.get(&(scope.organization, *provider)) {
                Some(Ok(provider)) => Ok(provider.clone()),
                Some(Err(error)) => Err(same(error)),
                None => Ok(None),
            };
            asked.iter().map(one).collect()
        })
    })
}

/// One error for several: what its readers do is the same.
fn same(error: &Error) -> Error {
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
