//! Projects: creating them through the gate, reading them with their marks, and the parties on them.

use super::{RegistryFilter, marks};
use crate::gate::{self, TargetKey};
use crate::row::{count, get};
use crate::sql::{Column, all, batch, commit, execute, one, rows};
use crate::{Creating, RequestKey, Store, audit, request, statistics, text};
use linkyard_core::error::Violations;
use linkyard_core::id::{OrganizationId, PartyId, ProjectId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::registry::{Named, NewProject, Project};
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

impl Store {
    /// Creates projects, all or none, at most 1,000; answers them in the order of `new`.
    ///
    /// # Errors
    /// As [`Store::parties_create`].
    pub async fn projects_create(
        &self,
        scope: &Scope,
        new: &[NewProject],
        creating: impl Into<Creating>,
        request: Option<&RequestKey>,
    ) -> Result<Vec<Project>> {
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            return of_ids(&tx, scope.organization, &marks::recalled(&answer)?).await;
        }
        let mut violations = Violations::default();
        marks::check_number(new.len(), "projects", &mut violations);
        for (index, project) in new.iter().enumerate() {
            marks::check_name(&project.name, format!("projects[{index}].name"), &mut violations);
        }
        violations.finish(())?;
        gate::lock(&tx, scope.organization).await?;
        let rows: Vec<ProjectRow> = new.iter().map(ProjectRow::of).collect();
        let Creating { name_key, gate } = creating.into();
        let key = |row: &ProjectRow| TargetKey { key: text::key(&name_key(&row.name)).into_owned(), target: TargetId(row.id) };
        if let Some(gate) = gate {
            let new = rows.iter().map(|row| (key(row), row.features())).collect();
            gate::refuse_lookalikes(&tx, scope.organization, Subject::Project, &gate, new).await?;
        }
        insert(&tx, scope.organization, &rows).await?;
        let keys: Vec<TargetKey> = rows.iter().map(key).collect();
        gate::insert_keys(&tx, scope.organization, Subject::Project, &keys).await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let (first, detail) = marks::told(&ids);
        audit::note(&tx, scope.organization, &scope.actor, "project.create", "project", &first, &detail).await?;
        request::remember(&tx, scope.organization, request, &marks::remembered(&ids)).await?;
        let created = of_ids(&tx, scope.organization, &ids).await?;
        commit(tx).await?;
        statistics::refresh(self).await;
        Ok(created)
    }

    /// One project with its marks.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn project_get(&self, scope: &Scope, id: ProjectId) -> Result<Project> {
        let found = of_ids(&self.reader, scope.organization, &[id.0]).await?;
        found.into_iter().next().ok_or_else(|| Error::not_found("project", id))
    }

    /// The tenant's projects, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key or a search of more than 1,000 characters.
    pub async fn project_list(&self, scope: &Scope, filter: &RegistryFilter, page: &PageRequest) -> Result<Page<Project>> {
        let (condition, more) = marks::condition(filter, 4)?;
        let rest = format!("and t.id > $2 {condition} order by t.id limit $3");
        let values = [marks::after(page)?.into(), (i64::from(page.size) + 1).into()].into_iter().chain(more);
        let found = read(&self.reader, scope.organization, &rest, values).await?;
        let mut page = Page::cut(found, page.size, |project| project.id.to_string());
        add_marks(&self.reader, scope.organization, &mut page.rows).await?;
        Ok(page)
    }

    /// The parties on a project, by id.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a foreign page key.
    pub async fn project_parties(&self, scope: &Scope, id: ProjectId, page: &PageRequest) -> Result<Page<Named<PartyId>>> {
        let known = "select 1 as known from project where id = $1 and organization_id = $2";
        if one(&self.reader, known, [id.0.into(), scope.organization.0.into()]).await?.is_none() {
            return Err(Error::not_found("project", id));
        }
        let sql = "select t.id, t.name from association a join party t on t.id = a.party_id
            where a.project_id = $1 and a.organization_id = $2 and a.party_id > $3 order by a.party_id limit $4";
        let values: [Value; 4] =
            [id.0.into(), scope.organization.0.into(), marks::after(page)?.into(), (i64::from(page.size) + 1).into()];
        let found = all(&self.reader, sql, values).await?;
        let parties = found.iter().map(|row| Ok(Named { id: PartyId(get(row, "id")?), name: get(row, "name")? }));
        Ok(Page::cut(parties.collect::<Result<Vec<_>>>()?, page.size, |party| party.id.to_string()))
    }
}

#[derive(Debug, Serialize)]
struct ProjectRow {
    id: Uuid,
    name: String,
    name_search: String,
    number: Option<String>,
    street: Option<String>,
    city: Option<String>,
    region: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
}

const PROJECT_ROW: [(&str, Column); 9] = [
    ("id", Column::Uuid),
    ("name", Column::Text),
    ("name_search", Column::Text),
    ("number", Column::Text),
    ("street", Column::Text),
    ("city", Column::Text),
    ("region", Column::Text),
    ("postal_code", Column::Text),
    ("country", Column::Text),
];

impl ProjectRow {
    fn of(new: &NewProject) -> Self {
        let name = text::kept(&new.name).into_owned();
        let address = &new.address;
        Self {
            id: ProjectId::generate().0,
            name_search: text::searched(&name),
            name,
            number: marks::known(new.number.as_deref()),
            street: marks::known(address.street.as_deref()),
            city: marks::known(address.city.as_deref()),
            region: marks::known(address.region.as_deref()),
            postal_code: marks::known(address.postal_code.as_deref()),
            country: marks::known(address.country.as_deref()),
        }
    }

    /// What of it is compared.
    fn features(&self) -> Features {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Features {
            name: self.name.clone(),
            number: text(&self.number),
            street: text(&self.street),
            city: text(&self.city),
            region: text(&self.region),
            postal_code: text(&self.postal_code),
            ..Features::default()
        }
    }
}

async fn insert(connection: &impl ConnectionTrait, organization: OrganizationId, new: &[ProjectRow]) -> Result<()> {
    let columns: Vec<&str> = PROJECT_ROW.iter().map(|(name, _)| *name).collect();
    let sql = format!(
        "insert into project (organization_id, {}, created_at_ms, updated_at_ms) select $1, b.{}, {{now}}, {{now}} from {}",
        columns.join(", "),
        columns.join(", b."),
        rows(connection, "b", "$2", &PROJECT_ROW)
    );
    execute(connection, &sql, [organization.0.into(), batch(new)?]).await.map(|_| ())
}

/// One project with its marks.
pub(super) async fn of_id(connection: &impl ConnectionTrait, organization: OrganizationId, id: ProjectId) -> Result<Project> {
    let found = of_ids(connection, organization, &[id.0]).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("project", id))
}

/// These projects with their marks, in the order of `ids`; unknown ones are left out.
async fn of_ids(connection: &impl ConnectionTrait, organization: OrganizationId, ids: &[Uuid]) -> Result<Vec<Project>> {
    let rest = format!("and t.id in (select b.id from {})", rows(connection, "b", "$2", &marks::ID_ROW));
    let mut found = read(connection, organization, &rest, [marks::id_rows(ids)?]).await?;
    let places: HashMap<Uuid, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    found.sort_by_key(|project| places.get(&project.id.0).copied());
    add_marks(connection, organization, &mut found).await?;
    Ok(found)
}

/// Projects for which `rest` holds, without marks; its parameters begin with `$2`.
async fn read(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    rest: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Project>> {
    let sql = format!(
        "select t.*, (select count(*) from association a where a.project_id = t.id) as parties from project t
         where t.organization_id = $1 {rest}"
    );
    let values: Vec<Value> = [organization.0.into()].into_iter().chain(values).collect();
    all(connection, &sql, values).await?.iter().map(project).collect()
}

fn project(row: &QueryResult) -> Result<Project> {
    Ok(Project {
        id: ProjectId(get(row, "id")?),
        name: get(row, "name")?,
        number: get(row, "number")?,
        address: marks::address(row)?,
        marks: Vec::new(),
        party_count: count(row, "parties")?,
        revision: get(row, "revision")?,
        created_at_ms: get(row, "created_at_ms")?,
        updated_at_ms: get(row, "updated_at_ms")?,
    })
}

async fn add_marks(connection: &impl ConnectionTrait, organization: OrganizationId, projects: &mut [Project]) -> Result<()> {
    let ids: Vec<Uuid> = projects.iter().map(|project| project.id.0).collect();
    let mut marks = marks::marks(connection, organization, &ids).await?;
    for project in projects {
        project.marks = marks.remove(&project.id.0).unwrap_or_default();
    }
    Ok(())
}
