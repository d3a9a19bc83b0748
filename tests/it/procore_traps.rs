//! Procore's traps, the first part: limits, installation, visibility, views and pages. Each test is a fact about Procore that a naive
//! client gets wrong, and fails if ours does. The traps about writing are in `procore_traps_writing.rs`. Where a trap is about what a
//! later layer concludes, the test is about what the client hands to it, and says so.

use crate::procore_kit::{COMPANY, Listening, Yard, everybody, ids, inactive, refusal, short, walk};
use linkyard_core::directory::Address;
use linkyard_core::id::CompanyId;
use linkyard_core::job::Lane;
use linkyard_core::mapping::Subject;
use linkyard_core::provider::Credentials;
use linkyard_procore::UpdatedRange;
use linkyard_simulator::{CompanySpec, Config, Credentials as Pair, Installation, Limits};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn config(spec: CompanySpec) -> Config {
    Config { companies: vec![spec], ..Config::default() }
}

fn generated() -> CompanySpec {
    CompanySpec { inactive_vendors_percent: 25, inactive_projects_percent: 40, ..CompanySpec::generated(COMPANY, 60, 12) }
}

/// Trap 4. Two windows share one set of headers: whichever is nearer is shown, so the limit changes from call to call and `Remaining`
/// rises; `Reset` is a time and not a number of seconds; a 429 of the ten-second window says "hour". That the budget counts both windows
/// is its own tests' business; here it gets every header as it was sent, and the wait is the short window's.
#[tokio::test]
async fn two_windows_speak_through_one_set_of_headers() {
    let mut config = config(generated());
    config.settings.limits = Limits { hourly: Some(6), spike: Some(4), hourly_window_ms: 3_600_000, spike_window_ms: 10_000 };
    config.settings.retry_after_on_429 = false;
    let heard = Arc::new(Listening::default());
    let yard = Yard::with_budget(config, |_| {}, Arc::clone(&heard) as _, short()).await;
    let company = yard.company();
    for _ in 0..4 {
        company.page(Subject::Project, 1, None).await.expect("within the window");
    }
    let wait = company.page(Subject::Project, 1, None).await.expect_err("a 429").retry_after().expect("a wait");
    assert!((1..=12).contains(&wait.as_secs()), "the sentence says an hour, the window has ten seconds: {wait:?}");
    yard.admin("POST", "/admin/clock", json!({"advance_s": 11})).await;
    company.page(Subject::Project, 1, None).await.expect("the window is over");
    let heard = heard.0.lock().expect("answers").clone();
    let seen: Vec<_> = heard.iter().map(|answer| (answer.status, answer.limit, answer.remaining)).collect();
    let spike = |status, remaining| (status, Some(4), Some(remaining));
    assert_eq!(seen, [spike(200, 3), spike(200, 2), spike(200, 1), spike(200, 0), spike(429, 0), (200, Some(6), Some(1))]);
    assert!(
        heard
            .iter()
            .all(|answer| answer.reset_at_s.is_some_and(|reset_s| reset_s * 1000 >= answer.server_now_ms.unwrap_or(i64::MAX)))
    );
}

/// Trap 5. Failed calls spend quota like others. The client makes each once, reports it, and says of a disconnected app that trying
/// again is useless; stopping the tenant's jobs for it is the worker's part.
#[tokio::test]
async fn failed_calls_spend_quota_and_are_made_once() {
    let mut config = config(generated());
    config.settings.limits = Limits::small();
    let heard = Arc::new(Listening::default());
    let yard = Yard::with_budget(config, |_| {}, Arc::clone(&heard) as _, short()).await;
    let company = yard.company();
    for (status, reason) in [(403, "PROVIDER_NOT_CONNECTED"), (404, "NOT_FOUND"), (400, "INVALID_INPUT")] {
        yard.no_more_faults().await;
        yard.fault(json!({}), json!({"kind": "status", "status": status})).await;
        let error = company.page(Subject::Vendor, 1, None).await.expect_err("an error");
        assert_eq!((error.reason(), error.retryable()), (reason, false));
    }
    let remaining: Vec<_> = heard.0.lock().expect("answers").iter().map(|answer| answer.remaining).collect();
    assert_eq!(remaining, [Some(24), Some(23), Some(22)]);
    assert_eq!((company.calls(), yard.counted("calls").await), (3, 3));
}

/// Trap 6. A token and the list of companies work for an app that was disconnected: only a call for the company itself tells.
#[tokio::test]
async fn a_token_and_a_listed_company_are_no_installation() {
    let yard = Yard::start(config(CompanySpec { installation: Installation::Disconnected, ..generated() }), |_| {}).await;
    assert_eq!(refusal(yard.company().test_connection().await).0, "PROVIDER_NOT_CONNECTED");
    assert_eq!(yard.called("GET", "/rest/v1.0/companies").await, BTreeMap::from([(200, 1)]), "the company is listed");
    assert_eq!(yard.called("GET", "/rest/v1.0/vendors").await, BTreeMap::from([(403, 1)]));
    assert_eq!(yard.counted("oauth_calls").await, 1, "a new token would not help");
}

/// Trap 7. A 404 means "not visible" as often as "gone". The client never makes an empty list of it, from which a later layer would
/// conclude that everything is gone; that only two complete walks make a record gone is the store's part.
#[tokio::test]
async fn a_404_is_an_error_and_never_an_empty_list() {
    let own = Pair { client_id: "own-id".to_owned(), client_secret: "own-secret".to_owned() };
    let other = CompanySpec { credentials: vec![own], ..CompanySpec::generated(4_711, 3, 1) };
    let yard = Yard::start(Config { companies: vec![generated(), other], ..Config::default() }, |_| {}).await;
    let invisible = yard.company_of("own-id", "own-secret");
    assert_eq!(refusal(invisible.page(Subject::Vendor, 1, None).await).0, "NOT_FOUND");
    assert_eq!(refusal(invisible.page(Subject::Project, 1, None).await).0, "NOT_FOUND");
    assert_eq!(refusal(invisible.inactive_vendors(1).await).0, "NOT_FOUND");
    assert_eq!(refusal(invisible.people(1).await).0, "NOT_FOUND");
}

/// Trap 8. The company's header is needed besides the id in path or query, on every call, and one pair of credentials serves all
/// tenants: each company gets its own rows, over the same token.
#[tokio::test]
async fn every_call_names_its_company_in_the_header_too() {
    let other = CompanySpec { seed: 2, ..CompanySpec::generated(4_711, 7, 2) };
    let yard = Yard::start(Config { companies: vec![generated(), other], ..Config::default() }, |_| {}).await;
    let second = yard.procore.company(&Credentials::Platform, CompanyId(4_711), Lane::Background);
    let mut rows = Vec::new();
    for company in [&yard.company(), &second] {
        company.test_connection().await.expect("a connection");
        let projects = ids(&walk(company, Subject::Project).await.expect("projects"));
        let vendors = ids(&walk(company, Subject::Vendor).await.expect("vendors"));
        let people = everybody(company).await.iter().map(|person| person.id.0).collect();
        rows.push([projects, vendors, ids(&inactive(company).await), people].concat().into_iter().collect::<BTreeSet<i64>>());
    }
    assert!(rows[0].is_disjoint(&rows[1]) && !rows[1].is_empty());
    assert_eq!((yard.counted("missing_company_header").await, yard.counted("foreign_company_header").await), (0, 0));
    assert_eq!(yard.counted("oauth_calls").await, 1);
}

/// Trap 9. Lists are filtered by state and by who asks: a vendor that was deactivated moves to another list, a project without
/// permission leaves its list, and neither is deleted. The client reads both vendor lists and asks for projects of every status; what a
/// missing row means is the store's part.
#[tokio::test]
async fn missing_from_a_list_is_not_deleted() {
    let yard = Yard::start(config(generated()), |_| {}).await;
    let company = yard.company();
    let vendors = async || -> [BTreeSet<i64>; 2] {
        let active = ids(&walk(&company, Subject::Vendor).await.expect("vendors"));
        [active.into_iter().collect(), ids(&inactive(&company).await).into_iter().collect()]
    };
    let [active, deactivated] = vendors().await;
    assert!(active.is_disjoint(&deactivated) && deactivated.len() > 5);
    assert_eq!(active.len() + deactivated.len(), yard.directory("vendors").await.len());
    let moved = *active.last().expect("a vendor");
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/vendors/{moved}"), json!({"is_active": false})).await;
    let [now_active, now_deactivated] = vendors().await;
    assert!(!now_active.contains(&moved) && now_deactivated.contains(&moved));
    let pages = walk(&company, Subject::Project).await.expect("projects");
    assert!(pages[0].records.iter().any(|project| !project.active) && pages[0].records.iter().any(|project| project.active));
    let hidden = pages[0].records[2].id.0;
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/projects/{hidden}"), json!({"permitted": false})).await;
    let visible = ids(&walk(&company, Subject::Project).await.expect("projects"));
    assert!(!visible.contains(&hidden) && visible.len() + 1 == pages[0].records.len());
    let truth = yard.directory("projects").await;
    assert!(truth.iter().any(|project| project["id"].as_i64() == Some(hidden) && project["gone"] != true), "it is still there");
}

/// Trap 10. A view depends on permission: without it the same call silently says less. What is absent is `None`, "not said", and never
/// the empty text or the empty list, which a later layer would copy over what it knows.
#[tokio::test]
async fn a_smaller_view_says_nothing_instead_of_blanks() {
    let yard = Yard::start(config(CompanySpec { view_vendors: false, ..generated() }), |_| {}).await;
    let pages = [walk(&yard.company(), Subject::Vendor).await.expect("vendors"), inactive(&yard.company()).await].concat();
    let vendors: Vec<_> = pages.iter().flat_map(|page| &page.records).collect();
    assert_eq!(vendors.len(), 61);
    for vendor in vendors {
        assert_eq!((&vendor.address, &vendor.project_ids), (&Address::default(), &None));
        assert_eq!((&vendor.details.phone, &vendor.details.email, &vendor.details.website), (&None, &None, &None));
        assert_eq!((&vendor.details.primary_contact, vendor.updated_at_ms), (&None, None));
        assert!(!vendor.name.is_empty());
    }
    yard.admin(
        "PUT",
        &format!("/admin/companies/{COMPANY}/installation"),
        json!({"installation": "installed", "view_vendors": true}),
    )
    .await;
    let page = yard.company().page(Subject::Vendor, 1, None).await.expect("vendors");
    assert!(page.records.iter().all(|vendor| vendor.project_ids.is_some()), "with permission the same call says it");
    yard.admin(
        "PATCH",
        &format!("/admin/companies/{COMPANY}/vendors/{}", page.records[0].id),
        json!({"website": "", "email_address": null}),
    )
    .await;
    let page = yard.company().page(Subject::Vendor, 1, None).await.expect("vendors");
    assert_eq!((page.records[0].details.website.as_deref(), page.records[0].details.email.as_deref()), (Some(""), None));
}

/// Trap 11. Page two has no `prev` and the last page no `next`, `Link` leaves the query out, and the server's largest page is its own
/// secret: every list is walked by page number with its own parameters and in the size that the server used.
#[tokio::test]
async fn pages_are_counted_by_number_and_not_by_url_or_size() {
    for link_keeps_query in [false, true] {
        let mut config = config(generated());
        config.settings.max_page_size = Some(7);
        config.settings.link_keeps_query = link_keeps_query;
        let yard = Yard::start(config, |_| {}).await;
        let company = yard.company();
        let (vendors, off) = (walk(&company, Subject::Vendor).await.expect("vendors"), inactive(&company).await);
        let projects = walk(&company, Subject::Project).await.expect("projects");
        let people: Vec<i64> = everybody(&company).await.iter().map(|person| person.id.0).collect();
        let seen: Vec<i64> = [ids(&vendors), ids(&off)].concat();
        assert!(vendors.len() > 3 && off.len() > 1 && projects.len() > 1, "many pages");
        assert!(vendors.iter().chain(&off).chain(&projects).all(|page| page.per_page == 7));
        for (seen, resource) in [(seen, "vendors"), (ids(&projects), "projects"), (people, "people")] {
            let truth: BTreeSet<i64> = yard.directory(resource).await.iter().filter_map(|row| row["id"].as_i64()).collect();
            assert_eq!(seen.len(), truth.len(), "{resource}: each row once");
            assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), truth, "{resource}");
        }
    }
}

/// Trap 15. Webhooks are unsigned hints that may never come. The client takes none; what changed is found by reading: renamed in the
/// range of `updated_at`, deactivated in the other list, a person's change in the whole list of people.
#[tokio::test]
async fn a_change_is_found_by_reading_and_not_by_being_told() {
    let yard = Yard::start(config(generated()), |_| {}).await;
    let company = yard.company();
    let before = company.page(Subject::Vendor, 1, None).await.expect("vendors");
    let now_ms = before.server_now_ms.expect("their clock");
    yard.admin("POST", "/admin/clock", json!({"advance_s": 1_000_000})).await;
    let (renamed, left) = (before.records[3].id, before.records[4].id);
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/vendors/{renamed}"), json!({"name": "Renamed"})).await;
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/vendors/{left}"), json!({"is_active": false})).await;
    let person = everybody(&company).await[1].id;
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/people/{person}"), json!({"last_name": "Newly"})).await;
    let range = UpdatedRange { from_ms: now_ms + 500_000_000, to_ms: now_ms + 2_000_000_000 };
    let changed = company.page(Subject::Vendor, 1, Some(range)).await.expect("changed vendors");
    assert_eq!(
        changed.records.iter().map(|vendor| (vendor.id, vendor.name.as_str())).collect::<Vec<_>>(),
        [(renamed, "Renamed")]
    );
    assert!(ids(&inactive(&company).await).contains(&left.0));
    let people = everybody(&company).await;
    assert_eq!(people.iter().find(|one| one.id == person).and_then(|one| one.last_name.as_deref()), Some("Newly"));
}
