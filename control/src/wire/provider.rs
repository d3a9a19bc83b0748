//! Providers and the report of their directories on the wire. A secret has no way out of here.

use super::{count, timestamp};
use crate::etag;
use crate::names::{COMPLIANCE_PROFILES, JOBS, PARTY_TYPES, PROVIDERS};
use linkyard_core::error::Attention;
use linkyard_core::id::ProviderId;
use linkyard_core::provider::{ContactsMode, Provider, ProviderState, RetireBy, Visible};
use linkyard_core::report::Buckets;
use linkyard_proto::v1;

/// A provider.
pub(crate) fn provider(provider: &Provider) -> v1::Provider {
    v1::Provider {
        name: PROVIDERS.name(provider.id),
        kind: v1::provider::Kind::Procore.into(),
        display_name: provider.display_name.clone(),
        environment: provider.environment.0.clone(),
        company_id: provider.company_id.to_string(),
        client_id: provider.client_id.clone().unwrap_or_default(),
        client_secret: String::new(),
        default_party_type: PARTY_TYPES.name(provider.default_party_type),
        default_compliance_profile: COMPLIANCE_PROFILES.name(provider.default_compliance_profile),
        contacts_mode: contacts_mode(provider.contacts_mode).into(),
        state: state(provider.state).into(),
        attention: provider.attention.map(Attention::as_str).unwrap_or_default().to_owned(),
        state_message: provider.state_message.clone(),
        visible: provider.visible.as_ref().map(visible),
        blocked_until_time: (provider.not_before_ms > 0).then(|| timestamp(provider.not_before_ms)),
        last_fetch_time: provider.last_fetch_at_ms.map(timestamp),
        etag: etag::of(provider.revision),
        create_time: Some(timestamp(provider.created_at_ms)),
        update_time: Some(timestamp(provider.updated_at_ms)),
        test_job: String::new(),
        push_compliance: provider.pushes,
        retire_by: retire_by(provider.retire_by).into(),
        auto_add_parties: provider.auto_add_parties_since_ms.is_some(),
        auto_add_projects: provider.auto_add_projects_since_ms.is_some(),
        auto_add_parties_time: provider.auto_add_parties_since_ms.map(timestamp),
        auto_add_projects_time: provider.auto_add_projects_since_ms.map(timestamp),
        schedules: provider.schedules,
        last_push_job: provider.last_push_job.map(|id| JOBS.name(id)).unwrap_or_default(),
    }
}

/// How contacts follow.
pub(crate) fn contacts_mode(mode: ContactsMode) -> v1::ContactsMode {
    match mode {
        ContactsMode::SyncAllSetPrimary => v1::ContactsMode::SyncAllSetPrimary,
        ContactsMode::SyncAllNoPrimary => v1::ContactsMode::SyncAllNoPrimary,
        ContactsMode::PrimaryOnly => v1::ContactsMode::PrimaryOnly,
        ContactsMode::None => v1::ContactsMode::None,
    }
}

/// What becomes of insurances that end.
pub(crate) fn retire_by(way: RetireBy) -> v1::provider::RetireBy {
    match way {
        RetireBy::Undecided => v1::provider::RetireBy::Undecided,
        RetireBy::Deleted => v1::provider::RetireBy::Deleted,
    }
}

fn state(state: ProviderState) -> v1::provider::State {
    match state {
        ProviderState::Testing => v1::provider::State::Testing,
        ProviderState::PendingApproval => v1::provider::State::PendingApproval,
        ProviderState::Active => v1::provider::State::Active,
        ProviderState::NeedsAttention => v1::provider::State::NeedsAttention,
        ProviderState::Paused => v1::provider::State::Paused,
        ProviderState::Deleting => v1::provider::State::Deleting,
        ProviderState::Deleted => v1::provider::State::Deleted,
    }
}

fn visible(visible: &Visible) -> v1::provider::Visible {
    v1::provider::Visible {
        company_name: visible.company_name.clone(),
        vendors: visible.vendors.map(count),
        projects: visible.projects.map(count),
        hints: visible.hints.clone(),
    }
}

/// Where every record of a provider's directory stands.
pub(crate) fn report(provider: ProviderId, vendors: &Buckets, projects: &Buckets) -> v1::DirectoryReport {
    v1::DirectoryReport {
        name: PROVIDERS.name(provider),
        vendors: Some(buckets(vendors)),
        projects: Some(buckets(projects)),
        adds_up: vendors.adds_up() && projects.adds_up(),
    }
}

fn buckets(buckets: &Buckets) -> v1::directory_report::Buckets {
    v1::directory_report::Buckets {
        fetched: count(buckets.fetched),
        excluded: count(buckets.excluded),
        matched: count(buckets.matched),
        created: count(buckets.created),
        ignored: count(buckets.ignored),
        held: count(buckets.held),
        unmapped: count(buckets.unmapped),
        failed: count(buckets.failed),
        gone: count(buckets.gone),
    }
}
