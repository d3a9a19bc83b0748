//! Every call of the API that changes something, as a table: one request for each method, about things that are there for it alone. What
//! is asked for with it, and how often, is not here.

use linkyard_control::{METHODS, Need};
use linkyard_core::scope::Access;
use linkyard_proto::v1;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Operators only may call it and it changes nothing.
const ONLY_READS: &str = "linkyard.v1.WorkerService/ListWorkers";

/// What every request id, and the id of what has none, begins with: it is how a request is known on its way.
pub const MARK: &str = "1057f00d";

/// Where a file goes: a provider that is looked for before the file has come.
const IMPORTS_TO: &str = "provider of files";

/// Names of what requests are about, by what it is, and a text that is in the names of what they make.
#[derive(Clone, Debug)]
pub struct Things {
    /// What the new things are called after.
    pub text: String,
    /// The company of a new provider.
    pub company: i64,
    /// Names of things, by what they are for.
    pub names: BTreeMap<&'static str, String>,
}

impl Things {
    /// The name of one.
    ///
    /// # Panics
    /// When there is none of the kind.
    #[must_use]
    pub fn of(&self, what: &str) -> String {
        self.names.get(what).unwrap_or_else(|| panic!("no {what} was made")).clone()
    }

    /// Others of the same kinds, that nobody made.
    #[must_use]
    pub fn others(&self) -> Self {
        let other = |name: &String| format!("{}/{}", name.rsplit_once('/').unwrap_or_default().0, Uuid::new_v4());
        let mut names: BTreeMap<_, _> = self.names.iter().map(|(what, name)| (*what, other(name))).collect();
        names.insert(IMPORTS_TO, self.of(IMPORTS_TO));
        Self { text: format!("{} otherwise", self.text), company: self.company + 1, names }
    }

    fn row(&self, side: &str, record: i64) -> String {
        format!("{}/{side}/{record}", self.of("provider"))
    }
}

/// A call that changes something.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its full name.
    pub method: String,
    /// Its messages as they are on the wire.
    pub messages: Vec<Vec<u8>>,
}

fn change(method: &str, message: impl Message) -> Change {
    Change { method: format!("linkyard.v1.{method}"), messages: vec![message.encode_to_vec()] }
}

/// A new id for a request.
#[must_use]
pub fn marked_id() -> String {
    format!("{MARK}{}", &Uuid::new_v4().to_string()[MARK.len()..])
}

/// One request for each method, in an order in which each of them finds what it is about. Requests of the same place in two tables have
/// the same request id when `id` says so.
#[must_use]
pub fn table(things: &Things, id: impl Fn(&str) -> String) -> Vec<Change> {
    let id: &dyn Fn(&str) -> String = &id;
    [jobs(things, id), mappings(things, id), choices(things, id), parties(things, id), projects(things, id), rest(things, id)]
        .into_iter()
        .flatten()
        .chain(providers(things, id))
        .collect()
}

/// Methods that change something.
#[must_use]
pub fn changing_methods() -> BTreeSet<String> {
    let changing = METHODS.iter().filter(|(_, need)| *need != Need::Key(Access::Read) && *need != Need::Nothing);
    changing.map(|(method, _)| (*method).to_owned()).filter(|method| method != ONLY_READS).collect()
}

type Id<'a> = &'a dyn Fn(&str) -> String;

fn jobs(things: &Things, id: Id<'_>) -> Vec<Change> {
    vec![
        change("JobService/CancelJob", v1::CancelJobRequest { name: things.of("waiting job"), request_id: id("cancel") }),
        change("JobService/RetryJob", v1::RetryJobRequest { name: things.of("failed job"), request_id: id("retry") }),
        change("WorkerService/DrainWorker", v1::DrainWorkerRequest { name: things.of("worker") }),
    ]
}

/// Each method on a row of its own, for both lists.
fn mappings(things: &Things, id: Id<'_>) -> Vec<Change> {
    use v1::{confirm_party_mappings_request, confirm_project_mappings_request};
    use v1::{import_party_decisions_request as party_part, import_project_decisions_request as project_part};
    let parent = things.of("provider");
    let left_out = || Some(v1::Choice { decision: v1::Decision::DoNotAdd.into(), ..Default::default() });
    let drafts = |side: &str| vec![v1::DraftUpdate { name: things.row(side, 1), draft: left_out(), ..Default::default() }];
    let confirm = |side: &str| v1::ConfirmRows {
        rows: vec![v1::ConfirmRow { name: things.row(side, 2), choice: left_out(), ..Default::default() }],
    };
    let decline = |side: &str| vec![v1::DeclineRow { name: things.row(side, 3), ..Default::default() }];
    let unlink = |side: &str| vec![v1::UnlinkRow { name: things.row(side, 4), ..Default::default() }];
    let import = |request_id| v1::DecisionImport { parent: things.of(IMPORTS_TO), request_id, ..Default::default() };
    let file = format!("record_id,decision,note\n5,DO_NOT_ADD,{}\n", things.text).into_bytes();
    let selection = Some(confirm_party_mappings_request::Selection::Rows(confirm("partyMappings")));
    let confirm_parties =
        v1::ConfirmPartyMappingsRequest { parent: parent.clone(), selection, request_id: id("confirm"), ..Default::default() };
    let selection = Some(confirm_project_mappings_request::Selection::Rows(confirm("projectMappings")));
    let confirm_projects =
        v1::ConfirmProjectMappingsRequest { parent: parent.clone(), selection, request_id: id("confirm"), ..Default::default() };
    let party_import = [party_part::Part::Start(import(id("import"))), party_part::Part::Csv(file.clone())];
    let project_import = [project_part::Part::Start(import(id("import"))), project_part::Part::Csv(file)];
    let streamed = |method: &str, messages: Vec<Vec<u8>>| Change { method: format!("linkyard.v1.{method}"), messages };
    let parts = party_import.map(|part| v1::ImportPartyDecisionsRequest { part: Some(part) }.encode_to_vec());
    let project_parts = project_import.map(|part| v1::ImportProjectDecisionsRequest { part: Some(part) }.encode_to_vec());
    let (p, r) = ("partyMappings", "projectMappings");
    vec![
        change(
            "PartyMappingService/BatchUpdatePartyMappings",
            v1::BatchUpdatePartyMappingsRequest { parent: parent.clone(), updates: drafts(p), request_id: id("draft") },
        ),
        change("PartyMappingService/ConfirmPartyMappings", confirm_parties),
        change(
            "PartyMappingService/BatchDeclinePartySuggestions",
            v1::BatchDeclinePartySuggestionsRequest { parent: parent.clone(), rows: decline(p), request_id: id("decline") },
        ),
        change(
            "PartyMappingService/BatchUnlinkPartyMappings",
            v1::BatchUnlinkPartyMappingsRequest { parent: parent.clone(), rows: unlink(p), request_id: id("unlink") },
        ),
        streamed("PartyMappingService/ImportPartyDecisions", parts.into()),
        change(
            "ProjectMappingService/BatchUpdateProjectMappings",
            v1::BatchUpdateProjectMappingsRequest { parent: parent.clone(), updates: drafts(r), request_id: id("draft") },
        ),
        change("ProjectMappingService/ConfirmProjectMappings", confirm_projects),
        change(
            "ProjectMappingService/BatchDeclineProjectSuggestions",
            v1::BatchDeclineProjectSuggestionsRequest { parent: parent.clone(), rows: decline(r), request_id: id("decline") },
        ),
        change(
            "ProjectMappingService/BatchUnlinkProjectMappings",
            v1::BatchUnlinkProjectMappingsRequest { parent, rows: unlink(r), request_id: id("unlink") },
        ),
        streamed("ProjectMappingService/ImportProjectDecisions", project_parts.into()),
    ]
}

fn mask(field: &str) -> Option<prost_types::FieldMask> {
    Some(prost_types::FieldMask { paths: vec![field.to_owned()] })
}

fn parties(things: &Things, id: Id<'_>) -> Vec<Change> {
    let create = v1::OnLookalike::Create.into();
    let new = |kind: &str| v1::Party { display_name: format!("{} {kind}", things.text), ..Default::default() };
    let (first, several) = (new("Roofing"), vec![new("Plumbing"), new("Glazing")]);
    let renamed = v1::Party { name: things.of("party"), ..new("Masonry") };
    let contact = |name: String, kind: &str| {
        Some(v1::Contact { name, display_name: format!("{} {kind}", things.text), ..Default::default() })
    };
    let merge = v1::MergePartiesRequest {
        name: things.of("party"),
        source: things.of("twin"),
        request_id: id("merge"),
        ..Default::default()
    };
    vec![
        change(
            "PartyService/CreateParty",
            v1::CreatePartyRequest { party: Some(first), request_id: id("party"), on_lookalike: create },
        ),
        change(
            "PartyService/BatchCreateParties",
            v1::BatchCreatePartiesRequest { parties: several, request_id: id("parties"), on_lookalike: create },
        ),
        change(
            "PartyService/UpdateParty",
            v1::UpdatePartyRequest { party: Some(renamed), update_mask: mask("display_name"), request_id: id("rename") },
        ),
        change("PartyService/MergeParties", merge),
        change(
            "PartyService/DeleteParty",
            v1::DeletePartyRequest { name: things.of("spare party"), request_id: id("delete"), ..Default::default() },
        ),
        change(
            "PartyService/CreateContact",
            v1::CreateContactRequest {
                parent: things.of("party"),
                contact: contact(String::new(), "Ann"),
                request_id: id("contact"),
            },
        ),
        change(
            "PartyService/UpdateContact",
            v1::UpdateContactRequest {
                contact: contact(things.of("contact"), "Bea"),
                update_mask: mask("display_name"),
                request_id: id("rename contact"),
            },
        ),
        change(
            "PartyService/DeleteContact",
            v1::DeleteContactRequest { name: things.of("spare contact"), request_id: id("delete contact"), ..Default::default() },
        ),
    ]
}

/// The lists that a party chooses from.
fn choices(things: &Things, id: Id<'_>) -> Vec<Change> {
    let party_type = |name: String, kind: &str| Some(v1::PartyType { name, display_name: format!("{} {kind}", things.text) });
    let profile =
        |name: String, kind: &str| Some(v1::ComplianceProfile { name, display_name: format!("{} {kind}", things.text) });
    vec![
        change(
            "PartyService/CreatePartyType",
            v1::CreatePartyTypeRequest { party_type: party_type(String::new(), "new"), request_id: id("type") },
        ),
        change(
            "PartyService/UpdatePartyType",
            v1::UpdatePartyTypeRequest { party_type: party_type(things.of("type"), "renamed"), request_id: id("rename type") },
        ),
        change(
            "PartyService/DeletePartyType",
            v1::DeletePartyTypeRequest { name: things.of("spare type"), request_id: id("delete type") },
        ),
        change(
            "PartyService/CreateComplianceProfile",
            v1::CreateComplianceProfileRequest { compliance_profile: profile(String::new(), "new"), request_id: id("profile") },
        ),
        change(
            "PartyService/UpdateComplianceProfile",
            v1::UpdateComplianceProfileRequest {
                compliance_profile: profile(things.of("profile"), "renamed"),
                request_id: id("rename profile"),
            },
        ),
        change(
            "PartyService/DeleteComplianceProfile",
            v1::DeleteComplianceProfileRequest { name: things.of("spare profile"), request_id: id("delete profile") },
        ),
    ]
}

fn projects(things: &Things, id: Id<'_>) -> Vec<Change> {
    let create = v1::OnLookalike::Create.into();
    let new = |kind: &str| v1::Project { display_name: format!("{} {kind}", things.text), ..Default::default() };
    let (name, parties) = (things.of("project"), vec![things.of("party")]);
    let renamed = Some(v1::Project { name: name.clone(), ..new("Tunnel") });
    vec![
        change(
            "ProjectService/CreateProject",
            v1::CreateProjectRequest { project: Some(new("Bridge")), request_id: id("project"), on_lookalike: create },
        ),
        change(
            "ProjectService/BatchCreateProjects",
            v1::BatchCreateProjectsRequest {
                projects: vec![new("School"), new("Harbour")],
                request_id: id("projects"),
                on_lookalike: create,
            },
        ),
        change(
            "ProjectService/UpdateProject",
            v1::UpdateProjectRequest { project: renamed, update_mask: mask("display_name"), request_id: id("rename project") },
        ),
        change(
            "ProjectService/AddProjectParties",
            v1::AddProjectPartiesRequest { name: name.clone(), parties: parties.clone(), request_id: id("add") },
        ),
        change(
            "ProjectService/RemoveProjectParties",
            v1::RemoveProjectPartiesRequest { name, parties, request_id: id("remove") },
        ),
        change(
            "ProjectService/DeleteProject",
            v1::DeleteProjectRequest { name: things.of("spare project"), request_id: id("delete project"), ..Default::default() },
        ),
    ]
}

/// Coverages, duplicates, keys.
fn rest(things: &Things, id: Id<'_>) -> Vec<Change> {
    let coverage = |name: String, insurance_type: &str| v1::Coverage {
        name,
        party: things.of("party"),
        insurance_type: insurance_type.to_owned(),
        insurer: things.text.clone(),
        status: v1::coverage::Status::Compliant.into(),
        ..Default::default()
    };
    let (new, changed) = (coverage(String::new(), "Auto"), coverage(things.of("coverage"), "Umbrella"));
    let organization = v1::Organization {
        display_name: format!("{} Holding", things.text),
        time_zone: "America/Los_Angeles".to_owned(),
        ..Default::default()
    };
    let key = v1::ApiKey { display_name: things.text.clone(), access: v1::Access::Read.into(), ..Default::default() };
    let group = || things.of("group");
    vec![
        change(
            "ComplianceService/BatchCreateCoverages",
            v1::BatchCreateCoveragesRequest { coverages: vec![new], request_id: id("cover") },
        ),
        change(
            "ComplianceService/BatchUpdateCoverages",
            v1::BatchUpdateCoveragesRequest { coverages: vec![changed], request_id: id("recover") },
        ),
        change(
            "ComplianceService/DeleteCoverage",
            v1::DeleteCoverageRequest { name: things.of("spare coverage"), request_id: id("uncover"), ..Default::default() },
        ),
        change(
            "ComplianceService/PushCompliance",
            v1::PushComplianceRequest { name: things.of("provider"), request_id: id("push"), ..Default::default() },
        ),
        change(
            "DuplicateService/DismissDuplicateGroup",
            v1::DismissDuplicateGroupRequest { name: group(), request_id: id("dismiss") },
        ),
        change(
            "DuplicateService/RestoreDuplicateGroup",
            v1::RestoreDuplicateGroupRequest { name: group(), request_id: id("restore") },
        ),
        change(
            "OrganizationService/CreateOrganization",
            v1::CreateOrganizationRequest { organization: Some(organization), request_id: id("open") },
        ),
        change("OrganizationService/CreateApiKey", v1::CreateApiKeyRequest { api_key: Some(key), request_id: id("key") }),
        change(
            "OrganizationService/RevokeApiKey",
            v1::RevokeApiKeyRequest { name: things.of("spare key"), request_id: id("revoke") },
        ),
    ]
}

fn providers(things: &Things, id: Id<'_>) -> Vec<Change> {
    let name = || things.of("provider");
    let new = v1::Provider {
        display_name: things.text.clone(),
        company_id: things.company.to_string(),
        client_id: "N/A".to_owned(),
        client_secret: "N/A".to_owned(),
        default_party_type: things.of("type"),
        default_compliance_profile: things.of("profile"),
        ..Default::default()
    };
    let renamed = v1::Provider { name: name(), display_name: format!("{} renamed", things.text), ..Default::default() };
    let rename = v1::UpdateProviderRequest {
        provider: Some(renamed),
        update_mask: mask("display_name"),
        request_id: id("rename provider"),
        ..Default::default()
    };
    vec![
        change(
            "ProviderService/CreateProvider",
            v1::CreateProviderRequest { provider: Some(new), request_id: id("provider"), ..Default::default() },
        ),
        change("ProviderService/UpdateProvider", rename),
        change(
            "ProviderService/ApproveProvider",
            v1::ApproveProviderRequest { name: things.of("claim"), request_id: id("approve") },
        ),
        change("ProviderService/TestProvider", v1::TestProviderRequest { name: name(), request_id: id("test") }),
        change(
            "ProviderService/FetchDirectory",
            v1::FetchDirectoryRequest { name: name(), request_id: id("fetch"), ..Default::default() },
        ),
        change("ProviderService/PauseProvider", v1::PauseProviderRequest { name: name(), request_id: id("pause") }),
        change("ProviderService/ResumeProvider", v1::ResumeProviderRequest { name: name(), request_id: id("resume") }),
        change(
            "ProviderService/DeleteProvider",
            v1::DeleteProviderRequest {
                name: things.of("doomed provider"),
                request_id: id("delete provider"),
                ..Default::default()
            },
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 22] = [
        "provider",
        IMPORTS_TO,
        "doomed provider",
        "claim",
        "waiting job",
        "failed job",
        "worker",
        "party",
        "twin",
        "spare party",
        "contact",
        "spare contact",
        "type",
        "spare type",
        "profile",
        "spare profile",
        "project",
        "spare project",
        "coverage",
        "spare coverage",
        "group",
        "spare key",
    ];

    #[test]
    fn every_method_that_changes_something_is_in_the_table_once() {
        let names = KINDS.map(|kind| (kind, format!("things/{kind}"))).into();
        let things = Things { text: "Acme".to_owned(), company: 1, names };
        let changes = table(&things, |_| marked_id());
        let covered: BTreeSet<String> = changes.iter().map(|change| change.method.clone()).collect();
        assert_eq!(covered.len(), changes.len(), "a method is there twice");
        assert_eq!(covered, changing_methods(), "a method that changes something has no request here");
    }
}
