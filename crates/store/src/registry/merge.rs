//! Two parties that are one firm: everything of the source moves to the target, and the source is deleted.

use super::change::{remove, require};
use super::entry::of_id;
use crate::compliance::lines;
use crate::directory::List;
use crate::mapping::unlink;
use crate::row::get;
use crate::sql::{all, end, execute};
use crate::{RequestKey, Store, audit, gate, ledger, request};
use linkyard_core::id::{PartyId, ProviderId, RecordId};
use linkyard_core::job::Lane;
use linkyard_core::mapping::Subject;
use linkyard_core::registry::Party;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::DatabaseTransaction;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Two parties and the revisions at which the person saw them.
#[derive(Clone, Copy, Debug)]
pub struct Merge {
    /// The party that stays.
    pub target: PartyId,
    /// The party that goes.
    pub source: PartyId,
    /// Revision of the target; `None` = whatever it is now.
    pub target_revision: Option<i64>,
    /// Revision of the source; `None` = whatever it is now.
    pub source_revision: Option<i64>,
}

impl Store {
    /// Moves links, decisions, names, contacts, coverages and associations of the source to the target and deletes the source. Links keep their
    /// marks and ids; the target's leading link stays the leading one. Name and address of the target stay as they are.
    ///
    /// # Errors
    /// `NotFound` for either; `Invalid` when they are the same; `Conflict(Version)`; `Conflict(RequestIdReused)`.
    pub async fn parties_merge(&self, scope: &Scope, merge: &Merge, request: Option<&RequestKey>) -> Result<Party> {
        let tx = self.begin().await?;
        let result = self::merge(&tx, scope, merge, request).await;
        end(tx, result).await
    }
}

/// In order: `$1` is the target, `$2` the source, `$3` the organization.
const MOVES: [&str; 9] = [
    "update mapping set target_id = $1, is_leading = false, revision = revision + 1, changed_at_ms = {now}
        where target_id = $2 and organization_id = $3",
    "update mapping set decision_target_id = $1 where decision_target_id = $2 and organization_id = $3",
    "update mapping set draft_target_id = $1, revision = revision + 1, changed_at_ms = {now}
        where draft_target_id = $2 and organization_id = $3",
    // Who is not the one is not the other, unless somebody said yes to that.
    "insert into declined_candidate (organization_id, provider_id, subject, record_id, target_id, declined_at_ms)
        select d.organization_id, d.provider_id, d.subject, d.record_id, t.id, d.declined_at_ms
        from declined_candidate d cross join party t
        where d.target_id = $2 and d.organization_id = $3 and t.id = $1 and not exists (select 1 from mapping m
            where m.provider_id = d.provider_id and m.subject = d.subject and m.record_id = d.record_id and m.target_id = $1)
        on conflict (provider_id, subject, record_id, target_id) do nothing",
    "insert into match_key (organization_id, subject, key, target_id)
        select k.organization_id, k.subject, k.key, t.id from match_key k cross join party t
        where k.target_id = $2 and k.organization_id = $3 and t.id = $1
        on conflict (organization_id, subject, key, target_id) do nothing",
    "insert into association (party_id, project_id, organization_id, provider_id, created_at_ms)
        select t.id, a.project_id, a.organization_id, a.provider_id, a.created_at_ms from association a cross join party t
        where a.party_id = $2 and a.organization_id = $3 and t.id = $1
        on conflict (party_id, project_id) do nothing",
    "update contact set is_primary = case when (select count(*) from contact c where c.party_id = $1 and c.is_primary) > 0
            then false else is_primary end,
        party_id = $1, revision = revision + 1, updated_at_ms = {now} where party_id = $2 and organization_id = $3",
    "update coverage set party_id = $1, revision = revision + 1, updated_at_ms = {now} where party_id = $2 and organization_id = $3",
    "update party set revision = revision + 1, updated_at_ms = {now} where id = $1 and id <> $2 and organization_id = $3",
];

async fn merge(tx: &DatabaseTransaction, scope: &Scope, merge: &Merge, request: Option<&RequestKey>) -> Result<Party> {
    let (target, source) = (merge.target.0, merge.source.0);
    if request::replay(tx, scope.organization, request).await?.is_none() {
        if target == source {
            return Err(Error::invalid("source", "is the party that stays: name another one"));
        }
        gate::lock(tx, scope.organization).await?;
        require(tx, scope, Subject::Vendor, target, merge.target_revision).await?;
        require(tx, scope, Subject::Vendor, source, merge.source_revision).await?;
        for sql in MOVES {
            execute(tx, sql, [target.into(), source.into(), scope.organization.0.into()]).await?;
        }
        unlink::lead(tx, scope.organization, &[target]).await?;
        show_coverages(tx, scope, target).await?;
        remove(tx, scope, Subject::Vendor, source).await?;
        let detail = format!("party {source} became this one");
        audit::note(tx, scope.organization, &scope.actor, "party.merge", "party", &target.to_string(), &detail).await?;
        request::remember(tx, scope.organization, request, b"merged").await?;
    }
    of_id(tx, scope.organization, target).await
}

/// Every vendor that the party is linked to shows all of its coverages.
async fn show_coverages(tx: &DatabaseTransaction, scope: &Scope, party: Uuid) -> Result<()> {
    let sql = "select m.provider_id, m.record_id, case when p.pushes and p.state = 'active' then 1 else 0 end as pushes
        from mapping m join provider p on p.id = m.provider_id
        where m.target_id = $1 and m.organization_id = $2 and m.subject = 'vendor' and m.state in ('linked', 'orphaned')";
    let mut providers: BTreeMap<Uuid, (bool, Vec<RecordId>)> = BTreeMap::new();
    for row in all(tx, sql, [party.into(), scope.organization.0.into()]).await? {
        let (pushes, records) = providers.entry(get(&row, "provider_id")?).or_default();
        *pushes = get::<i32>(&row, "pushes")? == 1;
        records.push(RecordId(get(&row, "record_id")?));
    }
    for (provider, (pushes, records)) in providers {
        let provider = ProviderId(provider);
        let list = List { organization: scope.organization, provider, subject: Subject::Vendor };
        let new = lines::appear_for_links(tx, &list, &records).await?;
        if new > 0 && pushes {
            ledger::insert_job(tx, scope, &lines::push_job(provider, Lane::Push)).await?;
        }
    }
    Ok(())
}
