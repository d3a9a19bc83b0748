//! The index: the records that a vendor or project may be, kept ready for questions and updated one record at a time.
//!
//! It holds names (`names.rs`), the fields that find and weigh candidates, and how many records share each value. Changing one record touches
//! that record's words, letter groups and values only. Which records answer a question is decided in `candidates.rs`.

use crate::evidence::Frequencies;
use crate::name::Subject;
use crate::names::Names;
use crate::record::{Fields, Key, Prepared, Record};
use crate::weights::Rates;
use std::collections::HashMap;

/// A record in the index.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) id: Box<str>,
    /// Its names, the first one first.
    pub(crate) names: Box<[Called]>,
    pub(crate) fields: Fields,
}

/// A name that a record bears.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) node: u32,
    pub(crate) alias: bool,
    /// The name without what stands in its brackets, or without its town.
    pub(crate) bare: bool,
    pub(crate) legal: Box<str>,
}

/// The records of one list, ready to be suggested.
///
/// Memory: about 1,000 bytes for a record with a name, 1,200 with address and phone, and 1.2 MB for the empty tables. Inserting,
/// removing and updating a record costs tens of microseconds, whatever the size of the list.
#[derive(Clone, Debug)]
pub struct Index {
    pub(crate) subject: Subject,
    pub(crate) names: Names,
    pub(crate) rates: Rates,
    entries: Vec<Option<Entry>>,
    by_id: HashMap<Box<str>, u32>,
    free: Vec<u32>,
    sharing: HashMap<Key, Vec<u32>>,
}

impl Frequencies for Index {
    fn sharing(&self, key: Key) -> usize {
        self.sharing.get(&key).map_or(0, Vec::len)
    }

    fn namesakes(&self, key: Key, slot: u32) -> usize {
        let names = |slot: u32| self.entry(slot).names.iter().map(|called| &self.names.node(called.node).words);
        // Names of signs only have no words, and are not one name for that.
        let alike = |other: u32| names(other).any(|name| !name.is_empty() && names(slot).any(|own| own == name));
        self.sharing.get(&key).map_or(0, |slots| slots.iter().filter(|other| alike(**other)).count())
    }

    fn records(&self) -> usize {
        self.by_id.len()
    }
}

impl Index {
    /// An empty index of vendors or of projects.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            names: Names::default(),
            rates: Rates::default(),
            entries: Vec::new(),
            by_id: HashMap::new(),
            free: Vec::new(),
            sharing: HashMap::new(),
        }
    }

    /// How many records it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether it holds a record of that id.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Puts a record in, in place of the one with the same id if there is one.
    pub fn insert(&mut self, record: &Record) {
        self.remove(&record.id);
        let prepared = Prepared::of(record, self.subject);
        let slot = self.free.pop().unwrap_or_else(|| {
            self.entries.push(None);
            u32::try_from(self.entries.len() - 1).expect("fewer than four billion records")
        });
        for key in prepared.fields.keys() {
            self.sharing.entry(key).or_default().push(slot);
        }
        let mut names = Vec::with_capacity(prepared.forms.len());
        for form in &prepared.forms {
            let node = self.names.add(form);
            names.push(Called { node, alias: form.alias, bare: form.bare, legal: form.legal.as_str().into() });
        }
        let nodes: Vec<u32> = names.iter().map(|called| called.node).collect();
        self.by_id.insert(prepared.id.clone(), slot);
        self.entries[slot as usize] = Some(Entry { id: prepared.id, names: names.into(), fields: prepared.fields });
        for node in nodes {
            let at = self.place_in(node, slot);
            self.names.members_mut(node).insert(at, slot);
        }
    }

    /// Takes a record out; answers whether it was there.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(slot) = self.by_id.remove(id) else { return false };
        let entry = self.entries[slot as usize].take().expect("an id leads to an entry");
        for called in &entry.names {
            let members = self.names.members_mut(called.node);
            members.retain(|member| *member != slot);
            self.names.remove_unborne(called.node);
        }
        for key in entry.fields.keys() {
            let list = self.sharing.get_mut(&key).expect("every key of an entry is noted");
            let at = list.iter().position(|known| *known == slot).expect("every entry is noted under its keys");
            list.swap_remove(at);
            if list.is_empty() {
                self.sharing.remove(&key);
            }
        }
        self.free.push(slot);
        true
    }

    pub(crate) fn entry(&self, slot: u32) -> &Entry {
        self.entries[slot as usize].as_ref().expect("lists name living entries only")
    }

    pub(crate) fn slot(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// One more than the highest slot.
    pub(crate) fn slots_used(&self) -> usize {
        self.entries.len()
    }

    /// The records that share a value.
    pub(crate) fn sharing(&self, key: Key) -> &[u32] {
        self.sharing.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Where a record stands among those of one name: by id, so that the order does not depend on how the list came about.
    fn place_in(&self, node: u32, slot: u32) -> usize {
        let id = &self.entry(slot).id;
        self.names.node(node).members.partition_point(|member| self.entry(*member).id < *id)
    }
}
