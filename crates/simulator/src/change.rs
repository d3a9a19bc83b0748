//! Applies events to the state. An event that makes no sense is refused before anything changed.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use chrono::DateTime;
use serde_json::Value;

use crate::build;
use crate::clock::timestamp;
use crate::directory::{Company, Fields, Phone, Project, ProjectKind, Vendor, VendorState};
use crate::error::{Error, Result};
use crate::event::{Event, RowKind};
use crate::ids;
use crate::insurance::Moment;

/// The state: what would be in Procore's database.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) companies: Vec<Company>,
    /// Where relative paths of specs start.
    pub(crate) inputs: PathBuf,
    /// Tokens made before this instant are refused.
    pub(crate) tokens_from_us: i64,
    pub(crate) revoked_tokens: HashSet<String>,
}

impl World {
    /// A company by its id.
    pub(crate) fn company(&self, id: u64) -> Option<&Company> {
        self.companies.iter().find(|company| company.id == id)
    }

    /// The company that a project belongs to.
    pub(crate) fn company_of_project(&self, project_id: u64) -> Option<&Company> {
        self.companies.iter().find(|company| company.project_position(project_id).is_some())
    }

    /// Applies one event; answers with the ids of the rows that it made.
    pub(crate) fn apply(&mut self, event: &Event) -> Result<Vec<u64>> {
        match event {
            Event::CompanyCreated { spec } => {
                if self.company(spec.id).is_some() {
                    return Err(Error::Invalid(format!("company {} exists", spec.id)));
                }
                let ordinal = u32::try_from(self.companies.len()).unwrap_or(u32::MAX);
                self.companies.push(build::company(spec, ordinal, &self.inputs)?);
                Ok(vec![spec.id])
            }
            Event::CompanyChanged { company, installation, view_vendors, insurances } => {
                let company = self.company_mut(*company)?;
                company.installation = installation.unwrap_or(company.installation);
                company.view_vendors = view_vendors.unwrap_or(company.view_vendors);
                company.insurance_access = insurances.unwrap_or(company.insurance_access);
                Ok(Vec::new())
            }
            Event::RowsAdded { company, kind, rows, early, at_s } => self.company_mut(*company)?.add(*kind, rows, *early, *at_s),
            Event::RowsMadeUp { company, kind, count, early, at_s } => {
                self.company_mut(*company)?.make_up(*kind, *count, *early, *at_s)
            }
            Event::RowChanged { company, kind, id, fields, at_s } => {
                self.company_mut(*company)?.change(*kind, *id, fields, *at_s).map(|()| vec![*id])
            }
            Event::RowRemoved { company, kind, id, at_s } => {
                self.company_mut(*company)?.remove(*kind, *id, *at_s).map(|()| vec![*id])
            }
            Event::Associated { company, pairs, joined } => {
                self.company_mut(*company)?.associate(pairs, *joined).map(|()| Vec::new())
            }
            Event::VendorsWritten { company, writes, at_ms, listed_from_ms } => {
                let moment = Moment { at_ms: *at_ms, listed_from_ms: *listed_from_ms };
                self.company_mut(*company)?.write_vendors(writes, moment)
            }
            Event::VendorsMerged { company, master, sources, at_s } => {
                self.company_mut(*company)?.merge(*master, sources, *at_s).map(|()| vec![*master])
            }
            Event::InsurancesWritten { company, rows, by_api, at_ms, listed_from_ms } => {
                let moment = Moment { at_ms: *at_ms, listed_from_ms: *listed_from_ms };
                self.company_mut(*company)?.insurances.put(rows, *by_api, moment);
                Ok(rows.iter().map(|row| row.id).collect())
            }
            Event::InsurancesRemoved { company, ids, at_ms, listed_from_ms } => {
                let moment = Moment { at_ms: *at_ms, listed_from_ms: *listed_from_ms };
                self.company_mut(*company)?.insurances.remove(ids, moment);
                Ok(ids.clone())
            }
            Event::InsurancesMadeUp { company, count } => build::add_made_up_insurances(self.company_mut(*company)?, *count),
            Event::ClockAdvanced { .. } => Ok(Vec::new()),
            Event::TokensStopped { before_us } => {
                self.tokens_from_us = *before_us;
                Ok(Vec::new())
            }
            Event::TokenRevoked { token } => {
                self.revoked_tokens.insert(token.clone());
                Ok(Vec::new())
            }
        }
    }

    fn company_mut(&mut self, id: u64) -> Result<&mut Company> {
        let found = self.companies.iter_mut().find(|company| company.id == id);
        found.ok_or_else(|| Error::Missing(format!("company {id}")))
    }
}

impl Company {
    pub(crate) fn add(&mut self, kind: RowKind, rows: &[Fields], early: bool, at_s: i64) -> Result<Vec<u64>> {
        for fields in rows {
            self.check(kind, fields)?;
            if kind == RowKind::Person {
                self.check_room(fields, rows.len())?;
            }
        }
        let mut added = Vec::new();
        for fields in rows {
            let id = match kind {
                RowKind::Vendor => {
                    let position = build::push_vendor(self, "".into(), Phone::MadeUp, None)?;
                    self.fresh_vendor(position, early, at_s)
                }
                RowKind::Project => {
                    let number = format!("{}", 90_000 + self.projects.len());
                    let position = build::push_project(self, "".into(), number.into(), ProjectKind::Real)?;
                    self.fresh_project(position, early, at_s)
                }
                RowKind::Person => self.fresh_person(fields)?,
            };
            self.change(kind, id, fields, at_s)?;
            added.push(id);
        }
        Ok(added)
    }

    fn make_up(&mut self, kind: RowKind, count: u32, early: bool, at_s: i64) -> Result<Vec<u64>> {
        let rows = match kind {
            RowKind::Vendor => self.vendors.len(),
            RowKind::Project => self.projects.len(),
            RowKind::Person => return Err(Error::Invalid("people are added by their fields".to_owned())),
        };
        let new = (rows..rows + count as usize).filter_map(|position| u32::try_from(position).ok());
        if kind == RowKind::Vendor {
            build::add_made_up_vendors(self, count)?;
            Ok(new.map(|position| self.fresh_vendor(position, early, at_s)).collect())
        } else {
            build::add_made_up_projects(self, count)?;
            Ok(new.map(|position| self.fresh_project(position, early, at_s)).collect())
        }
    }

    fn fresh_vendor(&mut self, position: u32, early: bool, at_s: i64) -> u64 {
        let id = if early { self.vendor_ids.early(position) } else { self.vendor_ids.at(position) };
        let vendor = &mut self.vendors[position as usize];
        (vendor.id, vendor.created_s, vendor.updated_s) = (id, at_s, at_s);
        id
    }

    fn fresh_project(&mut self, position: u32, early: bool, at_s: i64) -> u64 {
        let id = if early { self.project_ids.early(position) } else { self.project_ids.at(position) };
        let project = &mut self.projects[position as usize];
        (project.id, project.created_s, project.updated_s) = (id, at_s, at_s);
        id
    }

    /// Whether a vendor of a new person can take that many more; asked of all rows before the first is added.
    fn check_room(&self, fields: &Fields, more: usize) -> Result<()> {
        let position = self.vendor_of_person(fields)?;
        if usize::from(self.vendor(position).people) + more > usize::from(ids::MOST_PEOPLE) {
            return Err(Error::Invalid(format!("a vendor has at most {} people", ids::MOST_PEOPLE)));
        }
        Ok(())
    }

    fn vendor_of_person(&self, fields: &Fields) -> Result<u32> {
        let vendor_id = fields.get("vendor_id").and_then(Value::as_u64);
        let vendor = vendor_id.and_then(|id| self.vendor_position(id));
        vendor.ok_or_else(|| Error::Invalid("vendor_id names no vendor".to_owned()))
    }

    fn fresh_person(&mut self, fields: &Fields) -> Result<u64> {
        let position = self.vendor_of_person(fields)?;
        let vendor = &mut self.vendors[position as usize];
        vendor.people += 1;
        Ok(ids::person(self.ordinal, position, vendor.people - 1))
    }

    pub(crate) fn change(&mut self, kind: RowKind, id: u64, fields: &Fields, at_s: i64) -> Result<()> {
        self.check(kind, fields)?;
        match kind {
            RowKind::Vendor => {
                let position = self.vendor_position(id).ok_or_else(|| Error::Missing(format!("vendor {id}")))?;
                if let Some(projects) = fields.get("project_ids") {
                    self.replace_projects(position, &id_list(projects))?;
                }
                if let Some(parent) = fields.get("parent_id") {
                    self.replace_parent(position, parent.as_u64())?;
                }
                change_vendor(&mut self.vendors[position as usize], fields, at_s);
            }
            RowKind::Project => {
                let position = self.project_position(id).ok_or_else(|| Error::Missing(format!("project {id}")))?;
                change_project(&mut self.projects[position as usize], fields, at_s);
            }
            RowKind::Person => {
                self.person_number(id).ok_or_else(|| Error::Missing(format!("person {id}")))?;
                let set = self.person_fields.entry(id).or_default();
                set.insert("updated_at".to_owned(), timestamp(at_s).into());
                set.extend(fields.iter().filter(|(key, _)| *key != "vendor_id").map(|(key, value)| (key.clone(), value.clone())));
            }
        }
        self.rows_changed();
        Ok(())
    }

    pub(crate) fn remove(&mut self, kind: RowKind, id: u64, at_s: i64) -> Result<()> {
        match kind {
            RowKind::Vendor => {
                let position = self.vendor_position(id).filter(|position| !self.vendor(*position).own);
                let position = position.ok_or_else(|| Error::Missing(format!("vendor {id}")))?;
                self.replace_projects(position, &[])?;
                self.end_insurances(&self.insurances.ids_of_vendor(id), at_s);
                let vendor = &mut self.vendors[position as usize];
                (vendor.state, vendor.updated_s) = (VendorState::Merged, at_s);
            }
            RowKind::Project => {
                let position = self.project_position(id).ok_or_else(|| Error::Missing(format!("project {id}")))?;
                for vendor in std::mem::take(&mut self.projects[position as usize].vendors) {
                    self.vendors[vendor as usize].projects.retain(|project| *project != position);
                }
                self.end_insurances(&self.insurances.ids_of_project(id), at_s);
                let project = &mut self.projects[position as usize];
                (project.gone, project.updated_s) = (true, at_s);
            }
            RowKind::Person => {
                self.person_number(id).ok_or_else(|| Error::Missing(format!("person {id}")))?;
                self.people_gone.insert(id);
            }
        }
        self.rows_changed();
        Ok(())
    }

    fn associate(&mut self, pairs: &[(u64, u64)], joined: bool) -> Result<()> {
        let mut positions = Vec::with_capacity(pairs.len());
        for (project, vendor) in pairs {
            let missing = || Error::Missing(format!("project {project} or vendor {vendor}"));
            let project = self.project_position(*project).ok_or_else(missing)?;
            positions.push((project, self.vendor_position(*vendor).ok_or_else(missing)?));
        }
        for (project, vendor) in positions {
            set_member(&mut self.projects[project as usize].vendors, vendor, joined);
            set_member(&mut self.vendors[vendor as usize].projects, project, joined);
        }
        Ok(())
    }

    /// Whether an id names a person who is still there.
    fn person_number(&self, id: u64) -> Option<u8> {
        let (vendor, number) = ids::person_position(self.ordinal, id)?;
        let exists = self.vendors.get(vendor as usize).is_some_and(|vendor| number < vendor.people);
        (exists && !self.people_gone.contains(&id)).then_some(number)
    }

    pub(crate) fn replace_projects(&mut self, vendor: u32, project_ids: &[u64]) -> Result<()> {
        let mut wanted = BTreeSet::new();
        for id in project_ids {
            wanted.insert(self.project_position(*id).ok_or_else(|| Error::Missing(format!("project {id}")))?);
        }
        let old = std::mem::replace(&mut self.vendors[vendor as usize].projects, wanted.iter().copied().collect());
        for project in old {
            set_member(&mut self.projects[project as usize].vendors, vendor, false);
        }
        for project in wanted {
            set_member(&mut self.projects[project as usize].vendors, vendor, true);
        }
        Ok(())
    }

    pub(crate) fn replace_parent(&mut self, position: u32, parent_id: Option<u64>) -> Result<()> {
        let missing = |id| Error::Missing(format!("vendor {id}"));
        let parent = parent_id.map(|id| self.vendor_position(id).ok_or_else(|| missing(id))).transpose()?;
        let old = std::mem::replace(&mut self.vendors[position as usize].parent, parent);
        if let Some(old) = old {
            let children = &mut self.vendors[old as usize].children;
            *children = children.saturating_sub(1);
        }
        if let Some(parent) = parent {
            let children = &mut self.vendors[parent as usize].children;
            *children = children.saturating_add(1);
        }
        Ok(())
    }

    /// Refuses fields that cannot be set, before anything changed.
    pub(crate) fn check(&self, kind: RowKind, fields: &Fields) -> Result<()> {
        let invalid = |field: &str, problem: &str| Err(Error::Invalid(format!("{field} {problem}")));
        if fields.contains_key("id") {
            return invalid("id", "cannot be set");
        }
        if kind != RowKind::Person && fields.get("name").is_some_and(|name| !name.is_string()) {
            return invalid("name", "is a string");
        }
        for field in ["is_active", "active", "permitted"] {
            if fields.get(field).is_some_and(|value| !value.is_boolean()) {
                return invalid(field, "is true or false");
            }
        }
        for field in ["created_at", "updated_at"] {
            if fields.get(field).is_some_and(|value| seconds(value).is_none()) {
                return invalid(field, "is a time like 2026-01-31T12:00:00Z");
            }
        }
        let project_ids = fields.get("project_ids").map(id_list).unwrap_or_default();
        match project_ids.iter().find(|id| self.project_position(**id).is_none()) {
            Some(id) => Err(Error::Missing(format!("project {id}"))),
            None => Ok(()),
        }
    }
}

fn change_vendor(vendor: &mut Vendor, fields: &Fields, at_s: i64) {
    vendor.updated_s = at_s;
    for (key, value) in fields {
        match key.as_str() {
            "name" => vendor.name = value.as_str().unwrap_or_default().into(),
            "is_active" if value.as_bool() == Some(true) => vendor.state = VendorState::Active,
            "is_active" => vendor.state = VendorState::Inactive,
            "created_at" => vendor.created_s = seconds(value).unwrap_or(vendor.created_s),
            "updated_at" => vendor.updated_s = seconds(value).unwrap_or(at_s),
            "source" => vendor.source = value.as_str().map(Box::from),
            "project_ids" | "parent_id" => {}
            _ => {
                vendor.fields.get_or_insert_default().insert(key.clone(), value.clone());
            }
        }
    }
}

fn change_project(project: &mut Project, fields: &Fields, at_s: i64) {
    project.updated_s = at_s;
    for (key, value) in fields {
        match key.as_str() {
            "name" => project.name = value.as_str().unwrap_or_default().into(),
            "project_number" => project.number = value.as_str().unwrap_or_default().into(),
            "active" => project.active = value.as_bool().unwrap_or(true),
            "permitted" => project.permitted = value.as_bool().unwrap_or(true),
            "created_at" => project.created_s = seconds(value).unwrap_or(project.created_s),
            "updated_at" => project.updated_s = seconds(value).unwrap_or(at_s),
            _ => {
                project.fields.get_or_insert_default().insert(key.clone(), value.clone());
            }
        }
    }
}

pub(crate) fn set_member(list: &mut Vec<u32>, member: u32, wanted: bool) {
    match (list.binary_search(&member), wanted) {
        (Err(at), true) => list.insert(at, member),
        (Ok(at), false) => {
            list.remove(at);
        }
        (Ok(_), true) | (Err(_), false) => {}
    }
}

fn id_list(value: &Value) -> Vec<u64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
}

fn seconds(value: &Value) -> Option<i64> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.timestamp())
}
