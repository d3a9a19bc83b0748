//! The bench on which jobs are tested: a simulator, a database, and what a case sets up and asks for. The workers are in `workers.rs`,
//! what can be seen of their work in `seen.rs`.
//!
//! Every helper panics where it can not do its work: the case that called it says nothing then.

mod seen;
mod workers;

pub use workers::{Doomed, Worker};

use crate::build::Side;
use crate::databases::{Databases, open_sql};
use crate::ground;
use linkyard_control::{Imported, Service};
use linkyard_core::compliance::{Coverage, CoverageStatus, NewCoverage};
use linkyard_core::decision_file::ImportOptions;
use linkyard_core::id::{CoverageId, JobId, ProviderId};
use linkyard_core::job::{Job, JobKind, Lane, NewJob};
use linkyard_core::mapping::{MappingFilter, OnLookalike, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::{BulkAction, Selection};
use linkyard_core::provider::ContactsMode;
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::Band;
use linkyard_simulator::{CompanySpec, Config, Limits, Simulator};
use linkyard_store::{RegistryFilter, SealingKey, Store};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The company of all these tests; above 32 bits.
pub const COMPANY: u64 = 598_134_325_812_345;

/// A level that is not reached in this time is not going to be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A simulator and a store.
#[derive(Debug)]
pub struct Bench {
    /// Where the database is.
    database_url: String,
    key: SealingKey,
    /// The fake Procore.
    pub simulator: Simulator,
    admin: reqwest::Client,
    /// The store, as the control process has it.
    pub store: Store,
    /// The tenant.
    pub scope: Scope,
    /// Its provider.
    pub provider: ProviderId,
    /// Rows that the client asks for per page.
    per_page: u32,
}

impl Bench {
    /// A company of so many vendors and projects, shown in pages of `per_page`, and a provider for it that has not been tested yet.
    pub async fn start(databases: &Databases, vendors: u32, projects: u32, per_page: u32) -> Self {
        let bench = Self::unconnected(databases, vendors, projects, per_page).await;
        let form = ground::platform_form(&bench.store, &bench.scope, i64::try_from(COMPANY).expect("an id")).await;
        let (provider, _) = bench.store.provider_create(&bench.scope, &form, true, None).await.expect("a provider");
        Self { provider: provider.id, ..bench }
    }

    /// The same company, and a tenant that has no provider yet.
    pub async fn unconnected(databases: &Databases, vendors: u32, projects: u32, per_page: u32) -> Self {
        crate::cryptography();
        let database_url = databases.fresh_url().await;
        let mut config = Config::default();
        config.companies.push(CompanySpec::generated(COMPANY, vendors, projects));
        config.settings.limits = Limits::off();
        let simulator = Simulator::start(config).await.expect("a simulator");
        let key = SealingKey::generate();
        let store = open(&database_url, &key).await;
        store.migrate().await.expect("migrated");
        let scope = ground::tenant(&store, "bench").await;
        let admin = crate::plain_http();
        Self { database_url, key, simulator, admin, store, scope, provider: ProviderId::generate(), per_page }
    }

    /// The same with a provider that has passed its test.
    pub async fn tested(databases: &Databases, vendors: u32, projects: u32, per_page: u32) -> Self {
        let bench = Self::start(databases, vendors, projects, per_page).await;
        bench.settle().await;
        bench
    }

    /// The same with a directory that was fetched.
    pub async fn fetched(databases: &Databases, vendors: u32, projects: u32, per_page: u32) -> Self {
        let bench = Self::tested(databases, vendors, projects, per_page).await;
        bench.run(JobKind::FetchDirectory).await;
        bench
    }

    /// Works until every job is finished.
    pub async fn settle(&self) {
        let worker = self.work();
        self.settled().await;
        worker.stop().await;
    }

    /// Waits until every job is finished.
    pub async fn settled(&self) {
        eventually("every job is finished", async || self.store.jobs_live().await.expect("a count") == 0).await;
    }

    /// Writes a job for the provider.
    pub async fn enqueue(&self, kind: JobKind) -> JobId {
        let new = ground::new_job(Some(self.provider), kind, Lane::Person, self.provider.to_string());
        self.enqueue_as(&new).await
    }

    /// Writes this job.
    pub async fn enqueue_as(&self, new: &NewJob) -> JobId {
        self.store.job_enqueue(&self.scope, new, None).await.expect("a job").id
    }

    /// Writes a job for the provider, works until it and what follows it is finished, and answers it.
    pub async fn run(&self, kind: JobKind) -> Job {
        let job = self.enqueue(kind).await;
        self.settle().await;
        self.job(job).await
    }

    /// A job as it is now.
    pub async fn job(&self, id: JobId) -> Job {
        self.store.job_get(&self.scope, id).await.expect("the job")
    }

    /// Makes a party that was there before the integration.
    pub async fn party(&self, name: &str) {
        self.side().party(name).await;
    }

    /// Makes a registry record of the same name for each record of the directory.
    pub async fn register_all(&self) {
        let side = self.side();
        for vendor in self.mappings(Subject::Vendor).await {
            side.party(&vendor.name).await;
        }
        for project in self.mappings(Subject::Project).await {
            side.project(&project.name).await;
        }
    }

    fn side(&self) -> Side {
        Side { store: self.store.clone(), scope: self.scope.clone(), provider: self.provider }
    }

    /// Runs one statement behind the store's back.
    pub async fn execute(&self, sql: &str) {
        open_sql(&self.database_url).await.execute(sql).await;
    }

    /// Writes what a look at the linking would have found two hours ago, had nothing been linked then.
    pub async fn nothing_linked_two_hours_ago(&self) {
        let columns = "provider_id, subject, at_ms, organization_id, linked, failed, ignored, linking, open_rows";
        let sql = format!(
            "insert into progress_sample ({columns})
             select provider_id, subject, min(at_ms) - 7200000, organization_id, 0, 0, 0, 0, 0 from progress_sample
             group by provider_id, subject, organization_id"
        );
        self.execute(&sql).await;
    }

    /// Confirms that every undecided record of `subject` is created, and answers the link job.
    pub async fn confirm_all(&self, subject: Subject) -> JobId {
        self.confirm(subject, BulkAction::Create(OnLookalike::Create)).await
    }

    async fn confirm(&self, subject: Subject, action: BulkAction) -> JobId {
        let mut selection = Selection::Filter { filter: MappingFilter::default(), action, plan_token: None };
        let confirm = async |selection: &Selection, plan_only| {
            let answer = self.store.mapping_confirm(&self.scope, self.provider, subject, selection, plan_only, None).await;
            answer.expect("a plan")
        };
        let plan = confirm(&selection, true).await.plan;
        if let Selection::Filter { plan_token, .. } = &mut selection {
            *plan_token = Some(plan.token);
        }
        confirm(&selection, false).await.job.expect("a link job").id
    }

    /// States two coverages for each party: one that is fine, and one without dates that is not.
    pub async fn cover_all(&self) -> Vec<Coverage> {
        let page = PageRequest { size: 400, after: None };
        let parties = self.store.party_list(&self.scope, &RegistryFilter::default(), &page).await.expect("the parties").rows;
        let stated: Vec<_> = parties
            .iter()
            .flat_map(|party| {
                let second = NewCoverage { status: CoverageStatus::NonCompliant, ..coverage("Workers Compensation", None) };
                [(party.id, coverage("General Liability", Some("2031-05-06"))), (party.id, second)]
            })
            .collect();
        self.store.coverages_create(&self.scope, &stated, None).await.expect("coverages")
    }

    /// Sends a decision file; answers its job.
    pub async fn import(&self, options: ImportOptions, file: &[u8]) -> JobId {
        let service = Service::new(self.store.clone(), Arc::new(|| {}), None, true);
        let mut upload = service.import_open(&self.scope, self.provider, options, false).await.expect("an upload");
        for piece in file.chunks(100_000) {
            upload.take(piece).await.expect("taken");
        }
        match upload.finish(None).await.expect("a whole file") {
            Imported::Job(job) => job.id,
            Imported::Preview(preview) => panic!("only a preview: {preview:?}"),
        }
    }

    /// Accepts every suggestion of `subject`.
    pub async fn accept_suggestions(&self, subject: Subject) -> JobId {
        self.confirm(subject, BulkAction::AcceptSuggestions(Band::Strong)).await
    }

    /// Restates a coverage behind the store's back, as the passing of time does.
    pub async fn state_quietly(&self, id: CoverageId, stated: &NewCoverage) {
        let sql = open_sql(&self.database_url).await;
        let id = match self.store.backend_name() {
            "sqlite" => format!("x'{}'", id.0.simple()),
            _ => format!("'{id}'"),
        };
        let until = stated.expiration_date.expect("a last day");
        sql.execute(&format!("update coverage set expiration_date = '{until}' where id = {id}")).await;
    }

    /// Sets how contacts follow, behind the store's back.
    pub async fn contacts_mode(&self, mode: ContactsMode) {
        self.execute(&format!("update provider set contacts_mode = '{}'", mode.as_str())).await;
    }

    /// Asks the simulator's admin API.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Value {
        let request = self.admin.request(method.parse().expect("a method"), format!("{}/admin{path}", self.simulator.url()));
        let response = request.json(&body).send().await.expect("an answer");
        assert!(response.status().is_success(), "{path}: {}", response.text().await.expect("a body"));
        response.json().await.expect("JSON")
    }

    /// Scripts a fault.
    pub async fn fault(&self, matching: Value, action: Value) {
        self.admin("POST", "/faults", json!({ "match": matching, "action": action })).await;
    }

    /// Ends all faults.
    pub async fn no_more_faults(&self) {
        self.admin("DELETE", "/faults", Value::Null).await;
    }

    /// How many calls met a fault so far.
    pub async fn faults_landed(&self) -> u64 {
        let faults = self.admin("GET", "/faults", Value::Null).await;
        faults.as_array().expect("a list").iter().filter_map(|fault| fault["landed"].as_u64()).sum()
    }

    /// Waits until so many calls have met a fault.
    pub async fn until_landed(&self, faults: u64) {
        eventually("the fault lands", async || self.faults_landed().await >= faults).await;
    }

    /// One number of the report over all calls so far.
    pub async fn counted(&self, what: &str) -> u64 {
        let report = self.admin("GET", "/journal/report?grace_ms=250", Value::Null).await;
        report[what].as_u64().unwrap_or_else(|| panic!("{what} in {report}"))
    }

    /// Calls to the API so far, whatever came of them; logins are not among them.
    pub async fn calls(&self) -> u64 {
        let journal = self.admin("GET", "/journal?limit=10000", Value::Null).await;
        let is_call = |entry: &&Value| entry["path"].as_str().is_some_and(|path| path.starts_with("/rest"));
        u64::try_from(journal.as_array().expect("a list").iter().filter(is_call).count()).expect("few calls")
    }
}

/// Waits for a level, not for an edge.
///
/// # Panics
/// When it is not reached.
pub async fn eventually(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !reached().await {
        assert!(began.elapsed() < PATIENCE, "{what}: not reached");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn open(database_url: &str, key: &SealingKey) -> Store {
    let args = linkyard_store::Args { database_url: database_url.to_owned(), connections: 4 };
    Store::connect(&args, key.clone()).await.expect("the database opens")
}

/// A compliant coverage of this line.
#[must_use]
pub fn coverage(insurance_type: &str, until: Option<&str>) -> NewCoverage {
    NewCoverage {
        insurance_type: insurance_type.to_owned(),
        insurer: Some("Acme Insurance".to_owned()),
        policy_number: Some("P-1".to_owned()),
        limit: Some("1000000.00".to_owned()),
        effective_date: None,
        expiration_date: until.map(|day| day.parse().expect("a day")),
        status: CoverageStatus::Compliant,
        waived: false,
        notes: None,
    }
}
