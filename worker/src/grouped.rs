//! What many short jobs of this process need of the database at the same time, asked together: jobs by the thousand spend most of their time
//! on being claimed and ended.

use futures_util::future::join_all;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{ClaimedJob, Fence, JobState};
use linkyard_core::provider::Provider;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use linkyard_store::Store;
use linkyard_store::grouped::{Grouped, same};
use linkyard_store::ledger::PlainEnd;
use std::collections::HashMap;

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
