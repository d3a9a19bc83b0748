//! The call budget of a provider, as people see it: what is used and left, what stops calls, what the live jobs still need, and the calls
//! of the past.

use super::Service;
use linkyard_core::Result;
use linkyard_core::budget::{BudgetKey, CallMinute, Demand, KeptUsage, Usage};
use linkyard_core::id::ProviderId;
use linkyard_core::provider::Provider;
use linkyard_core::scope::Scope;

/// A provider's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderBudget {
    /// What is known of it; `None` while nothing was ever called.
    pub usage: Option<Usage>,
    /// Whether whoever counts was asked just now; otherwise this is what a job kept last.
    pub live: bool,
    /// When this was known, milliseconds since 1970; `None` while nothing was ever called.
    pub observed_at_ms: Option<i64>,
    /// No call before this time, milliseconds since 1970, and whether that is because the platform is down; `None` when nothing stops
    /// calls.
    pub block: Option<(i64, Block)>,
    /// What the jobs that are not finished still need.
    pub demand: Demand,
    /// When that would be done, milliseconds since 1970; `None` where it can not be told.
    pub done_at_ms: Option<i64>,
}

/// Why no call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// The platform asked to wait.
    RateLimit,
    /// The platform does not answer.
    UpstreamDown,
}

/// What stops calls, and until when; what the provider's row says counts as well.
fn block(usage: &Usage, provider: &Provider, now_ms: i64) -> Option<(i64, Block)> {
    let why = if usage.outages > 0 { Block::UpstreamDown } else { Block::RateLimit };
    let until_ms = usage.blocked_until_ms.max(usage.down_until_ms).max(provider.not_before_ms);
    (until_ms > now_ms || usage.outages > 0).then_some((until_ms, why))
}

impl Service {
    /// The budget of a provider. Where whoever counts can not be asked (Redis is away, or nothing was called since the start) it is what
    /// the provider's row keeps, and says so.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the database does not answer.
    pub async fn provider_budget(&self, scope: &Scope, id: ProviderId) -> Result<ProviderBudget> {
        let provider = self.store.provider_get(scope, id).await?;
        let kept = self.store.provider_budget(scope, id).await?;
        let demand = self.store.provider_demand(scope, id).await?;
        let now_ms = self.store.now_ms().await?;
        let counted = match &kept {
            Some(kept) => self.counted(&provider, kept).await,
            None => None,
        };
        let (live, observed_at_ms) =
            (counted.is_some(), if counted.is_some() { Some(now_ms) } else { kept.as_ref().map(|kept| kept.kept_at_ms) });
        let usage = counted.or_else(|| kept.map(|kept| kept.usage));
        let block = usage.as_ref().and_then(|usage| block(usage, &provider, now_ms));
        let usage = usage.map(|usage| Usage { blocked_until_ms: block.map_or(0, |(until_ms, _)| until_ms), ..usage });
        let done_at_ms = usage.zip(demand.calls).and_then(|(usage, calls)| usage.done_at_ms(calls, now_ms));
        Ok(ProviderBudget { usage, live, observed_at_ms, block, demand, done_at_ms })
    }

    /// The calls of a provider in the last `minutes` minutes (at most 1,440), oldest first; minutes without calls are left out.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the database does not answer.
    pub async fn call_history(&self, scope: &Scope, id: ProviderId, minutes: u32) -> Result<Vec<CallMinute>> {
        self.store.provider_get(scope, id).await?;
        self.store.calls_by_minute(scope, id, minutes).await
    }

    /// What whoever counts says; `None` when it can not be asked.
    async fn counted(&self, provider: &Provider, kept: &KeptUsage) -> Option<Usage> {
        let (budget, client_id) = (self.budget.as_ref()?, kept.client_id.clone()?);
        let key = BudgetKey { client_id, company: provider.company_id };
        let usage = budget.usage(&key).await;
        usage.inspect_err(|error| tracing::debug!(%error, "the budget is told as it was kept")).ok().flatten()
    }
}
