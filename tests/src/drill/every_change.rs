//! The walk over every call that changes something: each is made, its answer is lost, and it is made again three times at once. All three
//! get the same answer, and what a tenant has then is what another one has that asked for the same once.

use super::changes::{Change, MARK, Things, changing_methods, marked_id, table};
use super::person::again;
use super::{Outcome, Settings};
use crate::build::{self, Side};
use crate::control::{Key, Keyed};
use crate::databases::Sql;
use crate::ground;
use crate::installation::{Installation, Told};
use crate::proxy::{Proxy, Weather};
use crate::wire::call_with;
use anyhow::{Context, Result, bail, ensure};
use linkyard_core::duplicate::{MemberId, Searched};
use linkyard_core::id::{RecordId, WorkerId};
use linkyard_core::job::Finish;
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Access;
use linkyard_core::worker::WorkerBeat;
use linkyard_proto::v1;
use linkyard_store::Store;
use prost::Message;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// How often each call is made again at once.
const AT_ONCE: usize = 3;
/// The longest that a call is tried.
const PATIENCE: Duration = Duration::from_secs(20);
/// Records of each list.
const RECORDS: [&str; 8] = [
    "Granite Roofing",
    "Osprey Electric",
    "Tidewater Glass",
    "Juniper Masonry",
    "Cobalt Steel",
    "Marigold Paving",
    "Walnut Tile",
    "Heron Dredging",
];

/// A tenant with one of everything.
struct Tenant {
    side: Side,
    things: Things,
    /// To the control, past links or through one.
    api: Keyed,
}

/// Walks; answers no more than what is wrong, and how many answers were lost.
pub(super) async fn walk(settings: Settings) -> Result<Outcome> {
    let mut installation = Installation::start(0, Told { links: Some(settings.seed), ..Told::default() }).await?;
    let (store, sql) = (installation.store().await?, installation.sql().await);
    let direct = installation.place()?.server;
    let once = Tenant::new(&store, &direct, "Once", 1_000).await?;
    let again = Tenant::new(&store, &installation.api(0), "Twice", 2_000).await?;
    let mut walk = Walk { sql, once, again, outcome: Outcome::default() };
    let walked = walk.every(&installation.links().api).await;
    if let Err(error) = walked {
        return Err(error.context(format!("the log is in {}", installation.keep_files().display())));
    }
    installation.stop().await?;
    Ok(walk.outcome)
}

struct Walk {
    sql: Sql,
    once: Tenant,
    again: Tenant,
    outcome: Outcome,
}

impl Walk {
    async fn every(&mut self, link: &Proxy) -> Result<()> {
        let ids = Ids::default();
        let asked_once = table(&self.once.things, |_| marked_id());
        let asked_again = table(&self.again.things, |what| ids.of(what));
        let otherwise = table(&self.again.things.others(), |what| ids.of(what));
        self.outcome.quota = changing_methods().len() as u64;
        for ((once, again), otherwise) in asked_once.iter().zip(&asked_again).zip(&otherwise) {
            if let Err(error) = self.one(link, once, again, otherwise).await {
                self.outcome.missed.push(format!("{error:#}"));
            }
        }
        Ok(())
    }

    async fn one(&mut self, link: &Proxy, asked_once: &Change, asked_again: &Change, otherwise: &Change) -> Result<()> {
        let method = asked_again.method.as_str();
        let before = self.shape(&self.again).await?;
        ask(&self.once.api, asked_once).await?;
        self.lose(link, asked_again).await?;
        let asked = (0..AT_ONCE).map(|_| ask(&self.again.api, asked_again));
        let answers = futures_util::future::try_join_all(asked).await?;
        self.outcome.require(answers.windows(2).all(|pair| pair[0] == pair[1]), || {
            format!("{method} was answered in different ways: {answers:?}")
        });
        let (ours, theirs) = (self.shape(&self.again).await?, self.shape(&self.once).await?);
        self.outcome.require(ours != before, || format!("{method} changed nothing"));
        let differences = differences(&ours, &theirs);
        self.outcome.require(differences.is_empty(), || {
            format!("{method}, asked for {} times, did something else than asked for once: {differences:?}", AT_ONCE + 1)
        });
        self.refuse(asked_again, otherwise).await?;
        let after = self.shape(&self.again).await?;
        self.outcome.require(after == ours, || format!("{method} with another body changed something"));
        Ok(())
    }

    /// Makes the call so that its answer is lost.
    async fn lose(&mut self, link: &Proxy, change: &Change) -> Result<()> {
        // A connection that is there: what opens one is not to be lost.
        let looked = v1::GetOrganizationRequest {}.encode_to_vec();
        let look = Change { method: "linkyard.v1.OrganizationService/GetOrganization".to_owned(), messages: vec![looked] };
        ask(&self.again.api, &look).await?;
        let landed = link.landed();
        link.weather(Weather { lose_replies_per_mille: 1_000, losing_only: Some(MARK), ..Weather::default() });
        let answer = call_with(self.again.api.clone(), &change.method, change.messages.clone()).await;
        link.weather(Weather::default());
        if answer.is_err_and(|status| again(&status)) && link.landed() > landed {
            self.outcome.faults_landed += 1;
        }
        Ok(())
    }

    /// Another body under the same id is refused, and says why. What has no id is asked for by its name.
    async fn refuse(&mut self, change: &Change, otherwise: &Change) -> Result<()> {
        if change.method.ends_with("/DrainWorker") {
            return Ok(());
        }
        let answer = ask(&self.again.api, otherwise).await;
        let why = match &answer {
            Ok(_) => "was carried out".to_owned(),
            Err(error) => match error.downcast_ref::<Status>() {
                Some(status) if reused(status) => return Ok(()),
                Some(_) | None => format!("{error:#}"),
            },
        };
        self.outcome.missed.push(format!("{} with the id of another body: {why}", change.method));
        Ok(())
    }

    /// How much a tenant has of everything, and how often it changed, as lines.
    async fn shape(&self, tenant: &Tenant) -> Result<BTreeMap<String, String>> {
        let tables = "select table_name::text from information_schema.columns
            where table_schema = current_schema() and column_name = 'organization_id' order by table_name";
        let revised = "select table_name::text from information_schema.columns
            where table_schema = current_schema() and column_name = 'revision'";
        let revised = self.sql.texts(revised).await?;
        let (id, text) = (tenant.side.scope.organization, &tenant.things.text);
        let mut parts = vec![
            format!("select 'organizations ' || count(*) from organization where name like '{text}%'"),
            format!("select 'draining ' || count(*) from worker where name = '{text}' and drain_requested"),
            format!("select 'keys ' || count(revoked_at_ms) from api_key where organization_id = '{id}'"),
            format!(
                "select 'done: ' || action || ' ' || count(*) from audit_entry where organization_id = '{id}' group by action"
            ),
        ];
        for table in self.sql.texts(tables).await? {
            let revisions = if revised.contains(&table) { "coalesce(sum(revision), 0)" } else { "0" };
            parts
                .push(format!("select '{table} ' || count(*) || ' ' || {revisions} from {table} where organization_id = '{id}'"));
        }
        let lines = self.sql.texts(&parts.join(" union all ")).await?;
        Ok(lines
            .iter()
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(what, number)| (what.to_owned(), number.to_owned()))
            .collect())
    }
}

fn differences(ours: &BTreeMap<String, String>, theirs: &BTreeMap<String, String>) -> Vec<String> {
    let all = ours.keys().chain(theirs.keys().filter(|what| !ours.contains_key(*what)));
    all.filter(|what| ours.get(*what) != theirs.get(*what))
        .map(|what| format!("{what}: {:?}, once {:?}", ours.get(what), theirs.get(what)))
        .collect()
}

fn reused(status: &Status) -> bool {
    let reason = status.get_details_error_info().map(|info| info.reason);
    matches!(status.code(), Code::Aborted | Code::AlreadyExists | Code::FailedPrecondition | Code::InvalidArgument)
        && reason.as_deref() == Some("REQUEST_ID_REUSED")
}

/// Ids of requests by what they are for.
#[derive(Default)]
struct Ids(std::cell::RefCell<BTreeMap<String, String>>);

impl Ids {
    fn of(&self, what: &str) -> String {
        self.0.borrow_mut().entry(what.to_owned()).or_insert_with(marked_id).clone()
    }
}

/// Makes a call until it is answered.
async fn ask(api: &Keyed, change: &Change) -> Result<Vec<u8>> {
    let began = Instant::now();
    loop {
        match call_with(api.clone(), &change.method, change.messages.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(status) if again(&status) => {
                ensure!(began.elapsed() < PATIENCE, "{} was not answered: {status}", change.method);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(status) => return Err(anyhow::Error::new(status).context(change.method.clone())),
        }
    }
}

impl Tenant {
    async fn new(store: &Store, api: &str, text: &str, company: i64) -> Result<Self> {
        let side = Side::of(store, text, company).await;
        let made = store.api_key_create(&side.scope, "operator", Access::Operator, None, None).await?;
        let channel = Endpoint::from_shared(api.to_owned())?.connect_lazy();
        let api = InterceptedService::new(channel, Key::new(made.1.expose_secret()));
        let things = Things { text: text.to_owned(), company: company + 10, names: BTreeMap::new() };
        let mut tenant = Self { side, things, api };
        tenant.furnish_lists().await;
        tenant.furnish_jobs().await?;
        tenant.furnish_providers(company).await?;
        tenant.furnish_registry().await?;
        Ok(tenant)
    }

    fn note(&mut self, what: &'static str, name: impl Into<String>) {
        self.things.names.insert(what, name.into());
    }

    /// Both lists: the third record has a suggestion, the fourth is linked, two are suspected to be one.
    async fn furnish_lists(&mut self) {
        for subject in Subject::ALL {
            let records: Vec<_> = (1..).zip(RECORDS).map(|(id, name)| build::record(id, name)).collect();
            self.side.walk(subject, &records).await;
            self.side.link(subject, &[4], build::create_anyway()).await;
        }
        self.side.party(RECORDS[2]).await;
        self.side.project(RECORDS[2]).await;
        for subject in Subject::ALL {
            self.side.suggest(subject).await;
        }
    }

    async fn furnish_jobs(&mut self) -> Result<()> {
        let Side { store, scope, provider } = self.side.clone();
        let list = Searched { provider: Some(provider), subject: Subject::Vendor };
        let members = [6, 7].map(|id| MemberId::Record(RecordId(id)));
        ground::duplicates(&store, &scope, provider, list, &members).await;
        let page = PageRequest { size: 1, after: None };
        let groups = store.duplicate_list(&scope, list, false, &page).await?.rows;
        self.note("group", format!("duplicateGroups/{}", groups.first().context("a group")?.id));
        let waiting = ground::fetch(&store, &scope, provider).await.id;
        self.note("waiting job", format!("jobs/{waiting}"));
        let failed = ground::fetch(&store, &scope, provider).await.id;
        let fence = ground::claim(&store, failed).await.fence;
        let ends = Finish::Fail { reason: "DRILL".to_owned(), message: "meant to".to_owned() };
        store.job_finish(&fence, &ends).await?;
        self.note("failed job", format!("jobs/{failed}"));
        let id = WorkerId(marked_id().parse()?);
        let name = self.things.text.clone();
        store
            .worker_beat(&WorkerBeat { id, name, process: 1, version: "1".to_owned(), slots: 1, running: 0, draining: false })
            .await?;
        self.note("worker", format!("workers/{id}"));
        Ok(())
    }

    async fn furnish_providers(&mut self, company: i64) -> Result<()> {
        let Side { store, scope, provider } = self.side.clone();
        self.note("provider", format!("providers/{provider}"));
        self.note("provider of files", format!("providers/{provider}"));
        let doomed = ground::active_provider(&store, &scope, company + 1).await.id;
        self.note("doomed provider", format!("providers/{doomed}"));
        let claim = ground::platform_form(&store, &scope, company + 2).await;
        let claim = store.provider_create(&scope, &claim, false, None).await?.0.id;
        self.note("claim", format!("providers/{claim}"));
        Ok(())
    }

    async fn furnish_registry(&mut self) -> Result<()> {
        let party_type = |name: &str| v1::PartyType { name: String::new(), display_name: name.to_owned() };
        let profile = |name: &str| v1::ComplianceProfile { name: String::new(), display_name: name.to_owned() };
        for (what, name) in [("type", "Vendor"), ("spare type", "Spare")] {
            let request =
                v1::CreatePartyTypeRequest { party_type: Some(party_type(&format!("{name} of mine"))), ..Default::default() };
            let made: v1::PartyType = self.make("PartyService/CreatePartyType", request).await?;
            self.note(what, made.name);
        }
        for (what, name) in [("profile", "Usual"), ("spare profile", "Spare")] {
            let compliance_profile = Some(profile(&format!("{name} of mine")));
            let request = v1::CreateComplianceProfileRequest { compliance_profile, ..Default::default() };
            let made: v1::ComplianceProfile = self.make("PartyService/CreateComplianceProfile", request).await?;
            self.note(what, made.name);
        }
        for (what, name) in [("party", "Beacon Caissons"), ("twin", "Kestrel Drywall"), ("spare party", "Zephyr Cranes")] {
            let party = format!("parties/{}", self.side.party(name).await);
            self.note(what, party);
        }
        for (what, name) in [("project", "Quarry Lane Depot"), ("spare project", "Almond Street Annex")] {
            let project = format!("projects/{}", self.side.project(name).await);
            self.note(what, project);
        }
        self.furnish_party().await?;
        let api_key = v1::ApiKey { display_name: "spare".to_owned(), access: v1::Access::Read.into(), ..Default::default() };
        let request = v1::CreateApiKeyRequest { api_key: Some(api_key), ..Default::default() };
        let made: v1::CreateApiKeyResponse = self.make("OrganizationService/CreateApiKey", request).await?;
        self.note("spare key", made.api_key.context("a key")?.name);
        Ok(())
    }

    /// Contacts and coverages.
    async fn furnish_party(&mut self) -> Result<()> {
        let party = self.things.of("party");
        for (what, name) in [("contact", "Cay"), ("spare contact", "Dee")] {
            let contact = Some(v1::Contact { display_name: name.to_owned(), ..Default::default() });
            let request = v1::CreateContactRequest { parent: party.clone(), contact, ..Default::default() };
            let made: v1::Contact = self.make("PartyService/CreateContact", request).await?;
            self.note(what, made.name);
        }
        for (what, insurance_type) in [("coverage", "General Liability"), ("spare coverage", "Workers Compensation")] {
            let coverage = v1::Coverage {
                party: party.clone(),
                insurance_type: insurance_type.to_owned(),
                status: v1::coverage::Status::Compliant.into(),
                ..Default::default()
            };
            let request = v1::BatchCreateCoveragesRequest { coverages: vec![coverage], ..Default::default() };
            let made: v1::BatchCreateCoveragesResponse = self.make("ComplianceService/BatchCreateCoverages", request).await?;
            self.note(what, made.coverages.into_iter().next().context("a coverage")?.name);
        }
        Ok(())
    }

    async fn make<A: Message + Default>(&self, method: &str, request: impl Message) -> Result<A> {
        let change = Change { method: format!("linkyard.v1.{method}"), messages: vec![request.encode_to_vec()] };
        let answer = ask(&self.api, &change).await?;
        match A::decode(answer.as_slice()) {
            Ok(answer) => Ok(answer),
            Err(error) => bail!("the answer of {method}: {error}"),
        }
    }
}
