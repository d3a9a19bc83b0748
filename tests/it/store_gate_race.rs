//! Everybody at once: directories that spell one firm in eight ways and change meanwhile, automatic adding switched on at the start, and
//! people who create parties of the same names; on both databases.

use crate::store_gate::{SPELLED, calling, firm};
use crate::store_mapping_kit::VENDOR;
use linkyard_core::Error;
use linkyard_core::job::JobKind;
use linkyard_core::mapping::MappingState;
use linkyard_core::page::PageRequest;
use linkyard_core::provider::ProviderChange;
use linkyard_core::registry::NewParty;
use linkyard_store::{Creating, ProviderUpdate, RegistryFilter, Store};
use linkyard_tests::build::{Side, gate, keys};
use linkyard_tests::databases::each_database_with_sql;
use std::sync::Arc;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Another firm in eight spellings: what the directories learn of later.
const LATER: [&str; 8] = [
    "Zimmerli Glass Works",
    "ZIMMERLI GLASS WORKS INC",
    "Zimmerly Glass Works",
    "Zimmerli Glassworks",
    "Zimmerli Glass Wroks",
    "The Zimmerli Glass Works",
    "zimmerli glass works, llc.",
    "Works Zimmerli Glass",
];

/// One directory from its fetch to its links, as its jobs do it.
async fn fetched(side: &Side, records: &[linkyard_core::directory::Record]) {
    side.walk(VENDOR, records).await;
    side.suggest(VENDOR).await;
    let fence = side.job(JobKind::Suggest).await;
    let added = side.store.mapping_add_automatically(&fence, side.provider, VENDOR).await.expect("added");
    side.finish(&fence).await;
    if let Some((job, _)) = added {
        side.run_link(VENDOR, job, 2).await;
    }
}

/// A tenant with sixty parties, and eight of its providers, which add what is new by themselves.
async fn market_and_directories(store: &Store) -> (Side, Vec<Side>) {
    let first = Side::new(store).await;
    let mut market = Vec::new();
    for number in 0..60 {
        let (name, phone) = firm(number);
        market.push(NewParty { phone: Some(phone), ..first.new_party(&name).await });
    }
    store.parties_create(&first.scope, &market, keys(VENDOR), None).await.expect("a market");
    let mut sides = Vec::new();
    for company in 2..10 {
        let side = Side::second(store, &first.scope, company).await;
        let change = ProviderChange { auto_add_parties: Some(true), ..ProviderChange::default() };
        let on = ProviderUpdate { change, ..ProviderUpdate::default() };
        store.provider_update(&side.scope, side.provider, &on, None).await.expect("switched on");
        sides.push(side);
    }
    (first, sides)
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_directories_that_change_and_people_make_one_party_of_each_firm() {
    each_database_with_sql(async |store, sql| {
        let (first, sides) = market_and_directories(&store).await;
        // What is first seen in the same millisecond was not seen after it.
        sql.execute("update provider set auto_add_parties_since_ms = auto_add_parties_since_ms - 1").await;

        let start = Arc::new(Barrier::new(16));
        let mut running = JoinSet::new();
        for (at, side) in sides.iter().cloned().enumerate() {
            let start = start.clone();
            running.spawn(async move {
                let own = calling(2, &firm(700 + at).0, "");
                start.wait().await;
                fetched(&side, &[calling(1, SPELLED[at], "312 555 0142"), own.clone()]).await;
                // The directory spells it otherwise now, and has another firm.
                let renamed = calling(1, SPELLED[(at + 1) % 8], "312 555 0142");
                fetched(&side, &[renamed, own, calling(3, LATER[at], "312 555 0177")]).await;
                0
            });
        }
        for (at, spelling) in SPELLED.into_iter().enumerate() {
            let (start, side) = (start.clone(), first.clone());
            running.spawn(async move {
                let creating = Creating::unless_alike(keys(VENDOR), gate(VENDOR));
                let named =
                    async |name: &str, phone: &str| NewParty { phone: Some(phone.to_owned()), ..side.new_party(name).await };
                let new = [named(spelling, "312 555 0142").await, named(LATER[at], "312 555 0177").await];
                start.wait().await;
                let mut made = 0;
                for one in new {
                    match side.store.parties_create(&side.scope, &[one], creating.clone(), None).await {
                        Ok(_) => made += 1,
                        Err(Error::AlreadyExists { message, .. }) => assert!(message.contains("is like"), "{message}"),
                        Err(error) => panic!("{error}"),
                    }
                }
                made
            });
        }
        let mut by_people = 0;
        while let Some(done) = running.join_next().await {
            by_people += done.expect("no panic");
        }
        let page = PageRequest { size: 1_000, after: None };
        let parties = store.party_list(&first.scope, &RegistryFilter::default(), &page).await.expect("parties").rows;
        let of = |phone: &str| parties.iter().filter(|party| party.phone.as_deref() == Some(phone)).count();
        assert_eq!((of("312 555 0142"), of("312 555 0177")), (1, 1), "one party of each firm");
        assert_eq!(parties.len(), 60 + 8 + 2, "and everybody's own");
        let mut linked = 0;
        for side in &sides {
            assert_eq!(side.mapping(VENDOR, 2).await.state, MappingState::Linked);
            for record in [1, 3] {
                let state = side.mapping(VENDOR, record).await.state;
                linked += usize::from(state == MappingState::Linked);
                assert!(matches!(state, MappingState::Linked | MappingState::Held | MappingState::Suggested), "{state:?}");
            }
        }
        assert_eq!(linked + by_people, 2, "who was first has it, everybody else waits for a person");
    })
    .await;
}
