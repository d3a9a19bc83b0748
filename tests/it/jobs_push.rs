//! Pushing compliance into the directory's insurances, over the real client and the simulator.

use linkyard_core::compliance::{Coverage, CoverageStatus, NewCoverage};
use linkyard_core::job::{Job, JobKind, JobState, Lane};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_store::{InsuranceFilter, LineState};
use linkyard_tests::databases::{Databases, each_kind};
use linkyard_tests::ground::new_job;
use linkyard_tests::jobs::{Bench, COMPANY, coverage};
use serde_json::{Value, json};

/// Seven vendors, all linked to parties of their own, with two coverages each that are not pushed yet.
async fn covered(databases: &Databases) -> (Bench, Vec<Coverage>) {
    let bench = Bench::fetched(databases, 7, 2, 5).await;
    bench.confirm_all(Subject::Vendor).await;
    bench.settle().await;
    let coverages = bench.cover_all().await;
    assert_eq!(coverages.len() % 2, 0);
    (bench, coverages)
}

async fn pushed(bench: &Bench, compare: bool) -> Job {
    let key = bench.provider.to_string();
    let mut new = new_job(Some(bench.provider), JobKind::PushCompliance, Lane::Push, key);
    new.payload = json!({ "compare": compare });
    let job = bench.enqueue_as(&new).await;
    bench.settle().await;
    bench.job(job).await
}

async fn restate(bench: &Bench, coverage: &Coverage, stated: NewCoverage) {
    let change = [(coverage.id, None, stated)];
    bench.store.coverages_update(&bench.scope, &change, None).await.expect("restated");
}

async fn calls_of_settling(bench: &Bench) -> u64 {
    let before = bench.calls().await;
    bench.settle().await;
    bench.calls().await - before
}

#[tokio::test]
async fn each_coverage_is_one_insurance_of_each_linked_vendor_and_nothing_is_pushed_twice() {
    each_kind(async |databases| {
        let (bench, coverages) = covered(&databases).await;
        assert_eq!(bench.insurances().await, Vec::<String>::new());
        assert_eq!(calls_of_settling(&bench).await, 1, "fourteen insurances are one call");
        let shown = bench.insurances().await;
        assert_eq!(shown.len(), coverages.len());
        assert!(shown.iter().all(|row| row.starts_with("ours") && row.ends_with("notifies false")), "{shown:?}");
        assert!(
            shown[0].contains(r#""General Liability" "Acme Insurance" "1000000.0" "2031-05-06" "compliant""#),
            "{}",
            shown[0]
        );

        let again = pushed(&bench, false).await;
        assert_eq!((again.state, again.counts.calls, again.counts.total), (JobState::Succeeded, 0, 0));
        // The same in another spelling is the same.
        restate(&bench, &coverages[0], NewCoverage { limit: Some("1000000".into()), ..coverages[0].stated.clone() }).await;
        assert_eq!(calls_of_settling(&bench).await, 0);
        restate(&bench, &coverages[0], NewCoverage { waived: true, notes: Some("seen".into()), ..coverages[0].stated.clone() })
            .await;
        assert_eq!(calls_of_settling(&bench).await, 1);
        let shown = bench.insurances().await;
        assert_eq!((shown.len(), shown.iter().filter(|row| row.contains("Waived. seen")).count()), (coverages.len(), 1));
    })
    .await;
}

#[tokio::test]
async fn a_link_that_comes_after_the_coverages_brings_its_insurances() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 3, 1, 5).await;
        let name = bench.state().await["directory"]["vendor"]["rows"][1]["name"].clone();
        bench.party(name.as_str().expect("a name")).await;
        let stated = bench.cover_all().await.len();
        bench.settle().await;
        assert_eq!((stated, bench.insurances().await.len()), (2, 0), "nobody is linked yet");
        bench.run(JobKind::Suggest).await;
        let vendor = Subject::Vendor;
        bench.accept_suggestions(vendor).await;
        bench.settle().await;
        bench.store.push_jobs_ask().await.expect("asked");
        bench.settle().await;
        assert_eq!(bench.insurances().await.len(), 2);
        assert_eq!(bench.store.push_jobs_ask().await.expect("asked"), 0, "nothing is due any more");
    })
    .await;
}

/// Everything is pushed; somebody edits an insurance in the directory; a comparison finds it and mends it.
async fn pushed_edited_compared(bench: &Bench) {
    bench.settle().await;
    let edited = bench.lines().await[0].insurance_id.expect("an id");
    let path = format!("/companies/{COMPANY}/insurances/{edited}");
    bench.admin("PATCH", &path, json!({ "notes": "by hand" })).await;
    let compared = pushed(bench, true).await;
    assert_eq!(compared.state, JobState::Succeeded, "{:?}", compared.error_message);
}

#[tokio::test]
async fn a_push_broken_at_any_call_ends_the_same() {
    each_kind(async |databases| {
        let (clean, _) = covered(&databases).await;
        let before = clean.calls().await;
        pushed_edited_compared(&clean).await;
        let calls = clean.calls().await - before;
        assert!(calls >= 3, "{calls}");
        let state = clean.state().await;
        let breakages = [
            json!({ "kind": "status", "status": 500 }),
            json!({ "kind": "lose_reply" }),
            json!({ "kind": "reset" }),
            json!({ "kind": "bad_json" }),
        ];
        for action in breakages {
            for call in 1..=calls {
                let (bench, _) = covered(&databases).await;
                bench.fault(json!({ "nth": call }), action.clone()).await;
                pushed_edited_compared(&bench).await;
                assert_eq!(bench.faults_landed().await, 1, "{action} at call {call}");
                assert_eq!(bench.state().await, state, "{action} at call {call}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_in_another_order_with_rows_twice_or_left_out_ends_the_same() {
    each_kind(async |databases| {
        let (clean, _) = covered(&databases).await;
        clean.settle().await;
        let state = clean.state().await;
        for odd in [
            json!({ "shuffle_entities": true }),
            json!({ "sync_repeats_rows": true }),
            json!({ "sync_omits_rows": true, "shuffle_entities": true }),
        ] {
            let (bench, _) = covered(&databases).await;
            let mut settings = bench.admin("GET", "/settings", Value::Null).await;
            for (name, value) in odd.as_object().expect("settings") {
                settings[name] = value.clone();
            }
            bench.admin("PUT", "/settings", settings).await;
            bench.settle().await;
            assert_eq!(bench.state().await["insurances"], state["insurances"], "{odd}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_comparison_that_is_asked_for_while_a_push_is_under_way_is_made_by_that_push() {
    each_kind(async |databases| {
        let (bench, _) = covered(&databases).await;
        bench.settle().await;
        let ours = bench.insurances().await;
        let edited = bench.lines().await[0].insurance_id.expect("an id").0;
        bench.admin("PATCH", &format!("/companies/{COMPANY}/insurances/{edited}"), json!({ "notes": "by hand" })).await;
        let new = new_job(Some(bench.provider), JobKind::PushCompliance, Lane::Push, bench.provider.to_string());
        let waiting = bench.enqueue_as(&new).await;
        bench.store.comparison_ask(&bench.scope, bench.provider).await.expect("asked");
        assert_eq!(bench.enqueue_as(&new).await, waiting, "it joins the one that is there");
        bench.settle().await;
        assert_eq!(bench.job(waiting).await.result.expect("a result")["differing"], json!(1));
        assert_eq!(bench.insurances().await, ours);
        assert_eq!(pushed(&bench, false).await.counts.calls, 0, "it was answered once");
    })
    .await;
}

#[tokio::test]
async fn what_somebody_else_made_is_never_touched_and_what_somebody_changed_is_mended() {
    each_kind(async |databases| {
        let (bench, coverages) = covered(&databases).await;
        bench.settle().await;
        let ours = bench.insurances().await;
        let vendor = bench.state().await["directory"]["vendor"]["rows"][1]["record"].clone();
        let path = format!("/companies/{COMPANY}/insurances");
        let row = json!({ "vendor_id": vendor, "insurance_type": "Auto", "status": "expired", "origin_id": "erp-17" });
        bench.admin("POST", &path, json!({ "rows": [row] })).await;
        let lines = bench.lines().await;
        let (edited, removed) = (lines[0].insurance_id.expect("an id").0, lines[1].insurance_id.expect("an id").0);
        bench.admin("PATCH", &format!("{path}/{edited}"), json!({ "status": "expired", "notes": "by hand" })).await;
        bench.admin("DELETE", &format!("{path}/{removed}"), Value::Null).await;

        assert_eq!(pushed(&bench, false).await.counts.calls, 0, "without a comparison nobody looks");
        let compared = pushed(&bench, true).await;
        assert_eq!(compared.result.expect("a result")["differing"], json!(2));
        let mut shown = bench.insurances().await;
        let foreign: Vec<String> = shown.iter().filter(|row| row.starts_with("foreign")).cloned().collect();
        shown.retain(|row| row.starts_with("ours"));
        assert_eq!(shown, ours);
        assert!(foreign.len() == 1 && foreign[0].contains(r#""Auto""#) && foreign[0].contains(r#""expired""#), "{foreign:?}");
        assert_eq!(coverages.len(), ours.len());
    })
    .await;
}

#[tokio::test]
async fn a_row_that_the_directory_refuses_says_why_and_the_rest_goes_on() {
    each_kind(async |databases| {
        let (bench, coverages) = covered(&databases).await;
        let merged = bench.lines().await[0].vendor;
        bench.admin("DELETE", &format!("/companies/{COMPANY}/vendors/{merged}"), Value::Null).await;
        let job = pushed(&bench, false).await;
        assert_eq!((job.state, job.counts.failed), (JobState::Partial, 2));
        assert_eq!(bench.insurances().await.len(), coverages.len() - 2);
        let refused: Vec<_> = bench.lines().await.into_iter().filter(|line| line.state == LineState::Refused).collect();
        assert_eq!(refused.len(), 2);
        assert!(refused.iter().all(|line| line.vendor == merged && !line.refusal.is_empty()), "{refused:?}");
        assert_eq!(pushed(&bench, false).await.counts.calls, 0, "what is refused waits for a change");
    })
    .await;
}

#[tokio::test]
async fn what_ran_out_becomes_expired_by_itself() {
    each_kind(async |databases| {
        let (bench, coverages) = covered(&databases).await;
        bench.settle().await;
        let past = NewCoverage { expiration_date: Some("2020-02-29".parse().expect("a day")), ..coverages[0].stated.clone() };
        // As if its last day had passed since: no change of the coverage makes its line due.
        bench.state_quietly(coverages[0].id, &past).await;
        let job = pushed(&bench, false).await;
        assert_eq!((job.counts.succeeded, job.counts.calls), (1, 1));
        let expired = |rows: &[String]| rows.iter().filter(|row| row.contains(r#""2020-02-29" "expired""#)).count();
        assert_eq!(expired(&bench.insurances().await), 1);
        assert_eq!(pushed(&bench, false).await.counts.calls, 0, "once");
    })
    .await;
}

#[tokio::test]
async fn a_coverage_that_ends_retires_its_insurance() {
    each_kind(async |databases| {
        let (bench, coverages) = covered(&databases).await;
        bench.settle().await;
        bench.store.coverage_delete(&bench.scope, coverages[0].id, None, None).await.expect("deleted");
        bench.settle().await;
        let shown = bench.insurances().await;
        let retired: Vec<&String> = shown.iter().filter(|row| row.contains("No longer maintained by linkyard.")).collect();
        assert_eq!((shown.len(), retired.len()), (coverages.len(), 1));
        assert!(retired[0].contains(r#""undecided""#) && retired[0].contains(r#""General Liability""#), "{retired:?}");
        assert_eq!(bench.lines().await.len(), coverages.len() - 1);

        let never_pushed =
            bench.store.coverages_create(&bench.scope, &[(coverages[0].party, coverage("Auto", None))], None).await;
        let never_pushed = never_pushed.expect("a coverage")[0].id;
        bench.store.coverage_delete(&bench.scope, never_pushed, None, None).await.expect("deleted");
        assert_eq!(calls_of_settling(&bench).await, 0, "what never came needs no retirement");
        assert_eq!(bench.lines().await.len(), coverages.len() - 1);
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_of_a_call_leaves_no_insurance_twice() {
    each_kind(async |databases| {
        let (clean, _) = covered(&databases).await;
        clean.settle().await;
        let (bench, _) = covered(&databases).await;
        bench.fault(json!({ "path_contains": "/insurances/sync", "nth": 1 }), json!({ "kind": "hang" })).await;
        let doomed = bench.work_until_killed();
        bench.until_landed(1).await;
        doomed.kill().await;
        bench.settle().await;
        assert_eq!(bench.insurances().await, clean.insurances().await);
        let page = PageRequest { size: 100, after: None };
        let jobs = bench.store.job_list(&bench.scope, Some(bench.provider), &[], false, &page).await.expect("jobs").rows;
        let push = jobs.iter().find(|job| job.kind == JobKind::PushCompliance.as_str()).expect("the push");
        assert_eq!(push.result.as_ref().expect("a result")["compared"], json!(true), "who takes over compares at the end");
    })
    .await;
}

#[tokio::test]
async fn coverages_are_refused_with_everything_that_is_wrong() {
    each_kind(async |databases| {
        let bench = Bench::start(&databases, 1, 1, 5).await;
        let party = linkyard_core::id::PartyId::generate();
        let wrong = NewCoverage { limit: Some("12345678901234567890".into()), ..coverage(" ", None) };
        let backwards =
            NewCoverage { effective_date: Some("2032-01-01".parse().expect("a day")), ..coverage("Auto", Some("2031-01-01")) };
        let refused = bench.store.coverages_create(&bench.scope, &[(party, wrong), (party, backwards)], None).await;
        let Err(linkyard_core::Error::Invalid(violations)) = refused else { panic!("{refused:?}") };
        let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
        let expected = [
            "coverages[0].insurance_type",
            "coverages[0].limit",
            "coverages[1].expiration_date",
            "coverages[0].party",
            "coverages[1].party",
        ];
        assert_eq!(fields, expected);
        let page = PageRequest { size: 10, after: None };
        let none = bench.store.coverage_list(&bench.scope, &linkyard_store::CoverageFilter::default(), &page).await;
        assert_eq!(none.expect("a list").rows, []);
        let lines = bench.store.insurance_list(&bench.scope, bench.provider, &InsuranceFilter::default(), &page).await;
        assert_eq!(lines.expect("a list").rows, []);
        assert_eq!(coverage("Auto", None).status, CoverageStatus::Compliant);
    })
    .await;
}
