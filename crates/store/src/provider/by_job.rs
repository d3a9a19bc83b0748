//! What a job may do with its provider: read the credentials, write what a test or a refusal says, keep the budget.

use super::{RATE_LIMIT, UPSTREAM_DOWN, require, require_approved, secret_binding};
use crate::row::{get, optional_json, word};
use crate::sql::{commit, execute, one};
use crate::{Store, audit, ledger};
use linkyard_core::budget::{BudgetKey, KeptUsage, Usage};
use linkyard_core::error::Attention;
use linkyard_core::id::ProviderId;
use linkyard_core::job::Fence;
use linkyard_core::provider::{Credentials, ProviderState, Visible};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use secrecy::SecretString;

impl Store {
    /// The credentials of a provider, unsealed, for the client that a job makes.
    ///
    /// # Errors
    /// `NotFound`; `Internal` when the sealed secret does not open with this key.
    pub async fn provider_credentials(&self, fence: &Fence, id: ProviderId) -> Result<Credentials> {
        let sql = "select platform_credentials, client_id, client_secret_sealed from provider
            where id = $1 and organization_id = $2 and state <> 'deleted'";
        let found = one(&self.reader, sql, [id.0.into(), fence.organization.0.into()]).await?;
        let found = found.ok_or_else(|| Error::not_found("provider", id))?;
        if get(&found, "platform_credentials")? {
            return Ok(Credentials::Platform);
        }
        let sealed: Vec<u8> = get(&found, "client_secret_sealed")?;
        let client_secret: SecretString = self.sealing_key.open(&secret_binding(fence.organization, id), &sealed)?;
        Ok(Credentials::Own { client_id: get(&found, "client_id")?, client_secret })
    }

    /// Writes what a connection test found: ACTIVE, or `NEEDS_ATTENTION` with the reason. A PAUSED provider stays paused.
    ///
    /// # Errors
    /// `Conflict(Fenced)` when the job's lease is lost; `NotFound`; `Conflict(State)` for one that waits for approval.
    pub async fn provider_tested(
        &self,
        fence: &Fence,
        id: ProviderId,
        found: std::result::Result<&Visible, (Attention, &str)>,
    ) -> Result<ProviderState> {
        let (state, attention, message, visible) = match found {
            Ok(visible) => (ProviderState::Active, None, "", Some(visible)),
            Err((attention, message)) => (ProviderState::NeedsAttention, Some(attention), message, None),
        };
        let visible = visible.map(serde_json::to_string).transpose();
        let visible = visible.map_err(|error| Error::internal("what a connection test saw could not be kept", error))?;
        let tx = self.begin().await?;
        ledger::fence_and_checkpoint(&tx, fence, None).await?;
        let changed = one(
            &tx,
            "update provider set state = case when state = 'paused' then 'paused' else $3 end,
                attention = case when state = 'paused' then null else $4 end, state_message = $5, visible = coalesce($6, visible),
                revision = revision + 1, updated_at_ms = {now}
             where id = $1 and organization_id = $2 and state in ('testing', 'active', 'needs_attention', 'paused') returning state",
            [
                id.0.into(),
                fence.organization.0.into(),
                state.as_str().into(),
                attention.map(Attention::as_str).into(),
                message.into(),
                visible.into(),
            ],
        )
        .await?;
        let Some(changed) = changed else {
            require_approved(&tx, fence.organization, id).await?;
            return Err(Error::broken("a provider that could be tested was not found"));
        };
        let state = word(&changed, "state", ProviderState::parse)?;
        audit::note_by_job(&tx, fence, "provider.test", "provider", &id.to_string(), state.as_str()).await?;
        commit(tx).await?;
        Ok(state)
    }

    /// Marks a provider `NEEDS_ATTENTION` because a job of it was refused (401/403 that a person must mend). One that is paused or waits
    /// for approval keeps its state.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound`.
    pub async fn provider_needs_attention(
        &self,
        fence: &Fence,
        id: ProviderId,
        attention: Attention,
        message: &str,
    ) -> Result<()> {
        let tx = self.begin().await?;
        ledger::fence_and_checkpoint(&tx, fence, None).await?;
        require(&tx, fence.organization, id).await?;
        let changed = execute(
            &tx,
            "update provider set state = 'needs_attention', attention = $3, state_message = $4, revision = revision + 1,
                updated_at_ms = {now}
             where id = $1 and organization_id = $2 and state in ('testing', 'active', 'needs_attention')",
            [id.0.into(), fence.organization.0.into(), attention.as_str().into(), message.into()],
        )
        .await?;
        if changed == 1 {
            let detail = attention.as_str();
            audit::note_by_job(&tx, fence, "provider.needs_attention", "provider", &id.to_string(), detail).await?;
        }
        commit(tx).await
    }

    /// Takes a provider that was marked as down for one that works, because a call of the job was answered. One that waits for
    /// something else keeps its state.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound`.
    pub async fn provider_answers(&self, fence: &Fence, id: ProviderId) -> Result<()> {
        let tx = self.begin().await?;
        ledger::fence_and_checkpoint(&tx, fence, None).await?;
        require(&tx, fence.organization, id).await?;
        let changed = execute(
            &tx,
            "update provider set state = 'active', attention = null, state_message = '', revision = revision + 1,
                updated_at_ms = {now}
             where id = $1 and organization_id = $2 and state = 'needs_attention' and attention = $3",
            [id.0.into(), fence.organization.0.into(), Attention::UpstreamDown.as_str().into()],
        )
        .await?;
        if changed == 1 {
            audit::note_by_job(&tx, fence, "provider.answers", "provider", &id.to_string(), "").await?;
        }
        commit(tx).await
    }

    /// Keeps the budget's knowledge over a restart. A block only ever grows by this, except that one for an outage ends with it. Not
    /// fenced: what was learned about the limits is true whoever learned it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn provider_budget_save(&self, fence: &Fence, id: ProviderId, key: &BudgetKey, usage: &Usage) -> Result<()> {
        let text = serde_json::to_string(usage).map_err(|error| Error::internal("a budget could not be kept", error))?;
        let (down_until_ms, reason) = match usage.outages {
            0 => (0, RATE_LIMIT),
            _ => (usage.down_until_ms, UPSTREAM_DOWN),
        };
        let until_ms = usage.blocked_until_ms.max(down_until_ms);
        execute(
            &self.writer,
            "update provider set budget = $3, budget_client_id = $4, budget_kept_at_ms = {now},
                not_before_ms = case when not_before_ms < $5 or not_before_reason = 'upstream_down' and $6 <> 'upstream_down' then $5
                    else not_before_ms end,
                not_before_reason = case when not_before_ms < $5 or not_before_reason = 'upstream_down' then $6
                    else not_before_reason end
             where id = $1 and organization_id = $2",
            [
                id.0.into(),
                fence.organization.0.into(),
                text.into(),
                key.client_id.as_str().into(),
                until_ms.into(),
                reason.into(),
            ],
        )
        .await
        .map(|_| ())
    }

    /// What was kept of the budget.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn provider_budget(&self, scope: &Scope, id: ProviderId) -> Result<Option<KeptUsage>> {
        let sql = "select budget, budget_client_id, budget_kept_at_ms from provider
            where id = $1 and organization_id = $2 and state <> 'deleted'";
        let found = one(&self.reader, sql, [id.0.into(), scope.organization.0.into()]).await?;
        let found = found.ok_or_else(|| Error::not_found("provider", id))?;
        let Some(usage) = optional_json(&found, "budget")? else { return Ok(None) };
        let (client_id, kept_at_ms) = (get(&found, "budget_client_id")?, get(&found, "budget_kept_at_ms")?);
        Ok(Some(KeptUsage { client_id, kept_at_ms, usage }))
    }
}
