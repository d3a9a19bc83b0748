//! The plan of a confirm: what it would do and what a person should look at first. Reads only.

use super::filter::{self, FROM};
use super::picked::{Picked, bands};
use super::suggest::COUNTS;
use crate::directory::List;
use crate::duplicate::DESTINATION;
use crate::row::{count, get};
use crate::sql::{all, one};
use linkyard_core::id::{DuplicateGroupId, RecordId, TargetId};
use linkyard_core::mapping::MappingFilter;
use linkyard_core::plan::{Plan, PlanConflict};
use linkyard_core::suggestion::Band;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use sha2::{Digest, Sha256};

/// How many conflicts a plan names.
pub(super) const MOST_CONFLICTS: usize = 100;

/// The counts and the token of `picked`; `named` says what was selected and what for, so that the token fits no other selection.
pub(super) async fn counts(connection: &impl ConnectionTrait, picked: &Picked, named: &str) -> Result<Plan> {
    let sum = |expression: &str| format!("cast(coalesce(sum({expression}), 0) as bigint)");
    let sql = picked.statement(&format!(
        "select count(*) as n, {} as versions, {} as links, {} as creates, {} as ignores from picked p",
        // A checksum of rows and revisions that can not overflow, however large the directory's ids are.
        sum("p.revision + (p.record_id % 1000003) * 31"),
        sum("case when p.decision = 'match' then 1 else 0 end"),
        sum("case when p.decision = 'create' then 1 else 0 end"),
        sum("case when p.decision = 'do_not_add' then 1 else 0 end"),
    ));
    let row = one(connection, &sql, picked.values([])).await?.ok_or_else(|| Error::broken("counting gave no row"))?;
    let versions: i64 = get(&row, "versions")?;
    let mut plan = Plan {
        links: count(&row, "links")?,
        creates: count(&row, "creates")?,
        ignores: count(&row, "ignores")?,
        token: token(&format!("{} {versions} {named}", count(&row, "n")?)),
        ..Plan::default()
    };
    if plan.creates > 0 {
        plan.lookalikes = lookalikes(connection, picked).await?;
    }
    Ok(plan)
}

fn token(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Creations that the gate would hold, as far as it can be told without comparing: those with a suggestion that counts, all of a key that the
/// registry has, and all but one of a key that it has not.
async fn lookalikes(connection: &impl ConnectionTrait, picked: &Picked) -> Result<u64> {
    let sql = picked.statement(&format!(
        "select count(*) as n from (
            select p.name_key, row_number() over (partition by p.name_key order by p.record_id) as place,
                exists (select 1 from match_key k where k.organization_id = $3 and k.subject = $2 and k.key = p.name_key) or exists (
                    select 1 from suggestion s where s.provider_id = $1 and s.subject = $2 and s.record_id = p.record_id and {COUNTS}
                ) as known
            from picked p where p.decision = 'create' and p.on_lookalike = 'hold'
         ) c where c.known or (c.place > 1 and c.name_key <> '')"
    ));
    let row = one(connection, &sql, picked.values([])).await?;
    row.map_or(Ok(0), |row| count(&row, "n"))
}

/// How many rows a filter selects, whatever their state.
pub(super) async fn selected(connection: &impl ConnectionTrait, list: &List, filter: &MappingFilter) -> Result<u64> {
    let (condition, more) = filter::condition(filter, list.subject, 4)?;
    let sql = format!(
        "select count(*) as n from {FROM} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 {condition}"
    );
    let row = one(connection, &sql, list.values(more)).await?;
    row.map_or(Ok(0), |row| count(&row, "n"))
}

/// The first conflicts of `picked`: rows that want one target, targets that are linked already, creations of what is there.
pub(super) async fn conflicts(
    connection: &impl ConnectionTrait,
    list: &List,
    picked: &Picked,
    plan: &Plan,
) -> Result<Vec<PlanConflict>> {
    let mut conflicts = Vec::new();
    if plan.links > 0 {
        conflicts.extend(shared_targets(connection, list, picked).await?);
        conflicts.extend(linked_targets(connection, list, picked).await?);
    }
    if plan.creates > 0 && conflicts.len() < MOST_CONFLICTS {
        conflicts.extend(present(connection, list, picked).await?);
    }
    conflicts.truncate(MOST_CONFLICTS);
    Ok(conflicts)
}

/// Suggestions at least in the band `least` that are left because they are contested, by their target.
pub(super) async fn contested(
    connection: &impl ConnectionTrait,
    list: &List,
    filter: &MappingFilter,
    least: Band,
) -> Result<Vec<PlanConflict>> {
    let (condition, more) = filter::condition(filter, list.subject, 4)?;
    let target = list.subject.target();
    let sql = format!(
        "select s.target_id, m.record_id, t.name from {FROM}
         join suggestion s on s.provider_id = m.provider_id and s.subject = m.subject and s.record_id = m.record_id
            and s.rank = 1 and s.contested and s.band in ({})
         join {target} t on t.id = s.target_id
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and r.gone_at_ms is null
            and m.state in ('suggested', 'held', 'failed') {condition}
         order by s.target_id, m.record_id limit 1000",
        bands(least)
    );
    let mut conflicts: Vec<PlanConflict> = Vec::new();
    for row in all(connection, &sql, list.values(more)).await? {
        let (target_id, record) = (TargetId(get(&row, "target_id")?), RecordId(get(&row, "record_id")?));
        match conflicts.last_mut().filter(|conflict| conflict.target == Some(target_id)) {
            Some(conflict) => conflict.records.push(record),
            None => {
                let name: String = get(&row, "name")?;
                let problem = format!(
                    "Several records want the {target} {name}, or one has it already: this is left to a person, row by row."
                );
                conflicts.push(PlanConflict { records: vec![record], target: Some(target_id), problem });
            }
        }
    }
    conflicts.truncate(MOST_CONFLICTS);
    Ok(conflicts)
}

async fn shared_targets(connection: &impl ConnectionTrait, list: &List, picked: &Picked) -> Result<Vec<PlanConflict>> {
    let sql = picked.statement(
        "select p.target_id, p.record_id from picked p join (
            select q.target_id from picked q where q.target_id is not null group by q.target_id having count(*) > 1
            order by q.target_id limit 100
         ) c on c.target_id = p.target_id order by p.target_id, p.record_id limit 10000",
    );
    let mut conflicts: Vec<PlanConflict> = Vec::new();
    for row in all(connection, &sql, picked.values([])).await? {
        let (target, record) = (TargetId(get(&row, "target_id")?), RecordId(get(&row, "record_id")?));
        match conflicts.last_mut().filter(|conflict| conflict.target == Some(target)) {
            Some(conflict) => conflict.records.push(record),
            None => conflicts.push(PlanConflict {
                records: vec![record],
                target: Some(target),
                problem: format!("These records would all be linked to one {}.", list.subject.target()),
            }),
        }
    }
    Ok(conflicts)
}

async fn linked_targets(connection: &impl ConnectionTrait, list: &List, picked: &Picked) -> Result<Vec<PlanConflict>> {
    let sql = picked.statement(
        "select p.target_id, p.record_id, m.record_id as other from picked p cross join mapping m
         where p.target_id is not null and m.target_id = p.target_id and m.provider_id = $1 and m.subject = $2
            and m.state in ('linked', 'orphaned') and m.record_id <> p.record_id
         order by p.record_id, m.record_id limit 100",
    );
    let found = all(connection, &sql, picked.values([])).await?;
    let conflicts = found.iter().map(|row| {
        let other: i64 = get(row, "other")?;
        Ok(PlanConflict {
            records: vec![RecordId(get(row, "record_id")?)],
            target: Some(TargetId(get(row, "target_id")?)),
            problem: format!("The {} is linked to record {other} of this directory already.", list.subject.target()),
        })
    });
    conflicts.collect()
}

/// Records of a group of duplicates that go to another target than the one that the others are to be matched to.
pub(super) async fn linked_elsewhere(
    connection: &impl ConnectionTrait,
    list: &List,
    group: DuplicateGroupId,
    target: TargetId,
) -> Result<Vec<PlanConflict>> {
    let sql = format!(
        "select f.record_id, f.target_id from (
            select d.record_id, {DESTINATION} as target_id from duplicate_member d
            join mapping m on m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = d.record_id
            where d.group_id = $4
         ) f where f.target_id <> $5 order by f.record_id limit 100"
    );
    let found = all(connection, &sql, list.values([group.0.into(), target.0.into()])).await?;
    let conflicts = found.iter().map(|row| {
        let word = list.subject.target();
        Ok(PlanConflict {
            records: vec![RecordId(get(row, "record_id")?)],
            target: Some(TargetId(get(row, "target_id")?)),
            problem: format!("This record goes to another {word} and stays there: merge the two, or take its link away first."),
        })
    });
    conflicts.collect()
}

async fn present(connection: &impl ConnectionTrait, list: &List, picked: &Picked) -> Result<Vec<PlanConflict>> {
    let sql = picked.statement(
        "select f.record_id, f.on_lookalike, f.target_id from (
            select p.record_id, p.on_lookalike, (
                select k.target_id from match_key k where k.organization_id = $3 and k.subject = $2 and k.key = p.name_key
                order by k.target_id limit 1) as target_id
            from picked p where p.decision = 'create' and p.name_key <> ''
         ) f where f.target_id is not null order by f.record_id limit 100",
    );
    let found = all(connection, &sql, picked.values([])).await?;
    let conflicts = found.iter().map(|row| {
        let rule: String = get(row, "on_lookalike")?;
        let follows = if rule == "create" { "it will be created all the same" } else { "the row will be held" };
        Ok(PlanConflict {
            records: vec![RecordId(get(row, "record_id")?)],
            target: Some(TargetId(get(row, "target_id")?)),
            problem: format!("A {} with this name is in the registry already: {follows}.", list.subject.target()),
        })
    });
    conflicts.collect()
}
