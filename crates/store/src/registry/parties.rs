//! Parties: what is checked and written of a new one, and what is read. How is in `entry.rs`.

use super::entry::{self, Entry, NewRow};
use super::{RegistryFilter, marks};
use crate::gate;
use crate::row::{count, get};
use crate::sql::{Column, all, commit};
use crate::{Creating, RequestKey, Store, request, statistics, text};
use linkyard_core::Result;
use linkyard_core::error::Violations;
use linkyard_core::id::{ComplianceProfileId, OrganizationId, PartyId, PartyTypeId, ProjectId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::registry::{IntegrationMark, Named, NewParty, Party};
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::Features;
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;
use std::collections::HashSet;
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
            return entry::of_ids(&tx, scope.organization, &marks::recalled(&answer)?).await;
        }
        gate::lock(&tx, scope.organization).await?;
        check(&tx, scope, new).await?;
        let rows: Vec<PartyRow> = new.iter().map(PartyRow::of).collect();
        let created = entry::create(&tx, scope, &rows, creating.into(), request).await?;
        commit(tx).await?;
        statistics::refresh(self).await;
        Ok(created)
    }

    /// One party with its marks.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn party_get(&self, scope: &Scope, id: PartyId) -> Result<Party> {
        entry::of_id(&self.reader, scope.organization, id.0).await
    }

    /// The tenant's parties, oldest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key or a search of more than 1,000 characters.
    pub async fn party_list(&self, scope: &Scope, filter: &RegistryFilter, page: &PageRequest) -> Result<Page<Party>> {
        entry::list(&self.reader, scope.organization, filter, page).await
    }

    /// The projects that a party is on, by id.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key. A party of another tenant is on no project.
    pub async fn party_projects(&self, scope: &Scope, id: PartyId, page: &PageRequest) -> Result<Page<Named<ProjectId>>> {
        entry::associated(&self.reader, scope.organization, (Subject::Vendor, id.0), page, ProjectId).await
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
}

impl NewRow for PartyRow {
    type Entry = Party;

    const COLUMNS: &'static [(&'static str, Column)] = &[
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

impl Entry for Party {
    const SUBJECT: Subject = Subject::Vendor;

    fn of(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            id: PartyId(get(row, "id")?),
            name: get(row, "name")?,
            party_type: PartyTypeId(get(row, "party_type_id")?),
            compliance_profile: ComplianceProfileId(get(row, "compliance_profile_id")?),
            address: marks::address(row)?,
            phone: get(row, "phone")?,
            email: get(row, "email")?,
            marks: Vec::new(),
            project_count: count(row, "associated")?,
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
