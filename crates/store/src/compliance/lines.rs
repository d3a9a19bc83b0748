//! Lines: which coverages stand in which vendors' insurances, and what makes one due. Pushing them is not this file's business.
//!
//! Every change that a line depends on raises its `due` in the change's own transaction. The push job is asked for there too; a push that
//! is just ending may miss it, and then the schedule's next pass finds the line due.

use crate::directory::{ID, List};
use crate::ledger::insert_job;
use crate::registry::marks::{ID_ROW, id_rows};
use crate::row::get;
use crate::sql::{all, batch, execute, rows};
use linkyard_core::Result;
use linkyard_core::id::{OrganizationId, ProviderId, RecordId};
use linkyard_core::job::{JobKind, Lane, NewJob};
use linkyard_core::scope::Scope;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// A push of one provider's due lines: one live job per provider, because what is on its way to the directory can not be fenced.
pub(crate) fn push_job(provider: ProviderId, lane: Lane) -> NewJob {
    NewJob {
        provider: Some(provider),
        parent: None,
        kind: JobKind::PushCompliance,
        dedupe_key: provider.to_string(),
        lane,
        payload: serde_json::json!({}),
        run_at_ms: None,
    }
}

/// Lines of new coverages: one for every vendor that their parties are linked to.
pub(super) async fn appear_for_coverages(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    coverages: &[Uuid],
) -> Result<u64> {
    let sql = format!(
        "insert into insurance (link_id, coverage_id, organization_id, provider_id, vendor_record_id)
         select m.link_id, c.id, $2, m.provider_id, m.record_id
         from {} cross join coverage c cross join mapping m
         where c.id = b.id and m.target_id = c.party_id and m.organization_id = $2 and m.subject = 'vendor'
            and m.state in ('linked', 'orphaned')
         on conflict (link_id, coverage_id) do nothing",
        rows(connection, "b", "$1", &ID_ROW)
    );
    execute(connection, &sql, [id_rows(coverages)?, organization.0.into()]).await
}

/// Lines of new links: one for every coverage of their parties. Answers how many.
pub(crate) async fn appear_for_links(connection: &impl ConnectionTrait, list: &List, linked: &[RecordId]) -> Result<u64> {
    let sql = format!(
        "insert into insurance (link_id, coverage_id, organization_id, provider_id, vendor_record_id)
         select m.link_id, c.id, $3, m.provider_id, m.record_id
         from {} cross join mapping m cross join coverage c
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id and m.state = 'linked'
            and c.party_id = m.target_id
         on conflict (link_id, coverage_id) do nothing",
        rows(connection, "b", "$4", &ID)
    );
    let linked = crate::directory::ids(linked.iter().copied());
    execute(connection, &sql, list.values([batch(&linked)?])).await
}

/// Coverages changed: their lines are due.
pub(super) async fn due_for_coverages(connection: &impl ConnectionTrait, coverages: &[Uuid]) -> Result<u64> {
    let sql = format!(
        "update insurance set due = due + 1 where coverage_id in (select b.id from {})",
        rows(connection, "b", "$1", &ID_ROW)
    );
    execute(connection, &sql, [id_rows(coverages)?]).await
}

/// Coverages end: their lines are retired in the directory.
pub(super) async fn retire_for_coverages(connection: &impl ConnectionTrait, coverages: &[Uuid]) -> Result<u64> {
    let sql = format!(
        "update insurance set retire = true, due = due + 1 where coverage_id in (select b.id from {})",
        rows(connection, "b", "$1", &ID_ROW)
    );
    execute(connection, &sql, [id_rows(coverages)?]).await
}

/// Links end: their lines are retired in the directory. Answers how many.
pub(crate) async fn retire_for_links(connection: &impl ConnectionTrait, links: &[Uuid]) -> Result<u64> {
    let sql = format!(
        "update insurance set retire = true, due = due + 1 where link_id in (select b.id from {})",
        rows(connection, "b", "$1", &ID_ROW)
    );
    execute(connection, &sql, [id_rows(links)?]).await
}

/// Asks for a push of every provider with a line of these coverages.
pub(super) async fn ask_for_push(connection: &impl ConnectionTrait, scope: &Scope, coverages: &[Uuid]) -> Result<()> {
    let sql = format!(
        "select distinct i.provider_id from {} cross join insurance i cross join provider p
         where i.coverage_id = b.id and i.organization_id = $2 and p.id = i.provider_id and p.state <> 'deleted' and p.pushes",
        rows(connection, "b", "$1", &ID_ROW)
    );
    for row in all(connection, &sql, [id_rows(coverages)?, scope.organization.0.into()]).await? {
        let provider = ProviderId(get(&row, "provider_id")?);
        insert_job(connection, scope, &push_job(provider, Lane::Push)).await?;
    }
    Ok(())
}
