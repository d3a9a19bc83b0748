//! A console with something on every page, under names that mean harm: what is walked to see that every page is laid out well, can be
//! used by everybody, and runs nothing that it shows.

use crate::build::{Side, create_anyway, decide, record, vendor};
use crate::databases::Databases;
use crate::ground;
use crate::jobs::{Bench, coverage};
use crate::site::Site;
use anyhow::{Context, Result};
use linkyard_control::{Need, PAGES};
use linkyard_core::contact::NewContact;
use linkyard_core::duplicate::{MemberId, Searched};
use linkyard_core::id::{ApiKeyId, DuplicateGroupId, JobId, PartyId, ProjectId, ProviderId, RecordId, TargetId};
use linkyard_core::job::Finish;
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::provider::Visible;
use linkyard_core::scope::Access;
use linkyard_store::RegistryFilter;
use serde_json::json;

const ALL: PageRequest = PageRequest { size: 100, after: None };

/// The company; the simulator knows none of this number.
const OTHER_COMPANY: i64 = 4_711;

/// A name that means harm, one from right to left, and one without an end.
#[must_use]
pub fn hostile_names() -> [String; 3] {
    let harm = "<img src=x onerror=alert(1)>\"'&</script><script>alert(2)</script>".to_owned();
    [harm, "\u{202e}شركة البناء الحديثة المحدودة\u{202c}".to_owned(), "Endless ".repeat(625)]
}

/// Such a site, and what there is on it.
#[derive(Debug)]
pub struct Furnished {
    /// The site.
    pub site: Site,
    provider: ProviderId,
    link_job: JobId,
    party: PartyId,
    project: ProjectId,
    group: DuplicateGroupId,
    directory_group: DuplicateGroupId,
    key: ApiKeyId,
}

/// A page to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// A word for messages and pictures.
    pub name: String,
    /// Path and query.
    pub path: String,
}

impl Furnished {
    /// Furnishes one.
    ///
    /// # Errors
    /// When the site does not start.
    pub async fn over(databases: &Databases) -> Result<Self> {
        let bench = Bench::unconnected(databases, 5, 1, 5).await;
        let [harm, leftwards, endless] = hostile_names();
        let side = Side { provider: provider(&bench, &harm).await?, store: bench.store.clone(), scope: bench.scope.clone() };
        let long: String = endless.chars().take(1_000).collect();
        let vendors = [(1, &harm), (2, &leftwards), (3, &long), (4, &endless), (5, &harm), (6, &leftwards)];
        let vendors: Vec<_> = vendors.into_iter().map(|(id, name)| vendor(id, name, &[1, 2, 3])).collect();
        let projects: Vec<_> = [(1, &harm), (2, &leftwards), (3, &long)].into_iter().map(|(id, name)| record(id, name)).collect();
        side.walk(Subject::Vendor, &vendors).await;
        side.walk(Subject::Project, &projects).await;
        side.store.progress_note().await?;
        let rows = |ids: &[i64]| ids.iter().map(|id| decide(*id, create_anyway())).collect::<Vec<_>>();
        let linked = side.confirm(Subject::Vendor, &rows(&[1, 2, 3, 4])).await?.job.context("a link job")?.id;
        side.confirm(Subject::Project, &rows(&[1, 2, 3])).await?;
        bench.settle().await;
        let furnished = Self::registry(&side, &harm).await?;
        let (party, project, group, directory_group) = furnished;
        let key = side.store.api_key_create(&side.scope, &harm, Access::Read, None, None).await?.0.id;
        let site = Site::over(bench).await?;
        Ok(Self { site, provider: side.provider, link_job: linked, party, project, group, directory_group, key })
    }

    /// What hangs on the registry's records: contacts, coverages, duplicates.
    async fn registry(side: &Side, harm: &str) -> Result<(PartyId, ProjectId, DuplicateGroupId, DuplicateGroupId)> {
        let (store, scope) = (&side.store, &side.scope);
        let parties = store.party_list(scope, &RegistryFilter::default(), &ALL).await?.rows;
        let party = parties.iter().find(|party| party.name == harm).context("the party")?.id;
        let project = store.project_list(scope, &RegistryFilter::default(), &ALL).await?.rows;
        let project = project.iter().find(|project| project.name == harm).context("the project")?.id;
        for (primary, name) in [(true, harm.to_owned()), (false, "W".repeat(200))] {
            let contact = NewContact {
                name: name.clone(),
                email: Some(format!("{}@example.com", "mail".repeat(30))),
                phone: Some("+1 805 555 0100".to_owned()),
                job_title: Some(harm.to_owned()),
                primary,
            };
            store.contact_create(scope, party, &contact, None).await?;
        }
        let mut stated = coverage(harm, Some("2031-05-06"));
        stated.insurer = Some("Insurer ".repeat(30));
        store.coverages_create(scope, &[(party, stated)], None).await?;
        let members: Vec<MemberId> = parties.iter().take(2).map(|party| MemberId::Target(TargetId(party.id.0))).collect();
        let registry = Searched { provider: None, subject: Subject::Vendor };
        ground::duplicates(store, scope, side.provider, registry, &members).await;
        let directory = Searched { provider: Some(side.provider), subject: Subject::Vendor };
        let members = [MemberId::Record(RecordId(5)), MemberId::Record(RecordId(6))];
        ground::duplicates(store, scope, side.provider, directory, &members).await;
        let first = async |searched| {
            let groups = store.duplicate_list(scope, searched, false, &ALL).await?.rows;
            groups.first().map(|group| group.id).context("a group")
        };
        Ok((party, project, first(registry).await?, first(directory).await?))
    }

    /// Every page of the console that can be opened, with what it is about in place of its parts.
    ///
    /// # Panics
    /// When there is a page that it does not know.
    #[must_use]
    pub fn looks(&self) -> Vec<Look> {
        let opened =
            PAGES.iter().filter(|(method, path, _)| *method == "get" && !path.ends_with("/live") && *path != "/assets/{file}");
        opened.flat_map(|(_, path, _)| self.looks_at(path)).collect()
    }

    fn looks_at(&self, path: &str) -> Vec<Look> {
        let provider = self.provider.to_string();
        let paths = match path {
            "/" | "/sign-in" | "/providers" | "/providers/new" | "/jobs" | "/parties" | "/projects" | "/duplicates"
            | "/workers" | "/budget" | "/audit" | "/keys" | "/keys/new" => vec![path.to_owned()],
            "/keys/{id}/revoke" => vec![format!("/keys/{}/revoke", self.key)],
            "/jobs/{id}" => vec![format!("/jobs/{}", self.link_job)],
            "/parties/{id}" => vec![format!("/parties/{}", self.party)],
            "/projects/{id}" => vec![format!("/projects/{}", self.project)],
            "/duplicates/{id}" => vec![
                format!("/duplicates/{}?target={}", self.group, self.party),
                format!("/duplicates/{}", self.directory_group),
                format!("/duplicates/{}?target={}", self.directory_group, self.party),
            ],
            // What is loaded down is no page.
            _ if path.starts_with("/mapping/") && path.ends_with("/export") => Vec::new(),
            _ if path.starts_with("/mapping/{list}") => {
                let more = match path.rsplit('/').next() {
                    Some("targets") => "?record=5",
                    Some("plan") => "?action=create",
                    _ => "",
                };
                let of = |list: &str| format!("{}{more}", path.replace("{list}", list).replace("{id}", &provider));
                vec![of("parties"), of("projects").replace("record=5", "record=1")]
            }
            _ if path.starts_with("/providers/{id}") => vec![path.replace("{id}", &provider)],
            _ => panic!("{path} is a page that nobody looks at: say in furnished.rs what it is about"),
        };
        let looks = paths.into_iter().enumerate().map(|(number, path)| Look { name: name(&path, number), path });
        looks.collect()
    }

    /// Whether opening this page needs a key that may do more than read.
    #[must_use]
    pub fn needs_more(&self, look: &Look) -> bool {
        let path = look.path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        let own = |pattern: &str| {
            let pattern: Vec<&str> = pattern.split('/').collect();
            pattern.len() == parts.len() && pattern.iter().zip(&parts).all(|(one, part)| one == part || one.starts_with('{'))
        };
        // What is written out goes before what stands for anything: `/providers/new` is no provider.
        let mut fitting: Vec<_> = PAGES.iter().filter(|(method, path, _)| *method == "get" && own(path)).collect();
        fitting.sort_by_key(|(_, path, _)| path.matches('{').count());
        fitting.first().is_some_and(|(_, _, need)| matches!(need, Need::Key(needed) if *needed > Access::Read))
    }
}

/// A provider that works, under this name.
async fn provider(bench: &Bench, name: &str) -> Result<ProviderId> {
    let (store, scope) = (&bench.store, &bench.scope);
    let mut form = ground::own_form(store, scope, OTHER_COMPANY).await;
    form.display_name = name.to_owned();
    let (provider, test) = store.provider_create(scope, &form, true, None).await?;
    let test = ground::claim(store, test.context("a connection test")?.id).await;
    store.provider_tested(&test.fence, provider.id, Ok(&Visible::default())).await?;
    store.job_finish(&test.fence, &Finish::Done(json!({}))).await?;
    Ok(provider.id)
}

/// A page's path as a word: `duplicates`, and `duplicates-one-1` for the second look at one of them.
fn name(path: &str, number: usize) -> String {
    let parts = path.split(['/', '?']).filter(|part| !part.is_empty() && !part.contains('='));
    let (ids, words): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.len() == 36);
    let word = if words.is_empty() { "overview".to_owned() } else { words.join("-") };
    let word = if ids.is_empty() { word } else { format!("{word}-one") };
    if number == 0 { word } else { format!("{word}-{number}") }
}
