//! Verifying: does the directory still show what was pushed? Somebody may have edited an insurance there, a sandbox may have been
//! overwritten, and a worker that lost its lease may have landed an older value after a newer one.
//!
//! What differs becomes due; nothing is removed here, and what is not ours is not looked at.

use super::push::hash;
use crate::ledger::fence_and_checkpoint;
use crate::row::get;
use crate::sql::{Column, batch, commit, execute, one, rows};
use crate::{Store, provider};
use linkyard_core::Result;
use linkyard_core::compliance::{FoundInsurance, ORIGIN_PREFIX};
use linkyard_core::id::{CoverageId, InsuranceId, LinkId, ProviderId};
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::scope::Scope;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Row {
    link_id: LinkId,
    coverage_id: CoverageId,
    insurance_id: InsuranceId,
    hash: i64,
}

const ROW: [(&str, Column); 4] =
    [("link_id", Column::Uuid), ("coverage_id", Column::Uuid), ("insurance_id", Column::Bigint), ("hash", Column::Bigint)];

impl Store {
    /// Compares a page of the directory's insurances with what was pushed, in the transaction of `checkpoint`: lines that differ are due.
    /// Notes each line of ours as seen at `started_ms`. Answers (ours, differing).
    ///
    /// # Errors
    /// `Conflict(Fenced)`.
    pub async fn insurances_compare(
        &self,
        fence: &Fence,
        provider: ProviderId,
        shown: &[FoundInsurance],
        started_ms: i64,
        checkpoint: &Checkpoint,
    ) -> Result<(u64, u64)> {
        let ours: Vec<Row> = shown.iter().filter_map(Row::of).collect();
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        let of_provider =
            "i.provider_id = $2 and i.organization_id = $3 and i.link_id = b.link_id and i.coverage_id = b.coverage_id";
        let sql = format!(
            "update insurance as i set seen_at_ms = $4, insurance_id = b.insurance_id from {} where {of_provider}",
            rows(&tx, "b", "$1", &ROW)
        );
        let (ids, json) = ([provider.0.into(), fence.organization.0.into()], batch(&ours)?);
        let seen = execute(&tx, &sql, [json.clone()].into_iter().chain(ids.clone()).chain([started_ms.into()])).await?;
        let sql = format!(
            "update insurance as i set due = due + 1, pushed_hash = null
             from {} where {of_provider} and i.pushed_hash is not null and i.pushed_hash <> b.hash",
            rows(&tx, "b", "$1", &ROW)
        );
        let differing = execute(&tx, &sql, [json].into_iter().chain(ids)).await?;
        commit(tx).await?;
        Ok((seen, differing))
    }

    /// Asks for a comparison by the provider's next push, or by the one that is under way.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn comparison_ask(&self, scope: &Scope, provider: ProviderId) -> Result<()> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let sql = "update provider set comparisons_asked = comparisons_asked + 1 where id = $1 and organization_id = $2";
        execute(&self.writer, sql, [provider.0.into(), scope.organization.0.into()]).await.map(|_| ())
    }

    /// The number of the comparison that was asked for last; `None` when one has ended since.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn comparison_asked(&self, scope: &Scope, provider: ProviderId) -> Result<Option<i64>> {
        let sql = "select comparisons_asked from provider
            where id = $1 and organization_id = $2 and comparisons_asked > comparisons_done";
        let found = one(&self.reader, sql, [provider.0.into(), scope.organization.0.into()]).await?;
        found.map(|row| get(&row, "comparisons_asked")).transpose()
    }

    /// Ends a comparison that read every page: lines that were pushed before it began and that it did not see are due, and those that
    /// were to be retired and are not there are retired. Whoever asked up to the number `asked` has been answered. Says how many are due
    /// now.
    ///
    /// # Errors
    /// `Conflict(Fenced)`.
    pub async fn insurances_missed(
        &self,
        fence: &Fence,
        provider: ProviderId,
        started_ms: i64,
        asked: i64,
        checkpoint: &Checkpoint,
    ) -> Result<u64> {
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        let unseen = "(seen_at_ms is null or seen_at_ms < $3)";
        let sql = format!(
            "delete from insurance where provider_id = $1 and organization_id = $2 and retire and insurance_id is null and {unseen}"
        );
        execute(&tx, &sql, [provider.0.into(), fence.organization.0.into(), started_ms.into()]).await?;
        let sql = "update insurance set due = due + 1, pushed_hash = null, insurance_id = null
            where provider_id = $1 and organization_id = $2 and pushed_hash is not null and pushed_at_ms < $3
                and (seen_at_ms is null or seen_at_ms < $3)";
        let missed = execute(&tx, sql, [provider.0.into(), fence.organization.0.into(), started_ms.into()]).await?;
        let sql = "update provider set comparisons_done = $3 where id = $1 and organization_id = $2 and comparisons_done < $3";
        execute(&tx, sql, [provider.0.into(), fence.organization.0.into(), asked.into()]).await?;
        commit(tx).await?;
        Ok(missed)
    }
}

/// The hash of what is unreadable; any constant that no insurance has by chance.
const UNREADABLE: i64 = i64::MIN + 1;

impl Row {
    /// The row of an insurance with our mark.
    fn of(shown: &FoundInsurance) -> Option<Self> {
        let (link, coverage) = shown.origin_id.as_deref()?.strip_prefix(ORIGIN_PREFIX)?.split_once(':')?;
        Some(Self {
            link_id: link.parse().ok()?,
            coverage_id: coverage.parse().ok()?,
            insurance_id: shown.id,
            // What we have no word for can not be what we pushed.
            hash: if shown.unreadable.is_empty() { hash(&shown.insurance) } else { UNREADABLE },
        })
    }
}
