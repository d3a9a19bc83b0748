//! The form of an integration provider, in the article's fields and words: for a new one, and to change one.

use super::Console;
use super::asked::{Asked, Id};
use super::failure::Failure;
use super::form::{Choice, Field, Problems, Submission, refused};
use super::shell::{Alert, Shell, Visitor, html, html_with};
use super::words::contacts_mode;
use crate::names::{COMPLIANCE_PROFILES, PARTY_TYPES};
use crate::service::ProviderForm;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use linkyard_core::error::{Violation, Violations};
use linkyard_core::id::{ComplianceProfileId, PartyTypeId, ProviderId};
use linkyard_core::provider::{ContactsMode, Provider, ProviderChange, RetireBy};
use linkyard_core::{Error, Result as CoreResult};
use secrecy::SecretString;
use std::fmt::Display;
use std::str::FromStr;

#[derive(Template)]
#[template(path = "provider_form.html")]
struct FormPage {
    shell: Shell,
    /// Where it is sent.
    action: String,
    /// Where its Cancel leads.
    back: String,
    problems: Problems,
    name: Field,
    company: Option<Field>,
    environment: Option<Field>,
    client_id: Field,
    client_secret: Field,
    party_type: Field,
    party_types: Vec<Choice>,
    profile: Field,
    profiles: Vec<Choice>,
    mode: Field,
    modes: Vec<Choice>,
    /// What only a provider that is there has.
    more: Option<MoreSettings>,
}

/// Settings of a provider that is there.
struct MoreSettings {
    revision: String,
    pushes: bool,
    schedules: bool,
    retire_by: Vec<Choice>,
}

/// What stands in the fields.
#[derive(Clone, Debug, Default)]
struct Values {
    name: String,
    company: String,
    environment: String,
    client_id: String,
    party_type: String,
    profile: String,
    mode: String,
    revision: String,
    pushes: bool,
    schedules: bool,
    retire_by: String,
}

impl Values {
    fn sent(form: &Submission) -> Self {
        let text = |name: &str| form.get(name).to_owned();
        Self {
            name: text("display_name"),
            company: text("company_id"),
            environment: text("environment"),
            client_id: text("client_id"),
            party_type: text("default_party_type"),
            profile: text("default_compliance_profile"),
            mode: text("contacts_mode"),
            revision: text("revision"),
            pushes: form.ticked("push_compliance"),
            schedules: form.ticked("schedules"),
            retire_by: text("retire_by"),
        }
    }

    fn of(provider: &Provider) -> Self {
        Self {
            name: provider.display_name.clone(),
            company: provider.company_id.to_string(),
            environment: provider.environment.0.clone(),
            client_id: provider.client_id.clone().unwrap_or_else(|| "N/A".to_owned()),
            party_type: provider.default_party_type.to_string(),
            profile: provider.default_compliance_profile.to_string(),
            mode: provider.contacts_mode.as_str().to_owned(),
            revision: provider.revision.to_string(),
            pushes: provider.pushes,
            schedules: provider.schedules,
            retire_by: provider.retire_by.as_str().to_owned(),
        }
    }
}

/// The empty form.
pub(crate) async fn new(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Failure> {
    let values = Values {
        name: "Procore".to_owned(),
        client_id: "N/A".to_owned(),
        mode: ContactsMode::default().as_str().to_owned(),
        ..Values::default()
    };
    html(&page(&console, &visitor, None, values, Problems::default(), None).await?)
}

/// Saves a new provider.
pub(crate) async fn create(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    form: Submission,
) -> Result<Response, Failure> {
    let key = form.request_key()?;
    let created = match read(&form) {
        Ok(new) => console.service.provider_create(visitor.scope(), &new, Some(&key)).await,
        Err(error) => Err(error),
    };
    match created {
        Ok((provider, _)) => Ok(Redirect::to(&format!("/providers/{}?notice=provider-saved", provider.id)).into_response()),
        Err(error) => again(&console, &visitor, None, &form, error).await,
    }
}

fn read(form: &Submission) -> CoreResult<linkyard_core::provider::NewProvider> {
    let mut violations = Violations::default();
    if form.get("kind") != "procore" {
        violations.add("kind", "choose Procore");
    }
    let mode = ContactsMode::parse(form.get("contacts_mode"));
    if mode.is_none() {
        violations.add("contacts_mode", "choose how contacts are synchronized");
    }
    // The service reads names; a choice that is none of the list's is a name of nothing.
    let form = ProviderForm {
        display_name: form.get("display_name").to_owned(),
        environment: form.get("environment").to_owned(),
        company_id: form.get("company_id").to_owned(),
        client_id: form.get("client_id").to_owned(),
        client_secret: SecretString::from(form.get("client_secret")),
        default_party_type: PARTY_TYPES.name(form.get("default_party_type")),
        default_compliance_profile: COMPLIANCE_PROFILES.name(form.get("default_compliance_profile")),
        contacts_mode: mode.unwrap_or_default(),
    };
    form.check(violations)
}

/// The form of a provider.
pub(crate) async fn edit(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<ProviderId>,
) -> Result<Response, Failure> {
    let provider = console.service.provider_get(visitor.scope(), id).await?;
    html(&page(&console, &visitor, Some(id), Values::of(&provider), Problems::default(), None).await?)
}

/// Changes a provider.
pub(crate) async fn update(asked: Asked<ProviderId>) -> Result<Response, Failure> {
    let Asked { console, visitor, id, form, key } = asked;
    let updated = match change(&form) {
        Ok((change, credentials, revision)) => {
            let service = &console.service;
            let present = service.provider_get(visitor.scope(), id).await?;
            let credentials = credentials.filter(|given| given.asked_of(&present)).map(Given::into_pair);
            service.provider_update(visitor.scope(), id, change, credentials, (Some(revision), false), Some(&key)).await
        }
        Err(error) => Err(error),
    };
    match updated {
        Ok(_) => Ok(Redirect::to(&format!("/providers/{id}?notice=provider-changed")).into_response()),
        Err(error) => again(&console, &visitor, Some(id), &form, error).await,
    }
}

/// Client id and secret as they stand in the form.
struct Given {
    client_id: String,
    client_secret: SecretString,
    secret_is_blank: bool,
}

impl Given {
    /// Whether the form asks for other credentials: a secret is never shown, so a blank one beside the present id changes nothing.
    fn asked_of(&self, present: &Provider) -> bool {
        let same = match &present.client_id {
            Some(id) => id == self.client_id.trim(),
            None => matches!(self.client_id.trim().to_ascii_lowercase().as_str(), "" | "n/a" | "na"),
        };
        !(same && self.secret_is_blank)
    }

    fn into_pair(self) -> (Option<String>, SecretString) {
        (Some(self.client_id), self.client_secret)
    }
}

fn change(form: &Submission) -> CoreResult<(ProviderChange, Option<Given>, i64)> {
    let mut violations = Violations::default();
    let contacts_mode = ContactsMode::parse(form.get("contacts_mode"));
    if contacts_mode.is_none() {
        violations.add("contacts_mode", "choose how contacts are synchronized");
    }
    let party_type = chosen::<PartyTypeId>(form, "default_party_type", &mut violations);
    let profile = chosen::<ComplianceProfileId>(form, "default_compliance_profile", &mut violations);
    let retire_by = RetireBy::parse(form.get("retire_by"));
    if retire_by.is_none() {
        violations.add("retire_by", "choose one of the two");
    }
    let revision = form.get("revision").parse::<i64>().unwrap_or_default();
    violations.finish(())?;
    let secret = form.get("client_secret");
    let given = Given {
        client_id: form.get("client_id").to_owned(),
        client_secret: SecretString::from(secret),
        secret_is_blank: secret.trim().is_empty(),
    };
    let change = ProviderChange {
        display_name: Some(form.get("display_name").trim().to_owned()),
        default_party_type: party_type,
        default_compliance_profile: profile,
        contacts_mode,
        pushes: Some(form.ticked("push_compliance")),
        retire_by,
        schedules: Some(form.ticked("schedules")),
        ..ProviderChange::default()
    };
    Ok((change, Some(given), revision))
}

fn chosen<Id: FromStr>(form: &Submission, field: &str, violations: &mut Violations) -> Option<Id> {
    let id = form.get(field).parse().ok();
    if id.is_none() {
        violations.add(field, "choose one of the list");
    }
    id
}

/// The form as it was sent, with everything that is wrong at its field.
async fn again(
    console: &Console,
    visitor: &Visitor,
    id: Option<ProviderId>,
    form: &Submission,
    error: Error,
) -> Result<Response, Failure> {
    let (status, problems, alert) = match error {
        // The company's provider is there: the form is right but for this field.
        Error::AlreadyExists { message, .. } => {
            let taken = Violation { field: "company_id".to_owned(), problem: message };
            (StatusCode::CONFLICT, Problems::new(vec![taken]), None)
        }
        Error::Invalid(violations) => refused(Error::Invalid(violations.into_iter().map(worded).collect())),
        other @ (Error::NotFound { .. }
        | Error::Conflict { .. }
        | Error::Forbidden(_)
        | Error::Unauthorized { .. }
        | Error::Throttled { .. }
        | Error::Unavailable { .. }
        | Error::Internal { .. }) => refused(other),
    };
    html_with(status, &page(console, visitor, id, Values::sent(form), problems, alert).await?)
}

/// A page says what to choose, not how names of the API look.
fn worded(mut violation: Violation) -> Violation {
    if violation.problem.starts_with("must have the form ") {
        violation.problem = "choose one of the list".to_owned();
    }
    violation
}

async fn page(
    console: &Console,
    visitor: &Visitor,
    id: Option<ProviderId>,
    values: Values,
    problems: Problems,
    alert: Option<Alert>,
) -> Result<FormPage, Failure> {
    let party_types = console.service.party_types(visitor.scope()).await?;
    let profiles = console.service.compliance_profiles(visitor.scope()).await?;
    let field = |name, label, value: &str, help| Field { name, label, value: value.to_owned(), problem: problems.of(name), help };
    let (action, back) = match id {
        Some(id) => (format!("/providers/{id}/edit"), format!("/providers/{id}")),
        None => ("/providers/new".to_owned(), "/providers".to_owned()),
    };
    let new = id.is_none();
    let secret_help = if new {
        "Enter N/A or leave it empty as well. It is stored sealed and never shown again."
    } else {
        "Leave it empty to keep the present one. It is never shown."
    };
    let title = if new { "New Integration Provider" } else { "Edit provider" };
    let named = party_types.iter().map(|found| (found.id.to_string(), found.name.clone()));
    let party_types = choices(named, &values.party_type);
    let named = profiles.iter().map(|found| (found.id.to_string(), found.name.clone()));
    let profiles = choices(named, &values.profile);
    Ok(FormPage {
        shell: Shell::new(visitor, title).saying(alert),
        action,
        back,
        name: field("display_name", "Name", &values.name, "What this integration is called on these screens."),
        company: new.then(|| field("company_id", "Company ID", &values.company, COMPANY_HELP)),
        environment: new.then(|| field("environment", "Environment", &values.environment, ENVIRONMENT_HELP)),
        client_id: field("client_id", "Client ID", &values.client_id, CLIENT_HELP),
        client_secret: field("client_secret", "Client Secret", "", secret_help),
        party_type: field("default_party_type", "Default Party Type", &values.party_type, PARTY_TYPE_HELP),
        party_types,
        profile: field("default_compliance_profile", "Default Compliance Profile", &values.profile, PROFILE_HELP),
        profiles,
        mode: field("contacts_mode", "Contacts Synchronization Mode", &values.mode, ""),
        modes: modes(&values.mode),
        more: id.map(|_| more(&values)),
        problems,
    })
}

const COMPANY_HELP: &str = "You find it in the URL when you are logged into Procore. You may paste the whole address.";
const ENVIRONMENT_HELP: &str = "Leave it empty for production.";
const CLIENT_HELP: &str = "Enter N/A: these fields are not needed, the platform app's own credentials are used.";
const PARTY_TYPE_HELP: &str = "Every party that is created from Procore gets this party type.";
const PROFILE_HELP: &str = "Every party that is created from Procore gets this compliance profile.";

fn choices(named: impl Iterator<Item = (impl Display, String)>, chosen: &str) -> Vec<Choice> {
    let choice = |(value, label): (_, String)| {
        let value = format!("{value}");
        Choice { chosen: value == chosen, value, label, help: "" }
    };
    named.map(choice).collect()
}

fn modes(chosen: &str) -> Vec<Choice> {
    let choice = |mode: ContactsMode| {
        let (label, help) = contacts_mode(mode);
        Choice { value: mode.as_str().to_owned(), label: label.to_owned(), help, chosen: mode.as_str() == chosen }
    };
    ContactsMode::ALL.into_iter().map(choice).collect()
}

fn more(values: &Values) -> MoreSettings {
    let retire_by = RetireBy::ALL.into_iter().map(|way| {
        let label = match way {
            RetireBy::Undecided => "Stay in Procore, marked as undecided",
            RetireBy::Deleted => "Be deleted in Procore, one call each",
        };
        let value = way.as_str().to_owned();
        Choice { chosen: value == values.retire_by, value, label: label.to_owned(), help: "" }
    });
    MoreSettings {
        revision: values.revision.clone(),
        pushes: values.pushes,
        schedules: values.schedules,
        retire_by: retire_by.collect(),
    }
}
