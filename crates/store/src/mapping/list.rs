//! Reading mappings: one, a page, counts per state.

use super::filter::{self, JOB, RECORD_OF_ROW, STATE};
use super::{order, search};
use crate::directory::{ID, List, ids};
use crate::ledger::LIVE;
use crate::row::{count, get, json, optional_word, word};
use crate::sql::{all, batch, rows};
use crate::{Store, provider};
use linkyard_core::directory::{Address, Exclusion};
use linkyard_core::id::{LinkId, ProviderId, RecordId, TargetId};
use linkyard_core::mapping::{
    Choice, Decision, Mapping, MappingFilter, MappingState, MappingView, OnLookalike, RowReason, Subject,
};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::{Band, Suggestion};
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use std::collections::HashMap;

impl Store {
    /// One mapping, in full (details and up to five suggestions).
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn mapping_get(&self, scope: &Scope, provider: ProviderId, subject: Subject, record: RecordId) -> Result<Mapping> {
        let list = List { organization: scope.organization, provider, subject };
        let found = of_records(&self.reader, &list, &[record]).await?;
        found.into_iter().next().ok_or_else(|| Error::not_found(subject.mapping(), record))
    }

    /// Mappings of a provider.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Invalid` for a foreign page key or a search of more than 1,000 characters.
    pub async fn mapping_list(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        filter: &MappingFilter,
        view: MappingView,
        page: &PageRequest,
    ) -> Result<Page<Mapping>> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let list = List { organization: scope.organization, provider, subject };
        let counts = if filter.states.is_empty() { Vec::new() } else { counts(&self.reader, &list).await? };
        let ordered = order::ordered(&self.reader, view.order, page, order::selected(filter, &counts))?;
        let (condition, more) = filter::condition(filter, subject, 4 + ordered.values.len())?;
        let place = 4 + ordered.values.len() + more.len();
        let (few, found) = search::few(&self.reader, &list, filter, view.order, place).await?;
        let values = ordered.values.into_iter().chain(more).chain(found);
        let rest = format!("{} {condition} {few} {}", ordered.after, ordered.order);
        let found = read(&self.reader, &list, view.full, ordered.tables, &rest, values).await?;
        let mut page = Page::cut(found, page.size, |mapping| order::key(&self.reader, view.order, mapping));
        add_suggestions(&self.reader, &list, view.full, &mut page.rows).await?;
        Ok(page)
    }

    /// How many mappings are in which state; states without any are left out. Excluded records have no mapping.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn mapping_counts(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
    ) -> Result<Vec<(MappingState, u64)>> {
        provider::require(&self.reader, scope.organization, provider).await?;
        counts(&self.reader, &List { organization: scope.organization, provider, subject }).await
    }
}

/// The counts as the database keeps them; only what is being linked is counted, because that state is not written on rows.
async fn counts(connection: &impl ConnectionTrait, list: &List) -> Result<Vec<(MappingState, u64)>> {
    let sql = format!(
        "select c.state, cast(sum(c.n) as bigint) as n from mapping_count c
         where c.provider_id = $1 and c.subject = $2
            and exists (select 1 from provider p where p.id = c.provider_id and p.organization_id = $3)
         group by c.state having sum(c.n) > 0
         union all
         select 'linking' as state, count(*) as n from job j
            join mapping m on m.job_id = j.id and m.state = 'confirmed' and m.subject = $2 and m.organization_id = $3
         where j.provider_id = $1 and j.{LIVE} and {JOB} having count(*) > 0"
    );
    let found = all(connection, &sql, list.values([])).await?;
    let counts = found.iter().map(|row| Ok((word(row, "state", MappingState::parse)?, count(row, "n")?)));
    let mut counts = counts.collect::<Result<Vec<(MappingState, u64)>>>()?;
    let linking = counts.iter().find(|(state, _)| *state == MappingState::Linking).map_or(0, |(_, rows)| *rows);
    for (state, rows) in &mut counts {
        if *state == MappingState::Confirmed {
            *rows = rows.saturating_sub(linking);
        }
    }
    counts.retain(|(_, rows)| *rows > 0);
    counts.sort_unstable();
    Ok(counts)
}

/// These mappings in full, in the order of their record ids; unknown ones are left out.
pub(super) async fn of_records(connection: &impl ConnectionTrait, list: &List, records: &[RecordId]) -> Result<Vec<Mapping>> {
    let wanted = rows(connection, "b", "$4", &ID);
    let rest = format!("and m.record_id in (select b.record_id from {wanted}) order by m.record_id");
    let wanted = batch(&ids(records.iter().copied()))?;
    let mut found = read(connection, list, true, "mapping m cross join directory_record r", &rest, [wanted]).await?;
    add_suggestions(connection, list, true, &mut found).await?;
    Ok(found)
}

/// Mappings for which `rest` holds, without suggestions; its parameters begin with `$4`. `tables` are mapping `m` and record `r`.
async fn read(
    connection: &impl ConnectionTrait,
    list: &List,
    full: bool,
    tables: &str,
    rest: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Mapping>> {
    let details = if full { "r.details" } else { "null" };
    let sql = format!(
        "select m.record_id, {STATE} as shown_state, m.draft_decision, m.draft_target_id, m.draft_on_lookalike, m.decision,
            m.decision_target_id, m.on_lookalike, m.target_id, t.name as target_name, m.link_id, m.reason, m.reason_detail,
            m.linked_at_ms, m.last_synced_at_ms, m.revision, r.name, r.street, r.city, r.region, r.postal_code, r.country, r.active,
            r.exclusion, r.gone_at_ms, {details} as details
         from {tables} left join job j on j.id = m.job_id and m.state = 'confirmed' and {JOB}
            left join {} t on t.id = m.target_id and t.organization_id = m.organization_id
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and {RECORD_OF_ROW}
            and r.provider_id = $1 and r.subject = $2 {rest}",
        list.subject.target()
    );
    all(connection, &sql, list.values(values)).await?.iter().map(|row| mapping(list, full, row)).collect()
}

fn mapping(list: &List, full: bool, row: &QueryResult) -> Result<Mapping> {
    let target: Option<uuid::Uuid> = get(row, "target_id")?;
    let target_name: Option<String> = get(row, "target_name")?;
    let gone_at_ms: Option<i64> = get(row, "gone_at_ms")?;
    Ok(Mapping {
        provider: list.provider,
        subject: list.subject,
        record: RecordId(get(row, "record_id")?),
        name: get(row, "name")?,
        address: Address {
            street: get(row, "street")?,
            city: get(row, "city")?,
            region: get(row, "region")?,
            postal_code: get(row, "postal_code")?,
            country: get(row, "country")?,
        },
        details: if full { Some(json(row, "details")?) } else { None },
        active: get(row, "active")?,
        exclusion: optional_word(row, "exclusion", exclusion)?,
        gone: gone_at_ms.is_some(),
        state: word(row, "shown_state", MappingState::parse)?,
        draft: choice(row, "draft_decision", "draft_target_id", "draft_on_lookalike")?,
        decision: choice(row, "decision", "decision_target_id", "on_lookalike")?,
        target: target.map(|id| (TargetId(id), target_name.unwrap_or_default())),
        link: get::<Option<uuid::Uuid>>(row, "link_id")?.map(LinkId),
        reason: optional_word(row, "reason", RowReason::parse)?,
        reason_detail: get(row, "reason_detail")?,
        suggestions: Vec::new(),
        linked_at_ms: get(row, "linked_at_ms")?,
        last_synced_at_ms: get(row, "last_synced_at_ms")?,
        revision: get(row, "revision")?,
    })
}

fn exclusion(word: &str) -> Option<Exclusion> {
    [Exclusion::OwnCompany, Exclusion::Template, Exclusion::Demo].into_iter().find(|exclusion| exclusion.as_str() == word)
}

/// The choice in three columns, where there is one.
pub(super) fn choice(row: &QueryResult, decision: &str, target: &str, on_lookalike: &str) -> Result<Option<Choice>> {
    let Some(decision) = optional_word(row, decision, Decision::parse)? else { return Ok(None) };
    let target: Option<uuid::Uuid> = get(row, target)?;
    let on_lookalike = optional_word(row, on_lookalike, OnLookalike::parse)?.unwrap_or_default();
    Ok(Some(Choice { decision, target: target.map(TargetId), on_lookalike }))
}

/// The suggestions of a page of mappings in one statement: all of them, or the best of each.
async fn add_suggestions(connection: &impl ConnectionTrait, list: &List, full: bool, page: &mut [Mapping]) -> Result<()> {
    if page.is_empty() {
        return Ok(());
    }
    let best = if full { "" } else { "and s.rank = 1" };
    let sql = format!(
        "select s.record_id, s.target_id, s.score, s.band, s.reasons, s.contested, t.name
         from {} cross join suggestion s join {} t on t.id = s.target_id and t.organization_id = s.organization_id
         where s.provider_id = $1 and s.subject = $2 and s.organization_id = $3 and s.record_id = b.record_id {best}
         order by s.record_id, s.rank",
        rows(connection, "b", "$4", &ID),
        list.subject.target()
    );
    let wanted = batch(&ids(page.iter().map(|mapping| mapping.record)))?;
    let mut found: HashMap<RecordId, Vec<Suggestion>> = HashMap::new();
    for row in all(connection, &sql, list.values([wanted])).await? {
        let suggestion = Suggestion {
            target: TargetId(get(&row, "target_id")?),
            target_name: get(&row, "name")?,
            probability: get(&row, "score")?,
            band: word(&row, "band", Band::parse)?,
            reasons: json(&row, "reasons")?,
            contested: get(&row, "contested")?,
        };
        found.entry(RecordId(get(&row, "record_id")?)).or_default().push(suggestion);
    }
    for mapping in page {
        mapping.suggestions = found.remove(&mapping.record).unwrap_or_default();
    }
    Ok(())
}
