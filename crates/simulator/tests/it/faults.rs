//! Every scripted fault as a client meets it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{COMPANY, Yard, ids, projects, vendors};

async fn hit_once(yard: &Yard, action: Value) {
    yard.fault(json!({"route": "/rest/v1.0/vendors", "times": 1}), action).await;
}

async fn landed(yard: &Yard) -> Vec<u64> {
    let faults = yard.set(Method::GET, "/admin/faults", Value::Null).await;
    faults.as_array().expect("a list").iter().map(|fault| fault["landed"].as_u64().expect("a count")).collect()
}

#[tokio::test]
async fn status_faults_come_with_the_headers_and_the_shape_they_name() {
    let yard = Yard::of(3, 0).await;
    yard.set(Method::PUT, "/admin/limits", json!({"preset": "standard"})).await;
    hit_once(&yard, json!({"kind": "status", "status": 429, "retry_after_s": 7})).await;
    hit_once(&yard, json!({"kind": "status", "status": 429, "rate_limit_headers": false})).await;
    hit_once(&yard, json!({"kind": "status", "status": 503, "retry_after_s": 2})).await;
    hit_once(&yard, json!({"kind": "status", "status": 422, "shape": "errors_fields", "message": "no"})).await;
    let first = yard.get(&vendors("")).await;
    assert_eq!((first.status, first.number("retry-after")), (StatusCode::TOO_MANY_REQUESTS, 7));
    assert_eq!(first.number("x-rate-limit-remaining"), 0);
    let second = yard.get(&vendors("")).await;
    assert_eq!((second.header("retry-after"), second.header("x-rate-limit-reset")), (None, None));
    let third = yard.get(&vendors("")).await;
    assert_eq!((third.status, third.number("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, 2));
    assert!(third.body.starts_with("<html>"));
    assert_eq!(yard.get(&vendors("")).await.json(), json!({"errors": {"base": ["no"]}}));
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK);
    assert_eq!(landed(&yard).await, [1, 1, 1, 1]);
    yard.set(Method::DELETE, "/admin/faults", Value::Null).await;
    assert!(landed(&yard).await.is_empty());
}

#[tokio::test]
async fn wrong_bodies_arrive_with_200() {
    let yard = Yard::of(3, 0).await;
    for kind in ["html_200", "empty_200", "bad_json"] {
        hit_once(&yard, json!({"kind": kind})).await;
        let answer = yard.get(&vendors("")).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}");
        assert!(serde_json::from_str::<Value>(&answer.body).is_err(), "{kind}: {}", answer.body);
    }
}

#[tokio::test]
async fn cut_connections_give_no_complete_answer() {
    let yard = Yard::of(50, 0).await;
    for (kind, status) in [("reset", 0), ("lose_reply", 200), ("truncated", 200)] {
        hit_once(&yard, json!({"kind": kind})).await;
        let body = match yard.request(&vendors("")).send().await {
            Ok(response) => response.bytes().await,
            Err(error) => Err(error),
        };
        assert!(body.is_err(), "{kind}");
        let journal = yard.set(Method::GET, "/admin/journal?limit=10000", Value::Null).await;
        let last = journal.as_array().and_then(|calls| calls.last()).expect("a call");
        assert_eq!((&last["status"], &last["delivered"]), (&json!(status), &json!(false)), "{kind}");
    }
    assert_eq!(yard.rows(&vendors("")).await.len(), 51);
}

#[tokio::test]
async fn a_hanging_call_is_over_when_the_caller_gives_up() {
    let yard = Yard::of(3, 0).await;
    hit_once(&yard, json!({"kind": "hang"})).await;
    let waiting = tokio::spawn(yard.request(&vendors("")).send());
    while landed(&yard).await != [1] {}
    assert!(!waiting.is_finished());
    assert_eq!(yard.report().await["undelivered"], 0, "it is still under way");
    waiting.abort();
    while yard.report().await["undelivered"] != 1 {}
    assert_eq!(yard.report().await["by_status"]["0"], 1);
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_slow_answer_is_complete() {
    let yard = Yard::of(3, 0).await;
    hit_once(&yard, json!({"kind": "slow", "delay_ms": 1, "chunk_bytes": 100})).await;
    assert_eq!(yard.rows(&vendors("")).await.len(), 4);
    assert_eq!(landed(&yard).await, [1]);
}

#[tokio::test]
async fn drift_between_pages_skips_and_repeats_rows() {
    let yard = Yard::of(29, 8).await;
    let all = ids(&yard.rows(&vendors("")).await);
    let pages = async |action: Value| {
        yard.fault(json!({"path_contains": "page=1&", "nth": 1}), action).await;
        let mut seen = Vec::new();
        for page in 1..=4 {
            seen.extend(ids(&yard.rows(&vendors(&format!("page={page}&per_page=10"))).await));
        }
        yard.set(Method::DELETE, "/admin/faults", Value::Null).await;
        seen
    };
    let shrunk = pages(json!({"kind": "drift", "delete": 3})).await;
    assert_eq!(shrunk.len(), 27);
    assert!(all[10..13].iter().all(|id| !shrunk.contains(id)), "three rows slid onto the page already read");
    let mut grown = pages(json!({"kind": "drift", "insert": 2})).await;
    assert_eq!(grown.len(), 29);
    grown.sort_unstable();
    grown.dedup();
    assert_eq!(grown.len(), 27, "two rows were read twice, the two new ones never");

    yard.fault(json!({"route": "/rest/v1.1/projects", "nth": 1}), json!({"kind": "drift", "delete": 1})).await;
    let before = yard.rows(&projects("")).await.len();
    assert_eq!(yard.rows(&projects("")).await.len(), before - 1);
}

#[tokio::test]
async fn rows_of_a_drifting_list_change_their_names_and_states() {
    let yard = Yard::of(29, 8).await;
    let all = ids(&yard.rows(&vendors("")).await);
    let after = async |action: Value| {
        yard.fault(json!({"nth": 1}), action).await;
        yard.rows(&vendors("")).await;
        yard.set(Method::DELETE, "/admin/faults", Value::Null).await;
        yard.rows(&vendors("")).await
    };
    let appended = ids(&after(json!({"kind": "drift", "append": 2})).await);
    assert_eq!((&appended[..all.len()], appended.len()), (&all[..], all.len() + 2));
    let renamed = after(json!({"kind": "drift", "rename": 1})).await;
    let names = renamed.iter().filter(|row| row["name"].as_str().is_some_and(|name| name.starts_with("Renamed")));
    assert_eq!(names.map(|row| &row["id"]).collect::<Vec<_>>(), [&renamed[renamed.len() - 1]["id"]]);
    let fewer = after(json!({"kind": "drift", "deactivate": 2})).await.len();
    let back = after(json!({"kind": "drift", "reactivate": 2})).await.len();
    assert_eq!((fewer, back), (all.len(), all.len() + 2));
}

#[tokio::test]
async fn a_page_can_be_the_one_before_or_empty() {
    let yard = Yard::of(29, 8).await;
    let page = async |number: u32| yard.rows(&vendors(&format!("page={number}&per_page=10"))).await;
    let [first, second] = [page(1).await, page(2).await];
    yard.fault(json!({"nth": 1}), json!({"kind": "page_before"})).await;
    assert_eq!([page(2).await, page(2).await], [first, second]);
    yard.set(Method::DELETE, "/admin/faults", Value::Null).await;
    yard.fault(json!({"nth": 1}), json!({"kind": "empty_page"})).await;
    assert_eq!((page(2).await.len(), page(2).await.len()), (0, 10));
}

#[tokio::test]
async fn tokens_can_end_after_a_chosen_call_and_logins_can_fail() {
    let mut yard = Yard::of(3, 0).await;
    yard.fault(json!({"nth": 2}), json!({"kind": "stop_tokens"})).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(yard.get(&vendors("")).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 401]);
    yard.fault(json!({"route": "/oauth/token", "times": 1}), json!({"kind": "status", "status": 502})).await;
    let login = yard.admin(Method::POST, "/oauth/token", json!({"grant_type": "client_credentials"})).await;
    assert_eq!(login.status, StatusCode::BAD_GATEWAY);
    yard.sign_in().await;
    assert_eq!(yard.get(&format!("/rest/v1.0/me?company_id={COMPANY}")).await.status, StatusCode::OK);
}
