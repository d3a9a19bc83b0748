//! The gate: whoever creates registry records locks the organization's gate row, looks for look-alikes by key, has those compared, then
//! inserts or holds.
//!
//! Without the lock two creators that checked at the same time would both insert. Every creator goes through here: people, link jobs,
//! imports. So does whatever changes the state of mappings in bulk (confirm, suggest, the end of a walk): one order of locks for
//! all of them, so none waits for another crosswise. A fence is always taken before the gate.
//!
//! A record has one key that is its normalised name, written with it, and several by which slips of the pen are found. These are computed
//! for whatever has none before the gate is asked ([`key_missing`]), so no writer of the registry has to know how.

use crate::features::{self, Changed};
use crate::ledger::fence_and_checkpoint;
use crate::registry::marks::{ID_ROW, id_rows};
use crate::row::get;
use crate::sql::{Column, all, batch, commit, execute, is_postgres, one, rows};
use crate::{Store, statistics};
use linkyard_core::id::{OrganizationId, ProviderId, RecordId, TargetId};
use linkyard_core::job::Fence;
use linkyard_core::lookalike::{Alike, Gatekeeper};
use linkyard_core::mapping::Subject;
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

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

/// Registry records that are keyed in one transaction.
const KEYED_AT_ONCE: i64 = 2_000;

/// How many records may share a key that is followed; what more of them share says nothing. An equal name is always followed so far.
const FOLLOWED: usize = 30;

/// How long before the newest change that was seen a change can have been written and not yet be seen, while the gate is not locked.
const UNSEEN_MS: i64 = 60_000;

/// Registry records that are told at once.
const TOLD_AT_ONCE: i64 = 5_000;

/// The whole gate: what compares records, and how far it was told what the registry has. Cheap to clone; clones share both.
#[derive(Clone, Debug)]
pub struct Gate {
    keeper: Arc<dyn Gatekeeper>,
    told_until_ms: Arc<AtomicI64>,
    decided: Arc<Mutex<DecidedRecords>>,
}

/// Records that are compared although they are not in the registry yet, and how far the gate was told of them.
#[derive(Debug, Default)]
pub(crate) struct DecidedRecords {
    /// By what the gatekeeper knows them by.
    pub(crate) records: HashMap<TargetId, (ProviderId, RecordId)>,
    /// The newest change that was told.
    pub(crate) until_ms: i64,
}

impl Gate {
    /// A gate of one subject of one organization, which was told nothing yet.
    #[must_use]
    pub fn new(keeper: impl Gatekeeper + 'static) -> Self {
        Self { keeper: Arc::new(keeper), told_until_ms: Arc::default(), decided: Arc::default() }
    }

    pub(crate) fn decided(&self) -> MutexGuard<'_, DecidedRecords> {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Gate {
    type Target = dyn Gatekeeper;

    fn deref(&self) -> &Self::Target {
        &*self.keeper
    }
}

/// How a person's creations are checked.
#[derive(Clone, Debug)]
pub struct Creating {
    pub(crate) name_key: NameKey,
    pub(crate) gate: Option<Gate>,
}

impl Creating {
    /// Created unless something like it is there.
    #[must_use]
    pub fn unless_alike(name_key: NameKey, gate: Gate) -> Self {
        Self { name_key, gate: Some(gate) }
    }
}

/// Created whatever is there.
impl From<NameKey> for Creating {
    fn from(name_key: NameKey) -> Self {
        Self { name_key, gate: None }
    }
}

impl Store {
    /// Computes the keys of all registry records that have none (new, changed, or from before there were such keys), in transactions of
    /// their own, and tells the gate what the registry has (about 1.2 KB a record are kept); answers how many were keyed. The gate would
    /// do both too, but while others wait for it.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `Unavailable`.
    pub async fn gate_prepare(&self, fence: &Fence, subject: Subject, gate: &Gate) -> Result<u64> {
        let mut keyed = 0;
        loop {
            let tx = self.begin().await?;
            fence_and_checkpoint(&tx, fence, None).await?;
            lock(&tx, fence.organization).await?;
            let now = key_missing(&tx, fence.organization, subject, gate).await?;
            commit(tx).await?;
            statistics::refresh(self).await;
            keyed += now;
            if now < KEYED_AT_ONCE as u64 {
                tell(&self.reader, fence.organization, subject, gate, UNSEEN_MS).await?;
                return Ok(keyed);
            }
        }
    }
}

/// Computes the keys of registry records that have none, as many as go into one transaction; answers how many.
pub(crate) async fn key_missing(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    gate: &Gate,
) -> Result<u64> {
    let rest = "and not t.keyed order by t.id limit $2";
    let found = features::of_registry(connection, organization, subject, rest, [KEYED_AT_ONCE.into()]).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Uuid> = found.iter().map(|(id, _)| id.0).collect();
    let asked = gate.clone();
    let keys = blocking(move || {
        let of_one = |(target, features): &(TargetId, Features)| {
            let keys: Vec<TargetKey> = asked.keys(features).into_iter().map(|key| TargetKey { key, target: *target }).collect();
            keys
        };
        found.iter().flat_map(of_one).collect::<Vec<TargetKey>>()
    })
    .await?;
    insert_keys(connection, organization, subject, &keys).await?;
    let sql = format!(
        "update {} set keyed = true where organization_id = $2 and id in (select b.id from {})",
        subject.target(),
        rows(connection, "b", "$1", &ID_ROW)
    );
    execute(connection, &sql, [id_rows(&ids)?, organization.0.into()]).await?;
    Ok(ids.len() as u64)
}

/// Tells the gate what came to be and changed in the registry since it was told last. `unseen_ms` is 0 while the gate is locked: whoever
/// writes registry records has locked it, so that nothing older can appear later.
pub(crate) async fn tell(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    gate: &Gate,
    unseen_ms: i64,
) -> Result<()> {
    let since = gate.told_until_ms.load(Ordering::Acquire);
    let sql = format!("select max(updated_at_ms) as newest from {} where organization_id = $1", subject.target());
    let newest = one(connection, &sql, [organization.0.into()]).await?.map(|row| get::<Option<i64>>(&row, "newest"));
    let Some(newest) = newest.transpose()?.flatten() else { return Ok(()) };
    let mut from = Some(Changed { at_ms: since, target: TargetId(Uuid::nil()) });
    while let Some(after) = from {
        let (page, last) = features::changed_in_registry(connection, organization, subject, after, TOLD_AT_ONCE).await?;
        let told = gate.clone();
        blocking(move || page.iter().for_each(|(target, features)| told.know(*target, features))).await?;
        from = last;
    }
    gate.told_until_ms.fetch_max(newest - unseen_ms, Ordering::AcqRel);
    Ok(())
}

/// Refuses new records that are like something of the registry or like an earlier one of them, naming what they are like. The gate must be
/// locked.
///
/// # Errors
/// `AlreadyExists`.
pub(crate) async fn refuse_lookalikes(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    gate: &Gate,
    new: Vec<(TargetKey, Features)>,
) -> Result<()> {
    while key_missing(connection, organization, subject, gate).await? > 0 {}
    tell(connection, organization, subject, gate, 0).await?;
    let keys: Vec<&str> = new.iter().map(|(key, _)| key.key.as_str()).collect();
    let equal = lookalikes(connection, organization, subject, &keys).await?;
    let asked = gate.clone();
    let (new, alike) = blocking(move || {
        let of_one = |(key, features): &(TargetKey, Features)| {
            let alike = asked.alike(features);
            // The next ones of the request must not be like it either.
            asked.know(key.target, features);
            alike
        };
        let alike: Vec<Vec<Alike>> = new.iter().map(of_one).collect();
        (new, alike)
    })
    .await?;
    let near: HashSet<TargetId> = alike.iter().flatten().map(|one| one.target).collect();
    let mut there = described(connection, organization, subject, &near).await?;
    let created: HashSet<TargetId> = new.iter().map(|(key, _)| key.target).collect();
    near.iter().filter(|one| !there.contains_key(one) && !created.contains(one)).for_each(|gone| gate.forget(*gone));
    there.extend(new.iter().map(|(key, features)| (key.target, features.clone())));
    let mut refused = Vec::new();
    let mut names: HashMap<&str, TargetId> = HashMap::new();
    for ((key, features), alike) in new.iter().zip(&alike) {
        let earlier = names.get(key.key.as_str()).copied();
        let by_name = equal.get(&key.key).map(|found| (found.target, found.name.clone()));
        let by_name = by_name.or_else(|| earlier.map(|target| (target, features.name.clone())));
        let found = match by_name {
            Some((target, name)) => Some((target, format!("{name} ({target}: the same name)"))),
            None => alike.iter().find_map(|one| {
                let name = &there.get(&one.target)?.name;
                Some((one.target, format!("{name} ({}: {})", one.target, one.reasons)))
            }),
        };
        if let Some((target, like)) = found {
            refused.push((target, format!("{} is like {like}", features.name)));
        }
        if !key.key.is_empty() {
            names.entry(&key.key).or_insert(key.target);
        }
    }
    let Some((first, _)) = refused.first() else { return Ok(()) };
    new.iter().for_each(|(key, _)| gate.forget(key.target));
    Err(Error::AlreadyExists { resource: subject.target(), id: first.to_string(), message: refusal(&refused) })
}

/// How many refused records a message names.
const NAMED: usize = 3;

fn refusal(refused: &[(TargetId, String)]) -> String {
    let named: Vec<&str> = refused.iter().take(NAMED).map(|(_, sentence)| sentence.as_str()).collect();
    let more = match refused.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "nothing was created: {}{more}. Use what is there, or say that it is to be created all the same (on_lookalike: CREATE)",
        named.join("; ")
    )
}

/// Whether so many records share `key` that it is not followed.
pub(crate) fn too_common(key: &str, records: usize) -> bool {
    records > FOLLOWED && !key.starts_with("name:") && !key.starts_with("tax:")
}

/// The registry records that each of `keys` leads to. The gate must be locked.
pub(crate) async fn sharing(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    keys: HashSet<&str>,
) -> Result<HashMap<String, Vec<TargetId>>> {
    #[derive(Serialize)]
    struct Key<'a> {
        key: &'a str,
    }
    let mut sharing: HashMap<String, Vec<TargetId>> = HashMap::new();
    if keys.is_empty() {
        return Ok(sharing);
    }
    let sql = format!(
        "select f.key, f.target_id from (
            select b.key, k.target_id, row_number() over (partition by b.key order by k.target_id) as place
            from {} cross join match_key k where k.organization_id = $2 and k.subject = $3 and k.key = b.key
         ) f where f.place <= $4 order by f.key, f.place",
        rows(connection, "b", "$1", &[("key", Column::Text)])
    );
    let keys: Vec<Key<'_>> = keys.into_iter().map(|key| Key { key }).collect();
    let most = FOLLOWED as i64 + 1;
    let found = all(connection, &sql, [batch(&keys)?, organization.0.into(), subject.as_str().into(), most.into()]).await?;
    for row in found {
        sharing.entry(get(&row, "key")?).or_default().push(TargetId(get(&row, "target_id")?));
    }
    sharing.retain(|key, targets| !too_common(key, targets.len()));
    Ok(sharing)
}

/// What is compared of these registry records, by id, and their names.
pub(crate) async fn described(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    subject: Subject,
    targets: &HashSet<TargetId>,
) -> Result<HashMap<TargetId, Features>> {
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = targets.iter().map(|target| target.0).collect();
    let rest = format!("and t.id in (select b.id from {})", rows(connection, "b", "$2", &ID_ROW));
    let found = features::of_registry(connection, organization, subject, &rest, [id_rows(&ids)?]).await?;
    Ok(found.into_iter().collect())
}

/// Runs `work` where it does not keep the renewals of leases waiting.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal("comparing records", error))
}
