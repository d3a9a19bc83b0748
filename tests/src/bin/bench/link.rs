//! `link`: from confirmed to LINKED, by the product's link job on one hand and by hand-written SQL on the other, over equal directories:
//! every vendor becomes a party with its address, its key for the gate, its primary contact and its association with a project.
//! Links per second of the job alone; what was confirmed before is not counted. Once where the person said to create whatever is there, as
//! the hand-written SQL does, and once through the gate, which compares every vendor with the whole registry before.

use crate::findings::{Findings, Series};
use crate::link_floor;
use crate::place::{Kind, Place};
use crate::worker::work;
use anyhow::{Context, Result, ensure};
use linkyard_core::directory::{Address, Details, PrimaryContact, Record};
use linkyard_core::id::JobId;
use linkyard_core::mapping::{MappingFilter, OnLookalike, Subject};
use linkyard_core::plan::BulkAction;
use linkyard_queue::Doorbell;
use linkyard_tests::build::{Side, vendor};
use linkyard_tests::dice::Dice;
use linkyard_worker::WorkerArgs;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// Projects, all linked before, on which the vendors are.
const PROJECTS: usize = 1_000;

/// Records of one page.
const PAGE: usize = 1_000;

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Confirmed vendors.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,
}

pub(crate) async fn run(size: &Size, runs: u32) -> Result<Findings> {
    let (mut figures, mut floors) = (Series::default(), Series::default());
    for run in 1..=runs {
        eprintln!("run {run} of {runs}");
        for kind in Kind::ALL {
            let name = format!("{}_links_per_second", kind.word());
            let gated = format!("{}_gated_links_per_second", kind.word());
            let mut keys = Vec::new();
            for (name, on_lookalike) in [(&gated, OnLookalike::Hold), (&name, OnLookalike::Create)] {
                let place = confirmed(kind, size.rows, on_lookalike).await?;
                figures.note(name, linked(&place.0, place.1, size.rows).await?);
                keys = keys_of_records(&place.0).await?;
                place.0.leave().await;
            }
            let place = confirmed(kind, size.rows, OnLookalike::Create).await?;
            floors.note(&name, link_floor::linked(&place.0, size.rows, &keys).await?);
            place.0.leave().await;
        }
    }
    let (figures, floors) = (figures.medians(), floors.medians());
    let ratios = floors.iter().map(|(name, floor)| (name.replace("_links_per_second", "_over_floor"), figures[name] / floor));
    let ratios = ratios.collect();
    Ok(Findings { size: BTreeMap::from([("vendors", size.rows as u64)]), figures, floors, ratios })
}

/// A place whose vendors are all confirmed as new parties, and the job that waits to link them.
async fn confirmed(kind: Kind, rows: usize, on_lookalike: OnLookalike) -> Result<(Place, JobId)> {
    let place = Place::new(kind).await?;
    // Nothing but the link job is to run.
    place.execute("update provider set schedules = false").await;
    let side = Side { store: place.store.clone(), scope: place.scope.clone(), provider: place.provider };
    let projects: Vec<Record> = (0..PROJECTS).map(|number| vendor_like(number, &format!("Project {number}"), &[])).collect();
    fetched(&side, Subject::Project, &projects).await;
    let job = confirm_all(&side, Subject::Project, OnLookalike::Create).await?;
    side.run_link(Subject::Project, job, 1_000).await;
    let vendors: Vec<Record> = (0..rows)
        .map(|number| {
            let project = i64::try_from(number % PROJECTS + 1).unwrap_or(1);
            vendor_like(number, &name(number), &[project])
        })
        .collect();
    fetched(&side, Subject::Vendor, &vendors).await;
    let job = confirm_all(&side, Subject::Vendor, on_lookalike).await?;
    place.analyze().await;
    Ok((place, job))
}

/// Two words of five syllables each: no two of them are alike.
fn name(number: usize) -> String {
    const CONSONANTS: &[u8] = b"bdfgklmnprstvz";
    const VOWELS: &[u8] = b"aeiou";
    let mut dice = Dice::of(1, number as u64);
    let mut syllable = || [CONSONANTS, VOWELS].map(|letters| char::from(letters[dice.below(letters.len() as u64) as usize]));
    let mut word = || (0..5).flat_map(|_| syllable()).collect::<String>();
    format!("{} {} Contractors", word(), word())
}

/// A record with everything that a link takes over.
fn vendor_like(number: usize, name: &str, projects: &[i64]) -> Record {
    let id = i64::try_from(number).unwrap_or_default() + 1;
    Record {
        address: Address {
            street: Some(format!("{number} Main Street")),
            city: Some("Carpinteria".to_owned()),
            region: Some("CA".to_owned()),
            postal_code: Some("93013".to_owned()),
            country: Some("US".to_owned()),
        },
        details: Details {
            phone: Some(format!("805 {:03} {:04}", 200 + number / 10_000, number % 10_000)),
            email: Some(format!("office{number}@example.com")),
            primary_contact: Some(PrimaryContact {
                id,
                first_name: Some("Ada".to_owned()),
                last_name: Some(format!("Ortega {number}")),
                email: Some(format!("ada{number}@example.com")),
                phone: Some("805 555 0101".to_owned()),
            }),
            ..Details::default()
        },
        ..vendor(id, name, projects)
    }
}

async fn fetched(side: &Side, subject: Subject, records: &[Record]) {
    let fence = side.fetch().await;
    side.store.walk_begin(&fence, side.provider, subject).await.expect("begun");
    for page in records.chunks(PAGE) {
        side.page(&fence, subject, page).await;
    }
    side.finish(&fence).await;
}

async fn confirm_all(side: &Side, subject: Subject, on_lookalike: OnLookalike) -> Result<JobId> {
    let (filter, action) = (MappingFilter::default(), BulkAction::Create(on_lookalike));
    let plan = side.plan(subject, &filter, action).await?.plan;
    let confirmed = side.confirm_filter(subject, &filter, action, &plan.token).await?;
    Ok(confirmed.job.context("a link job")?.id)
}

/// Links per second of the waiting job, done by a worker in this process.
async fn linked(place: &Place, job: JobId, rows: usize) -> Result<f64> {
    let (doorbell, shutdown) = (Doorbell::default(), CancellationToken::new());
    let perform = linkyard_worker::jobs::registry();
    let worker = work(place.store.clone(), doorbell, WorkerArgs::default(), shutdown.clone(), perform);
    let worker = tokio::spawn(worker);
    place.until_idle().await?;
    shutdown.cancel();
    worker.await??;
    let job = place.store.job_get(&place.scope, job).await?;
    let (Some(began), Some(ended)) = (job.started_at_ms, job.finished_at_ms) else {
        anyhow::bail!("the link job did not end: {job:?}");
    };
    check(place, rows).await?;
    Ok(rows as f64 * 1_000.0 / (ended - began).max(1) as f64)
}

/// The keys for the gate that were written, each with the record that its party was made from.
async fn keys_of_records(place: &Place) -> Result<Vec<(i64, String)>> {
    let sql =
        "select m.record_id || ' ' || k.key from match_key k join mapping m on m.target_id = k.target_id and m.subject = 'vendor'
        where k.subject = 'vendor'";
    let pairs = place.texts(sql).await?.into_iter().map(|pair| {
        let (record, key) = pair.split_once(' ').context("a record and a key")?;
        Ok((record.parse()?, key.to_owned()))
    });
    pairs.collect()
}

/// Whoever linked: the same rows are there.
pub(crate) async fn check(place: &Place, rows: usize) -> Result<()> {
    for (what, sql) in [
        (
            "links",
            "select count(*) from mapping where subject = 'vendor' and state = 'linked' and link_id is not null and is_leading",
        ),
        ("parties", "select count(*) from party where email is not null and city = 'Carpinteria'"),
        ("parties with keys", "select count(distinct target_id) from match_key where subject = 'vendor'"),
        ("contacts", "select count(*) from contact where is_primary and name <> ''"),
        ("associations", "select count(*) from association"),
    ] {
        let found = place.number(sql).await;
        ensure!(usize::try_from(found) == Ok(rows), "{found} {what} came of {rows} vendors");
    }
    Ok(())
}
