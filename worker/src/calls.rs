//! The calls of this process, gathered from its runs for the history that people look at: once per heartbeat, for all providers in one
//! statement. What is lost with a killed process is its last heartbeat's worth; jobs and budget do not depend on it.

use linkyard_core::budget::CallCounts;
use linkyard_core::id::{OrganizationId, ProviderId};
use linkyard_procore::Tally;
use linkyard_store::{CallsOf, Store};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The tallies of the runs of this process.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<Vec<Watched>>);

#[derive(Debug)]
struct Watched {
    organization: OrganizationId,
    provider: ProviderId,
    tally: Arc<Tally>,
    /// What was written of it.
    written: CallCounts,
}

impl Calls {
    /// Gathers from `tally` from now on, until its run has let go of it.
    pub(crate) fn watch(&self, organization: OrganizationId, provider: ProviderId, tally: Arc<Tally>) {
        self.lock().push(Watched { organization, provider, tally, written: CallCounts::default() });
    }

    /// Writes what came since the last time. What can not be written now is written next time.
    pub(crate) async fn write(&self, store: &Store) {
        let (readings, calls) = self.gather();
        if calls.is_empty() {
            return;
        }
        match store.calls_note(&calls).await {
            Ok(()) => self.wrote(&readings),
            Err(error) => tracing::debug!(%error, "the history of calls is written later"),
        }
    }

    /// What every tally says now, and what came since the last time by provider. Ended runs that added nothing are let go.
    fn gather(&self) -> (Vec<(Arc<Tally>, CallCounts)>, Vec<CallsOf>) {
        let mut watched = self.lock();
        // Who counts no more holds its tally no more; asked before it is read, so nothing is counted in between.
        watched.retain(|one| Arc::strong_count(&one.tally) > 1 || one.tally.read() != one.written);
        let mut sums: BTreeMap<ProviderId, CallsOf> = BTreeMap::new();
        let mut readings = Vec::new();
        for one in watched.iter() {
            let now = one.tally.read();
            let new = now.since(one.written);
            if new == CallCounts::default() {
                continue;
            }
            readings.push((one.tally.clone(), now));
            let nothing = CallsOf { organization: one.organization, provider: one.provider, counts: CallCounts::default() };
            sums.entry(one.provider).or_insert(nothing).counts.add(new);
        }
        (readings, sums.into_values().collect())
    }

    fn wrote(&self, readings: &[(Arc<Tally>, CallCounts)]) {
        for one in self.lock().iter_mut() {
            if let Some((_, read)) = readings.iter().find(|(tally, _)| Arc::ptr_eq(tally, &one.tally)) {
                one.written = *read;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
