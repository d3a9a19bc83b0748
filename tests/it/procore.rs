//! The Procore client against the simulator: whose call it is, tokens, and the connection test.

use crate::procore_kit::{COMPANY, Canned, Listening, Said, Yard, answer, company, id, refusal, walk};
use futures_util::future::join_all;
use linkyard_core::mapping::Subject;
use linkyard_core::provider::Credentials;
use linkyard_procore::{Args, Procore};
use linkyard_simulator::{CompanySpec, Config, Installation};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn config(spec: CompanySpec) -> Config {
    Config { companies: vec![spec], ..Config::default() }
}

fn generated() -> CompanySpec {
    CompanySpec::generated(COMPANY, 30, 4)
}

#[tokio::test]
async fn every_call_names_its_company_and_is_counted() {
    let yard = Yard::start(config(generated()), |args| args.vendors_per_page = 10).await;
    let company = yard.company();
    company.test_connection().await.expect("a working connection");
    walk(&company, Subject::Vendor).await.expect("vendors");
    walk(&company, Subject::Project).await.expect("projects");
    assert_eq!(yard.counted("missing_company_header").await, 0);
    assert_eq!(yard.counted("foreign_company_header").await, 0);
    assert_eq!(yard.counted("calls").await, company.calls());
    assert_eq!(company.calls(), 3 + 4 + 1);
}

#[tokio::test]
async fn every_answer_is_reported_to_the_budget_with_its_headers() {
    let budget = Arc::new(Listening::default());
    let mut short_limits = config(generated());
    short_limits.settings.limits = linkyard_simulator::Limits::small();
    let yard = Yard::with_budget(short_limits, |_| {}, Arc::clone(&budget) as _, crate::procore_kit::short()).await;
    yard.fault(json!({"nth": 2}), json!({"kind": "reset"})).await;
    let company = yard.company();
    company.page(Subject::Vendor, 1, None).await.expect("vendors");
    assert_eq!(refusal(company.page(Subject::Vendor, 1, None).await).0, "UNAVAILABLE");
    let answers = budget.0.lock().expect("answers").clone();
    assert_eq!((answers[0].status, answers[0].limit, answers[0].remaining), (200, Some(25), Some(24)));
    assert!(answers[0].reset_at_s.is_some() && answers[0].server_now_ms.is_some());
    assert_eq!(answers[1], linkyard_core::budget::CallAnswer { failed: true, ..Default::default() });
    assert_eq!(answers.len(), 2);
}

#[tokio::test]
async fn not_applicable_means_the_platforms_credentials_and_a_pair_its_own() {
    let own = linkyard_simulator::Credentials { client_id: "own-id".to_owned(), client_secret: "own-secret".to_owned() };
    let yard = Yard::start(config(CompanySpec { credentials: vec![own], ..generated() }), |_| {}).await;
    yard.company_of("N/A", "n/a").page(Subject::Project, 1, None).await.expect("platform");
    yard.company_of("own-id", "own-secret").page(Subject::Project, 1, None).await.expect("own");
    let journal = yard.admin("GET", "/admin/journal", json!(null)).await;
    let entries = journal.as_array().or_else(|| journal["entries"].as_array()).expect("journal").clone();
    let clients: Vec<&str> = entries.iter().filter_map(|entry| entry["client_id"].as_str()).collect();
    assert_eq!(clients, ["simulator-client", "own-id"]);
    let own = Credentials::from_form("own-id", "own-secret").expect("own");
    assert_eq!(yard.procore.budget_key(&own, id()).client_id, "own-id");
    assert_eq!(yard.procore.budget_key(&Credentials::Platform, id()).client_id, "simulator-client");
}

#[tokio::test]
async fn a_known_client_id_with_another_secret_gets_nobody_elses_token() {
    let yard = Yard::start(config(generated()), |_| {}).await;
    yard.company_of("simulator-client", "simulator-secret").page(Subject::Vendor, 1, None).await.expect("the right secret");
    let (reason, message) = refusal(yard.company_of("simulator-client", "guessed").page(Subject::Vendor, 1, None).await);
    assert_eq!(reason, "PROVIDER_CREDENTIALS");
    assert!(message.contains("Client authentication failed") && !message.contains("guessed"), "{message}");
}

#[tokio::test]
async fn without_platform_credentials_nobody_is_called() {
    let yard = Yard::start(config(generated()), |args| (args.client_id, args.client_secret) = (None, None)).await;
    assert_eq!(refusal(yard.company().test_connection().await).0, "PROVIDER_CREDENTIALS");
    assert_eq!(yard.counted("calls").await + yard.counted("oauth_calls").await, 0);
}

#[tokio::test]
async fn eight_callers_share_one_request_for_a_token() {
    let yard = Yard::start(config(generated()), |_| {}).await;
    let company = yard.company();
    for page in join_all((0..8).map(|_| company.page(Subject::Vendor, 1, None))).await {
        page.expect("vendors");
    }
    assert_eq!(yard.counted("oauth_calls").await, 1);
}

#[tokio::test]
async fn eight_callers_share_one_refused_request_for_a_token() {
    let yard = Yard::start(config(generated()), |_| {}).await;
    let company = yard.company_of("simulator-client", "wrong");
    for page in join_all((0..8).map(|_| company.page(Subject::Vendor, 1, None))).await {
        assert_eq!(refusal(page).0, "PROVIDER_CREDENTIALS");
    }
    assert_eq!(yard.counted("oauth_calls").await, 1);
    assert_eq!(yard.counted("calls").await, 0);
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_replaced_once() {
    let yard = Yard::start(config(generated()), |_| {}).await;
    let company = yard.company();
    company.page(Subject::Vendor, 1, None).await.expect("before");
    yard.admin("POST", "/admin/stop-token", json!({})).await;
    for page in join_all((0..8).map(|_| company.page(Subject::Vendor, 1, None))).await {
        page.expect("vendors with the new token");
    }
    assert_eq!(yard.counted("oauth_calls").await, 2);
    // The same by age.
    yard.admin("POST", "/admin/clock", json!({"advance_s": 5_401})).await;
    company.page(Subject::Vendor, 1, None).await.expect("after an hour and a half");
    assert_eq!(yard.counted("oauth_calls").await, 3);
}

#[tokio::test]
async fn tokens_that_end_before_they_are_used_are_no_refused_credentials() {
    let asked = AtomicUsize::new(0);
    let server = Canned::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) < 3 {
        true => Said::Whole(answer(401, &[], r#"{"message":"The access token is invalid"}"#)),
        false => Said::Whole(answer(200, &[("total", "0")], "[]")),
    })
    .await;
    server.company().page(Subject::Vendor, 1, None).await.expect("a page with the fourth token");
    assert_eq!((server.asked("/rest").len(), server.asked("/oauth").len()), (4, 4));
}

#[tokio::test]
async fn a_token_that_is_never_accepted_is_tried_four_times_and_no_more() {
    let server = Canned::start(|_| Said::Whole(answer(401, &[], r#"{"message":"The access token is invalid"}"#))).await;
    let (reason, message) = refusal(server.company().page(Subject::Vendor, 1, None).await);
    assert_eq!(reason, "PROVIDER_CREDENTIALS");
    assert!(!message.contains("t0ken") && !message.contains("s3cret"), "{message}");
    assert_eq!((server.asked("/rest").len(), server.asked("/oauth").len()), (4, 4));
}

#[tokio::test]
async fn the_connection_test_says_what_is_visible() {
    let yard = Yard::start(config(CompanySpec { name: Some("Acme".to_owned()), ..generated() }), |_| {}).await;
    let company = yard.company();
    let visible = company.test_connection().await.expect("visible");
    assert_eq!((visible.company_name.as_str(), visible.vendors, visible.projects), ("Acme", Some(31), Some(6)));
    assert_eq!(visible.hints, [] as [String; 0]);
    assert_eq!(company.calls(), 3);
}

#[tokio::test]
async fn the_connection_test_hints_at_a_directory_without_read_permission() {
    let yard = Yard::start(
        config(CompanySpec { view_vendors: false, projects: linkyard_simulator::Source::Count(0), ..generated() }),
        |_| {},
    )
    .await;
    let visible = yard.company().test_connection().await.expect("visible");
    assert!(visible.hints.iter().any(|hint| hint.contains("read permission")), "{:?}", visible.hints);
}

#[tokio::test]
async fn the_connection_test_tells_what_a_person_has_to_mend() {
    for (installation, reason) in
        [(Installation::Uninstalled, "PROVIDER_NOT_INSTALLED"), (Installation::Disconnected, "PROVIDER_NOT_CONNECTED")]
    {
        let yard = Yard::start(config(CompanySpec { installation, ..generated() }), |_| {}).await;
        assert_eq!(refusal(yard.company().test_connection().await).0, reason);
    }
    let yard = Yard::start(config(CompanySpec { id: 77, ..generated() }), |_| {}).await;
    assert_eq!(refusal(yard.company().test_connection().await).0, "PROVIDER_UNKNOWN_COMPANY");
    let yard = Yard::start(config(generated()), |_| {}).await;
    yard.fault(json!({"route": "/rest/v1.1/projects"}), json!({"kind": "status", "status": 403, "message": "No access"})).await;
    assert_eq!(refusal(yard.company().test_connection().await).0, "PROVIDER_PERMISSION");
}

#[tokio::test]
async fn only_https_to_public_hosts_unless_private_ones_are_allowed() {
    crate::procore_kit::cryptography();
    let refused = |url: &str| {
        let args = Args { api_url: url.to_owned(), ..Args::default() };
        Procore::new(&args, Arc::new(Listening::default())).is_err()
    };
    assert!(refused("http://api.procore.com") && refused("https://127.0.0.1") && refused("https://169.254.169.254/latest"));
    assert!(!refused("https://api.procore.com"));
    // A name that leads to a private address is refused when it is called.
    let args = Args { login_url: "https://localhost.:1".to_owned(), ..Args::simulator("https://localhost.:1", "id", "secret") };
    let args = Args { allow_private_hosts: false, ..args };
    assert!(Procore::new(&args, Arc::new(Listening::default())).is_err());
}

#[tokio::test]
async fn a_call_that_was_dropped_is_reported_all_the_same() {
    let server = Canned::start(|_| Said::ThenSilence(Vec::new())).await;
    let budget = Arc::new(Listening::default());
    let company = company(&server.procore(Arc::clone(&budget) as _));
    let calling = tokio::spawn(async move { company.page(Subject::Vendor, 1, None).await });
    while server.asked("/rest").is_empty() {
        tokio::task::yield_now().await;
    }
    calling.abort();
    assert!(calling.await.expect_err("aborted").is_cancelled());
    while budget.0.lock().expect("answers").is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(budget.0.lock().expect("answers")[0].status, 0);
}
