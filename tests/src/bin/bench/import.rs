//! `import`: vendors of a simulator without limits, fetched by a worker process into SQLite and PostgreSQL: rows per second of the first
//! fetch and of a second one that finds everything as it was, the most memory that the process held, and the same for shorter and
//! longer lists, which shows whether a row costs the same whatever their number.
//!
//! The floor is the time in which the same client reads and parses the same pages and keeps nothing, and after it the time of the best
//! hand-written SQL for the same rows.

use crate::findings::{Findings, Series};
use crate::import_floor;
use crate::place::{Kind, Place};
use crate::simulator::{COMPANY, Simulator};
use crate::worker::Workers;
use anyhow::Result;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::Lane;
use linkyard_core::provider::{ContactsMode, NewProvider};
use linkyard_tests::ground;
use linkyard_tests::redis::RedisServer;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the memory is read.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Vendors.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,

    /// Further numbers of vendors, measured once each.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 500_000])]
    also: Vec<usize>,
}

pub(crate) async fn run(size: &Size, runs: u32) -> Result<Findings> {
    let (mut figures, mut floors) = (Series::default(), Series::default());
    let simulator = Simulator::start(size.rows)?;
    for run in 1..=runs {
        eprintln!("run {run} of {runs}");
        let (pages, took) = import_floor::read(&simulator.company(Lane::Person)?).await?;
        floors.note("read_and_parsed_rows_per_second", size.rows as f64 / took.as_secs_f64());
        for kind in Kind::ALL {
            let stored = import_floor::stored(kind, &pages).await?;
            floors.note(format!("{}_stored_rows_per_second", kind.word()), size.rows as f64 / stored.as_secs_f64());
            floors.note(format!("{}_rows_per_second", kind.word()), size.rows as f64 / (took + stored).as_secs_f64());
            import(kind, &simulator, size.rows, "", &mut figures).await?;
        }
    }
    drop(simulator);
    for rows in &size.also {
        let simulator = Simulator::start(*rows)?;
        for kind in Kind::ALL {
            import(kind, &simulator, *rows, &format!("_of_{rows}"), &mut figures).await?;
        }
    }
    let (figures, floors) = (figures.medians(), floors.medians());
    let ratios = Kind::ALL.map(|kind| {
        let name = format!("{}_rows_per_second", kind.word());
        (format!("{}_over_floor", kind.word()), figures[&name] / floors[&name])
    });
    Ok(Findings { size: BTreeMap::from([("vendors", size.rows as u64)]), figures, floors, ratios: BTreeMap::from(ratios) })
}

async fn import(kind: Kind, simulator: &Simulator, rows: usize, suffix: &str, figures: &mut Series) -> Result<()> {
    let place = Place::new(kind).await?;
    place.execute("update provider set schedules = false").await;
    let redis = match kind {
        Kind::Sqlite => None,
        Kind::Postgres => Some(tokio::task::spawn_blocking(RedisServer::start).await?),
    };
    let workers = Workers::importing(&place.url, redis.as_ref(), simulator)?;
    place.until_workers(1).await?;
    let form = ground::platform_form(&place.store, &place.scope, COMPANY).await;
    let form = NewProvider { contacts_mode: ContactsMode::None, ..form };
    let provider = place.store.provider_create(&place.scope, &form, true, None).await?.0.id;
    place.execute("update provider set schedules = false").await;
    place.until_idle().await?;
    let word = kind.word();
    let (took_ms, peak_mib) = fetched(&place, provider, &workers).await?;
    figures.note(format!("{word}_rows_per_second{suffix}"), rows as f64 * 1_000.0 / took_ms);
    figures.note(format!("{word}_worker_peak_mib{suffix}"), peak_mib);
    place.until_idle().await?;
    let (took_ms, _) = fetched(&place, provider, &workers).await?;
    figures.note(format!("{word}_unchanged_rows_per_second{suffix}"), rows as f64 * 1_000.0 / took_ms);
    drop(workers);
    place.leave().await;
    Ok(())
}

/// Fetches; answers how long the job took, in milliseconds, and the most memory that the worker held until then.
async fn fetched(place: &Place, provider: ProviderId, workers: &Workers) -> Result<(f64, f64)> {
    let job: JobId = ground::fetch(&place.store, &place.scope, provider).await.id;
    let mut peak_mib = 0.0;
    loop {
        let read_mib = workers.peak_mib()?;
        let job = place.store.job_get(&place.scope, job).await?;
        if let (Some(began_ms), Some(ended_ms)) = (job.started_at_ms, job.finished_at_ms) {
            return Ok(((ended_ms - began_ms).max(1) as f64, peak_mib));
        }
        // What follows the fetch has a figure of its own, so only what was read while it ran counts.
        peak_mib = read_mib;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
