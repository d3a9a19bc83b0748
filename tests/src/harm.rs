//! Harm to an installation while something runs on it: workers that are killed while they hold leases. What is done to servers and ways in
//! between is told where they are ([`crate::postgres`], [`crate::redis`], [`crate::proxy`]).

use crate::installation::Installation;
use anyhow::Result;
use linkyard_core::id::JobId;
use linkyard_store::Store;
use std::time::Duration;
use tokio::process::Child;

/// How often it is looked who holds a lease.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// After so many starts in a row without progress another crash would make a job poison.
const BREAKABLE: i32 = 2;

/// A worker that holds leases now, by its number, and its jobs: none that another crash makes poison.
///
/// # Errors
/// When the tables do not answer.
pub async fn leased(store: &Store, installation: &Installation) -> Result<Option<(usize, Vec<JobId>)>> {
    for worker in store.workers_alive(60_000).await? {
        let held = store.leases_of(worker.beat.id).await?;
        let breakable = !held.is_empty() && held.iter().all(|(_, unclean_starts)| *unclean_starts <= BREAKABLE);
        if let (Some(number), true) = (installation.worker_of(&worker.beat), breakable) {
            return Ok(Some((number, held.into_iter().map(|(job, _)| job).collect())));
        }
    }
    Ok(None)
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
        let Some((victim, _)) = leased(store, installation).await? else {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        };
        installation.kill_worker(victim).await?;
        landed += 1;
        then(installation, landed).await;
        installation.start_worker()?;
    }
    Ok(landed)
}
