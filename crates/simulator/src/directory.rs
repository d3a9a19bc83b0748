//! The rows of a company in their compact form. They are rendered by the `*_view.rs` files, made by `build.rs` and changed
//! by `change.rs`; nothing here knows HTTP.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;

use crate::config::{Access, Credentials, Installation};
use crate::ids::{self, Ids};
use crate::insurance::Insurances;
use crate::lag::Lag;

/// Values that somebody set by hand: each stands in for the made-up value of that field.
pub(crate) type Fields = BTreeMap<String, Value>;

/// One customer of the app.
#[derive(Debug)]
pub(crate) struct Company {
    pub(crate) id: u64,
    pub(crate) ordinal: u32,
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) installation: Installation,
    pub(crate) view_vendors: bool,
    pub(crate) credentials: Vec<Credentials>,
    pub(crate) people_per_vendor: u8,
    pub(crate) vendors: Vec<Vendor>,
    pub(crate) vendor_ids: Ids,
    pub(crate) projects: Vec<Project>,
    pub(crate) project_ids: Ids,
    pub(crate) person_fields: HashMap<u64, Fields>,
    pub(crate) people_gone: HashSet<u64>,
    pub(crate) insurances: Insurances,
    pub(crate) insurance_access: Access,
    /// What lists still show of vendors that the API wrote a moment ago.
    pub(crate) past_vendors: Lag<Vendor>,
    pub(crate) orders: Orders,
}

/// Positions in list order, computed on first use and dropped by every change of names or rows.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    vendors_by_id: OnceLock<Vec<u32>>,
    vendors_by_name: OnceLock<Vec<u32>>,
    projects_by_id: OnceLock<Vec<u32>>,
    projects_by_name: OnceLock<Vec<u32>>,
}

/// A company of the directory.
#[derive(Clone, Debug)]
pub(crate) struct Vendor {
    pub(crate) id: u64,
    /// Seed of everything that is not stored.
    pub(crate) seed: u64,
    pub(crate) name: Box<str>,
    pub(crate) phone: Phone,
    /// The key of the CSV row it came from.
    pub(crate) source: Option<Box<str>>,
    pub(crate) parent: Option<u32>,
    pub(crate) children: u16,
    /// People ever created; some may be gone.
    pub(crate) people: u8,
    /// The customer's own record.
    pub(crate) own: bool,
    pub(crate) state: VendorState,
    pub(crate) created_s: i64,
    pub(crate) updated_s: i64,
    pub(crate) fields: Option<Box<Fields>>,
    /// Positions of its projects, ascending.
    pub(crate) projects: Vec<u32>,
}

/// Where a vendor's phone number comes from.
#[derive(Clone, Debug)]
pub(crate) enum Phone {
    /// Made up from the seed.
    MadeUp,
    /// The CSV has none.
    Absent,
    /// The CSV's.
    Given(Box<str>),
}

/// Where a vendor shows up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VendorState {
    /// In the main list.
    Active,
    /// In the inactive list only.
    Inactive,
    /// Merged away: a 404 everywhere.
    Merged,
}

/// A project.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) id: u64,
    pub(crate) seed: u64,
    pub(crate) name: Box<str>,
    pub(crate) number: Box<str>,
    pub(crate) permit: Option<Box<Permit>>,
    pub(crate) kind: ProjectKind,
    pub(crate) active: bool,
    /// Whether the app's service user was added to it.
    pub(crate) permitted: bool,
    pub(crate) gone: bool,
    pub(crate) created_s: i64,
    pub(crate) updated_s: i64,
    pub(crate) fields: Option<Box<Fields>>,
    /// Positions of its vendors, ascending.
    pub(crate) vendors: Vec<u32>,
}

/// What a CSV project brings along.
#[derive(Debug)]
pub(crate) struct Permit {
    pub(crate) address: Box<str>,
    pub(crate) issue_date: Box<str>,
    /// Shown as the stage; a permit's status says nothing about whether the project is active in the directory.
    pub(crate) status: Box<str>,
    pub(crate) reported_cost: Box<str>,
    pub(crate) description: Box<str>,
}

/// What a project is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProjectKind {
    /// A construction project.
    Real,
    /// A template that new projects are copied from.
    Template,
    /// Procore's demo project.
    Demo,
}

impl Vendor {
    /// Whether it still exists.
    pub(crate) fn exists(&self) -> bool {
        self.state != VendorState::Merged
    }
}

impl Company {
    /// Position of a vendor that exists or once did.
    pub(crate) fn vendor_position(&self, id: u64) -> Option<u32> {
        let position = self.vendor_ids.position(id)?;
        self.vendors.get(position as usize).filter(|vendor| vendor.id == id).map(|_| position)
    }

    /// Position of a project that exists or once did.
    pub(crate) fn project_position(&self, id: u64) -> Option<u32> {
        let position = self.project_ids.position(id)?;
        self.projects.get(position as usize).filter(|project| project.id == id).map(|_| position)
    }

    /// The vendor at a position that came from this company.
    pub(crate) fn vendor(&self, position: u32) -> &Vendor {
        &self.vendors[position as usize]
    }

    /// The vendor at a position as lists show it now, merged ones included.
    pub(crate) fn listed_vendor(&self, position: u32, now_ms: i64) -> Option<&Vendor> {
        self.past_vendors.seen(position, now_ms, Some(self.vendor(position)))
    }

    /// Position of a vendor that was not merged away.
    pub(crate) fn existing_vendor(&self, id: u64) -> Option<u32> {
        self.vendor_position(id).filter(|position| self.vendor(*position).exists())
    }

    /// The project at a position that came from this company.
    pub(crate) fn project(&self, position: u32) -> &Project {
        &self.projects[position as usize]
    }

    /// The customer's own record.
    pub(crate) fn own_vendor(&self) -> u32 {
        0
    }

    /// Vendors that were not merged away, in list order.
    pub(crate) fn vendors_in_order(&self, by_name: bool) -> &[u32] {
        let existing = || {
            let rows = self.vendors.iter().enumerate().filter(|(_, vendor)| vendor.exists());
            rows.filter_map(|(position, _)| u32::try_from(position).ok()).collect::<Vec<u32>>()
        };
        if by_name {
            self.orders.vendors_by_name.get_or_init(|| {
                let mut positions = existing();
                positions.sort_by_cached_key(|position| {
                    let vendor = self.vendor(*position);
                    (vendor.name.to_lowercase(), vendor.id)
                });
                positions
            })
        } else {
            self.orders.vendors_by_id.get_or_init(|| {
                let mut positions = existing();
                positions.sort_by_key(|position| self.vendor(*position).id);
                positions
            })
        }
    }

    /// Projects that were not deleted, in list order.
    pub(crate) fn projects_in_order(&self, by_name: bool) -> &[u32] {
        let existing = || {
            let rows = self.projects.iter().enumerate().filter(|(_, project)| !project.gone);
            rows.filter_map(|(position, _)| u32::try_from(position).ok()).collect::<Vec<u32>>()
        };
        if by_name {
            self.orders.projects_by_name.get_or_init(|| {
                let mut positions = existing();
                positions.sort_by_cached_key(|position| {
                    let project = self.project(*position);
                    (project.name.to_lowercase(), project.id)
                });
                positions
            })
        } else {
            self.orders.projects_by_id.get_or_init(|| {
                let mut positions = existing();
                positions.sort_by_key(|position| self.project(*position).id);
                positions
            })
        }
    }

    /// Forgets the list orders; every change of rows or names calls it.
    pub(crate) fn rows_changed(&mut self) {
        self.orders = Orders::default();
    }

    /// Ids of the projects that a vendor works on, ascending. They may name projects the service user cannot see.
    pub(crate) fn project_ids_of(&self, vendor: &Vendor) -> Vec<u64> {
        let existing = vendor.projects.iter().map(|position| self.project(*position)).filter(|project| !project.gone);
        let mut project_ids: Vec<u64> = existing.map(|project| project.id).collect();
        project_ids.sort_unstable();
        project_ids
    }

    /// Whether a client's credentials open this company.
    pub(crate) fn is_open_to(&self, client_id: &str, platform_client_id: &str) -> bool {
        client_id == platform_client_id || self.credentials.iter().any(|one| one.client_id == client_id)
    }

    /// People of a vendor who are still there: their numbers.
    pub(crate) fn people_of(&self, vendor: u32) -> impl Iterator<Item = u8> + '_ {
        let count = self.vendor(vendor).people;
        (0..count).filter(move |number| !self.people_gone.contains(&ids::person(self.ordinal, vendor, *number)))
    }
}
