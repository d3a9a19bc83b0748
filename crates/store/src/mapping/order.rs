//! In what order a list of mappings is read, and where its next page begins.

use crate::sql::is_postgres;
use crate::text;
use linkyard_core::mapping::{Mapping, MappingFilter, MappingOrder, MappingState};
use linkyard_core::page::PageRequest;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, Value};

/// So many rows are sorted rather than looked for along the names.
const FEW: u64 = 2_000;

/// How much of a name PostgreSQL sorts by, in characters; SQLite sorts by what is searched of it. (An index row has a largest size there.)
const SORTED_CHARACTERS: usize = 100;

/// The rows of a list, ready for a statement whose parameters `$1` to `$3` are provider, subject and organization.
pub(super) struct Ordered {
    /// What is read first: the order of tables is the order in which SQLite reads them.
    pub(super) tables: &'static str,
    /// `and ..` for the rows after the page before.
    pub(super) after: String,
    /// `order by .. limit ..`.
    pub(super) order: String,
    /// Its parameters, from `$4`.
    pub(super) values: Vec<Value>,
}

/// The page `page` in `order`. `selected` is how many rows the states of the filter select at most.
///
/// # Errors
/// `Invalid` for a page key that is not of such a list.
pub(super) fn ordered(
    connection: &impl ConnectionTrait,
    order: MappingOrder,
    page: &PageRequest,
    selected: Option<u64>,
) -> Result<Ordered> {
    let after = page.after.as_deref().map(|key| Key::parse(order, key)).transpose()?;
    let mut values: Vec<Value> = vec![(i64::from(page.size) + 1).into()];
    let (direction, beyond) = match order {
        MappingOrder::Record | MappingOrder::Name => ("", ">"),
        MappingOrder::RecordDescending | MappingOrder::NameDescending => ("desc", "<"),
    };
    let by_name = matches!(order, MappingOrder::Name | MappingOrder::NameDescending);
    let name = if is_postgres(connection) { "left(r.name_search, 100) collate \"C\"" } else { "r.name_search" };
    let after = after.map_or_else(String::new, |key| {
        values.push(key.record.into());
        if !by_name {
            return format!("and m.record_id {beyond} $5");
        }
        values.push(key.name.into());
        format!("and ({name}, r.record_id) {beyond} ($6, $5)")
    });
    let few = selected.is_some_and(|rows| rows <= FEW);
    Ok(Ordered {
        tables: if by_name && !few {
            "directory_record r cross join mapping m"
        } else {
            "mapping m cross join directory_record r"
        },
        after,
        order: if by_name {
            format!("order by {name} {direction}, r.record_id {direction} limit $4")
        } else {
            format!("order by m.record_id {direction} limit $4")
        },
        values,
    })
}

/// Where the page that ends with `mapping` ends.
pub(super) fn key(connection: &impl ConnectionTrait, order: MappingOrder, mapping: &Mapping) -> String {
    match order {
        MappingOrder::Record | MappingOrder::RecordDescending => mapping.record.to_string(),
        MappingOrder::Name | MappingOrder::NameDescending => {
            let searched = text::searched(&mapping.name);
            let sorted = if is_postgres(connection) { text::clipped(&searched, SORTED_CHARACTERS) } else { &searched };
            format!("{} {sorted}", mapping.record)
        }
    }
}

/// How many rows the states of `filter` select at most, by the counts of all states; `None` if it names none.
pub(super) fn selected(filter: &MappingFilter, counts: &[(MappingState, u64)]) -> Option<u64> {
    if filter.states.is_empty() {
        return None;
    }
    Some(counts.iter().filter(|(state, _)| filter.states.contains(state)).map(|(_, rows)| rows).sum())
}

/// A row after which a page begins.
struct Key {
    record: i64,
    name: String,
}

impl Key {
    fn parse(order: MappingOrder, key: &str) -> Result<Self> {
        let (record, name) = match order {
            MappingOrder::Record | MappingOrder::RecordDescending => (key, ""),
            MappingOrder::Name | MappingOrder::NameDescending => key.split_once(' ').unwrap_or((key, "")),
        };
        let record = record.parse().map_err(|_| Error::invalid("page_token", "is not one that this list gave"))?;
        Ok(Self { record, name: name.to_owned() })
    }
}
