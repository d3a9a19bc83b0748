//! Ids as Procore's newer zones give them: beyond 32 bits, ascending, with gaps, never shared by two companies.
//!
//! A row's id follows from its position, so no map from id to row is needed. The exception are *early* rows: inserted
//! later with an id below all others, so that they land on a first page that somebody has already read.

use std::collections::HashMap;

use crate::generate::mix;

/// Lowest id of the first company.
const FIRST: u64 = 598_134_325_000_000;
/// Ids of one company.
const PER_COMPANY: u64 = 2_000_000_000;
/// Every vendor or project owns this many ids and uses one.
const STEP: u64 = 7;
/// Every vendor owns this many person ids.
const PEOPLE_PER_VENDOR: u64 = 16;

/// Most people that a vendor can have.
pub(crate) const MOST_PEOPLE: u8 = 15;
/// Most rows of one kind in one company.
pub(crate) const MOST_ROWS: usize = 30_000_000;

/// The ids of one kind of row in one company.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    base: u64,
    early: HashMap<u64, u32>,
}

impl Ids {
    /// Vendors of the company created as number `ordinal`.
    pub(crate) fn vendors(ordinal: u32) -> Self {
        Self { base: region(ordinal) + 1_000_000, early: HashMap::new() }
    }

    /// Projects of the company created as number `ordinal`.
    pub(crate) fn projects(ordinal: u32) -> Self {
        Self { base: region(ordinal) + 401_000_000, early: HashMap::new() }
    }

    /// Insurances of the company created as number `ordinal`.
    pub(crate) fn insurances(ordinal: u32) -> Self {
        Self { base: region(ordinal) + 1_500_000_000, early: HashMap::new() }
    }

    /// The id of the row at `position`.
    pub(crate) fn at(&self, position: u32) -> u64 {
        self.base + u64::from(position) * STEP + mix(self.base ^ u64::from(position)) % STEP
    }

    /// An id below all others for the row at `position`.
    pub(crate) fn early(&mut self, position: u32) -> u64 {
        let id = self.base - 1 - self.early.len() as u64;
        self.early.insert(id, position);
        id
    }

    /// Where the row of this id would be; the caller compares the row's own id.
    pub(crate) fn position(&self, id: u64) -> Option<u32> {
        self.early.get(&id).copied().or_else(|| u32::try_from(id.checked_sub(self.base)? / STEP).ok())
    }
}

fn region(ordinal: u32) -> u64 {
    FIRST + u64::from(ordinal) * PER_COMPANY
}

/// The id of a vendor's person, and back.
pub(crate) fn person(ordinal: u32, vendor: u32, number: u8) -> u64 {
    region(ordinal) + 500_000_000 + u64::from(vendor) * PEOPLE_PER_VENDOR + u64::from(number)
}

/// Which vendor and which of its people an id names.
pub(crate) fn person_position(ordinal: u32, id: u64) -> Option<(u32, u8)> {
    let offset = id.checked_sub(region(ordinal) + 500_000_000)?;
    let vendor = u32::try_from(offset / PEOPLE_PER_VENDOR).ok()?;
    u8::try_from(offset % PEOPLE_PER_VENDOR).ok().map(|number| (vendor, number))
}

/// The user id of a person who can log in. Contacts and users are numbered apart.
pub(crate) fn user(ordinal: u32, vendor: u32, number: u8) -> u64 {
    person(ordinal, vendor, number) + 500_000_000
}

/// The service user that the app installs, the same person in every company.
pub(crate) fn service_user() -> u64 {
    FIRST - 1_000
}

/// The id of a trade in the company's list.
pub(crate) fn trade(ordinal: u32, number: usize) -> u64 {
    region(ordinal) + 1_900_000_000 + number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_lead_back_to_their_rows() {
        let mut ids = Ids::vendors(3);
        for position in 0..1_000 {
            assert_eq!(ids.position(ids.at(position)), Some(position));
            assert!(ids.at(position) < ids.at(position + 1));
        }
        let early = ids.early(1_000);
        assert_eq!((ids.position(early), early < ids.at(0)), (Some(1_000), true));
        assert_eq!(person_position(3, person(3, 77, 4)), Some((77, 4)));
    }
}
