//! Which records a search finds, where it finds few of them, on SQLite: there a list in the order of records would otherwise look at every
//! record until its page is full. PostgreSQL has an index for text inside names and decides by its statistics.

use super::filter;
use crate::directory::{ID, List, ids};
use crate::row::get;
use crate::sql::{all, batch, is_postgres, rows};
use linkyard_core::Result;
use linkyard_core::id::RecordId;
use linkyard_core::mapping::{MappingFilter, MappingOrder};
use sea_orm::{ConnectionTrait, Value};

/// So many records are few. A search that finds more fills a page soon.
const FEW: usize = 2_000;

/// `and ..` for the few records that the search of `filter` finds, with its parameter `$place`; nothing where that would be of no use.
///
/// # Errors
/// `Invalid` for a search that is too long.
pub(super) async fn few(
    connection: &impl ConnectionTrait,
    list: &List,
    filter: &MappingFilter,
    order: MappingOrder,
    place: usize,
) -> Result<(String, Option<Value>)> {
    // Along the names every name is looked at in the index alone.
    let by_record = matches!(order, MappingOrder::Record | MappingOrder::RecordDescending);
    let text = filter::pattern(filter)?.filter(|_| by_record && !is_postgres(connection));
    let Some(text) = text else { return Ok((String::new(), None)) };
    // Answered from the index of names: it has all that is asked for.
    let sql = format!(
        "select r.record_id from directory_record r where r.provider_id = $1 and r.subject = $2 and r.name_search like $4 escape '\\'
            and exists (select 1 from provider p where p.id = $1 and p.organization_id = $3) limit {}",
        FEW + 1
    );
    let found = all(connection, &sql, list.values([text.into()])).await?;
    if found.len() > FEW {
        return Ok((String::new(), None));
    }
    let found = found.iter().map(|row| get(row, "record_id").map(RecordId)).collect::<Result<Vec<RecordId>>>()?;
    let only = rows(connection, "f", &format!("${place}"), &ID);
    Ok((format!("and m.record_id in (select f.record_id from {only})"), Some(batch(&ids(found))?)))
}
