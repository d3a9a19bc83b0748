//! The job behind a decision file: broken lines, kills at every chunk, cancelling, retrying, purging.

use crate::decision_files_kit::{refused, rows, side, vendor, vendors};
use linkyard_core::decision_file::{Ask, AskedLine, LineReason, RowOutcome};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{JobId, RecordId};
use linkyard_core::job::{Checkpoint, Fence, Finish, JobState, RowCounts};
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::{Error, Result};
use linkyard_store::{Import, ImportCounts, Keep};
use linkyard_tests::build::{Side, create, firms, leave_out, mark, record};
use linkyard_tests::databases::{Databases, each_database, each_database_with_sql, each_kind};
use linkyard_tests::ground::{claim, claim_and_die};
use linkyard_tests::jobs::{Bench, eventually};
use serde_json::json;
use std::collections::BTreeMap;

/// A bench whose directory has 20,000 vendors of our own making.
async fn twenty_thousand(databases: &Databases) -> Bench {
    let bench = Bench::tested(databases, 1, 1, 5).await;
    let side = side(&bench);
    let records: Vec<_> = (1..=20_000).map(|number| record(number, &format!("Vendor {number:05}"))).collect();
    let fence = side.fetch().await;
    side.store.walk_begin(&fence, side.provider, Subject::Vendor).await.expect("begun");
    for page in records.chunks(5_000) {
        side.page(&fence, Subject::Vendor, page).await;
    }
    side.finish(&fence).await;
    bench
}

/// A file about all of them: every fifth is created, the others are left out. Line `n + 1` is about record `n`.
fn decided() -> Vec<String> {
    let line = |number: i64| format!("{number},{},1", if number % 5 == 0 { "CREATE" } else { "DO_NOT_ADD" });
    std::iter::once("record_id,decision,version".to_owned()).chain((1..=20_000).map(line)).collect()
}

#[tokio::test]
async fn a_broken_line_17001_stops_none_of_the_others() {
    each_kind(async |databases| {
        let bench = twenty_thousand(&databases).await;
        let mut lines = decided();
        // Index 0 is line 1.
        lines[17_000] = "17000,\"CREATE,1".to_owned();
        lines[17_001] = "17001,CREATE".to_owned();
        lines[17_002] = "17002,PERHAPS,1".to_owned();
        lines[17_003] = "99999999,CREATE,1".to_owned();
        lines[17_004] = "17003,CREATE,1".to_owned();
        lines[17_005] = "17005,CREATE,2".to_owned();
        lines[17_006] = "3,CREATE,1".to_owned();
        let job = bench.import(vendors(true), lines.join("\n").as_bytes()).await;
        bench.settle().await;
        let refused = refused(&bench, job).await;
        let expected = [
            (17_001, LineReason::Quotes),
            (17_002, LineReason::CellCount),
            (17_003, LineReason::DecisionUnknown),
            (17_004, LineReason::MappingUnknown),
            (17_006, LineReason::Changed),
            (17_007, LineReason::MappingTwice),
        ];
        assert_eq!(refused, expected);
        let ended = bench.job(job).await;
        assert_eq!((ended.state, ended.counts.total), (JobState::Partial, 20_000));
        assert_eq!((ended.counts.succeeded, ended.counts.failed), (19_994, 6));
        let result = ended.result.expect("a result");
        assert_eq!((&result["applied"], &result["refused"]), (&json!(19_994), &json!(6)));
        let link: JobId = result["link_job"].as_str().and_then(|id| id.parse().ok()).expect("a link job");
        let created = 4_000 - 1 - 1 + 1;
        let link = bench.job(link).await;
        assert_eq!((link.state, link.counts.succeeded), (JobState::Succeeded, created));
        assert_eq!(vendor(&bench, 20_000).await.state, MappingState::Linked);
        assert_eq!(vendor(&bench, 17_000).await.state, MappingState::Unmapped);
    })
    .await;
}

#[tokio::test]
async fn an_import_whose_worker_is_killed_ends_the_same() {
    each_kind(async |databases| {
        let bench = twenty_thousand(&databases).await;
        let job = bench.import(vendors(true), decided().join("\r\n").as_bytes()).await;
        let doomed = bench.work_until_killed();
        eventually("a chunk is done", async || bench.job(job).await.counts.succeeded > 0).await;
        doomed.kill().await;
        bench.settle().await;
        let ended = bench.job(job).await;
        assert_eq!((ended.state, ended.counts.succeeded, ended.counts.failed), (JobState::Succeeded, 20_000, 0));
        assert_eq!(rows(&bench, job, &[]).await.len(), 20_000, "each line has one result");
        let counts = bench.store.mapping_counts(&bench.scope, bench.provider, Subject::Vendor).await.expect("counts");
        let counts: BTreeMap<MappingState, u64> = counts.into_iter().collect();
        assert_eq!((counts[&MappingState::Linked], counts[&MappingState::Ignored]), (4_000, 16_000));
    })
    .await;
}

/// Forty lines about thirty vendors: created, left out, left alone, named twice, unknown.
fn forty() -> Vec<AskedLine> {
    let ask = |line: u64| {
        let record = RecordId(i64::try_from(line % 33).expect("small"));
        let choice = if line.is_multiple_of(2) { create() } else { leave_out() };
        (!line.is_multiple_of(7)).then_some(Ask { record, choice, expected_revision: Some(1) })
    };
    (2..42).map(|line| AskedLine { line, asked: Ok(ask(line)) }).collect()
}

/// An import without a file: its lines are handed in.
async fn begun(side: &Side) -> JobId {
    let id = side.store.import_open(&side.scope, side.provider, &vendors(true)).await.expect("a file");
    side.store.import_start(&side.scope, id, 40, None).await.expect("a job").id
}

async fn import_of(side: &Side, fence: &Fence) -> Import {
    side.store.import_of_job(fence).await.expect("read").expect("an import")
}

async fn carry_out(side: &Side, fence: &Fence, lines: &[AskedLine]) -> Result<RowCounts> {
    let import = import_of(side, fence).await;
    side.store.import_lines(fence, &import, lines, &mark()).await
}

async fn finish(side: &Side, fence: &Fence) -> (ImportCounts, Option<JobId>) {
    let import = import_of(side, fence).await;
    side.store.import_finish(fence, &import).await.expect("the end")
}

/// State and revision of every vendor.
async fn states(side: &Side) -> Vec<(i64, MappingState, i64)> {
    let mappings = side.mappings(Subject::Vendor, &linkyard_core::mapping::MappingFilter::default()).await;
    mappings.iter().map(|mapping| (mapping.record.0, mapping.state, mapping.revision)).collect()
}

#[tokio::test]
async fn an_import_that_dies_after_every_chunk_and_begins_anew_ends_as_if_run_once() {
    each_database(async |store| {
        let (clean, broken) = (Side::of(&store, "clean", 1).await, Side::of(&store, "broken", 2).await);
        for side in [&clean, &broken] {
            side.walk(Subject::Vendor, &firms(30)).await;
        }
        let job = begun(&clean).await;
        let fence = claim(&store, job).await.fence;
        carry_out(&clean, &fence, &forty()).await.expect("a chunk");
        let (expected, link) = finish(&clean, &fence).await;
        assert!(expected.applied > 20 && expected.refused > 0 && expected.unchanged > 0, "{expected:?}");
        clean.run_link(Subject::Vendor, link.expect("a link job"), 10).await;

        let job = begun(&broken).await;
        let lines = forty();
        let mut done = RowCounts::default();
        for chunk in 1..=7 {
            let fence = claim_and_die(&store, job).await;
            // From the beginning, in chunks of another size each time: what has a result is left alone.
            for lines in lines[..lines.len().min(6 * chunk)].chunks(3 + chunk) {
                done.add(carry_out(&broken, &fence, lines).await.expect("a chunk"));
            }
            let next = claim_and_die(&store, job).await;
            let late = carry_out(&broken, &fence, &lines).await;
            assert!(matches!(late, Err(Error::Conflict { reason: ConflictReason::Fenced, .. })), "{late:?}");
            assert!(next.epoch > fence.epoch);
        }
        let fence = claim_and_die(&store, job).await;
        let (counts, link) = finish(&broken, &fence).await;
        let fence = claim(&store, job).await.fence;
        assert_eq!(finish(&broken, &fence).await, (counts, link), "ended twice is ended once");
        assert_eq!(counts, expected);
        assert_eq!(done.succeeded + done.failed + done.skipped, 40, "each line is counted once");
        store.job_finish(&fence, &Finish::Done(json!({}))).await.expect("finished");
        broken.run_link(Subject::Vendor, link.expect("a link job"), 10).await;
        assert_eq!(states(&broken).await, states(&clean).await);
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_import_gives_its_rows_back_and_a_retry_takes_them_up() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(Subject::Vendor, &firms(30)).await;
        let job = begun(&side).await;
        let fence = claim(&store, job).await.fence;
        carry_out(&side, &fence, &forty()[..10]).await.expect("a chunk");
        assert!(states(&side).await.iter().any(|(_, state, _)| *state == MappingState::Confirmed));
        store.job_finish(&fence, &Finish::Cancelled).await.expect("cancelled");
        let stuck = states(&side).await.into_iter().filter(|(_, state, _)| *state == MappingState::Confirmed);
        assert_eq!(stuck.count(), 0, "nothing stays confirmed without a job");

        store.job_retry(&side.scope, job, None).await.expect("a retry");
        let fence = claim(&store, job).await.fence;
        carry_out(&side, &fence, &forty()).await.expect("a chunk");
        let (counts, link) = finish(&side, &fence).await;
        assert_eq!(counts.applied + counts.unchanged + counts.refused, 40);
        side.run_link(Subject::Vendor, link.expect("a link job"), 10).await;
        let linked = states(&side).await.into_iter().filter(|(_, state, _)| *state == MappingState::Linked).count();
        assert!(linked > 10, "{linked}");
    })
    .await;
}

#[tokio::test]
async fn an_import_that_failed_for_good_is_retried_for_what_is_left_and_what_was_refused() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(Subject::Vendor, &firms(30)).await;
        let job = begun(&side).await;
        let fence = claim(&store, job).await.fence;
        carry_out(&side, &fence, &forty()[..20]).await.expect("a chunk");
        let fail = Finish::Fail { reason: "X".to_owned(), message: "broken".to_owned() };
        store.job_finish(&fence, &fail).await.expect("failed");
        assert!(states(&side).await.iter().any(|(_, state, _)| *state == MappingState::Failed));
        store.job_retry(&side.scope, job, None).await.expect("a retry");
        let fence = claim(&store, job).await.fence;
        let import = import_of(&side, &fence).await;
        assert!(store.import_remaining(&fence, &import).await.expect("a number") >= 20);
        carry_out(&side, &fence, &forty()).await.expect("a chunk");
        let (_, link) = finish(&side, &fence).await;
        side.run_link(Subject::Vendor, link.expect("a link job"), 10).await;
        let states = states(&side).await;
        assert!(
            states.iter().all(|(_, state, _)| !matches!(state, MappingState::Failed | MappingState::Confirmed)),
            "{states:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_file_goes_with_its_job_and_one_that_was_never_whole_after_a_day() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        side.walk(Subject::Vendor, &firms(30)).await;
        let id = store.import_open(&side.scope, side.provider, &vendors(false)).await.expect("a file");
        store.import_part_store(&side.scope, id, 0, b"record_id,decision\n1,CREATE\n").await.expect("a part");
        let job = store.import_start(&side.scope, id, 1, None).await.expect("a job").id;
        let fence = claim(&store, job).await.fence;
        carry_out(&side, &fence, &forty()).await.expect("a chunk");
        side.finish(&fence).await;
        let abandoned = store.import_open(&side.scope, side.provider, &vendors(false)).await.expect("a file");
        store.import_part_store(&side.scope, abandoned, 0, b"x").await.expect("a part");
        let number = async || {
            let mut all = 0;
            for table in ["decision_import", "decision_import_part", "decision_import_row"] {
                all += sql.number(&format!("select count(*) from {table}")).await;
            }
            all
        };
        let purge = async || {
            let fence = side.job(linkyard_core::job::JobKind::Retention).await;
            let keep = Keep { jobs_ms: 30 * 86_400_000, requests_ms: 7 * 86_400_000 };
            let mut imports = 0;
            loop {
                let purged = store.retention_purge(&fence, keep, 1, &Checkpoint::default()).await.expect("purged");
                imports += purged.imports;
                if purged.rows() == 0 {
                    break imports;
                }
            }
        };
        assert_eq!(number().await, 2 + 2 + 40);
        assert_eq!(purge().await, 0, "nothing is old");
        sql.execute("update job set finished_at_ms = 1 where finished_at_ms is not null and kind = 'import_decisions'").await;
        assert_eq!(purge().await, 42);
        assert!(matches!(store.job_get(&side.scope, job).await, Err(Error::NotFound { .. })), "and its job after it");
        sql.execute("update decision_import set created_at_ms = 1").await;
        assert_eq!((purge().await, number().await), (2, 0));
        drop(store.clone());
    })
    .await;
}

#[tokio::test]
async fn refused_lines_can_be_asked_for_alone() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 3, 1, 5).await;
        let job = bench.import(vendors(false), b"record_id,decision\n1,CREATE\n2,\n").await;
        bench.settle().await;
        assert_eq!(rows(&bench, job, &[]).await.len(), 2);
        assert_eq!(rows(&bench, job, &[RowOutcome::Unchanged]).await.len(), 1);
        assert_eq!(refused(&bench, job).await, [(2, LineReason::MappingUnknown)]);
        assert!(side(&bench).mappings(Subject::Vendor, &Default::default()).await.iter().all(|row| row.draft.is_none()));
    })
    .await;
}
