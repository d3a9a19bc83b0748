//! Who may call what: one table over all methods. A method that is not in it is refused, so forgetting an entry is safe, and a test
//! compares the table with the API's descriptors, so it is noticed.

use linkyard_core::scope::Access;

/// What a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: services that hold no tenant's data.
    Nothing,
    /// A key with at least this access.
    Key(Access),
}

/// Services that need no key: probes and tools ask them before they have one. Both versions of reflection, because clients differ in
/// which one they know.
pub const OPEN_SERVICES: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

const READ: Need = Need::Key(Access::Read);
const WRITE: Need = Need::Key(Access::Write);
const OPERATOR: Need = Need::Key(Access::Operator);

/// Every method of the API by its full name.
pub const METHODS: [(&str, Need); 84] = [
    ("linkyard.v1.ComplianceService/BatchCreateCoverages", WRITE),
    ("linkyard.v1.ComplianceService/GetCoverage", READ),
    ("linkyard.v1.ComplianceService/ListCoverages", READ),
    ("linkyard.v1.ComplianceService/BatchUpdateCoverages", WRITE),
    ("linkyard.v1.ComplianceService/DeleteCoverage", WRITE),
    ("linkyard.v1.ComplianceService/ListInsurances", READ),
    ("linkyard.v1.ComplianceService/CountInsurances", READ),
    ("linkyard.v1.ComplianceService/PushCompliance", WRITE),
    ("linkyard.v1.DuplicateService/ListDuplicateGroups", READ),
    ("linkyard.v1.DuplicateService/GetDuplicateGroup", READ),
    ("linkyard.v1.DuplicateService/DismissDuplicateGroup", WRITE),
    ("linkyard.v1.DuplicateService/RestoreDuplicateGroup", WRITE),
    ("linkyard.v1.JobService/GetJob", READ),
    ("linkyard.v1.JobService/ListJobs", READ),
    ("linkyard.v1.JobService/WatchJob", READ),
    ("linkyard.v1.JobService/CancelJob", WRITE),
    ("linkyard.v1.JobService/RetryJob", WRITE),
    ("linkyard.v1.JobService/ListImportRows", READ),
    ("linkyard.v1.OrganizationService/GetOrganization", READ),
    ("linkyard.v1.OrganizationService/CreateOrganization", OPERATOR),
    // No key makes a key that may do more than itself.
    ("linkyard.v1.OrganizationService/CreateApiKey", WRITE),
    ("linkyard.v1.OrganizationService/ListApiKeys", READ),
    ("linkyard.v1.OrganizationService/RevokeApiKey", WRITE),
    ("linkyard.v1.OrganizationService/ListAuditEntries", READ),
    ("linkyard.v1.PartyMappingService/GetPartyMapping", READ),
    ("linkyard.v1.PartyMappingService/ListPartyMappings", READ),
    ("linkyard.v1.PartyMappingService/CountPartyMappings", READ),
    ("linkyard.v1.PartyMappingService/BatchUpdatePartyMappings", WRITE),
    ("linkyard.v1.PartyMappingService/ConfirmPartyMappings", WRITE),
    ("linkyard.v1.PartyMappingService/BatchDeclinePartySuggestions", WRITE),
    ("linkyard.v1.PartyMappingService/BatchUnlinkPartyMappings", WRITE),
    ("linkyard.v1.PartyMappingService/ExportPartyMappings", READ),
    ("linkyard.v1.PartyMappingService/ImportPartyDecisions", WRITE),
    ("linkyard.v1.PartyService/CreateParty", WRITE),
    ("linkyard.v1.PartyService/BatchCreateParties", WRITE),
    ("linkyard.v1.PartyService/GetParty", READ),
    ("linkyard.v1.PartyService/ListParties", READ),
    ("linkyard.v1.PartyService/UpdateParty", WRITE),
    ("linkyard.v1.PartyService/DeleteParty", WRITE),
    ("linkyard.v1.PartyService/MergeParties", WRITE),
    ("linkyard.v1.PartyService/CreatePartyType", WRITE),
    ("linkyard.v1.PartyService/UpdatePartyType", WRITE),
    ("linkyard.v1.PartyService/DeletePartyType", WRITE),
    ("linkyard.v1.PartyService/ListPartyTypes", READ),
    ("linkyard.v1.PartyService/CreateComplianceProfile", WRITE),
    ("linkyard.v1.PartyService/UpdateComplianceProfile", WRITE),
    ("linkyard.v1.PartyService/DeleteComplianceProfile", WRITE),
    ("linkyard.v1.PartyService/ListComplianceProfiles", READ),
    ("linkyard.v1.PartyService/ListContacts", READ),
    ("linkyard.v1.PartyService/CreateContact", WRITE),
    ("linkyard.v1.PartyService/UpdateContact", WRITE),
    ("linkyard.v1.PartyService/DeleteContact", WRITE),
    ("linkyard.v1.ProjectMappingService/GetProjectMapping", READ),
    ("linkyard.v1.ProjectMappingService/ListProjectMappings", READ),
    ("linkyard.v1.ProjectMappingService/CountProjectMappings", READ),
    ("linkyard.v1.ProjectMappingService/BatchUpdateProjectMappings", WRITE),
    ("linkyard.v1.ProjectMappingService/ConfirmProjectMappings", WRITE),
    ("linkyard.v1.ProjectMappingService/BatchDeclineProjectSuggestions", WRITE),
    ("linkyard.v1.ProjectMappingService/BatchUnlinkProjectMappings", WRITE),
    ("linkyard.v1.ProjectMappingService/ExportProjectMappings", READ),
    ("linkyard.v1.ProjectMappingService/ImportProjectDecisions", WRITE),
    ("linkyard.v1.ProjectService/CreateProject", WRITE),
    ("linkyard.v1.ProjectService/BatchCreateProjects", WRITE),
    ("linkyard.v1.ProjectService/GetProject", READ),
    ("linkyard.v1.ProjectService/ListProjects", READ),
    ("linkyard.v1.ProjectService/UpdateProject", WRITE),
    ("linkyard.v1.ProjectService/DeleteProject", WRITE),
    ("linkyard.v1.ProjectService/ListProjectParties", READ),
    ("linkyard.v1.ProjectService/AddProjectParties", WRITE),
    ("linkyard.v1.ProjectService/RemoveProjectParties", WRITE),
    ("linkyard.v1.ProviderService/CreateProvider", WRITE),
    ("linkyard.v1.ProviderService/GetProvider", READ),
    ("linkyard.v1.ProviderService/ListProviders", READ),
    ("linkyard.v1.ProviderService/UpdateProvider", WRITE),
    ("linkyard.v1.ProviderService/DeleteProvider", WRITE),
    ("linkyard.v1.ProviderService/ApproveProvider", OPERATOR),
    ("linkyard.v1.ProviderService/PauseProvider", WRITE),
    ("linkyard.v1.ProviderService/ResumeProvider", WRITE),
    ("linkyard.v1.ProviderService/TestProvider", WRITE),
    ("linkyard.v1.ProviderService/FetchDirectory", WRITE),
    ("linkyard.v1.ProviderService/GetDirectoryReport", READ),
    ("linkyard.v1.ProviderService/GetBudget", READ),
    // Workers belong to the installation.
    ("linkyard.v1.WorkerService/ListWorkers", OPERATOR),
    ("linkyard.v1.WorkerService/DrainWorker", OPERATOR),
];

/// The method that `path` (`/package.Service/Method`) names and what it needs; `None` for one that nobody decided about.
pub(crate) fn of(path: &str) -> Option<(&str, Need)> {
    let method = path.strip_prefix('/')?;
    if let Some(&(name, need)) = METHODS.iter().find(|(name, _)| *name == method) {
        return Some((name, need));
    }
    let (service, _) = method.split_once('/')?;
    OPEN_SERVICES.contains(&service).then_some((method, Need::Nothing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use std::collections::BTreeSet;

    fn described() -> BTreeSet<String> {
        let set = prost_types::FileDescriptorSet::decode(linkyard_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
        let files = set.file.iter().filter(|file| file.package().starts_with("linkyard."));
        files
            .flat_map(|file| {
                file.service.iter().flat_map(|service| {
                    service.method.iter().map(|method| format!("{}.{}/{}", file.package(), service.name(), method.name()))
                })
            })
            .collect()
    }

    #[test]
    fn every_method_of_the_api_is_classified_once_and_nothing_else_is() {
        let table: BTreeSet<String> = METHODS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(table.len(), METHODS.len(), "a method stands twice in the table");
        assert_eq!(table, described());
    }

    #[test]
    fn an_unknown_method_is_nobodys() {
        for path in
            ["/linkyard.v1.JobService/DropJob", "/linkyard.v2.JobService/GetJob", "linkyard.v1.JobService/GetJob", "/x", ""]
        {
            assert_eq!(of(path), None, "{path}");
        }
        assert_eq!(of("/linkyard.v1.JobService/GetJob"), Some(("linkyard.v1.JobService/GetJob", READ)));
        assert_eq!(of("/grpc.health.v1.Health/Watch").map(|(_, need)| need), Some(Need::Nothing));
    }
}
