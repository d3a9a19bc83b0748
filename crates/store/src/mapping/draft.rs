//! Drafts: choices that are not confirmed. They change no state.

use super::choice::{Absent, Asked, CHOICE_ROW, ChoiceRow, check};
use super::list;
use crate::directory::List;
use crate::sql::{batch, commit, execute, rows};
use crate::{RequestKey, Store, audit, gate, provider, request};
use linkyard_core::Result;
use linkyard_core::id::{ProviderId, RecordId};
use linkyard_core::mapping::{Choice, Mapping, Subject};
use linkyard_core::scope::Scope;
use sea_orm::ConnectionTrait;

impl Store {
    /// Saves or clears (`None`) drafts, all or none, at most 1,000; answers the mappings in full, in the order of their record ids. A draft
    /// that says what the row says already writes nothing.
    ///
    /// # Errors
    /// `Invalid` with every violation (two choices for one record, unknown record or target, a target without MATCH, MATCH without a
    /// target); `Conflict(Version)` naming the rows that changed; `Conflict(State)` for rows that take no decision; `NotFound` for the
    /// provider.
    pub async fn mapping_drafts_save(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        drafts: &[(RecordId, Option<Choice>, Option<i64>)],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Mapping>> {
        let list = List { organization: scope.organization, provider, subject };
        let records: Vec<RecordId> = drafts.iter().map(|(record, _, _)| *record).collect();
        let tx = self.begin().await?;
        if request::replay(&tx, scope.organization, request).await?.is_some() {
            return list::of_records(&tx, &list, &records).await;
        }
        provider::require(&tx, scope.organization, provider).await?;
        gate::lock(&tx, scope.organization).await?;
        let asked: Vec<Asked> = drafts
            .iter()
            .map(|(record, choice, expected_revision)| Asked {
                record: *record,
                choice: *choice,
                expected_revision: *expected_revision,
            })
            .collect();
        let stored = check(&tx, &list, &asked, "drafts", Absent::Clears).await?;
        let changed: Vec<ChoiceRow> = asked
            .iter()
            .filter(|row| stored.get(&row.record).is_some_and(|stored| stored.draft != row.choice))
            .map(|row| ChoiceRow::of(row.record, row.choice))
            .collect();
        write(&tx, &list, &changed).await?;
        let detail = match changed.len() {
            1 => "1 draft".to_owned(),
            drafts => format!("{drafts} drafts"),
        };
        audit::note(&tx, scope.organization, &scope.actor, "mapping.draft", "provider", &provider.to_string(), &detail).await?;
        let saved = list::of_records(&tx, &list, &records).await?;
        request::remember(&tx, scope.organization, request, b"saved").await?;
        commit(tx).await?;
        Ok(saved)
    }
}

/// Writes drafts that were checked.
pub(super) async fn write(connection: &impl ConnectionTrait, list: &List, changed: &[ChoiceRow]) -> Result<()> {
    let sql = format!(
        "update mapping as m set draft_decision = b.decision, draft_target_id = b.target_id, draft_on_lookalike = b.on_lookalike,
            revision = m.revision + 1, changed_at_ms = {{now}}
         from {} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
        rows(connection, "b", "$4", &CHOICE_ROW)
    );
    execute(connection, &sql, list.values([batch(changed)?])).await.map(|_| ())
}
