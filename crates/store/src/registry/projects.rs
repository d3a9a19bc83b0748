//! Projects: what is checked and written of a new one, and what is read. How is in `entry.rs`.

use super::entry::{self, Entry, NewRow};
use super::{RegistryFilter, marks};
use crate::gate;
use crate::row::{count, get};
use crate::sql::{Column, commit, one};
use crate::{Creating, RequestKey, Store, request, statistics, text};
use linkyard_core::error::Violations;
use linkyard_core::id::{PartyId, ProjectId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::registry::{IntegrationMark, Named, NewProject, Project};
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::QueryResult;
use serde::Serialize;
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
            return entry::of_ids(&tx, scope.organization, &marks::recalled(&answer)?).await;
        }
        let mut violations = Violations::default();
        marks::check_number(new.len(), "projects", &mut violations);
        for (index, project) in new.iter().enumerate() {
            marks::check_name(&project.name, format!("projects[{index}].name"), &mut violations);
        }
        violations.finish(())?;
        gate::lock(&tx, scope.organization).await?;
        let rows: Vec<ProjectRow> = new.iter().map(ProjectRow::of).collect();
        let created = entry::create(&tx, scope, &rows, creating.into(), request).await?;
        commit(tx).await?;
        statistics::refresh(self).await;
        Ok(created)
    }

    /// One project with its marks.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn project_get(&self, scope: &Scope, id: ProjectId) -> Result<Project> {
        entry::of_id(&self.reader, scope.organization, id.0).await
    }

    /// The tenant's projects, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key or a search of more than 1,000 characters.
    pub async fn project_list(&self, scope: &Scope, filter: &RegistryFilter, page: &PageRequest) -> Result<Page<Project>> {
        entry::list(&self.reader, scope.organization, filter, page).await
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
        entry::associated(&self.reader, scope.organization, (Subject::Project, id.0), page, PartyId).await
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
}

impl NewRow for ProjectRow {
    type Entry = Project;

    const COLUMNS: &'static [(&'static str, Column)] = &[
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

    fn id(&self) -> Uuid {
        self.id
    }

    fn name(&self) -> &str {
        &self.name
    }

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

impl Entry for Project {
    const SUBJECT: Subject = Subject::Project;

    fn of(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            id: ProjectId(get(row, "id")?),
            name: get(row, "name")?,
            number: get(row, "number")?,
            address: marks::address(row)?,
            marks: Vec::new(),
            party_count: count(row, "associated")?,
            revision: get(row, "revision")?,
            created_at_ms: get(row, "created_at_ms")?,
            updated_at_ms: get(row, "updated_at_ms")?,
        })
    }

    fn id(&self) -> Uuid {
        self.id.0
    }

    fn set_marks(&mut self, marks: Vec<IntegrationMark>) {
        self.marks = marks;
    }
}
