//! `ProviderService`: setting providers up and starting their jobs.

use super::mask::Mask;
use super::{Api, Reply};
use crate::etag;
use crate::names::{COMPLIANCE_PROFILES, JOBS, PARTY_TYPES, PROVIDERS};
use crate::request::open;
use crate::service::ProviderForm;
use crate::status::{to_status, within};
use crate::wire;
use linkyard_core::error::Violations;
use linkyard_core::provider::{ContactsMode, NewProvider, ProviderChange, RetireBy};
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::provider_service_server::ProviderService;
use prost_types::FieldMask;
use secrecy::SecretString;
use tonic::{Request, Response};

#[tonic::async_trait]
impl ProviderService for Api {
    async fn create_provider(&self, request: Request<v1::CreateProviderRequest>) -> Reply<v1::Provider> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.provider.unwrap_or_default();
        let new = read(&form).map_err(|error| to_status(within("provider", error)))?;
        if message.validate_only {
            let checked = self.service.provider_validate(&caller.scope, &new).await;
            checked.map_err(|error| to_status(within("provider", error)))?;
            return Ok(Response::new(normalised(form, &new)));
        }
        let created = self.service.provider_create(&caller.scope, &new, key.as_ref()).await;
        let (provider, job) = created.map_err(|error| to_status(within("provider", error)))?;
        let test_job = job.map(|job| JOBS.name(job.id)).unwrap_or_default();
        Ok(Response::new(v1::Provider { test_job, ..wire::provider(&provider) }))
    }

    async fn get_provider(&self, request: Request<v1::GetProviderRequest>) -> Reply<v1::Provider> {
        let (caller, message) = open(request)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let provider = self.service.provider_get(&caller.scope, id).await.map_err(to_status)?;
        Ok(Response::new(wire::provider(&provider)))
    }

    async fn list_providers(&self, request: Request<v1::ListProvidersRequest>) -> Reply<v1::ListProvidersResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let page = self.service.provider_list(&caller.scope, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        let providers = page.rows.iter().map(wire::provider).collect();
        Ok(Response::new(v1::ListProvidersResponse { providers, next_page_token }))
    }

    async fn update_provider(&self, request: Request<v1::UpdateProviderRequest>) -> Reply<v1::Provider> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.provider.unwrap_or_default();
        let id = PROVIDERS.parse("provider.name", &form.name).map_err(to_status)?;
        let change = change(&form, message.update_mask.as_ref()).map_err(to_status)?;
        let terms = (change.expected_revision, message.acknowledge_unmapped);
        let updated =
            self.service.provider_update(&caller.scope, id, change.change, change.credentials, terms, key.as_ref()).await;
        let (provider, job) = updated.map_err(|error| to_status(within("provider", error)))?;
        let test_job = job.map(|job| JOBS.name(job.id)).unwrap_or_default();
        Ok(Response::new(v1::Provider { test_job, ..wire::provider(&provider) }))
    }

    async fn delete_provider(&self, request: Request<v1::DeleteProviderRequest>) -> Reply<v1::Provider> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let expected = etag::read("etag", &message.etag).map_err(to_status)?;
        let provider = self.service.provider_delete(&caller.scope, id, expected, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::provider(&provider)))
    }

    async fn approve_provider(&self, request: Request<v1::ApproveProviderRequest>) -> Reply<v1::Provider> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let (provider, job) = self.service.provider_approve(&caller.scope, id, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(v1::Provider { test_job: JOBS.name(job.id), ..wire::provider(&provider) }))
    }

    async fn pause_provider(&self, request: Request<v1::PauseProviderRequest>) -> Reply<v1::Provider> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let provider = self.service.provider_set_paused(&caller.scope, id, true, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::provider(&provider)))
    }

    async fn resume_provider(&self, request: Request<v1::ResumeProviderRequest>) -> Reply<v1::Provider> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let provider = self.service.provider_set_paused(&caller.scope, id, false, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::provider(&provider)))
    }

    async fn test_provider(&self, request: Request<v1::TestProviderRequest>) -> Reply<v1::Job> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let job = self.service.provider_test(&caller.scope, id, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::job(&job)))
    }

    async fn fetch_directory(&self, request: Request<v1::FetchDirectoryRequest>) -> Reply<v1::Job> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let job = self.service.directory_fetch(&caller.scope, id, message.changes_only, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::job(&job)))
    }

    async fn get_directory_report(&self, request: Request<v1::GetDirectoryReportRequest>) -> Reply<v1::DirectoryReport> {
        let (caller, message) = open(request)?;
        let id = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let (vendors, projects) = self.service.directory_report(&caller.scope, id).await.map_err(to_status)?;
        Ok(Response::new(wire::report(id, &vendors, &projects)))
    }

    async fn get_budget(&self, request: Request<v1::GetBudgetRequest>) -> Reply<v1::Budget> {
        let (caller, message) = open(request)?;
        let mut violations = Violations::default();
        let id = PROVIDERS.note("name", &message.name, &mut violations);
        let minutes = u32::try_from(message.history_minutes).ok().filter(|minutes| *minutes <= MOST_HISTORY_MINUTES);
        if minutes.is_none() {
            violations.add("history_minutes", format!("must be 0 to {MOST_HISTORY_MINUTES}"));
        }
        let (id, minutes) = violations.finish(id.zip(minutes)).and_then(whole).map_err(to_status)?;
        let budget = self.service.provider_budget(&caller.scope, id).await.map_err(to_status)?;
        let history = match minutes {
            0 => Vec::new(),
            minutes => self.service.call_history(&caller.scope, id, minutes).await.map_err(to_status)?,
        };
        Ok(Response::new(wire::budget(id, &budget, &history)))
    }
}

/// The most minutes of calls in one answer: a day.
const MOST_HISTORY_MINUTES: u32 = 1_440;

/// What was parsed without a violation.
fn whole<T>(parsed: Option<T>) -> Result<T> {
    parsed.ok_or_else(|| Error::broken("a request without violations is incomplete"))
}

/// The fields of a provider that can be changed.
const FIELDS: [&str; 11] = [
    "display_name",
    "client_id",
    "client_secret",
    "default_party_type",
    "default_compliance_profile",
    "contacts_mode",
    "push_compliance",
    "retire_by",
    "auto_add_parties",
    "auto_add_projects",
    "schedules",
];

/// What an update asks for.
struct Change {
    change: ProviderChange,
    /// Client id (`None` = the present one) and secret, where either changes.
    credentials: Option<(Option<String>, SecretString)>,
    expected_revision: Option<i64>,
}

fn change(form: &v1::Provider, mask: Option<&FieldMask>) -> Result<Change> {
    let mut violations = Violations::default();
    let mask = Mask::read(mask, &FIELDS, &mut violations);
    let contacts_mode =
        mask.has("contacts_mode").then(|| contacts_mode(form.contacts_mode, "provider.contacts_mode", &mut violations)).flatten();
    let retire_by = RetireBy::ALL.into_iter().find(|way| i32::from(wire::retire_by(*way)) == form.retire_by);
    if mask.has("retire_by") && retire_by.is_none() {
        violations.add("provider.retire_by", "must be UNDECIDED or DELETED");
    }
    let party_type = mask.take("default_party_type", || {
        PARTY_TYPES.note("provider.default_party_type", &form.default_party_type, &mut violations)
    });
    let profile = mask.take("default_compliance_profile", || {
        COMPLIANCE_PROFILES.note("provider.default_compliance_profile", &form.default_compliance_profile, &mut violations)
    });
    let expected_revision = etag::parse("provider.etag", &form.etag, &mut violations);
    violations.finish(())?;
    let credentials = (mask.has("client_id") || mask.has("client_secret")).then(|| {
        let secret = mask.take("client_secret", || form.client_secret.as_str()).unwrap_or_default();
        (mask.take("client_id", || form.client_id.clone()), SecretString::from(secret))
    });
    let change = ProviderChange {
        display_name: mask.take("display_name", || form.display_name.trim().to_owned()),
        credentials: None,
        default_party_type: party_type.flatten(),
        default_compliance_profile: profile.flatten(),
        contacts_mode,
        pushes: mask.take("push_compliance", || form.push_compliance),
        retire_by: retire_by.filter(|_| mask.has("retire_by")),
        auto_add_parties: mask.take("auto_add_parties", || form.auto_add_parties),
        auto_add_projects: mask.take("auto_add_projects", || form.auto_add_projects),
        schedules: mask.take("schedules", || form.schedules),
    };
    Ok(Change { change, credentials, expected_revision })
}

/// The mode in a form; the default where it says nothing.
fn contacts_mode(word: i32, field: &str, violations: &mut Violations) -> Option<ContactsMode> {
    if word == i32::from(v1::ContactsMode::Unspecified) {
        return Some(ContactsMode::default());
    }
    let mode = ContactsMode::ALL.into_iter().find(|mode| i32::from(wire::contacts_mode(*mode)) == word);
    if mode.is_none() {
        violations.add(field, "is not one of the four modes");
    }
    mode
}

/// The form in a request.
fn read(form: &v1::Provider) -> Result<NewProvider> {
    let mut violations = Violations::default();
    if v1::provider::Kind::try_from(form.kind).is_err() {
        violations.add("kind", "must be PROCORE");
    }
    let contacts_mode = contacts_mode(form.contacts_mode, "contacts_mode", &mut violations);
    let form = ProviderForm {
        display_name: form.display_name.clone(),
        environment: form.environment.clone(),
        company_id: form.company_id.clone(),
        client_id: form.client_id.clone(),
        client_secret: SecretString::from(form.client_secret.as_str()),
        default_party_type: form.default_party_type.clone(),
        default_compliance_profile: form.default_compliance_profile.clone(),
        contacts_mode: contacts_mode.unwrap_or_default(),
    };
    form.check(violations)
}

/// What would be saved: without a name, because nothing was, and without the secret.
fn normalised(form: v1::Provider, new: &NewProvider) -> v1::Provider {
    v1::Provider {
        kind: v1::provider::Kind::Procore.into(),
        display_name: new.display_name.clone(),
        environment: new.environment.0.clone(),
        company_id: new.company_id.to_string(),
        client_id: if new.credentials.is_platform() { String::new() } else { form.client_id.trim().to_owned() },
        default_party_type: form.default_party_type,
        default_compliance_profile: form.default_compliance_profile,
        contacts_mode: wire::contacts_mode(new.contacts_mode).into(),
        ..Default::default()
    }
}
