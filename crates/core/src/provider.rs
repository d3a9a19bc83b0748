//! A provider: one configured integration of one organization with one company of a directory platform.

use crate::error::{Attention, Error, Result};
use crate::id::{CompanyId, ComplianceProfileId, JobId, OrganizationId, PartyTypeId, ProviderId};
use crate::mapping::Subject;
use secrecy::SecretString;

/// Which of a platform's worlds a company id belongs to. The same number in two environments is two companies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Environment(pub String);

impl Default for Environment {
    fn default() -> Self {
        Self("production".to_owned())
    }
}

/// How contacts follow the directory (the article's four options).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContactsMode {
    /// "Sync all contacts and set primary".
    #[default]
    SyncAllSetPrimary,
    /// "Sync all contacts, do not set primary".
    SyncAllNoPrimary,
    /// "Only sync primary contact".
    PrimaryOnly,
    /// "Do not sync contacts".
    None,
}

impl ContactsMode {
    /// Every mode, in the article's order.
    pub const ALL: [Self; 4] = [Self::SyncAllSetPrimary, Self::SyncAllNoPrimary, Self::PrimaryOnly, Self::None];

    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SyncAllSetPrimary => "sync_all_set_primary",
            Self::SyncAllNoPrimary => "sync_all_no_primary",
            Self::PrimaryOnly => "primary_only",
            Self::None => "none",
        }
    }

    /// The mode named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// Where a provider is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderState {
    /// The connection test has not answered yet.
    Testing,
    /// The first claim on a company id with the platform's credentials waits for an operator.
    PendingApproval,
    /// Works.
    Active,
    /// A person has to mend something; [`Provider::attention`] says what.
    NeedsAttention,
    /// Stopped by a person; jobs wait.
    Paused,
    /// A person deleted it; a last job retires our insurances in the directory, and then it is deleted.
    Deleting,
    /// Deleted; kept for history.
    Deleted,
}

impl ProviderState {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Testing, Self::PendingApproval, Self::Active, Self::NeedsAttention, Self::Paused, Self::Deleting, Self::Deleted];

    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Testing => "testing",
            Self::PendingApproval => "pending_approval",
            Self::Active => "active",
            Self::NeedsAttention => "needs_attention",
            Self::Paused => "paused",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }

    /// The state named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// With which credentials a provider calls the platform.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The platform app's own pair, configured for the whole installation (the form's "N/A").
    Platform,
    /// A pair that belongs to this provider alone.
    Own {
        /// OAuth client id.
        client_id: String,
        /// OAuth client secret; never printed.
        client_secret: SecretString,
    },
}

impl Credentials {
    /// Reads the two fields of the form. Blank or "N/A" in any case, in either field, means "not given" (the article, step 7).
    ///
    /// # Errors
    /// `Invalid` when only one of the two is given.
    pub fn from_form(client_id: &str, client_secret: &str) -> Result<Self> {
        match (given(client_id), given(client_secret)) {
            (None, None) => Ok(Self::Platform),
            (Some(id), Some(secret)) => {
                Ok(Self::Own { client_id: id.to_owned(), client_secret: SecretString::from(secret.to_owned()) })
            }
            (Some(_), None) => Err(Error::invalid("client_secret", "is missing; give both client id and secret, or N/A in both")),
            (None, Some(_)) => Err(Error::invalid("client_id", "is missing; give both client id and secret, or N/A in both")),
        }
    }

    /// Whether these are the platform's own.
    #[must_use]
    pub fn is_platform(&self) -> bool {
        matches!(self, Self::Platform)
    }
}

fn given(field: &str) -> Option<&str> {
    let field = field.trim();
    let absent = field.is_empty() || field.eq_ignore_ascii_case("n/a") || field.eq_ignore_ascii_case("na");
    if absent { None } else { Some(field) }
}

/// Reads the company id field: digits, or a pasted Procore URL (`https://us02.procore.com/598134325812345/company/home`,
/// `https://app.procore.com/1234/project/..`, `..?company_id=1234`).
///
/// # Errors
/// `Invalid{company_id}` when there is no positive number in it, or more than one candidate in a URL without a company part.
pub fn parse_company_id(field: &str) -> Result<CompanyId> {
    let field = field.trim();
    let number = if field.contains("://") || field.contains('/') { company_id_in_url(field) } else { field.parse::<i64>().ok() };
    match number {
        Some(id) if id > 0 => Ok(CompanyId(id)),
        Some(_) | None => Err(Error::invalid(
            "company_id",
            "is not a Procore company id; copy the number (or the whole address) from the browser when logged into Procore",
        )),
    }
}

fn company_id_in_url(url: &str) -> Option<i64> {
    if let Some((_, query)) = url.split_once('?') {
        let named =
            query.split(['&', '#']).find_map(|pair| pair.strip_prefix("company_id=")).and_then(|value| value.parse().ok());
        if named.is_some() {
            return named;
        }
    }
    let without_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = without_scheme.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').skip(1).filter(|segment| !segment.is_empty()).collect();
    let after_word =
        segments.windows(2).find(|pair| pair[0] == "companies" || pair[0] == "company").and_then(|pair| pair[1].parse().ok());
    after_word.or_else(|| segments.first().and_then(|segment| segment.parse().ok()))
}

/// What a connection test could see.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Visible {
    /// The company's name in Procore.
    pub company_name: String,
    /// Vendors that the service user can read.
    pub vendors: Option<u64>,
    /// Projects that the service user is permitted to see.
    pub projects: Option<u64>,
    /// Hints that do not stop the integration, as sentences (no project permitted yet, directory read is missing ..).
    pub hints: Vec<String>,
}

/// What becomes of an insurance of ours whose link or coverage ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RetireBy {
    /// It stays, with the status `undecided` and a note.
    #[default]
    Undecided,
    /// It is deleted, with one call each: Procore deletes no batches.
    Deleted,
}

impl RetireBy {
    /// Both ways.
    pub const ALL: [Self; 2] = [Self::Undecided, Self::Deleted];

    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Deleted => "deleted",
        }
    }

    /// The way named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }
}

/// A configured integration. Its secret is not part of it: only the store unseals it, for the client.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Id.
    pub id: ProviderId,
    /// The tenant.
    pub organization: OrganizationId,
    /// Name shown on screens.
    pub display_name: String,
    /// Which of Procore's worlds.
    pub environment: Environment,
    /// The company in Procore.
    pub company_id: CompanyId,
    /// Whether it uses the platform app's credentials.
    pub platform_credentials: bool,
    /// Own client id, where it has one (not a secret).
    pub client_id: Option<String>,
    /// Given to every party that the integration creates.
    pub default_party_type: PartyTypeId,
    /// Given to every party that the integration creates.
    pub default_compliance_profile: ComplianceProfileId,
    /// How contacts follow.
    pub contacts_mode: ContactsMode,
    /// Whether compliance is pushed into the directory's insurances.
    pub pushes: bool,
    /// What becomes of insurances that end.
    pub retire_by: RetireBy,
    /// Since when new vendors are added by themselves, milliseconds since 1970; `None` = they are not.
    pub auto_add_parties_since_ms: Option<i64>,
    /// Since when new projects are added by themselves, milliseconds since 1970; `None` = they are not.
    pub auto_add_projects_since_ms: Option<i64>,
    /// Whether hourly, nightly and daily work is done for it.
    pub schedules: bool,
    /// The job that retires our insurances, once the provider is being deleted and needs it.
    pub last_push_job: Option<JobId>,
    /// Where it is in its life.
    pub state: ProviderState,
    /// What a person has to mend, when the state is `NeedsAttention`.
    pub attention: Option<Attention>,
    /// A sentence about the state, for a person.
    pub state_message: String,
    /// What the last connection test saw.
    pub visible: Option<Visible>,
    /// No call before this time, milliseconds since 1970 (a 429 that outlives a restart).
    pub not_before_ms: i64,
    /// Changes with every write; the etag.
    pub revision: i64,
    /// Created, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last changed, milliseconds since 1970.
    pub updated_at_ms: i64,
    /// When the last complete fetch ended.
    pub last_fetch_at_ms: Option<i64>,
}

impl Provider {
    /// Since when new records of `subject` are added by themselves, milliseconds since 1970; `None` = they are not.
    #[must_use]
    pub fn auto_add_since_ms(&self, subject: Subject) -> Option<i64> {
        match subject {
            Subject::Vendor => self.auto_add_parties_since_ms,
            Subject::Project => self.auto_add_projects_since_ms,
        }
    }
}

/// What a person changes about a provider; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct ProviderChange {
    /// Name shown on screens; `1..=200` characters.
    pub display_name: Option<String>,
    /// Client id and secret, or the platform's.
    pub credentials: Option<Credentials>,
    /// Given to every party that the integration creates from then on.
    pub default_party_type: Option<PartyTypeId>,
    /// Given to every party that the integration creates from then on.
    pub default_compliance_profile: Option<ComplianceProfileId>,
    /// How contacts follow, from the next sync on.
    pub contacts_mode: Option<ContactsMode>,
    /// Whether compliance is pushed into the directory's insurances.
    pub pushes: Option<bool>,
    /// What becomes of insurances that end from then on.
    pub retire_by: Option<RetireBy>,
    /// Whether new vendors are added by themselves; switching on what is on keeps its time.
    pub auto_add_parties: Option<bool>,
    /// Whether new projects are added by themselves.
    pub auto_add_projects: Option<bool>,
    /// Whether hourly, nightly and daily work is done for it.
    pub schedules: Option<bool>,
}

impl ProviderChange {
    /// What it says about automatic adding of records of `subject`.
    #[must_use]
    pub fn auto_add(&self, subject: Subject) -> Option<bool> {
        match subject {
            Subject::Vendor => self.auto_add_parties,
            Subject::Project => self.auto_add_projects,
        }
    }
}

/// What a person fills in for a new provider.
#[derive(Clone, Debug)]
pub struct NewProvider {
    /// Name shown on screens; `1..=200` characters.
    pub display_name: String,
    /// Which of Procore's worlds.
    pub environment: Environment,
    /// The company in Procore.
    pub company_id: CompanyId,
    /// Client id and secret, or the platform's.
    pub credentials: Credentials,
    /// Given to every party that the integration creates.
    pub default_party_type: PartyTypeId,
    /// Given to every party that the integration creates.
    pub default_compliance_profile: ComplianceProfileId,
    /// How contacts follow.
    pub contacts_mode: ContactsMode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_applicable_in_any_case_or_blank_means_platform_credentials() {
        for word in ["N/A", "n/a", " N/a ", "", "  ", "NA"] {
            assert!(Credentials::from_form(word, word).expect("platform").is_platform(), "{word:?}");
        }
        assert!(Credentials::from_form("abc", "N/A").is_err());
        assert!(!Credentials::from_form("abc", "def").expect("own").is_platform());
    }

    #[test]
    fn a_pasted_address_is_accepted_as_company_id() {
        let cases = [
            ("1234", 1234),
            (" 598134325812345 ", 598_134_325_812_345),
            ("https://us02.procore.com/598134325812345/company/home", 598_134_325_812_345),
            ("https://app.procore.com/1234/company/home/list?x=1", 1234),
            ("https://us02.procore.com/webclients/host/companies/77/projects/5/tools", 77),
            ("https://app.procore.com/account?company_id=42&tab=1", 42),
            ("app.procore.com/9/company", 9),
        ];
        for (field, id) in cases {
            assert_eq!(parse_company_id(field).expect(field), CompanyId(id), "{field}");
        }
        for field in ["", "abc", "-5", "0", "https://app.procore.com/", "12a4", "99999999999999999999"] {
            assert!(parse_company_id(field).is_err(), "{field}");
        }
    }
}
