//! Records of one list that are one firm, entered more than once: groups with the reason of their weakest link.

use crate::candidates::Workspace;
use crate::index::Index;
use crate::query::Query;
use crate::reason::{self, Reason};
use crate::record::{Prepared, Record};
use crate::score;
use crate::suggestion::{self, Band};
use std::collections::BTreeMap;

/// How many neighbours of a record are looked at.
const NEIGHBOURS: usize = 8;

/// Records that look like one.
#[derive(Clone, Debug, PartialEq)]
pub struct DuplicateGroup {
    /// Their ids, in order; two or more.
    pub ids: Vec<String>,
    /// How probable the weakest link is.
    pub probability: f32,
    /// What the weakest link rests on.
    pub reasons: Vec<Reason>,
}

/// The groups among `records`, all of which are in `index`, in the order of their first ids.
///
/// A link needs the evidence of a STRONG suggestion; competition does not count, because three of one firm are no rivals.
#[must_use]
pub fn duplicates(index: &Index, records: &[Record]) -> Vec<DuplicateGroup> {
    let mut groups = Groups::new(index.slots_used());
    let mut workspace = Workspace::default();
    for record in records {
        let Some(slot) = index.slot(&record.id) else { continue };
        let prepared = Prepared::of(record, index.subject);
        let query = Query::new(&prepared, &index.names, Some(slot));
        for mut scored in score::rank(index, &query, &mut workspace, NEIGHBOURS) {
            scored.probability = scored.alike();
            if suggestion::band(index, &query, &scored, 0) == Band::Strong {
                groups.link(slot, scored.slot, scored.probability, || reason::reasons(index, &query, record, &scored));
            }
        }
    }
    groups.finish(index, records)
}

/// Linked slots.
struct Groups {
    parents: Vec<u32>,
    links: Vec<(u32, f32, Vec<Reason>)>,
}

impl Groups {
    fn new(slots: usize) -> Self {
        Self { parents: (0..u32::try_from(slots).expect("fewer than four billion records")).collect(), links: Vec::new() }
    }

    fn root(&mut self, slot: u32) -> u32 {
        let mut at = slot;
        while self.parents[at as usize] != at {
            let above = self.parents[self.parents[at as usize] as usize];
            self.parents[at as usize] = above;
            at = above;
        }
        at
    }

    fn link(&mut self, left: u32, right: u32, probability: f32, reasons: impl FnOnce() -> Vec<Reason>) {
        let (one, other) = (self.root(left), self.root(right));
        if one != other {
            self.parents[one.max(other) as usize] = one.min(other);
            self.links.push((left, probability, reasons()));
        }
    }

    fn finish(mut self, index: &Index, records: &[Record]) -> Vec<DuplicateGroup> {
        let mut groups: BTreeMap<u32, DuplicateGroup> = BTreeMap::new();
        for (slot, probability, reasons) in std::mem::take(&mut self.links) {
            let root = self.root(slot);
            let group =
                groups.entry(root).or_insert_with(|| DuplicateGroup { ids: Vec::new(), probability: 2.0, reasons: Vec::new() });
            if probability < group.probability {
                group.probability = probability;
                group.reasons = reasons;
            }
        }
        for record in records {
            let root = index.slot(&record.id).map(|slot| self.root(slot));
            if let Some(group) = root.and_then(|root| groups.get_mut(&root)) {
                group.ids.push(record.id.clone());
            }
        }
        let mut groups: Vec<DuplicateGroup> = groups.into_values().collect();
        groups.iter_mut().for_each(|group| group.ids.sort());
        groups.sort_by(|one, other| one.ids.cmp(&other.ids));
        groups
    }
}
