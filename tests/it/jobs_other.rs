//! The jobs besides the fetch: connection test, suggestions, linking, synchronization.

use linkyard_core::duplicate::Searched;
use linkyard_core::error::Attention;
use linkyard_core::job::{JobKind, JobState};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::provider::{Provider, ProviderState};
use linkyard_tests::databases::each_kind;
use linkyard_tests::jobs::{Bench, COMPANY, eventually};
use serde_json::json;

async fn provider(bench: &Bench) -> Provider {
    bench.store.provider_get(&bench.scope, bench.provider).await.expect("the provider")
}

#[tokio::test]
async fn a_connection_test_makes_a_provider_active_and_says_what_is_visible() {
    each_kind(async |databases| {
        let bench = Bench::start(&databases, 11, 5, 5).await;
        assert_eq!(provider(&bench).await.state, ProviderState::Testing);
        bench.settle().await;
        let tested = provider(&bench).await;
        assert_eq!(tested.state, ProviderState::Active);
        let visible = tested.visible.expect("what is visible");
        assert_eq!((visible.vendors, visible.projects), (Some(12), Some(7)));
    })
    .await;
}

#[tokio::test]
async fn a_connection_test_twice_is_a_connection_test_once() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 11, 5, 5).await;
        let once = bench.state().await;
        let job = bench.run(JobKind::TestConnection).await;
        assert_eq!(job.state, JobState::Succeeded);
        assert_eq!(bench.state().await, once);
    })
    .await;
}

#[tokio::test]
async fn a_refused_connection_test_fails_with_what_a_person_has_to_mend_and_recovers_when_mended() {
    each_kind(async |databases| {
        let bench = Bench::start(&databases, 11, 5, 5).await;
        let installation = format!("/companies/{COMPANY}/installation");
        bench.admin("PUT", &installation, json!({ "installation": "disconnected" })).await;
        bench.settle().await;
        let refused = provider(&bench).await;
        assert_eq!((refused.state, refused.attention), (ProviderState::NeedsAttention, Some(Attention::NotConnected)));
        bench.admin("PUT", &installation, json!({ "installation": "installed" })).await;
        let job = bench.run(JobKind::TestConnection).await;
        assert_eq!((job.state, provider(&bench).await.state), (JobState::Succeeded, ProviderState::Active));
    })
    .await;
}

#[tokio::test]
async fn a_procore_that_stays_silent_is_shown_as_down() {
    each_kind(async |databases| {
        let bench = Bench::start(&databases, 11, 5, 5).await;
        bench.fault(json!({}), json!({ "kind": "status", "status": 503 })).await;
        bench.fault(json!({}), json!({ "kind": "reset" })).await;
        bench.settle().await;
        let down = provider(&bench).await;
        assert_eq!((down.state, down.attention), (ProviderState::NeedsAttention, Some(Attention::UpstreamDown)));
    })
    .await;
}

#[tokio::test]
async fn linking_every_vendor_and_project_makes_each_once_with_its_associations() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 40, 10, 50).await;
        let (vendors, projects) = (bench.confirm_all(Subject::Vendor).await, bench.confirm_all(Subject::Project).await);
        bench.settle().await;
        let (vendors, projects) = (bench.job(vendors).await, bench.job(projects).await);
        assert_eq!((vendors.state, vendors.counts.total, vendors.counts.succeeded), (JobState::Succeeded, 40, 40));
        assert_eq!((projects.state, projects.counts.total, projects.counts.succeeded), (JobState::Succeeded, 10, 10));
        let state = bench.state().await;
        assert_eq!(
            (&state["directory"]["vendor"]["buckets"]["created"], &state["directory"]["project"]["buckets"]["created"]),
            (&json!(40), &json!(10))
        );
        let parties = state["parties"].as_array().expect("parties");
        assert_eq!(parties.len(), 40);
        assert!(parties.iter().any(|party| !party.as_str().is_some_and(|party| party.ends_with(" 0"))), "some are on projects");
    })
    .await;
}

#[tokio::test]
async fn a_link_job_that_is_killed_goes_on_and_makes_nothing_twice() {
    each_kind(async |databases| {
        let clean = Bench::fetched(&databases, 1_200, 0, 2_000).await;
        clean.confirm_all(Subject::Vendor).await;
        clean.settle().await;
        let clean = clean.state().await;
        let bench = Bench::fetched(&databases, 1_200, 0, 2_000).await;
        let job = bench.confirm_all(Subject::Vendor).await;
        let doomed = bench.work_until_killed();
        eventually("a chunk is linked", async || bench.job(job).await.counts.succeeded > 0).await;
        doomed.kill().await;
        bench.store.leases_release_all().await.expect("the boot of the next process");
        bench.settle().await;
        let ended = bench.job(job).await;
        assert_eq!((ended.state, ended.counts.total, ended.counts.succeeded), (JobState::Succeeded, 1_200, 1_200));
        assert_eq!(bench.state().await, clean);
    })
    .await;
}

#[tokio::test]
async fn suggestions_computed_twice_are_the_same() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 40, 10, 50).await;
        let once = bench.state().await;
        let job = bench.run(JobKind::Suggest).await;
        assert_eq!((job.state, job.counts.total), (JobState::Succeeded, 50));
        assert_eq!(bench.state().await, once);
    })
    .await;
}

#[tokio::test]
async fn a_suggest_job_that_breaks_after_the_vendors_and_one_after_it_end_as_one_that_does_not() {
    each_kind(async |databases| {
        let clean = Bench::fetched(&databases, 20, 10, 50).await;
        clean.register_all().await;
        assert_eq!(clean.run(JobKind::Suggest).await.state, JobState::Succeeded);
        let bench = Bench::fetched(&databases, 20, 10, 50).await;
        bench.register_all().await;
        bench.execute("create unique index broken on suggestion (subject) where subject = 'project'").await;
        let broken = bench.run(JobKind::Suggest).await;
        assert_eq!((broken.state, broken.counts.succeeded), (JobState::Failed, 20), "the second project breaks it");
        bench.execute("drop index broken").await;
        assert_eq!(bench.run(JobKind::Suggest).await.state, JobState::Succeeded);
        let (state, clean) = (bench.state().await, clean.state().await);
        assert!(clean["directory"]["project"]["rows"][9]["suggestions"][0].is_array(), "{clean}");
        assert_eq!(state, clean);
    })
    .await;
}

#[tokio::test]
async fn duplicates_of_the_directory_are_found_after_a_fetch_and_not_searched_again() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 40, 10, 50).await;
        let list = Searched { provider: Some(bench.provider), subject: Subject::Vendor };
        let page = PageRequest { size: 100, after: None };
        let found = bench.store.duplicate_list(&bench.scope, list, false, &page).await.expect("groups").rows;
        assert!(!found.is_empty(), "one in five vendors of the simulator looks like an earlier one");
        assert!(found.iter().all(|group| group.member_count >= 2 && !group.reasons.is_empty()), "{found:?}");
        let again = bench.run(JobKind::FindDuplicates).await;
        assert_eq!((again.state, again.counts.total), (JobState::Succeeded, 0), "nothing changed");
        bench.party("Twin Paving LLC").await;
        bench.party("Twin Paving Inc").await;
        let parties = bench.run(JobKind::FindDuplicates).await;
        assert_eq!((parties.state, parties.counts.total), (JobState::Succeeded, 2), "the registry changed");
        let list = Searched { provider: None, subject: Subject::Vendor };
        let found = bench.store.duplicate_list(&bench.scope, list, false, &page).await.expect("groups").rows;
        assert_eq!(found.iter().map(|group| group.member_count).collect::<Vec<_>>(), [2]);
    })
    .await;
}

#[tokio::test]
async fn a_changed_address_reaches_the_linked_party_with_the_next_fetch() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 5, 0, 50).await;
        bench.confirm_all(Subject::Vendor).await;
        bench.settle().await;
        let state = bench.state().await;
        let row = &state["directory"]["vendor"]["rows"][0];
        let path = format!("/companies/{COMPANY}/vendors/{}", row["record"]);
        bench.admin("PATCH", &path, json!({ "address": "1 New Street" })).await;
        bench.run(JobKind::FetchDirectory).await;
        let parties = bench.state().await["parties"].to_string();
        assert!(parties.contains("1 New Street"), "{parties}");
        let once = bench.state().await;
        let job = bench.run(JobKind::SyncLinked).await;
        assert_eq!((job.state, job.counts.succeeded), (JobState::Succeeded, 0), "everything is in step");
        assert_eq!(bench.state().await, once);
    })
    .await;
}
