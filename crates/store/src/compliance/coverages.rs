//! Coverages: what people and programs state about a party's insurance. A change and the lines that it makes due are one transaction.

use super::lines;
use crate::registry::marks::{ID_ROW, after, check_number, id_rows};
use crate::row::{get, word};
use crate::sql::{Column, all, batch, end, execute, one, rows};
use crate::{RequestKey, Store, audit, request, statistics, text};
use chrono::NaiveDate;
use linkyard_core::compliance::{Coverage, CoverageStatus, NewCoverage};
use linkyard_core::error::{ConflictReason, Violations};
use linkyard_core::id::{CoverageId, OrganizationId, PartyId};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, QueryResult, Value};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Which coverages are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoverageFilter {
    /// Only those of this party.
    pub party: Option<PartyId>,
    /// Only those that end on this day or before.
    pub expires_by: Option<NaiveDate>,
}

impl Store {
    /// States coverages of parties, all or none, at most 1,000. Every vendor that a party is linked to gets a line for each, which is due.
    /// Answers them in the order of `new`.
    ///
    /// # Errors
    /// `Invalid` with every violation (fields `coverages[i].…`; a party of another organization is an unknown one);
    /// `Conflict(RequestIdReused)`.
    pub async fn coverages_create(
        &self,
        scope: &Scope,
        new: &[(PartyId, NewCoverage)],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Coverage>> {
        let tx = self.begin().await?;
        let result = create(&tx, scope, new, request).await;
        let created = end(tx, result).await?;
        statistics::refresh(self).await;
        Ok(created)
    }

    /// One coverage.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn coverage_get(&self, scope: &Scope, id: CoverageId) -> Result<Coverage> {
        let found = of_ids(&self.reader, scope.organization, &[id.0]).await?;
        found.into_iter().next().ok_or_else(|| Error::not_found("coverage", id))
    }

    /// The tenant's coverages, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn coverage_list(&self, scope: &Scope, filter: &CoverageFilter, page: &PageRequest) -> Result<Page<Coverage>> {
        let mut sql = "select * from coverage where organization_id = $1 and id > $2".to_owned();
        let mut values: Vec<Value> = vec![scope.organization.0.into(), after(page)?.into(), (i64::from(page.size) + 1).into()];
        if let Some(party) = filter.party {
            values.push(party.0.into());
            sql.push_str(&format!(" and party_id = ${}", values.len()));
        }
        if let Some(day) = filter.expires_by {
            values.push(day.to_string().into());
            sql.push_str(&format!(" and expiration_date <= ${}", values.len()));
        }
        sql.push_str(" order by id limit $3");
        let found = all(&self.reader, &sql, values).await?;
        let found = found.iter().map(coverage).collect::<Result<Vec<Coverage>>>()?;
        Ok(Page::cut(found, page.size, |coverage| coverage.id.to_string()))
    }

    /// Restates coverages, all or none, at most 1,000; `expected_revision` where the caller read them before. One that says the same as
    /// before keeps its revision, and its lines stay as they are. Answers them in the order of `changes`.
    ///
    /// # Errors
    /// `Invalid` with every violation; `NotFound` for an unknown coverage; `Conflict(Version)`; `Conflict(RequestIdReused)`.
    pub async fn coverages_update(
        &self,
        scope: &Scope,
        changes: &[(CoverageId, Option<i64>, NewCoverage)],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Coverage>> {
        let tx = self.begin().await?;
        let result = update(&tx, scope, changes, request).await;
        end(tx, result).await
    }

    /// Deletes a coverage; its lines are retired in the directory.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(Version)`; `Conflict(RequestIdReused)`.
    pub async fn coverage_delete(
        &self,
        scope: &Scope,
        id: CoverageId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        let tx = self.begin().await?;
        let result = delete(&tx, scope, id, expected_revision, request).await;
        end(tx, result).await
    }
}

async fn create(
    tx: &DatabaseTransaction,
    scope: &Scope,
    new: &[(PartyId, NewCoverage)],
    request: Option<&RequestKey>,
) -> Result<Vec<Coverage>> {
    if let Some(answer) = request::replay(tx, scope.organization, request).await? {
        return of_ids(tx, scope.organization, &crate::registry::marks::recalled(&answer)?).await;
    }
    let mut violations = Violations::default();
    check_number(new.len(), "coverages", &mut violations);
    for (index, (_, stated)) in new.iter().enumerate() {
        stated
            .violations(&format!("coverages[{index}]."))
            .into_iter()
            .for_each(|wrong| violations.add(wrong.field, wrong.problem));
    }
    let parties = known_parties(tx, scope.organization, new.iter().map(|(party, _)| *party)).await?;
    for (index, (party, _)) in new.iter().enumerate() {
        if !parties.contains(party) {
            violations.add(format!("coverages[{index}].party"), format!("party {party} is unknown"));
        }
    }
    violations.finish(())?;
    let stated: Vec<Row> = new.iter().map(|(party, stated)| Row::of(CoverageId::generate(), *party, stated)).collect();
    let columns: Vec<&str> = ROW.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "insert into coverage (organization_id, {}, created_at_ms, updated_at_ms) select $2, {}, {{now}}, {{now}} from {}",
        columns.join(", "),
        columns.iter().map(|name| format!("b.{name}")).collect::<Vec<_>>().join(", "),
        rows(tx, "b", "$1", &ROW)
    );
    execute(tx, &sql, [batch(&stated)?, scope.organization.0.into()]).await?;
    let ids: Vec<Uuid> = stated.iter().map(|row| row.id).collect();
    lines::appear_for_coverages(tx, scope.organization, &ids).await?;
    lines::ask_for_push(tx, scope, &ids).await?;
    let (first, detail) = crate::registry::marks::told(&ids);
    audit::note(tx, scope.organization, &scope.actor, "coverage.create", "coverage", &first, &detail).await?;
    request::remember(tx, scope.organization, request, &crate::registry::marks::remembered(&ids)).await?;
    of_ids(tx, scope.organization, &ids).await
}

async fn update(
    tx: &DatabaseTransaction,
    scope: &Scope,
    changes: &[(CoverageId, Option<i64>, NewCoverage)],
    request: Option<&RequestKey>,
) -> Result<Vec<Coverage>> {
    let ids: Vec<Uuid> = changes.iter().map(|(id, ..)| id.0).collect();
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return of_ids(tx, scope.organization, &ids).await;
    }
    let before = before(tx, scope.organization, changes).await?;
    let differing: Vec<Row> = changes
        .iter()
        .filter_map(|(id, _, stated)| {
            let before = &before[id];
            let row = Row::of(*id, before.party, stated);
            (row != Row::of(*id, before.party, &before.stated)).then_some(row)
        })
        .collect();
    if !differing.is_empty() {
        let kept = ["id", "party_id"];
        let sets: Vec<String> =
            ROW.iter().filter(|(name, _)| !kept.contains(name)).map(|(name, _)| format!("{name} = b.{name}")).collect();
        let sql = format!(
            "update coverage as c set {}, revision = c.revision + 1, updated_at_ms = {{now}} from {}
             where c.id = b.id and c.organization_id = $2",
            sets.join(", "),
            rows(tx, "b", "$1", &ROW)
        );
        execute(tx, &sql, [batch(&differing)?, scope.organization.0.into()]).await?;
        let changed: Vec<Uuid> = differing.iter().map(|row| row.id).collect();
        lines::due_for_coverages(tx, &changed).await?;
        lines::ask_for_push(tx, scope, &changed).await?;
        let (first, _) = crate::registry::marks::told(&changed);
        let detail = format!("{} restated", changed.len());
        audit::note(tx, scope.organization, &scope.actor, "coverage.update", "coverage", &first, &detail).await?;
    }
    request::remember(tx, scope.organization, request, &[]).await?;
    of_ids(tx, scope.organization, &ids).await
}

/// The coverages that are to be restated, or everything that is wrong with the changes.
async fn before(
    tx: &DatabaseTransaction,
    organization: OrganizationId,
    changes: &[(CoverageId, Option<i64>, NewCoverage)],
) -> Result<HashMap<CoverageId, Coverage>> {
    let mut violations = Violations::default();
    check_number(changes.len(), "coverages", &mut violations);
    let ids: Vec<Uuid> = changes.iter().map(|(id, ..)| id.0).collect();
    let known: HashMap<CoverageId, Coverage> =
        found_of_ids(tx, organization, &ids).await?.into_iter().map(|coverage| (coverage.id, coverage)).collect();
    let mut twice = HashSet::new();
    for (index, (id, _, stated)) in changes.iter().enumerate() {
        if !twice.insert(*id) {
            violations.add(format!("coverages[{index}].name"), format!("coverage {id} stands twice in the request"));
        }
        stated
            .violations(&format!("coverages[{index}]."))
            .into_iter()
            .for_each(|wrong| violations.add(wrong.field, wrong.problem));
    }
    violations.finish(())?;
    for (id, expected, _) in changes {
        let stored = known.get(id).ok_or_else(|| Error::not_found("coverage", id))?.revision;
        if expected.is_some_and(|expected| expected != stored) {
            return Err(changed_meanwhile(*id, stored));
        }
    }
    Ok(known)
}

fn changed_meanwhile(id: CoverageId, revision: i64) -> Error {
    Error::Conflict {
        reason: ConflictReason::Version,
        resource: "coverage",
        id: id.to_string(),
        message: format!("coverage {id} changed since you read it: it has revision {revision} now; read it again"),
    }
}

async fn delete(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: CoverageId,
    expected: Option<i64>,
    request: Option<&RequestKey>,
) -> Result<()> {
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return Ok(());
    }
    let sql = "select revision from coverage where id = $1 and organization_id = $2 {lock}";
    let found = one(tx, sql, [id.0.into(), scope.organization.0.into()]).await?;
    let stored: i64 = get(&found.ok_or_else(|| Error::not_found("coverage", id))?, "revision")?;
    if expected.is_some_and(|expected| expected != stored) {
        return Err(changed_meanwhile(id, stored));
    }
    lines::ask_for_push(tx, scope, &[id.0]).await?;
    lines::retire_for_coverages(tx, &[id.0]).await?;
    execute(tx, "delete from coverage where id = $1 and organization_id = $2", [id.0.into(), scope.organization.0.into()])
        .await?;
    audit::note(tx, scope.organization, &scope.actor, "coverage.delete", "coverage", &id.to_string(), "").await?;
    request::remember(tx, scope.organization, request, &[]).await
}

async fn known_parties(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    parties: impl Iterator<Item = PartyId>,
) -> Result<HashSet<PartyId>> {
    let ids: HashSet<Uuid> = parties.map(|party| party.0).collect();
    let ids: Vec<Uuid> = ids.into_iter().collect();
    let sql = format!(
        "select t.id from {} cross join party t where t.id = b.id and t.organization_id = $2",
        rows(connection, "b", "$1", &ID_ROW)
    );
    let found = all(connection, &sql, [id_rows(&ids)?, organization.0.into()]).await?;
    found.iter().map(|row| get(row, "id").map(PartyId)).collect()
}

/// Those of `ids` that are there, in the order of `ids`.
async fn of_ids(connection: &impl ConnectionTrait, organization: OrganizationId, ids: &[Uuid]) -> Result<Vec<Coverage>> {
    let found = found_of_ids(connection, organization, ids).await?;
    let mut found: HashMap<Uuid, Coverage> = found.into_iter().map(|coverage| (coverage.id.0, coverage)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

async fn found_of_ids(connection: &impl ConnectionTrait, organization: OrganizationId, ids: &[Uuid]) -> Result<Vec<Coverage>> {
    let sql = format!(
        "select c.* from {} cross join coverage c where c.id = b.id and c.organization_id = $2",
        rows(connection, "b", "$1", &ID_ROW)
    );
    let found = all(connection, &sql, [id_rows(ids)?, organization.0.into()]).await?;
    found.iter().map(coverage).collect()
}

/// A coverage as it goes into its row.
#[derive(Debug, PartialEq, Serialize)]
struct Row {
    id: Uuid,
    party_id: PartyId,
    insurance_type: String,
    insurer: Option<String>,
    policy_number: Option<String>,
    limit_amount: Option<String>,
    effective_date: Option<NaiveDate>,
    expiration_date: Option<NaiveDate>,
    status: &'static str,
    waived: bool,
    notes: Option<String>,
}

const ROW: [(&str, Column); 11] = [
    ("id", Column::Uuid),
    ("party_id", Column::Uuid),
    ("insurance_type", Column::Text),
    ("insurer", Column::Text),
    ("policy_number", Column::Text),
    ("limit_amount", Column::Text),
    ("effective_date", Column::Text),
    ("expiration_date", Column::Text),
    ("status", Column::Text),
    ("waived", Column::Boolean),
    ("notes", Column::Text),
];

impl Row {
    fn of(id: CoverageId, party: PartyId, stated: &NewCoverage) -> Self {
        let known = |part: &Option<String>| crate::registry::marks::known(part.as_deref());
        Self {
            id: id.0,
            party_id: party,
            insurance_type: text::kept(stated.insurance_type.trim()).into_owned(),
            insurer: known(&stated.insurer),
            policy_number: known(&stated.policy_number),
            limit_amount: stated.limit.as_deref().and_then(linkyard_core::compliance::canonical_limit),
            effective_date: stated.effective_date,
            expiration_date: stated.expiration_date,
            status: stated.status.as_str(),
            waived: stated.waived,
            notes: known(&stated.notes),
        }
    }
}

/// What a coverage's columns state.
pub(super) fn stated(row: &QueryResult) -> Result<NewCoverage> {
    let day = |column: &str| -> Result<Option<NaiveDate>> {
        let text: Option<String> = get(row, column)?;
        let day = text.map(|text| text.parse()).transpose();
        day.map_err(|error| Error::internal(format!("column {column} is not a day"), error))
    };
    Ok(NewCoverage {
        insurance_type: get(row, "insurance_type")?,
        insurer: get(row, "insurer")?,
        policy_number: get(row, "policy_number")?,
        limit: get(row, "limit_amount")?,
        effective_date: day("effective_date")?,
        expiration_date: day("expiration_date")?,
        status: word(row, "status", CoverageStatus::parse)?,
        waived: get(row, "waived")?,
        notes: get(row, "notes")?,
    })
}

fn coverage(row: &QueryResult) -> Result<Coverage> {
    Ok(Coverage {
        id: CoverageId(get(row, "id")?),
        party: PartyId(get(row, "party_id")?),
        stated: stated(row)?,
        revision: get(row, "revision")?,
        created_at_ms: get(row, "created_at_ms")?,
        updated_at_ms: get(row, "updated_at_ms")?,
    })
}
