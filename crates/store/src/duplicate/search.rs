//! Searching for duplicates: what a list looks like, its records, and the groups that were found in it.
//!
//! A list that did not change since it was searched is not searched again; of what was found only differences are written.

use crate::directory::List;
use crate::ledger::fence_and_checkpoint;
use crate::row::{get, json};
use crate::sql::{Column, all, batch, commit, execute, one, rows};
use crate::{Store, features, gate, provider};
use linkyard_core::duplicate::{Dismissed, FoundGroup, MemberId, Searched, SearchedRecord};
use linkyard_core::id::{DuplicateGroupId, OrganizationId, RecordId, TargetId};
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, Value};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Records of one read.
const PAGE: i64 = 5_000;

impl Store {
    /// What the list looks like now, where that differs from what it was like when it was searched last; `None`: nothing to do. Read it
    /// before the records, and hand it to [`Store::duplicates_write`].
    ///
    /// # Errors
    /// `NotFound` for a provider that is not the job's tenant's.
    pub async fn duplicates_due(&self, fence: &Fence, searched: Searched) -> Result<Option<String>> {
        require(&self.reader, fence.organization, searched).await?;
        let (sql, values) = of_list(fence.organization, searched, "duplicate_search s", "s.fingerprint");
        let last: Option<String> = one(&self.reader, &sql, values).await?.map(|row| get(&row, "fingerprint")).transpose()?;
        let now = fingerprint(&self.reader, fence.organization, searched).await?;
        Ok((last.as_deref() != Some(now.as_str())).then_some(now))
    }

    /// Every record of the list that could be there twice: not gone, not excluded.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not the job's tenant's.
    pub async fn duplicates_records(&self, fence: &Fence, searched: Searched) -> Result<Vec<SearchedRecord>> {
        require(&self.reader, fence.organization, searched).await?;
        let mut records: Vec<SearchedRecord> = Vec::new();
        loop {
            let page = page(&self.reader, fence.organization, searched, records.last().map(|record| record.id)).await?;
            let more = page.len() as i64 == PAGE;
            records.extend(page);
            if !more {
                return Ok(records);
            }
        }
    }

    /// Writes what a search found, with `checkpoint`: groups that are not found any more go, new ones come, dismissed ones stay; what a
    /// dismissed group covers is not written. Answers how many groups are open now. Writing it twice writes nothing the second time.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn duplicates_write(
        &self,
        fence: &Fence,
        searched: Searched,
        fingerprint: &str,
        found: &[FoundGroup],
        checkpoint: &Checkpoint,
    ) -> Result<u64> {
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        require(&tx, fence.organization, searched).await?;
        gate::lock(&tx, fence.organization).await?;
        let stored = stored(&tx, fence.organization, searched).await?;
        let difference = Difference::between(found, stored);
        remove(&tx, &difference.gone).await?;
        refresh(&tx, &difference.changed).await?;
        insert(&tx, fence.organization, searched, &difference.new).await?;
        remember(&tx, fence.organization, searched, fingerprint).await?;
        commit(tx).await?;
        Ok(difference.open)
    }
}

async fn require(connection: &impl ConnectionTrait, organization: OrganizationId, searched: Searched) -> Result<()> {
    match searched.provider {
        Some(provider) => provider::require(connection, organization, provider).await.map(|_| ()),
        None => Ok(()),
    }
}

/// `columns` of the rows of `table` (with an alias of one letter) that belong to a list.
fn of_list(organization: OrganizationId, searched: Searched, table: &str, columns: &str) -> (String, Vec<Value>) {
    let alias = table.rsplit(' ').next().unwrap_or(table);
    let sql = format!(
        "select {columns} from {table} where {alias}.organization_id = $1 and {alias}.subject = $2
            and {alias}.provider_id is not distinct from $3"
    );
    let provider: Option<Uuid> = searched.provider.map(|id| id.0);
    (sql, vec![organization.0.into(), searched.subject.as_str().into(), provider.into()])
}

/// Number and sums that change with whatever is compared.
async fn fingerprint(connection: &impl ConnectionTrait, organization: OrganizationId, searched: Searched) -> Result<String> {
    let sum = |expression: &str| format!("cast(coalesce(sum({expression}), 0) as bigint)");
    let (sql, values) = match searched.provider {
        Some(provider) => {
            let sql = format!(
                "select count(*) as n, {} as a, {} as b from directory_record
                 where provider_id = $1 and subject = $2 and organization_id = $3 and gone_at_ms is null and exclusion is null",
                sum("content_hash % 1000000007"),
                sum("(content_hash % 998244353) * (record_id % 1009)"),
            );
            let list = List { organization, provider, subject: searched.subject };
            (sql, list.values([]))
        }
        None => {
            let sql = format!(
                "select count(*) as n, {} as a, {} as b from {} where organization_id = $1",
                sum("revision"),
                sum("updated_at_ms % 1000000007"),
                searched.subject.target()
            );
            (sql, vec![organization.0.into()])
        }
    };
    let row = one(connection, &sql, values).await?.ok_or_else(|| Error::broken("counting gave no row"))?;
    let (n, a, b): (i64, i64, i64) = (get(&row, "n")?, get(&row, "a")?, get(&row, "b")?);
    Ok(format!("{n} {a} {b}"))
}

async fn page(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    searched: Searched,
    after: Option<MemberId>,
) -> Result<Vec<SearchedRecord>> {
    match searched.provider {
        Some(provider) => {
            let after = match after {
                Some(MemberId::Record(record)) => record.0,
                Some(MemberId::Target(_)) | None => i64::MIN,
            };
            let list = List { organization, provider, subject: searched.subject };
            let sql = format!(
                "select {} from directory_record r
                 where r.provider_id = $1 and r.subject = $2 and r.organization_id = $3 and r.gone_at_ms is null
                    and r.exclusion is null and r.record_id > $4 order by r.record_id limit $5",
                features::OF_RECORD
            );
            let found = all(connection, &sql, list.values([after.into(), PAGE.into()])).await?;
            let mut records = found.iter().map(features::of_record).collect::<Result<Vec<_>>>()?;
            features::add_parties_of_records(connection, &list, &mut records).await?;
            let record = |(id, features)| SearchedRecord { id: MemberId::Record(id), features };
            Ok(records.into_iter().map(record).collect())
        }
        None => {
            let after = match after {
                Some(MemberId::Target(target)) => target.0,
                Some(MemberId::Record(_)) | None => Uuid::nil(),
            };
            let rest = "and t.id > $2 order by t.id limit $3";
            let values: [Value; 2] = [after.into(), PAGE.into()];
            let targets = features::of_registry(connection, organization, searched.subject, rest, values).await?;
            let record = |(id, features)| SearchedRecord { id: MemberId::Target(id), features };
            Ok(targets.into_iter().map(record).collect())
        }
    }
}

/// A group that is stored.
#[derive(Debug)]
struct Stored {
    id: DuplicateGroupId,
    probability: f64,
    reasons: Vec<String>,
    dismissed: bool,
    members: Vec<MemberId>,
}

async fn stored(connection: &impl ConnectionTrait, organization: OrganizationId, searched: Searched) -> Result<Vec<Stored>> {
    let columns = "g.id, g.probability, g.reasons, g.dismissed_at_ms, d.record_id, d.target_id";
    let (sql, values) = of_list(organization, searched, "duplicate_group g", "g.id");
    let sql = format!(
        "select {columns} from duplicate_group g join duplicate_member d on d.group_id = g.id where g.id in ({sql})
         order by g.id, d.place"
    );
    let mut groups: Vec<Stored> = Vec::new();
    for row in all(connection, &sql, values).await? {
        let id = DuplicateGroupId(get(&row, "id")?);
        if groups.last().is_none_or(|last| last.id != id) {
            let dismissed = get::<Option<i64>>(&row, "dismissed_at_ms")?.is_some();
            let (probability, reasons) = (get(&row, "probability")?, json(&row, "reasons")?);
            groups.push(Stored { id, probability, reasons, dismissed, members: Vec::new() });
        }
        let member = match (get::<Option<i64>>(&row, "record_id")?, get::<Option<Uuid>>(&row, "target_id")?) {
            (Some(record), _) => MemberId::Record(RecordId(record)),
            (None, Some(target)) => MemberId::Target(TargetId(target)),
            (None, None) => return Err(Error::broken("a member of a group of duplicates is nothing")),
        };
        if let Some(group) = groups.last_mut() {
            group.members.push(member);
        }
    }
    Ok(groups)
}

/// What has to be written.
#[derive(Debug, Default)]
struct Difference<'f> {
    gone: Vec<DuplicateGroupId>,
    changed: Vec<(DuplicateGroupId, &'f FoundGroup)>,
    new: Vec<&'f FoundGroup>,
    open: u64,
}

impl<'f> Difference<'f> {
    fn between(found: &'f [FoundGroup], stored: Vec<Stored>) -> Self {
        let (mut difference, mut dismissed) = (Self::default(), Dismissed::default());
        let mut open: HashMap<&[MemberId], &Stored> = HashMap::new();
        for group in &stored {
            if group.dismissed {
                dismissed.add(group.members.iter().copied());
            } else {
                open.insert(&group.members, group);
            }
        }
        let mut kept = HashSet::new();
        for group in found {
            match open.get(group.members.as_slice()) {
                _ if dismissed.covers(&group.members) => continue,
                Some(there) => {
                    kept.insert(there.id);
                    if there.probability != group.probability || there.reasons != group.reasons {
                        difference.changed.push((there.id, group));
                    }
                }
                None => difference.new.push(group),
            }
            difference.open += 1;
        }
        difference.gone = open.values().map(|group| group.id).filter(|id| !kept.contains(id)).collect();
        difference
    }
}

#[derive(Debug, Serialize)]
struct GroupRow {
    id: DuplicateGroupId,
    probability: f64,
    reasons: String,
}

const GROUP_ROW: [(&str, Column); 3] = [("id", Column::Uuid), ("probability", Column::Double), ("reasons", Column::Text)];

impl GroupRow {
    fn of(id: DuplicateGroupId, group: &FoundGroup) -> Result<Self> {
        let reasons = serde_json::to_string(&group.reasons)
            .map_err(|error| Error::internal("the reasons of a group could not be written as JSON", error))?;
        Ok(Self { id, probability: group.probability, reasons })
    }
}

#[derive(Debug, Serialize)]
struct MemberRow {
    group_id: DuplicateGroupId,
    place: usize,
    record_id: Option<RecordId>,
    target_id: Option<TargetId>,
}

const MEMBER_ROW: [(&str, Column); 4] =
    [("group_id", Column::Uuid), ("place", Column::Bigint), ("record_id", Column::Bigint), ("target_id", Column::Uuid)];

impl MemberRow {
    fn of(group_id: DuplicateGroupId, place: usize, member: MemberId) -> Self {
        let (record_id, target_id) = match member {
            MemberId::Record(record) => (Some(record), None),
            MemberId::Target(target) => (None, Some(target)),
        };
        Self { group_id, place, record_id, target_id }
    }
}

async fn remove(connection: &impl ConnectionTrait, gone: &[DuplicateGroupId]) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let gone: Vec<GroupRow> = gone.iter().map(|id| GroupRow { id: *id, probability: 0.0, reasons: String::new() }).collect();
    for (table, column) in [("duplicate_member", "group_id"), ("duplicate_group", "id")] {
        let sql = format!("delete from {table} where {column} in (select b.id from {})", rows(connection, "b", "$1", &GROUP_ROW));
        execute(connection, &sql, [batch(&gone)?]).await?;
    }
    Ok(())
}

async fn refresh(connection: &impl ConnectionTrait, changed: &[(DuplicateGroupId, &FoundGroup)]) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let changed = changed.iter().map(|(id, group)| GroupRow::of(*id, group)).collect::<Result<Vec<GroupRow>>>()?;
    let sql = format!(
        "update duplicate_group as g set probability = b.probability, reasons = b.reasons from {} where g.id = b.id",
        rows(connection, "b", "$1", &GROUP_ROW)
    );
    execute(connection, &sql, [batch(&changed)?]).await.map(|_| ())
}

async fn insert(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    searched: Searched,
    new: &[&FoundGroup],
) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let (mut groups, mut members) = (Vec::with_capacity(new.len()), Vec::new());
    for group in new {
        let id = DuplicateGroupId::generate();
        groups.push(GroupRow::of(id, group)?);
        members.extend(group.members.iter().enumerate().map(|(place, member)| MemberRow::of(id, place, *member)));
    }
    let sql = format!(
        "insert into duplicate_group (id, organization_id, provider_id, subject, probability, reasons, created_at_ms)
         select b.id, $2, $3, $4, b.probability, b.reasons, {{now}} from {}",
        rows(connection, "b", "$1", &GROUP_ROW)
    );
    let provider: Option<Uuid> = searched.provider.map(|id| id.0);
    let values: [Value; 4] = [batch(&groups)?, organization.0.into(), provider.into(), searched.subject.as_str().into()];
    execute(connection, &sql, values).await?;
    let sql = format!(
        "insert into duplicate_member (group_id, place, record_id, target_id) select b.group_id, b.place, b.record_id, b.target_id from {}",
        rows(connection, "b", "$1", &MEMBER_ROW)
    );
    execute(connection, &sql, [batch(&members)?]).await.map(|_| ())
}

async fn remember(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    searched: Searched,
    fingerprint: &str,
) -> Result<()> {
    let provider: Option<Uuid> = searched.provider.map(|id| id.0);
    let values =
        || -> [Value; 4] { [organization.0.into(), searched.subject.as_str().into(), provider.into(), fingerprint.into()] };
    let sql = "update duplicate_search set fingerprint = $4, searched_at_ms = {now}
        where organization_id = $1 and subject = $2 and provider_id is not distinct from $3";
    if execute(connection, sql, values()).await? == 0 {
        let sql = "insert into duplicate_search (organization_id, subject, provider_id, fingerprint, searched_at_ms)
            values ($1, $2, $3, $4, {now})";
        execute(connection, sql, values()).await?;
    }
    Ok(())
}
