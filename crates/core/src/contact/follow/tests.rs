//! The rules of following, mode by mode.

use super::*;
use crate::id::ContactId;
use ContactsMode::{None as Nothing, PrimaryOnly, SyncAllNoPrimary, SyncAllSetPrimary};

/// One provider and what it knows.
struct Ground {
    provider: ProviderId,
    sides: Vec<Side>,
    people: HashMap<RecordId, Person>,
    contacts: Vec<Contact>,
}

fn person(id: i64, vendor: i64, name: &str) -> Person {
    Person {
        id: RecordId(id),
        vendor: Some(RecordId(vendor)),
        first_name: Some(name.to_owned()),
        last_name: None,
        email: Some("office@firm.example".to_owned()),
        phone: None,
        job_title: None,
        active: true,
    }
}

fn primary(id: i64, name: &str) -> PrimaryContact {
    PrimaryContact { id, first_name: Some(name.to_owned()), ..PrimaryContact::default() }
}

impl Ground {
    fn new() -> Self {
        Self { provider: ProviderId::generate(), sides: Vec::new(), people: HashMap::new(), contacts: Vec::new() }
    }

    /// A party that is led by `vendor`.
    fn party(&mut self, vendor: i64, primary: Option<PrimaryContact>) -> PartyId {
        let party = PartyId::generate();
        self.sides.push(Side { party, vendors: vec![LinkedVendor { record: RecordId(vendor), leading: true, primary }] });
        party
    }

    fn person(&mut self, id: i64, vendor: i64, name: &str) -> &mut Person {
        self.people.entry(RecordId(id)).insert_entry(person(id, vendor, name)).into_mut()
    }

    fn by_hand(&mut self, party: PartyId, name: &str, primary: bool) {
        let contact = NewContact { name: name.to_owned(), email: None, phone: None, job_title: None, primary };
        self.contacts.push(made(party, &contact, None));
    }

    /// Decides and carries it out.
    fn follow(&mut self, mode: ContactsMode) {
        let changes = decide(mode, self.provider, &self.sides, &self.people, &self.contacts);
        for changed in changes.changed {
            let place = self.contacts.iter().position(|contact| contact.id == changed.id).expect("a contact that is there");
            self.contacts[place] = changed;
        }
        for followed in changes.created {
            self.contacts.push(made(followed.party, &followed.contact, Some((self.provider, followed.record))));
        }
        let again = decide(mode, self.provider, &self.sides, &self.people, &self.contacts);
        assert_eq!(again, Changes::default(), "once is enough");
        for side in &self.sides {
            let primaries = self.contacts.iter().filter(|contact| contact.party == side.party && contact.primary).count();
            assert!(primaries <= 1, "one primary contact at most");
        }
    }

    /// The contacts of a party: `*` the primary one, `-` inactive.
    fn shown(&self, party: PartyId) -> Vec<String> {
        let mark = |contact: &Contact| match (contact.primary, contact.active) {
            (true, _) => "*",
            (false, false) => "-",
            (false, true) => "",
        };
        let of_party = self.contacts.iter().filter(|contact| contact.party == party);
        let mut shown: Vec<String> = of_party.map(|contact| format!("{}{}", mark(contact), contact.name)).collect();
        shown.sort();
        shown
    }
}

fn made(party: PartyId, new: &NewContact, follows: Option<(ProviderId, RecordId)>) -> Contact {
    Contact {
        id: ContactId::generate(),
        party,
        name: new.name.clone(),
        email: new.email.clone(),
        phone: new.phone.clone(),
        job_title: new.job_title.clone(),
        primary: new.primary,
        active: true,
        follows,
        revision: 1,
        created_at_ms: 0,
        updated_at_ms: 0,
    }
}

/// A party of vendor 1 with Ann (10, the named primary contact) and Bob (11), and Hal typed in by hand as its primary contact.
fn firm() -> (Ground, PartyId) {
    let mut ground = Ground::new();
    let party = ground.party(1, Some(primary(10, "Ann")));
    ground.person(10, 1, "Ann");
    ground.person(11, 1, "Bob");
    ground.person(12, 2, "Eve");
    ground.by_hand(party, "Hal", true);
    (ground, party)
}

#[test]
fn each_mode_brings_what_it_says() {
    let expected: [(_, &[&str]); 4] = [
        (SyncAllSetPrimary, &["*Ann", "Bob", "Hal"]),
        (SyncAllNoPrimary, &["*Hal", "Ann", "Bob"]),
        (PrimaryOnly, &["*Ann", "Hal"]),
        (Nothing, &["*Hal"]),
    ];
    for (mode, contacts) in expected {
        let (mut ground, party) = firm();
        ground.follow(mode);
        assert_eq!(ground.shown(party), contacts, "{mode:?}");
    }
}

#[test]
fn a_changed_mode_is_applied_and_deletes_nothing() {
    let (mut ground, party) = firm();
    ground.follow(SyncAllSetPrimary);
    ground.follow(PrimaryOnly);
    assert_eq!(ground.shown(party), ["*Ann", "-Bob", "Hal"]);
    ground.follow(SyncAllNoPrimary);
    assert_eq!(ground.shown(party), ["*Ann", "Bob", "Hal"], "who is primary stays so");
    ground.people.clear();
    ground.person(11, 1, "Robert");
    ground.follow(Nothing);
    assert_eq!(ground.shown(party), ["*Ann", "Bob", "Hal"], "nobody follows any more");
}

#[test]
fn only_the_leading_link_feeds_the_primary_contact() {
    let mut ground = Ground::new();
    let party = ground.party(1, Some(primary(10, "Ann")));
    let second = LinkedVendor { record: RecordId(2), leading: false, primary: Some(primary(20, "Bea")) };
    ground.sides[0].vendors.push(second);
    ground.person(10, 1, "Ann");
    ground.person(20, 2, "Bea");
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*Ann", "Bea"]);
    ground.sides[0].vendors[0].leading = false;
    ground.sides[0].vendors[0].primary = Some(primary(20, "Bea"));
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*Ann", "Bea"], "no link of this provider leads: nothing is said of the primary contact");
}

#[test]
fn people_who_left_become_inactive_and_come_back() {
    let (mut ground, party) = firm();
    ground.follow(SyncAllSetPrimary);
    ground.person(11, 1, "Bob").active = false;
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*Ann", "-Bob", "Hal"]);
    ground.person(11, 1, "Bob");
    ground.person(10, 99, "Ann");
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["-Ann", "Bob", "Hal"], "with a vendor that is not linked, and nobody is primary for her");
}

#[test]
fn a_person_of_whom_nothing_is_said_any_more_stays() {
    let (mut ground, party) = firm();
    ground.follow(SyncAllSetPrimary);
    ground.people.clear();
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*Ann", "Bob", "Hal"]);
    ground.person(11, 1, "Bob").vendor = None;
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*Ann", "Bob", "Hal"], "a view that does not name the vendor is no evidence");
}

#[test]
fn a_person_who_moved_to_another_linked_vendor_moves() {
    let (mut ground, party) = firm();
    let other = ground.party(2, None);
    ground.follow(SyncAllSetPrimary);
    assert_eq!((ground.shown(party).len(), ground.shown(other)), (3, vec!["Eve".to_owned()]));
    ground.person(10, 2, "Ann");
    let before = ground.contacts.len();
    ground.follow(SyncAllSetPrimary);
    assert_eq!((ground.shown(party), ground.shown(other)), (vec!["Bob".into(), "Hal".into()], vec!["Ann".into(), "Eve".into()]));
    assert_eq!(ground.contacts.len(), before, "it is the same contact");
}

#[test]
fn a_vendor_without_a_primary_contact_leaves_the_one_that_is_there() {
    for mode in [SyncAllSetPrimary, PrimaryOnly] {
        let (mut ground, party) = firm();
        ground.follow(mode);
        ground.sides[0].vendors[0].primary = None;
        ground.follow(mode);
        assert_eq!(ground.shown(party)[0], "*Ann", "{mode:?}");
    }
}

#[test]
fn another_primary_contact_takes_the_place_of_the_first() {
    for (mode, ann) in [(SyncAllSetPrimary, "Ann"), (PrimaryOnly, "-Ann")] {
        let (mut ground, party) = firm();
        ground.follow(mode);
        ground.sides[0].vendors[0].primary = Some(primary(11, "Bob"));
        ground.follow(mode);
        let mut expected = vec!["*Bob", ann, "Hal"];
        expected.sort_unstable();
        assert_eq!(ground.shown(party), expected, "{mode:?}");
    }
}

#[test]
fn two_vendors_that_name_the_same_primary_contact_do_not_fight_over_it() {
    let mut ground = Ground::new();
    let first = ground.party(1, Some(primary(10, "Ann")));
    let second = ground.party(2, Some(primary(10, "Ann")));
    ground.follow(PrimaryOnly);
    assert_eq!((ground.shown(first), ground.shown(second).len()), (vec!["*Ann".to_owned()], 0));
    ground.sides.reverse();
    ground.follow(PrimaryOnly);
    assert_eq!(ground.shown(first), ["*Ann"], "who has it keeps it");
    ground.sides[1].vendors[0].primary = Some(primary(11, "Bob"));
    ground.follow(PrimaryOnly);
    assert_eq!((ground.shown(first), ground.shown(second)), (vec!["*Bob".to_owned()], vec!["*Ann".to_owned()]));
}

#[test]
fn a_blank_part_never_overwrites() {
    let (mut ground, party) = firm();
    let bob = ground.person(11, 1, "Bob");
    (bob.phone, bob.job_title) = (Some("1".to_owned()), Some("Foreman".to_owned()));
    ground.follow(SyncAllSetPrimary);
    let bob = ground.person(11, 1, " ");
    (bob.email, bob.phone, bob.job_title) = (Some(String::new()), Some("2".to_owned()), None);
    ground.follow(SyncAllSetPrimary);
    let bob = ground.contacts.iter().find(|contact| contact.party == party && contact.name == "Bob").expect("Bob");
    assert_eq!(
        (bob.email.as_deref(), bob.phone.as_deref(), bob.job_title.as_deref()),
        (Some("office@firm.example"), Some("2"), Some("Foreman"))
    );
}

#[test]
fn a_contact_without_mail_is_kept_and_one_mail_at_two_vendors_is_two_contacts() {
    let (mut ground, party) = firm();
    let other = ground.party(2, None);
    ground.person(11, 1, "Bob").email = None;
    ground.follow(SyncAllNoPrimary);
    assert_eq!((ground.shown(party), ground.shown(other)), (vec!["*Hal".into(), "Ann".into(), "Bob".into()], vec!["Eve".into()]));
    let same = ground.contacts.iter().filter(|contact| contact.email.as_deref() == Some("office@firm.example")).count();
    assert_eq!(same, 2, "Ann and Eve");
}

#[test]
fn whom_there_is_nothing_to_call_by_is_no_contact_and_takes_nobodys_place() {
    let (mut ground, party) = firm();
    let ann = ground.person(10, 1, "");
    ann.email = Some("ann@firm.example".to_owned());
    ground.sides[0].vendors[0].primary = Some(PrimaryContact { id: 10, ..PrimaryContact::default() });
    ground.person(11, 1, " ").email = None;
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*ann@firm.example", "Hal"]);
    ground.person(10, 1, "").email = Some("a@firm.example".to_owned());
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*a@firm.example", "Hal"]);
    let (mut ground, party) = firm();
    ground.people.clear();
    ground.sides[0].vendors[0].primary = Some(PrimaryContact { id: 10, ..PrimaryContact::default() });
    ground.follow(SyncAllSetPrimary);
    assert_eq!(ground.shown(party), ["*Hal"]);
}

#[test]
fn contacts_of_other_providers_are_not_touched_but_for_the_primary_one() {
    let (mut ground, party) = firm();
    let contact = NewContact { name: "Zoe".to_owned(), email: None, phone: None, job_title: None, primary: false };
    ground.contacts.push(made(party, &contact, Some((ProviderId::generate(), RecordId(11)))));
    ground.follow(PrimaryOnly);
    assert_eq!(ground.shown(party), ["*Ann", "Hal", "Zoe"]);
}
