//! How a list moves under whoever reads its pages: rows come, go, change their names and their state between one page and the next. Which
//! calls that follows is `faults.rs`.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::directory::{Company, Fields, VendorState};
use crate::effects::Hit;
use crate::event::{Event, RowKind};
use crate::insurance::Holder;
use crate::locks::read;
use crate::route::{Endpoint, Read};

/// So many rows of the kind that was listed, after the answer.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Drift {
    /// New rows come before all others.
    insert: u32,
    /// New rows come after all others.
    append: u32,
    /// The first rows end.
    delete: usize,
    /// The last rows get other names.
    rename: usize,
    /// The first vendors leave the list for that of the inactive ones.
    deactivate: usize,
    /// The first inactive vendors come back.
    reactivate: usize,
}

impl Hit<'_> {
    /// Moves the rows under a reader of pages.
    pub(crate) fn drift(&self, drift: Drift) {
        let (Some(route), Some(company)) = (self.route, self.company_id) else { return };
        let Endpoint::Read(read) = route.endpoint else { return };
        let kind = match read {
            Read::Projects | Read::CompanyProjects | Read::ProjectAssignments => RowKind::Project,
            Read::Insurances(_) | Read::Insurance(_) => return self.drift_insurances(company, drift),
            Read::Companies
            | Read::Me
            | Read::AppInstallations
            | Read::CompanyBaseUrl
            | Read::Vendors
            | Read::Vendor
            | Read::InactiveVendors
            | Read::VendorComments
            | Read::Project
            | Read::ProjectVendors
            | Read::InactiveProjectVendors
            | Read::ProjectVendor
            | Read::ProjectPeople
            | Read::ProjectRoles
            | Read::People
            | Read::Users
            | Read::InactiveUsers
            | Read::User => RowKind::Vendor,
        };
        self.drift_rows(company, kind, drift);
    }

    fn drift_rows(&self, company: u64, kind: RowKind, drift: Drift) {
        let at_s = self.shared.clock.now_s();
        for id in self.rows(company, |company| first(listed(company, kind), drift.delete)) {
            self.commit(Event::RowRemoved { company, kind, id, at_s });
        }
        for (count, early) in [(drift.insert, true), (drift.append, false)].into_iter().filter(|(count, _)| *count > 0) {
            self.commit(Event::RowsMadeUp { company, kind, count, early, at_s });
        }
        let change = |ids: Vec<u64>, fields: &Fields| {
            for id in ids {
                self.commit(Event::RowChanged { company, kind, id, fields: fields.clone(), at_s });
            }
        };
        for id in self.rows(company, |company| first(listed(company, kind).rev(), drift.rename)) {
            change(vec![id], &fields("name", json!(format!("Renamed {id} under way"))));
        }
        if kind == RowKind::Vendor {
            // Chosen before either is done, so that none of them does both.
            let back = self.rows(company, |company| first(vendors(company, VendorState::Inactive), drift.reactivate));
            let away = self.rows(company, |company| first(listed(company, kind), drift.deactivate));
            change(away, &fields("is_active", json!(false)));
            change(back, &fields("is_active", json!(true)));
        }
    }

    /// New insurances come last, as their ids do; only ended ones move the pages.
    fn drift_insurances(&self, company: u64, drift: Drift) {
        let at_ms = self.shared.clock.now_ms();
        let first = |total: usize| 0..drift.delete.min(total);
        let ids = self.rows(company, |company| {
            company.insurances.listed(Holder::Company, at_ms, first).1.iter().map(|row| row.id).collect()
        });
        self.commit(Event::InsurancesRemoved { company, ids, at_ms, listed_from_ms: None });
        let count = drift.insert + drift.append;
        if count > 0 {
            self.commit(Event::InsurancesMadeUp { company, count });
        }
    }

    fn rows(&self, company: u64, ids: impl FnOnce(&Company) -> Vec<u64>) -> Vec<u64> {
        read(&self.shared.world).company(company).map_or_else(Vec::new, ids)
    }
}

fn fields(name: &str, value: serde_json::Value) -> Fields {
    Fields::from([(name.to_owned(), value)])
}

fn first(ids: impl Iterator<Item = u64>, count: usize) -> Vec<u64> {
    ids.take(count).collect()
}

/// The rows that a list shows, in its order.
fn listed(company: &Company, kind: RowKind) -> Box<dyn DoubleEndedIterator<Item = u64> + '_> {
    if kind == RowKind::Project {
        let projects = company.projects_in_order(false).iter().map(|position| company.project(*position));
        Box::new(projects.filter(|project| project.active && project.permitted).map(|project| project.id))
    } else {
        Box::new(vendors(company, VendorState::Active))
    }
}

/// The vendors of a state but the company's own, in the order of their list.
fn vendors(company: &Company, state: VendorState) -> impl DoubleEndedIterator<Item = u64> {
    let vendors = company.vendors_in_order(false).iter().map(|position| company.vendor(*position));
    vendors.filter(move |vendor| !vendor.own && vendor.state == state).map(|vendor| vendor.id)
}
