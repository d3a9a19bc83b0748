//! Which contacts of parties follow which people of a directory: the article's four modes as one pure function over a batch of parties.
//!
//! Nothing is deleted, and nothing is concluded from what is not said: a contact becomes inactive only when the directory shows that its
//! person left, or when the mode wants the primary contact only. A blank part never overwrites a known one.

use super::{Contact, NewContact, Person};
use crate::directory::PrimaryContact;
use crate::id::{PartyId, ProviderId, RecordId};
use crate::mapping::LONGEST_NAME_CHARACTERS;
use crate::provider::ContactsMode;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A vendor of the provider at hand that is linked to a party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedVendor {
    /// The directory's id.
    pub record: RecordId,
    /// Whether its link leads: of all links of a party, only that one feeds the primary contact.
    pub leading: bool,
    /// Whom the directory names as its primary contact.
    pub primary: Option<PrimaryContact>,
}

/// A party with its links to the provider at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// The party.
    pub party: PartyId,
    /// All vendors of the provider that are linked to it, in the order of their ids.
    pub vendors: Vec<LinkedVendor>,
}

impl Side {
    fn has(&self, vendor: RecordId) -> bool {
        self.vendors.iter().any(|linked| linked.record == vendor)
    }

    fn named_primary(&self) -> Option<&PrimaryContact> {
        self.vendors.iter().find(|vendor| vendor.leading)?.primary.as_ref().filter(|primary| primary.id > 0)
    }
}

/// A contact that comes to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Whose.
    pub party: PartyId,
    /// The person that it follows.
    pub record: RecordId,
    /// What it is made from.
    pub contact: NewContact,
}

/// What is to be done so that contacts follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Contacts that come to be, in the order of their records.
    pub created: Vec<Followed>,
    /// Contacts as they are to be (party, parts, primary, active), only those that differ; revisions and times are as they were.
    pub changed: Vec<Contact>,
}

/// Decides for `sides` in `mode`. `people` are those of their vendors and those that their contacts follow (a gone person is not active
/// here); `contacts` are all contacts of the parties, and those that follow one of the people or named primaries from any other party.
///
/// A person is one contact, at one party: that of its own vendor; else, where several vendors name the same primary, that of the party
/// that has it already; else that of the first.
#[must_use]
pub fn decide(
    mode: ContactsMode,
    provider: ProviderId,
    sides: &[Side],
    people: &HashMap<RecordId, Person>,
    contacts: &[Contact],
) -> Changes {
    let nobody = HashMap::new();
    let people = match mode {
        ContactsMode::None => return Changes::default(),
        // Nobody is fetched in this mode; what an earlier mode left is old.
        ContactsMode::PrimaryOnly => &nobody,
        ContactsMode::SyncAllSetPrimary | ContactsMode::SyncAllNoPrimary => people,
    };
    let holders = contacts.iter().filter_map(|contact| Some((followed(contact, provider)?, contact))).collect();
    let by_party = sides.iter().map(|side| (side.party, side)).collect();
    let batch = Batch { mode, provider, sides, by_party, people, holders };
    let wanted = batch.wanted();
    let has_primary: HashSet<PartyId> = wanted.values().filter(|want| want.primary).map(|want| want.party).collect();
    let changed = contacts.iter().filter_map(|contact| {
        let next = batch.next(contact, &wanted, &has_primary);
        (next != *contact).then_some(next)
    });
    let created = wanted.iter().filter(|(record, _)| !batch.holders.contains_key(record));
    let created = created.filter_map(|(record, want)| {
        let contact = want.shown.contact(want.primary)?;
        Some(Followed { party: want.party, record: *record, contact })
    });
    Changes { changed: changed.collect(), created: created.collect() }
}

/// The person of `provider` that `contact` follows.
fn followed(contact: &Contact, provider: ProviderId) -> Option<RecordId> {
    contact.follows.filter(|(of, _)| *of == provider).map(|(_, record)| record)
}

/// What the directory says of a person. Blank parts are `None`.
#[derive(Clone, Debug, Default)]
struct Shown {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    job_title: Option<String>,
}

fn known(part: Option<&str>) -> Option<String> {
    part.map(str::trim).filter(|part| !part.is_empty()).map(|part| clipped(part).to_owned())
}

fn clipped(text: &str) -> &str {
    match text.char_indices().nth(LONGEST_NAME_CHARACTERS) {
        Some((end, _)) => text[..end].trim_end(),
        None => text,
    }
}

fn full_name(first: Option<&str>, last: Option<&str>) -> Option<String> {
    let names: Vec<String> = [known(first), known(last)].into_iter().flatten().collect();
    known(Some(&names.join(" ")))
}

impl Shown {
    fn of_person(person: &Person) -> Self {
        Self {
            name: full_name(person.first_name.as_deref(), person.last_name.as_deref()),
            email: known(person.email.as_deref()),
            phone: known(person.phone.as_deref()),
            job_title: known(person.job_title.as_deref()),
        }
    }

    fn of_primary(primary: &PrimaryContact) -> Self {
        Self {
            name: full_name(primary.first_name.as_deref(), primary.last_name.as_deref()),
            email: known(primary.email.as_deref()),
            phone: known(primary.phone.as_deref()),
            job_title: None,
        }
    }

    /// These parts, and those of `other` where they are blank.
    fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            email: self.email.or(other.email),
            phone: self.phone.or(other.phone),
            job_title: self.job_title.or(other.job_title),
        }
    }

    /// A new contact; none when there is nothing to call it by.
    fn contact(&self, primary: bool) -> Option<NewContact> {
        let name = self.name.as_ref().or(self.email.as_ref()).or(self.phone.as_ref())?;
        Some(NewContact {
            name: name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            job_title: self.job_title.clone(),
            primary,
        })
    }

    fn lay_over(&self, contact: &mut Contact) {
        // Who was called by the mail address for want of a name goes on to be called by it.
        let by_mail = contact.email.as_ref() == Some(&contact.name);
        let name = self.name.as_ref().or_else(|| self.email.as_ref().filter(|_| by_mail));
        name.into_iter().for_each(|name| contact.name.clone_from(name));
        for (part, shown) in
            [(&mut contact.email, &self.email), (&mut contact.phone, &self.phone), (&mut contact.job_title, &self.job_title)]
        {
            if shown.is_some() {
                part.clone_from(shown);
            }
        }
    }
}

/// A person that is to be a contact.
struct Want {
    party: PartyId,
    shown: Shown,
    primary: bool,
}

struct Batch<'a> {
    mode: ContactsMode,
    provider: ProviderId,
    sides: &'a [Side],
    by_party: HashMap<PartyId, &'a Side>,
    people: &'a HashMap<RecordId, Person>,
    /// The contact that follows a person now, wherever it is.
    holders: HashMap<RecordId, &'a Contact>,
}

impl Batch<'_> {
    fn wanted(&self) -> BTreeMap<RecordId, Want> {
        let mut wanted = BTreeMap::new();
        let parties: HashMap<RecordId, PartyId> =
            self.sides.iter().flat_map(|side| side.vendors.iter().map(|vendor| (vendor.record, side.party))).collect();
        for person in self.people.values().filter(|person| person.active) {
            if let Some(party) = person.vendor.and_then(|vendor| parties.get(&vendor)) {
                wanted.insert(person.id, Want { party: *party, shown: Shown::of_person(person), primary: false });
            }
        }
        if self.mode != ContactsMode::SyncAllNoPrimary {
            self.sides.iter().for_each(|side| self.want_primary(side, &mut wanted));
        }
        // Whom there is nothing to call by is no new contact, and takes nobody's place as the primary one.
        wanted.retain(|record, want| self.holders.contains_key(record) || want.shown.contact(false).is_some());
        wanted
    }

    fn want_primary(&self, side: &Side, wanted: &mut BTreeMap<RecordId, Want>) {
        let Some(primary) = side.named_primary() else { return };
        let record = RecordId(primary.id);
        if self.people.get(&record).is_some_and(|person| has_left(person, side)) {
            return;
        }
        let shown = Shown::of_primary(primary);
        let shown = match wanted.get(&record) {
            Some(want) if want.party == side.party => want.shown.clone().or(shown),
            // Another party's vendor names the same person: whoever has the contact keeps it.
            Some(_) if self.holders.get(&record).is_none_or(|holder| holder.party != side.party) => return,
            Some(_) | None => shown,
        };
        wanted.insert(record, Want { party: side.party, shown, primary: true });
    }

    fn next(&self, contact: &Contact, wanted: &BTreeMap<RecordId, Want>, has_primary: &HashSet<PartyId>) -> Contact {
        let mut next = contact.clone();
        let want = followed(contact, self.provider).and_then(|record| wanted.get(&record));
        match want {
            Some(want) => {
                want.shown.lay_over(&mut next);
                next.primary = want.primary || (contact.primary && contact.party == want.party);
                (next.party, next.active) = (want.party, true);
            }
            None if self.is_over(contact, has_primary) => (next.active, next.primary) = (false, false),
            None => {}
        }
        if has_primary.contains(&next.party) && !want.is_some_and(|want| want.primary) {
            next.primary = false;
        }
        next
    }

    /// Whether a contact that nobody wants is to be inactive.
    fn is_over(&self, contact: &Contact, has_primary: &HashSet<PartyId>) -> bool {
        let Some(record) = followed(contact, self.provider) else { return false };
        let Some(side) = self.by_party.get(&contact.party) else { return false };
        match self.mode {
            ContactsMode::SyncAllSetPrimary | ContactsMode::SyncAllNoPrimary => {
                self.people.get(&record).is_some_and(|person| has_left(person, side))
            }
            // A vendor without a primary contact leaves the one that the party has.
            ContactsMode::PrimaryOnly => has_primary.contains(&contact.party) || !contact.primary,
            ContactsMode::None => false,
        }
    }
}

/// Whether the directory says that a person is no longer with the vendors of a party: gone or inactive, or with another vendor now.
fn has_left(person: &Person, side: &Side) -> bool {
    !person.active || person.vendor.is_some_and(|vendor| !side.has(vendor))
}

#[cfg(test)]
mod tests;
