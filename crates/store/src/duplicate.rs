//! Suspected duplicates as people see them: groups with their records, and which of them were called different.
//!
//! A group is open while at least two of its records still stand apart: not gone, not left out, not merged, not linked to one and the same
//! party. Who is in which group is written by `search.rs`; mapping a group to one party is a confirm.

mod search;

use crate::row::{count, get, json, optional_word};
use crate::sql::{all, end, execute, one};
use crate::{RequestKey, Store, audit, gate, provider, request};
use linkyard_core::directory::{Address, Details};
use linkyard_core::duplicate::{DuplicateGroup, DuplicateMember, MemberId, Searched};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{DuplicateGroupId, ProviderId, RecordId, TargetId};
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};
use uuid::Uuid;

/// How many records a group of a list shows; its number says how many there are.
const SHOWN_IN_LIST: i64 = 20;

/// How many records a single group shows.
const SHOWN_ALONE: i64 = 1_000;

/// Where a directory record goes: the target of its link, or the one that it was confirmed to be matched to.
pub(crate) const DESTINATION: &str = "case when m.state in ('linked', 'orphaned') then m.target_id
    when m.state = 'confirmed' and m.decision = 'match' then m.decision_target_id end";

impl Store {
    /// The open groups of a list, or the `dismissed` ones, in the order in which they were found; each with its first 20 records.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Invalid` for a foreign page key.
    pub async fn duplicate_list(
        &self,
        scope: &Scope,
        searched: Searched,
        dismissed: bool,
        page: &PageRequest,
    ) -> Result<Page<DuplicateGroup>> {
        if let Some(provider) = searched.provider {
            provider::require(&self.reader, scope.organization, provider).await?;
        }
        let after = match &page.after {
            None => Uuid::nil(),
            Some(after) => after.parse().map_err(|_| Error::invalid("page_token", "is not one of this list's"))?,
        };
        let provider = searched.provider.map(|id| id.0);
        let word = if dismissed { "is not null" } else { "is null" };
        let rest = format!(
            "g.organization_id = $1 and g.subject = $2 and g.provider_id is not distinct from $3 and g.dismissed_at_ms {word}
                and g.id > $4 and {} order by g.id limit $5",
            open(searched)
        );
        let values: Vec<Value> = vec![
            scope.organization.0.into(),
            searched.subject.as_str().into(),
            provider.into(),
            after.into(),
            (i64::from(page.size) + 1).into(),
        ];
        let found = groups(&self.reader, &rest, values).await?;
        let mut page = Page::cut(found, page.size, |group| group.id.to_string());
        for group in &mut page.rows {
            group.members = members(&self.reader, group, SHOWN_IN_LIST).await?;
        }
        Ok(page)
    }

    /// The open groups of the registry that a party (a project, by `subject`) is in; each with its first 20 records.
    ///
    /// # Errors
    /// `Unavailable`. A record of another tenant is in no group.
    pub async fn duplicates_of(&self, scope: &Scope, subject: Subject, target: TargetId) -> Result<Vec<DuplicateGroup>> {
        let rest = format!(
            "g.organization_id = $1 and g.subject = $2 and g.provider_id is null and g.dismissed_at_ms is null
                and g.id in (select d.group_id from duplicate_member d where d.target_id = $3) and {} order by g.id limit {SHOWN_IN_LIST}",
            open(Searched { provider: None, subject })
        );
        let values = vec![scope.organization.0.into(), subject.as_str().into(), target.0.into()];
        let mut found = groups(&self.reader, &rest, values).await?;
        for group in &mut found {
            group.members = members(&self.reader, group, SHOWN_IN_LIST).await?;
        }
        Ok(found)
    }

    /// One group, open or not, with its first 1,000 records.
    ///
    /// # Errors
    /// `NotFound`: also for a group that gained or lost a record and is another one now.
    pub async fn duplicate_get(&self, scope: &Scope, id: DuplicateGroupId) -> Result<DuplicateGroup> {
        read(&self.reader, scope, id).await
    }

    /// Says that the records of a group are different (`dismissed`), or takes that back. Doing it twice is doing it once.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(RequestIdReused)`.
    pub async fn duplicate_dismiss(
        &self,
        scope: &Scope,
        id: DuplicateGroupId,
        dismissed: bool,
        request: Option<&RequestKey>,
    ) -> Result<DuplicateGroup> {
        let tx = self.begin().await?;
        let result = dismiss(&tx, scope, id, dismissed, request).await;
        end(tx, result).await
    }
}

async fn dismiss(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: DuplicateGroupId,
    dismissed: bool,
    request: Option<&RequestKey>,
) -> Result<DuplicateGroup> {
    if request::replay(tx, scope.organization, request).await?.is_none() {
        // A search that writes groups at this moment has seen what was dismissed before, or waits for this.
        gate::lock(tx, scope.organization).await?;
        let sql = if dismissed {
            "update duplicate_group set dismissed_at_ms = {now} where id = $1 and organization_id = $2 and dismissed_at_ms is null"
        } else {
            "update duplicate_group set dismissed_at_ms = null where id = $1 and organization_id = $2 and dismissed_at_ms is not null"
        };
        if execute(tx, sql, [id.0.into(), scope.organization.0.into()]).await? == 1 {
            let action = if dismissed { "duplicates.dismiss" } else { "duplicates.restore" };
            audit::note(tx, scope.organization, &scope.actor, action, "duplicate_group", &id.to_string(), "").await?;
        }
        request::remember(tx, scope.organization, request, b"said").await?;
    }
    read(tx, scope, id).await
}

async fn read(connection: &impl ConnectionTrait, scope: &Scope, id: DuplicateGroupId) -> Result<DuplicateGroup> {
    let values = vec![id.0.into(), scope.organization.0.into()];
    let found = groups(connection, "g.id = $1 and g.organization_id = $2", values).await?;
    let mut group = found.into_iter().next().ok_or_else(|| Error::not_found("duplicate group", id))?;
    if let Some(provider) = group.searched.provider {
        // What a deleted provider left behind is nobody's to see.
        provider::require(connection, scope.organization, provider).await?;
    }
    group.members = members(connection, &group, SHOWN_ALONE).await?;
    Ok(group)
}

/// Whether at least two records of `g` still stand apart.
fn open(searched: Searched) -> String {
    match searched.provider {
        Some(_) => format!(
            "(select count(distinct {DESTINATION}) + sum(case when {DESTINATION} is null then 1 else 0 end)
                from duplicate_member d
                join mapping m on m.provider_id = g.provider_id and m.subject = g.subject and m.record_id = d.record_id
                join directory_record r on r.provider_id = g.provider_id and r.subject = g.subject and r.record_id = d.record_id
                where d.group_id = g.id and m.state <> 'ignored' and r.gone_at_ms is null) > 1"
        ),
        None => format!(
            "(select count(*) from duplicate_member d join {} t on t.id = d.target_id and t.organization_id = g.organization_id
                where d.group_id = g.id) > 1",
            searched.subject.target()
        ),
    }
}

async fn groups(connection: &impl ConnectionTrait, rest: &str, values: Vec<Value>) -> Result<Vec<DuplicateGroup>> {
    let sql = format!(
        "select g.id, g.provider_id, g.subject, g.probability, g.reasons, g.dismissed_at_ms,
            (select count(*) from duplicate_member d where d.group_id = g.id) as members
         from duplicate_group g where {rest}"
    );
    let found = all(connection, &sql, values).await?;
    let groups = found.iter().map(|row| {
        let provider: Option<Uuid> = get(row, "provider_id")?;
        let subject: String = get(row, "subject")?;
        let subject = Subject::parse(&subject).ok_or_else(|| Error::broken("a group of duplicates has an unknown subject"))?;
        Ok(DuplicateGroup {
            id: DuplicateGroupId(get(row, "id")?),
            searched: Searched { provider: provider.map(ProviderId), subject },
            probability: get(row, "probability")?,
            reasons: json(row, "reasons")?,
            dismissed: get::<Option<i64>>(row, "dismissed_at_ms")?.is_some(),
            member_count: count(row, "members")?,
            members: Vec::new(),
        })
    });
    groups.collect()
}

/// The first records of a group.
async fn members(connection: &impl ConnectionTrait, group: &DuplicateGroup, most: i64) -> Result<Vec<DuplicateMember>> {
    let Searched { provider, subject } = group.searched;
    let sql = match provider {
        Some(_) => format!(
            "select d.record_id, r.name, r.street, r.city, r.region, r.postal_code, r.country, r.details, m.state,
                {DESTINATION} as target_id
             from duplicate_group g join duplicate_member d on d.group_id = g.id
             join directory_record r on r.provider_id = g.provider_id and r.subject = g.subject and r.record_id = d.record_id
             join mapping m on m.provider_id = g.provider_id and m.subject = g.subject and m.record_id = d.record_id
             where g.id = $1 order by d.place limit $2"
        ),
        None => {
            let phone = if subject == Subject::Vendor { "t.phone" } else { "null" };
            format!(
                "select d.target_id, t.name, t.street, t.city, t.region, t.postal_code, t.country, {phone} as phone
                 from duplicate_group g join duplicate_member d on d.group_id = g.id
                 join {} t on t.id = d.target_id and t.organization_id = g.organization_id
                 where g.id = $1 order by d.place limit $2",
                subject.target()
            )
        }
    };
    let found = all(connection, &sql, [group.id.0.into(), most.into()]).await?;
    found.iter().map(|row| if provider.is_some() { of_directory(row) } else { of_registry(row) }).collect()
}

fn of_directory(row: &QueryResult) -> Result<DuplicateMember> {
    let details: Details = json(row, "details")?;
    Ok(DuplicateMember {
        id: MemberId::Record(RecordId(get(row, "record_id")?)),
        name: get(row, "name")?,
        address: address(row)?,
        phone: details.phone,
        state: optional_word(row, "state", MappingState::parse)?,
        target: get::<Option<Uuid>>(row, "target_id")?.map(TargetId),
    })
}

fn of_registry(row: &QueryResult) -> Result<DuplicateMember> {
    Ok(DuplicateMember {
        id: MemberId::Target(TargetId(get(row, "target_id")?)),
        name: get(row, "name")?,
        address: address(row)?,
        phone: get(row, "phone")?,
        state: None,
        target: None,
    })
}

fn address(row: &QueryResult) -> Result<Address> {
    Ok(Address {
        street: get(row, "street")?,
        city: get(row, "city")?,
        region: get(row, "region")?,
        postal_code: get(row, "postal_code")?,
        country: get(row, "country")?,
    })
}

/// The party or project that all records of a directory's group shall be matched to: the one asked for, or the only one that any of them
/// is linked or confirmed to be matched to.
///
/// # Errors
/// `NotFound` for a group that is not of this list; `Conflict(State)` for a dismissed one; `Invalid` for a target that is not there, or
/// where none was asked for and not exactly one offers itself.
pub(crate) async fn destination(
    connection: &impl ConnectionTrait,
    list: &crate::directory::List,
    group: DuplicateGroupId,
    asked: Option<TargetId>,
) -> Result<TargetId> {
    let sql = "select dismissed_at_ms from duplicate_group
        where id = $4 and provider_id = $1 and subject = $2 and organization_id = $3";
    let found = one(connection, sql, list.values([group.0.into()])).await?;
    let found = found.ok_or_else(|| Error::not_found("duplicate group", group))?;
    if get::<Option<i64>>(&found, "dismissed_at_ms")?.is_some() {
        return Err(Error::Conflict {
            reason: ConflictReason::State,
            resource: "duplicate group",
            id: group.to_string(),
            message: "a person said that these are different: restore the group first".to_owned(),
        });
    }
    let target = list.subject.target();
    if let Some(asked) = asked {
        let sql = format!("select t.id from {target} t where t.id = $1 and t.organization_id = $2");
        return match one(connection, &sql, [asked.0.into(), list.organization.0.into()]).await? {
            Some(_) => Ok(asked),
            None => Err(Error::invalid("group.target", format!("there is no {target} {asked}"))),
        };
    }
    let sql = format!(
        "select distinct {DESTINATION} as target_id from duplicate_member d
         join mapping m on m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = d.record_id
         where d.group_id = $4 and {DESTINATION} is not null limit 2"
    );
    match all(connection, &sql, list.values([group.0.into()])).await?.as_slice() {
        [only] => get(only, "target_id").map(TargetId),
        [] => {
            Err(Error::invalid("group.target", format!("is missing: no record of the group is linked yet, so name the {target}")))
        }
        _ => {
            let problem = format!("is missing: records of the group are linked to more than one {target}, so name the right one");
            Err(Error::invalid("group.target", problem))
        }
    }
}

/// How many records a group has.
pub(crate) async fn size(connection: &impl ConnectionTrait, group: DuplicateGroupId) -> Result<u64> {
    let sql = "select count(*) as n from duplicate_member where group_id = $1";
    one(connection, sql, [group.0.into()]).await?.map_or(Ok(0), |row| count(&row, "n"))
}
