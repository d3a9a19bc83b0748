//! What happens by itself: automatic adding, schedules and the purge of history; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR, conflict};
use linkyard_core::budget::CallCounts;
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{JobId, RecordId};
use linkyard_core::job::{Finish, JobKind, JobState, Lane};
use linkyard_core::mapping::{MappingState, RowReason, Subject};
use linkyard_core::provider::ProviderChange;
use linkyard_store::{CallsOf, Keep, ProviderUpdate, Purged, Schedule, ScheduleOwner, Store};
use linkyard_tests::build::{Side, create, decide, firms, mark, record};
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground;
use serde_json::json;

async fn switch(side: &Side, on: bool, acknowledge_unmapped: bool) -> linkyard_core::Result<()> {
    let change = ProviderChange { auto_add_parties: Some(on), auto_add_projects: Some(on), ..ProviderChange::default() };
    let update = ProviderUpdate { change, acknowledge_unmapped, ..ProviderUpdate::default() };
    side.store.provider_update(&side.scope, side.provider, &update, None).await.map(|_| ())
}

/// What the suggest job does at its end; answers the link job and its rows.
async fn add(side: &Side, subject: Subject) -> Option<(JobId, u64)> {
    let fence = side.job(JobKind::Suggest).await;
    let added = side.store.mapping_add_automatically(&fence, side.provider, subject).await.expect("added");
    side.finish(&fence).await;
    added
}

#[tokio::test]
async fn switching_on_while_records_wait_is_refused_with_their_number_unless_acknowledged() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(3)).await;
        let (reason, message) = conflict(switch(&side, true, false).await);
        assert_eq!(reason, ConflictReason::State);
        assert!(message.starts_with("3 vendors") && message.contains("duplicate"), "{message}");
        switch(&side, true, true).await.expect("acknowledged");
        let since = store.provider_get(&side.scope, side.provider).await.expect("the provider").auto_add_parties_since_ms;
        assert!(since.is_some());
        switch(&side, true, false).await.expect("it is on already");
        let after = store.provider_get(&side.scope, side.provider).await.expect("the provider").auto_add_parties_since_ms;
        assert_eq!(after, since, "and keeps its time");
        switch(&side, false, false).await.expect("off");
        assert_eq!(store.provider_get(&side.scope, side.provider).await.expect("the provider").auto_add_parties_since_ms, None);
    })
    .await;
}

#[tokio::test]
async fn only_what_is_first_seen_afterwards_is_added_and_a_lookalike_is_held() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(2)).await;
        side.party("Acme").await;
        switch(&side, true, true).await.expect("on");
        sql.execute("update provider set auto_add_parties_since_ms = auto_add_parties_since_ms - 1").await;
        sql.execute("update directory_record set first_seen_at_ms = first_seen_at_ms - 1000").await;
        let mut seen = firms(2);
        seen.extend([record(3, "New"), record(4, "Acme Inc"), record(5, "Drafted"), record(6, "new llc")]);
        side.walk(VENDOR, &seen).await;
        let draft = [(RecordId(5), Some(create()), None)];
        store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &draft, None).await.expect("a draft");
        let (job, rows) = add(&side, VENDOR).await.expect("something is new");
        assert_eq!(rows, 3, "the draft is a person's");
        let counts = side.run_link(VENDOR, job, 500).await;
        assert_eq!((counts.succeeded, counts.held), (1, 2));
        let mut found = Vec::new();
        for id in 1..=6 {
            let row = side.mapping(VENDOR, id).await;
            found.push((row.state, row.reason));
        }
        let expected = [
            (MappingState::Unmapped, None),
            (MappingState::Unmapped, None),
            (MappingState::Linked, None),
            (MappingState::Held, Some(RowReason::Lookalike)),
            (MappingState::Unmapped, None),
            (MappingState::Held, Some(RowReason::LookalikeInDirectory)),
        ];
        assert_eq!(found, expected);
        assert_eq!(add(&side, VENDOR).await, None, "nothing is added twice");
        side.walk(PROJECT, &[record(10, "Tower")]).await;
        sql.execute("update provider set auto_add_projects_since_ms = null").await;
        assert_eq!(add(&side, PROJECT).await, None, "projects are switched off");
    })
    .await;
}

#[tokio::test]
async fn what_has_a_suggestion_stays_for_a_person() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        side.party("Acme").await;
        switch(&side, true, false).await.expect("on");
        sql.execute("update provider set auto_add_parties_since_ms = 1").await;
        side.walk(VENDOR, &[record(1, "ACME"), record(2, "Bolt")]).await;
        side.suggest(VENDOR).await;
        let (job, rows) = add(&side, VENDOR).await.expect("one is new");
        assert_eq!(rows, 1);
        side.run_link(VENDOR, job, 500).await;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Suggested);
        assert_eq!(side.mapping(VENDOR, 2).await.state, MappingState::Linked);
    })
    .await;
}

/// Fetches, confirms and automatic adding of one directory at once, again and again.
#[tokio::test]
async fn a_fetch_a_confirm_and_automatic_adding_at_once_make_no_duplicate() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        switch(&side, true, false).await.expect("on");
        sql.execute("update provider set auto_add_parties_since_ms = 1").await;
        for round in 1..=8_i64 {
            let seen = firms(round * 5);
            side.walk(VENDOR, &seen).await;
            let mut at_once = tokio::task::JoinSet::new();
            for _ in 0..2 {
                let side = side.clone();
                at_once.spawn(async move {
                    if let Some((job, _)) = add(&side, VENDOR).await {
                        side.run_link(VENDOR, job, 2).await;
                    }
                });
            }
            let (walking, confirming) = (side.clone(), side.clone());
            at_once.spawn(async move {
                walking.walk(VENDOR, &seen).await;
            });
            at_once.spawn(async move {
                for id in (round - 1) * 5 + 1..=round * 5 {
                    // Whoever is second finds the row decided.
                    if let Ok(confirmed) = confirming.confirm(VENDOR, &[decide(id, create())]).await {
                        confirming.run_link(VENDOR, confirmed.job.expect("a job").id, 10).await;
                    }
                }
            });
            while let Some(ended) = at_once.join_next().await {
                ended.expect("no panic");
            }
        }
        assert_eq!(side.parties().await, 40);
        let report = side.report(VENDOR).await;
        assert_eq!((report.created, report.held, report.failed, report.unmapped), (40, 0, 0, 0));
        assert_eq!(
            sql.number("select count(*) from (select name from party group by name having count(*) > 1) as twins").await,
            0
        );
    })
    .await;
}

fn schedule(owner: ScheduleOwner, kind: JobKind, alone: bool) -> Schedule {
    Schedule { name: "test", owner, kind, lane: Lane::Background, payload: json!({ "compare": true }), key: "", alone }
}

/// Starts what is due, with the next time in a minute; answers how many jobs that made.
async fn pass(store: &Store, schedule: &Schedule) -> usize {
    let mut started = 0;
    for due in store.schedule_due(schedule).await.expect("due") {
        started += usize::from(store.schedule_start(schedule, &due, due.now_ms + 60_000).await.expect("started"));
    }
    started
}

#[tokio::test]
async fn a_schedule_starts_once_per_time_however_many_look() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let fetch = schedule(ScheduleOwner::Provider, JobKind::FetchDirectory, false);
        assert_eq!(pass(&store, &fetch).await, 0, "seen for the first time it only gets its time");
        assert_eq!(pass(&store, &fetch).await, 0, "which has not come");
        sql.execute("update schedule set next_at_ms = 5").await;
        let mut at_once = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (store, fetch) = (store.clone(), fetch.clone());
            at_once.spawn(async move { pass(&store, &fetch).await });
        }
        let mut started = 0;
        while let Some(one) = at_once.join_next().await {
            started += one.expect("no panic");
        }
        assert_eq!(started, 1);
        assert_eq!(sql.number("select count(*) from job where kind = 'fetch_directory' and actor = 'schedule'").await, 1);

        let off = ProviderChange { schedules: Some(false), ..ProviderChange::default() };
        let off = ProviderUpdate { change: off, ..ProviderUpdate::default() };
        store.provider_update(&side.scope, side.provider, &off, None).await.expect("off");
        sql.execute("update schedule set next_at_ms = 5").await;
        assert!(store.schedule_due(&fetch).await.expect("due").is_empty(), "its schedules are switched off");
    })
    .await;
}

#[tokio::test]
async fn a_comparison_waits_for_the_push_that_runs() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let compare = schedule(ScheduleOwner::PushingProvider, JobKind::PushCompliance, true);
        pass(&store, &compare).await;
        sql.execute("update schedule set next_at_ms = 5").await;
        let push = ground::new_job(Some(side.provider), JobKind::PushCompliance, Lane::Push, side.provider.to_string());
        let push = store.job_enqueue(&side.scope, &push, None).await.expect("a push");
        assert_eq!(pass(&store, &compare).await, 0);
        let claimed = ground::claim(&store, push.id).await;
        store.job_finish(&claimed.fence, &Finish::Done(json!({}))).await.expect("finished");
        assert_eq!(pass(&store, &compare).await, 1);
        assert_eq!(sql.number("select count(*) from job where payload like '%compare%'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn old_history_is_purged_in_batches_and_what_lives_or_is_needed_stays() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "second", 2).await;
        for one in [&side, &other] {
            for _ in 0..3 {
                one.walk(VENDOR, &firms(2)).await;
            }
        }
        let parent = ground::fetch(&store, &side.scope, side.provider).await;
        let mut child = ground::new_job(Some(side.provider), JobKind::Suggest, Lane::Background, "child");
        child.parent = Some(parent.id);
        let child = store.job_enqueue(&side.scope, &child, None).await.expect("a child");
        let request = ground::request("FetchDirectory", 1);
        let new = ground::new_job(Some(side.provider), JobKind::FetchDirectory, Lane::Person, "asked");
        let live = store.job_enqueue(&side.scope, &new, Some(&request)).await.expect("a job");
        sql.execute("update job set finished_at_ms = 1 where finished_at_ms is not null").await;
        sql.execute("update job set state = 'succeeded', finished_at_ms = 1 where state = 'queued' and dedupe_key <> 'asked'")
            .await;
        sql.execute("update request set created_at_ms = 1").await;
        sql.execute("update walk set started_at_ms = started_at_ms - 100000000").await;
        for one in [&side, &other] {
            let counts = CallCounts { made: 1, ..CallCounts::default() };
            let calls = CallsOf { organization: one.scope.organization, provider: one.provider, counts };
            store.calls_note(&[calls]).await.expect("noted");
        }
        sql.execute("update call_minute set minute_ms = 0").await;
        let theirs = "select count(*) from job where dedupe_key <> 'asked'";
        let before = sql.number(theirs).await;
        let fence = side.job(JobKind::Retention).await;
        let keep = Keep { jobs_ms: 86_400_000, requests_ms: 86_400_000 };
        let mut sum = Purged::default();
        loop {
            let batch = store.retention_purge(&fence, keep, 2, &mark()).await.expect("purged");
            assert!(batch.requests <= 2 && batch.walks <= 2 && batch.jobs <= 3, "{batch:?}");
            if batch.rows() == 0 {
                break;
            }
            sum = Purged {
                jobs: sum.jobs + batch.jobs,
                requests: sum.requests + batch.requests,
                walks: sum.walks + batch.walks,
                imports: sum.imports + batch.imports,
                calls: sum.calls + batch.calls,
                samples: sum.samples + batch.samples,
            };
        }
        // The connection test, three fetches, the parent and its child.
        assert_eq!((sum.jobs, sum.requests, sum.walks, sum.calls), (6, 1, 2, 1));
        assert_eq!(sql.number("select count(*) from call_minute").await, 1, "the other tenant's are its own business");
        for purged in [parent.id, child.id] {
            crate::store_mapping_kit::not_found(store.job_get(&side.scope, purged).await);
        }
        assert_eq!(store.job_get(&side.scope, live.id).await.expect("it lives").state, JobState::Queued);
        assert_eq!(sql.number(theirs).await, before - 6 + 1, "the other tenant's are its own business; the purge itself runs");
        side.finish(&fence).await;
        let gone = side.walk(VENDOR, &firms(1)).await;
        assert_eq!(gone.gone, 0, "the walk before this one is still known");
        assert_eq!(side.walk(VENDOR, &firms(1)).await.gone, 1);
    })
    .await;
}

#[tokio::test]
async fn an_acknowledged_switch_never_adds_what_was_there() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(3)).await;
        switch(&side, true, true).await.expect("acknowledged");
        side.walk(VENDOR, &firms(3)).await;
        assert_eq!(add(&side, VENDOR).await, None);
        assert_eq!(side.parties().await, 0);
    })
    .await;
}
