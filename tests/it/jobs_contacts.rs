//! Contacts and inactive vendors through the jobs: which mode fetches what, what a fetch brings to linked parties, run twice and broken at
//! every call.

use futures_util::future::join_all;
use linkyard_core::job::{JobKind, JobState};
use linkyard_core::mapping::Subject;
use linkyard_core::provider::ContactsMode;
use linkyard_tests::databases::{Databases, each_kind};
use linkyard_tests::jobs::{Bench, COMPANY};
use serde_json::{Value, json};

/// 6 vendors with the customer's own, two people each, all linked; since then a primary contact was renamed and the last vendor
/// deactivated.
async fn changed(databases: &Databases) -> Bench {
    let bench = Bench::fetched(databases, 5, 0, 50).await;
    bench.confirm_all(Subject::Vendor).await;
    bench.settle().await;
    let state = bench.state().await;
    let rows = state["directory"]["vendor"]["rows"].as_array().expect("rows").clone();
    let vendor = rows.iter().find(|row| row["details"]["primary_contact"]["id"].is_i64()).expect("one with a primary contact");
    let primary = &vendor["details"]["primary_contact"]["id"];
    bench.admin("PATCH", &format!("/companies/{COMPANY}/people/{primary}"), json!({ "first_name": "Zaphod" })).await;
    let last = &rows.last().expect("a row")["record"];
    bench.admin("PATCH", &format!("/companies/{COMPANY}/vendors/{last}"), json!({ "is_active": false })).await;
    bench
}

fn result(job: &linkyard_core::job::Job) -> &Value {
    job.result.as_ref().expect("a result")
}

fn rows_of(state: &Value) -> &Vec<Value> {
    state["directory"]["vendor"]["rows"].as_array().expect("rows")
}

#[tokio::test]
async fn linking_brings_every_person_of_the_vendors_and_marks_the_primary_ones() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 5, 0, 50).await;
        assert!(bench.contacts().await.is_empty(), "nobody is linked");
        bench.confirm_all(Subject::Vendor).await;
        bench.settle().await;
        let (contacts, state) = (bench.contacts().await, bench.state().await);
        assert_eq!(contacts.len(), 10, "{contacts:?}");
        let named = rows_of(&state).iter().filter(|row| row["details"]["primary_contact"]["id"].is_i64()).count();
        assert_eq!(contacts.iter().filter(|contact| contact.contains(": *")).count(), named);
        assert!(named > 0);
    })
    .await;
}

#[tokio::test]
async fn a_fetch_brings_changed_people_and_marks_who_was_deactivated() {
    each_kind(async |databases| {
        let bench = changed(&databases).await;
        let before = bench.contacts().await;
        let job = bench.run(JobKind::FetchDirectory).await;
        let found = result(&job);
        assert_eq!((job.state, &found["inactive_vendor"]["rows"]), (JobState::Succeeded, &json!(1)));
        assert_eq!(
            (&found["vendor"]["rows"], &found["vendor"]["distinct"], &found["vendor"]["complete"]),
            (&json!(5), &json!(5), &json!(true))
        );
        let after = bench.contacts().await;
        assert_eq!((after.len(), before.iter().filter(|contact| !after.contains(contact)).count()), (before.len(), 1));
        assert!(after.iter().any(|contact| contact.contains(": *Zaphod")), "{after:?}");
        for _ in 0..2 {
            bench.run(JobKind::FetchDirectory).await;
        }
        let state = bench.state().await;
        let last = rows_of(&state).last().expect("a row").clone();
        assert_eq!((&last["active"], &last["state"]), (&json!(false), &json!("linked")));
        assert_eq!(state["directory"]["vendor"]["buckets"]["gone"], 0);
    })
    .await;
}

#[tokio::test]
async fn who_left_becomes_inactive_after_two_fetches() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 5, 0, 50).await;
        bench.confirm_all(Subject::Vendor).await;
        bench.settle().await;
        let state = bench.state().await;
        let primaries = rows_of(&state).iter().map(|row| row["details"]["primary_contact"]["id"].clone());
        let primary = primaries.into_iter().find(Value::is_i64).expect("a primary contact");
        bench.admin("DELETE", &format!("/companies/{COMPANY}/people/{primary}"), Value::Null).await;
        let left = async || {
            let job = bench.run(JobKind::FetchDirectory).await;
            let contacts = bench.contacts().await;
            (result(&job)["person"]["gone"].as_u64(), contacts.iter().filter(|contact| contact.contains(": -")).count())
        };
        assert_eq!((left().await, left().await), ((Some(0), 0), (Some(1), 1)));
    })
    .await;
}

#[tokio::test]
async fn modes_that_follow_no_people_fetch_none() {
    each_kind(async |databases| {
        for (mode, contacts, people) in
            [(ContactsMode::SyncAllNoPrimary, 10, true), (ContactsMode::PrimaryOnly, 0, false), (ContactsMode::None, 0, false)]
        {
            let bench = Bench::tested(&databases, 5, 0, 50).await;
            bench.contacts_mode(mode).await;
            let job = bench.run(JobKind::FetchDirectory).await;
            assert_eq!(result(&job).get("person").is_some(), people, "{mode:?}");
            bench.confirm_all(Subject::Vendor).await;
            bench.settle().await;
            let found = bench.contacts().await;
            let primaries = found.iter().filter(|contact| contact.contains(": *")).count();
            match mode {
                ContactsMode::SyncAllNoPrimary => assert_eq!((found.len(), primaries), (contacts, 0)),
                ContactsMode::PrimaryOnly => assert!(primaries > 0 && primaries == found.len(), "{found:?}"),
                ContactsMode::None | ContactsMode::SyncAllSetPrimary => assert!(found.is_empty()),
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_fetch_and_a_sync_twice_are_once() {
    each_kind(async |databases| {
        let bench = changed(&databases).await;
        bench.run(JobKind::FetchDirectory).await;
        let once = bench.state().await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!((&result(&job)["person"]["changed"], &result(&job)["inactive_vendor"]["changed"]), (&json!(0), &json!(0)));
        assert_eq!(bench.state().await, once);
        let job = bench.run(JobKind::SyncLinked).await;
        assert_eq!((job.state, result(&job)), (JobState::Succeeded, &json!({ "synced": 0, "contacts": 0 })));
        assert_eq!(bench.state().await, once);
    })
    .await;
}

#[tokio::test]
async fn a_fetch_of_people_and_inactive_vendors_broken_at_any_call_ends_the_same() {
    each_kind(async |databases| {
        let clean = changed(&databases).await;
        let before = clean.calls().await;
        clean.run(JobKind::FetchDirectory).await;
        let calls = clean.calls().await - before;
        assert_eq!(calls, 6, "vendors, inactive ones, changes; projects, changes; people");
        let clean = clean.state().await;
        for action in [
            json!({ "kind": "status", "status": 500 }),
            json!({ "kind": "lose_reply" }),
            json!({ "kind": "reset" }),
            json!({ "kind": "bad_json" }),
        ] {
            let broken = async |call: u64| {
                let bench = changed(&databases).await;
                bench.fault(json!({ "nth": call }), action.clone()).await;
                let job = bench.run(JobKind::FetchDirectory).await;
                assert_eq!(
                    (bench.faults_landed().await, job.state, job.attempts),
                    (1, JobState::Succeeded, 1),
                    "{action} at {call}"
                );
                assert_eq!(bench.state().await, clean, "{action} at call {call}");
            };
            join_all((1..=calls).map(broken)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn people_who_can_not_be_seen_fail_the_fetch_and_not_the_next_one() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 5, 0, 50).await;
        bench
            .fault(json!({ "route": "/rest/v1.0/companies/{company_id}/people" }), json!({ "kind": "status", "status": 404 }))
            .await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!((job.state, job.error_reason.as_deref()), (JobState::Failed, Some("NOT_FOUND")));
        bench.no_more_faults().await;
        assert_eq!(bench.run(JobKind::FetchDirectory).await.state, JobState::Succeeded);
    })
    .await;
}
