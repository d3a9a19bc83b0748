//! What the control's cases share: clients, and the parts of a status.

use linkyard_proto::v1;
use linkyard_tests::control::{Control, Key, Keyed};
use tonic::{Code, Status};
use tonic_types::StatusExt;

pub(crate) use linkyard_tests::wire::call;
use v1::compliance_service_client::ComplianceServiceClient;
use v1::duplicate_service_client::DuplicateServiceClient;
use v1::job_service_client::JobServiceClient;
use v1::organization_service_client::OrganizationServiceClient;
use v1::party_mapping_service_client::PartyMappingServiceClient;
use v1::party_service_client::PartyServiceClient;
use v1::project_mapping_service_client::ProjectMappingServiceClient;
use v1::project_service_client::ProjectServiceClient;
use v1::provider_service_client::ProviderServiceClient;

/// All clients of one key.
pub(crate) struct Clients {
    pub(crate) compliance: ComplianceServiceClient<Keyed>,
    pub(crate) duplicates: DuplicateServiceClient<Keyed>,
    pub(crate) jobs: JobServiceClient<Keyed>,
    pub(crate) organizations: OrganizationServiceClient<Keyed>,
    pub(crate) party_mappings: PartyMappingServiceClient<Keyed>,
    pub(crate) parties: PartyServiceClient<Keyed>,
    pub(crate) project_mappings: ProjectMappingServiceClient<Keyed>,
    pub(crate) projects: ProjectServiceClient<Keyed>,
    pub(crate) providers: ProviderServiceClient<Keyed>,
}

impl Clients {
    pub(crate) fn of(control: &Control, key: &Key) -> Self {
        let channel = control.keyed(key);
        Self {
            compliance: ComplianceServiceClient::new(channel.clone()),
            duplicates: DuplicateServiceClient::new(channel.clone()),
            jobs: JobServiceClient::new(channel.clone()),
            organizations: OrganizationServiceClient::new(channel.clone()),
            party_mappings: PartyMappingServiceClient::new(channel.clone()),
            parties: PartyServiceClient::new(channel.clone()),
            project_mappings: ProjectMappingServiceClient::new(channel.clone()),
            projects: ProjectServiceClient::new(channel.clone()),
            providers: ProviderServiceClient::new(channel),
        }
    }
}

/// The stable reason of a refusal.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo: {status:?}"));
    assert_eq!(info.domain, linkyard_control::DOMAIN);
    info.reason
}

/// The fields that a refusal is about.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let request = status.get_details_bad_request().expect("BadRequest");
    request.field_violations.into_iter().map(|violation| violation.field).collect()
}

/// A new request id.
pub(crate) fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}
