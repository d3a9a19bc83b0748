//! What the tests of the Procore client share: a simulator with a client on it, a server that says whatever a test wants, and a budget
//! that only listens.

use chrono::NaiveDate;
use linkyard_core::budget::{Budget, BudgetKey, CallAnswer, Grant, Usage};
use linkyard_core::compliance::{self, FoundInsurance, Insurance, InsuranceStatus};
use linkyard_core::contact::Person;
use linkyard_core::id::{CompanyId, CoverageId, LinkId, RecordId};
use linkyard_core::job::Lane;
use linkyard_core::mapping::Subject;
use linkyard_core::provider::Credentials;
use linkyard_core::{Error, Result};
use linkyard_procore::{Args, Company, InsurancePage, PersonPage, Procore, RecordPage, Settings};
use linkyard_simulator::{Config, Simulator};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// The company in all these tests; above 32 bits.
pub(crate) const COMPANY: u64 = 598_134_325_812_345;

pub(crate) use linkyard_tests::cryptography;

/// Lets every call go and remembers what came back.
#[derive(Debug, Default)]
pub(crate) struct Listening(pub(crate) Mutex<Vec<CallAnswer>>);

#[async_trait::async_trait]
impl Budget for Listening {
    async fn ask(&self, _: &BudgetKey, _: Lane) -> Grant {
        Grant::Go
    }

    async fn report(&self, key: &BudgetKey, answer: CallAnswer) {
        // Those of requests for tokens say nothing about limits.
        if !key.is_login() {
            self.0.lock().expect("answers").push(answer);
        }
    }

    async fn usage(&self, _: &BudgetKey) -> linkyard_core::Result<Option<Usage>> {
        Ok(None)
    }

    async fn restore(&self, _: &BudgetKey, _: Usage) {}
}

/// A simulator and a client that uses it with the platform's credentials.
pub(crate) struct Yard {
    pub(crate) simulator: Simulator,
    pub(crate) procore: Procore,
    admin: reqwest::Client,
}

impl Yard {
    /// Starts a simulator without limits and a client whose budget only listens.
    pub(crate) async fn start(mut config: Config, change: impl FnOnce(&mut Args)) -> Self {
        config.settings.limits = linkyard_simulator::Limits::off();
        Self::with_budget(config, change, Arc::new(Listening::default()), short()).await
    }

    /// Starts a simulator as configured and a client on it.
    pub(crate) async fn with_budget(
        config: Config,
        change: impl FnOnce(&mut Args),
        budget: Arc<dyn Budget>,
        settings: Settings,
    ) -> Self {
        cryptography();
        let credentials = config.credentials.clone();
        let simulator = Simulator::start(config).await.expect("simulator");
        let mut args = Args::simulator(&simulator.url(), &credentials.client_id, &credentials.client_secret);
        change(&mut args);
        let procore = Procore::with_settings(&args, budget, settings).expect("client");
        Self { simulator, procore, admin: linkyard_tests::plain_http() }
    }

    /// The company through the platform's credentials.
    pub(crate) fn company(&self) -> Company {
        company(&self.procore)
    }

    /// The same directory through other credentials.
    pub(crate) fn company_of(&self, client_id: &str, client_secret: &str) -> Company {
        let credentials = Credentials::from_form(client_id, client_secret).expect("credentials");
        self.procore.company(&credentials, id(), Lane::Background)
    }

    /// Asks the simulator's admin API.
    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let method = method.parse().expect("method");
        let request = self.admin.request(method, format!("{}{path}", self.simulator.url())).json(&body);
        let response = request.send().await.expect("admin answer");
        assert!(response.status().is_success(), "{path}: {}", response.text().await.expect("admin body"));
        response.json().await.expect("admin JSON")
    }

    /// Scripts a fault.
    pub(crate) async fn fault(&self, matching: Value, action: Value) {
        self.admin("POST", "/admin/faults", serde_json::json!({"match": matching, "action": action})).await;
    }

    /// Ends all faults.
    pub(crate) async fn no_more_faults(&self) {
        self.admin("DELETE", "/admin/faults", Value::Null).await;
    }

    /// The simulator's own account of what it has, in id order.
    pub(crate) async fn directory(&self, resource: &str) -> Vec<Value> {
        let url = format!("{}/admin/companies/{COMPANY}/directory?resource={resource}", self.simulator.url());
        let text = self.admin.get(url).send().await.expect("directory").text().await.expect("lines");
        text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
    }

    /// Calls of a method to a route as the journal spells it, by the status that they got.
    pub(crate) async fn called(&self, method: &str, route: &str) -> BTreeMap<u64, u64> {
        let report = self.admin("GET", "/admin/journal/report", Value::Null).await;
        let rows = report["rows"].as_array().expect("rows");
        let rows = rows.iter().filter(|row| row["http_method"] == method && row["normalized_route"] == route);
        rows.filter_map(|row| Some((row["response_code"].as_u64()?, row["count"].as_u64()?))).collect()
    }

    /// One number of the journal's report.
    pub(crate) async fn counted(&self, what: &str) -> u64 {
        let report = self.admin("GET", "/admin/journal/report?grace_ms=250", Value::Null).await;
        report[what].as_u64().unwrap_or_else(|| panic!("{what} in {report}"))
    }
}

/// The company of these tests.
pub(crate) fn id() -> CompanyId {
    CompanyId(i64::try_from(COMPANY).expect("an id"))
}

/// The company through the platform's credentials.
pub(crate) fn company(procore: &Procore) -> Company {
    procore.company(&Credentials::Platform, id(), Lane::Background)
}

/// Deadlines that a test can wait for.
pub(crate) fn short() -> Settings {
    let milliseconds = std::time::Duration::from_millis;
    Settings { read_idle: milliseconds(1_500), total: milliseconds(3_000), ..Settings::default() }
}

/// All pages of a list in order.
pub(crate) async fn walk(company: &Company, subject: Subject) -> Result<Vec<RecordPage>> {
    every_page(async |number| company.page(subject, number, None).await, |page| page.next).await
}

/// All pages of any list in order.
pub(crate) async fn every_page<P>(read: impl AsyncFn(u32) -> Result<P>, next: fn(&P) -> Option<u32>) -> Result<Vec<P>> {
    let mut pages = Vec::new();
    let mut number = Some(1);
    while let Some(asked) = number {
        let page = read(asked).await?;
        number = next(&page);
        pages.push(page);
        assert!(pages.len() < 1_000, "a walk without end");
    }
    Ok(pages)
}

/// All inactive vendors.
pub(crate) async fn inactive(company: &Company) -> Vec<RecordPage> {
    every_page(async |number| company.inactive_vendors(number).await, |page| page.next).await.expect("inactive vendors")
}

/// All people, in the order of their pages.
pub(crate) async fn everybody(company: &Company) -> Vec<Person> {
    let pages = every_page(async |number| company.people(number).await, |page: &PersonPage| page.next).await.expect("people");
    pages.into_iter().flat_map(|page| page.people).collect()
}

/// All insurances, in the order of their pages.
pub(crate) async fn insured(company: &Company) -> Vec<FoundInsurance> {
    let pages = every_page(async |number| company.insurances(number).await, |page: &InsurancePage| page.next).await;
    pages.expect("insurances").into_iter().flat_map(|page| page.insurances).collect()
}

/// An insurance of ours for each of `vendors`, in every spelling of limits, texts and dates.
pub(crate) fn ours(vendors: &[RecordId]) -> Vec<Insurance> {
    let limits = ["1000000", "2500.5", "0.05", "", "99999999999999", "999999999999999"];
    let day = |number: usize| NaiveDate::from_ymd_opt(2026, 1, 1 + u32::try_from(number % 28).expect("a day"));
    let one = |(number, vendor): (usize, &RecordId)| Insurance {
        origin_id: compliance::origin_id(LinkId::generate(), CoverageId::generate()),
        vendor: *vendor,
        insurance_type: ["General Liability", "Automobile", "Żywioły \"i\" inne"][number % 3].to_owned(),
        insurer: ["", "GL Insurance Inc."][number % 2].to_owned(),
        policy_number: format!("P-{number}"),
        limit: limits[number % limits.len()].to_owned(),
        effective_date: (number % 4 > 0).then(|| day(number)).flatten(),
        expiration_date: (number % 5 > 0).then(|| NaiveDate::from_ymd_opt(2027, 2, 28)).flatten(),
        status: InsuranceStatus::ALL[number % InsuranceStatus::ALL.len()],
        notifies: false,
        notes: ["limit too low", ""][number % 2].to_owned(),
    };
    vendors.iter().enumerate().map(one).collect()
}

/// Vendors of the first page, `count` of them.
pub(crate) async fn some_vendors(company: &Company, count: usize) -> Vec<RecordId> {
    let page = company.page(Subject::Vendor, 1, None).await.expect("vendors");
    let vendors: Vec<RecordId> = page.records.iter().take(count).map(|vendor| vendor.id).collect();
    assert_eq!(vendors.len(), count, "too few vendors");
    vendors
}

/// The ids of all rows of some pages.
pub(crate) fn ids(pages: &[RecordPage]) -> Vec<i64> {
    pages.iter().flat_map(|page| &page.records).map(|record| record.id.0).collect()
}

/// The error's reason and sentence.
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (&'static str, String) {
    let error: Error = result.expect_err("an error");
    (error.reason(), error.to_string())
}

/// A request as a canned server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `GET`, ..
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    /// As it came.
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// A parameter of the query, as it was written.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// What a canned server does with the connection.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    /// Sends these bytes and closes.
    Whole(Vec<u8>),
    /// Sends these bytes and then nothing, without closing.
    ThenSilence(Vec<u8>),
    /// Sends these bytes one by one, one every 50 ms.
    Drip(Vec<u8>),
}

/// A server that gives tokens and otherwise says what a test wants.
pub(crate) struct Canned {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _serving: AbortOnDropHandle<()>,
}

impl Canned {
    /// Starts it; `say` answers everything but the token endpoint, unless `tokens` is given.
    pub(crate) async fn start(say: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Self {
        cryptography();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (noted, say) = (Arc::clone(&asked), Arc::new(say));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (noted, say) = (Arc::clone(&noted), Arc::clone(&say));
                tokio::spawn(async move { converse(stream, &noted, &*say).await });
            }
        });
        Self { url, asked, _serving: AbortOnDropHandle::new(serving) }
    }

    /// A client on it.
    pub(crate) fn procore(&self, budget: Arc<dyn Budget>) -> Procore {
        Procore::with_settings(&Args::simulator(&self.url, "id", "s3cret"), budget, short()).expect("client")
    }

    /// The company through such a client.
    pub(crate) fn company(&self) -> Company {
        company(&self.procore(Arc::new(Listening::default())))
    }

    /// Requests whose path begins with `prefix`.
    pub(crate) fn asked(&self, prefix: &str) -> Vec<Asked> {
        self.asked.lock().expect("requests").iter().filter(|asked| asked.path.starts_with(prefix)).cloned().collect()
    }
}

/// An answer with these headers.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

async fn converse(mut stream: TcpStream, noted: &Mutex<Vec<Asked>>, say: &(dyn Fn(&Asked) -> Said + Send + Sync)) {
    let Some(asked) = read_request(&mut stream).await else { return };
    noted.lock().expect("requests").push(asked.clone());
    let said = if asked.path == "/oauth/token" {
        Said::Whole(answer(200, &[], r#"{"access_token":"t0ken","expires_in":5400}"#))
    } else {
        say(&asked)
    };
    // A client that went away is part of some tests.
    match said {
        Said::Whole(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Said::ThenSilence(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending().await
        }
        Said::Drip(bytes) => {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    while read.len() < end + 4 + length {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    let body = read[end + 4..end + 4 + length].to_vec();
    Some(Asked { method, path, headers, body })
}
