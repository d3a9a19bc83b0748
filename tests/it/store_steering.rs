//! Jobs as people see and steer them, on every database: lists, watching, cancel, retry, pause, parents, and what the end of a link job
//! does to its rows.

use linkyard_core::error::ConflictReason;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{
    Checkpoint, ClaimedJob, Finish, Job, JobKind, JobState, Lane, MOST_STARTS_WITHOUT_PROGRESS, NewJob, RequestedState, RowCounts,
};
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use linkyard_store::Store;
use linkyard_store::ledger::MOST_WAITING;
use linkyard_tests::databases::{Sql, each_database, each_database_with_sql};
use linkyard_tests::ground::{
    LONG_MS, active_provider, claim, claim_and_die, fetch, new_job, own_form, platform_form, request, tenant,
};
use serde_json::json;
use std::collections::HashSet;
use std::fmt::Debug;

fn refused(result: Result<impl Debug>) -> ConflictReason {
    match result {
        Err(Error::Conflict { reason, .. }) => reason,
        other => panic!("not a conflict: {other:?}"),
    }
}

async fn state(store: &Store, scope: &Scope, id: JobId) -> JobState {
    store.job_get(scope, id).await.expect("the job").state
}

fn fail() -> Finish {
    Finish::Fail { reason: "BROKEN".into(), message: "it broke".into() }
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let waiting = fetch(&store, &scope, provider.id).await;
        assert_eq!(store.job_cancel(&scope, waiting.id, None).await.expect("cancelled").state, JobState::Cancelled);
        assert_eq!(refused(store.job_cancel(&scope, waiting.id, None).await), ConflictReason::State);

        let running = fetch(&store, &scope, provider.id).await;
        let fence = claim(&store, running.id).await.fence;
        let asked = store.job_cancel(&scope, running.id, None).await.expect("asked");
        assert_eq!((asked.state, asked.requested), (JobState::Running, RequestedState::Cancel));
        store.job_checkpoint(&fence, &Checkpoint::default()).await.expect("a healthy worker is no zombie");
        assert_eq!(store.job_finish(&fence, &Finish::Cancelled).await.expect("finished"), JobState::Cancelled);

        let lost = fetch(&store, &scope, provider.id).await;
        claim_and_die(&store, lost.id).await;
        store.job_cancel(&scope, lost.id, None).await.expect("asked");
        assert!(store.jobs_claim(&[lost.id], "worker", LONG_MS).await.expect("a claim").is_empty());
        assert_eq!(store.jobs_settle().await.expect("settled").cancelled, 1);
        assert_eq!(state(&store, &scope, lost.id).await, JobState::Cancelled);
    })
    .await;
}

#[tokio::test]
async fn only_what_ended_badly_is_retried_and_never_beside_a_live_twin() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let new = new_job(Some(provider.id), JobKind::FetchDirectory, Lane::Person, "same");
        let job = store.job_enqueue(&scope, &new, None).await.expect("a job");
        assert_eq!(refused(store.job_retry(&scope, job.id, None).await), ConflictReason::State);
        let run = claim(&store, job.id).await;
        let done = RowCounts { total: 3, failed: 1, ..RowCounts::default() };
        store.job_checkpoint(&run.fence, &Checkpoint { position: json!(7), phase: "p".into(), done }).await.expect("progress");
        store.job_finish(&run.fence, &fail()).await.expect("failed");

        let twin = store.job_enqueue(&scope, &new, None).await.expect("a twin");
        assert_eq!(refused(store.job_retry(&scope, job.id, None).await), ConflictReason::State);
        let twin_run = claim(&store, twin.id).await;
        store.job_finish(&twin_run.fence, &Finish::Done(json!({}))).await.expect("done");
        assert_eq!(refused(store.job_retry(&scope, twin.id, None).await), ConflictReason::State);

        let key = request("retry", 1);
        let retried = store.job_retry(&scope, job.id, Some(&key)).await.expect("retried");
        assert_eq!((retried.state, retried.counts, retried.error_reason), (JobState::Queued, RowCounts::default(), None));
        assert_eq!(store.job_retry(&scope, job.id, Some(&key)).await.expect("the same answer").id, job.id);
        let second = claim(&store, job.id).await;
        assert_eq!((second.checkpoint, second.attempts), (None, 0));
        assert!(second.fence.epoch > run.fence.epoch);
    })
    .await;
}

async fn family(store: &Store, scope: &Scope, provider: ProviderId, children: usize) -> (Job, Vec<ClaimedJob>) {
    let parent = fetch(store, scope, provider).await;
    let fence = claim(store, parent.id).await.fence;
    let mut claimed = Vec::new();
    for number in 0..children {
        let key = format!("{}/{number}", parent.id);
        let child = NewJob { parent: Some(parent.id), ..new_job(Some(provider), JobKind::SyncLinked, Lane::Background, key) };
        let child = store.job_follow(&fence, &child).await.expect("a child");
        claimed.push(claim(store, child.id).await);
    }
    assert_eq!(store.job_finish(&fence, &Finish::WaitForChildren).await.expect("waits"), JobState::WaitingForChildren);
    (parent, claimed)
}

#[tokio::test]
async fn a_parent_ends_when_its_children_have_and_as_they_have() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let done = || Finish::Done(json!({}));
        let cases = [
            ([done(), done()], JobState::Succeeded),
            ([done(), fail()], JobState::Partial),
            ([fail(), fail()], JobState::Failed),
        ];
        for (ends, expected) in cases {
            let (parent, children) = family(&store, &scope, provider.id, 2).await;
            for (child, end) in children.iter().zip(&ends) {
                assert_eq!(store.jobs_settle().await.expect("settled").parents, 0);
                let counts = RowCounts { total: 2, succeeded: 2, ..RowCounts::default() };
                store
                    .job_checkpoint(&child.fence, &Checkpoint { done: counts, ..Checkpoint::default() })
                    .await
                    .expect("progress");
                store.job_finish(&child.fence, end).await.expect("finished");
            }
            let (one, two) = tokio::join!(store.jobs_settle(), store.jobs_settle());
            assert_eq!(one.expect("settled").parents + two.expect("settled").parents, 1, "settled once by two feeders");
            let seen = store.job_get(&scope, parent.id).await.expect("the parent");
            assert_eq!((seen.state, seen.counts.succeeded), (expected, 4));
        }
    })
    .await;
}

#[tokio::test]
async fn cancel_and_retry_of_a_parent_reach_its_children() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let (parent, children) = family(&store, &scope, provider.id, 2).await;
        store.job_finish(&children[0].fence, &Finish::Continue).await.expect("waits for its turn");
        store.job_cancel(&scope, parent.id, None).await.expect("asked");
        assert_eq!(state(&store, &scope, children[0].fence.job).await, JobState::Cancelled);
        assert_eq!(state(&store, &scope, parent.id).await, JobState::WaitingForChildren);
        let renewed = store.leases_renew(&[children[1].fence], LONG_MS).await.expect("renewed");
        assert_eq!(renewed[0].requested, Some(RequestedState::Cancel));
        store.job_finish(&children[1].fence, &Finish::Cancelled).await.expect("cancelled");
        store.jobs_settle().await.expect("settled");
        assert_eq!(state(&store, &scope, parent.id).await, JobState::Cancelled);

        assert_eq!(refused(store.job_retry(&scope, children[0].fence.job, None).await), ConflictReason::State);
        let retried = store.job_retry(&scope, parent.id, None).await.expect("retried");
        assert_eq!(retried.state, JobState::WaitingForChildren);
        for child in &children {
            let again = claim(&store, child.fence.job).await;
            store.job_finish(&again.fence, &Finish::Done(json!({}))).await.expect("done");
        }
        store.jobs_settle().await.expect("settled");
        assert_eq!(state(&store, &scope, parent.id).await, JobState::Succeeded);
    })
    .await;
}

#[tokio::test]
async fn jobs_of_a_paused_or_unapproved_provider_wait_but_a_test_may_run() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let (waiting, running) = (fetch(&store, &scope, provider.id).await, fetch(&store, &scope, provider.id).await);
        let fence = claim(&store, running.id).await.fence;
        store.provider_set_paused(&scope, provider.id, true, None).await.expect("paused");
        let test = new_job(Some(provider.id), JobKind::TestConnection, Lane::Person, provider.id.to_string());
        let test = store.job_enqueue(&scope, &test, None).await.expect("a test");

        assert_eq!(state(&store, &scope, waiting.id).await, JobState::Paused);
        let runnable: Vec<JobId> = store.jobs_runnable(10, None).await.expect("runnable").iter().map(|found| found.job).collect();
        assert_eq!(runnable, [test.id]);
        assert!(store.jobs_claim(&[waiting.id], "worker", LONG_MS).await.expect("a claim").is_empty());
        let asked = store.leases_renew(&[fence], LONG_MS).await.expect("renewed");
        assert_eq!(asked[0].requested, Some(RequestedState::Pause));
        assert_eq!(store.job_finish(&fence, &Finish::Paused).await.expect("paused"), JobState::Paused);

        store.provider_set_paused(&scope, provider.id, false, None).await.expect("resumed");
        for id in [waiting.id, running.id] {
            assert_eq!(state(&store, &scope, id).await, JobState::Queued);
            claim(&store, id).await;
        }

        let form = platform_form(&store, &scope, 77).await;
        let (pending, job) = store.provider_create(&scope, &form, false, None).await.expect("a provider");
        assert!(job.is_none());
        let new = new_job(Some(pending.id), JobKind::FetchDirectory, Lane::Person, "x");
        assert_eq!(refused(store.job_enqueue(&scope, &new, None).await), ConflictReason::State);
    })
    .await;
}

#[tokio::test]
async fn a_pause_that_was_taken_back_before_the_worker_stopped_leaves_the_job_queued() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = fetch(&store, &scope, provider.id).await;
        let fence = claim(&store, job.id).await.fence;
        store.provider_set_paused(&scope, provider.id, true, None).await.expect("paused");
        store.provider_set_paused(&scope, provider.id, false, None).await.expect("resumed");
        assert_eq!(store.job_finish(&fence, &Finish::Paused).await.expect("finished"), JobState::Queued);
    })
    .await;
}

#[tokio::test]
async fn lists_are_pages_newest_first_and_filter_by_the_state_that_is_seen() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let (parent, children) = family(&store, &scope, provider.id, 2).await;
        let mut expected = vec![parent.id];
        for _ in 0..4 {
            expected.insert(0, fetch(&store, &scope, provider.id).await.id);
        }
        let live = [JobState::Queued, JobState::WaitingForChildren];
        let (mut seen, mut page) = (Vec::new(), PageRequest { size: 2, after: None });
        loop {
            let answer = store.job_list(&scope, Some(provider.id), &live, false, &page).await.expect("a page");
            assert!(answer.rows.len() <= 2);
            seen.extend(answer.rows.iter().map(|job| job.id));
            let Some(next) = answer.next else { break };
            page.after = Some(next);
        }
        assert_eq!(seen, expected);
        let all = PageRequest { size: 100, after: None };
        let running = store.job_list(&scope, None, &[JobState::Running], true, &all).await.expect("a page");
        let running: HashSet<JobId> = running.rows.iter().map(|job| job.id).collect();
        assert_eq!(running, children.iter().map(|child| child.fence.job).collect());
        store.provider_set_paused(&scope, provider.id, true, None).await.expect("paused");
        let paused = store.job_list(&scope, None, &[JobState::Paused], false, &all).await.expect("a page");
        assert_eq!(paused.rows.len(), 4);
        let foreign = PageRequest { size: 2, after: Some("x".into()) };
        assert!(matches!(store.job_list(&scope, None, &[], false, &foreign).await, Err(Error::Invalid(_))));
    })
    .await;
}

#[tokio::test]
async fn a_watcher_sees_every_change_of_a_job_its_children_and_its_provider_once() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let (parent, children) = family(&store, &scope, provider.id, 1).await;
        let quiet = fetch(&store, &scope, provider.id).await;
        let mut known = store.job_get(&scope, parent.id).await.expect("the parent").revision;
        assert!(store.jobs_changed(&[(parent.id, known), (quiet.id, quiet.revision)]).await.expect("changes").is_empty());
        let counts = RowCounts { succeeded: 1, ..RowCounts::default() };
        store.job_checkpoint(&children[0].fence, &Checkpoint { done: counts, ..Checkpoint::default() }).await.expect("progress");
        let changed = store.jobs_changed(&[(parent.id, known), (quiet.id, quiet.revision)]).await.expect("changes");
        assert_eq!(changed.iter().map(|job| (job.id, job.counts.succeeded)).collect::<Vec<_>>(), [(parent.id, 1)]);
        known = changed[0].revision;
        assert!(store.jobs_changed(&[(parent.id, known)]).await.expect("changes").is_empty());
        store.provider_set_paused(&scope, provider.id, true, None).await.expect("paused");
        let changed = store.jobs_changed(&[(quiet.id, quiet.revision)]).await.expect("changes");
        assert_eq!(changed[0].state, JobState::Paused);
    })
    .await;
}

#[tokio::test]
async fn calls_may_leave_so_many_jobs_of_a_provider_waiting_and_jobs_any_number() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await.id;
        let other = active_provider(&store, &scope, 2).await.id;
        let caller = Scope { actor: "key:ly_abc".to_owned(), ..scope.clone() };
        let new =
            |provider, number: i64| new_job(Some(provider), JobKind::LinkParties, Lane::Person, format!("{provider} {number}"));
        for number in 0..MOST_WAITING {
            store.job_enqueue(&caller, &new(provider, number), None).await.expect("there is room");
        }
        let one_more = new(provider, MOST_WAITING);
        assert_eq!(refused(store.job_enqueue(&caller, &one_more, None).await), ConflictReason::TooMany);
        let joined = store.job_enqueue(&caller, &new(provider, 7), None).await.expect("the one that waits");
        assert_eq!(joined.state, JobState::Queued);
        store.job_enqueue(&caller, &new(other, 0), None).await.expect("another provider has room of its own");
        let of_a_job = Scope { actor: "job:fetch_directory".to_owned(), ..scope.clone() };
        store.job_enqueue(&of_a_job, &one_more, None).await.expect("what a job writes is never refused");
        store.job_cancel(&scope, joined.id, None).await.expect("cancelled");
        store.job_enqueue(&caller, &new(provider, MOST_WAITING + 1), None).await.expect("there is room again");
    })
    .await;
}

#[tokio::test]
async fn the_same_request_has_one_effect_and_one_answer() {
    each_database(async |store| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let key = request("enqueue", 1);
        let mut callers = Vec::new();
        for number in 0..6 {
            let (store, scope, key) = (store.clone(), scope.clone(), key.clone());
            let new = new_job(Some(provider.id), JobKind::FetchDirectory, Lane::Person, format!("{number}"));
            callers.push(tokio::spawn(async move { store.job_enqueue(&scope, &new, Some(&key)).await.expect("a job").id }));
        }
        let mut ids = HashSet::new();
        for caller in callers {
            ids.insert(caller.await.expect("a caller"));
        }
        assert_eq!(ids.len(), 1);
        let new = new_job(Some(provider.id), JobKind::FetchDirectory, Lane::Person, "other");
        let other_body = linkyard_store::RequestKey { body_sha256: [2; 32], ..key.clone() };
        assert_eq!(refused(store.job_enqueue(&scope, &new, Some(&other_body)).await), ConflictReason::RequestIdReused);
        let elsewhere = tenant(&store, "b").await;
        let provider = active_provider(&store, &elsewhere, 2).await;
        let new = new_job(Some(provider.id), JobKind::FetchDirectory, Lane::Person, "theirs");
        let theirs = store.job_enqueue(&elsewhere, &new, Some(&key)).await.expect("ids are per tenant").id;
        assert!(!ids.contains(&theirs));

        let form = own_form(&store, &scope, 9).await;
        let key = request("create", 1);
        let (first, first_job) = store.provider_create(&scope, &form, false, Some(&key)).await.expect("a provider");
        let (second, second_job) = store.provider_create(&scope, &form, false, Some(&key)).await.expect("the same provider");
        assert_eq!((first.id, first_job.map(|job| job.id)), (second.id, second_job.map(|job| job.id)));
    })
    .await;
}

/// A link job with two confirmed rows, of which the first has a suggestion.
async fn link_job(store: &Store, sql: &Sql, scope: &Scope, provider: ProviderId) -> Job {
    let new = new_job(Some(provider), JobKind::LinkParties, Lane::Person, "link");
    let job = store.job_enqueue(scope, &new, None).await.expect("a link job");
    for record in [1, 2] {
        sql.execute(&format!(
            "insert into mapping (organization_id, provider_id, subject, record_id, state, decision, on_lookalike, job_id, changed_at_ms)
             select organization_id, provider_id, 'vendor', {record}, 'confirmed', 'create', 'hold', id, 0 from job
             where kind = 'link_parties'"
        ))
        .await;
    }
    sql.execute(
        "insert into suggestion (organization_id, provider_id, subject, record_id, rank, target_id, score, reasons, contested)
         select organization_id, provider_id, 'vendor', 1, 1, id, 1.0, '[]', false from job where kind = 'link_parties'",
    )
    .await;
    job
}

async fn rows(sql: &Sql, condition: &str) -> i64 {
    sql.number(&format!("select count(*) from mapping where {condition}")).await
}

#[tokio::test]
async fn a_cancelled_link_job_gives_its_rows_back_with_their_decision_as_draft() {
    each_database_with_sql(async |store: Store, sql| {
        for running in [false, true] {
            let scope = tenant(&store, "a").await;
            let provider = active_provider(&store, &scope, 1).await;
            let job = link_job(&store, &sql, &scope, provider.id).await;
            if running {
                let fence = claim(&store, job.id).await.fence;
                store.job_cancel(&scope, job.id, None).await.expect("asked");
                assert_eq!(rows(&sql, "state = 'confirmed'").await, 2);
                store.job_finish(&fence, &Finish::Cancelled).await.expect("cancelled");
            } else {
                store.job_cancel(&scope, job.id, None).await.expect("cancelled");
            }
            let given_back = "draft_decision = 'create' and decision is null and job_id is null";
            assert_eq!(rows(&sql, &format!("state = 'suggested' and record_id = 1 and {given_back}")).await, 1);
            assert_eq!(rows(&sql, &format!("state = 'unmapped' and record_id = 2 and {given_back}")).await, 1);
            assert_eq!(refused(store.job_retry(&scope, job.id, None).await), ConflictReason::State);
            for table in ["mapping", "suggestion", "job", "provider"] {
                sql.execute(&format!("delete from {table}")).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_failed_link_job_fails_its_rows_and_a_retry_confirms_them_again() {
    each_database_with_sql(async |store: Store, sql| {
        let scope = tenant(&store, "a").await;
        let provider = active_provider(&store, &scope, 1).await;
        let job = link_job(&store, &sql, &scope, provider.id).await;
        let fence = claim(&store, job.id).await.fence;
        sql.execute("update mapping set state = 'linked' where record_id = 2").await;
        store.job_finish(&fence, &fail()).await.expect("failed");
        assert_eq!(rows(&sql, "state = 'failed' and reason = 'JOB_FAILED' and reason_detail = 'it broke'").await, 1);
        assert_eq!(rows(&sql, "state = 'linked'").await, 1);

        let retried = store.job_retry(&scope, job.id, None).await.expect("retried");
        assert_eq!((retried.state, retried.counts.total), (JobState::Queued, 1));
        assert_eq!(rows(&sql, "state = 'confirmed' and reason is null").await, 1);
        for _ in 0..MOST_STARTS_WITHOUT_PROGRESS {
            claim_and_die(&store, job.id).await;
        }
        store.jobs_settle().await.expect("settled");
        assert_eq!(state(&store, &scope, job.id).await, JobState::Failed);
        assert_eq!(rows(&sql, "state = 'failed' and reason = 'JOB_FAILED'").await, 1);
    })
    .await;
}
