//! Tenants and API keys.

use super::Service;
use linkyard_core::id::ApiKeyId;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::{Access, Scope};
use linkyard_core::{Error, Result};
use linkyard_store::{ApiKey, AuditEntry, AuditFilter, Organization, RequestKey};
use secrecy::SecretString;

/// What the first key of a new organization is for.
const FIRST_KEY: &str = "first key";

/// No IANA name is longer, in bytes.
const LONGEST_TIME_ZONE: usize = 64;

/// Whether a name of a time zone may have this byte.
fn in_time_zone(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+')
}

impl Service {
    /// The tenant of `scope`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn organization_get(&self, scope: &Scope) -> Result<Organization> {
        self.store.organization_get(scope).await
    }

    /// Makes an organization and a first key with write access to it. For operators.
    ///
    /// # Errors
    /// `Invalid`.
    pub async fn organization_create(
        &self,
        scope: &Scope,
        name: &str,
        time_zone: &str,
        request: Option<&RequestKey>,
    ) -> Result<(Organization, SecretString)> {
        let time_zone = if time_zone.trim().is_empty() { "UTC" } else { time_zone.trim() };
        if time_zone.len() > LONGEST_TIME_ZONE || !time_zone.bytes().all(in_time_zone) {
            return Err(Error::invalid("time_zone", "must be the IANA name of a time zone, for example America/Los_Angeles"));
        }
        self.store.organization_open(scope, name, time_zone, FIRST_KEY, request).await
    }

    /// Makes a key that may do no more than `own`, the access of the key that asks. Its secret is answered this once.
    ///
    /// # Errors
    /// `Forbidden` for more; `Invalid`.
    pub async fn api_key_create(
        &self,
        scope: &Scope,
        own: Access,
        name: &str,
        access: Access,
        expires_at_ms: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<(ApiKey, SecretString)> {
        if access > own {
            let message = format!("a key with {} access can not make one with {} access", own.as_str(), access.as_str());
            return Err(Error::Forbidden(message));
        }
        self.store.api_key_create(scope, name, access, expires_at_ms, request).await
    }

    /// The keys, without secrets.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn api_key_list(&self, scope: &Scope, page: &PageRequest) -> Result<Page<ApiKey>> {
        self.store.api_key_list(scope, page).await
    }

    /// One key, without its secret.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn api_key_get(&self, scope: &Scope, id: ApiKeyId) -> Result<ApiKey> {
        self.store.api_key_get(scope, id).await
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn api_key_revoke(&self, scope: &Scope, id: ApiKeyId, request: Option<&RequestKey>) -> Result<ApiKey> {
        self.store.api_key_revoke(scope, id, request).await
    }

    /// Who did what, newest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn audit_list(&self, scope: &Scope, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>> {
        self.store.audit_list(scope, filter, page).await
    }
}
