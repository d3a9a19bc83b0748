//! What a mapping screen shows beside its list: rows by their ids, their last change, drafts and selections counted, and what projects
//! bring; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR, all, in_states, not_found, searching, violations};
use linkyard_core::id::RecordId;
use linkyard_core::mapping::MappingState;
use linkyard_store::Brought;
use linkyard_tests::build::{Side, create, leave_out, record, vendor};
use linkyard_tests::databases::each_database;
use std::collections::HashMap;

fn records(ids: &[i64]) -> Vec<RecordId> {
    ids.iter().copied().map(RecordId).collect()
}

#[tokio::test]
async fn a_project_says_how_many_linked_parties_it_brings() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(PROJECT, &[record(7, "Tower"), record(8, "Bridge"), record(9, "Empty")]).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[7, 8]), vendor(2, "Best", &[7]), vendor(3, "Crown", &[])]).await;
        let asked = records(&[7, 8, 9, 10]);
        let brought = async || store.mapping_brought(&side.scope, side.provider, &asked).await.expect("counts");
        let of = |vendors, linked| Brought { vendors, linked };
        assert_eq!(brought().await, HashMap::from([(RecordId(7), of(2, 0)), (RecordId(8), of(1, 0))]));
        side.link(VENDOR, &[1], create()).await;
        assert_eq!(brought().await, HashMap::from([(RecordId(7), of(2, 1)), (RecordId(8), of(1, 1))]));
        side.walk(VENDOR, &[vendor(1, "Acme", &[8]), vendor(2, "Best", &[7]), vendor(3, "Crown", &[])]).await;
        assert_eq!(brought().await[&RecordId(7)], of(1, 0), "who is named no longer is not counted");
        let other = Side::of(&store, "other", 43).await;
        assert!(store.mapping_brought(&other.scope, side.provider, &asked).await.expect("counts").is_empty());
    })
    .await;
}

#[tokio::test]
async fn rows_are_counted_as_a_list_would_select_them() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[record(1, "Acme"), record(2, "Acme Paving"), record(3, "Crown")]).await;
        let (scope, provider) = (&side.scope, side.provider);
        let drafts = async || store.mapping_drafts_count(scope, provider, VENDOR).await.expect("a count");
        let selected = async |filter| store.mapping_selected(scope, provider, VENDOR, &filter, None).await.expect("a count");
        assert_eq!((drafts().await, selected(all()).await, selected(searching("acme")).await), (0, 3, 2));
        for (most, counted) in [(1, 1), (2, 2), (3, 2)] {
            let found = store.mapping_selected(scope, provider, VENDOR, &searching("acme"), Some(most)).await;
            assert_eq!(found.expect("a count"), counted, "at most {most}");
        }
        let choices = [(RecordId(1), Some(create()), None), (RecordId(3), Some(leave_out()), None)];
        store.mapping_drafts_save(scope, provider, VENDOR, &choices, None).await.expect("saved");
        assert_eq!((drafts().await, selected(in_states(&[MappingState::Linked])).await), (2, 0));
        side.link(VENDOR, &[1], create()).await;
        assert_eq!((drafts().await, selected(in_states(&[MappingState::Linked])).await), (1, 1));
        let long = store.mapping_selected(scope, provider, VENDOR, &searching(&"x".repeat(1_001)), None).await;
        assert_eq!(violations(long), ["filter.search"]);
        let other = Side::of(&store, "other", 43).await;
        not_found(store.mapping_drafts_count(&other.scope, provider, VENDOR).await);
        not_found(store.mapping_selected(&other.scope, provider, VENDOR, &all(), None).await);
    })
    .await;
}

#[tokio::test]
async fn rows_are_read_by_their_ids_and_say_when_they_changed() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.party("Acme").await;
        side.walk(VENDOR, &[record(1, "Acme"), record(2, "Best"), record(-3, "Crown")]).await;
        side.suggest(VENDOR).await;
        let (scope, provider, asked) = (&side.scope, side.provider, records(&[2, -3, 1, 99]));
        let read = store.mapping_several(scope, provider, VENDOR, &asked).await.expect("rows");
        assert_eq!(read.iter().map(|row| row.record.0).collect::<Vec<_>>(), [-3, 1, 2], "in the order of their ids");
        assert!(read.iter().all(|row| row.details.is_some()) && !read[1].suggestions.is_empty(), "in full");
        let changed = async || store.mapping_changed_at(scope, provider, VENDOR, &asked).await.expect("times");
        let before = changed().await;
        assert_eq!(before.len(), 3);
        store.mapping_drafts_save(scope, provider, VENDOR, &[(RecordId(2), Some(create()), None)], None).await.expect("saved");
        let after = changed().await;
        assert!(after[&RecordId(2)] >= before[&RecordId(2)] && after[&RecordId(1)] == before[&RecordId(1)]);
        let other = Side::of(&store, "other", 43).await;
        not_found(store.mapping_several(&other.scope, provider, VENDOR, &asked).await);
        assert!(store.mapping_changed_at(&other.scope, provider, VENDOR, &asked).await.expect("times").is_empty());
    })
    .await;
}
