//! Builders for store cases: directory records, walks over them, decisions and links, for one provider of one tenant. Every helper
//! panics where it can not do its work: the case that called it says nothing then.

use crate::ground;
use linkyard_core::directory::{Address, Record};
use linkyard_core::id::{JobId, PartyId, ProjectId, ProviderId, RecordId, TargetId};
use linkyard_core::job::{Checkpoint, Fence, Finish, Job, JobKind, Lane, RowCounts};
use linkyard_core::mapping::{Choice, Decision, Mapping, MappingFilter, MappingView, OnLookalike, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::{BulkAction, RowDecision, Selection};
use linkyard_core::registry::{NewParty, NewProject};
use linkyard_core::report::Buckets;
use linkyard_core::scope::Scope;
use linkyard_store::{Confirmed, Gate, LinkedChunk, NameKey, PageStored, Store, WalkSummary};
use linkyard_worker::{Computed, Pass, gatekeeper};
use serde_json::json;

/// A provider that works, of a tenant of its own.
#[derive(Clone, Debug)]
pub struct Side {
    /// The store.
    pub store: Store,
    /// The tenant.
    pub scope: Scope,
    /// The provider.
    pub provider: ProviderId,
}

/// A vendor that says nothing of its projects.
#[must_use]
pub fn record(id: i64, name: &str) -> Record {
    Record {
        id: RecordId(id),
        name: name.to_owned(),
        address: Address::default(),
        details: linkyard_core::directory::Details::default(),
        active: true,
        exclusion: None,
        project_ids: None,
        updated_at_ms: Some(1),
    }
}

/// A vendor on these projects.
#[must_use]
pub fn vendor(id: i64, name: &str, projects: &[i64]) -> Record {
    Record { project_ids: Some(projects.iter().map(|id| RecordId(*id)).collect()), ..record(id, name) }
}

/// `number` vendors called "Firm 1" and so on.
#[must_use]
pub fn firms(number: i64) -> Vec<Record> {
    (1..=number).map(|id| record(id, &format!("Firm {id}"))).collect()
}

/// "Create it, unless something like it is there."
#[must_use]
pub fn create() -> Choice {
    Choice { decision: Decision::Create, target: None, on_lookalike: OnLookalike::Hold }
}

/// "Create it whatever is there."
#[must_use]
pub fn create_anyway() -> Choice {
    Choice { on_lookalike: OnLookalike::Create, ..create() }
}

/// "Link it to this."
#[must_use]
pub fn match_to(target: impl Into<TargetId>) -> Choice {
    Choice { decision: Decision::Match, target: Some(target.into()), on_lookalike: OnLookalike::Hold }
}

/// "Leave it out."
#[must_use]
pub fn leave_out() -> Choice {
    Choice { decision: Decision::DoNotAdd, target: None, on_lookalike: OnLookalike::Hold }
}

/// A decision about `record`, whatever its revision.
#[must_use]
pub fn decide(record: i64, choice: Choice) -> RowDecision {
    RowDecision { record: RecordId(record), choice: Some(choice), expected_revision: None }
}

/// How names of a subject become keys.
#[must_use]
pub fn keys(subject: Subject) -> NameKey {
    match subject {
        Subject::Vendor => linkyard_matching::name_key,
        Subject::Project => linkyard_matching::project_key,
    }
}

/// A gate that knows nothing yet.
#[must_use]
pub fn gate(subject: Subject) -> Gate {
    Gate::new(linkyard_matching::Gatekeeper::new(subject))
}

/// A checkpoint that says nothing.
#[must_use]
pub fn mark() -> Checkpoint {
    Checkpoint { position: json!({}), phase: "testing".to_owned(), done: RowCounts::default() }
}

impl Side {
    /// A new tenant with a provider.
    pub async fn new(store: &Store) -> Self {
        Self::of(store, "first", 1).await
    }

    /// A new tenant `name` with a provider for `company`.
    pub async fn of(store: &Store, name: &str, company: i64) -> Self {
        let scope = ground::tenant(store, name).await;
        Self::second(store, &scope, company).await
    }

    /// One more provider of a tenant.
    pub async fn second(store: &Store, scope: &Scope, company: i64) -> Self {
        let provider = ground::active_provider(store, scope, company).await.id;
        Self { store: store.clone(), scope: scope.clone(), provider }
    }

    /// A job of this provider in a worker's hands.
    pub async fn job(&self, kind: JobKind) -> Fence {
        let new = ground::new_job(Some(self.provider), kind, Lane::Background, JobId::generate().to_string());
        let job = self.store.job_enqueue(&self.scope, &new, None).await.expect("a job");
        ground::claim(&self.store, job.id).await.fence
    }

    /// A fetch in a worker's hands.
    pub async fn fetch(&self) -> Fence {
        self.job(JobKind::FetchDirectory).await
    }

    /// The proof of a worker that lost its job to another one.
    pub async fn zombie(&self, kind: JobKind) -> Fence {
        let mut fence = self.job(kind).await;
        fence.epoch -= 1;
        fence
    }

    /// Ends a job.
    pub async fn finish(&self, fence: &Fence) {
        self.store.job_finish(fence, &Finish::Done(json!({}))).await.expect("finished");
    }

    /// Stores one page under a job.
    pub async fn page(&self, fence: &Fence, subject: Subject, records: &[Record]) -> PageStored {
        self.try_page(fence, subject, records).await.expect("stored")
    }

    /// Stores one page under a job, or not.
    ///
    /// # Errors
    /// As the store says.
    pub async fn try_page(&self, fence: &Fence, subject: Subject, records: &[Record]) -> linkyard_core::Result<PageStored> {
        let keys: Vec<String> = records.iter().map(|record| keys(subject)(&record.name)).collect();
        self.store.directory_page_store(fence, self.provider, subject, records, &keys, &mark()).await
    }

    /// A complete walk that finds exactly these records.
    pub async fn walk(&self, subject: Subject, records: &[Record]) -> WalkSummary {
        self.walk_that_says(subject, records, Some(records.len() as u64)).await
    }

    /// A walk that finds these records, and a directory that says it has `total`.
    pub async fn walk_that_says(&self, subject: Subject, records: &[Record], total: Option<u64>) -> WalkSummary {
        let fence = self.fetch().await;
        self.store.walk_begin(&fence, self.provider, subject).await.expect("begun");
        self.page(&fence, subject, records).await;
        let summary = self.store.walk_finish(&fence, self.provider, subject, total, true, &mark()).await.expect("ended");
        self.finish(&fence).await;
        summary
    }

    /// Confirms rows one by one.
    ///
    /// # Errors
    /// As the store says.
    pub async fn confirm(&self, subject: Subject, rows: &[RowDecision]) -> linkyard_core::Result<Confirmed> {
        let selection = Selection::Rows(rows.to_vec());
        self.store.mapping_confirm(&self.scope, self.provider, subject, &selection, false, None).await
    }

    /// Confirms `choice` for these records and links them; answers the job.
    pub async fn link(&self, subject: Subject, records: &[i64], choice: Choice) -> Job {
        let rows: Vec<RowDecision> = records.iter().map(|record| decide(*record, choice)).collect();
        let job = self.confirm(subject, &rows).await.expect("confirmed").job.expect("a link job");
        self.run_link(subject, job.id, 500).await;
        job
    }

    /// Runs a link job to its end in chunks of `limit`; answers what it did.
    pub async fn run_link(&self, subject: Subject, job: JobId, limit: u32) -> RowCounts {
        let fence = ground::claim(&self.store, job).await.fence;
        let mut counts = RowCounts::default();
        loop {
            let chunk = self.chunk(&fence, subject, limit).await;
            counts.add(chunk.counts);
            if chunk.last.is_none() {
                break;
            }
        }
        self.finish(&fence).await;
        counts
    }

    /// One chunk of a link job.
    pub async fn chunk(&self, fence: &Fence, subject: Subject, limit: u32) -> LinkedChunk {
        let gate = gatekeeper(&self.store, fence, subject).await.expect("a gate");
        self.store.mapping_link_chunk(fence, self.provider, subject, limit, &gate).await.expect("a chunk")
    }

    /// Computes suggestions; answers (with, without).
    pub async fn suggest(&self, subject: Subject) -> (u64, u64) {
        let computed = self.suggest_pass(subject).await;
        (computed.with, computed.without)
    }

    /// Computes suggestions; answers everything about it.
    pub async fn suggest_pass(&self, subject: Subject) -> Computed {
        let fence = self.job(JobKind::Suggest).await;
        let pass = Pass { store: &self.store, fence: &fence, provider: self.provider, subject };
        let computed = pass.run(&mark(), || false).await.expect("suggested").expect("nobody stops it");
        self.finish(&fence).await;
        computed
    }

    /// Syncs everything; answers how many rows were brought in step.
    pub async fn sync(&self, subject: Subject) -> u64 {
        let fence = self.job(JobKind::SyncLinked).await;
        let (mut number, mut after) = (0, None);
        loop {
            let (synced, last) = self.store.mapping_sync_chunk(&fence, self.provider, subject, after, 100).await.expect("synced");
            number += synced;
            if last.is_none() {
                break;
            }
            after = last;
        }
        self.finish(&fence).await;
        number
    }

    /// One mapping in full.
    pub async fn mapping(&self, subject: Subject, record: i64) -> Mapping {
        self.store.mapping_get(&self.scope, self.provider, subject, RecordId(record)).await.expect("a mapping")
    }

    /// Every mapping that `filter` selects.
    pub async fn mappings(&self, subject: Subject, filter: &MappingFilter) -> Vec<Mapping> {
        let page = PageRequest { size: 1_000, after: None };
        self.store
            .mapping_list(&self.scope, self.provider, subject, filter, MappingView::BASIC, &page)
            .await
            .expect("a page")
            .rows
    }

    /// The plan of a bulk action.
    ///
    /// # Errors
    /// As the store says.
    pub async fn plan(&self, subject: Subject, filter: &MappingFilter, action: BulkAction) -> linkyard_core::Result<Confirmed> {
        let selection = Selection::Filter { filter: filter.clone(), action, plan_token: None };
        self.store.mapping_confirm(&self.scope, self.provider, subject, &selection, true, None).await
    }

    /// Confirms a bulk action with a plan's token.
    ///
    /// # Errors
    /// As the store says.
    pub async fn confirm_filter(
        &self,
        subject: Subject,
        filter: &MappingFilter,
        action: BulkAction,
        token: &str,
    ) -> linkyard_core::Result<Confirmed> {
        let selection = Selection::Filter { filter: filter.clone(), action, plan_token: Some(token.to_owned()) };
        self.store.mapping_confirm(&self.scope, self.provider, subject, &selection, false, None).await
    }

    /// Where every record stands.
    pub async fn report(&self, subject: Subject) -> Buckets {
        self.store.directory_report(&self.scope, self.provider, subject).await.expect("a report")
    }

    /// The form of a party called `name`.
    pub async fn new_party(&self, name: &str) -> NewParty {
        let provider = self.store.provider_get(&self.scope, self.provider).await.expect("the provider");
        NewParty {
            name: name.to_owned(),
            party_type: provider.default_party_type,
            compliance_profile: provider.default_compliance_profile,
            address: Address::default(),
            phone: None,
            email: None,
        }
    }

    /// A party that a person made.
    pub async fn party(&self, name: &str) -> PartyId {
        let new = self.new_party(name).await;
        self.store.parties_create(&self.scope, &[new], keys(Subject::Vendor), None).await.expect("a party")[0].id
    }

    /// A project that a person made.
    pub async fn project(&self, name: &str) -> ProjectId {
        let new = NewProject { name: name.to_owned(), number: None, address: Address::default() };
        self.store.projects_create(&self.scope, &[new], keys(Subject::Project), None).await.expect("a project")[0].id
    }

    /// How many parties the tenant has.
    pub async fn parties(&self) -> usize {
        let page = PageRequest { size: 1_000, after: None };
        self.store.party_list(&self.scope, &linkyard_store::RegistryFilter::default(), &page).await.expect("parties").rows.len()
    }

    /// The party of a linked vendor.
    pub async fn party_of(&self, record: i64) -> PartyId {
        self.mapping(Subject::Vendor, record).await.target.expect("a linked vendor").0.into()
    }

    /// The project of a linked provider project.
    pub async fn project_of(&self, record: i64) -> ProjectId {
        self.mapping(Subject::Project, record).await.target.expect("a linked project").0.into()
    }

    /// How many parties are on a project.
    pub async fn on_project(&self, project: ProjectId) -> u64 {
        self.store.project_get(&self.scope, project).await.expect("the project").party_count
    }
}
