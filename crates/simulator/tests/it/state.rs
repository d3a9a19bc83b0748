//! The data directory: a simulator that is started again goes on where it was.

use linkyard_simulator::{CompanySpec, Config, Limits};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, directory, ids, vendors};

fn config(data_dir: &std::path::Path, companies: Vec<CompanySpec>) -> Config {
    Config { data_dir: Some(data_dir.to_owned()), companies, ..Config::default() }
}

#[tokio::test]
async fn a_restart_keeps_rows_changes_tokens_clock_and_journal() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = vec![CompanySpec::generated(COMPANY, 20, 5)];
    let yard = Yard::start(config(directory.path(), spec.clone())).await;
    let admin = format!("/admin/companies/{COMPANY}");
    let all = ids(&yard.rows(&vendors("")).await);
    yard.set(Method::POST, "/admin/companies", json!({"id": 9, "vendors": 4, "projects": 1})).await;
    yard.set(Method::PATCH, &format!("{admin}/vendors/{}", all[1]), json!({"name": "Renamed", "city": "Gary"})).await;
    yard.set(Method::DELETE, &format!("{admin}/vendors/{}", all[2]), Value::Null).await;
    yard.set(Method::POST, &format!("{admin}/vendors"), json!({"count": 3, "early": true})).await;
    yard.set(Method::POST, "/admin/clock", json!({"advance_s": 600})).await;
    let mut before = Vec::new();
    for resource in ["vendors", "projects", "associations", "people"] {
        before.push(yard.truth(resource).await);
    }
    let companies = yard.set(Method::GET, "/admin/companies", Value::Null).await;
    let calls = yard.report().await["last_sequence"].as_u64().expect("a sequence");
    let token = yard.token.clone();
    yard.simulator.stop().await;

    let mut yard = Yard::start(config(directory.path(), spec)).await;
    yard.token = token;
    for (resource, rows) in ["vendors", "projects", "associations", "people"].into_iter().zip(before) {
        assert_eq!(yard.truth(resource).await, rows, "{resource}");
    }
    assert_eq!(yard.set(Method::GET, "/admin/companies", Value::Null).await, companies);
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK, "the old token is still good");
    assert_eq!(yard.set(Method::GET, "/admin/clock", Value::Null).await["ahead_ms"], 600_000);
    assert_eq!(yard.report().await["last_sequence"], calls + 2);
}

#[tokio::test]
async fn csv_inputs_are_kept_with_the_state() {
    let (inputs, data) = (tempfile::tempdir().expect("inputs"), tempfile::tempdir().expect("data"));
    let spec = directory::csv_spec(inputs.path());
    let yard = Yard::start(config(data.path(), vec![spec])).await;
    let before = yard.truth("vendors").await;
    yard.simulator.stop().await;
    inputs.close().expect("inputs are gone");
    let yard = Yard::start(config(data.path(), Vec::new())).await;
    assert_eq!(yard.truth("vendors").await, before);
}

#[tokio::test]
async fn a_restart_gives_nobody_a_fresh_budget() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut config = config(directory.path(), vec![CompanySpec::generated(COMPANY, 3, 0)]);
    config.settings.limits = Limits { hourly: Some(5), spike: None, ..Limits::standard() };
    let yard = Yard::start(config.clone()).await;
    for _ in 0..3 {
        yard.get(&vendors("")).await;
    }
    yard.simulator.stop().await;
    let yard = Yard::start(config).await;
    assert_eq!(yard.get(&vendors("")).await.number("x-rate-limit-remaining"), 1);
}
