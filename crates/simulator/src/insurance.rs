//! The insurances of a company in memory: rows in id order, found by id, `origin_id`, vendor and project without a search.
//! What may be written is decided in `insurance_draft.rs`, how a row looks in `insurance_view.rs`.

use std::collections::HashMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ids::Ids;
use crate::lag::Lag;

/// One insurance. Fields that Procore may show as null are options; it has no times of creation or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Insurance {
    pub(crate) id: u64,
    pub(crate) vendor_id: u64,
    /// The project of an insurance that was made in a project's scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) project_id: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) insurance_type: Option<Box<str>>,
    /// Written as `name`, read as `insurance_provider`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy_number: Option<Box<str>>,
    /// As it is read back: at least one decimal, no more zeros than that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) effective_date: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expiration_date: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) notes: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) additional_insured: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) division_template: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) insurance_sets: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin_data: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<Status>,
    pub(crate) notifications: bool,
    pub(crate) exempt: bool,
    pub(crate) info_received: bool,
}

/// Procore's seven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Compliant,
    CompliantInProgress,
    Expired,
    NonCompliant,
    NonCompliantInProgress,
    Undecided,
    Unregistered,
}

/// Whose insurances are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Every vendor's at company level.
    Company,
    /// One vendor's at company level.
    Vendor(u64),
    /// Every vendor's in a project.
    Project(u64),
    /// One vendor's in a project.
    ProjectVendor { project_id: u64, vendor_id: u64 },
}

impl Holder {
    /// Whether an insurance is one of these. Company level and projects do not see each other's.
    pub(crate) fn holds(self, row: &Insurance) -> bool {
        match self {
            Self::Company => row.project_id.is_none(),
            Self::Vendor(vendor_id) => row.project_id.is_none() && row.vendor_id == vendor_id,
            Self::Project(project_id) => row.project_id == Some(project_id),
            Self::ProjectVendor { project_id, vendor_id } => row.project_id == Some(project_id) && row.vendor_id == vendor_id,
        }
    }

    /// The project, if there is one.
    pub(crate) fn project_id(self) -> Option<u64> {
        match self {
            Self::Company | Self::Vendor(_) => None,
            Self::Project(project_id) | Self::ProjectVendor { project_id, .. } => Some(project_id),
        }
    }

    /// The vendor, if the path names one.
    pub(crate) fn vendor_id(self) -> Option<u64> {
        match self {
            Self::Company | Self::Project(_) => None,
            Self::Vendor(vendor_id) | Self::ProjectVendor { vendor_id, .. } => Some(vendor_id),
        }
    }
}

/// When a write happened, and from when lists show it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at_ms: i64,
    /// `None`: at once.
    pub(crate) listed_from_ms: Option<i64>,
}

/// A row, and what a checker wants to know of it.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) row: Insurance,
    /// Deleted, or its vendor was merged away.
    pub(crate) gone: bool,
    /// How often the API wrote it; a person's edits through the admin API do not count.
    pub(crate) api_writes: u32,
}

/// All insurances that a company ever had.
#[derive(Debug)]
pub(crate) struct Insurances {
    slots: Vec<Slot>,
    ids: Ids,
    by_origin: HashMap<Box<str>, u32>,
    /// Positions at company level, ascending.
    of_company: Vec<u32>,
    /// Positions by vendor, in every scope, ascending.
    of_vendor: HashMap<u64, Vec<u32>>,
    /// Positions by project, ascending.
    of_project: HashMap<u64, Vec<u32>>,
    past: Lag<Insurance>,
}

impl Insurances {
    /// None yet, for the company created as number `ordinal`.
    pub(crate) fn new(ordinal: u32) -> Self {
        Self {
            slots: Vec::new(),
            ids: Ids::insurances(ordinal),
            by_origin: HashMap::new(),
            of_company: Vec::new(),
            of_vendor: HashMap::new(),
            of_project: HashMap::new(),
            past: Lag::default(),
        }
    }

    /// Every row that ever was, in id order.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The id of the next but `ahead` rows that will be made.
    pub(crate) fn next_id(&self, ahead: usize) -> u64 {
        self.ids.at(u32::try_from(self.slots.len() + ahead).unwrap_or(u32::MAX))
    }

    /// An insurance that exists.
    pub(crate) fn get(&self, id: u64) -> Option<&Insurance> {
        self.position(id).map(|position| &self.slots[position as usize].row)
    }

    /// The insurance that has an `origin_id`, in whatever scope.
    pub(crate) fn with_origin(&self, origin_id: &str) -> Option<&Insurance> {
        self.by_origin.get(origin_id).map(|position| &self.slots[*position as usize].row)
    }

    /// How many a list has, and those of the range that `choose` wants of them, in id order, as lists show them now.
    pub(crate) fn listed(
        &self,
        holder: Holder,
        now_ms: i64,
        choose: impl FnOnce(usize) -> Range<usize>,
    ) -> (usize, Vec<&Insurance>) {
        let none: &[u32] = &[];
        let index = match holder {
            Holder::Company => &self.of_company,
            Holder::Vendor(vendor_id) | Holder::ProjectVendor { vendor_id, .. } => {
                self.of_vendor.get(&vendor_id).map_or(none, Vec::as_slice)
            }
            Holder::Project(project_id) => self.of_project.get(&project_id).map_or(none, Vec::as_slice),
        };
        let behind = !self.past.is_over(now_ms);
        if !behind && holder == Holder::Company {
            let positions = &index[choose(index.len())];
            return (index.len(), positions.iter().map(|position| &self.slots[*position as usize].row).collect());
        }
        let mut positions = index.to_vec();
        if behind {
            positions.extend(self.past.positions());
            positions.sort_unstable();
            positions.dedup();
        }
        let seen = positions.into_iter().filter_map(|position| {
            let slot = &self.slots[position as usize];
            self.past.seen(position, now_ms, Some(&slot.row).filter(|_| !slot.gone))
        });
        let rows: Vec<&Insurance> = seen.filter(|row| holder.holds(row)).collect();
        let range = choose(rows.len());
        (rows.len(), rows[range].to_vec())
    }

    /// Makes or replaces rows; an id must be that of a row or the next one.
    pub(crate) fn put(&mut self, rows: &[Insurance], by_api: bool, moment: Moment) {
        for row in rows {
            let Some(position) = self.ids.position(row.id) else { continue };
            let old = match self.slots.get_mut(position as usize) {
                Some(slot) => {
                    let old = std::mem::replace(&mut slot.row, row.clone());
                    slot.api_writes += u32::from(by_api);
                    (!std::mem::take(&mut slot.gone)).then_some(old)
                }
                None => {
                    self.slots.push(Slot { row: row.clone(), gone: false, api_writes: u32::from(by_api) });
                    None
                }
            };
            self.reindex(position, old.as_ref(), Some(row));
            if let Some(from_ms) = moment.listed_from_ms {
                self.past.keep(position, old, moment.at_ms, from_ms);
            }
        }
    }

    /// Ends rows; ids of none are skipped.
    pub(crate) fn remove(&mut self, ids: &[u64], moment: Moment) {
        for id in ids {
            let Some(position) = self.position(*id) else { continue };
            let row = self.slots[position as usize].row.clone();
            self.reindex(position, Some(&row), None);
            self.slots[position as usize].gone = true;
            if let Some(from_ms) = moment.listed_from_ms {
                self.past.keep(position, Some(row), moment.at_ms, from_ms);
            }
        }
    }

    /// Ids of everything that a vendor has, in every scope.
    pub(crate) fn ids_of_vendor(&self, vendor_id: u64) -> Vec<u64> {
        self.ids_in(self.of_vendor.get(&vendor_id))
    }

    /// Ids of everything in a project.
    pub(crate) fn ids_of_project(&self, project_id: u64) -> Vec<u64> {
        self.ids_in(self.of_project.get(&project_id))
    }

    fn ids_in(&self, positions: Option<&Vec<u32>>) -> Vec<u64> {
        positions.into_iter().flatten().map(|position| self.slots[*position as usize].row.id).collect()
    }

    fn position(&self, id: u64) -> Option<u32> {
        let position = self.ids.position(id)?;
        self.slots.get(position as usize).filter(|slot| slot.row.id == id && !slot.gone).map(|_| position)
    }

    /// Moves a row in the indexes. Only those whose key changed are touched: rows are rewritten far more often than moved.
    fn reindex(&mut self, position: u32, old: Option<&Insurance>, new: Option<&Insurance>) {
        let former = old.and_then(|row| row.origin_id.as_deref());
        let origin_id = new.and_then(|row| row.origin_id.as_deref());
        if former != origin_id {
            if let Some(former) = former
                && self.by_origin.get(former) == Some(&position)
            {
                self.by_origin.remove(former);
            }
            if let Some(origin_id) = origin_id {
                self.by_origin.insert(origin_id.into(), position);
            }
        }
        let at_company_level = |row: Option<&Insurance>| row.is_some_and(|row| row.project_id.is_none());
        match (at_company_level(old), at_company_level(new)) {
            (false, true) => insert(&mut self.of_company, position),
            (true, false) => remove(&mut self.of_company, position),
            (true, true) | (false, false) => {}
        }
        let vendor = |row: Option<&Insurance>| row.map(|row| row.vendor_id);
        let project = |row: Option<&Insurance>| row.and_then(|row| row.project_id);
        move_key(&mut self.of_vendor, position, vendor(old), vendor(new));
        move_key(&mut self.of_project, position, project(old), project(new));
    }
}

fn move_key(index: &mut HashMap<u64, Vec<u32>>, position: u32, old: Option<u64>, new: Option<u64>) {
    if old == new {
        return;
    }
    if let Some(list) = old.and_then(|key| index.get_mut(&key)) {
        remove(list, position);
    }
    if let Some(key) = new {
        insert(index.entry(key).or_default(), position);
    }
}

fn insert(list: &mut Vec<u32>, position: u32) {
    if let Err(at) = list.binary_search(&position) {
        list.insert(at, position);
    }
}

fn remove(list: &mut Vec<u32>, position: u32) {
    if let Ok(at) = list.binary_search(&position) {
        list.remove(at);
    }
}
