//! What people refused: a candidate that was declined for a record is never suggested for it again, and never holds its creation.
//!
//! Declined is what a person said no to: another target was chosen, the record is left out or created all the same, a link was taken away,
//! or the suggestion was declined as such. A later yes (a MATCH with it) takes the no back.

use crate::directory::List;
use crate::mapping::picked::Picked;
use crate::row::get;
use crate::sql::{Column, all, batch, execute, rows};
use linkyard_core::Result;
use linkyard_core::id::{RecordId, TargetId};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::HashMap;

/// A record and a target that it is not.
#[derive(Clone, Copy, Debug, Serialize)]
struct Pair {
    record_id: RecordId,
    target_id: TargetId,
}

const PAIR: [(&str, Column); 2] = [("record_id", Column::Bigint), ("target_id", Column::Uuid)];

const INSERT: &str =
    "insert into declined_candidate (provider_id, subject, organization_id, record_id, target_id, declined_at_ms)";
const ONCE: &str = "on conflict (provider_id, subject, record_id, target_id) do nothing";

/// What was declined for records from `first` to `last`.
pub(crate) async fn between(
    connection: &impl ConnectionTrait,
    list: &List,
    first: RecordId,
    last: RecordId,
) -> Result<HashMap<RecordId, Vec<TargetId>>> {
    let sql = "select record_id, target_id from declined_candidate
        where provider_id = $1 and subject = $2 and organization_id = $3 and record_id >= $4 and record_id <= $5";
    read(all(connection, sql, list.values([first.0.into(), last.0.into()])).await?)
}

fn read(found: Vec<sea_orm::QueryResult>) -> Result<HashMap<RecordId, Vec<TargetId>>> {
    let mut declined: HashMap<RecordId, Vec<TargetId>> = HashMap::new();
    for row in found {
        declined.entry(RecordId(get(&row, "record_id")?)).or_default().push(TargetId(get(&row, "target_id")?));
    }
    Ok(declined)
}

/// A person's decisions about the picked rows: what was suggested and not chosen is declined, what was chosen is not declined any more.
/// A creation declines only where it was said to be wanted whatever is alike.
pub(crate) async fn decline_others(connection: &impl ConnectionTrait, picked: &Picked) -> Result<()> {
    let sql = picked.statement(&format!(
        "{INSERT} select $1, $2, $3, s.record_id, s.target_id, {{now}} from picked p cross join suggestion s
         where s.provider_id = $1 and s.subject = $2 and s.record_id = p.record_id
            and (p.decision <> 'create' or p.on_lookalike = 'create') and s.target_id is distinct from p.target_id
         {ONCE}"
    ));
    execute(connection, &sql, picked.values([])).await?;
    let sql = picked.statement(
        "delete from declined_candidate where provider_id = $1 and subject = $2 and organization_id = $3
            and (record_id, target_id) in (select p.record_id, p.target_id from picked p where p.target_id is not null)",
    );
    execute(connection, &sql, picked.values([])).await.map(|_| ())
}

/// These records are not these targets: a person said so, or took their links away.
pub(crate) async fn decline(connection: &impl ConnectionTrait, list: &List, pairs: &[(RecordId, TargetId)]) -> Result<()> {
    let pairs: Vec<Pair> =
        pairs.iter().map(|(record_id, target_id)| Pair { record_id: *record_id, target_id: *target_id }).collect();
    let sql = format!(
        "{INSERT} select $1, $2, $3, b.record_id, b.target_id, {{now}} from {} where true {ONCE}",
        rows(connection, "b", "$4", &PAIR)
    );
    execute(connection, &sql, list.values([batch(&pairs)?])).await.map(|_| ())
}
