//! People of a directory and the contacts that follow them, contacts that were typed in by hand, inactive vendors of a walk; on both
//! databases.

use crate::store_mapping_kit::{VENDOR, conflict, not_found, violations};
use linkyard_core::contact::{Contact, ContactChange, NewContact, Person};
use linkyard_core::directory::{Details, PrimaryContact, Record};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{ContactId, PartyId, RecordId};
use linkyard_core::job::JobKind;
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::provider::ContactsMode;
use linkyard_store::{PageStored, Totals, WalkSummary};
use linkyard_tests::build::{Side, create_anyway, firms, keys, mark, match_to, record};
use linkyard_tests::databases::{Sql, each_database, each_database_with_sql};
use linkyard_tests::ground;

fn person(id: i64, vendor: i64, name: &str) -> Person {
    Person {
        id: RecordId(id),
        vendor: Some(RecordId(vendor)),
        first_name: Some(name.to_owned()),
        last_name: Some("Smith".to_owned()),
        email: Some(format!("{}@firm.example", name.to_lowercase())),
        phone: None,
        job_title: Some("Foreman\0".to_owned()),
        active: true,
    }
}

/// A vendor that names this person as its primary contact.
fn led(id: i64, primary: i64, name: &str) -> Record {
    let (first_name, last_name) = (Some(name.to_owned()), Some("Smith".to_owned()));
    let primary = PrimaryContact { id: primary, first_name, last_name, ..PrimaryContact::default() };
    let details = Details { primary_contact: Some(primary), ..Details::default() };
    Record { details, ..record(id, &format!("Firm {id}")) }
}

async fn people(side: &Side, people: &[Person]) -> WalkSummary {
    people_that_are(side, people, people.len() as u64).await
}

async fn people_that_are(side: &Side, people: &[Person], total: u64) -> WalkSummary {
    let fence = side.fetch().await;
    side.store.person_walk_begin(&fence, side.provider).await.expect("begun");
    side.store.person_page_store(&fence, side.provider, people, &mark()).await.expect("stored");
    let summary = side.store.person_walk_finish(&fence, side.provider, Some(total), true, &mark()).await.expect("ended");
    side.finish(&fence).await;
    summary
}

/// Syncs contacts in chunks of `limit`; answers how many came to be or changed.
async fn sync_by(side: &Side, limit: u32) -> u64 {
    let fence = side.job(JobKind::SyncLinked).await;
    let (mut changed, mut after) = (0, None);
    loop {
        let (more, last) =
            side.store.contact_sync_chunk(&fence, side.provider, after, limit, changed).await.expect("a chunk of contacts");
        changed += more;
        if last.is_none() {
            break;
        }
        after = last;
    }
    side.finish(&fence).await;
    changed
}

async fn sync(side: &Side) -> u64 {
    sync_by(side, 1).await
}

async fn contacts(side: &Side, party: PartyId) -> Vec<Contact> {
    let page = PageRequest { size: 1_000, after: None };
    side.store.contact_list(&side.scope, party, &page).await.expect("contacts").rows
}

/// Names: `*` the primary one, `-` inactive.
async fn shown(side: &Side, party: PartyId) -> Vec<String> {
    let mark = |contact: &Contact| match (contact.primary, contact.active) {
        (true, _) => "*",
        (false, false) => "-",
        (false, true) => "",
    };
    let mut shown: Vec<String> =
        contacts(side, party).await.iter().map(|contact| format!("{}{}", mark(contact), contact.name)).collect();
    shown.sort();
    shown
}

async fn set_mode(sql: &Sql, mode: ContactsMode) {
    sql.execute(&format!("update provider set contacts_mode = '{}'", mode.as_str())).await;
}

/// Vendor 1 (Ann leads, Bob) and vendor 2 (Eve), each linked to a party of its own; Zoe is with vendor 3, which is not linked.
async fn firm(side: &Side) -> (PartyId, PartyId) {
    side.walk(VENDOR, &[led(1, 10, "Ann"), record(2, "Firm 2"), record(3, "Firm 3")]).await;
    people(side, &[person(10, 1, "Ann"), person(11, 1, "Bob"), person(12, 2, "Eve"), person(13, 3, "Zoe")]).await;
    side.link(VENDOR, &[1, 2], create_anyway()).await;
    (side.party_of(1).await, side.party_of(2).await)
}

#[tokio::test]
async fn a_link_brings_the_vendors_people_in_its_own_chunk() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (first, second) = firm(&side).await;
        assert_eq!(shown(&side, first).await, ["*Ann Smith", "Bob Smith"]);
        assert_eq!(shown(&side, second).await, ["Eve Smith"]);
        let ann = contacts(&side, first).await.remove(0);
        assert_eq!(ann.follows, Some((side.provider, RecordId(10))));
        assert_eq!(
            (ann.email.as_deref(), ann.job_title.as_deref(), ann.revision),
            (Some("ann@firm.example"), Some("Foreman"), 1)
        );
        assert_eq!(sync(&side).await, 0, "everything is in step");
        assert_eq!(contacts(&side, first).await.remove(0), ann);
    })
    .await;
}

#[tokio::test]
async fn people_stored_twice_change_nothing_and_only_changed_ones_are_rewritten() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let fence = side.fetch().await;
        store.person_walk_begin(&fence, side.provider).await.expect("begun");
        let mut page = vec![person(1, 1, "Ann"), person(2, 1, "Bob"), person(2, 1, "Bert")];
        let stored = async |page: &[Person]| store.person_page_store(&fence, side.provider, page, &mark()).await.expect("stored");
        assert_eq!(stored(&page).await, PageStored { inserted: 2, changed: 0, unchanged: 0 });
        assert_eq!(stored(&page).await, PageStored { inserted: 0, changed: 0, unchanged: 2 });
        page[0].phone = Some("1".to_owned());
        assert_eq!(stored(&page).await, PageStored { inserted: 0, changed: 1, unchanged: 1 });
        let ended = async || store.person_walk_finish(&fence, side.provider, Some(2), true, &mark()).await.expect("ended");
        let once = ended().await;
        assert_eq!((once.distinct_seen, once.complete), (2, true));
        assert_eq!(ended().await, once, "ending twice is ending once");
    })
    .await;
}

#[tokio::test]
async fn who_is_missing_from_two_complete_walks_becomes_inactive_and_not_before() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (first, _) = firm(&side).await;
        let left = [person(10, 1, "Ann"), person(12, 2, "Eve"), person(13, 3, "Zoe")];
        assert_eq!(people(&side, &left).await.gone, 0);
        assert_eq!((sync(&side).await, shown(&side, first).await), (0, vec!["*Ann Smith".into(), "Bob Smith".into()]));
        let torn = people_that_are(&side, &left, 4).await;
        assert_eq!((torn.complete, torn.gone), (false, 0), "a walk that does not agree takes nobody away");
        assert_eq!(people(&side, &left).await.gone, 1);
        assert_eq!((sync(&side).await, shown(&side, first).await), (1, vec!["*Ann Smith".into(), "-Bob Smith".into()]));
        let back = people(&side, &[left.to_vec(), vec![person(11, 1, "Bob")]].concat()).await;
        assert_eq!(back.back, 1);
        assert_eq!((sync(&side).await, shown(&side, first).await), (1, vec!["*Ann Smith".into(), "Bob Smith".into()]));
    })
    .await;
}

#[tokio::test]
async fn who_moved_to_another_linked_vendor_moves_and_who_moved_elsewhere_becomes_inactive() {
    each_database(async |store| {
        for chunk in [1, 500] {
            let side = Side::of(&store, "mover", i64::from(chunk) + 7).await;
            let (first, second) = firm(&side).await;
            let bob = contacts(&side, first).await[1].id;
            people(&side, &[person(10, 1, "Ann"), person(11, 2, "Bob"), person(12, 3, "Eve"), person(13, 3, "Zoe")]).await;
            assert!(sync_by(&side, chunk).await >= 2);
            assert_eq!(shown(&side, first).await, ["*Ann Smith"]);
            assert_eq!(shown(&side, second).await, ["-Eve Smith", "Bob Smith"]);
            assert!(contacts(&side, second).await.iter().any(|contact| contact.id == bob), "it is the same contact");
            assert_eq!(sync_by(&side, chunk).await, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn a_changed_mode_is_applied_by_the_next_sync_and_leaves_contacts_by_hand() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let (first, second) = firm(&side).await;
        let hal = NewContact { name: "Hal".to_owned(), email: None, phone: None, job_title: None, primary: true };
        store.contact_create(&side.scope, first, &hal, None).await.expect("a contact");
        store.contact_create(&side.scope, second, &hal, None).await.expect("a contact");
        assert_eq!(shown(&side, first).await, ["*Hal", "Ann Smith", "Bob Smith"]);
        set_mode(&sql, ContactsMode::SyncAllNoPrimary).await;
        assert_eq!((sync(&side).await, shown(&side, first).await[0].as_str()), (0, "*Hal"));
        set_mode(&sql, ContactsMode::PrimaryOnly).await;
        sync(&side).await;
        assert_eq!(shown(&side, first).await, ["*Ann Smith", "-Bob Smith", "Hal"]);
        assert_eq!(shown(&side, second).await, ["*Hal", "-Eve Smith"], "its vendor names no primary contact");
        set_mode(&sql, ContactsMode::None).await;
        people(&side, &[person(10, 1, "Anna"), person(11, 1, "Bob"), person(12, 2, "Eve"), person(13, 3, "Zoe")]).await;
        assert_eq!((sync(&side).await, shown(&side, first).await[0].as_str()), (0, "*Ann Smith"));
        set_mode(&sql, ContactsMode::SyncAllSetPrimary).await;
        sync(&side).await;
        assert_eq!(shown(&side, first).await, ["*Anna Smith", "Bob Smith", "Hal"]);
        assert_eq!(sync(&side).await, 0);
    })
    .await;
}

#[tokio::test]
async fn only_the_leading_of_two_links_to_one_party_feeds_its_primary_contact() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[led(1, 10, "Ann"), led(2, 12, "Eve")]).await;
        people(&side, &[person(10, 1, "Ann"), person(12, 2, "Eve")]).await;
        let party = side.party("Both").await;
        side.link(VENDOR, &[2], match_to(party)).await;
        side.link(VENDOR, &[1], match_to(party)).await;
        assert_eq!(shown(&side, party).await, ["*Eve Smith", "Ann Smith"]);
        let other = Side::second(&store, &side.scope, 2).await;
        other.walk(VENDOR, &[led(1, 10, "Moe")]).await;
        people(&other, &[person(10, 1, "Moe")]).await;
        other.link(VENDOR, &[1], match_to(party)).await;
        assert_eq!(shown(&side, party).await, ["*Eve Smith", "Ann Smith", "Moe Smith"], "the same number of another directory");
    })
    .await;
}

#[tokio::test]
async fn a_primary_contact_is_known_without_any_list_of_people() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        set_mode(&sql, ContactsMode::PrimaryOnly).await;
        side.walk(VENDOR, &[led(1, 10, "Ann"), record(2, "Firm 2")]).await;
        side.link(VENDOR, &[1, 2], create_anyway()).await;
        let party = side.party_of(1).await;
        assert_eq!(shown(&side, party).await, ["*Ann Smith"]);
        side.walk(VENDOR, &[led(1, 11, "Bob"), record(2, "Firm 2")]).await;
        assert_eq!(sync(&side).await, 2);
        assert_eq!(shown(&side, party).await, ["*Bob Smith", "-Ann Smith"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_foreign_or_late_worker_writes_about_people_is_refused() {
    each_database(async |store| {
        let (side, foreign) = (Side::new(&store).await, Side::of(&store, "second", 2).await);
        let fence = side.fetch().await;
        not_found(store.person_walk_begin(&fence, foreign.provider).await);
        not_found(store.person_page_store(&fence, foreign.provider, &[person(1, 1, "Ann")], &mark()).await);
        not_found(store.person_walk_finish(&fence, foreign.provider, None, true, &mark()).await);
        not_found(store.contact_sync_chunk(&fence, foreign.provider, None, 10, 0).await);
        not_found(store.inactive_vendors_store(&fence, foreign.provider, &[], &[], &mark()).await);
        let zombie = side.zombie(JobKind::FetchDirectory).await;
        let fenced = |error: Option<linkyard_core::Error>| assert!(error.is_some_and(|error| error.is_fenced()));
        fenced(store.person_walk_begin(&zombie, side.provider).await.err());
        fenced(store.person_page_store(&zombie, side.provider, &[], &mark()).await.err());
        fenced(store.person_walk_finish(&zombie, side.provider, None, true, &mark()).await.err());
        fenced(store.contact_sync_chunk(&zombie, side.provider, None, 10, 0).await.err());
        fenced(store.inactive_vendors_store(&zombie, side.provider, &[], &[], &mark()).await.err());
        let page = PageRequest { size: 10, after: None };
        let party = side.party("Acme").await;
        not_found(store.contact_list(&foreign.scope, party, &page).await);
        let new = NewContact { name: "Ann".to_owned(), email: None, phone: None, job_title: None, primary: false };
        not_found(store.contact_create(&foreign.scope, party, &new, None).await);
        let ann = store.contact_create(&side.scope, party, &new, None).await.expect("a contact").id;
        not_found(store.contact_update(&foreign.scope, party, ann, &ContactChange::default(), None, None).await);
        not_found(store.contact_delete(&foreign.scope, party, ann, None, None).await);
    })
    .await;
}

#[tokio::test]
async fn contacts_by_hand_are_changed_and_deleted_and_one_is_primary() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (party, other) = (side.party("Acme").await, side.party("Bolt").await);
        let new = |name: &str| NewContact {
            name: name.to_owned(),
            email: Some(" a@b.example ".to_owned()),
            phone: Some(" ".to_owned()),
            job_title: None,
            primary: true,
        };
        let key = ground::request("contact", 1);
        let ann = store.contact_create(&side.scope, party, &new(" Ann\0 "), Some(&key)).await.expect("a contact");
        assert_eq!((ann.name.as_str(), ann.email.as_deref(), ann.phone.as_deref()), ("Ann", Some("a@b.example"), None));
        assert_eq!(store.contact_create(&side.scope, party, &new(" Ann\0 "), Some(&key)).await.expect("the same"), ann);
        store.contact_create(&side.scope, party, &new("Bob"), None).await.expect("a contact");
        assert_eq!(shown(&side, party).await, ["*Bob", "Ann"]);
        assert_eq!(violations(store.contact_create(&side.scope, party, &new(" "), None).await), ["name"]);
        let long = ContactChange { email: Some("x".repeat(1_001)), name: Some(String::new()), ..ContactChange::default() };
        assert_eq!(violations(store.contact_update(&side.scope, party, ann.id, &long, None, None).await), ["name", "email"]);

        let change = ContactChange { email: Some(String::new()), primary: Some(true), ..ContactChange::default() };
        let update = async |expected| store.contact_update(&side.scope, party, ann.id, &change, expected, None).await;
        assert_eq!(conflict(update(Some(1)).await).0, ConflictReason::Version, "Bob took the mark from her");
        let changed = update(Some(2)).await.expect("changed");
        assert_eq!((changed.email.as_deref(), changed.primary, changed.revision), (None, true, 3));
        assert_eq!(update(None).await.expect("as it is").revision, 3, "a change that changes nothing");
        assert_eq!(shown(&side, party).await, ["*Ann", "Bob"]);
        not_found(store.contact_update(&side.scope, other, ann.id, &change, None, None).await);

        let key = ground::request("delete", 1);
        let delete = async |expected| store.contact_delete(&side.scope, party, ann.id, expected, Some(&key)).await;
        assert_eq!(conflict(delete(Some(1)).await).0, ConflictReason::Version);
        delete(Some(3)).await.expect("deleted");
        delete(Some(3)).await.expect("answered again");
        assert_eq!(shown(&side, party).await, ["Bob"]);
        not_found(store.contact_delete(&side.scope, party, ContactId::generate(), None, None).await);
    })
    .await;
}

#[tokio::test]
async fn a_contact_that_follows_is_changed_in_the_directory_only() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (first, _) = firm(&side).await;
        let bob = contacts(&side, first).await.into_iter().find(|contact| !contact.primary).expect("Bob");
        let rename = ContactChange { name: Some("Robert".to_owned()), ..ContactChange::default() };
        let (reason, message) = conflict(store.contact_update(&side.scope, first, bob.id, &rename, None, None).await);
        assert_eq!(reason, ConflictReason::State);
        assert!(message.contains("Procore"), "{message}");
        assert_eq!(conflict(store.contact_delete(&side.scope, first, bob.id, None, None).await).0, ConflictReason::State);
        let primary = ContactChange { primary: Some(true), ..ContactChange::default() };
        store.contact_update(&side.scope, first, bob.id, &primary, None, None).await.expect("whom to write to is ours");
        assert_eq!(shown(&side, first).await, ["*Bob Smith", "Ann Smith"]);
        people(&side, &[person(10, 1, "Ann"), person(11, 3, "Bob"), person(12, 2, "Eve"), person(13, 3, "Zoe")]).await;
        sync(&side).await;
        assert_eq!(shown(&side, first).await, ["*Ann Smith", "-Bob Smith"]);
        assert_eq!(
            conflict(store.contact_update(&side.scope, first, bob.id, &primary, None, None).await).0,
            ConflictReason::State,
            "who left is nobody to write to"
        );
    })
    .await;
}

/// A complete walk over `active` vendors and beside them `inactive` ones.
async fn walk_with_inactive(side: &Side, active: &[Record], inactive: &[Record], totals: Totals) -> WalkSummary {
    let fence = side.fetch().await;
    side.store.walk_begin(&fence, side.provider, VENDOR).await.expect("begun");
    side.page(&fence, VENDOR, active).await;
    let names: Vec<String> = inactive.iter().map(|record| keys(VENDOR)(&record.name)).collect();
    side.store.inactive_vendors_store(&fence, side.provider, inactive, &names, &mark()).await.expect("stored");
    let summary = side.store.walk_finish(&fence, side.provider, VENDOR, totals, true, &mark()).await.expect("ended");
    side.finish(&fence).await;
    summary
}

#[tokio::test]
async fn an_inactive_vendor_is_seen_and_marked_and_stays_linked() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let mut all = firms(3);
        side.walk(VENDOR, &all).await;
        side.link(VENDOR, &[3], create_anyway()).await;
        let mut off = all.split_off(2);
        off[0].active = false;
        let totals = Totals { main: Some(2), inactive: Some(1) };
        for _ in 0..3 {
            let walked = walk_with_inactive(&side, &all, &off, totals).await;
            assert_eq!((walked.complete, walked.distinct_seen, walked.inactive_seen, walked.gone), (true, 2, 1, 0));
        }
        let row = side.mapping(VENDOR, 3).await;
        assert_eq!((row.state, row.active, row.gone), (MappingState::Linked, false, false));
        off[0].active = true;
        let walked =
            walk_with_inactive(&side, &[all.clone(), off].concat(), &[], Totals { main: Some(3), inactive: Some(0) }).await;
        assert!(walked.complete && side.mapping(VENDOR, 3).await.active);
        assert_eq!(side.report(Subject::Vendor).await.gone, 0);
    })
    .await;
}

#[tokio::test]
async fn each_of_the_two_lists_of_vendors_must_agree_with_its_own_total() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (active, off) = (firms(2), vec![Record { active: false, ..record(3, "Firm 3") }]);
        let complete = async |main, inactive| walk_with_inactive(&side, &active, &off, Totals { main, inactive }).await.complete;
        assert!(complete(Some(2), Some(1)).await);
        assert!(!complete(Some(3), Some(1)).await, "the inactive one does not stand in for one of the main list");
        assert!(!complete(Some(2), Some(2)).await);
        assert_eq!(side.report(Subject::Vendor).await.gone, 0);
        assert!(complete(Some(2), Some(1)).await && side.walk(VENDOR, &active).await.complete);
        assert_eq!(side.walk(VENDOR, &active).await.gone, 1, "who is in neither list twice is gone");
        assert_eq!(walk_with_inactive(&side, &active, &off, Totals { main: Some(2), inactive: Some(1) }).await.back, 1);
    })
    .await;
}
