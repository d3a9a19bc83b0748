//! The gate: whoever creates registry records locks the organization's gate row, looks for look-alikes by key, then inserts or holds.
//!
//! Without the lock two creators that checked at the same time would both insert. Every creator goes through here: people, link jobs,
//! imports. So does whatever changes the state of mappings in bulk (confirm, suggest, the end of a walk): one order of locks for
//! all of them, so none waits for another crosswise. A fence is always taken before the gate.

use crate::row::get;
use crate::sql::{Column, all, batch, execute, is_postgres, one, rows};
use linkyard_core::Result;
use linkyard_core::id::{OrganizationId, TargetId};
use linkyard_core::mapping::Subject;
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::HashMap;

/// How a name becomes a key: equal keys mean "look alike". Handed in, because normalising names is `linkyard_matching`'s business.
pub type NameKey = fn(&str) -> String;

/// Locks the gate of `organization` until the end of the transaction.
pub(crate) async fn lock(connection: &impl ConnectionTrait, organization: OrganizationId) -> Result<()> {
    if is_postgres(connection) {
        // Waiting for a chunk of somebody else's link job is normal; SQLite waits at the beginning of its transaction instead.
        execute(connection, "set local lock_timeout = '20s'", []).await?;
    }
    let sql = "select organization_id from gate where organization_id = $1 {lock}";
    if one(connection, sql, [organization.0.into()]).await?.is_some() {
        return Ok(());
    }
    let insert = "insert into gate (organization_id) values ($1) on conflict (organization_id) do nothing";
    execute(connection, insert, [organization.0.into()]).await?;
    one(connection, sql, [organization.0.into()]).await.map(|_| ())
}

/// A key and whose it is.
#[derive(Debug, Serialize)]
pub(crate) struct TargetKey {
    /// The normalised name; an empty one is not written, because it looks like nothing.
    pub(crate) key: String,
    /// The party or project.
    pub(crate) target: TargetId,
}

/// Writes the keys of new registry records. The gate must be locked.
pub(crate) async fn insert_keys(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    keys: &[TargetKey],
) -> Result<()> {
    let sql = format!(
        "insert into match_key (organization_id, subject, key, target_id) select $2, $3, b.key, b.target from {} where b.key <> ''
         on conflict (organization_id, subject, key, target_id) do nothing",
        rows(connection, "b", "$1", &[("key", Column::Text), ("target", Column::Uuid)])
    );
    execute(connection, &sql, [batch(keys)?, organization.0.into(), subject.as_str().into()]).await.map(|_| ())
}

/// Something in the registry that looks like a new record.
#[derive(Clone, Debug)]
pub(crate) struct Lookalike {
    /// The party or project.
    pub(crate) target: TargetId,
    /// Its name.
    pub(crate) name: String,
}

/// The oldest registry record of each of `keys`. The gate must be locked, or the answer is only a forecast.
pub(crate) async fn lookalikes(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    keys: &[&str],
) -> Result<HashMap<String, Lookalike>> {
    #[derive(Serialize)]
    struct Key<'a> {
        key: &'a str,
    }
    let keys: Vec<Key<'_>> = keys.iter().filter(|key| !key.is_empty()).map(|key| Key { key }).collect();
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select f.key, f.target_id, t.name from (
            select b.key, (
                select k.target_id from match_key k where k.organization_id = $2 and k.subject = $3 and k.key = b.key
                order by k.target_id limit 1
            ) as target_id from {}
         ) f join {} t on t.id = f.target_id",
        rows(connection, "b", "$1", &[("key", Column::Text)]),
        subject.target()
    );
    let found = all(connection, &sql, [batch(&keys)?, organization.0.into(), subject.as_str().into()]).await?;
    found
        .iter()
        .map(|row| Ok((get(row, "key")?, Lookalike { target: TargetId(get(row, "target_id")?), name: get(row, "name")? })))
        .collect()
}
