//! The ground that a store case stands on: a tenant, a provider that works, jobs to claim. Every helper panics where it can not do its
//! work: the case that called it says nothing then.

use linkyard_core::duplicate::{FoundGroup, MemberId, Searched};
use linkyard_core::id::{CompanyId, JobId, ProviderId};
use linkyard_core::job::{Checkpoint, ClaimedJob, Fence, Finish, Job, JobKind, Lane, NewJob};
use linkyard_core::provider::{ContactsMode, Credentials, Environment, NewProvider, Provider, Visible};
use linkyard_core::scope::Scope;
use linkyard_store::{RequestKey, Store};
use secrecy::SecretString;
use serde_json::json;

/// A lease that lasts longer than any case.
pub const LONG_MS: i64 = 600_000;

/// A lease that is over when it begins: whoever takes it is dead at once.
pub const OVER_MS: i64 = -1;

/// A new tenant.
pub async fn tenant(store: &Store, name: &str) -> Scope {
    let organization = store.organization_create(name, "America/Los_Angeles").await.expect("an organization");
    Scope::new(organization.id, format!("test:{name}"))
}

/// The form of a provider for `company`, with credentials of its own.
pub async fn own_form(store: &Store, scope: &Scope, company: i64) -> NewProvider {
    let credentials =
        Credentials::Own { client_id: format!("client-{company}"), client_secret: SecretString::from("canary-secret") };
    NewProvider { credentials, ..platform_form(store, scope, company).await }
}

/// The form of a provider for `company`, with the platform's credentials.
pub async fn platform_form(store: &Store, scope: &Scope, company: i64) -> NewProvider {
    let party_types = store.party_types(scope).await.expect("party types");
    let profiles = store.compliance_profiles(scope).await.expect("compliance profiles");
    NewProvider {
        display_name: format!("company {company}"),
        environment: Environment::default(),
        company_id: CompanyId(company),
        credentials: Credentials::Platform,
        default_party_type: party_types[0].id,
        default_compliance_profile: profiles[0].id,
        contacts_mode: ContactsMode::SyncAllSetPrimary,
    }
}

/// A provider that has passed its connection test.
pub async fn active_provider(store: &Store, scope: &Scope, company: i64) -> Provider {
    let form = own_form(store, scope, company).await;
    let (provider, test) = store.provider_create(scope, &form, true, None).await.expect("a provider");
    let test = claim(store, test.expect("a connection test").id).await;
    store.provider_tested(&test.fence, provider.id, Ok(&Visible::default())).await.expect("tested");
    store.job_finish(&test.fence, &Finish::Done(json!({}))).await.expect("finished");
    store.provider_get(scope, provider.id).await.expect("the provider")
}

/// A job of `kind` that may run now; `key` is what it may share with another live one of its kind.
#[must_use]
pub fn new_job(provider: Option<ProviderId>, kind: JobKind, lane: Lane, key: impl Into<String>) -> NewJob {
    NewJob { provider, parent: None, kind, dedupe_key: key.into(), lane, payload: json!({}), run_at_ms: None }
}

/// A background fetch of `provider` with a key that nobody else has.
pub async fn fetch(store: &Store, scope: &Scope, provider: ProviderId) -> Job {
    let new = new_job(Some(provider), JobKind::FetchDirectory, Lane::Background, JobId::generate().to_string());
    store.job_enqueue(scope, &new, None).await.expect("a fetch")
}

/// Writes that a search of `list` found these records to be one, under a job of `provider`.
pub async fn duplicates(store: &Store, scope: &Scope, provider: ProviderId, list: Searched, members: &[MemberId]) {
    let new = new_job(Some(provider), JobKind::FindDuplicates, Lane::Background, JobId::generate().to_string());
    let job = store.job_enqueue(scope, &new, None).await.expect("a search");
    let fence = claim(store, job.id).await.fence;
    let group = FoundGroup { members: members.to_vec(), probability: 0.97, reasons: vec!["names are equal".to_owned()] };
    let written = store.duplicates_write(&fence, list, "found by hand", &[group], &Checkpoint::default()).await;
    assert_eq!(written.expect("written"), 1);
    store.job_finish(&fence, &Finish::Done(json!({}))).await.expect("finished");
}

/// Claims one job with a long lease.
pub async fn claim(store: &Store, id: JobId) -> ClaimedJob {
    let mut claimed = store.jobs_claim(&[id], "worker", LONG_MS).await.expect("a claim");
    assert_eq!(claimed.len(), 1, "job {id} can be claimed");
    claimed.remove(0)
}

/// Claims one job for a worker that dies at once.
pub async fn claim_and_die(store: &Store, id: JobId) -> Fence {
    let claimed = store.jobs_claim(&[id], "doomed", OVER_MS).await.expect("a claim");
    assert_eq!(claimed.len(), 1, "job {id} can be claimed");
    claimed[0].fence
}

/// A request id of its own, for a body that is told by one byte.
#[must_use]
pub fn request(method: &str, body: u8) -> RequestKey {
    RequestKey { method: method.to_owned(), request_id: JobId::generate().to_string(), body_sha256: [body; 32] }
}
