//! What people made of suggestions: written with their decisions, counted per band.
//!
//! A decision about a single row is a judgement of what was suggested there; accepting a whole band is none, so it is counted apart. What
//! a rule decides otherwise (create, leave out) and what is added automatically says nothing about suggestions and is not written.

use super::picked::Picked;
use crate::directory::{ID, List, ids};
use crate::row::{count, word};
use crate::sql::{Column, all, batch, execute, rows};
use crate::{Store, provider};
use linkyard_core::Result;
use linkyard_core::id::{ProviderId, RecordId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::plan::{BulkAction, Selection};
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::{Band, BandPrecision};
use sea_orm::ConnectionTrait;
use serde::Serialize;

impl Store {
    /// Every band, the strongest first, with what waits in it and what people made of its suggestions so far.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn band_precision(&self, scope: &Scope, provider: ProviderId, subject: Subject) -> Result<Vec<BandPrecision>> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let list = List { organization: scope.organization, provider, subject };
        let mut bands: Vec<BandPrecision> = Band::ALL.into_iter().rev().map(BandPrecision::of).collect();
        let sum = |condition: &str| format!("cast(sum(case when {condition} then 1 else 0 end) as bigint)");
        let sql = format!(
            "select v.band, {} as decided, {} as taken, {} as accepted, {} as taken_back from suggestion_verdict v
             where v.provider_id = $1 and v.subject = $2 and v.organization_id = $3 group by v.band",
            sum("not v.in_bulk"),
            sum("not v.in_bulk and v.taken"),
            sum("v.in_bulk"),
            sum("v.in_bulk and not v.taken"),
        );
        for row in all(&self.reader, &sql, list.values([])).await? {
            let band = word(&row, "band", Band::parse)?;
            if let Some(precision) = bands.iter_mut().find(|one| one.band == band) {
                precision.decided = count(&row, "decided")?;
                precision.taken = count(&row, "taken")?;
                precision.accepted_in_bulk = count(&row, "accepted")?;
                precision.taken_back = count(&row, "taken_back")?;
            }
        }
        let sql = "select s.band, count(*) as n from suggestion s
            join mapping m on m.provider_id = s.provider_id and m.subject = s.subject and m.record_id = s.record_id
            where s.provider_id = $1 and s.subject = $2 and s.organization_id = $3 and s.rank = 1
                and m.state in ('unmapped', 'suggested', 'held', 'failed')
            group by s.band";
        for row in all(&self.reader, sql, list.values([])).await? {
            let band = word(&row, "band", Band::parse)?;
            if let Some(precision) = bands.iter_mut().find(|one| one.band == band) {
                precision.waiting = count(&row, "n")?;
            }
        }
        Ok(bands)
    }
}

/// Writes what the picked rows, which `selection` selected, make of their first suggestions. Before the decisions are written: afterwards the
/// suggestions may be gone, and a filter would select other rows.
pub(super) async fn note(connection: &impl ConnectionTrait, picked: &Picked, selection: &Selection) -> Result<()> {
    match selection {
        Selection::Rows(_) | Selection::Group { .. } => note_rows(connection, picked, false).await,
        Selection::Filter { action, .. } => match action {
            // Drafts were chosen one by one.
            BulkAction::Drafts => note_rows(connection, picked, false).await,
            BulkAction::AcceptSuggestions(_) => note_rows(connection, picked, true).await,
            BulkAction::Create(_) | BulkAction::DoNotAdd => Ok(()),
        },
    }
}

/// As [`note`], for rows that were decided one by one or (`in_bulk`) accepted unseen.
pub(super) async fn note_rows(connection: &impl ConnectionTrait, picked: &Picked, in_bulk: bool) -> Result<()> {
    let sql = picked.statement(&format!(
        "insert into suggestion_verdict
            (organization_id, provider_id, subject, record_id, target_id, band, taken, in_bulk, decided_at_ms)
         select s.organization_id, s.provider_id, s.subject, s.record_id, s.target_id, s.band,
            coalesce(p.decision = 'match' and p.target_id = s.target_id, false), ${}, {{now}}
         from picked p cross join suggestion s
         where s.provider_id = $1 and s.subject = $2 and s.organization_id = $3 and s.record_id = p.record_id and s.rank = 1
         on conflict (provider_id, subject, record_id, target_id) do update set
            band = excluded.band, taken = excluded.taken, in_bulk = excluded.in_bulk, decided_at_ms = excluded.decided_at_ms",
        picked.next()
    ));
    execute(connection, &sql, picked.values([in_bulk.into()])).await.map(|_| ())
}

/// A person declined these suggestions one by one. Before they are forgotten.
pub(super) async fn refuse(connection: &impl ConnectionTrait, list: &List, pairs: &[(RecordId, TargetId)]) -> Result<()> {
    #[derive(Serialize)]
    struct Pair {
        record_id: RecordId,
        target_id: TargetId,
    }
    let pairs: Vec<Pair> =
        pairs.iter().map(|(record_id, target_id)| Pair { record_id: *record_id, target_id: *target_id }).collect();
    let sql = format!(
        "insert into suggestion_verdict
            (organization_id, provider_id, subject, record_id, target_id, band, taken, in_bulk, decided_at_ms)
         select s.organization_id, s.provider_id, s.subject, s.record_id, s.target_id, s.band, false, false, {{now}}
         from {} cross join suggestion s
         where s.provider_id = $1 and s.subject = $2 and s.organization_id = $3 and s.record_id = b.record_id
            and s.target_id = b.target_id and s.rank = 1
         on conflict (provider_id, subject, record_id, target_id) do update set
            band = excluded.band, taken = false, in_bulk = false, decided_at_ms = excluded.decided_at_ms",
        rows(connection, "b", "$4", &[("record_id", Column::Bigint), ("target_id", Column::Uuid)])
    );
    execute(connection, &sql, list.values([batch(&pairs)?])).await.map(|_| ())
}

/// A person takes the links of `records` away: whatever suggestion led to them was wrong. Before the links end.
pub(super) async fn take_back(connection: &impl ConnectionTrait, list: &List, records: &[RecordId]) -> Result<()> {
    let sql = format!(
        "update suggestion_verdict as v set taken = false
         from {} cross join mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id
            and v.provider_id = $1 and v.subject = $2 and v.record_id = m.record_id and v.target_id = m.target_id",
        rows(connection, "b", "$4", &ID)
    );
    execute(connection, &sql, list.values([batch(&ids(records.iter().copied()))?])).await.map(|_| ())
}
