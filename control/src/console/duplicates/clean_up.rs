//! What can be done about a group, step by step: choose where it goes, see what would happen, say yes.
//!
//! Each step is an address, so it works without scripts and can be gone back from; only the last one changes anything.

use super::{Words, detail_page};
use crate::console::Console;
use crate::console::asked::Asked;
use crate::console::failure::Failure;
use crate::console::shell::{Alert, Visitor, html_with};
use crate::console::words::number;
use axum::response::{IntoResponse, Redirect, Response};
use linkyard_core::Error;
use linkyard_core::duplicate::{DuplicateGroup, MemberId};
use linkyard_core::id::{DuplicateGroupId, PartyId, ProjectId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::plan::{Plan, Selection};
use linkyard_store::{Merge, RegistryFilter, RequestKey};
use std::collections::{BTreeMap, HashMap};

/// Parties that a search offers.
const OFFERED: PageRequest = PageRequest { size: 10, after: None };

/// The most conflicts of a plan that are listed.
const MOST_CONFLICTS: usize = 10;

/// How far the clean-up has come.
pub(super) struct CleanUp {
    pub(super) may_write: bool,
    /// A group of a directory: its records are mapped. Otherwise they are merged, where they are parties.
    pub(super) directory: bool,
    pub(super) merges: bool,
    /// `party` or `project`.
    pub(super) what: &'static str,
    pub(super) search: String,
    pub(super) targets: Vec<Target>,
    pub(super) chosen: Option<Target>,
    pub(super) plan: Vec<String>,
    pub(super) conflicts: Vec<String>,
    pub(super) token: String,
    pub(super) problem: String,
}

/// Where the records of a group can go.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) why: &'static str,
}

impl CleanUp {
    pub(super) async fn new(
        console: &Console,
        visitor: &Visitor,
        group: &DuplicateGroup,
        query: &Words,
    ) -> Result<Self, Failure> {
        let word = |name: &str| query.get(name).map_or("", |value| value.trim());
        let (subject, directory) = (group.searched.subject, group.searched.provider.is_some());
        let first = group.members.first().map_or("", |member| member.name.as_str());
        let search = if query.contains_key("q") { word("q") } else { first };
        let search: String = search.chars().take(200).collect();
        let mut clean_up = Self {
            may_write: visitor.may_write(),
            directory,
            merges: !directory && subject == Subject::Vendor,
            what: subject.target(),
            targets: targets(console, visitor, group, &search).await?,
            search,
            chosen: None,
            plan: Vec::new(),
            conflicts: Vec::new(),
            token: String::new(),
            problem: String::new(),
        };
        if let (Ok(target), true) = (word("target").parse::<TargetId>(), clean_up.may_write && !group.dismissed) {
            clean_up.choose(console, visitor, group, target).await?;
        }
        Ok(clean_up)
    }

    /// The second step: what would happen with `target`.
    async fn choose(
        &mut self,
        console: &Console,
        visitor: &Visitor,
        group: &DuplicateGroup,
        target: TargetId,
    ) -> Result<(), Failure> {
        let name = name_of(console, visitor, group.searched.subject, target).await?;
        self.chosen = Some(Target { id: target.to_string(), name, why: "" });
        let Some(provider) = group.searched.provider else {
            let others = group.member_count.saturating_sub(1);
            self.plan.push(format!(
                "{} other parties are merged into this one and deleted. It keeps its name and address.",
                number(others)
            ));
            self.plan.push("Their links, contacts, coverages and projects move to it. This can not be undone.".to_owned());
            return Ok(());
        };
        let selection = Selection::Group { group: group.id, target: Some(target), plan_token: None };
        let subject = group.searched.subject;
        match console.service.mapping_confirm(visitor.scope(), provider, subject, &selection, true, None).await {
            Ok(confirmed) => self.planned(&confirmed.plan),
            Err(error) => self.problem = Failure::from(error).message,
        }
        Ok(())
    }

    fn planned(&mut self, plan: &Plan) {
        self.plan.push(format!("{} records are linked to it.", number(plan.links)));
        if plan.unchanged > 0 {
            self.plan
                .push(format!("{} stay as they are: they are linked already, or take no decision now.", number(plan.unchanged)));
        }
        self.plan.push("A link can be taken away again later.".to_owned());
        let conflicts = plan.conflicts.iter().take(MOST_CONFLICTS);
        self.conflicts = conflicts.map(|conflict| conflict.problem.clone()).collect();
        self.token.clone_from(&plan.token);
    }
}

/// Where a group can go: what its records are linked to, and what a search finds; of the registry, its own records.
async fn targets(console: &Console, visitor: &Visitor, group: &DuplicateGroup, search: &str) -> Result<Vec<Target>, Failure> {
    let subject = group.searched.subject;
    if group.searched.provider.is_none() {
        let own = group.members.iter().filter_map(|member| match member.id {
            MemberId::Target(id) => Some(Target { id: id.to_string(), name: member.name.clone(), why: "" }),
            MemberId::Record(_) => None,
        });
        return Ok(own.collect());
    }
    let mut found: BTreeMap<TargetId, Target> = BTreeMap::new();
    for target in group.members.iter().filter_map(|member| member.target) {
        let name = name_of(console, visitor, subject, target).await?;
        found.insert(target, Target { id: target.to_string(), name, why: "one of these records is linked to it" });
    }
    let filter = RegistryFilter { search: Some(search.to_owned()).filter(|text| !text.is_empty()), ..RegistryFilter::default() };
    let named: HashMap<TargetId, String> = match subject {
        Subject::Vendor => {
            let parties = console.service.party_list(visitor.scope(), &filter, &OFFERED).await?.rows;
            parties.into_iter().map(|party| (TargetId(party.id.0), party.name)).collect()
        }
        Subject::Project => {
            let projects = console.service.project_list(visitor.scope(), &filter, &OFFERED).await?.rows;
            projects.into_iter().map(|project| (TargetId(project.id.0), project.name)).collect()
        }
    };
    for (id, name) in named {
        found.entry(id).or_insert_with(|| Target { id: id.to_string(), name, why: "found by its name" });
    }
    Ok(found.into_values().collect())
}

async fn name_of(console: &Console, visitor: &Visitor, subject: Subject, target: TargetId) -> Result<String, Failure> {
    let name = match subject {
        Subject::Vendor => console.service.party_get(visitor.scope(), PartyId(target.0)).await?.name,
        Subject::Project => console.service.project_get(visitor.scope(), ProjectId(target.0)).await?.name,
    };
    Ok(name)
}

/// Calls the records of a group different.
pub(crate) async fn dismiss(asked: Asked<DuplicateGroupId>) -> Result<Response, Failure> {
    say(&asked, true).await
}

/// Takes that back.
pub(crate) async fn restore(asked: Asked<DuplicateGroupId>) -> Result<Response, Failure> {
    say(&asked, false).await
}

async fn say(asked: &Asked<DuplicateGroupId>, dismissed: bool) -> Result<Response, Failure> {
    asked.console.service.duplicate_dismiss(asked.visitor.scope(), asked.id, dismissed, Some(&asked.key)).await?;
    let notice = if dismissed { "duplicates-dismissed" } else { "duplicates-restored" };
    Ok(Redirect::to(&format!("/duplicates/{}?notice={notice}", asked.id)).into_response())
}

/// Matches every record of a directory's group to one party or project.
pub(crate) async fn map(asked: Asked<DuplicateGroupId>) -> Result<Response, Failure> {
    let Asked { console, visitor, id, form, key } = &asked;
    let group = console.service.duplicate_get(visitor.scope(), *id).await?;
    let provider = group.searched.provider.ok_or_else(Failure::nowhere)?;
    let target = form.get("target").parse::<TargetId>().map_err(|_| Failure::unreadable())?;
    let plan_token = Some(form.get("plan_token").to_owned()).filter(|token| !token.is_empty());
    let selection = Selection::Group { group: *id, target: Some(target), plan_token };
    let subject = group.searched.subject;
    let done = console.service.mapping_confirm(visitor.scope(), provider, subject, &selection, false, Some(key)).await;
    match done.map(|confirmed| confirmed.job) {
        Ok(Some(job)) => Ok(Redirect::to(&format!("/jobs/{}?notice=job-started", job.id)).into_response()),
        Ok(None) => Ok(Redirect::to(&format!("/duplicates/{id}?notice=nothing-to-link")).into_response()),
        Err(error) => refused(&asked, error).await,
    }
}

/// Merges the parties of the registry's group into one of them.
pub(crate) async fn merge(asked: Asked<DuplicateGroupId>) -> Result<Response, Failure> {
    let Asked { console, visitor, id, form, key } = &asked;
    let target = form.get("target").parse::<PartyId>().map_err(|_| Failure::unreadable())?;
    let group = console.service.duplicate_get(visitor.scope(), *id).await?;
    if group.searched.provider.is_some() || group.searched.subject != Subject::Vendor {
        return Err(Failure::nowhere());
    }
    let members = group.members.iter().filter_map(|member| match member.id {
        MemberId::Target(id) => Some(PartyId(id.0)),
        MemberId::Record(_) => None,
    });
    for source in members.filter(|member| *member != target) {
        let merge = Merge { target, source, target_revision: None, source_revision: None };
        // One request per party that goes: sent again, the form goes on where it was.
        let own = RequestKey { method: format!("{} {source}", key.method), ..key.clone() };
        if let Err(error) = console.service.parties_merge(visitor.scope(), &merge, Some(&own)).await {
            return refused(&asked, error).await;
        }
    }
    Ok(Redirect::to(&format!("/parties/{target}?notice=parties-merged")).into_response())
}

/// The group's page with what refused the change above it.
async fn refused(asked: &Asked<DuplicateGroupId>, error: Error) -> Result<Response, Failure> {
    let Asked { console, visitor, id, form, .. } = asked;
    let failure = Failure::from(error);
    let query = Words::from([("target".to_owned(), form.get("target").to_owned())]);
    let page = detail_page(console, visitor, *id, &query, Some(Alert::bad(failure.message.clone()))).await?;
    html_with(failure.status, &page)
}
