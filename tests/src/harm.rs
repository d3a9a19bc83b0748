//! Harm to an installation while something runs on it: workers that are killed while they hold leases. What is done to servers and ways in
//! between is told where they are ([`crate::postgres`], [`crate::redis`], [`crate::proxy`]).

use crate::installation::Installation;
use anyhow::Result;
use linkyard_core::id::{JobId, WorkerId};
use linkyard_store::Store;
use std::collections::HashMap;
use std::time::Duration;
use tokio::process::Child;

/// How often it is looked who holds a lease.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// After so many starts in a row without progress another crash would make a job poison.
const BREAKABLE: i32 = 2;

/// A worker that can be killed now, and what goes with it.
#[derive(Debug)]
pub struct Holder {
    /// Its number.
    pub number: usize,
    /// As it calls itself.
    pub id: WorkerId,
    /// The jobs that it holds by leases.
    pub jobs: Vec<JobId>,
}

/// The workers of which none takes a job along that a crash makes poison: neither one that it holds, nor one that it may take this very
/// moment because nobody alive holds it. `meant` is a job that may become poison.
///
/// # Errors
/// When the tables do not answer.
pub async fn breakable(store: &Store, installation: &Installation, meant: Option<JobId>) -> Result<Vec<Holder>> {
    let running = store.leases_running().await?.into_iter();
    let mut left_by_the_dead: HashMap<JobId, i32> = running.map(|(job, _, unclean_starts, _)| (job, unclean_starts)).collect();
    let mut holders = Vec::new();
    for worker in store.workers_alive(60_000).await? {
        let Some(number) = installation.worker_of(&worker.beat) else { continue };
        let held = store.leases_of(worker.beat.id).await?;
        for (job, _) in &held {
            left_by_the_dead.remove(job);
        }
        if held.iter().all(|(job, unclean_starts)| Some(*job) == meant || *unclean_starts <= BREAKABLE) {
            holders.push(Holder { number, id: worker.beat.id, jobs: held.into_iter().map(|(job, _)| job).collect() });
        }
    }
    // Whoever takes one of these starts it once more.
    let takeable = left_by_the_dead.iter().all(|(job, unclean_starts)| Some(*job) == meant || *unclean_starts < BREAKABLE);
    Ok(if takeable { holders } else { Vec::new() })
}

/// A worker that holds leases now, of jobs that another crash does not make poison.
///
/// # Errors
/// When the tables do not answer.
pub async fn leased(store: &Store, installation: &Installation) -> Result<Option<Holder>> {
    Ok(breakable(store, installation, None).await?.into_iter().find(|holder| !holder.jobs.is_empty()))
}

/// Kills one worker at a time, each while it holds a lease, and starts another for it, until `kills` were killed or `running` has ended.
/// `then` is done after each kill, with their number so far. Answers that number in the end.
///
/// # Errors
/// When the tables do not answer, or a worker can not be killed or started.
pub async fn kill_workers(
    store: &Store,
    installation: &mut Installation,
    running: &mut Child,
    kills: usize,
    mut then: impl AsyncFnMut(&mut Installation, usize),
) -> Result<usize> {
    let mut landed = 0;
    while landed < kills && running.try_wait()?.is_none() {
        let Some(victim) = leased(store, installation).await? else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        installation.kill_worker(victim.number).await?;
        landed += 1;
        then(installation, landed).await;
        installation.start_worker()?;
    }
    Ok(landed)
}
