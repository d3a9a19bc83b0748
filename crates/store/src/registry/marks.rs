//! What parties and projects have in common: filters, page keys, checks of names, and the marks of their integration.

use super::RegistryFilter;
use crate::row::{get, word};
use crate::sql::{Column, all, batch, rows};
use crate::text;
use linkyard_core::directory::Address;
use linkyard_core::error::Violations;
use linkyard_core::id::{OrganizationId, ProviderId, RecordId};
use linkyard_core::mapping::{LONGEST_NAME_CHARACTERS, MappingState};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::MOST_ROWS;
use linkyard_core::registry::IntegrationMark;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// `and ..` for everything that `filter` asks of `t`, with its parameters, the first of which is `$first`.
pub(crate) fn condition(filter: &RegistryFilter, first: usize) -> Result<(String, Vec<Value>)> {
    let mut sql = String::new();
    let mut values: Vec<Value> = Vec::new();
    let linked = "select 1 from mapping m where m.target_id = t.id and m.organization_id = t.organization_id
        and m.state in ('linked', 'orphaned')";
    if let Some(search) = filter.search.as_deref().filter(|search| !search.is_empty()) {
        sql.push_str(&format!(" and t.name_search like ${first} escape '\\'"));
        values.push(text::containing(search)?.into());
    }
    if let Some(provider) = filter.provider {
        sql.push_str(&format!(" and exists ({linked} and m.provider_id = ${})", first + values.len()));
        values.push(provider.0.into());
    }
    match filter.linked {
        None => {}
        Some(true) => sql.push_str(&format!(" and exists ({linked})")),
        Some(false) => sql.push_str(&format!(" and not exists ({linked})")),
    }
    if filter.suspected {
        sql.push_str(
            " and exists (select 1 from duplicate_member d join duplicate_group g on g.id = d.group_id
                where d.target_id = t.id and g.organization_id = t.organization_id and g.provider_id is null
                    and g.dismissed_at_ms is null and (select count(*) from duplicate_member o
                        where o.group_id = g.id and (exists (select 1 from party p where p.id = o.target_id)
                            or exists (select 1 from project p where p.id = o.target_id))) > 1)",
        );
    }
    Ok((sql, values))
}

/// The id after which a page begins.
pub(crate) fn after(page: &PageRequest) -> Result<Uuid> {
    match page.after.as_deref() {
        None => Ok(Uuid::nil()),
        Some(key) => Uuid::parse_str(key).map_err(|_| Error::invalid("page_token", "is not one that this list gave")),
    }
}

/// The two ids after which a page begins, in a list that is sorted by both.
pub(crate) fn after_pair(page: &PageRequest) -> Result<(Uuid, Uuid)> {
    let Some(key) = page.after.as_deref() else { return Ok((Uuid::nil(), Uuid::nil())) };
    let ids = key.split_once(':').and_then(|(first, second)| Some((first.parse().ok()?, second.parse().ok()?)));
    ids.ok_or_else(|| Error::invalid("page_token", "is not one that this list gave"))
}

/// Notes what is wrong with the number of new rows.
pub(crate) fn check_number(number: usize, field: &str, violations: &mut Violations) {
    if number == 0 || number > MOST_ROWS {
        violations.add(field, format!("must have between 1 and {MOST_ROWS} rows, not {number}"));
    }
}

/// Notes what is wrong with a new row's name.
pub(crate) fn check_name(name: &str, field: String, violations: &mut Violations) {
    if text::kept(name).trim().is_empty() {
        violations.add(field, "is missing");
    } else if name.chars().nth(LONGEST_NAME_CHARACTERS).is_some() {
        violations.add(field, format!("is longer than {LONGEST_NAME_CHARACTERS} characters"));
    }
}

/// `part` as it is kept; a blank one is none.
pub(crate) fn known(part: Option<&str>) -> Option<String> {
    part.map(|part| text::kept(part.trim()).into_owned()).filter(|part| !part.is_empty())
}

/// The address of a row.
pub(crate) fn address(row: &QueryResult) -> Result<Address> {
    Ok(Address {
        street: get(row, "street")?,
        city: get(row, "city")?,
        region: get(row, "region")?,
        postal_code: get(row, "postal_code")?,
        country: get(row, "country")?,
    })
}

/// An id in a batch.
#[derive(Debug, Serialize)]
pub(crate) struct IdRow {
    id: Uuid,
}

/// The columns of [`IdRow`].
pub(crate) const ID_ROW: [(&str, Column); 1] = [("id", Column::Uuid)];

/// `ids` as a batch.
pub(crate) fn id_rows(ids: &[Uuid]) -> Result<Value> {
    let ids: Vec<IdRow> = ids.iter().map(|id| IdRow { id: *id }).collect();
    batch(&ids)
}

/// The marks of `targets`, oldest link first, in one statement.
pub(crate) async fn marks(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    targets: &[Uuid],
) -> Result<HashMap<Uuid, Vec<IntegrationMark>>> {
    let mut marks: HashMap<Uuid, Vec<IntegrationMark>> = HashMap::new();
    if targets.is_empty() {
        return Ok(marks);
    }
    let sql = format!(
        "select m.target_id, m.provider_id, m.record_id, m.linked_at_ms, m.last_synced_at_ms, m.state
         from {} cross join mapping m
         where m.target_id = b.id and m.organization_id = $2 and m.state in ('linked', 'orphaned')
         order by m.target_id, m.linked_at_ms, m.record_id",
        rows(connection, "b", "$1", &ID_ROW)
    );
    for row in all(connection, &sql, [id_rows(targets)?, organization.0.into()]).await? {
        let mark = IntegrationMark {
            provider: ProviderId(get(&row, "provider_id")?),
            record: RecordId(get(&row, "record_id")?),
            linked_at_ms: get(&row, "linked_at_ms")?,
            last_synced_at_ms: get(&row, "last_synced_at_ms")?,
            orphaned: word(&row, "state", MappingState::parse)? == MappingState::Orphaned,
        };
        marks.entry(get(&row, "target_id")?).or_default().push(mark);
    }
    Ok(marks)
}

/// What is remembered of a creation: the ids in order.
pub(crate) fn remembered(ids: &[Uuid]) -> Vec<u8> {
    ids.iter().flat_map(|id| *id.as_bytes()).collect()
}

/// The ids of a remembered creation.
pub(crate) fn recalled(answer: &[u8]) -> Result<Vec<Uuid>> {
    let ids = answer
        .chunks(16)
        .map(|id| Uuid::from_slice(id).map_err(|error| Error::internal("a remembered answer names no ids", error)));
    ids.collect()
}

/// What the audit log says of a creation of many.
pub(crate) fn told(ids: &[Uuid]) -> (String, String) {
    let first = ids.first().map(ToString::to_string).unwrap_or_default();
    (first, format!("{} created", ids.len()))
}
