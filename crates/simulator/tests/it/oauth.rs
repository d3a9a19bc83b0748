//! Tokens: how they are asked for, how they end.

use linkyard_simulator::{CompanySpec, Config, Credentials};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{Answer, COMPANY, Yard, vendors};

async fn send(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn every_body_format_and_basic_credentials_give_a_token() {
    let yard = Yard::of(1, 0).await;
    let url = yard.url("/oauth/token");
    let fields = json!({
        "grant_type": "client_credentials", "client_id": "simulator-client", "client_secret": "simulator-secret",
    });
    let grant = [("grant_type", "client_credentials")];
    let part = |name: &str, value: &str| format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let multipart: String =
        fields.as_object().expect("fields").iter().map(|(key, value)| part(key, value.as_str().unwrap_or(""))).collect();
    let requests = [
        yard.client.post(&url).json(&fields),
        yard.client.post(&url).form(&fields),
        yard.client.post(&url).form(&grant).basic_auth("simulator-client", Some("simulator-secret")),
        yard.client.post(&url).header("Content-Type", "multipart/form-data; boundary=XX").body(format!("{multipart}--XX--\r\n")),
    ];
    for request in requests {
        let answer = send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let body = answer.json();
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("bearer"), &json!(5400)));
        assert!(body.get("refresh_token").is_none());
    }
}

#[tokio::test]
async fn wrong_requests_get_doorkeepers_errors() {
    let yard = Yard::of(1, 0).await;
    let cases = [
        (json!({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}), 401, "invalid_client"),
        (json!({"grant_type": "password"}), 400, "unsupported_grant_type"),
        (json!({}), 400, "invalid_request"),
    ];
    for (body, status, code) in cases {
        let answer = send(yard.client.post(yard.url("/oauth/token")).json(&body)).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].clone()), (status, json!(code)));
        assert!(answer.json()["error_description"].is_string());
    }
}

#[tokio::test]
async fn a_token_ends_by_age_by_revocation_and_all_at_once() {
    let mut yard = Yard::of(1, 0).await;
    let path = vendors("");
    assert_eq!(yard.get(&path).await.status, StatusCode::OK);
    let info = yard.get("/oauth/token/info").await.json();
    assert!((5390..=5400).contains(&info["expires_in_seconds"].as_i64().expect("seconds")), "{info}");

    yard.set(Method::POST, "/admin/clock", json!({"advance_s": 5400})).await;
    assert_eq!(yard.get(&path).await.status, StatusCode::UNAUTHORIZED);

    yard.sign_in().await;
    yard.set(Method::POST, "/admin/stop-token", Value::Null).await;
    assert_eq!(yard.get(&path).await.status, StatusCode::UNAUTHORIZED);

    yard.sign_in().await;
    let form = [("token", yard.token.as_str()), ("client_id", "simulator-client"), ("client_secret", "simulator-secret")];
    for _ in 0..2 {
        let revoked = send(yard.client.post(yard.url("/oauth/revoke")).form(&form)).await;
        assert_eq!(revoked.status, StatusCode::OK);
    }
    let answer = yard.get(&path).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["message"], "The access token is invalid");
}

#[tokio::test]
async fn a_companys_own_credentials_open_that_company_only() {
    let own = Credentials { client_id: "own".to_owned(), client_secret: "s".to_owned() };
    let companies = vec![
        CompanySpec { credentials: vec![own.clone()], ..CompanySpec::generated(COMPANY, 3, 0) },
        CompanySpec::generated(9, 3, 0),
    ];
    let mut yard = Yard::start(Config { companies, ..Config::default() }).await;
    let fields = json!({"grant_type": "client_credentials", "client_id": "own", "client_secret": "s"});
    let answer = send(yard.client.post(yard.url("/oauth/token")).json(&fields)).await;
    yard.token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(yard.get(&vendors("")).await.status, StatusCode::OK);
    let listed = yard.rows("/rest/v1.0/companies").await;
    assert_eq!(crate::ids(&listed), [COMPANY]);
    let foreign = yard.client.get(yard.url("/rest/v1.0/vendors?company_id=9")).bearer_auth(&yard.token);
    let answer = send(foreign.header("Procore-Company-Id", 9)).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
