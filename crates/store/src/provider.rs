//! Providers: configured integrations, the claim on a company id, and what the connection test found.
//!
//! Lock order in every transaction: job rows first, then the provider's row (a job's fence comes first anyway).

mod by_job;
pub(crate) mod calls;
pub(crate) mod change;
pub(crate) mod deletion;
pub(crate) mod health;

use crate::row::{get, optional_json, optional_word, word};
use crate::sql::{all, commit, execute, one};
use crate::{RequestKey, Store, audit, gate, ledger, request};
use linkyard_core::error::{Attention, ConflictReason, Violations};
use linkyard_core::id::{CompanyId, ComplianceProfileId, JobId, OrganizationId, PartyTypeId, ProviderId};
use linkyard_core::job::{Job, JobKind, Lane, NewJob};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::provider::{ContactsMode, Credentials, Environment, NewProvider, Provider, ProviderState, RetireBy};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult};

const COLUMNS: &str = "id, organization_id, display_name, environment, company_id, platform_credentials, client_id,
    default_party_type_id, default_compliance_profile_id, contacts_mode, pushes, retire_by, auto_add_parties_since_ms,
    auto_add_projects_since_ms, schedules, last_push_job_id, state, attention, state_message, visible, not_before_ms, revision, created_at_ms, updated_at_ms, last_fetch_at_ms";

/// Why no call is made before `not_before_ms`: the word in SQL of a rate limit.
pub(crate) const RATE_LIMIT: &str = "rate_limit";
/// The same of a platform that is down.
pub(crate) const UPSTREAM_DOWN: &str = "upstream_down";

/// The condition on rows of `provider` under which its jobs wait for a person to mend it; connection tests do not.
pub(crate) fn held() -> String {
    let reasons = Attention::ALL.iter().filter(|reason| reason.stops_all()).map(|reason| format!("'{}'", reason.as_str()));
    format!("(provider.state = 'needs_attention' and provider.attention in ({}))", reasons.collect::<Vec<_>>().join(", "))
}

/// The longest name of a provider, in characters.
const LONGEST_DISPLAY_NAME: usize = 200;

impl Store {
    /// Writes a provider and, unless it waits for approval, its connection test, in one transaction. With platform credentials the
    /// first claim on (environment, company id) waits in `PENDING_APPROVAL` unless `approved`.
    ///
    /// # Errors
    /// `AlreadyExists` when the company is claimed (by whomever: never says by whom) or this organization has it already; `Invalid`
    /// for an unknown party type or compliance profile (all violations at once).
    pub async fn provider_create(
        &self,
        scope: &Scope,
        new: &NewProvider,
        approved: bool,
        request: Option<&RequestKey>,
    ) -> Result<(Provider, Option<Job>)> {
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            return created_before(&tx, scope, &answer).await;
        }
        // A default that is just being deleted must not be given away.
        gate::lock(&tx, scope.organization).await?;
        check_form(&tx, scope, new).await?;
        let id = ProviderId::generate();
        let waits = new.credentials.is_platform() && !approved;
        let state = if waits { ProviderState::PendingApproval } else { ProviderState::Testing };
        if !self.insert_provider(&tx, scope, new, id, state).await? {
            return Err(claimed(&tx, scope, new, None).await?.unwrap_or_else(|| already_claimed(new.company_id)));
        }
        let job = if waits { None } else { Some(insert_test(&tx, scope, id).await?) };
        audit::note(&tx, scope.organization, &scope.actor, "provider.create", "provider", &id.to_string(), state.as_str())
            .await?;
        let answer = (id, job.as_ref().map(|job| job.id));
        let answer = serde_json::to_vec(&answer).map_err(|error| Error::internal("an answer could not be remembered", error))?;
        request::remember(&tx, scope.organization, request, &answer).await?;
        let provider = read(&tx, scope.organization, id).await?;
        commit(tx).await?;
        Ok((provider, job))
    }

    async fn insert_provider(
        &self,
        connection: &impl ConnectionTrait,
        scope: &Scope,
        new: &NewProvider,
        id: ProviderId,
        state: ProviderState,
    ) -> Result<bool> {
        let (client_id, sealed) = match &new.credentials {
            Credentials::Platform => (None, None),
            Credentials::Own { client_id, client_secret } => {
                let sealed = self.sealing_key.seal(&secret_binding(scope.organization, id), client_secret)?;
                (Some(client_id.clone()), Some(sealed))
            }
        };
        let inserted = execute(
            connection,
            "insert into provider (id, organization_id, kind, display_name, environment, company_id, platform_credentials, client_id,
                client_secret_sealed, default_party_type_id, default_compliance_profile_id, contacts_mode, state, created_at_ms,
                updated_at_ms)
             values ($1, $2, 'procore', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, {now}, {now}) on conflict do nothing",
            [
                id.0.into(),
                scope.organization.0.into(),
                new.display_name.trim().into(),
                new.environment.0.as_str().into(),
                new.company_id.0.into(),
                new.credentials.is_platform().into(),
                client_id.into(),
                sealed.into(),
                new.default_party_type.0.into(),
                new.default_compliance_profile.0.into(),
                new.contacts_mode.as_str().into(),
                state.as_str().into(),
            ],
        )
        .await?;
        Ok(inserted == 1)
    }

    /// Checks what [`Store::provider_create`] would check and changes nothing.
    ///
    /// # Errors
    /// As `provider_create`.
    pub async fn provider_validate(&self, scope: &Scope, new: &NewProvider) -> Result<()> {
        check_form(&self.reader, scope, new).await?;
        match claimed(&self.reader, scope, new, None).await? {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// One provider.
    ///
    /// # Errors
    /// `NotFound`, also for one of another organization and for a deleted one.
    pub async fn provider_get(&self, scope: &Scope, id: ProviderId) -> Result<Provider> {
        read(&self.reader, scope.organization, id).await
    }

    /// The tenant's providers without the deleted ones, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn provider_list(&self, scope: &Scope, page: &PageRequest) -> Result<Page<Provider>> {
        let after = match &page.after {
            None => uuid::Uuid::nil(),
            Some(after) => after.parse().map_err(|_| Error::invalid("page_token", "is not one of this list's"))?,
        };
        let sql = format!(
            "select {COLUMNS} from provider where organization_id = $1 and id > $2 and state <> 'deleted' order by id limit $3"
        );
        let values = [scope.organization.0.into(), after.into(), (i64::from(page.size) + 1).into()];
        let found = all(&self.reader, &sql, values).await?;
        let providers = found.iter().map(provider).collect::<Result<Vec<Provider>>>()?;
        Ok(Page::cut(providers, page.size, |provider| provider.id.to_string()))
    }

    /// Lets a claim through (an operator of the installation decided) and starts the connection test. Works across tenants: the
    /// caller has checked for operator access.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` unless it is `PENDING_APPROVAL`.
    pub async fn provider_approve(&self, scope: &Scope, id: ProviderId, request: Option<&RequestKey>) -> Result<(Provider, Job)> {
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            let (organization, job): (OrganizationId, JobId) = serde_json::from_slice(&answer)
                .map_err(|error| Error::internal("a remembered answer names no connection test", error))?;
            return Ok((read(&tx, organization, id).await?, ledger::read_job(&tx, organization, job).await?));
        }
        let sql = "select organization_id, state from provider where id = $1 and state <> 'deleted' {lock}";
        let found = one(&tx, sql, [id.0.into()]).await?.ok_or_else(|| Error::not_found("provider", id))?;
        let organization = OrganizationId(get(&found, "organization_id")?);
        let state = word(&found, "state", ProviderState::parse)?;
        if state != ProviderState::PendingApproval {
            return Err(refused(id, &format!("is {}: it does not wait for approval", state.as_str())));
        }
        let sql = "update provider set state = 'testing', revision = revision + 1, updated_at_ms = {now} where id = $1";
        execute(&tx, sql, [id.0.into()]).await?;
        let job = insert_test(&tx, &Scope { organization, ..scope.clone() }, id).await?;
        audit::note(&tx, organization, &scope.actor, "provider.approve", "provider", &id.to_string(), "").await?;
        let answer = serde_json::to_vec(&(organization, job.id))
            .map_err(|error| Error::internal("an answer could not be remembered", error))?;
        request::remember(&tx, scope.organization, request, &answer).await?;
        let provider = read(&tx, organization, id).await?;
        commit(tx).await?;
        Ok((provider, job))
    }

    /// Moves an ACTIVE or `NEEDS_ATTENTION` provider to PAUSED (jobs wait, running ones are asked to stop at their next checkpoint) or a
    /// PAUSED one back to ACTIVE.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` in any other state.
    pub async fn provider_set_paused(
        &self,
        scope: &Scope,
        id: ProviderId,
        paused: bool,
        request: Option<&RequestKey>,
    ) -> Result<Provider> {
        let (jobs, change, from, action) = if paused {
            (
                "update job set requested_state = 'pause', revision = revision + 1 where provider_id = $1 and organization_id = $2
                    and state = 'running' and requested_state = 'none' and kind <> 'test_connection'",
                "state = 'paused', state_message = ''",
                "('active', 'needs_attention')",
                "provider.pause",
            )
        } else {
            (
                "update job set state = case when state = 'paused' then 'queued' else state end, requested_state = case
                    when requested_state = 'pause' then 'none' else requested_state end, revision = revision + 1
                 where provider_id = $1 and organization_id = $2 and (state = 'paused' or state = 'running' and requested_state = 'pause')",
                "state = 'active', attention = null, state_message = ''",
                "('paused')",
                "provider.resume",
            )
        };
        let tx = self.begin().await?;
        if request::replay(&tx, scope.organization, request).await?.is_some() {
            return read(&tx, scope.organization, id).await;
        }
        execute(&tx, jobs, [id.0.into(), scope.organization.0.into()]).await?;
        let sql = format!(
            "update provider set {change}, revision = revision + 1, updated_at_ms = {{now}}
             where id = $1 and organization_id = $2 and state in {from}"
        );
        if execute(&tx, &sql, [id.0.into(), scope.organization.0.into()]).await? == 0 {
            let state = require(&tx, scope.organization, id).await?;
            let wanted = if paused { "paused" } else { "resumed" };
            return Err(refused(id, &format!("is {}: it can not be {wanted}", state.as_str())));
        }
        audit::note(&tx, scope.organization, &scope.actor, action, "provider", &id.to_string(), "").await?;
        request::remember(&tx, scope.organization, request, b"done").await?;
        let provider = read(&tx, scope.organization, id).await?;
        commit(tx).await?;
        Ok(provider)
    }
}

/// The state of a provider of the tenant.
///
/// # Errors
/// `NotFound`, also for one of another organization and for a deleted one.
pub(crate) async fn require(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    id: ProviderId,
) -> Result<ProviderState> {
    let sql = "select state from provider where id = $1 and organization_id = $2 and state <> 'deleted'";
    match one(connection, sql, [id.0.into(), organization.0.into()]).await? {
        Some(found) => word(&found, "state", ProviderState::parse),
        None => Err(Error::not_found("provider", id)),
    }
}

/// Like [`require`], for what an unapproved provider must not do.
///
/// # Errors
/// `NotFound`; `Conflict(State)` while it is `PENDING_APPROVAL` or DELETING.
pub(crate) async fn require_approved(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    id: ProviderId,
) -> Result<()> {
    match require(connection, organization, id).await? {
        ProviderState::PendingApproval => {
            Err(refused(id, "waits for an operator's approval; nothing can be done with it before"))
        }
        ProviderState::Deleting => Err(refused(id, "is being deleted; nothing more is done with it")),
        ProviderState::Testing
        | ProviderState::Active
        | ProviderState::NeedsAttention
        | ProviderState::Paused
        | ProviderState::Deleted => Ok(()),
    }
}

fn refused(id: ProviderId, why: &str) -> Error {
    let message = format!("provider {id} {why}");
    Error::Conflict { reason: ConflictReason::State, resource: "provider", id: id.to_string(), message }
}

/// The row that a sealed secret belongs to.
fn secret_binding(organization: OrganizationId, id: ProviderId) -> String {
    format!("{organization}|provider|client_secret|{id}")
}

async fn created_before(connection: &impl ConnectionTrait, scope: &Scope, answer: &[u8]) -> Result<(Provider, Option<Job>)> {
    let (id, job): (ProviderId, Option<JobId>) =
        serde_json::from_slice(answer).map_err(|error| Error::internal("a remembered answer names no provider", error))?;
    let job = match job {
        Some(job) => Some(ledger::read_job(connection, scope.organization, job).await?),
        None => None,
    };
    Ok((read(connection, scope.organization, id).await?, job))
}

async fn check_form(connection: &impl ConnectionTrait, scope: &Scope, new: &NewProvider) -> Result<()> {
    let mut violations = Violations::default();
    let name = new.display_name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_DISPLAY_NAME {
        violations.add("display_name", format!("must have 1 to {LONGEST_DISPLAY_NAME} characters"));
    }
    if new.environment.0.trim().is_empty() {
        violations.add("environment", "is missing");
    }
    if new.company_id.0 <= 0 {
        violations.add("company_id", "must be a positive number");
    }
    let found = one(
        connection,
        "select (select count(*) from party_type where id = $1 and organization_id = $3) as party_types,
            (select count(*) from compliance_profile where id = $2 and organization_id = $3) as profiles",
        [new.default_party_type.0.into(), new.default_compliance_profile.0.into(), scope.organization.0.into()],
    )
    .await?
    .ok_or_else(|| Error::broken("a count gave no row"))?;
    if get::<i64>(&found, "party_types")? == 0 {
        violations.add("default_party_type", "is not one of the organization's party types");
    }
    if get::<i64>(&found, "profiles")? == 0 {
        violations.add("default_compliance_profile", "is not one of the organization's compliance profiles");
    }
    violations.finish(())
}

/// Why this company can not be claimed, if it can not; by `present`, where that provider is there already.
async fn claimed(
    connection: &impl ConnectionTrait,
    scope: &Scope,
    new: &NewProvider,
    present: Option<ProviderId>,
) -> Result<Option<Error>> {
    let found = all(
        connection,
        "select organization_id from provider
         where environment = $1 and company_id = $2 and state <> 'deleted' and (organization_id = $3 or platform_credentials and $4)
            and id <> $5",
        [
            new.environment.0.as_str().into(),
            new.company_id.0.into(),
            scope.organization.0.into(),
            new.credentials.is_platform().into(),
            present.map_or(uuid::Uuid::nil(), |id| id.0).into(),
        ],
    )
    .await?;
    for row in &found {
        if get::<uuid::Uuid>(row, "organization_id")? == scope.organization.0 {
            let message = format!("this organization has a provider for company {} already", new.company_id);
            return Ok(Some(Error::AlreadyExists { resource: "provider", id: new.company_id.to_string(), message }));
        }
    }
    Ok(if found.is_empty() { None } else { Some(already_claimed(new.company_id)) })
}

fn already_claimed(company: CompanyId) -> Error {
    let message = format!(
        "company {company} is connected already; if it is yours, ask the operator of this installation, or give the provider its own \
         client id and secret"
    );
    Error::AlreadyExists { resource: "provider", id: company.to_string(), message }
}

async fn insert_test(connection: &impl ConnectionTrait, scope: &Scope, provider: ProviderId) -> Result<Job> {
    let new = NewJob {
        provider: Some(provider),
        parent: None,
        kind: JobKind::TestConnection,
        dedupe_key: provider.to_string(),
        lane: Lane::Person,
        payload: serde_json::json!({}),
        run_at_ms: None,
    };
    ledger::insert_job(connection, scope, &new).await
}

async fn read(connection: &impl ConnectionTrait, organization: OrganizationId, id: ProviderId) -> Result<Provider> {
    let sql = format!("select {COLUMNS} from provider where id = $1 and organization_id = $2 and state <> 'deleted'");
    match one(connection, &sql, [id.0.into(), organization.0.into()]).await? {
        Some(found) => provider(&found),
        None => Err(Error::not_found("provider", id)),
    }
}

fn provider(row: &QueryResult) -> Result<Provider> {
    Ok(Provider {
        id: ProviderId(get(row, "id")?),
        organization: OrganizationId(get(row, "organization_id")?),
        display_name: get(row, "display_name")?,
        environment: Environment(get(row, "environment")?),
        company_id: CompanyId(get(row, "company_id")?),
        platform_credentials: get(row, "platform_credentials")?,
        client_id: get(row, "client_id")?,
        default_party_type: PartyTypeId(get(row, "default_party_type_id")?),
        default_compliance_profile: ComplianceProfileId(get(row, "default_compliance_profile_id")?),
        contacts_mode: word(row, "contacts_mode", ContactsMode::parse)?,
        pushes: get(row, "pushes")?,
        retire_by: word(row, "retire_by", RetireBy::parse)?,
        auto_add_parties_since_ms: get(row, "auto_add_parties_since_ms")?,
        auto_add_projects_since_ms: get(row, "auto_add_projects_since_ms")?,
        schedules: get(row, "schedules")?,
        last_push_job: get::<Option<uuid::Uuid>>(row, "last_push_job_id")?.map(JobId),
        state: word(row, "state", ProviderState::parse)?,
        attention: optional_word(row, "attention", Attention::parse)?,
        state_message: get(row, "state_message")?,
        visible: optional_json(row, "visible")?,
        not_before_ms: get(row, "not_before_ms")?,
        revision: get(row, "revision")?,
        created_at_ms: get(row, "created_at_ms")?,
        updated_at_ms: get(row, "updated_at_ms")?,
        last_fetch_at_ms: get(row, "last_fetch_at_ms")?,
    })
}
