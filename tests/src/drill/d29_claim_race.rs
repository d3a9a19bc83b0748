//! D29: several workers claim the same jobs at the same moment, as when each id is delivered to all of them. Each job is won once.

use super::{Outcome, Settings};
use crate::databases::open_store;
use crate::dice::Dice;
use crate::ground;
use crate::postgres::PrivatePostgres;
use crate::zero::Zero;
use anyhow::Result;
use linkyard_core::id::JobId;
use linkyard_core::job::{Finish, JobKind, Lane};
use linkyard_store::Store;
use serde_json::json;
use std::collections::BTreeMap;

/// Who claims at once.
const WORKERS: u64 = 4;
/// Ids of one claim.
const BATCH: usize = 50;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let server = tokio::task::spawn_blocking(PrivatePostgres::start).await??;
    let store = open_store(server.url()).await?;
    let scope = ground::tenant(&store, "claims").await;
    let provider = ground::active_provider(&store, &scope, 4_242).await.id;
    let mut jobs = Vec::new();
    for _ in 0..settings.items {
        let new = ground::new_job(Some(provider), JobKind::FetchDirectory, Lane::Background, JobId::generate().to_string());
        jobs.push(store.job_enqueue(&scope, &new, None).await?.id);
    }
    let claims = (0..WORKERS).map(|worker| tokio::spawn(claim(store.clone(), worker, jobs.clone(), settings.seed)));
    let mut wins: BTreeMap<JobId, u64> = BTreeMap::new();
    let mut outcome = Outcome { quota: u64::from(settings.items), ..Outcome::default() };
    for worker in futures_util::future::try_join_all(claims).await? {
        let (won, lost) = worker?;
        outcome.faults_landed += lost;
        won.into_iter().for_each(|job| *wins.entry(job).or_default() += 1);
    }
    for job in &jobs {
        match wins.get(job) {
            None => outcome.problems.note(Zero::Lost, format!("job {job} was claimed by nobody")),
            Some(1) => {}
            Some(times) => outcome.problems.note(Zero::Dup, format!("job {job} was claimed {times} times")),
        }
    }
    outcome.figures.insert("claims_won", wins.values().sum::<u64>() as f64);
    Ok(outcome)
}

/// Claims all jobs in batches, in an order of its own, and finishes what it wins; answers that, and how many others were faster with.
async fn claim(store: Store, worker: u64, mut jobs: Vec<JobId>, seed: u64) -> Result<(Vec<JobId>, u64)> {
    let mut dice = Dice::of(seed, worker);
    // Neighbouring batches in one order, so that claims meet; within a batch any order.
    for batch in jobs.chunks_mut(BATCH) {
        batch.sort_by_cached_key(|_| dice.below(u64::MAX));
    }
    let (mut won, mut lost) = (Vec::new(), 0);
    for batch in jobs.chunks(BATCH) {
        let claimed = store.jobs_claim(batch, &format!("worker {worker}"), ground::LONG_MS).await?;
        lost += (batch.len() - claimed.len()) as u64;
        for job in claimed {
            store.job_finish(&job.fence, &Finish::Done(json!({}))).await?;
            won.push(job.fence.job);
        }
    }
    Ok((won, lost))
}
