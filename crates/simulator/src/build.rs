//! Builds a company from its spec: deterministic, ids in row order, the customer's own record first, one template and one
//! demo project last. Later changes are in `change.rs`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use crate::clock::date;
use crate::config::{CompanySpec, Source};
use crate::csv_load::{self, ProjectRow};
use crate::directory::{Company, Orders, Permit, Phone, Project, ProjectKind, Vendor, VendorState};
use crate::error::{Error, Result};
use crate::generate::{self, Pick, Purpose, mix};
use crate::ids::{self, Ids};
use crate::insurance::{Insurance, Insurances, Moment, Status};
use crate::lag::Lag;
use crate::names;

/// 2025-06-01T00:00:00Z: made-up rows were last touched before it, so that "since" filters of today see changes only.
const NEWEST_S: i64 = 1_748_736_000;
const YEAR_S: i64 = 31_536_000;

/// Builds the company created as number `ordinal`. Relative paths of the spec start at `inputs`.
pub(crate) fn company(spec: &CompanySpec, ordinal: u32, inputs: &Path) -> Result<Company> {
    if spec.id == 0 {
        return Err(Error::Invalid("a company id is at least 1".to_owned()));
    }
    let seed = mix(spec.seed ^ mix(spec.id));
    let mut company = Company {
        id: spec.id,
        ordinal,
        name: spec.name.clone().unwrap_or_else(|| generate::vendor_name(mix(seed ^ 3)).trim().to_owned()),
        seed,
        installation: spec.installation,
        view_vendors: spec.view_vendors,
        credentials: spec.credentials.clone(),
        people_per_vendor: spec.people_per_vendor.min(ids::MOST_PEOPLE),
        vendors: Vec::new(),
        vendor_ids: Ids::vendors(ordinal),
        projects: Vec::new(),
        project_ids: Ids::projects(ordinal),
        person_fields: HashMap::new(),
        people_gone: HashSet::new(),
        insurances: Insurances::new(ordinal),
        insurance_access: spec.insurances,
        past_vendors: Lag::default(),
        orders: Orders::default(),
    };
    let vendor_keys = add_vendors(&mut company, spec, inputs)?;
    let project_keys = add_projects(&mut company, spec, inputs)?;
    match &spec.project_vendors {
        Some(path) => associate_from_csv(&mut company, &inputs.join(path), &vendor_keys, &project_keys)?,
        None => associate_made_up(&mut company, spec.vendors_per_project),
    }
    finish(&mut company, spec);
    Ok(company)
}

type Keys = HashMap<Box<str>, u32>;

fn add_vendors(company: &mut Company, spec: &CompanySpec, inputs: &Path) -> Result<Keys> {
    let mut keys = Keys::new();
    let own = company.name.clone();
    push_vendor(company, own.into(), Phone::MadeUp, None)?;
    company.vendors[0].own = true;
    match &spec.vendors {
        Source::Count(count) => add_made_up_vendors(company, *count)?,
        Source::Csv(path) => {
            for row in csv_load::vendors(&inputs.join(path))? {
                let phone = if row.phone.is_empty() { Phone::Absent } else { Phone::Given(row.phone) };
                let position = push_vendor(company, row.name, phone, Some(row.key.clone()))?;
                keys.insert(row.key, position);
            }
        }
    }
    Ok(keys)
}

/// Adds made-up vendors; every fifth looks like an earlier one, and half of those share its address and phone.
pub(crate) fn add_made_up_vendors(company: &mut Company, count: u32) -> Result<()> {
    for _ in 0..count {
        let position = company.vendors.len();
        let row_seed = mix(company.seed ^ mix(position as u64));
        let mut pick = Pick::new(row_seed, Purpose::Variation);
        if position > 5 && pick.percent(20) {
            let twin = 1 + pick.below(position - 1);
            let name = generate::near_duplicate(&company.vendors[twin].name, row_seed);
            let twin_seed = company.vendors[twin].seed;
            let new = push_vendor(company, name.into(), Phone::MadeUp, None)?;
            if pick.percent(50) {
                company.vendors[new as usize].seed = twin_seed;
            }
        } else {
            push_vendor(company, generate::vendor_name(row_seed).into(), Phone::MadeUp, None)?;
        }
    }
    Ok(())
}

/// Adds made-up insurances of vendors that exist, two thirds of them compliant.
pub(crate) fn add_made_up_insurances(company: &mut Company, count: u32) -> Result<Vec<u64>> {
    let vendors = company.vendors_in_order(false);
    if vendors.len() < 2 {
        return Err(Error::Invalid("there is no vendor to insure".to_owned()));
    }
    let rows: Vec<Insurance> =
        (0..count as usize).map(|ahead| made_up_insurance(company, vendors, company.insurances.next_id(ahead))).collect();
    company.insurances.put(&rows, false, Moment { at_ms: 0, listed_from_ms: None });
    Ok(rows.into_iter().map(|row| row.id).collect())
}

fn made_up_insurance(company: &Company, vendors: &[u32], id: u64) -> Insurance {
    let mut pick = Pick::new(mix(company.seed ^ id), Purpose::Insurance);
    let vendor = company.vendor(vendors[1 + pick.below(vendors.len() - 1)]);
    let start_s = NEWEST_S - i64::try_from(pick.below(YEAR_S as usize)).unwrap_or_default();
    let status =
        [Status::Compliant, Status::Compliant, Status::Compliant, Status::Expired, Status::NonCompliant, Status::Undecided];
    Insurance {
        id,
        vendor_id: vendor.id,
        insurance_type: Some(pick.one(names::COVERAGES).into()),
        provider: Some(format!("{} {}", pick.one(names::SURNAMES), pick.one(names::INSURERS)).into()),
        policy_number: Some(format!("{:08}", pick.below(100_000_000)).into()),
        limit: Some(format!("{}.0", 500_000 * (1 + pick.below(10))).into()),
        effective_date: Some(date(start_s).into()),
        expiration_date: Some(date(start_s + YEAR_S).into()),
        status: Some(status[pick.below(status.len())]),
        notifications: pick.percent(70),
        info_received: pick.percent(60),
        ..Insurance::default()
    }
}

/// Adds one active vendor at the end.
pub(crate) fn push_vendor(company: &mut Company, name: Box<str>, phone: Phone, source: Option<Box<str>>) -> Result<u32> {
    let position = next_position(company.vendors.len())?;
    let seed = mix(company.seed ^ mix(u64::from(position)));
    let (created_s, updated_s) = times(seed);
    let parent = parent_of(company, position, seed);
    if let Some(parent) = parent {
        let children = &mut company.vendors[parent as usize].children;
        *children = children.saturating_add(1);
    }
    company.vendors.push(Vendor {
        id: company.vendor_ids.at(position),
        seed,
        name,
        phone,
        source,
        parent,
        children: 0,
        people: company.people_per_vendor,
        own: false,
        state: VendorState::Active,
        created_s,
        updated_s,
        fields: None,
        projects: Vec::new(),
    });
    company.rows_changed();
    Ok(position)
}

fn next_position(rows: usize) -> Result<u32> {
    let too_many = || Error::Invalid(format!("a company has at most {} rows of one kind", ids::MOST_ROWS));
    if rows >= ids::MOST_ROWS { Err(too_many()) } else { u32::try_from(rows).map_err(|_| too_many()) }
}

/// 2 % of the vendors are branches of another one. Procore allows two levels, so a branch has no branches.
fn parent_of(company: &Company, position: u32, seed: u64) -> Option<u32> {
    let mut pick = Pick::new(seed, Purpose::Parent);
    if position < 10 || !pick.percent(2) {
        return None;
    }
    let parent = 1 + pick.below(position as usize - 1);
    company.vendors[parent].parent.is_none().then_some(u32::try_from(parent).unwrap_or_default())
}

/// Created up to six years before the newest time, updated somewhere after that.
fn times(seed: u64) -> (i64, i64) {
    let mut pick = Pick::new(seed, Purpose::Times);
    let age_s = i64::try_from(pick.below(6 * YEAR_S as usize)).unwrap_or_default();
    let since_s = i64::try_from(pick.below(1 + age_s as usize)).unwrap_or_default();
    (NEWEST_S - age_s, NEWEST_S - since_s)
}

fn add_projects(company: &mut Company, spec: &CompanySpec, inputs: &Path) -> Result<Keys> {
    let mut keys = Keys::new();
    match &spec.projects {
        Source::Count(count) => add_made_up_projects(company, *count)?,
        Source::Csv(path) => {
            for row in csv_load::projects(&inputs.join(path))? {
                let key = row.key.clone();
                let position = push_permit(company, row)?;
                keys.insert(key, position);
            }
        }
    }
    push_project(company, "Standard Project Template".into(), "TEMPLATE".into(), ProjectKind::Template)?;
    push_project(company, "Sandbox Test Project".into(), "DEMO".into(), ProjectKind::Demo)?;
    Ok(keys)
}

/// Adds made-up projects without vendors.
pub(crate) fn add_made_up_projects(company: &mut Company, count: u32) -> Result<()> {
    for _ in 0..count {
        let position = company.projects.len();
        let seed = mix(company.seed ^ mix(position as u64 | 1 << 40));
        let number = format!("{}-{:04}", 19 + Pick::new(seed, Purpose::Project).below(7), position + 1);
        push_project(company, generate::project_name(seed).into(), number.into(), ProjectKind::Real)?;
    }
    Ok(())
}

fn push_permit(company: &mut Company, row: ProjectRow) -> Result<u32> {
    let kind = row.permit_type.trim_start_matches("PERMIT - ");
    let name = format!("{} - {}", generate::title_case(&row.address), generate::title_case(kind));
    let position = push_project(company, name.into(), row.key, ProjectKind::Real)?;
    let project = &mut company.projects[position as usize];
    project.permit = Some(Box::new(Permit {
        address: row.address,
        issue_date: row.issue_date,
        status: row.status,
        reported_cost: row.reported_cost,
        description: row.description,
    }));
    Ok(position)
}

/// Adds one active, permitted project at the end.
pub(crate) fn push_project(company: &mut Company, name: Box<str>, number: Box<str>, kind: ProjectKind) -> Result<u32> {
    let position = next_position(company.projects.len())?;
    let seed = mix(company.seed ^ mix(u64::from(position) | 1 << 40));
    let (created_s, updated_s) = times(seed);
    company.projects.push(Project {
        id: company.project_ids.at(position),
        seed,
        name,
        number,
        permit: None,
        kind,
        active: true,
        permitted: true,
        gone: false,
        created_s,
        updated_s,
        fields: None,
        vendors: Vec::new(),
    });
    company.rows_changed();
    Ok(position)
}

fn associate_from_csv(company: &mut Company, path: &Path, vendors: &Keys, projects: &Keys) -> Result<()> {
    for (project, vendor) in csv_load::project_vendors(path)? {
        let unknown = |kind: &str, key: &str| Error::Invalid(format!("{}: no {kind} {key}", path.display()));
        let project = *projects.get(&project).ok_or_else(|| unknown("project", &project))?;
        let vendor = *vendors.get(&vendor).ok_or_else(|| unknown("vendor", &vendor))?;
        company.projects[project as usize].vendors.push(vendor);
    }
    Ok(())
}

/// Gives every real project one to twice the average number of vendors; some vendors are everywhere, most are rare.
fn associate_made_up(company: &mut Company, average: u32) {
    let vendors = company.vendors.len();
    if vendors < 2 || average == 0 {
        return;
    }
    for project in company.projects.iter_mut().filter(|project| project.kind == ProjectKind::Real) {
        let mut pick = Pick::new(project.seed, Purpose::Associations);
        for _ in 0..1 + pick.below(2 * average as usize - 1) {
            let share = pick.below(1 << 16) as f64 / f64::from(1 << 16);
            let vendor = 1 + (share.powi(2) * (vendors - 1) as f64) as usize;
            project.vendors.push(u32::try_from(vendor.min(vendors - 1)).unwrap_or_default());
        }
    }
}

/// Sorts the associations, mirrors them to the vendors and switches the asked share of rows off.
fn finish(company: &mut Company, spec: &CompanySpec) {
    for (position, project) in (0_u32..).zip(company.projects.iter_mut()) {
        project.vendors.sort_unstable();
        project.vendors.dedup();
        project.vendors.shrink_to_fit();
        for vendor in &project.vendors {
            company.vendors[*vendor as usize].projects.push(position);
        }
        if project.kind == ProjectKind::Real && Pick::new(project.seed, Purpose::Activity).percent(spec.inactive_projects_percent)
        {
            project.active = false;
        }
    }
    for vendor in company.vendors.iter_mut().filter(|vendor| !vendor.own) {
        vendor.projects.shrink_to_fit();
        if Pick::new(vendor.seed, Purpose::Activity).percent(spec.inactive_vendors_percent) {
            vendor.state = VendorState::Inactive;
        }
    }
}
