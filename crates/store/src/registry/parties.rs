//! Parties: creating them through the gate, and reading them with their marks.

use super::{RegistryFilter, marks};
use crate::gate::{self, TargetKey};
use crate::row::{count, get};
use crate::sql::{Column, all, batch, commit, execute, rows};
use crate::{Creating, RequestKey, Store, audit, request, statistics, text};
use linkyard_core::error::Violations;
use linkyard_core::id::{ComplianceProfileId, OrganizationId, PartyId, PartyTypeId, ProjectId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::registry::{Named, NewParty, Party};
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

impl Store {
    /// Creates parties, all or none, at most 1,000; answers them in the order of `new`.
    ///
    /// # Errors
    /// `AlreadyExists` where one is like something that is there, or like another one of them, and `creating` minds;
    /// `Invalid` with every violation (empty or too long name, unknown type or profile); `Conflict(RequestIdReused)`.
    pub async fn parties_create(
        &self,
        scope: &Scope,
        new: &[NewParty],
        creating: impl Into<Creating>,
        request: Option<&RequestKey>,
    ) -> Result<Vec<Party>> {
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            return of_ids(&tx, scope.organization, &marks::recalled(&answer)?).await;
        }
        gate::lock(&tx, scope.organization).await?;
        check(&tx, scope, new).await?;
        let rows: Vec<PartyRow> = new.iter().map(PartyRow::of).collect();
        let Creating { name_key, gate } = creating.into();
        let key = |row: &PartyRow| TargetKey { key: text::key(&name_key(&row.name)).into_owned(), target: TargetId(row.id) };
        if let Some(gate) = gate {
            let new = rows.iter().map(|row| (key(row), row.features())).collect();
            gate::refuse_lookalikes(&tx, scope.organization, Subject::Vendor, &gate, new).await?;
        }
        insert(&tx, scope.organization, &rows).await?;
        let keys: Vec<TargetKey> = rows.iter().map(key).collect();
        gate::insert_keys(&tx, scope.organization, Subject::Vendor, &keys).await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let (first, detail) = marks::told(&ids);
        audit::note(&tx, scope.organization, &scope.actor, "party.create", "party", &first, &detail).await?;
        request::remember(&tx, scope.organization, request, &marks::remembered(&ids)).await?;
        let created = of_ids(&tx, scope.organization, &ids).await?;
        commit(tx).await?;
        statistics::refresh(self).await;
        Ok(created)
    }

    /// One party with its marks.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn party_get(&self, scope: &Scope, id: PartyId) -> Result<Party> {
        let found = of_ids(&self.reader, scope.organization, &[id.0]).await?;
        found.into_iter().next().ok_or_else(|| Error::not_found("party", id))
    }

    /// The tenant's parties, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key or a search of more than 1,000 characters.
    pub async fn party_list(&self, scope: &Scope, filter: &RegistryFilter, page: &PageRequest) -> Result<Page<Party>> {
        let (condition, more) = marks::condition(filter, 4)?;
        let rest = format!("and t.id > $2 {condition} order by t.id limit $3");
        let values = [marks::after(page)?.into(), (i64::from(page.size) + 1).into()].into_iter().chain(more);
        let found = read(&self.reader, scope.organization, &rest, values).await?;
        let mut page = Page::cut(found, page.size, |party| party.id.to_string());
        add_marks(&self.reader, scope.organization, &mut page.rows).await?;
        Ok(page)
    }

    /// The projects that a party is on, by id.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key. A party of another tenant is on no project.
    pub async fn party_projects(&self, scope: &Scope, id: PartyId, page: &PageRequest) -> Result<Page<Named<ProjectId>>> {
        let sql = "select t.id, t.name from association a join project t on t.id = a.project_id
            where a.party_id = $1 and a.organization_id = $2 and a.project_id > $3 order by a.project_id limit $4";
        let values: [Value; 4] =
            [id.0.into(), scope.organization.0.into(), marks::after(page)?.into(), (i64::from(page.size) + 1).into()];
        let found = all(&self.reader, sql, values).await?;
        let projects = found.iter().map(|row| Ok(Named { id: ProjectId(get(row, "id")?), name: get(row, "name")? }));
        Ok(Page::cut(projects.collect::<Result<Vec<_>>>()?, page.size, |project| project.id.to_string()))
    }
}

#[derive(Debug, Serialize)]
struct PartyRow {
    id: Uuid,
    name: String,
    name_search: String,
    party_type_id: PartyTypeId,
    compliance_profile_id: ComplianceProfileId,
    street: Option<String>,
    city: Option<String>,
    region: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
    phone: Option<String>,
    email: Option<String>,
}

const PARTY_ROW: [(&str, Column); 12] = [
    ("id", Column::Uuid),
    ("name", Column::Text),
    ("name_search", Column::Text),
    ("party_type_id", Column::Uuid),
    ("compliance_profile_id", Column::Uuid),
    ("street", Column::Text),
    ("city", Column::Text),
    ("region", Column::Text),
    ("postal_code", Column::Text),
    ("country", Column::Text),
    ("phone", Column::Text),
    ("email", Column::Text),
];

impl PartyRow {
    fn of(new: &NewParty) -> Self {
        let name = text::kept(&new.name).into_owned();
        let address = &new.address;
        Self {
            id: PartyId::generate().0,
            name_search: text::searched(&name),
            name,
            party_type_id: new.party_type,
            compliance_profile_id: new.compliance_profile,
            street: marks::known(address.street.as_deref()),
            city: marks::known(address.city.as_deref()),
            region: marks::known(address.region.as_deref()),
            postal_code: marks::known(address.postal_code.as_deref()),
            country: marks::known(address.country.as_deref()),
            phone: marks::known(new.phone.as_deref()),
            email: marks::known(new.email.as_deref()),
        }
    }

    /// What of it is compared.
    fn features(&self) -> Features {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Features {
            name: self.name.clone(),
            street: text(&self.street),
            city: text(&self.city),
            region: text(&self.region),
            postal_code: text(&self.postal_code),
            phone: text(&self.phone),
            email: text(&self.email),
            ..Features::default()
        }
    }
}

async fn check(connection: &impl ConnectionTrait, scope: &Scope, new: &[NewParty]) -> Result<()> {
    let mut violations = Violations::default();
    marks::check_number(new.len(), "parties", &mut violations);
    let types = choices(connection, scope.organization, "party_type").await?;
    let profiles = choices(connection, scope.organization, "compliance_profile").await?;
    for (index, party) in new.iter().enumerate() {
        marks::check_name(&party.name, format!("parties[{index}].name"), &mut violations);
        if !types.contains(&party.party_type.0) {
            violations.add(format!("parties[{index}].party_type"), format!("there is no party type {}", party.party_type));
        }
        if !profiles.contains(&party.compliance_profile.0) {
            let problem = format!("there is no compliance profile {}", party.compliance_profile);
            violations.add(format!("parties[{index}].compliance_profile"), problem);
        }
    }
    violations.finish(())
}

pub(super) async fn choices(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    table: &str,
) -> Result<HashSet<Uuid>> {
    let sql = format!("select id from {table} where organization_id = $1");
    all(connection, &sql, [organization.0.into()]).await?.iter().map(|row| get(row, "id")).collect()
}

async fn insert(connection: &impl ConnectionTrait, organization: OrganizationId, new: &[PartyRow]) -> Result<()> {
    let columns: Vec<&str> = PARTY_ROW.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "insert into party (organization_id, {}, created_at_ms, updated_at_ms) select $1, b.{}, {{now}}, {{now}} from {}",
        columns.join(", "),
        columns.join(", b."),
        rows(connection, "b", "$2", &PARTY_ROW)
    );
    execute(connection, &sql, [organization.0.into(), batch(new)?]).await.map(|_| ())
}

/// These parties with their marks, in the order of `ids`; unknown ones are left out.
pub(super) async fn of_ids(connection: &impl ConnectionTrait, organization: OrganizationId, ids: &[Uuid]) -> Result<Vec<Party>> {
    let rest = format!("and t.id in (select b.id from {})", rows(connection, "b", "$2", &marks::ID_ROW));
    let mut found = read(connection, organization, &rest, [marks::id_rows(ids)?]).await?;
    let places: HashMap<Uuid, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    found.sort_by_key(|party| places.get(&party.id.0).copied());
    add_marks(connection, organization, &mut found).await?;
    Ok(found)
}

/// Parties for which `rest` holds, without marks; its parameters begin with `$2`.
async fn read(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    rest: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Party>> {
    let sql = format!(
        "select t.*, (select count(*) from association a where a.party_id = t.id) as projects from party t
         where t.organization_id = $1 {rest}"
    );
    let values: Vec<Value> = [organization.0.into()].into_iter().chain(values).collect();
    all(connection, &sql, values).await?.iter().map(party).collect()
}

fn party(row: &QueryResult) -> Result<Party> {
    Ok(Party {
        id: PartyId(get(row, "id")?),
        name: get(row, "name")?,
        party_type: PartyTypeId(get(row, "party_type_id")?),
        compliance_profile: ComplianceProfileId(get(row, "compliance_profile_id")?),
        address: marks::address(row)?,
        phone: get(row, "phone")?,
        email: get(row, "email")?,
        marks: Vec::new(),
        project_count: count(row, "projects")?,
        revision: get(row, "revision")?,
        created_at_ms: get(row, "created_at_ms")?,
        updated_at_ms: get(row, "updated_at_ms")?,
    })
}

async fn add_marks(connection: &impl ConnectionTrait, organization: OrganizationId, parties: &mut [Party]) -> Result<()> {
    let ids: Vec<Uuid> = parties.iter().map(|party| party.id.0).collect();
    let mut marks = marks::marks(connection, organization, &ids).await?;
    for party in parties {
        party.marks = marks.remove(&party.id.0).unwrap_or_default();
    }
    Ok(())
}
