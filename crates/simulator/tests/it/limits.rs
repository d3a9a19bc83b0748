//! The two rate windows as a client meets them. The clock is advanced, never waited for.

use linkyard_simulator::{CompanySpec, Config, Limits};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Answer, COMPANY, Yard, vendors};

async fn limited(hourly: u32, spike: u32) -> Yard {
    let companies = vec![CompanySpec::generated(COMPANY, 3, 1), CompanySpec::generated(9, 3, 1)];
    let mut config = Config { companies, ..Config::default() };
    config.settings.limits = Limits { hourly: Some(hourly), spike: Some(spike), ..Limits::standard() };
    Yard::start(config).await
}

#[tokio::test]
async fn a_spike_is_a_429_in_text_until_its_reset() {
    let yard = limited(600, 3).await;
    for remaining in [2, 1, 0] {
        let answer = yard.get(&vendors("")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!((answer.number("x-rate-limit-limit"), answer.number("x-rate-limit-remaining")), (3, remaining));
    }
    let refused = yard.get(&vendors("")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.body.starts_with("You have surpassed the max number of requests for an hour."));
    assert!(refused.header("content-type").is_some_and(|value| value.starts_with("text/plain")));
    let now_s = yard.set(Method::GET, "/admin/clock", Value::Null).await["now_ms"].as_i64().expect("now") / 1000;
    let wait_s = refused.number("x-rate-limit-reset") - now_s;
    assert!((1..=11).contains(&wait_s) && (1..=11).contains(&refused.number("retry-after")), "{wait_s}");
    yard.set(Method::POST, "/admin/clock", json!({"advance_s": wait_s})).await;
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_hourly_window_is_reported_when_it_is_nearer() {
    let yard = limited(5, 3).await;
    let mut limits = Vec::new();
    for _ in 0..5 {
        limits.push(yard.get(&vendors("")).await.number("x-rate-limit-limit"));
        yard.set(Method::POST, "/admin/clock", json!({"advance_s": 4})).await;
    }
    assert_eq!(limits.last(), Some(&5));
    let refused = yard.get(&vendors("")).await;
    assert_eq!((refused.status, refused.number("x-rate-limit-limit")), (StatusCode::TOO_MANY_REQUESTS, 5));
    yard.set(Method::POST, "/admin/clock", json!({"advance_s": refused.number("retry-after")})).await;
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn failed_calls_count_and_companies_do_not_share() {
    let yard = limited(600, 3).await;
    let missing = yard.get(&format!("/rest/v1.0/vendors/1?company_id={COMPANY}")).await;
    assert_eq!((missing.status, missing.number("x-rate-limit-remaining")), (StatusCode::NOT_FOUND, 2));
    let unknown = yard.get("/rest/v1.0/nothing").await;
    assert_eq!((unknown.status, unknown.number("x-rate-limit-remaining")), (StatusCode::NOT_FOUND, 1));
    let other = yard.client.get(yard.url("/rest/v1.0/vendors?company_id=9")).bearer_auth(&yard.token);
    let other = Answer::of(other.header("Procore-Company-Id", 9).send().await.expect("an answer")).await;
    assert_eq!(other.number("x-rate-limit-remaining"), 2);
}

#[tokio::test]
async fn limits_change_while_running_and_retry_after_is_a_switch() {
    let yard = limited(600, 1).await;
    yard.get(&vendors("")).await;
    assert!(yard.get(&vendors("")).await.header("retry-after").is_some());
    let mut settings = yard.set(Method::GET, "/admin/settings", Value::Null).await;
    settings["retry_after_on_429"] = json!(false);
    yard.set(Method::PUT, "/admin/settings", settings).await;
    let refused = yard.get(&vendors("")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, None));

    yard.set(Method::PUT, "/admin/limits", json!({"preset": "small"})).await;
    assert_eq!(yard.get(&vendors("")).await.number("x-rate-limit-limit"), 25);
    yard.set(Method::PUT, "/admin/limits", json!({"preset": "off"})).await;
    let free = yard.get(&vendors("")).await;
    assert_eq!((free.status, free.header("x-rate-limit-limit")), (StatusCode::OK, None));
    assert!(free.header("date").is_some() && free.header("x-request-id").is_some());
}
