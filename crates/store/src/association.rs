//! Vendors on projects: as the directory says it, and what follows for parties on projects.
//!
//! The directory's pairs are kept even where one side is not visible or not linked yet; an association of the registry appears when both
//! sides are linked, whichever was first, and goes when two complete walks say so and an integration had made it. What a person
//! associated is never touched.

use crate::directory::List;
use crate::row::get;
use crate::sql::{Column, all, batch, execute, one, rows};
use linkyard_core::Result;
use linkyard_core::id::{JobId, RecordId};
use linkyard_core::mapping::Subject;
use sea_orm::{ConnectionTrait, Value};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// What a page said of one vendor's projects: all of them.
#[derive(Debug)]
pub(crate) struct Said<'a> {
    pub(crate) vendor: RecordId,
    /// Whether it was stored before; only then it can have dropped a project.
    pub(crate) known: bool,
    pub(crate) projects: &'a [RecordId],
}

/// A vendor on a project, in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
struct Pair {
    vendor: RecordId,
    project: RecordId,
}

const PAIR: [(&str, Column); 2] = [("vendor", Column::Bigint), ("project", Column::Bigint)];

/// Keeps what a page said: new pairs are written, dropped ones are marked as missing since the walk's start, and named ones lose that
/// mark. Nothing is deleted on the evidence of one page.
pub(crate) async fn store(
    connection: &impl ConnectionTrait,
    list: &List,
    said: &[Said<'_>],
    walk_started_ms: Option<i64>,
) -> Result<()> {
    let stored = stored_pairs(connection, list, said).await?;
    let named: HashSet<Pair> = said
        .iter()
        .flat_map(|said| said.projects.iter().map(|project| Pair { vendor: said.vendor, project: *project }))
        .collect();
    let mut written: Vec<Pair> = named.iter().filter(|pair| stored.get(pair) != Some(&false)).copied().collect();
    let dropped: Vec<Pair> =
        stored.iter().filter(|(pair, missing)| !**missing && !named.contains(pair)).map(|(pair, _)| *pair).collect();
    if !written.is_empty() {
        written.sort_unstable_by_key(|pair| (pair.vendor, pair.project));
        let sql = format!(
            "insert into directory_association (provider_id, organization_id, vendor_record_id, project_record_id)
             select $1, $2, b.vendor, b.project from {} where true
             on conflict (provider_id, vendor_record_id, project_record_id) do update set missing_since_ms = null",
            rows(connection, "b", "$3", &PAIR)
        );
        execute(connection, &sql, [list.provider.0.into(), list.organization.0.into(), batch(&written)?]).await?;
    }
    if !dropped.is_empty() {
        let sql = format!(
            "update directory_association as a set missing_since_ms = coalesce($3, {{now}}) from {}
             where a.provider_id = $1 and a.vendor_record_id = b.vendor and a.project_record_id = b.project",
            rows(connection, "b", "$2", &PAIR)
        );
        execute(connection, &sql, [list.provider.0.into(), batch(&dropped)?, walk_started_ms.into()]).await?;
    }
    Ok(())
}

/// The pairs of the vendors that were stored before, and whether each is missing.
async fn stored_pairs(connection: &impl ConnectionTrait, list: &List, said: &[Said<'_>]) -> Result<HashMap<Pair, bool>> {
    let known = crate::directory::ids(said.iter().filter(|said| said.known).map(|said| said.vendor));
    if known.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select a.vendor_record_id, a.project_record_id, a.missing_since_ms from {} cross join directory_association a
         where a.provider_id = $1 and a.vendor_record_id = b.record_id",
        rows(connection, "b", "$2", &crate::directory::ID)
    );
    let found = all(connection, &sql, [list.provider.0.into(), batch(&known)?]).await?;
    let pairs = found.iter().map(|row| Ok((pair(row)?, get::<Option<i64>>(row, "missing_since_ms")?.is_some())));
    pairs.collect()
}

fn pair(row: &sea_orm::QueryResult) -> Result<Pair> {
    Ok(Pair { vendor: RecordId(get(row, "vendor_record_id")?), project: RecordId(get(row, "project_record_id")?) })
}

/// Makes the associations of these linked records whose other side is linked too; answers how many came to be. The gate must be locked,
/// or two jobs that link the two sides at once would both miss it.
pub(crate) async fn appear(connection: &impl ConnectionTrait, list: &List, linked: &[RecordId]) -> Result<u64> {
    if linked.is_empty() {
        return Ok(0);
    }
    let side = match list.subject {
        Subject::Vendor => "vendor_record_id",
        Subject::Project => "project_record_id",
    };
    let sql = format!(
        "insert into association (party_id, project_id, organization_id, provider_id, created_at_ms)
         select v.target_id, p.target_id, $2, $1, {{now}}
         from {} cross join directory_association a cross join mapping v cross join mapping p
         where a.provider_id = $1 and a.{side} = b.record_id and a.missing_since_ms is null
            and v.provider_id = $1 and v.subject = 'vendor' and v.record_id = a.vendor_record_id and v.state = 'linked'
            and p.provider_id = $1 and p.subject = 'project' and p.record_id = a.project_record_id and p.state = 'linked'
         on conflict (party_id, project_id) do nothing",
        rows(connection, "b", "$3", &crate::directory::ID)
    );
    let linked = batch(&crate::directory::ids(linked.iter().copied()))?;
    execute(connection, &sql, [list.provider.0.into(), list.organization.0.into(), linked]).await
}

/// At the end of a complete walk over vendors: pairs that this walk and a complete one before it did not name are deleted, and with them
/// the registry's association where an integration of this provider made it and no other linked vendor of the party has it.
pub(crate) async fn vanish(connection: &impl ConnectionTrait, list: &List, walk: JobId, walk_started_ms: i64) -> Result<()> {
    let sql = "select max(started_at_ms) as started_at_ms from walk
        where provider_id = $1 and subject = $2 and organization_id = $3 and complete and started_at_ms < $4";
    let before = one(connection, sql, list.values([walk_started_ms.into()])).await?;
    let before: Option<i64> = before.map(|row| get(&row, "started_at_ms")).transpose()?.flatten();
    let Some(before) = before else { return Ok(()) };
    let sql = "delete from directory_association
        where provider_id = $1 and missing_since_ms is not null and missing_since_ms <= $2
            and coalesce(
                (select s.record_id from walk_seen s where s.job_id = $3 and s.subject = 'vendor'
                    and s.record_id = directory_association.vendor_record_id),
                (select s.record_id from walk_seen s where s.job_id = $3 and s.subject = 'inactive_vendor'
                    and s.record_id = directory_association.vendor_record_id)) is not null
        returning vendor_record_id, project_record_id";
    let values: [Value; 3] = [list.provider.0.into(), before.into(), walk.0.into()];
    let gone = all(connection, sql, values).await?.iter().map(pair).collect::<Result<Vec<Pair>>>()?;
    if gone.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "delete from association where organization_id = $2 and provider_id = $1
            and (party_id, project_id) in (select v.target_id, p.target_id
                from {} cross join mapping v cross join mapping p
                where v.provider_id = $1 and v.subject = 'vendor' and v.record_id = b.vendor and v.state in ('linked', 'orphaned')
                and p.provider_id = $1 and p.subject = 'project' and p.record_id = b.project and p.state in ('linked', 'orphaned'))
            and not exists (select 1 from mapping v
                join directory_association a on a.provider_id = v.provider_id and a.vendor_record_id = v.record_id
                join mapping p on p.provider_id = a.provider_id and p.subject = 'project' and p.record_id = a.project_record_id
                where v.target_id = association.party_id and v.subject = 'vendor' and v.state in ('linked', 'orphaned')
                and p.target_id = association.project_id and p.state in ('linked', 'orphaned'))",
        rows(connection, "b", "$3", &PAIR)
    );
    execute(connection, &sql, [list.provider.0.into(), list.organization.0.into(), batch(&gone)?]).await?;
    // A record that is as it was at its last sync is not synced; this one lost something since, and may get it back.
    let sql = format!(
        "update mapping set synced_hash = null where provider_id = $1 and subject = 'vendor' and organization_id = $2
            and record_id in (select b.vendor from {})",
        rows(connection, "b", "$3", &PAIR)
    );
    execute(connection, &sql, [list.provider.0.into(), list.organization.0.into(), batch(&gone)?]).await.map(|_| ())
}

/// The providers of live links that give an `association`.
pub(crate) const GIVEN: &str = "select v.provider_id from mapping v
    join directory_association a on a.provider_id = v.provider_id and a.vendor_record_id = v.record_id
    join mapping p on p.provider_id = a.provider_id and p.subject = 'project' and p.record_id = a.project_record_id
    where v.target_id = association.party_id and v.subject = 'vendor' and v.state in ('linked', 'orphaned')
        and p.target_id = association.project_id and p.state in ('linked', 'orphaned')";

/// After links of `targets` ended: associations that this provider made and no link gives any more go; those that only another
/// provider's links give belong to that one from now on, so that its walks may end them. The gate must be locked.
pub(crate) async fn part(connection: &impl ConnectionTrait, list: &List, targets: &[uuid::Uuid]) -> Result<()> {
    let side = match list.subject {
        Subject::Vendor => "party_id",
        Subject::Project => "project_id",
    };
    let of_targets = format!(
        "organization_id = $2 and provider_id = $1 and {side} in (select b.id from {})",
        rows(connection, "b", "$3", &crate::registry::marks::ID_ROW)
    );
    let values = || -> Result<[Value; 3]> {
        Ok([list.provider.0.into(), list.organization.0.into(), crate::registry::marks::id_rows(targets)?])
    };
    execute(connection, &format!("delete from association where {of_targets} and not exists ({GIVEN})"), values()?).await?;
    let sql = format!(
        "update association set provider_id = ({GIVEN} order by v.linked_at_ms, v.provider_id limit 1)
         where {of_targets} and not exists ({GIVEN} and v.provider_id = $1)"
    );
    execute(connection, &sql, values()?).await.map(|_| ())
}
