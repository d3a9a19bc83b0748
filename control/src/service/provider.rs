//! Providers: saving one, letting it through, stopping it, and the two jobs that a person starts on it.

use super::Service;
use crate::names::{COMPLIANCE_PROFILES, PARTY_TYPES};
use linkyard_core::error::Violations;
use linkyard_core::id::ProviderId;
use linkyard_core::job::{CHANGES, Job, JobKind, Lane, NewJob};
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::provider::{self, ContactsMode, Credentials, Environment, NewProvider, Provider, ProviderChange};
use linkyard_core::report::Buckets;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use linkyard_store::{ProviderUpdate, RequestKey};
use secrecy::{ExposeSecret, SecretString};

/// The longest display name, in characters.
const LONGEST_DISPLAY_NAME: usize = 200;

/// The longest name of an environment, in bytes.
const LONGEST_ENVIRONMENT: usize = 40;

/// What a person fills in for a new provider, as written.
#[derive(Clone, Debug)]
pub struct ProviderForm {
    /// Name shown on screens.
    pub display_name: String,
    /// Which of Procore's worlds; empty = production.
    pub environment: String,
    /// The company: a number or an address copied from the browser.
    pub company_id: String,
    /// OAuth client id; empty or N/A = the platform's.
    pub client_id: String,
    /// OAuth client secret; empty or N/A = the platform's.
    pub client_secret: SecretString,
    /// `partyTypes/{party_type}`.
    pub default_party_type: String,
    /// `complianceProfiles/{compliance_profile}`.
    pub default_compliance_profile: String,
    /// How contacts follow.
    pub contacts_mode: ContactsMode,
}

impl ProviderForm {
    /// The provider that the form describes, in its normal spelling.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong, what was noted in `violations` before included.
    pub fn check(&self, mut violations: Violations) -> Result<NewProvider> {
        let display_name = self.display_name.trim();
        if display_name.is_empty() || display_name.chars().count() > LONGEST_DISPLAY_NAME {
            violations.add("display_name", format!("must have 1 to {LONGEST_DISPLAY_NAME} characters"));
        }
        let environment = environment(&self.environment, &mut violations);
        let company_id = noted(provider::parse_company_id(&self.company_id), &mut violations);
        let credentials = noted(Credentials::from_form(&self.client_id, self.client_secret.expose_secret()), &mut violations);
        let party_type = PARTY_TYPES.note("default_party_type", &self.default_party_type, &mut violations);
        let profile = COMPLIANCE_PROFILES.note("default_compliance_profile", &self.default_compliance_profile, &mut violations);
        violations.finish(())?;
        let complete = company_id.zip(credentials).zip(party_type).zip(profile);
        let Some((((company_id, credentials), default_party_type), default_compliance_profile)) = complete else {
            return Err(Error::broken("a form without violations is incomplete"));
        };
        Ok(NewProvider {
            display_name: display_name.to_owned(),
            environment,
            company_id,
            credentials,
            default_party_type,
            default_compliance_profile,
            contacts_mode: self.contacts_mode,
        })
    }
}

/// One spelling per environment: a company is claimed once in each, and another spelling must not be another claim.
fn environment(field: &str, violations: &mut Violations) -> Environment {
    let word = field.trim().to_ascii_lowercase();
    if word.is_empty() {
        return Environment::default();
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if word.len() > LONGEST_ENVIRONMENT || !word.bytes().all(plain) {
        violations.add("environment", "must be the name of an environment, for example production");
    }
    Environment(word)
}

/// The value, or `None` with its violations noted.
fn noted<T>(parsed: Result<T>, violations: &mut Violations) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(Error::Invalid(found)) => {
            for violation in found {
                violations.add(violation.field, violation.problem);
            }
            None
        }
        Err(other) => {
            violations.add("", other.to_string());
            None
        }
    }
}

impl Service {
    /// Saves a provider and starts its connection test (unless its claim waits for an operator).
    ///
    /// # Errors
    /// As [`linkyard_store::Store::provider_create`].
    pub async fn provider_create(
        &self,
        scope: &Scope,
        new: &NewProvider,
        request: Option<&RequestKey>,
    ) -> Result<(Provider, Option<Job>)> {
        let created = self.store.provider_create(scope, new, self.approve_claims, request).await?;
        self.ring();
        Ok(created)
    }

    /// Checks what saving would check and saves nothing.
    ///
    /// # Errors
    /// As saving.
    pub async fn provider_validate(&self, scope: &Scope, new: &NewProvider) -> Result<()> {
        self.store.provider_validate(scope, new).await
    }

    /// One provider.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn provider_get(&self, scope: &Scope, id: ProviderId) -> Result<Provider> {
        self.store.provider_get(scope, id).await
    }

    /// The tenant's providers, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn provider_list(&self, scope: &Scope, page: &PageRequest) -> Result<Page<Provider>> {
        self.store.provider_list(scope, page).await
    }

    /// Changes a provider. New credentials stand in `credentials` as the form has them, a part that does not change as `None`: the client
    /// id is then the present one, the secret never is.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::provider_update`]; `Invalid` for half a pair of credentials.
    pub async fn provider_update(
        &self,
        scope: &Scope,
        id: ProviderId,
        mut change: ProviderChange,
        credentials: Option<(Option<String>, SecretString)>,
        terms: (Option<i64>, bool),
        request: Option<&RequestKey>,
    ) -> Result<(Provider, Option<Job>)> {
        if let Some((client_id, client_secret)) = credentials {
            let client_id = match client_id {
                Some(given) => given,
                None => self.store.provider_get(scope, id).await?.client_id.unwrap_or_default(),
            };
            change.credentials = Some(Credentials::from_form(&client_id, client_secret.expose_secret())?);
        }
        let (expected_revision, acknowledge_unmapped) = terms;
        let update = ProviderUpdate { change, expected_revision, acknowledge_unmapped, approved: self.approve_claims };
        let updated = self.store.provider_update(scope, id, &update, request).await?;
        self.ring();
        Ok(updated)
    }

    /// Begins to delete a provider.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::provider_delete`].
    pub async fn provider_delete(
        &self,
        scope: &Scope,
        id: ProviderId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<Provider> {
        let provider = self.store.provider_delete(scope, id, expected_revision, request).await?;
        self.ring();
        Ok(provider)
    }

    /// Lets a claim of any tenant through and starts the connection test. For operators.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` unless it waits for approval.
    pub async fn provider_approve(&self, scope: &Scope, id: ProviderId, request: Option<&RequestKey>) -> Result<(Provider, Job)> {
        let approved = self.store.provider_approve(scope, id, request).await?;
        self.ring();
        Ok(approved)
    }

    /// Stops or resumes all work of a provider.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` in a state that does not allow it.
    pub async fn provider_set_paused(
        &self,
        scope: &Scope,
        id: ProviderId,
        paused: bool,
        request: Option<&RequestKey>,
    ) -> Result<Provider> {
        let provider = self.store.provider_set_paused(scope, id, paused, request).await?;
        self.ring();
        Ok(provider)
    }

    /// Starts a connection test; the one that is under way, if there is one.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::job_enqueue`].
    pub async fn provider_test(&self, scope: &Scope, id: ProviderId, request: Option<&RequestKey>) -> Result<Job> {
        self.start(scope, id, JobKind::TestConnection, id.to_string(), serde_json::json!({}), request).await
    }

    /// Starts a fetch of the directory, or only of what changed in it; the same one that is under way, if there is one.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::job_enqueue`].
    pub async fn directory_fetch(
        &self,
        scope: &Scope,
        id: ProviderId,
        changes_only: bool,
        request: Option<&RequestKey>,
    ) -> Result<Job> {
        let (key, payload) = match changes_only {
            true => (format!("{id}{CHANGES}"), serde_json::json!({ "changes": true })),
            false => (id.to_string(), serde_json::json!({})),
        };
        self.start(scope, id, JobKind::FetchDirectory, key, payload, request).await
    }

    /// Where every record of a provider's directory stands: vendors, projects.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn directory_report(&self, scope: &Scope, id: ProviderId) -> Result<(Buckets, Buckets)> {
        let vendors = self.store.directory_report(scope, id, Subject::Vendor).await?;
        let projects = self.store.directory_report(scope, id, Subject::Project).await?;
        Ok((vendors, projects))
    }

    /// Starts a job of which a provider has one at a time, for a person who waits.
    async fn start(
        &self,
        scope: &Scope,
        id: ProviderId,
        kind: JobKind,
        dedupe_key: String,
        payload: serde_json::Value,
        request: Option<&RequestKey>,
    ) -> Result<Job> {
        let new = NewJob { provider: Some(id), parent: None, kind, dedupe_key, lane: Lane::Person, payload, run_at_ms: None };
        let job = self.store.job_enqueue(scope, &new, request).await?;
        self.ring();
        Ok(job)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::id::{ComplianceProfileId, PartyTypeId};

    fn form() -> ProviderForm {
        ProviderForm {
            display_name: " Procore ".to_owned(),
            environment: " Production ".to_owned(),
            company_id: "https://us02.procore.com/598134325812345/company/home".to_owned(),
            client_id: "N/A".to_owned(),
            client_secret: SecretString::from("n/a"),
            default_party_type: PARTY_TYPES.name(PartyTypeId::generate()),
            default_compliance_profile: COMPLIANCE_PROFILES.name(ComplianceProfileId::generate()),
            contacts_mode: ContactsMode::default(),
        }
    }

    #[test]
    fn a_form_is_normalised() {
        let new = form().check(Violations::default()).expect("valid");
        assert_eq!((new.display_name.as_str(), new.company_id.0), ("Procore", 598_134_325_812_345));
        assert_eq!(new.environment, Environment::default());
        assert!(new.credentials.is_platform());
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let wrong = ProviderForm {
            display_name: "x".repeat(201),
            environment: "a b".to_owned(),
            company_id: "acme".to_owned(),
            client_secret: SecretString::from("s3cret"),
            default_party_type: String::new(),
            default_compliance_profile: "partyTypes/1".to_owned(),
            ..form()
        };
        let Err(Error::Invalid(violations)) = wrong.check(Violations::default()) else { panic!("accepted") };
        let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
        let expected =
            ["display_name", "environment", "company_id", "client_id", "default_party_type", "default_compliance_profile"];
        assert_eq!(fields, expected);
    }
}
