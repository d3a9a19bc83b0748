//! Creating and reading what the registry holds, once for parties and projects. What differs between the two they say themselves, as an
//! [`Entry`] that is read and a [`NewRow`] that is written; each has its own file.

use super::{RegistryFilter, marks};
use crate::gate::{self, TargetKey};
use crate::row::get;
use crate::sql::{Column, all, batch, execute, rows};
use crate::{Creating, RequestKey, audit, request, text};
use linkyard_core::id::{OrganizationId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::registry::{IntegrationMark, Named};
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Display;
use uuid::Uuid;

/// A party or a project as it is read.
pub(super) trait Entry: Sized {
    /// Which of the two.
    const SUBJECT: Subject;

    /// Without marks; `associated` is the column with the number of its associations.
    fn of(row: &QueryResult) -> Result<Self>;

    fn id(&self) -> Uuid;

    fn set_marks(&mut self, marks: Vec<IntegrationMark>);
}

/// A party or a project to be written.
pub(super) trait NewRow: Serialize {
    /// As what it is read.
    type Entry: Entry;

    /// What is written, as it is called in the table and in the row.
    const COLUMNS: &'static [(&'static str, Column)];

    fn id(&self) -> Uuid;

    fn name(&self) -> &str;

    /// What of it is compared.
    fn features(&self) -> Features;
}

/// Writes rows that are in order, under the gate's lock; answers them as they are read, in their order.
///
/// # Errors
/// `AlreadyExists` where one is like something that is there, or like another one of them, and `creating` minds.
pub(super) async fn create<Row: NewRow>(
    tx: &DatabaseTransaction,
    scope: &Scope,
    new: &[Row],
    creating: Creating,
    request: Option<&RequestKey>,
) -> Result<Vec<Row::Entry>> {
    let (organization, subject) = (scope.organization, Row::Entry::SUBJECT);
    let Creating { name_key, gate } = creating;
    let key = |row: &Row| TargetKey { key: text::key(&name_key(row.name())).into_owned(), target: TargetId(row.id()) };
    if let Some(gate) = gate {
        let compared = new.iter().map(|row| (key(row), row.features())).collect();
        gate::refuse_lookalikes(tx, organization, subject, &gate, compared).await?;
    }
    insert(tx, organization, new).await?;
    let keys: Vec<TargetKey> = new.iter().map(key).collect();
    gate::insert_keys(tx, organization, subject, &keys).await?;
    let ids: Vec<Uuid> = new.iter().map(Row::id).collect();
    let (first, detail) = marks::told(&ids);
    let (table, action) = (subject.target(), format!("{}.create", subject.target()));
    audit::note(tx, organization, &scope.actor, &action, table, &first, &detail).await?;
    request::remember(tx, organization, request, &marks::remembered(&ids)).await?;
    of_ids(tx, organization, &ids).await
}

async fn insert<Row: NewRow>(connection: &impl ConnectionTrait, organization: OrganizationId, new: &[Row]) -> Result<()> {
    let columns: Vec<&str> = Row::COLUMNS.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "insert into {} (organization_id, {}, created_at_ms, updated_at_ms) select $1, b.{}, {{now}}, {{now}} from {}",
        Row::Entry::SUBJECT.target(),
        columns.join(", "),
        columns.join(", b."),
        rows(connection, "b", "$2", Row::COLUMNS)
    );
    execute(connection, &sql, [organization.0.into(), batch(new)?]).await.map(|_| ())
}

/// A page of those that `filter` means, oldest first.
pub(super) async fn list<Found: Entry>(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    filter: &RegistryFilter,
    page: &PageRequest,
) -> Result<Page<Found>> {
    let (condition, more) = marks::condition(filter, 4)?;
    let rest = format!("and t.id > $2 {condition} order by t.id limit $3");
    let values = [marks::after(page)?.into(), (i64::from(page.size) + 1).into()].into_iter().chain(more);
    let found = read(connection, organization, &rest, values).await?;
    let mut page = Page::cut(found, page.size, |entry: &Found| entry.id().to_string());
    add_marks(connection, organization, &mut page.rows).await?;
    Ok(page)
}

/// These with their marks, in the order of `ids`; unknown ones are left out.
pub(super) async fn of_ids<Found: Entry>(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    ids: &[Uuid],
) -> Result<Vec<Found>> {
    let rest = format!("and t.id in (select b.id from {})", rows(connection, "b", "$2", &marks::ID_ROW));
    let mut found: Vec<Found> = read(connection, organization, &rest, [marks::id_rows(ids)?]).await?;
    let places: HashMap<Uuid, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    found.sort_by_key(|entry| places.get(&entry.id()).copied());
    add_marks(connection, organization, &mut found).await?;
    Ok(found)
}

/// One with its marks.
///
/// # Errors
/// `NotFound`.
pub(super) async fn of_id<Found: Entry>(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    id: Uuid,
) -> Result<Found> {
    let found = of_ids(connection, organization, &[id]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found(Found::SUBJECT.target(), id))
}

/// Those for which `rest` holds, without marks; its parameters begin with `$2`.
async fn read<Found: Entry>(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    rest: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Found>> {
    let table = Found::SUBJECT.target();
    let sql = format!(
        "select t.*, (select count(*) from association a where a.{table}_id = t.id) as associated from {table} t
         where t.organization_id = $1 {rest}"
    );
    let values: Vec<Value> = [organization.0.into()].into_iter().chain(values).collect();
    all(connection, &sql, values).await?.iter().map(Found::of).collect()
}

async fn add_marks<Found: Entry>(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    entries: &mut [Found],
) -> Result<()> {
    let ids: Vec<Uuid> = entries.iter().map(Entry::id).collect();
    let mut marks = marks::marks(connection, organization, &ids).await?;
    for entry in entries {
        entry.set_marks(marks.remove(&entry.id()).unwrap_or_default());
    }
    Ok(())
}

/// What is associated with the `of` of this id (the parties of a project, the projects of a party), by id.
pub(super) async fn associated<Id: Display>(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    (of, id): (Subject, Uuid),
    page: &PageRequest,
    typed: fn(Uuid) -> Id,
) -> Result<Page<Named<Id>>> {
    let (own, other) = match of {
        Subject::Vendor => ("party", "project"),
        Subject::Project => ("project", "party"),
    };
    let sql = format!(
        "select t.id, t.name from association a join {other} t on t.id = a.{other}_id
         where a.{own}_id = $1 and a.organization_id = $2 and a.{other}_id > $3 order by a.{other}_id limit $4"
    );
    let values: [Value; 4] = [id.into(), organization.0.into(), marks::after(page)?.into(), (i64::from(page.size) + 1).into()];
    let found = all(connection, &sql, values).await?;
    let named = found.iter().map(|row| Ok(Named { id: typed(get(row, "id")?), name: get(row, "name")? }));
    Ok(Page::cut(named.collect::<Result<Vec<_>>>()?, page.size, |named| named.id.to_string()))
}
