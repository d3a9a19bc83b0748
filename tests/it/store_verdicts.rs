//! What people made of suggestions: written with their decisions and counted per band; on both databases.

use crate::store_mapping_kit::{VENDOR, all, not_found};
use linkyard_core::id::RecordId;
use linkyard_core::plan::BulkAction;
use linkyard_core::suggestion::{Band, BandPrecision};
use linkyard_tests::build::{Side, create_anyway, decide, leave_out, match_to, record};
use linkyard_tests::databases::each_database;

/// Five vendors that are in the registry under the same name, and one that is not.
async fn side(store: &linkyard_store::Store) -> Side {
    let side = Side::new(store).await;
    let names = ["Quillfeather Paving", "Oyelaran Masonry", "Zubkov Elevator", "Halvorsen Tile", "Ximenes Roofing"];
    for name in names {
        side.party(name).await;
    }
    let mut page: Vec<_> = names.iter().zip(1..).map(|(name, id)| record(id, name)).collect();
    page.push(record(6, "Nobody Knows This One"));
    side.walk(VENDOR, &page).await;
    side.suggest(VENDOR).await;
    side
}

async fn strong(side: &Side) -> BandPrecision {
    let bands = side.store.band_precision(&side.scope, side.provider, VENDOR).await.expect("bands");
    assert_eq!(bands.iter().map(|one| one.band).collect::<Vec<_>>(), [Band::Strong, Band::Likely, Band::Weak]);
    bands[0]
}

#[tokio::test]
async fn precision_counts_what_people_decided_row_by_row() {
    each_database(async |store| {
        let side = side(&store).await;
        assert_eq!(strong(&side).await, BandPrecision { waiting: 5, ..BandPrecision::of(Band::Strong) });
        let suggested = async |id| side.mapping(VENDOR, id).await.suggestions[0].target;
        let (first, second, other) = (suggested(1).await, suggested(2).await, side.party("Another One").await);
        let take = |target| linkyard_core::mapping::Choice { target: Some(target), ..match_to(other) };
        side.confirm(VENDOR, &[decide(1, take(first)), decide(2, take(second))]).await.expect("taken");
        side.confirm(VENDOR, &[decide(3, match_to(other)), decide(4, leave_out()), decide(6, create_anyway())])
            .await
            .expect("not taken");
        let decided = strong(&side).await;
        assert_eq!((decided.waiting, decided.decided, decided.taken), (1, 4, 2));
        assert_eq!((decided.accepted_in_bulk, decided.taken_back), (0, 0));
    })
    .await;
}

#[tokio::test]
async fn accepting_a_band_is_no_judgement_until_a_link_is_taken_away() {
    each_database(async |store| {
        let side = side(&store).await;
        let action = BulkAction::AcceptSuggestions(Band::Strong);
        let plan = side.plan(VENDOR, &all(), action).await.expect("a plan").plan;
        let job = side.confirm_filter(VENDOR, &all(), action, &plan.token).await.expect("confirmed").job.expect("a job");
        side.run_link(VENDOR, job.id, 100).await;
        let accepted = strong(&side).await;
        assert_eq!((accepted.decided, accepted.accepted_in_bulk, accepted.taken_back), (0, 5, 0));
        store.mapping_unlink(&side.scope, side.provider, VENDOR, &[(RecordId(2), None)], None).await.expect("unlinked");
        let unlinked = strong(&side).await;
        assert_eq!((unlinked.accepted_in_bulk, unlinked.taken_back, unlinked.waiting), (5, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_taken_suggestion_whose_link_is_taken_away_counts_as_wrong() {
    each_database(async |store| {
        let side = side(&store).await;
        let target = side.mapping(VENDOR, 1).await.suggestions[0].target;
        let choice = linkyard_core::mapping::Choice { target: Some(target), ..match_to(side.party("Any").await) };
        side.link(VENDOR, &[1], choice).await;
        assert_eq!((strong(&side).await.decided, strong(&side).await.taken), (1, 1));
        store.mapping_unlink(&side.scope, side.provider, VENDOR, &[(RecordId(1), None)], None).await.expect("unlinked");
        assert_eq!((strong(&side).await.decided, strong(&side).await.taken), (1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_rule_says_nothing_about_suggestions_and_another_tenant_sees_nothing() {
    each_database(async |store| {
        let (mine, theirs) = (side(&store).await, Side::of(&store, "second", 2).await);
        let plan = mine.plan(VENDOR, &all(), BulkAction::DoNotAdd).await.expect("a plan").plan;
        mine.confirm_filter(VENDOR, &all(), BulkAction::DoNotAdd, &plan.token).await.expect("left out");
        assert_eq!(strong(&mine).await, BandPrecision::of(Band::Strong));
        not_found(store.band_precision(&theirs.scope, mine.provider, VENDOR).await);
    })
    .await;
}
