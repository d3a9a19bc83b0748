//! What a mapping screen shows beside the list itself: rows by their ids, when they last changed, how many are drafted or selected, and
//! what a project brings. Reads only.

use super::filter::{self, FROM};
use super::{list, plan};
use crate::directory::{ID, List, ids};
use crate::row::{count, get};
use crate::sql::{all, batch, one, rows};
use crate::{Store, provider};
use linkyard_core::Result;
use linkyard_core::id::{ProviderId, RecordId};
use linkyard_core::mapping::{Mapping, MappingFilter, Subject};
use linkyard_core::scope::Scope;
use std::collections::HashMap;

/// Which parties a project of the directory brings with it once both sides are linked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Vendors on the project.
    pub vendors: u64,
    /// Of `vendors`, those that are linked to a party.
    pub linked: u64,
}

impl Store {
    /// These mappings in full, in the order of their record ids; unknown ones are left out.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn mapping_several(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        records: &[RecordId],
    ) -> Result<Vec<Mapping>> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let list = List { organization: scope.organization, provider, subject };
        list::of_records(&self.reader, &list, records).await
    }

    /// When these mappings last changed, milliseconds since 1970; unknown ones are left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mapping_changed_at(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        records: &[RecordId],
    ) -> Result<HashMap<RecordId, i64>> {
        let list = List { organization: scope.organization, provider, subject };
        let sql = format!(
            "select m.record_id, m.changed_at_ms from {} cross join mapping m
             where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
            rows(&self.reader, "b", "$4", &ID)
        );
        let wanted = batch(&ids(records.iter().copied()))?;
        let found = all(&self.reader, &sql, list.values([wanted])).await?;
        found.iter().map(|row| Ok((RecordId(get(row, "record_id")?), get(row, "changed_at_ms")?))).collect()
    }

    /// How many rows of a mapping have a draft.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn mapping_drafts_count(&self, scope: &Scope, provider: ProviderId, subject: Subject) -> Result<u64> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let list = List { organization: scope.organization, provider, subject };
        let sql = "select count(*) as n from mapping m
            where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.draft_decision is not null";
        one(&self.reader, sql, list.values([])).await?.map_or(Ok(0), |row| count(&row, "n"))
    }

    /// How many rows of a mapping a filter selects, whatever their state; counting ends at `most`, where that is given.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Invalid` for a search that is too long.
    pub async fn mapping_selected(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        filter: &MappingFilter,
        most: Option<u64>,
    ) -> Result<u64> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let list = List { organization: scope.organization, provider, subject };
        let Some(most) = most else { return plan::selected(&self.reader, &list, filter).await };
        let (condition, more) = filter::condition(filter, subject, 4)?;
        let sql = format!(
            "select count(*) as n from (
                select 1 as one from {FROM}
                where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 {condition} limit {most}
             ) c"
        );
        one(&self.reader, &sql, list.values(more)).await?.map_or(Ok(0), |row| count(&row, "n"))
    }

    /// What these projects of a directory bring; projects without a vendor are left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mapping_brought(
        &self,
        scope: &Scope,
        provider: ProviderId,
        projects: &[RecordId],
    ) -> Result<HashMap<RecordId, Brought>> {
        let list = List { organization: scope.organization, provider, subject: Subject::Vendor };
        let sql = format!(
            "select a.project_record_id, count(*) as vendors, sum(case when m.state = 'linked' then 1 else 0 end) as linked
             from {} cross join directory_association a
             join mapping m on m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = a.vendor_record_id
             where a.provider_id = $1 and a.project_record_id = b.record_id and a.missing_since_ms is null
             group by a.project_record_id",
            rows(&self.reader, "b", "$4", &ID)
        );
        let wanted = batch(&ids(projects.iter().copied()))?;
        let found = all(&self.reader, &sql, list.values([wanted])).await?;
        let brought = |row| Ok(Brought { vendors: count(row, "vendors")?, linked: count(row, "linked")? });
        found.iter().map(|row| Ok((RecordId(get(row, "project_record_id")?), brought(row)?))).collect()
    }
}
