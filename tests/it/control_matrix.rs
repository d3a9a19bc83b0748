//! Every method of the API, called by one tenant with what belongs to another.

use crate::control_kit::{Clients, call};
use linkyard_control::METHODS;
use linkyard_core::duplicate::{MemberId, Searched};
use linkyard_core::id::RecordId;
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_proto::v1;
use linkyard_tests::control::{Control, Tenant};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::{active_provider, duplicates as duplicates_found, fetch, platform_form};
use prost::Message;
use std::collections::BTreeSet;
use tonic::Code;

/// What a request of the matrix is about.
enum About {
    /// Something of the first tenant.
    Theirs(Vec<u8>),
    /// Nothing that has an id: only its own tenant's rows can come back.
    Own(Vec<u8>),
    /// Of the installation, like a claim that waits: an operator decides about every tenant's.
    AnyTenants(Vec<u8>),
}

/// Names of what the first tenant has.
struct Rows {
    provider: String,
    pending: String,
    job: String,
    party: String,
    contact: String,
    /// To be merged into the other one.
    twin: String,
    project: String,
    party_type: String,
    profile: String,
    key: String,
    coverage: String,
    duplicate_group: String,
}

/// A method without its package, and a request for it.
type Case = (&'static str, About);

fn theirs(message: impl Message) -> About {
    About::Theirs(message.encode_to_vec())
}

fn own(message: impl Message) -> About {
    About::Own(message.encode_to_vec())
}

fn jobs_and_organizations(rows: &Rows) -> Vec<Case> {
    let (provider, name, request_id) = (rows.provider.clone(), || rows.job.clone(), String::new());
    vec![
        ("JobService/GetJob", theirs(v1::GetJobRequest { name: name() })),
        ("JobService/ListJobs", theirs(v1::ListJobsRequest { provider, ..Default::default() })),
        ("JobService/WatchJob", theirs(v1::WatchJobRequest { name: name(), since_revision: 0 })),
        ("JobService/CancelJob", theirs(v1::CancelJobRequest { name: name(), request_id: request_id.clone() })),
        ("JobService/RetryJob", theirs(v1::RetryJobRequest { name: name(), request_id })),
        ("JobService/ListImportRows", theirs(v1::ListImportRowsRequest { parent: name(), ..Default::default() })),
        ("OrganizationService/GetOrganization", own(v1::GetOrganizationRequest {})),
        ("OrganizationService/CreateOrganization", own(v1::CreateOrganizationRequest::default())),
        ("OrganizationService/CreateApiKey", own(v1::CreateApiKeyRequest::default())),
        ("OrganizationService/ListApiKeys", own(v1::ListApiKeysRequest::default())),
        ("OrganizationService/RevokeApiKey", theirs(v1::RevokeApiKeyRequest { name: rows.key.clone(), ..Default::default() })),
        ("OrganizationService/ListAuditEntries", own(v1::ListAuditEntriesRequest::default())),
        ("WorkerService/ListWorkers", About::AnyTenants(v1::ListWorkersRequest {}.encode_to_vec())),
        ("WorkerService/DrainWorker", About::AnyTenants(v1::DrainWorkerRequest::default().encode_to_vec())),
    ]
}

fn registry(rows: &Rows) -> Vec<Case> {
    let filter = || Some(v1::RegistryFilter { provider: rows.provider.clone(), ..Default::default() });
    let (party, project) = (rows.party.clone(), || rows.project.clone());
    let form = Some(v1::Contact { name: rows.contact.clone(), display_name: "Ann".to_owned(), ..Default::default() });
    let contact = v1::CreateContactRequest { parent: party.clone(), contact: form.clone(), request_id: String::new() };
    let update = v1::UpdateContactRequest { contact: form, ..Default::default() };
    vec![
        ("PartyService/CreateParty", own(v1::CreatePartyRequest::default())),
        ("PartyService/BatchCreateParties", own(v1::BatchCreatePartiesRequest::default())),
        ("PartyService/GetParty", theirs(v1::GetPartyRequest { name: party })),
        ("PartyService/ListParties", theirs(v1::ListPartiesRequest { filter: filter(), ..Default::default() })),
        ("PartyService/CreatePartyType", own(v1::CreatePartyTypeRequest::default())),
        ("PartyService/ListPartyTypes", own(v1::ListPartyTypesRequest {})),
        ("PartyService/CreateComplianceProfile", own(v1::CreateComplianceProfileRequest::default())),
        ("PartyService/ListComplianceProfiles", own(v1::ListComplianceProfilesRequest {})),
        ("PartyService/ListContacts", theirs(v1::ListContactsRequest { parent: rows.party.clone(), ..Default::default() })),
        ("PartyService/CreateContact", theirs(contact)),
        ("PartyService/UpdateContact", theirs(update)),
        ("PartyService/DeleteContact", theirs(v1::DeleteContactRequest { name: rows.contact.clone(), ..Default::default() })),
        ("ProjectService/CreateProject", own(v1::CreateProjectRequest::default())),
        ("ProjectService/BatchCreateProjects", own(v1::BatchCreateProjectsRequest::default())),
        ("ProjectService/GetProject", theirs(v1::GetProjectRequest { name: project() })),
        ("ProjectService/ListProjects", theirs(v1::ListProjectsRequest { filter: filter(), ..Default::default() })),
        ("ProjectService/ListProjectParties", theirs(v1::ListProjectPartiesRequest { parent: project(), ..Default::default() })),
    ]
}

fn providers(rows: &Rows) -> Vec<Case> {
    let name = || rows.provider.clone();
    let pending = v1::ApproveProviderRequest { name: rows.pending.clone(), ..Default::default() };
    vec![
        ("ProviderService/CreateProvider", own(v1::CreateProviderRequest::default())),
        ("ProviderService/GetProvider", theirs(v1::GetProviderRequest { name: name() })),
        ("ProviderService/ListProviders", own(v1::ListProvidersRequest::default())),
        ("ProviderService/ApproveProvider", About::AnyTenants(pending.encode_to_vec())),
        ("ProviderService/PauseProvider", theirs(v1::PauseProviderRequest { name: name(), ..Default::default() })),
        ("ProviderService/ResumeProvider", theirs(v1::ResumeProviderRequest { name: name(), ..Default::default() })),
        ("ProviderService/TestProvider", theirs(v1::TestProviderRequest { name: name(), ..Default::default() })),
        ("ProviderService/FetchDirectory", theirs(v1::FetchDirectoryRequest { name: name(), ..Default::default() })),
        ("ProviderService/GetDirectoryReport", theirs(v1::GetDirectoryReportRequest { name: name() })),
        ("ProviderService/GetBudget", theirs(v1::GetBudgetRequest { name: name(), history_minutes: 10 })),
    ]
}

fn compliance(rows: &Rows) -> Vec<Case> {
    let (provider, coverage) = (|| rows.provider.clone(), || rows.coverage.clone());
    let form = v1::Coverage {
        name: coverage(),
        insurance_type: "Auto".to_owned(),
        status: v1::coverage::Status::Compliant.into(),
        ..Default::default()
    };
    let update = v1::BatchUpdateCoveragesRequest { coverages: vec![form], request_id: String::new() };
    vec![
        ("ComplianceService/BatchCreateCoverages", own(v1::BatchCreateCoveragesRequest::default())),
        ("ComplianceService/GetCoverage", theirs(v1::GetCoverageRequest { name: coverage() })),
        ("ComplianceService/ListCoverages", theirs(v1::ListCoveragesRequest { party: rows.party.clone(), ..Default::default() })),
        ("ComplianceService/BatchUpdateCoverages", theirs(update)),
        ("ComplianceService/ListInsurances", theirs(v1::ListInsurancesRequest { parent: provider(), ..Default::default() })),
        ("ComplianceService/CountInsurances", theirs(v1::CountInsurancesRequest { parent: provider() })),
        ("ComplianceService/PushCompliance", theirs(v1::PushComplianceRequest { name: provider(), ..Default::default() })),
        ("ComplianceService/DeleteCoverage", theirs(v1::DeleteCoverageRequest { name: coverage(), ..Default::default() })),
    ]
}

fn duplicates(rows: &Rows) -> Vec<Case> {
    let name = || rows.duplicate_group.clone();
    let listed = v1::ListDuplicateGroupsRequest {
        list: v1::SearchedList::Vendors.into(),
        provider: rows.provider.clone(),
        ..Default::default()
    };
    vec![
        ("DuplicateService/ListDuplicateGroups", theirs(listed)),
        ("DuplicateService/GetDuplicateGroup", theirs(v1::GetDuplicateGroupRequest { name: name() })),
        (
            "DuplicateService/DismissDuplicateGroup",
            theirs(v1::DismissDuplicateGroupRequest { name: name(), ..Default::default() }),
        ),
        (
            "DuplicateService/RestoreDuplicateGroup",
            theirs(v1::RestoreDuplicateGroupRequest { name: name(), ..Default::default() }),
        ),
    ]
}

fn mappings(rows: &Rows) -> Vec<Case> {
    let parent = || rows.provider.clone();
    let (party, project) = (format!("{}/partyMappings/1", rows.provider), format!("{}/projectMappings/1", rows.provider));
    let ignore = Some(v1::Choice { decision: v1::Decision::DoNotAdd.into(), ..Default::default() });
    let confirm = |name: &str| v1::ConfirmRows {
        rows: vec![v1::ConfirmRow { name: name.to_owned(), choice: ignore.clone(), ..Default::default() }],
    };
    let updates = |name: &str| vec![v1::DraftUpdate { name: name.to_owned(), draft: ignore.clone(), ..Default::default() }];
    let drafts = v1::BatchUpdatePartyMappingsRequest { parent: parent(), updates: updates(&party), ..Default::default() };
    let selection = Some(v1::confirm_party_mappings_request::Selection::Rows(confirm(&party)));
    let confirmed = v1::ConfirmPartyMappingsRequest { parent: parent(), selection, ..Default::default() };
    let mut cases = vec![
        ("PartyMappingService/GetPartyMapping", theirs(v1::GetPartyMappingRequest { name: party })),
        (
            "PartyMappingService/ListPartyMappings",
            theirs(v1::ListPartyMappingsRequest { parent: parent(), ..Default::default() }),
        ),
        ("PartyMappingService/CountPartyMappings", theirs(v1::CountPartyMappingsRequest { parent: parent() })),
        ("PartyMappingService/BatchUpdatePartyMappings", theirs(drafts)),
        ("PartyMappingService/ConfirmPartyMappings", theirs(confirmed)),
    ];
    let drafts = v1::BatchUpdateProjectMappingsRequest { parent: parent(), updates: updates(&project), ..Default::default() };
    let selection = Some(v1::confirm_project_mappings_request::Selection::Rows(confirm(&project)));
    let confirmed = v1::ConfirmProjectMappingsRequest { parent: parent(), selection, ..Default::default() };
    let listed = v1::ListProjectMappingsRequest { parent: parent(), ..Default::default() };
    let start = || v1::DecisionImport { parent: parent(), ..Default::default() };
    let parties = v1::import_party_decisions_request::Part::Start(start());
    let projects = v1::import_project_decisions_request::Part::Start(start());
    let exported = v1::ExportProjectMappingsRequest { parent: parent(), ..Default::default() };
    cases.extend([
        (
            "PartyMappingService/ExportPartyMappings",
            theirs(v1::ExportPartyMappingsRequest { parent: parent(), ..Default::default() }),
        ),
        ("PartyMappingService/ImportPartyDecisions", theirs(v1::ImportPartyDecisionsRequest { part: Some(parties) })),
        ("ProjectMappingService/ExportProjectMappings", theirs(exported)),
        ("ProjectMappingService/ImportProjectDecisions", theirs(v1::ImportProjectDecisionsRequest { part: Some(projects) })),
        ("ProjectMappingService/GetProjectMapping", theirs(v1::GetProjectMappingRequest { name: project })),
        ("ProjectMappingService/ListProjectMappings", theirs(listed)),
        ("ProjectMappingService/CountProjectMappings", theirs(v1::CountProjectMappingsRequest { parent: parent() })),
        ("ProjectMappingService/BatchUpdateProjectMappings", theirs(drafts)),
        ("ProjectMappingService/ConfirmProjectMappings", theirs(confirmed)),
    ]);
    cases
}

/// What changes and what goes; in this order, and after everything else.
fn changes(rows: &Rows) -> Vec<Case> {
    let mask = || Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] });
    let (display_name, parent) = ("Renamed".to_owned(), || rows.provider.clone());
    let party = v1::Party { name: rows.party.clone(), display_name: display_name.clone(), ..Default::default() };
    let party = v1::UpdatePartyRequest { party: Some(party), update_mask: mask(), ..Default::default() };
    let merge = v1::MergePartiesRequest { name: rows.party.clone(), source: rows.twin.clone(), ..Default::default() };
    let provider = v1::Provider { name: parent(), display_name, ..Default::default() };
    let provider = v1::UpdateProviderRequest { provider: Some(provider), update_mask: mask(), ..Default::default() };
    let row = |side: &str| vec![v1::UnlinkRow { name: format!("{}/{side}/1", rows.provider), ..Default::default() }];
    let parties = v1::BatchUnlinkPartyMappingsRequest { parent: parent(), rows: row("partyMappings"), ..Default::default() };
    let projects = v1::BatchUnlinkProjectMappingsRequest { parent: parent(), rows: row("projectMappings"), ..Default::default() };
    let decline = |side: &str| vec![v1::DeclineRow { name: format!("{}/{side}/1", rows.provider), ..Default::default() }];
    let no_parties =
        v1::BatchDeclinePartySuggestionsRequest { parent: parent(), rows: decline("partyMappings"), ..Default::default() };
    let no_projects =
        v1::BatchDeclineProjectSuggestionsRequest { parent: parent(), rows: decline("projectMappings"), ..Default::default() };
    let project = v1::Project { name: rows.project.clone(), display_name: "Renamed".to_owned(), ..Default::default() };
    let project = v1::UpdateProjectRequest { project: Some(project), update_mask: mask(), ..Default::default() };
    let (name, named) = (rows.project.clone(), vec![rows.party.clone()]);
    let add = v1::AddProjectPartiesRequest { name: name.clone(), parties: named.clone(), request_id: String::new() };
    let remove = v1::RemoveProjectPartiesRequest { name, parties: named, request_id: String::new() };
    let party_type = v1::PartyType { name: rows.party_type.clone(), display_name: "Renamed".to_owned() };
    let profile = v1::ComplianceProfile { name: rows.profile.clone(), display_name: "Renamed".to_owned() };
    let no_type = v1::DeletePartyTypeRequest { name: rows.party_type.clone(), ..Default::default() };
    let no_profile = v1::DeleteComplianceProfileRequest { name: rows.profile.clone(), ..Default::default() };
    let party_type = v1::UpdatePartyTypeRequest { party_type: Some(party_type), ..Default::default() };
    let profile = v1::UpdateComplianceProfileRequest { compliance_profile: Some(profile), ..Default::default() };
    vec![
        ("ProjectService/UpdateProject", theirs(project)),
        ("ProjectService/AddProjectParties", theirs(add)),
        ("ProjectService/RemoveProjectParties", theirs(remove)),
        ("PartyService/UpdatePartyType", theirs(party_type)),
        ("PartyService/DeletePartyType", theirs(no_type)),
        ("PartyService/UpdateComplianceProfile", theirs(profile)),
        ("PartyService/DeleteComplianceProfile", theirs(no_profile)),
        ("PartyMappingService/BatchDeclinePartySuggestions", theirs(no_parties)),
        ("PartyMappingService/BatchUnlinkPartyMappings", theirs(parties)),
        ("ProjectMappingService/BatchDeclineProjectSuggestions", theirs(no_projects)),
        ("ProjectMappingService/BatchUnlinkProjectMappings", theirs(projects)),
        ("PartyService/UpdateParty", theirs(party)),
        ("PartyService/MergeParties", theirs(merge)),
        ("PartyService/DeleteParty", theirs(v1::DeletePartyRequest { name: rows.party.clone(), ..Default::default() })),
        ("ProjectService/DeleteProject", theirs(v1::DeleteProjectRequest { name: rows.project.clone(), ..Default::default() })),
        ("ProviderService/UpdateProvider", theirs(provider)),
        ("ProviderService/DeleteProvider", theirs(v1::DeleteProviderRequest { name: parent(), ..Default::default() })),
    ]
}

/// A request for every method of the API.
fn matrix(rows: &Rows) -> Vec<Case> {
    [
        jobs_and_organizations(rows),
        registry(rows),
        providers(rows),
        mappings(rows),
        duplicates(rows),
        compliance(rows),
        changes(rows),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Fills a tenant with one of everything.
async fn rows(control: &Control, tenant: &Tenant) -> Rows {
    let mut clients = Clients::of(control, &tenant.write);
    let provider = active_provider(&control.store, &tenant.scope, 1).await.id;
    let pending = platform_form(&control.store, &tenant.scope, 2).await;
    let pending = control.store.provider_create(&tenant.scope, &pending, false, None).await.expect("a claim").0.id;
    for subject in Subject::ALL {
        control.fetched(&tenant.scope, provider, subject, &[(1, "Acme"), (2, "Bolt")]).await;
    }
    let job = fetch(&control.store, &tenant.scope, provider).await.id;
    let party = v1::Party { display_name: "Acme".to_owned(), ..Default::default() };
    let party = v1::CreatePartyRequest { party: Some(party), ..Default::default() };
    let party = clients.parties.create_party(party).await;
    let party = party.expect("a party").into_inner().name;
    let contact = v1::Contact { display_name: "Ann".to_owned(), ..Default::default() };
    let contact = v1::CreateContactRequest { parent: party.clone(), contact: Some(contact), request_id: String::new() };
    let contact = clients.parties.create_contact(contact).await.expect("a contact").into_inner().name;
    let twin = v1::Party { display_name: "Acme Holding".to_owned(), ..Default::default() };
    let twin =
        v1::CreatePartyRequest { party: Some(twin), request_id: String::new(), on_lookalike: v1::OnLookalike::Create.into() };
    let twin = clients.parties.create_party(twin).await.expect("a party").into_inner().name;
    let project = v1::Project { display_name: "Tower".to_owned(), ..Default::default() };
    let project = v1::CreateProjectRequest { project: Some(project), request_id: String::new(), ..Default::default() };
    let project = clients.projects.create_project(project).await.expect("a project").into_inner();
    let list = Searched { provider: Some(provider), subject: Subject::Vendor };
    let group = [1, 2].map(|id| MemberId::Record(RecordId(id)));
    duplicates_found(&control.store, &tenant.scope, provider, list, &group).await;
    let group = PageRequest { size: 1, after: None };
    let group = control.store.duplicate_list(&tenant.scope, list, false, &group).await.expect("a group").rows[0].id;
    let coverage = v1::Coverage {
        party: party.clone(),
        insurance_type: "Auto".to_owned(),
        status: v1::coverage::Status::Compliant.into(),
        ..Default::default()
    };
    let coverage = v1::BatchCreateCoveragesRequest { coverages: vec![coverage], request_id: String::new() };
    let coverage = clients.compliance.batch_create_coverages(coverage).await.expect("a coverage").into_inner();
    let types = clients.parties.list_party_types(v1::ListPartyTypesRequest {}).await.expect("types").into_inner();
    let profiles = clients.parties.list_compliance_profiles(v1::ListComplianceProfilesRequest {}).await;
    let profiles = profiles.expect("profiles").into_inner();
    let keys = clients.organizations.list_api_keys(v1::ListApiKeysRequest::default()).await.expect("keys").into_inner();
    Rows {
        provider: format!("providers/{provider}"),
        pending: format!("providers/{pending}"),
        job: format!("jobs/{job}"),
        party,
        contact,
        twin,
        project: project.name,
        party_type: types.party_types[0].name.clone(),
        profile: profiles.compliance_profiles[0].name.clone(),
        key: keys.api_keys[0].name.clone(),
        coverage: coverage.coverages[0].name.clone(),
        duplicate_group: format!("duplicateGroups/{group}"),
    }
}

#[tokio::test]
async fn nothing_of_one_tenant_is_there_for_another() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let (alpha, beta) = (control.tenant("Alpha").await, control.tenant("Beta").await);
        let rows = rows(&control, &alpha).await;
        let matrix = matrix(&rows);
        let covered: BTreeSet<String> = matrix.iter().map(|(method, _)| format!("linkyard.v1.{method}")).collect();
        let all: BTreeSet<String> = METHODS.iter().map(|(method, _)| (*method).to_owned()).collect();
        assert_eq!(covered, all, "a method is missing from the matrix");

        for (method, about) in &matrix {
            let full = format!("linkyard.v1.{method}");
            match about {
                About::Theirs(message) => {
                    let foreign = call(control.keyed(&beta.operator), &full, message.clone()).await;
                    assert_eq!(foreign.expect_err(method).code(), Code::NotFound, "{method} for another tenant");
                }
                About::Own(message) => {
                    let answer = call(control.keyed(&beta.write), &full, message.clone()).await.unwrap_or_default();
                    let text = String::from_utf8_lossy(&answer).into_owned();
                    for secret in [&rows.provider, &rows.party, &alpha.scope.organization.to_string(), "Alpha"] {
                        assert!(!text.contains(secret), "{method} tells of another tenant");
                    }
                }
                About::AnyTenants(message) => {
                    let refusal = call(control.keyed(&beta.write), &full, message.clone()).await.expect_err(method);
                    assert_eq!(refusal.code(), Code::PermissionDenied);
                }
            }
        }
        // The same requests by their owner, last because they change things: so the ids were right and only the tenant was wrong.
        for (method, about) in &matrix {
            if let About::Theirs(message) = about {
                let answer = call(control.keyed(&alpha.operator), &format!("linkyard.v1.{method}"), message.clone()).await;
                assert_ne!(answer.err().map(|status| status.code()), Some(Code::NotFound), "{method} for its owner");
            }
        }
    })
    .await;
}
