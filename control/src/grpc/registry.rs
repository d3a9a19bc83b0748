//! Registry records as they come in: new parties, new projects, filters.

use super::decision;
use super::mask::Mask;
use crate::etag;
use crate::names::{COMPLIANCE_PROFILES, PARTIES, PARTY_TYPES, PROVIDERS};
use linkyard_core::Result;
use linkyard_core::directory::Address;
use linkyard_core::error::Violations;
use linkyard_core::id::{ComplianceProfileId, PartyId, PartyTypeId};
use linkyard_core::mapping::{LONGEST_NAME_CHARACTERS, OnLookalike};
use linkyard_core::plan::MOST_ROWS;
use linkyard_core::registry::{NewParty, NewProject, PartyChange, ProjectChange};
use linkyard_proto::v1;
use linkyard_store::RegistryFilter;
use prost_types::FieldMask;

/// What a party has where its form says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Defaults {
    pub(crate) party_type: Option<PartyTypeId>,
    pub(crate) profile: Option<ComplianceProfileId>,
}

/// Where in a request the records stand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// One, in this field.
    One(&'static str),
    /// Any number, in this repeated field.
    Many(&'static str),
}

impl Place {
    fn field(self) -> &'static str {
        match self {
            Self::One(field) | Self::Many(field) => field,
        }
    }

    /// A field as the request spells it: the store knows rows, `parties[0].name`.
    pub(crate) fn spelled(self, rows: &str, field: &str) -> String {
        match self {
            Self::One(one) => match field.strip_prefix(&format!("{rows}[0].")) {
                Some(part) => format!("{one}.{part}"),
                None => field.to_owned(),
            },
            Self::Many(_) => field.to_owned(),
        }
    }

    fn of(self, index: usize) -> String {
        match self {
            Self::One(field) => field.to_owned(),
            Self::Many(field) => format!("{field}[{index}]"),
        }
    }
}

/// Whether any of these parties has to be completed with the defaults.
pub(crate) fn incomplete(forms: &[v1::Party]) -> bool {
    forms.iter().any(|form| form.party_type.is_empty() || form.compliance_profile.is_empty())
}

/// The parties of a request.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn new_parties(forms: &[v1::Party], place: Place, defaults: Defaults) -> Result<Vec<NewParty>> {
    let mut violations = Violations::default();
    few(place.field(), forms.len(), &mut violations);
    let mut parties = Vec::with_capacity(forms.len());
    for (index, form) in forms.iter().enumerate() {
        let place = place.of(index);
        let name = name(&place, &form.display_name, &mut violations);
        let party_type = match form.party_type.as_str() {
            "" => defaulted(&place, "party_type", defaults.party_type, &mut violations),
            given => PARTY_TYPES.note(&format!("{place}.party_type"), given, &mut violations),
        };
        let profile = match form.compliance_profile.as_str() {
            "" => defaulted(&place, "compliance_profile", defaults.profile, &mut violations),
            given => COMPLIANCE_PROFILES.note(&format!("{place}.compliance_profile"), given, &mut violations),
        };
        parties.extend(party_type.zip(profile).map(|(party_type, compliance_profile)| NewParty {
            name,
            party_type,
            compliance_profile,
            address: address(form.address.as_ref()),
            phone: given(&form.phone),
            email: given(&form.email),
        }));
    }
    violations.finish(parties)
}

/// The projects of a request.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn new_projects(forms: &[v1::Project], place: Place) -> Result<Vec<NewProject>> {
    let mut violations = Violations::default();
    few(place.field(), forms.len(), &mut violations);
    let mut projects = Vec::with_capacity(forms.len());
    for (index, form) in forms.iter().enumerate() {
        let name = name(&place.of(index), &form.display_name, &mut violations);
        projects.push(NewProject { name, number: given(&form.number), address: address(form.address.as_ref()) });
    }
    violations.finish(projects)
}

/// The fields of a party that can be changed.
const PARTY_FIELDS: [&str; 6] = ["display_name", "party_type", "compliance_profile", "address", "phone", "email"];

/// What a request changes about a party, and the revision that the person saw.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn party_change(form: &v1::Party, mask: Option<&FieldMask>) -> Result<(PartyChange, Option<i64>)> {
    let mut violations = Violations::default();
    let mask = Mask::read(mask, &PARTY_FIELDS, &mut violations);
    let change = PartyChange {
        name: mask.take("display_name", || name("party", &form.display_name, &mut violations)),
        party_type: mask.take("party_type", || PARTY_TYPES.note("party.party_type", &form.party_type, &mut violations)).flatten(),
        compliance_profile: mask
            .take("compliance_profile", || {
                COMPLIANCE_PROFILES.note("party.compliance_profile", &form.compliance_profile, &mut violations)
            })
            .flatten(),
        address: mask.take("address", || address(form.address.as_ref())),
        phone: mask.take("phone", || given(&form.phone)),
        email: mask.take("email", || given(&form.email)),
    };
    let expected = etag::parse("party.etag", &form.etag, &mut violations);
    violations.finish((change, expected))
}

/// The fields of a project that can be changed.
const PROJECT_FIELDS: [&str; 3] = ["display_name", "number", "address"];

/// What a request changes about a project, and the revision that the person saw.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn project_change(form: &v1::Project, mask: Option<&FieldMask>) -> Result<(ProjectChange, Option<i64>)> {
    let mut violations = Violations::default();
    let mask = Mask::read(mask, &PROJECT_FIELDS, &mut violations);
    let change = ProjectChange {
        name: mask.take("display_name", || name("project", &form.display_name, &mut violations)),
        number: mask.take("number", || given(&form.number)),
        address: mask.take("address", || address(form.address.as_ref())),
    };
    let expected = etag::parse("project.etag", &form.etag, &mut violations);
    violations.finish((change, expected))
}

/// The parties that a request names.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn parties(names: &[String]) -> Result<Vec<PartyId>> {
    let mut violations = Violations::default();
    few("parties", names.len(), &mut violations);
    let named = names.iter().enumerate();
    let parties = named.filter_map(|(index, name)| PARTIES.note(&format!("parties[{index}]"), name, &mut violations));
    let parties = parties.collect();
    violations.finish(parties)
}

/// The filter in a list request; none selects all.
///
/// # Errors
/// `Invalid` for a name that is none.
pub(crate) fn filter(filter: Option<&v1::RegistryFilter>) -> Result<RegistryFilter> {
    let Some(filter) = filter else { return Ok(RegistryFilter::default()) };
    let provider = match filter.provider.as_str() {
        "" => None,
        name => Some(PROVIDERS.parse("filter.provider", name)?),
    };
    Ok(RegistryFilter { search: given(&filter.search), provider, linked: filter.linked, suspected: false })
}

fn few(field: &str, rows: usize, violations: &mut Violations) {
    if rows > MOST_ROWS {
        violations.add(field, format!("has {rows} rows; at most {MOST_ROWS} go into one request"));
    }
    if rows == 0 {
        violations.add(field, "is empty");
    }
}

fn name(place: &str, text: &str, violations: &mut Violations) -> String {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_NAME_CHARACTERS {
        violations.add(format!("{place}.display_name"), format!("must have 1 to {LONGEST_NAME_CHARACTERS} characters"));
    }
    text.to_owned()
}

fn defaulted<Id>(place: &str, field: &str, default: Option<Id>, violations: &mut Violations) -> Option<Id> {
    if default.is_none() {
        violations.add(format!("{place}.{field}"), "is missing, and the organization has none to take instead");
    }
    default
}

fn address(address: Option<&v1::Address>) -> Address {
    let Some(address) = address else { return Address::default() };
    Address {
        street: given(&address.street),
        city: given(&address.city),
        region: given(&address.region),
        postal_code: given(&address.postal_code),
        country: given(&address.country),
    }
}

fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// What a creation does when something like it is there: it is refused unless said otherwise.
///
/// # Errors
/// `Invalid` for a number that names nothing.
pub(crate) fn on_lookalike(word: i32) -> Result<OnLookalike> {
    let mut violations = Violations::default();
    let rule = decision::on_lookalike("on_lookalike", word, OnLookalike::Hold, &mut violations);
    violations.finish(rule.unwrap_or(OnLookalike::Hold))
}
