//! Vendors written by the API, and merges: the part of `change.rs` that is about vendors as clients see them change.

use crate::change::set_member;
use crate::directory::{Company, Phone};
use crate::error::{Error, Result};
use crate::event::{RowKind, VendorWrite};
use crate::insurance::Moment;

impl Company {
    /// Applies writes in order; answers with the id of each one's vendor. All ids and projects were checked before.
    pub(crate) fn write_vendors(&mut self, writes: &[VendorWrite], moment: Moment) -> Result<Vec<u64>> {
        let at_s = moment.at_ms.div_euclid(1_000);
        let mut ids = Vec::with_capacity(writes.len());
        for write in writes {
            let former = match write.id {
                Some(id) => Some(self.existing_vendor(id).ok_or_else(|| Error::Missing(format!("vendor {id}")))?),
                None => None,
            };
            if let (Some(position), Some(from_ms)) = (former, moment.listed_from_ms) {
                let old = self.vendor(position).clone();
                self.past_vendors.keep(position, Some(old), moment.at_ms, from_ms);
            }
            let id = match write.id {
                Some(id) if write.fields.is_empty() => id,
                Some(id) => self.change(RowKind::Vendor, id, &write.fields, at_s).map(|()| id)?,
                None => self.add(RowKind::Vendor, std::slice::from_ref(&write.fields), false, at_s)?[0],
            };
            let position = self.existing_vendor(id).ok_or_else(|| Error::Missing(format!("vendor {id}")))?;
            if former.is_none() {
                self.strip(position, write.fields.contains_key("parent_id"))?;
            }
            if let (None, Some(from_ms)) = (former, moment.listed_from_ms) {
                self.past_vendors.keep(position, None, moment.at_ms, from_ms);
            }
            for (project_id, joined) in [(write.joins, true), (write.leaves, false)] {
                if let Some(project) = project_id.and_then(|id| self.project_position(id)) {
                    set_member(&mut self.projects[project as usize].vendors, position, joined);
                    set_member(&mut self.vendors[position as usize].projects, project, joined);
                }
            }
            ids.push(id);
        }
        Ok(ids)
    }

    /// Takes from a new vendor what `build.rs` made up.
    fn strip(&mut self, position: u32, has_parent: bool) -> Result<()> {
        if !has_parent {
            self.replace_parent(position, None)?;
        }
        let vendor = &mut self.vendors[position as usize];
        (vendor.people, vendor.phone) = (0, Phone::Absent);
        Ok(())
    }

    /// Merges vendors into `master`: their ids are 404 from now on, their projects and branches are the master's, their
    /// insurances end.
    pub(crate) fn merge(&mut self, master: u64, sources: &[u64], at_s: i64) -> Result<()> {
        let existing = |id: u64| self.existing_vendor(id).ok_or_else(|| Error::Missing(format!("vendor {id}")));
        let into = existing(master)?;
        for source in sources {
            let position = existing(*source)?;
            if *source == master || self.vendor(position).own {
                return Err(Error::Invalid(format!("vendor {source} cannot be merged away")));
            }
        }
        for source in sources {
            // A source that is named twice is gone by now.
            let Some(position) = self.existing_vendor(*source) else { continue };
            for project in self.vendor(position).projects.clone() {
                set_member(&mut self.projects[project as usize].vendors, into, true);
                set_member(&mut self.vendors[into as usize].projects, project, true);
            }
            self.adopt_branches(position, into)?;
            self.remove(RowKind::Vendor, *source, at_s)?;
        }
        self.vendors[into as usize].updated_s = at_s;
        Ok(())
    }

    fn adopt_branches(&mut self, from: u32, into: u32) -> Result<()> {
        let branches = (0..self.vendors.len()).filter_map(|position| u32::try_from(position).ok());
        let branches: Vec<u32> = branches.filter(|position| self.vendor(*position).parent == Some(from)).collect();
        let new_parent = self.vendor(into).id;
        for branch in branches {
            // A branch has no branches, not even itself.
            let free = branch == into || self.vendor(into).parent.is_some();
            self.replace_parent(branch, (!free).then_some(new_parent))?;
        }
        Ok(())
    }

    /// Ends insurances whose vendor or project ended.
    pub(crate) fn end_insurances(&mut self, ids: &[u64], at_s: i64) {
        self.insurances.remove(ids, Moment { at_ms: at_s.saturating_mul(1_000), listed_from_ms: None });
    }
}
