//! The simulator over real HTTP: what its clients see, fact by fact. Each file is one subject; this one holds the kit.

mod access;
mod directory;
mod faults;
mod insurance_sync;
mod insurances;
mod journal;
mod limits;
mod mid_run;
mod oauth;
mod paging;
mod state;
mod vendor_writes;
mod views;

use linkyard_simulator::{CompanySpec, Config, Limits, Simulator};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

/// The company that most tests use.
const COMPANY: u64 = 4711;

/// A running simulator with a client that holds a token.
struct Yard {
    simulator: Simulator,
    client: reqwest::Client,
    token: String,
}

/// An answer taken apart.
struct Answer {
    status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Yard {
    /// Starts with these companies, without rate limits.
    async fn with(companies: Vec<CompanySpec>) -> Self {
        let mut config = Config { companies, ..Config::default() };
        config.settings.limits = Limits::off();
        Self::start(config).await
    }

    /// One company of so many vendors and projects.
    async fn of(vendors: u32, projects: u32) -> Self {
        Self::with(vec![CompanySpec::generated(COMPANY, vendors, projects)]).await
    }

    async fn start(config: Config) -> Self {
        // A client that never speaks TLS still asks for a provider; a second install is the first one's.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let simulator = Simulator::start(config).await.expect("the simulator starts");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let mut yard = Self { simulator, client, token: String::new() };
        yard.sign_in().await;
        yard
    }

    /// Takes a fresh token.
    async fn sign_in(&mut self) {
        let form =
            [("grant_type", "client_credentials"), ("client_id", "simulator-client"), ("client_secret", "simulator-secret")];
        let request = self.client.post(self.url("/oauth/token")).form(&form);
        let answer = Answer::of(request.send().await.expect("a token answer")).await;
        self.token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.url())
    }

    /// A GET with token and company header, as a request still to be sent.
    fn request(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path)).bearer_auth(&self.token).header("Procore-Company-Id", COMPANY)
    }

    async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(path).send().await.expect("an answer")).await
    }

    /// A write through the API.
    async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.client.request(method, self.url(path)).bearer_auth(&self.token);
        let request = request.header("Procore-Company-Id", COMPANY);
        let request = if body.is_null() { request } else { request.json(&body) };
        Answer::of(request.send().await.expect("an answer")).await
    }

    /// Changes single settings.
    async fn configure(&self, changes: Value) {
        let mut settings = self.set(Method::GET, "/admin/settings", Value::Null).await;
        for (key, value) in changes.as_object().expect("an object") {
            settings[key] = value.clone();
        }
        self.set(Method::PUT, "/admin/settings", settings).await;
    }

    /// The rows of a list that must be a 200.
    async fn rows(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json().as_array().expect("an array").clone()
    }

    async fn admin(&self, method: Method, path: &str, body: Value) -> Answer {
        let request = self.client.request(method, self.url(path));
        let request = if body.is_null() { request } else { request.json(&body) };
        Answer::of(request.send().await.expect("an admin answer")).await
    }

    /// An admin call that must succeed.
    async fn set(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.admin(method, path, body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        answer.json()
    }

    async fn fault(&self, matching: Value, action: Value) {
        self.set(Method::POST, "/admin/faults", json!({"match": matching, "action": action})).await;
    }

    async fn report(&self) -> Value {
        self.set(Method::GET, "/admin/journal/report", Value::Null).await
    }

    /// Rows of the full truth.
    async fn truth(&self, resource: &str) -> Vec<Value> {
        let path = format!("/admin/companies/{COMPANY}/directory?resource={resource}");
        let answer = self.admin(Method::GET, &path, Value::Null).await;
        answer.body.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}

impl Answer {
    async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.text().await.expect("a body") }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn number(&self, name: &str) -> i64 {
        let text = self.header(name).unwrap_or_else(|| panic!("no {name}"));
        text.parse().unwrap_or_else(|_| panic!("{name}: {text}"))
    }
}

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["id"].as_u64().expect("an id")).collect()
}

fn vendors(query: &str) -> String {
    format!("/rest/v1.0/vendors?company_id={COMPANY}&{query}")
}

/// The company's insurances, or what follows their path.
fn insurances(rest: &str) -> String {
    format!("/rest/v1.0/companies/{COMPANY}/insurances{rest}")
}

fn projects(query: &str) -> String {
    format!("/rest/v1.1/projects?company_id={COMPANY}&{query}")
}
