//! Projects, rendered in every view that Procore lists, and in the different shape of `companies/{id}/projects`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::clock::{date, timestamp};
use crate::directory::{Company, Project, ProjectKind};
use crate::generate::{self, Address, Pick, Purpose};
use crate::names;
use crate::render::{Named, Row};

/// The views of projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProjectShape {
    /// `id, name, display_name, project_number, active`: Procore does not document `compact` and `minimal`.
    Compact,
    /// The default of the lists.
    Normal,
    /// The default of the older list, v1.0: normal plus a few fields that the newer one dropped.
    Older,
    /// Normal plus descriptions, dates and groupings: also what a single project shows.
    Extended,
    /// Row of `companies/{id}/projects`.
    OfCompany,
    /// What a checker wants to know.
    Truth,
}

/// One project in one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProjectView<'a> {
    pub(crate) company: &'a Company,
    pub(crate) position: u32,
    pub(crate) shape: ProjectShape,
}

impl Serialize for ProjectView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let project = self.project();
        let mut row = Row::new(serializer.serialize_map(None)?, project.fields.as_deref());
        row.put("id", project.id)?;
        row.put("name", &*project.name)?;
        match self.shape {
            ProjectShape::Compact => {
                row.put("display_name", self.display_name())?;
                row.put("project_number", &*project.number)?;
                row.put("active", project.active)?;
            }
            ProjectShape::Normal => self.normal(&mut row)?,
            ProjectShape::Older => {
                self.normal(&mut row)?;
                row.put("stage", self.stage().name)?;
                row.nulls(&["created_by", "delivery_method", "estimated_budget", "fax", "parent_job", "priority"])?;
                row.nulls(&["project_sector_id", "projected_finish_date", "sector", "work_scope"])?;
            }
            ProjectShape::Extended => {
                self.normal(&mut row)?;
                self.extended(&mut row)?;
            }
            ProjectShape::OfCompany => self.of_company(&mut row)?,
            ProjectShape::Truth => self.truth(&mut row)?,
        }
        row.end()
    }
}

/// Where a project is: the street may come from a CSV.
#[derive(Debug, Serialize)]
struct Place {
    street: String,
    city: &'static str,
    state_code: &'static str,
    zip: String,
    country_code: &'static str,
}

impl ProjectView<'_> {
    fn project(&self) -> &Project {
        self.company.project(self.position)
    }

    fn display_name(&self) -> String {
        format!("{} - {}", self.project().number, self.project().name)
    }

    fn place(&self) -> Place {
        let Address { street, city, state_code, zip, .. } = generate::address(self.project().seed);
        match &self.project().permit {
            Some(permit) => Place {
                street: permit.address.to_string(),
                city: "Chicago",
                state_code: "IL",
                zip: format!("606{}", &zip[3..]),
                country_code: "US",
            },
            None => Place { street, city, state_code, zip, country_code: "US" },
        }
    }

    fn stage(&self) -> Named<'_> {
        let number = Pick::new(self.project().seed, Purpose::Flags).below(names::STAGES.len());
        let name = match &self.project().permit {
            Some(permit) if !permit.status.is_empty() => &permit.status,
            Some(_) | None => names::STAGES[number],
        };
        Named { id: 1 + number as u64, name }
    }

    fn start_date(&self) -> String {
        let permit = self.project().permit.as_ref().filter(|permit| !permit.issue_date.is_empty());
        permit.map_or_else(|| date(self.project().created_s), |permit| permit.issue_date.to_string())
    }

    fn total_value(&self) -> String {
        let permit = self.project().permit.as_ref().and_then(|permit| permit.reported_cost.parse().ok());
        let cost: f64 = permit.unwrap_or_else(|| {
            let tens_of_thousands = Pick::new(self.project().seed, Purpose::Texts).below(9_000);
            (100 + tens_of_thousands) as f64 * 10_000.0
        });
        format!("{cost:.1}")
    }

    fn normal<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let project = self.project();
        let place = self.place();
        row.nulls(&["accounting_project_number"])?;
        row.put("active", project.active)?;
        row.put("address", &place.street)?;
        row.put("city", place.city)?;
        row.put("company", Named { id: self.company.id, name: &self.company.name })?;
        row.put("completion_date", date(project.created_s + 31_536_000))?;
        row.put("country_code", place.country_code)?;
        row.nulls(&["county"])?;
        row.put("created_at", timestamp(project.created_s))?;
        row.put("custom_fields", Empty {})?;
        row.nulls(&["designated_market_area"])?;
        row.put("display_name", self.display_name())?;
        row.put("estimated_value", self.total_value())?;
        row.put("is_demo", project.kind == ProjectKind::Demo)?;
        row.nulls(&["latitude", "longitude", "origin_code", "origin_data", "origin_id", "owners_project_id"])?;
        row.nulls(&["parent_job_id", "phone", "photo_id", "project_bid_type_id"])?;
        row.put("project_number", &*project.number)?;
        row.nulls(&["project_owner_type_id", "project_region_id"])?;
        row.put("project_stage", self.stage())?;
        row.nulls(&["project_template"])?;
        row.put("start_date", self.start_date())?;
        row.put("state_code", place.state_code)?;
        row.nulls(&["store_number"])?;
        row.put("time_zone", "US/Central")?;
        row.put("total_value", self.total_value())?;
        row.put("updated_at", timestamp(project.updated_s))?;
        row.put("zip", &place.zip)
    }

    fn extended<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let project = self.project();
        row.put("template", project.kind == ProjectKind::Template)?;
        row.put("description", project.permit.as_ref().map(|permit| &*permit.description))?;
        row.put("departments", [(); 0])?;
        row.put("tz_name", "America/Chicago")?;
        row.put("locale", "en")?;
        row.put("is_erp_integrated", false)?;
        row.nulls(&["logo_id", "logo_url", "parent_job", "from_project_template_id", "square_feet"])?;
        row.nulls(&["warranty_start_date", "warranty_end_date", "flag", "public_notes", "actual_start_date"])?;
        row.nulls(&["projected_finish_date", "standard_cost_code_list_id", "photo_url", "inbound_email"])?;
        row.nulls(&["inbound_email_address", "estimated_start_date", "estimated_completion_date", "code", "sector"])?;
        row.nulls(&["work_scope", "delivery_method", "created_by", "persistent_message", "office"])?;
        row.nulls(&["project_bid_type", "project_owner_type", "project_region", "project_type", "program"])?;
        row.put("project_stage_id", self.stage().id)?;
        row.nulls(&["dictionary_type", "project_sector_id"])
    }

    fn of_company<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        row.put("address", self.place())?;
        row.put("stage_name", self.stage().name)?;
        row.put("status_name", if self.project().active { "Active" } else { "Inactive" })?;
        row.nulls(&["type_name"])?;
        row.put("open_items", [(); 0])?;
        row.nulls(&["created_by"])
    }

    fn truth<M: SerializeMap>(&self, row: &mut Row<'_, M>) -> Result<(), M::Error> {
        let project = self.project();
        let place = self.place();
        row.put("project_number", &*project.number)?;
        row.put("active", project.active)?;
        row.put("permitted", project.permitted)?;
        row.put("gone", project.gone)?;
        row.put("is_demo", project.kind == ProjectKind::Demo)?;
        row.put("template", project.kind == ProjectKind::Template)?;
        row.put("address", &place.street)?;
        row.put("city", place.city)?;
        row.put("state_code", place.state_code)?;
        row.put("zip", &place.zip)?;
        row.put("updated_at", timestamp(project.updated_s))?;
        row.put("vendors", project.vendors.len())
    }
}

/// `{}`.
#[derive(Debug, Serialize)]
struct Empty {}
