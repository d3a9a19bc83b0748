//! How all providers are, for an operator at the machine: ids and states, over all tenants, and nothing that a customer typed.

use super::secret_binding;
use crate::Store;
use crate::row::{get, word};
use crate::sql::all;
use linkyard_core::Result;
use linkyard_core::error::Attention;
use linkyard_core::id::{OrganizationId, ProviderId};
use linkyard_core::provider::ProviderState;

/// How one provider is.
#[derive(Clone, Copy, Debug)]
pub struct ProviderHealth {
    /// Which.
    pub id: ProviderId,
    /// Where it stands.
    pub state: ProviderState,
    /// What a person has to mend.
    pub attention: Option<Attention>,
    /// Whether the store's sealing key opens its secret; `true` for one without a secret of its own.
    pub secret_opens: bool,
}

impl Store {
    /// Every provider that is not deleted, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn providers_health(&self) -> Result<Vec<ProviderHealth>> {
        let sql = "select id, organization_id, state, attention, client_secret_sealed from provider where state <> 'deleted' order by id";
        let found = all(&self.reader, sql, []).await?;
        found
            .iter()
            .map(|row| {
                let (id, organization) = (ProviderId(get(row, "id")?), OrganizationId(get(row, "organization_id")?));
                let sealed: Option<Vec<u8>> = get(row, "client_secret_sealed")?;
                let opens = |sealed: Vec<u8>| self.sealing_key.open(&secret_binding(organization, id), &sealed).is_ok();
                Ok(ProviderHealth {
                    id,
                    state: word(row, "state", ProviderState::parse)?,
                    attention: get::<Option<String>>(row, "attention")?.as_deref().and_then(Attention::parse),
                    secret_opens: sealed.is_none_or(opens),
                })
            })
            .collect()
    }
}
