//! The journal and its report: the evidence about a client.

use linkyard_simulator::{CompanySpec, Config, Limits};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{COMPANY, Yard, projects, vendors};

#[tokio::test]
async fn the_report_has_the_columns_of_procores_activity_report() {
    let yard = Yard::of(3, 1).await;
    yard.get(&vendors("page=1")).await;
    yard.get(&vendors("page=2")).await;
    yard.get(&format!("/rest/v1.0/vendors/1?company_id={COMPANY}")).await;
    let bare = yard.client.get(yard.url(&projects(""))).bearer_auth(&yard.token).send().await.expect("an answer");
    assert_eq!(bare.status().as_u16(), 400);
    let report = yard.report().await;
    let row = |route: &str| {
        let rows = report["rows"].as_array().expect("rows").iter();
        rows.filter(|row| row["normalized_route"] == route).cloned().collect::<Vec<Value>>()
    };
    assert_eq!(
        (&row("/rest/v1.0/vendors")[0]["count"], &row("/rest/v1.0/vendors")[0]["response_code"]),
        (&json!(2), &json!(200))
    );
    assert_eq!(row("/rest/v1.0/vendors/{id}")[0]["response_code"], 404);
    assert_eq!(row("/oauth/token")[0]["http_method"], "POST");
    assert_eq!(row("/rest/v1.1/projects")[0]["date"].as_str().map(str::len), Some(10));
    assert_eq!((&report["calls"], &report["oauth_calls"], &report["missing_company_header"]), (&json!(4), &json!(1), &json!(1)));
    assert_eq!((&report["calls_during_block"], &report["max_in_flight"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn calls_started_before_the_reset_of_a_429_are_counted() {
    let mut config = Config { companies: vec![CompanySpec::generated(COMPANY, 3, 0)], ..Config::default() };
    config.settings.limits = Limits { spike: Some(2), ..Limits::standard() };
    let yard = Yard::start(config).await;
    for _ in 0..3 {
        yard.get(&vendors("")).await;
    }
    assert_eq!((&yard.report().await["throttled"], &yard.report().await["calls_during_block"]), (&json!(1), &json!(0)));
    yard.set(Method::POST, "/admin/clock", json!({"advance_ms": 50})).await;
    yard.get(&vendors("")).await;
    let report = yard.report().await;
    assert_eq!((&report["throttled"], &report["calls_during_block"]), (&json!(2), &json!(1)));
    let patient = yard.set(Method::GET, "/admin/journal/report?grace_ms=5000", Value::Null).await;
    assert_eq!(patient["calls_during_block"], 0);
    yard.set(Method::POST, "/admin/clock", json!({"advance_s": 11})).await;
    yard.get(&vendors("")).await;
    assert_eq!(yard.report().await["calls_during_block"], 1);
}

#[tokio::test]
async fn the_journal_is_read_on_from_a_sequence() {
    let yard = Yard::of(3, 1).await;
    for page in 1..=5 {
        yard.get(&vendors(&format!("page={page}"))).await;
    }
    let calls = yard.set(Method::GET, "/admin/journal?after=3&limit=2", Value::Null).await;
    let sequences: Vec<&Value> = calls.as_array().expect("calls").iter().map(|call| &call["sequence"]).collect();
    assert_eq!(sequences, [4, 5]);
    let call = &calls[0];
    assert_eq!(call["client_id"], "simulator-client");
    assert_eq!((&call["company_header"], &call["company_id"]), (&json!(COMPANY.to_string()), &json!(COMPANY)));
    assert_eq!((&call["method"], &call["route"]), (&json!("GET"), &json!("/rest/v1.0/vendors")));
    assert_eq!(call["path"], vendors("page=3"));
    assert!(call["started_ms"].as_i64() <= call["ended_ms"].as_i64());
}
