//! Changing a provider: what a person may set anew, and what follows from it at once.
//!
//! Lock order: the gate (for automatic adding, which counts mappings, and for new defaults), then the provider's row; new jobs come last.

use super::{check_form, claimed, created_before, insert_test, read, refused, secret_binding};
use crate::compliance::lines;
use crate::row::count;
use crate::sql::{end, execute, one};
use crate::{RequestKey, Store, audit, gate, ledger, request};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::ProviderId;
use linkyard_core::job::{Job, Lane};
use linkyard_core::mapping::Subject;
use linkyard_core::provider::{Credentials, NewProvider, Provider, ProviderChange, ProviderState};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use secrecy::SecretString;

/// A change and the conditions under which it is made.
#[derive(Clone, Debug, Default)]
pub struct ProviderUpdate {
    /// What changes.
    pub change: ProviderChange,
    /// The revision that the person saw; `None` = whatever it is now.
    pub expected_revision: Option<i64>,
    /// Automatic adding is switched on although records wait that nobody has decided about.
    pub acknowledge_unmapped: bool,
    /// A claim on the company that comes to be needs no operator.
    pub approved: bool,
}

impl Store {
    /// Changes a provider. New credentials start a connection test and follow the rules of a new provider's: platform credentials claim
    /// the company over all organizations, and the claim waits for an operator unless approved. Answers the test, where there is one.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` with every violation; `AlreadyExists` when the company is claimed; `Conflict(Version)`; `Conflict(State)`
    /// while it is being deleted, and for automatic adding that is switched on while records wait, unless that was acknowledged.
    pub async fn provider_update(
        &self,
        scope: &Scope,
        id: ProviderId,
        update: &ProviderUpdate,
        request: Option<&RequestKey>,
    ) -> Result<(Provider, Option<Job>)> {
        let tx = self.begin().await?;
        let result = self.update_provider(&tx, scope, id, update, request).await;
        end(tx, result).await
    }

    async fn update_provider(
        &self,
        tx: &DatabaseTransaction,
        scope: &Scope,
        id: ProviderId,
        update: &ProviderUpdate,
        request: Option<&RequestKey>,
    ) -> Result<(Provider, Option<Job>)> {
        if let Some(answer) = request::replay(tx, scope.organization, request).await? {
            return created_before(tx, scope, &answer).await;
        }
        let mut change = update.change.clone();
        let adds = Subject::ALL.into_iter().any(|subject| change.auto_add(subject) == Some(true));
        // A default that is just being deleted must not be given away.
        if adds || change.default_party_type.is_some() || change.default_compliance_profile.is_some() {
            gate::lock(tx, scope.organization).await?;
        }
        let before = lock(tx, scope, id, update.expected_revision).await?;
        if before.platform_credentials && change.credentials.as_ref().is_some_and(Credentials::is_platform) {
            change.credentials = None;
        }
        let merged = merged(&before, &change);
        check_form(tx, scope, &merged).await?;
        if change.credentials.is_some()
            && let Some(error) = claimed(tx, scope, &merged, Some(id)).await?
        {
            return Err(error);
        }
        for subject in Subject::ALL {
            if change.auto_add(subject) == Some(true)
                && before.auto_add_since_ms(subject).is_none()
                && !update.acknowledge_unmapped
            {
                require_mapped(tx, scope, id, subject).await?;
            }
        }
        let state = state_after(&before, &change, update.approved);
        self.write(tx, scope, &before, &merged, &change, state).await?;
        let tested = change.credentials.is_some() && state != ProviderState::PendingApproval;
        let job = if tested { Some(insert_test(tx, scope, id).await?) } else { None };
        if change.pushes == Some(true) && !before.pushes && state == ProviderState::Active {
            ledger::insert_job(tx, scope, &lines::push_job(id, Lane::Push)).await?;
        }
        let detail = changed_fields(&change).join(", ");
        audit::note(tx, scope.organization, &scope.actor, "provider.update", "provider", &id.to_string(), &detail).await?;
        let answer = serde_json::to_vec(&(id, job.as_ref().map(|job| job.id)))
            .map_err(|error| Error::internal("an answer could not be remembered", error))?;
        request::remember(tx, scope.organization, request, &answer).await?;
        Ok((read(tx, scope.organization, id).await?, job))
    }

    async fn write(
        &self,
        tx: &DatabaseTransaction,
        scope: &Scope,
        before: &Provider,
        merged: &NewProvider,
        change: &ProviderChange,
        state: ProviderState,
    ) -> Result<()> {
        let mut sets: Vec<String> = Vec::new();
        let mut values: Vec<Value> = vec![before.id.0.into(), scope.organization.0.into()];
        let mut set = |column: &str, value: Value| {
            values.push(value);
            sets.push(format!("{column} = ${}", values.len()));
        };
        set("display_name", merged.display_name.trim().into());
        set("default_party_type_id", merged.default_party_type.0.into());
        set("default_compliance_profile_id", merged.default_compliance_profile.0.into());
        set("contacts_mode", merged.contacts_mode.as_str().into());
        set("pushes", change.pushes.unwrap_or(before.pushes).into());
        set("retire_by", change.retire_by.unwrap_or(before.retire_by).as_str().into());
        set("schedules", change.schedules.unwrap_or(before.schedules).into());
        set("state", state.as_str().into());
        if let Some(credentials) = &change.credentials {
            let (client_id, sealed) = match credentials {
                Credentials::Platform => (None, None),
                Credentials::Own { client_id, client_secret } => {
                    let sealed = self.sealing_key.seal(&secret_binding(scope.organization, before.id), client_secret)?;
                    (Some(client_id.clone()), Some(sealed))
                }
            };
            set("platform_credentials", credentials.is_platform().into());
            set("client_id", client_id.into());
            set("client_secret_sealed", sealed.into());
            // What was said about the old credentials says nothing about these.
            set("attention", Option::<String>::None.into());
            set("state_message", "".into());
        }
        for (column, switch) in
            [("auto_add_parties_since_ms", change.auto_add_parties), ("auto_add_projects_since_ms", change.auto_add_projects)]
        {
            match switch {
                None => {}
                Some(true) => sets.push(format!("{column} = coalesce({column}, {{now}})")),
                Some(false) => sets.push(format!("{column} = null")),
            }
        }
        let sql = format!(
            "update provider set {}, revision = revision + 1, updated_at_ms = {{now}} where id = $1 and organization_id = $2",
            sets.join(", ")
        );
        match execute(tx, &sql, values).await {
            // Somebody else claimed the company between the check and now.
            Err(Error::AlreadyExists { .. }) => Err(super::already_claimed(before.company_id)),
            other => other.map(|_| ()),
        }
    }
}

/// The provider as it is, locked, if a person may change it.
pub(super) async fn lock(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: ProviderId,
    expected_revision: Option<i64>,
) -> Result<Provider> {
    one(tx, "select id from provider where id = $1 and organization_id = $2 {lock}", [id.0.into(), scope.organization.0.into()])
        .await?;
    let provider = read(tx, scope.organization, id).await?;
    if provider.state == ProviderState::Deleting {
        return Err(refused(id, "is being deleted; nothing more is done with it"));
    }
    if expected_revision.is_some_and(|expected| expected != provider.revision) {
        let message = format!("provider {id} changed since it was read (now at revision {}); read it again", provider.revision);
        return Err(Error::Conflict { reason: ConflictReason::Version, resource: "provider", id: id.to_string(), message });
    }
    Ok(provider)
}

/// The form of the provider after the change, for the checks that a new one passes. Unchanged credentials stand there without their
/// secret, which nothing here looks at.
fn merged(before: &Provider, change: &ProviderChange) -> NewProvider {
    let unchanged = || match &before.client_id {
        Some(client_id) => Credentials::Own { client_id: client_id.clone(), client_secret: SecretString::from("") },
        None => Credentials::Platform,
    };
    NewProvider {
        display_name: change.display_name.clone().unwrap_or_else(|| before.display_name.clone()),
        environment: before.environment.clone(),
        company_id: before.company_id,
        credentials: change.credentials.clone().unwrap_or_else(unchanged),
        default_party_type: change.default_party_type.unwrap_or(before.default_party_type),
        default_compliance_profile: change.default_compliance_profile.unwrap_or(before.default_compliance_profile),
        contacts_mode: change.contacts_mode.unwrap_or(before.contacts_mode),
    }
}

fn state_after(before: &Provider, change: &ProviderChange, approved: bool) -> ProviderState {
    match &change.credentials {
        None => before.state,
        Some(credentials) if credentials.is_platform() && !approved => ProviderState::PendingApproval,
        Some(_) if before.state == ProviderState::Paused => ProviderState::Paused,
        Some(_) => ProviderState::Testing,
    }
}

/// What was switched on can make a second record of something that a person was about to match: so everything that is there is decided
/// first, or the person says that it may stay undecided.
async fn require_mapped(connection: &impl ConnectionTrait, scope: &Scope, id: ProviderId, subject: Subject) -> Result<()> {
    let sql = "select count(*) as n from mapping m
        join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
        where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state in ('unmapped', 'suggested')
            and r.gone_at_ms is null";
    let found = one(connection, sql, [id.0.into(), subject.as_str().into(), scope.organization.0.into()]).await?;
    let waiting = found.map_or(Ok(0), |row| count(&row, "n"))?;
    if waiting == 0 {
        return Ok(());
    }
    let things = match subject {
        Subject::Vendor => "vendors",
        Subject::Project => "projects",
    };
    let message = format!(
        "{waiting} {things} of this directory are not linked yet. Complete all existing linkings before new {things} are added \
         automatically: otherwise duplicate records may be created. Decide about them first, or acknowledge that they stay as they are"
    );
    Err(Error::Conflict { reason: ConflictReason::State, resource: "provider", id: id.to_string(), message })
}

fn changed_fields(change: &ProviderChange) -> Vec<&'static str> {
    let fields = [
        ("display_name", change.display_name.is_some()),
        ("credentials", change.credentials.is_some()),
        ("default_party_type", change.default_party_type.is_some()),
        ("default_compliance_profile", change.default_compliance_profile.is_some()),
        ("contacts_mode", change.contacts_mode.is_some()),
        ("push_compliance", change.pushes.is_some()),
        ("retire_by", change.retire_by.is_some()),
        ("auto_add_parties", change.auto_add_parties.is_some()),
        ("auto_add_projects", change.auto_add_projects.is_some()),
        ("schedules", change.schedules.is_some()),
    ];
    fields.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}
