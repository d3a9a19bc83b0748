//! Organizations and API keys on the wire.

use super::timestamp;
use crate::names::{API_KEYS, AUDIT_ENTRIES, ORGANIZATIONS};
use linkyard_core::scope::Access;
use linkyard_proto::v1;
use linkyard_store::{ApiKey, AuditEntry, Organization};

/// An organization; `access` is that of the caller's key, if it is the caller's organization.
pub(crate) fn organization(organization: &Organization, of_caller: Option<Access>) -> v1::Organization {
    v1::Organization {
        name: ORGANIZATIONS.name(organization.id),
        display_name: organization.name.clone(),
        time_zone: organization.time_zone.clone(),
        access: of_caller.map_or(v1::Access::Unspecified, access).into(),
    }
}

/// A key without its secret.
pub(crate) fn api_key(key: &ApiKey) -> v1::ApiKey {
    v1::ApiKey {
        name: API_KEYS.name(key.id),
        display_name: key.name.clone(),
        prefix: key.prefix.clone(),
        access: access(key.access).into(),
        create_time: Some(timestamp(key.created_at_ms)),
        expire_time: key.expires_at_ms.map(timestamp),
        revoke_time: key.revoked_at_ms.map(timestamp),
    }
}

/// One thing that somebody did.
pub(crate) fn audit_entry(entry: &AuditEntry) -> v1::AuditEntry {
    v1::AuditEntry {
        name: AUDIT_ENTRIES.name(entry.id),
        create_time: Some(timestamp(entry.at_ms)),
        actor: entry.actor.clone(),
        action: entry.action.clone(),
        resource: entry.resource.clone(),
        resource_id: entry.resource_id.clone(),
        detail: entry.detail.clone(),
    }
}

/// What a key may do.
pub(crate) fn access(access: Access) -> v1::Access {
    match access {
        Access::Read => v1::Access::Read,
        Access::Write => v1::Access::Write,
        Access::Operator => v1::Access::Operator,
    }
}
