//! One party: what is known of it, which directories it follows, who is its contact, where it works, how it is insured and what of that
//! Procore shows, what looks like it, and what was done to it.

use super::Console;
use super::asked::Id;
use super::audit::{self, Entry};
use super::duplicates::{GroupCard, cards};
use super::failure::Failure;
use super::jobs::Fact;
use super::live::Screen;
use super::registry::{MarkRow, Names, one_line, provider_names};
use super::shell::{Shell, Visitor, html};
use super::words::{Badge, Clock, Moment, coverage_status, insurance_status, number};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use linkyard_core::compliance::Coverage;
use linkyard_core::contact::Contact;
use linkyard_core::id::{PartyId, ProviderId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::registry::Party;
use linkyard_store::{CoverageFilter, InsuranceFilter, InsuranceLine, LineState};
use std::collections::BTreeSet;

/// Rows of each list on the page.
const MOST: PageRequest = PageRequest { size: 100, after: None };

/// A thing with a page.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) address: String,
    pub(crate) name: String,
}

#[derive(Template)]
#[template(path = "party.html")]
struct PartyPage {
    shell: Shell,
    name: String,
    facts: Vec<Fact>,
    marks: Vec<MarkRow>,
    contacts: Vec<ContactRow>,
    projects: Vec<Way>,
    project_count: String,
    more_projects: bool,
    coverages: Vec<CoverageRow>,
    lines: Vec<LineRow>,
    duplicates: Vec<GroupCard>,
    history: Vec<Entry>,
}

/// Somebody to be asked.
struct ContactRow {
    name: String,
    title: String,
    email: String,
    phone: String,
    primary: bool,
    active: bool,
    follows: String,
}

impl ContactRow {
    fn new(contact: &Contact, names: &Names) -> Self {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let follows = contact.follows.map(|(provider, record)| {
            let provider = names.get(&provider).map_or("a deleted provider", String::as_str);
            format!("follows {provider}, Procore id {record}")
        });
        Self {
            name: contact.name.clone(),
            title: text(&contact.job_title),
            email: text(&contact.email),
            phone: text(&contact.phone),
            primary: contact.primary,
            active: contact.active,
            follows: follows.unwrap_or_else(|| "typed in by hand".to_owned()),
        }
    }
}

/// A line of insurance as the registry has it.
struct CoverageRow {
    kind: String,
    status: Badge,
    insurer: String,
    limit: String,
    from: String,
    to: String,
}

impl CoverageRow {
    fn new(coverage: &Coverage) -> Self {
        let stated = &coverage.stated;
        let policy = stated.policy_number.as_deref().map(|policy| format!("policy {policy}"));
        let insurer = [stated.insurer.clone(), policy].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.format("%-d %b %Y").to_string()).unwrap_or_default();
        Self {
            kind: stated.insurance_type.clone(),
            status: coverage_status(stated.status, stated.waived),
            insurer,
            limit: stated.limit.clone().unwrap_or_default(),
            from: day(stated.effective_date),
            to: day(stated.expiration_date),
        }
    }
}

/// What Procore shows of a line.
struct LineRow {
    provider: String,
    vendor: String,
    kind: String,
    state: Badge,
    shown: String,
    at: Option<Moment>,
    refusal: String,
}

impl LineRow {
    fn new(line: &InsuranceLine, provider: &str, clock: Clock) -> Self {
        let state = match line.state {
            LineState::Due => Badge::new("wait", "On its way to Procore"),
            LineState::Pushed => Badge::new("ok", "Procore shows it"),
            LineState::Refused => Badge::new("bad", "Procore refused it"),
        };
        Self {
            provider: provider.to_owned(),
            vendor: line.vendor.to_string(),
            kind: line.insurance_type.clone().unwrap_or_else(|| "a deleted coverage".to_owned()),
            state,
            shown: line.pushed_status.map(insurance_status).unwrap_or_default().to_owned(),
            at: line.pushed_at_ms.map(|at| clock.at(at)),
            refusal: line.refusal.clone(),
        }
    }
}

/// The page.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<PartyId>,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, id).await?)
}

/// Its stream.
pub(crate) async fn show_live(screen: Screen, Id(id): Id<PartyId>) -> Response {
    screen.watch(move |console, visitor| async move { page(&console, &visitor, id).await })
}

async fn page(console: &Console, visitor: &Visitor, id: PartyId) -> Result<PartyPage, Failure> {
    let (service, scope, clock) = (&console.service, visitor.scope(), visitor.clock());
    let party = service.party_get(scope, id).await?;
    let names = provider_names(console, visitor).await?;
    let contacts = service.contact_list(scope, id, &MOST).await?.rows;
    let projects = service.party_projects(scope, id, &MOST).await?.rows;
    let coverages = service.coverage_list(scope, &CoverageFilter { party: Some(id), expires_by: None }, &MOST).await?.rows;
    let groups = service.duplicates_of(scope, Subject::Vendor, TargetId(id.0)).await?;
    let more_projects = party.project_count > projects.len() as u64;
    let known = known(party.created_at_ms, &party.marks, &names, clock);
    Ok(PartyPage {
        shell: Shell::new(visitor, &party.name).live(format!("/parties/{id}/live")),
        name: party.name.clone(),
        facts: facts(console, visitor, &party).await?,
        marks: party.marks.iter().map(|mark| MarkRow::new(mark, &names, clock)).collect(),
        contacts: contacts.iter().map(|contact| ContactRow::new(contact, &names)).collect(),
        projects: projects
            .into_iter()
            .map(|project| Way { address: format!("/projects/{}", project.id), name: project.name })
            .collect(),
        project_count: number(party.project_count),
        more_projects,
        coverages: coverages.iter().map(CoverageRow::new).collect(),
        lines: lines(console, visitor, &party, &names).await?,
        duplicates: cards(&groups, &names),
        history: audit::history(console, visitor, ("party", id.to_string()), known).await?,
    })
}

async fn facts(console: &Console, visitor: &Visitor, party: &Party) -> Result<Vec<Fact>, Failure> {
    let types = console.service.party_types(visitor.scope()).await?;
    let profiles = console.service.compliance_profiles(visitor.scope()).await?;
    let kind = types.into_iter().find(|found| found.id == party.party_type).map(|found| found.name);
    let profile = profiles.into_iter().find(|found| found.id == party.compliance_profile).map(|found| found.name);
    let told = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "not known".to_owned());
    Ok(vec![
        Fact::new("Address", told(Some(one_line(&party.address)))),
        Fact::new("Phone", told(party.phone.clone())),
        Fact::new("E-mail", told(party.email.clone())),
        Fact::new("Party type", kind.unwrap_or_default()),
        Fact::new("Compliance profile", profile.unwrap_or_default()),
        Fact::at("Created", visitor.clock().at(party.created_at_ms)),
        Fact::at("Changed", visitor.clock().at(party.updated_at_ms)),
        Fact::new("Version", number(party.revision)),
    ])
}

/// What a record itself tells of its past.
pub(crate) fn known(
    created_at_ms: i64,
    marks: &[linkyard_core::registry::IntegrationMark],
    names: &Names,
    clock: Clock,
) -> Vec<Entry> {
    let mut known = vec![Entry::known(created_at_ms, "Came to be", clock)];
    for mark in marks {
        let provider = names.get(&mark.provider).map_or("a deleted provider", String::as_str);
        let mut entry = Entry::known(mark.linked_at_ms, format!("Linked to Procore id {}", mark.record), clock);
        provider.clone_into(&mut entry.detail);
        known.push(entry);
    }
    known
}

async fn lines(console: &Console, visitor: &Visitor, party: &Party, names: &Names) -> Result<Vec<LineRow>, Failure> {
    let linked: BTreeSet<ProviderId> = party.marks.iter().map(|mark| mark.provider).collect();
    let mut rows = Vec::new();
    for provider in linked {
        let Some(name) = names.get(&provider) else { continue };
        let filter = InsuranceFilter { vendor: None, party: Some(party.id), state: None };
        let found = console.service.insurance_list(visitor.scope(), provider, &filter, &MOST).await?.rows;
        rows.extend(found.iter().map(|line| LineRow::new(line, name, visitor.clock())));
    }
    Ok(rows)
}
