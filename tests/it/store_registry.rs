//! The registry: creating, finding and reading parties and projects; on both databases.

use linkyard_core::Error;
use linkyard_core::directory::Address;
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{ComplianceProfileId, PartyId, PartyTypeId, ProjectId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::registry::{NewParty, NewProject};
use linkyard_store::RegistryFilter;
use linkyard_tests::build::{Side, create, keys, match_to, record, vendor};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground;

const VENDOR: Subject = Subject::Vendor;
const PROJECT: Subject = Subject::Project;

fn searching(text: &str) -> RegistryFilter {
    RegistryFilter { search: Some(text.to_owned()), ..RegistryFilter::default() }
}

async fn names(side: &Side, filter: &RegistryFilter) -> Vec<String> {
    let page = PageRequest { size: 100, after: None };
    let found = side.store.party_list(&side.scope, filter, &page).await.expect("a page");
    found.rows.into_iter().map(|party| party.name).collect()
}

#[tokio::test]
async fn parties_are_created_all_or_none() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let good = side.new_party("Acme").await;
        let wrong = [
            good.clone(),
            NewParty { name: " \0".to_owned(), ..good.clone() },
            NewParty { name: "x".repeat(1_001), party_type: PartyTypeId::generate(), ..good.clone() },
            NewParty { compliance_profile: ComplianceProfileId::generate(), ..good.clone() },
        ];
        let Err(Error::Invalid(violations)) = store.parties_create(&side.scope, &wrong, keys(VENDOR), None).await else {
            panic!("wrong parties were created")
        };
        let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
        let expected = ["parties[1].name", "parties[2].name", "parties[2].party_type", "parties[3].compliance_profile"];
        assert_eq!(fields, expected);
        let many = vec![good.clone(); 1_001];
        assert!(matches!(store.parties_create(&side.scope, &many, keys(VENDOR), None).await, Err(Error::Invalid(_))));
        assert!(matches!(store.parties_create(&side.scope, &[], keys(VENDOR), None).await, Err(Error::Invalid(_))));
        assert_eq!(side.parties().await, 0);

        let full = NewParty {
            name: "Б".repeat(1_000),
            address: Address { city: Some("Oakland".to_owned()), region: Some(" ".to_owned()), ..Address::default() },
            email: Some("a@b.example".to_owned()),
            ..good.clone()
        };
        let created = store.parties_create(&side.scope, &[full.clone(), good], keys(VENDOR), None).await.expect("created");
        assert_eq!((created[0].name.as_str(), created[1].name.as_str()), (full.name.as_str(), "Acme"));
        assert_eq!((created[0].address.city.as_deref(), created[0].address.region.as_deref()), (Some("Oakland"), None));
        assert_eq!((created[0].revision, created[0].marks.len(), created[0].project_count), (1, 0, 0));
        assert_eq!(store.party_get(&side.scope, created[0].id).await.expect("it").email.as_deref(), Some("a@b.example"));
    })
    .await;
}

#[tokio::test]
async fn the_same_creation_is_carried_out_once() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let new = [side.new_party("Acme").await, side.new_party("Bolt").await];
        let key = ground::request("create", 1);
        let first = store.parties_create(&side.scope, &new, keys(VENDOR), Some(&key)).await.expect("created");
        let second = store.parties_create(&side.scope, &new, keys(VENDOR), Some(&key)).await.expect("answered");
        let ids = |parties: &[linkyard_core::registry::Party]| parties.iter().map(|party| party.id).collect::<Vec<_>>();
        assert_eq!(ids(&first), ids(&second));
        let other = linkyard_store::RequestKey { body_sha256: [2; 32], ..key };
        let reused = store.parties_create(&side.scope, &new, keys(VENDOR), Some(&other)).await;
        assert!(matches!(reused, Err(Error::Conflict { reason: ConflictReason::RequestIdReused, .. })), "{reused:?}");
        assert_eq!(side.parties().await, 2);
        let key = ground::request("create projects", 1);
        let project = [NewProject { name: "Tower".to_owned(), number: None, address: Address::default() }];
        let first = store.projects_create(&side.scope, &project, keys(PROJECT), Some(&key)).await.expect("created");
        let second = store.projects_create(&side.scope, &project, keys(PROJECT), Some(&key)).await.expect("answered");
        assert_eq!(first[0].id, second[0].id);
    })
    .await;
}

#[tokio::test]
async fn a_person_may_create_what_looks_alike() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.party("Acme").await;
        side.party("ACME Inc.").await;
        assert_eq!(names(&side, &RegistryFilter::default()).await, ["Acme", "ACME Inc."]);
        drop(store);
    })
    .await;
}

#[tokio::test]
async fn a_list_is_filtered_and_read_in_pages() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::second(&store, &side.scope, 2).await;
        for name in ["Acme", "Ünal Bau", "Bolt 100%", "Crane"] {
            side.party(name).await;
        }
        side.walk(VENDOR, &[record(1, "Acme")]).await;
        let acme =
            store.party_list(&side.scope, &searching("acme"), &PageRequest { size: 1, after: None }).await.expect("a page");
        side.link(VENDOR, &[1], match_to(acme.rows[0].id)).await;
        assert_eq!(names(&side, &searching("ÜNAL")).await, ["Ünal Bau"]);
        assert_eq!(names(&side, &searching("100%")).await, ["Bolt 100%"]);
        let linked = |linked| RegistryFilter { linked: Some(linked), ..RegistryFilter::default() };
        assert_eq!(names(&side, &linked(true)).await, ["Acme"]);
        assert_eq!(names(&side, &linked(false)).await, ["Ünal Bau", "Bolt 100%", "Crane"]);
        let of = |provider| RegistryFilter { provider: Some(provider), ..RegistryFilter::default() };
        assert_eq!(names(&side, &of(side.provider)).await, ["Acme"]);
        assert!(names(&side, &of(other.provider)).await.is_empty());
        let both =
            RegistryFilter { search: Some("a".to_owned()), provider: Some(side.provider), linked: Some(true), suspected: false };
        assert_eq!(names(&side, &both).await, ["Acme"]);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { size: 3, after };
            let page = store.party_list(&side.scope, &RegistryFilter::default(), &request).await.expect("a page");
            seen.extend(page.rows.into_iter().map(|party| party.name));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["Acme", "Ünal Bau", "Bolt 100%", "Crane"]);
        let foreign = PageRequest { size: 3, after: Some("x".to_owned()) };
        assert!(matches!(store.party_list(&side.scope, &RegistryFilter::default(), &foreign).await, Err(Error::Invalid(_))));
    })
    .await;
}

#[tokio::test]
async fn marks_say_which_records_a_party_follows() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::second(&store, &side.scope, 2).await;
        let acme = side.party("Acme").await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10]), record(2, "Acme East")]).await;
        other.walk(VENDOR, &[record(1, "Acme")]).await;
        side.walk(PROJECT, &[record(10, "Tower")]).await;
        side.link(VENDOR, &[1, 2], match_to(acme)).await;
        other.link(VENDOR, &[1], match_to(acme)).await;
        side.link(PROJECT, &[10], create()).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10])]).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10])]).await;
        let party = store.party_get(&side.scope, acme).await.expect("the party");
        let mut marks: Vec<_> = party.marks.iter().map(|mark| (mark.provider, mark.record.0, mark.orphaned)).collect();
        marks.sort_unstable();
        let mut expected = vec![(side.provider, 1, false), (side.provider, 2, true), (other.provider, 1, false)];
        expected.sort_unstable();
        assert_eq!(marks, expected);
        assert_eq!(party.project_count, 1);

        let tower = side.project_of(10).await;
        let page = PageRequest { size: 10, after: None };
        let parties = store.project_parties(&side.scope, tower, &page).await.expect("a page").rows;
        assert_eq!(parties.iter().map(|party| (party.id, party.name.as_str())).collect::<Vec<_>>(), [(acme, "Acme")]);
        let projects = store.project_list(&side.scope, &RegistryFilter::default(), &page).await.expect("a page").rows;
        assert_eq!((projects.len(), projects[0].party_count, projects[0].marks.len()), (1, 1, 1));
    })
    .await;
}

#[tokio::test]
async fn a_named_choice_is_made_once() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let first = store.party_type_create(&side.scope, " Supplier ", None).await.expect("made");
        let second = store.party_type_create(&side.scope, "Supplier", None).await.expect("found");
        assert_eq!((first.id, first.name.as_str()), (second.id, "Supplier"));
        let types = store.party_types(&side.scope).await.expect("types");
        assert_eq!(types.iter().map(|named| named.name.as_str()).collect::<Vec<_>>(), ["Subcontractor", "Supplier"]);
        let profile = store.compliance_profile_create(&side.scope, "Strict", None).await.expect("made");
        assert!(store.compliance_profiles(&side.scope).await.expect("profiles").contains(&profile));
        assert!(matches!(store.party_type_create(&side.scope, "  ", None).await, Err(Error::Invalid(_))));
        assert!(matches!(store.compliance_profile_create(&side.scope, &"x".repeat(201), None).await, Err(Error::Invalid(_))));
    })
    .await;
}

#[tokio::test]
async fn another_tenants_registry_is_not_there() {
    each_database(async |store| {
        let (mine, theirs) = (Side::new(&store).await, Side::of(&store, "second", 2).await);
        let (party, project) = (theirs.party("Acme").await, theirs.project("Tower").await);
        let page = PageRequest { size: 10, after: None };
        let missing = |error: Option<Error>| assert!(matches!(error, Some(Error::NotFound { .. })), "{error:?}");
        missing(store.party_get(&mine.scope, party).await.err());
        missing(store.project_get(&mine.scope, project).await.err());
        missing(store.project_parties(&mine.scope, project, &page).await.err());
        missing(store.party_get(&mine.scope, PartyId::generate()).await.err());
        missing(store.project_get(&mine.scope, ProjectId::generate()).await.err());
        assert_eq!(mine.parties().await, 0);
        assert!(store.project_list(&mine.scope, &RegistryFilter::default(), &page).await.expect("a page").rows.is_empty());
        mine.walk(VENDOR, &[record(1, "Acme")]).await;
        mine.suggest(VENDOR).await;
        assert!(mine.mapping(VENDOR, 1).await.suggestions.is_empty());
        mine.link(VENDOR, &[1], create()).await;
        assert_eq!(mine.parties().await, 1, "what another tenant has looks like nothing here");
        let foreign = NewParty { party_type: theirs.new_party("x").await.party_type, ..mine.new_party("Foreign").await };
        assert!(matches!(store.parties_create(&mine.scope, &[foreign], keys(VENDOR), None).await, Err(Error::Invalid(_))));
    })
    .await;
}
