//! The directory as fetched: pages, walks, what is missing and what is gone, associations; on both databases.

use linkyard_core::Error;
use linkyard_core::directory::{Address, Exclusion, Record};
use linkyard_core::id::RecordId;
use linkyard_core::job::JobKind;
use linkyard_core::mapping::{MappingFilter, MappingState, Subject};
use linkyard_core::report::Buckets;
use linkyard_store::PageStored;
use linkyard_tests::build::{Side, create, decide, firms, gate, leave_out, mark, match_to, record, vendor};
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground;

const VENDOR: Subject = Subject::Vendor;
const PROJECT: Subject = Subject::Project;

fn excluded(id: i64, name: &str) -> Record {
    Record { exclusion: Some(Exclusion::Template), ..record(id, name) }
}

#[tokio::test]
async fn a_page_stored_twice_changes_nothing() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let fence = side.fetch().await;
        store.walk_begin(&fence, side.provider, VENDOR).await.expect("begun");
        let page = [vendor(1, "Acme", &[7, 8]), vendor(2, "Bolt", &[]), record(3, "")];
        let first = side.page(&fence, VENDOR, &page).await;
        assert_eq!(first, PageStored { inserted: 3, changed: 0, unchanged: 0 });
        let before: Vec<i64> = side.mappings(VENDOR, &MappingFilter::default()).await.iter().map(|row| row.revision).collect();
        let second = side.page(&fence, VENDOR, &page).await;
        assert_eq!(second, PageStored { inserted: 0, changed: 0, unchanged: 3 });
        let after: Vec<i64> = side.mappings(VENDOR, &MappingFilter::default()).await.iter().map(|row| row.revision).collect();
        assert_eq!(before, after);
        let ended = store.walk_finish(&fence, side.provider, VENDOR, Some(3), true, &mark()).await.expect("ended");
        assert_eq!((ended.distinct_seen, ended.complete, ended.gone), (3, true, 0));
    })
    .await;
}

#[tokio::test]
async fn only_changed_records_are_rewritten() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let mut page = firms(5);
        side.walk(VENDOR, &page).await;
        sql.execute("update directory_record set changed_at_ms = 1").await;
        page[3].address.city = Some("Oakland".to_owned());
        page.push(record(6, "Firm 6"));
        let fence = side.fetch().await;
        let stored = side.page(&fence, VENDOR, &page).await;
        assert_eq!(stored, PageStored { inserted: 1, changed: 1, unchanged: 4 });
        assert_eq!(sql.number("select count(*) from directory_record where changed_at_ms = 1").await, 4);
        assert_eq!(side.mapping(VENDOR, 4).await.address.city.as_deref(), Some("Oakland"));
    })
    .await;
}

#[tokio::test]
async fn a_record_twice_in_a_page_counts_once_and_the_last_wins() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let summary = side.walk_that_says(VENDOR, &[record(1, "Old"), record(2, "Two"), record(1, "New")], Some(2)).await;
        assert_eq!((summary.distinct_seen, summary.complete), (2, true));
        assert_eq!(side.mapping(VENDOR, 1).await.name, "New");
    })
    .await;
}

#[tokio::test]
async fn the_order_of_a_vendors_projects_means_nothing() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[1, 2, 3])]).await;
        let fence = side.fetch().await;
        let stored = side.page(&fence, VENDOR, &[vendor(1, "Acme", &[3, 1, 2, 1])]).await;
        assert_eq!(stored.unchanged, 1);
    })
    .await;
}

#[tokio::test]
async fn names_of_every_kind_are_kept_as_they_are() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let long = "Ж".repeat(5_000);
        let names = ["", "   ", "שלום בנייה", "Cafe\u{301}", "a'b\"c\\d%_", "🏗 \u{202e}builders", long.as_str()];
        let page: Vec<Record> = names.iter().zip(1..).map(|(name, id)| record(id, name)).collect();
        side.walk(VENDOR, &page).await;
        for (name, id) in names.iter().zip(1..) {
            assert_eq!(side.mapping(VENDOR, id).await.name, **name);
        }
        let again = side.fetch().await;
        assert_eq!(side.page(&again, VENDOR, &page).await.unchanged, names.len() as u64);
    })
    .await;
}

#[tokio::test]
async fn an_endless_name_is_cut_and_still_too_long() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[record(1, &"x".repeat(5_000_000))]).await;
        let kept = side.mapping(VENDOR, 1).await.name;
        assert!(kept.len() > 1_000 && kept.len() < 100_000, "{}", kept.len());
    })
    .await;
}

#[tokio::test]
async fn characters_that_a_database_refuses_are_taken_out() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let mut page = vec![record(1, "Ac\0me"), record(2, "\\u0000 and \\ud800 as text")];
        page[0].address.street = Some("1\0 Main".to_owned());
        page[0].details.email = Some("a\0@b".to_owned());
        side.walk(VENDOR, &page).await;
        let stored = side.mapping(VENDOR, 1).await;
        assert_eq!(stored.name, "Acme");
        assert_eq!(stored.address.street.as_deref(), Some("1 Main"));
        assert_eq!(stored.details.expect("full").email.as_deref(), Some("a@b"));
        assert_eq!(side.mapping(VENDOR, 2).await.name, "\\u0000 and \\ud800 as text");
        let again = side.fetch().await;
        assert_eq!(side.page(&again, VENDOR, &page).await.unchanged, 2);
    })
    .await;
}

#[tokio::test]
async fn an_excluded_record_has_no_mapping_until_it_is_not_excluded_any_more() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(PROJECT, &[excluded(1, "Template"), record(2, "Tower")]).await;
        let rows = side.mappings(PROJECT, &MappingFilter::default()).await;
        assert_eq!(rows.iter().map(|row| row.record.0).collect::<Vec<_>>(), [2]);
        let report = side.report(PROJECT).await;
        assert_eq!((report.excluded, report.fetched, report.unmapped), (1, 1, 1));
        let missing = store.mapping_get(&side.scope, side.provider, PROJECT, RecordId(1)).await;
        assert!(matches!(missing, Err(Error::NotFound { .. })));

        side.walk(PROJECT, &[record(1, "Template"), record(2, "Tower")]).await;
        assert_eq!(side.mapping(PROJECT, 1).await.state, MappingState::Unmapped);
        assert_eq!(side.report(PROJECT).await.excluded, 0);
    })
    .await;
}

#[tokio::test]
async fn what_becomes_excluded_is_hidden_unless_it_was_decided() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(PROJECT, &[record(1, "One"), record(2, "Two"), record(3, "Three")]).await;
        side.link(PROJECT, &[2], create()).await;
        side.confirm(PROJECT, &[decide(3, leave_out())]).await.expect("left out");
        side.walk(PROJECT, &[excluded(1, "One"), excluded(2, "Two"), excluded(3, "Three")]).await;
        let rows = side.mappings(PROJECT, &MappingFilter::default()).await;
        let states: Vec<(i64, MappingState)> = rows.iter().map(|row| (row.record.0, row.state)).collect();
        assert_eq!(states, [(2, MappingState::Linked), (3, MappingState::Ignored)]);
        assert_eq!(rows[0].exclusion, Some(Exclusion::Template));
        let report = side.report(PROJECT).await;
        assert_eq!((report.excluded, report.created, report.ignored, report.fetched), (1, 1, 1, 2));
        assert!(report.adds_up());
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_lost_its_job_writes_nothing() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(3)).await;
        let job = side.confirm(VENDOR, &[decide(1, create())]).await.expect("confirmed").job.expect("a job");
        let mut link = ground::claim(&store, job.id).await.fence;
        link.epoch -= 1;
        let zombie = side.zombie(JobKind::FetchDirectory).await;
        let fenced = |error: Option<Error>| assert!(error.is_some_and(|error| error.is_fenced()));
        fenced(side.try_page(&zombie, VENDOR, &[record(9, "Late")]).await.err());
        fenced(store.walk_begin(&zombie, side.provider, VENDOR).await.err());
        fenced(store.walk_finish(&zombie, side.provider, VENDOR, None, true, &mark()).await.err());
        fenced(store.mapping_link_chunk(&link, side.provider, VENDOR, 10, &gate(VENDOR)).await.err());
        fenced(store.mapping_sync_chunk(&zombie, side.provider, VENDOR, None, 10).await.err());
        fenced(store.suggestions_save(&zombie, side.provider, VENDOR, (None, None), &[]).await.err());
        fenced(store.suggestion_pass_end(&zombie, side.provider, VENDOR, None, &mark()).await.err());
        assert_eq!(sql.number("select count(*) from directory_record").await, 3);
        assert_eq!(sql.number("select count(*) from walk").await, 1);
        assert_eq!(sql.number("select count(*) from party").await, 0);
        assert_eq!(side.mapping(VENDOR, 1).await.link, None);
    })
    .await;
}

#[tokio::test]
async fn only_the_second_complete_walk_makes_a_record_gone() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (all, rest) = (firms(4), firms(2));
        side.walk(VENDOR, &all).await;
        side.link(VENDOR, &[3], create()).await;

        assert_eq!(side.walk(VENDOR, &rest).await.gone, 0);
        assert_eq!(side.mapping(VENDOR, 3).await.state, MappingState::Linked);
        assert_eq!(side.report(VENDOR).await.gone, 0);

        let second = side.walk(VENDOR, &rest).await;
        assert_eq!((second.gone, second.complete), (2, true));
        let linked = side.mapping(VENDOR, 3).await;
        assert_eq!((linked.state, linked.gone), (MappingState::Orphaned, true));
        assert!(linked.target.is_some(), "nothing is unlinked");
        let open = side.mapping(VENDOR, 4).await;
        assert_eq!((open.state, open.gone), (MappingState::Unmapped, true));
        let report = side.report(VENDOR).await;
        assert_eq!(report, Buckets { fetched: 4, unmapped: 2, gone: 2, ..Buckets::default() });
        assert_eq!(side.walk(VENDOR, &rest).await.gone, 0, "it is gone once");

        let back = side.walk(VENDOR, &all).await;
        assert_eq!((back.back, back.gone), (2, 0));
        assert_eq!(side.mapping(VENDOR, 3).await.state, MappingState::Linked);
        let report = side.report(VENDOR).await;
        assert_eq!((report.created, report.unmapped, report.gone), (1, 3, 0));
    })
    .await;
}

#[tokio::test]
async fn a_walk_that_is_not_complete_makes_nothing_missing() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(4)).await;
        let shrunken = side.walk_that_says(VENDOR, &firms(2), Some(4)).await;
        assert!(!shrunken.complete);
        let fence = side.fetch().await;
        store.walk_begin(&fence, side.provider, VENDOR).await.expect("begun");
        side.page(&fence, VENDOR, &firms(2)).await;
        let torn = store.walk_finish(&fence, side.provider, VENDOR, Some(2), false, &mark()).await.expect("ended");
        assert!(!torn.complete, "pages did not agree");
        assert_eq!(side.walk(VENDOR, &firms(2)).await.gone, 0, "this is the first complete walk that misses them");
        assert_eq!(side.walk_that_says(VENDOR, &firms(2), Some(3)).await.gone, 0);
        assert_eq!(side.walk_that_says(VENDOR, &firms(2), None).await.gone, 2, "no total is no contradiction");
    })
    .await;
}

#[tokio::test]
async fn being_seen_needs_no_complete_walk() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(2)).await;
        side.walk(VENDOR, &firms(1)).await;
        let summary = side.walk_that_says(VENDOR, &firms(2), Some(99)).await;
        assert_eq!((summary.complete, summary.back), (false, 1));
        assert_eq!(side.walk(VENDOR, &firms(1)).await.gone, 0, "missing anew");
    })
    .await;
}

#[tokio::test]
async fn a_walk_goes_on_after_a_crash() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let fence = side.fetch().await;
        let begun = store.walk_begin(&fence, side.provider, VENDOR).await.expect("begun");
        side.page(&fence, VENDOR, &firms(2)).await;
        sql.execute("update job set lease_until_ms = 1 where state = 'running'").await;
        let next = ground::claim(&store, fence.job).await.fence;
        assert!(next.epoch > fence.epoch);
        assert_eq!(store.walk_begin(&next, side.provider, VENDOR).await.expect("gone on"), begun);
        side.page(&next, VENDOR, &[record(3, "Firm 3")]).await;
        let summary = store.walk_finish(&next, side.provider, VENDOR, Some(3), true, &mark()).await.expect("ended");
        assert_eq!((summary.distinct_seen, summary.complete), (3, true));
        assert!(
            store.walk_finish(&fence, side.provider, VENDOR, Some(3), true, &mark()).await.is_err_and(|error| error.is_fenced())
        );
    })
    .await;
}

#[tokio::test]
async fn ending_a_walk_twice_is_ending_it_once() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(2)).await;
        let fence = side.fetch().await;
        store.walk_begin(&fence, side.provider, VENDOR).await.expect("begun");
        side.page(&fence, VENDOR, &firms(1)).await;
        for _ in 0..2 {
            let summary = store.walk_finish(&fence, side.provider, VENDOR, Some(1), true, &mark()).await.expect("ended");
            assert_eq!((summary.distinct_seen, summary.complete, summary.gone), (1, true, 0));
        }
    })
    .await;
}

#[tokio::test]
async fn what_older_walks_saw_is_purged() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let other = Side::second(&store, &side.scope, 2).await;
        other.walk(VENDOR, &firms(5)).await;
        for _ in 0..3 {
            side.walk(VENDOR, &firms(4)).await;
        }
        assert_eq!(sql.number("select count(*) from walk_seen").await, 4 + 5);
    })
    .await;
}

#[tokio::test]
async fn associations_appear_whichever_side_is_linked_first() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10, 11, 99]), vendor(2, "Bolt", &[10])]).await;
        side.walk(PROJECT, &[record(10, "Tower"), record(11, "Mall")]).await;
        side.link(VENDOR, &[1], create()).await;
        side.link(PROJECT, &[10, 11], create()).await;
        assert_eq!(side.on_project(side.project_of(10).await).await, 1);
        side.link(VENDOR, &[2], create()).await;
        assert_eq!(side.on_project(side.project_of(10).await).await, 2);
        assert_eq!(side.on_project(side.project_of(11).await).await, 1);
        let party = store.party_get(&side.scope, side.party_of(1).await).await.expect("the party");
        assert_eq!(party.project_count, 2);
    })
    .await;
}

#[tokio::test]
async fn an_association_goes_when_two_complete_walks_do_not_name_it() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (named, dropped) = ([vendor(1, "Acme", &[10, 11])], [vendor(1, "Acme", &[11])]);
        side.walk(VENDOR, &named).await;
        side.walk(PROJECT, &[record(10, "Tower"), record(11, "Mall")]).await;
        side.link(VENDOR, &[1], create()).await;
        side.link(PROJECT, &[10, 11], create()).await;
        let tower = side.project_of(10).await;

        side.walk_that_says(VENDOR, &dropped, Some(5)).await;
        side.walk(VENDOR, &dropped).await;
        assert_eq!(side.on_project(tower).await, 1, "only one complete walk");
        side.walk(VENDOR, &named).await;
        side.walk(VENDOR, &dropped).await;
        assert_eq!(side.on_project(tower).await, 1, "it was named in between");
        side.walk(VENDOR, &dropped).await;
        assert_eq!(side.on_project(tower).await, 0);
        assert_eq!(side.on_project(side.project_of(11).await).await, 1);

        side.walk(VENDOR, &named).await;
        side.sync(VENDOR).await;
        assert_eq!(side.on_project(tower).await, 1, "named again");
    })
    .await;
}

#[tokio::test]
async fn an_association_stays_while_another_vendor_of_the_party_has_it_or_a_person_made_it() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10, 11]), vendor(2, "Acme East", &[10])]).await;
        side.walk(PROJECT, &[record(10, "Tower"), record(11, "Mall")]).await;
        side.link(VENDOR, &[1], create()).await;
        let acme = side.party_of(1).await;
        side.link(VENDOR, &[2], match_to(acme)).await;
        side.link(PROJECT, &[10, 11], create()).await;
        let (tower, mall) = (side.project_of(10).await, side.project_of(11).await);
        sql.execute("update association set provider_id = null").await;
        sql.execute(&format!(
            "update association set provider_id = (select id from provider limit 1)
             where project_id = (select target_id from mapping where subject = 'project' and record_id = {})",
            10
        ))
        .await;
        let dropped = [vendor(1, "Acme", &[]), vendor(2, "Acme East", &[10])];
        side.walk(VENDOR, &dropped).await;
        side.walk(VENDOR, &dropped).await;
        assert_eq!(side.on_project(tower).await, 1, "the other vendor has it");
        assert_eq!(side.on_project(mall).await, 1, "a person made it");
        let none = [vendor(1, "Acme", &[]), vendor(2, "Acme East", &[])];
        side.walk(VENDOR, &none).await;
        side.walk(VENDOR, &none).await;
        assert_eq!(side.on_project(tower).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_view_that_does_not_tell_projects_concludes_nothing() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10])]).await;
        side.walk(PROJECT, &[record(10, "Tower")]).await;
        side.link(VENDOR, &[1], create()).await;
        side.link(PROJECT, &[10], create()).await;
        for _ in 0..3 {
            side.walk(VENDOR, &[record(1, "Acme")]).await;
        }
        assert_eq!(side.on_project(side.project_of(10).await).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_comes_back_gets_the_associations_it_missed() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let vendors = [vendor(1, "Acme", &[10]), vendor(2, "Bolt", &[])];
        side.walk(VENDOR, &vendors).await;
        side.walk(PROJECT, &[record(10, "Tower")]).await;
        side.link(VENDOR, &[1], create()).await;
        side.walk(VENDOR, &vendors[1..]).await;
        side.walk(VENDOR, &vendors[1..]).await;
        side.link(PROJECT, &[10], create()).await;
        let tower = side.project_of(10).await;
        assert_eq!(side.on_project(tower).await, 0, "an orphaned link makes nothing new");
        side.walk(VENDOR, &vendors).await;
        side.sync(VENDOR).await;
        assert_eq!(side.on_project(tower).await, 1);
    })
    .await;
}

#[tokio::test]
async fn another_tenants_directory_can_not_be_touched() {
    each_database(async |store| {
        let (mine, theirs) = (Side::new(&store).await, Side::of(&store, "second", 2).await);
        theirs.walk(VENDOR, &firms(2)).await;
        let fence = mine.fetch().await;
        let foreign = Side { provider: theirs.provider, ..mine.clone() };
        let unseen = |error: Option<Error>| assert!(matches!(error, Some(Error::NotFound { .. })), "{error:?}");
        unseen(foreign.try_page(&fence, VENDOR, &firms(1)).await.err());
        unseen(store.walk_begin(&fence, foreign.provider, VENDOR).await.err());
        unseen(store.walk_finish(&fence, foreign.provider, VENDOR, None, true, &mark()).await.err());
        unseen(store.directory_report(&mine.scope, foreign.provider, VENDOR).await.err());
        unseen(store.suggestion_pass_begin(&fence, foreign.provider, VENDOR).await.err());
        unseen(store.suggestions_save(&fence, foreign.provider, VENDOR, (None, None), &[]).await.err());
        unseen(store.suggestion_pass_end(&fence, foreign.provider, VENDOR, None, &mark()).await.err());
        unseen(store.mapping_sync_chunk(&fence, foreign.provider, VENDOR, None, 10).await.err());
        unseen(store.mapping_link_chunk(&fence, foreign.provider, VENDOR, 10, &gate(VENDOR)).await.err());
        assert_eq!(theirs.report(VENDOR).await.fetched, 2);
    })
    .await;
}

#[tokio::test]
async fn a_record_is_shown_as_the_directory_has_it() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let mut acme = record(1 << 50, "Acme");
        acme.address = Address { street: Some("1 Main St".to_owned()), country: Some("US".to_owned()), ..Address::default() };
        acme.details.phone = Some("+1 555".to_owned());
        acme.details.trades = vec!["Paving".to_owned()];
        acme.active = false;
        side.walk(VENDOR, std::slice::from_ref(&acme)).await;
        let shown = side.mapping(VENDOR, 1 << 50).await;
        assert_eq!((shown.address, shown.details, shown.active), (acme.address, Some(acme.details), false));
    })
    .await;
}
