//! A checker that trusts no counter of linkyard's: it compares what the public API answers with what the simulator's admin API knows.
//!
//! It looks for: a directory record without exactly one mapping, a linked record whose party or project does not carry its mark, a
//! record marked twice, a party without a reason to exist twice, an association too many or too few, an insurance of ours too many or
//! too few, one of somebody else's that was written to, a call that was started after a 429 and before its reset, a call without the
//! company header. What it finds are sentences; no finding means that the two agree.

use crate::zero::{Problems, Zero};
use anyhow::{Context, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::MappingState;
use linkyard_proto::v1::compliance_service_client::ComplianceServiceClient;
use linkyard_proto::v1::party_mapping_service_client::PartyMappingServiceClient;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use linkyard_proto::v1::project_mapping_service_client::ProjectMappingServiceClient;
use linkyard_proto::v1::project_service_client::ProjectServiceClient;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// What the checker needs to know.
#[derive(Clone, Debug)]
pub struct Where {
    /// linkyard's API.
    pub server: String,
    /// An API key of the organization.
    pub api_key: String,
    /// The simulator.
    pub simulator: String,
}

/// What it saw.
#[derive(Debug, Default)]
pub struct Findings {
    /// What does not agree.
    pub problems: Problems,
    /// How many vendors, projects, parties and associations were compared.
    pub compared: BTreeMap<&'static str, usize>,
}

impl Findings {
    fn problem(&mut self, zero: Zero, sentence: String) {
        self.problems.note(zero, sentence);
    }
}

#[derive(Clone)]
struct Key(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

type Transport = InterceptedService<Channel, Key>;

/// A registry record: its name for people and its marks (provider, external id).
struct Registered {
    display_name: String,
    marks: Vec<(String, i64)>,
}

/// Compares the two.
///
/// # Errors
/// When one of them does not answer; disagreement is not an error but a finding.
pub async fn check(place: &Where) -> Result<Findings> {
    let channel = Channel::from_shared(place.server.clone())?.connect().await?;
    let key = Key(format!("Bearer {}", place.api_key).parse()?);
    let mut findings = Findings::default();
    let mut providers = ProviderServiceClient::with_interceptor(channel.clone(), key.clone());
    let request = v1::ListProvidersRequest { page_size: 1_000, ..Default::default() };
    for provider in providers.list_providers(request).await?.into_inner().providers {
        let linked_vendors = subject(place, &channel, &key, &provider, "vendors", &mut findings).await?;
        let linked_projects = subject(place, &channel, &key, &provider, "projects", &mut findings).await?;
        insurances(place, &channel, &key, &provider, &linked_vendors, &mut findings).await?;
        associations(place, &channel, &key, &provider, &linked_vendors, &linked_projects, &mut findings).await?;
    }
    calls(place, &mut findings).await?;
    Ok(findings)
}

#[derive(Deserialize)]
struct TrueRow {
    id: i64,
    /// Merged away or deleted.
    gone: bool,
    #[serde(default)]
    company_vendor: bool,
    #[serde(default)]
    is_demo: bool,
    #[serde(default)]
    template: bool,
    /// Projects only: whether the service user may see it.
    permitted: Option<bool>,
}

impl TrueRow {
    /// Whether the directory shows it to us and it is to be mapped.
    fn counts(&self) -> bool {
        let excluded = self.company_vendor || self.is_demo || self.template;
        !self.gone && !excluded && self.permitted.unwrap_or(true)
    }
}

/// Record -> target of the records of a list.
#[derive(Default)]
struct Links {
    /// Of those that are linked.
    linked: HashMap<i64, String>,
    /// Of those that were, until the directory lost them: link, mark and memberships are kept.
    orphaned: HashMap<i64, String>,
}

impl Links {
    fn kept(&self, target: &str) -> bool {
        self.orphaned.values().any(|kept| kept == target)
    }
}

/// Compares the records of one list with their mappings and the registry; answers what is linked.
async fn subject(
    place: &Where,
    channel: &Channel,
    key: &Key,
    provider: &v1::Provider,
    resource: &'static str,
    findings: &mut Findings,
) -> Result<Links> {
    let rows: Vec<TrueRow> = truth(place, &provider.company_id, resource).await?;
    let truth: HashSet<i64> = rows.into_iter().filter(TrueRow::counts).map(|row| row.id).collect();
    let mappings = mappings(channel, key, &provider.name, resource).await?;
    let registry = registry(channel, key, resource).await?;
    findings.compared.insert(resource, truth.len());
    let mut seen = HashSet::new();
    let mut links = Links::default();
    for mapping in mappings {
        if !seen.insert(mapping.record_id) {
            findings.problem(Zero::Dup, format!("{resource} {}: two mappings", mapping.record_id));
        }
        let (there, orphaned) = (truth.contains(&mapping.record_id), mapping.state() == MappingState::Orphaned);
        if !there && !orphaned && !mapping.gone {
            findings
                .problem(Zero::Stale, format!("{resource} {}: a mapping without a record in the directory", mapping.record_id));
        }
        if there && (orphaned || mapping.gone) {
            findings.problem(Zero::Lost, format!("{resource} {}: it is in the directory and called gone", mapping.record_id));
        }
        if mapping.state() == MappingState::Linked {
            links.linked.insert(mapping.record_id, mapping.target);
        } else if orphaned {
            links.orphaned.insert(mapping.record_id, mapping.target);
        }
    }
    for missing in truth.difference(&seen) {
        findings.problem(Zero::Lost, format!("{resource} {missing}: it has no mapping"));
    }
    marks(&provider.name, resource, &links, &registry, findings);
    Ok(links)
}

/// Every link has its mark on the registry record and the reverse, and no record is marked twice.
fn marks(provider: &str, resource: &str, links: &Links, registry: &HashMap<String, Registered>, findings: &mut Findings) {
    let mut marked: HashMap<i64, &str> = HashMap::new();
    for (name, registered) in registry {
        for (of, record) in registered.marks.iter().filter(|(of, _)| of == provider) {
            if let Some(other) = marked.insert(*record, name) {
                findings.problem(
                    Zero::Dup,
                    format!("{resource} {record} of {of}: marked on {other} and on {name} ({})", registered.display_name),
                );
            }
        }
    }
    for (record, target) in &links.linked {
        if marked.get(record).copied() != Some(target.as_str()) {
            findings.problem(Zero::Lost, format!("{resource} {record}: linked to {target}, but that does not carry its mark"));
        }
    }
    for (record, name) in marked {
        if !links.linked.contains_key(&record) && !links.orphaned.contains_key(&record) {
            findings.problem(Zero::Dup, format!("{resource} {record}: {name} carries its mark, but it is not linked"));
        }
    }
}

/// There is exactly one insurance for each linked vendor and coverage of its party, and nobody else's was ever written to.
async fn insurances(
    place: &Where,
    channel: &Channel,
    key: &Key,
    provider: &v1::Provider,
    vendors: &Links,
    findings: &mut Findings,
) -> Result<()> {
    #[derive(Deserialize)]
    struct TrueInsurance {
        id: i64,
        vendor_id: i64,
        origin_id: Option<String>,
        limit: Option<String>,
        gone: bool,
        #[serde(default)]
        api_writes: u64,
    }
    let rows: Vec<TrueInsurance> = truth(place, &provider.company_id, "insurances").await?;
    let mut found = HashMap::new();
    for row in rows.into_iter().filter(|row| !row.gone) {
        let coverage =
            row.origin_id.as_deref().and_then(|mark| mark.strip_prefix("linkyard:")?.split_once(':')).map(|(_, id)| id);
        match coverage {
            Some(id) if found.insert((row.vendor_id, format!("coverages/{id}")), decimal(row.limit.as_deref())).is_some() => {
                findings.problem(Zero::Dup, format!("insurance {} of vendor {}: the same coverage twice", row.id, row.vendor_id));
            }
            Some(_) => {}
            None if row.api_writes > 0 => {
                findings.problem(
                    Zero::Leak,
                    format!("insurance {} of vendor {}: somebody else's, and it was written to", row.id, row.vendor_id),
                );
            }
            None => {}
        }
    }
    let coverages = coverages(channel, key).await?;
    let mut expected = HashMap::new();
    for (vendor, party) in &vendors.linked {
        let of_party = coverages.get(party).into_iter().flatten();
        expected.extend(of_party.map(|(coverage, limit)| ((*vendor, coverage.clone()), decimal(Some(limit)))));
    }
    findings.compared.insert("insurances", expected.len());
    for ((vendor, coverage), limit) in &expected {
        match found.get(&(*vendor, coverage.clone())) {
            None => findings.problem(Zero::Lost, format!("vendor {vendor}: no insurance shows {coverage}")),
            Some(shown) if shown != limit => {
                let sentence = format!("vendor {vendor}: {coverage} has the limit {limit:?}, its insurance {shown:?}");
                findings.problem(Zero::Stale, sentence);
            }
            Some(_) => {}
        }
    }
    let surplus = found.keys().filter(|shown| !expected.contains_key(shown) && !vendors.orphaned.contains_key(&shown.0));
    for (vendor, coverage) in surplus {
        findings.problem(Zero::Stale, format!("vendor {vendor}: an insurance shows {coverage}, which it does not have"));
    }
    Ok(())
}

/// An amount of money in cents, however it is written; nothing for none.
fn decimal(text: Option<&str>) -> Option<i64> {
    let (units, cents) = text?.split_once('.').unwrap_or((text?, "0"));
    Some(units.parse::<i64>().ok()? * 100 + format!("{cents:0<2.2}").parse::<i64>().ok()?)
}

/// The coverages of each party, with their limits.
async fn coverages(channel: &Channel, key: &Key) -> Result<HashMap<String, Vec<(String, String)>>> {
    let mut client: ComplianceServiceClient<Transport> = ComplianceServiceClient::with_interceptor(channel.clone(), key.clone());
    let (mut all, mut page_token) = (HashMap::<String, Vec<(String, String)>>::new(), String::new());
    loop {
        let request = v1::ListCoveragesRequest { page_size: 1_000, page_token, ..Default::default() };
        let page = client.list_coverages(request).await?.into_inner();
        for coverage in page.coverages {
            all.entry(coverage.party).or_default().push((coverage.name, coverage.limit));
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

/// A party is on a project exactly when a vendor of it is on that project in the directory and both are linked.
async fn associations(
    place: &Where,
    channel: &Channel,
    key: &Key,
    provider: &v1::Provider,
    vendors: &Links,
    projects: &Links,
    findings: &mut Findings,
) -> Result<()> {
    #[derive(Deserialize)]
    struct Pair {
        vendor_id: i64,
        project_id: i64,
    }
    let pairs: Vec<Pair> = truth(place, &provider.company_id, "associations").await?;
    let mut expected = HashSet::new();
    for pair in pairs {
        if let (Some(party), Some(project)) = (vendors.linked.get(&pair.vendor_id), projects.linked.get(&pair.project_id)) {
            expected.insert((project.clone(), party.clone()));
        }
    }
    let mut client = ProjectServiceClient::with_interceptor(channel.clone(), key.clone());
    let mut found = HashSet::new();
    let linked_projects: HashSet<&String> = projects.linked.values().collect();
    for project in linked_projects {
        let mut page_token = String::new();
        loop {
            let request = v1::ListProjectPartiesRequest { parent: project.clone(), page_size: 1_000, page_token };
            let page = client.list_project_parties(request).await?.into_inner();
            found.extend(page.parties.into_iter().map(|party| (project.clone(), party.name)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
    }
    findings.compared.insert("associations", expected.len());
    for (project, party) in expected.difference(&found) {
        findings.problem(Zero::Lost, format!("{party} should be on {project}"));
    }
    for (project, party) in found.difference(&expected).filter(|(_, party)| !vendors.kept(party)) {
        findings.problem(Zero::Stale, format!("{party} should not be on {project}"));
    }
    Ok(())
}

/// What the simulator's journal says about our manners.
async fn calls(place: &Where, findings: &mut Findings) -> Result<()> {
    #[derive(Deserialize)]
    struct Manners {
        calls_during_block: u64,
        missing_company_header: u64,
        foreign_company_header: u64,
        #[serde(default)]
        calls: usize,
    }
    let text = get(&format!("{}/admin/journal/report", place.simulator)).await?;
    let manners: Manners = serde_json::from_str(&text).context("the journal's report")?;
    findings.compared.insert("calls", manners.calls);
    if manners.calls_during_block > 0 {
        findings.problem(
            Zero::Manners,
            format!("{} calls were started after a 429 and before its reset", manners.calls_during_block),
        );
    }
    if manners.missing_company_header > 0 {
        findings.problem(Zero::Leak, format!("{} calls had no Procore-Company-Id", manners.missing_company_header));
    }
    if manners.foreign_company_header > 0 {
        findings
            .problem(Zero::Leak, format!("{} calls named another company than the one asked", manners.foreign_company_header));
    }
    Ok(())
}

async fn truth<T: for<'de> Deserialize<'de>>(place: &Where, company: &str, resource: &str) -> Result<Vec<T>> {
    let text = get(&format!("{}/admin/companies/{company}/directory?resource={resource}", place.simulator)).await?;
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("the simulator's row {line:.200}"))).collect()
}

async fn get(url: &str) -> Result<String> {
    Ok(crate::plain_http().get(url).send().await?.error_for_status()?.text().await?)
}

async fn mappings(channel: &Channel, key: &Key, provider: &str, resource: &str) -> Result<Vec<v1::Mapping>> {
    let mut parties: PartyMappingServiceClient<Transport> =
        PartyMappingServiceClient::with_interceptor(channel.clone(), key.clone());
    let mut projects = ProjectMappingServiceClient::with_interceptor(channel.clone(), key.clone());
    let (mut all, mut page_token, parent, page_size) = (Vec::new(), String::new(), provider.to_owned(), 1_000);
    loop {
        let (mappings, next) = if resource == "vendors" {
            let request = v1::ListPartyMappingsRequest { parent: parent.clone(), page_size, page_token, ..Default::default() };
            let page = parties.list_party_mappings(request).await?.into_inner();
            (page.mappings, page.next_page_token)
        } else {
            let request = v1::ListProjectMappingsRequest { parent: parent.clone(), page_size, page_token, ..Default::default() };
            let page = projects.list_project_mappings(request).await?.into_inner();
            (page.mappings, page.next_page_token)
        };
        all.extend(mappings);
        if next.is_empty() {
            return Ok(all);
        }
        page_token = next;
    }
}

async fn registry(channel: &Channel, key: &Key, resource: &str) -> Result<HashMap<String, Registered>> {
    let mut parties = PartyServiceClient::with_interceptor(channel.clone(), key.clone());
    let mut projects = ProjectServiceClient::with_interceptor(channel.clone(), key.clone());
    let (mut all, mut page_token, page_size) = (HashMap::new(), String::new(), 1_000);
    let marked = |marks: Vec<v1::IntegrationMark>| marks.into_iter().map(|mark| (mark.provider, mark.external_id)).collect();
    loop {
        let next = if resource == "vendors" {
            let request = v1::ListPartiesRequest { page_size, page_token, ..Default::default() };
            let page = parties.list_parties(request).await?.into_inner();
            for party in page.parties {
                all.insert(party.name, Registered { display_name: party.display_name, marks: marked(party.integration_marks) });
            }
            page.next_page_token
        } else {
            let request = v1::ListProjectsRequest { page_size, page_token, ..Default::default() };
            let page = projects.list_projects(request).await?.into_inner();
            for project in page.projects {
                all.insert(
                    project.name,
                    Registered { display_name: project.display_name, marks: marked(project.integration_marks) },
                );
            }
            page.next_page_token
        };
        if next.is_empty() {
            return Ok(all);
        }
        page_token = next;
    }
}
