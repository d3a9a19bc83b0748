//! The data directory: a simulator that is started again goes on where it was.

use linkyard_simulator::{CompanySpec, Config, Limits};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, directory, ids, insurances, vendors};

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

#[tokio::test]
async fn insurances_and_vendor_writes_survive_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let spec = vec![CompanySpec::generated(COMPANY, 20, 2)];
    let yard = Yard::start(config(directory.path(), spec.clone())).await;
    let vendor_ids = ids(&yard.rows(&vendors("")).await);
    let admin = format!("/admin/companies/{COMPANY}");
    yard.set(Method::POST, &format!("{admin}/insurances"), json!({"count": 30})).await;
    let sync = |origin_id: &str| json!({"updates": [{"vendor_id": vendor_ids[1], "origin_id": origin_id, "limit": "5.00"}]});
    yard.send(Method::PATCH, &insurances("/sync"), sync("A")).await;
    let made = yard.send(Method::PATCH, &insurances("/sync"), sync("B")).await.json()["entities"][0]["id"].clone();
    yard.send(Method::DELETE, &insurances(&format!("/{made}")), Value::Null).await;
    yard.set(Method::POST, &format!("{admin}/vendors/{}/merge", vendor_ids[2]), json!({"sources": [vendor_ids[3]]})).await;
    let body = json!({"company_id": COMPANY, "vendor": {"name": "Fresh Co"}});
    yard.send(Method::POST, "/rest/v1.0/vendors", body).await;
    yard.set(Method::PUT, &format!("{admin}/installation"), json!({"insurances": "read"})).await;
    let before = (yard.truth("insurances").await, yard.truth("vendors").await, yard.truth("associations").await);
    yard.simulator.stop().await;

    let yard = Yard::start(config(directory.path(), spec)).await;
    let after = (yard.truth("insurances").await, yard.truth("vendors").await, yard.truth("associations").await);
    assert_eq!(after, before);
    assert_eq!(yard.send(Method::PATCH, &insurances("/sync"), sync("A")).await.status, StatusCode::FORBIDDEN);
    yard.set(Method::PUT, &format!("{admin}/installation"), json!({"insurances": "write"})).await;
    let total = yard.get(&insurances("")).await.number("total");
    let again = yard.send(Method::PATCH, &insurances("/sync"), sync("A")).await.json();
    let known = before.0.iter().find(|row| row["origin_id"] == "A").expect("the row of A");
    assert_eq!((&again["entities"][0]["id"], yard.get(&insurances("")).await.number("total")), (&known["id"], total));
}
