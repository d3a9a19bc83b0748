//! Mappings: listing, filters, drafts and whose they are; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR, all, conflict, ids, in_states, not_found, searching, violations};
use linkyard_core::directory::Record;
use linkyard_core::error::ConflictReason;
use linkyard_core::id::RecordId;
use linkyard_core::job::{Finish, JobKind};
use linkyard_core::mapping::{Choice, MappingFilter, MappingOrder, MappingState, MappingView};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::Selection;
use linkyard_tests::build::{Side, create, decide, firms, gate, leave_out, match_to, record, vendor};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground;

#[tokio::test]
async fn a_list_is_read_in_pages_without_gap_or_repetition() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let mut page = firms(7);
        page.push(record(-3, "Negative"));
        side.walk(VENDOR, &page).await;
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let request = PageRequest { size: 3, after };
            let page = store
                .mapping_list(&side.scope, side.provider, VENDOR, &all(), MappingView::BASIC, &request)
                .await
                .expect("a page");
            seen.extend(page.rows.iter().map(|row| row.record.0));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, [-3, 1, 2, 3, 4, 5, 6, 7]);
        let foreign = PageRequest { size: 3, after: Some("x".to_owned()) };
        let answer = store.mapping_list(&side.scope, side.provider, VENDOR, &all(), MappingView::BASIC, &foreign).await;
        assert_eq!(violations(answer), ["page_token"]);
    })
    .await;
}

#[tokio::test]
async fn a_search_finds_text_in_any_case_and_script_and_nothing_else() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let names = ["Müller Söhne", "100% Paving_Co", "1000 Paving", "СТРОЙ Монтаж", "back\\slash"];
        let page: Vec<Record> = names.iter().zip(1..).map(|(name, id)| record(id, name)).collect();
        side.walk(VENDOR, &page).await;
        for (search, expected) in [
            ("MÜLLER", &[1][..]),
            ("söh", &[1]),
            ("100%", &[2]),
            ("g_c", &[2]),
            ("строй", &[4]),
            ("\\s", &[5]),
            ("paving", &[2, 3]),
            ("", &[1, 2, 3, 4, 5]),
            ("nothing", &[]),
        ] {
            assert_eq!(ids(&side, &searching(search)).await, expected, "{search}");
        }
        let long = searching(&"x".repeat(1_001));
        let answer =
            store.mapping_list(&side.scope, side.provider, VENDOR, &long, MappingView::BASIC, &PageRequest::default()).await;
        assert_eq!(violations(answer), ["filter.search"]);
    })
    .await;
}

#[tokio::test]
async fn filters_select_by_state_suggestion_and_draft() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.party("Firm 2").await;
        side.walk(VENDOR, &firms(4)).await;
        side.suggest(VENDOR).await;
        side.confirm(VENDOR, &[decide(3, leave_out())]).await.expect("left out");
        store
            .mapping_drafts_save(&side.scope, side.provider, VENDOR, &[(RecordId(4), Some(create()), None)], None)
            .await
            .expect("a draft");
        let with = |has_suggestion, has_draft| MappingFilter { has_suggestion, has_draft, ..all() };
        assert_eq!(ids(&side, &with(Some(true), None)).await, [2]);
        assert_eq!(ids(&side, &with(Some(false), Some(false))).await, [1, 3]);
        assert_eq!(ids(&side, &with(None, Some(true))).await, [4]);
        assert_eq!(ids(&side, &in_states(&[MappingState::Ignored, MappingState::Suggested])).await, [2, 3]);
        let counts = store.mapping_counts(&side.scope, side.provider, VENDOR).await.expect("counts");
        let expected = [(MappingState::Unmapped, 2), (MappingState::Suggested, 1), (MappingState::Ignored, 1)];
        assert_eq!(counts, expected);
    })
    .await;
}

#[tokio::test]
async fn a_pattern_describes_a_whole_name_in_any_case() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let names = ["Acme (DO NOT USE)", "Do not use", "100% Steel", "1000 Steel", "Müller_Bau", "MÜLLERxBAU", "a\\b"];
        let page: Vec<Record> = names.iter().zip(1..).map(|(name, id)| record(id, name)).collect();
        side.walk(VENDOR, &page).await;
        for (pattern, expected) in [
            ("*do NOT use*", &[1, 2][..]),
            ("do not use", &[2]),
            ("do not", &[]),
            ("100%*", &[3]),
            ("100? *", &[3, 4]),
            ("müller?bau", &[5, 6]),
            ("MÜLLER_BAU", &[5]),
            ("a\\?", &[7]),
            ("*", &[1, 2, 3, 4, 5, 6, 7]),
        ] {
            let filter = MappingFilter { name_pattern: Some(pattern.to_owned()), ..all() };
            assert_eq!(ids(&side, &filter).await, expected, "{pattern}");
        }
        let long = MappingFilter { name_pattern: Some("?".repeat(1_001)), ..all() };
        let answer =
            store.mapping_list(&side.scope, side.provider, VENDOR, &long, MappingView::BASIC, &PageRequest::default()).await;
        assert_eq!(violations(answer), ["filter.name_pattern"]);
    })
    .await;
}

#[tokio::test]
async fn filters_select_by_association_and_activity() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let inactive = Record { active: false, ..vendor(3, "Inactive", &[]) };
        side.walk(VENDOR, &[vendor(1, "On two", &[7, 8]), vendor(2, "On none", &[]), inactive, record(4, "Says nothing")]).await;
        side.walk(PROJECT, &[record(7, "With vendor"), record(9, "Without")]).await;
        let with = |has_association, active| MappingFilter { has_association, active, ..all() };
        assert_eq!(ids(&side, &with(Some(true), None)).await, [1]);
        assert_eq!(ids(&side, &with(Some(false), None)).await, [2, 3, 4]);
        assert_eq!(ids(&side, &with(Some(false), Some(true))).await, [2, 4]);
        assert_eq!(ids(&side, &with(None, Some(false))).await, [3]);
        let projects = |has_association| with(Some(has_association), None);
        let found = async |wanted| {
            let rows = side.mappings(PROJECT, &projects(wanted)).await;
            rows.iter().map(|row| row.record.0).collect::<Vec<_>>()
        };
        assert_eq!((found(true).await, found(false).await), (vec![7], vec![9]));
    })
    .await;
}

#[tokio::test]
async fn a_confirmed_row_is_linking_while_its_job_runs() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(2)).await;
        let job = side.confirm(VENDOR, &[decide(1, create())]).await.expect("confirmed").job.expect("a job");
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Confirmed);
        assert_eq!(ids(&side, &in_states(&[MappingState::Confirmed])).await, [1]);
        let fence = ground::claim(&store, job.id).await.fence;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Linking);
        assert_eq!(ids(&side, &in_states(&[MappingState::Linking])).await, [1]);
        assert_eq!(ids(&side, &in_states(&[MappingState::Confirmed])).await, [0_i64; 0]);
        let counts = store.mapping_counts(&side.scope, side.provider, VENDOR).await.expect("counts");
        assert_eq!(counts, [(MappingState::Unmapped, 1), (MappingState::Linking, 1)]);
        store.job_finish(&fence, &Finish::Continue).await.expect("later");
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Confirmed);
    })
    .await;
}

#[tokio::test]
async fn drafts_are_saved_all_or_none() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "second", 2).await;
        side.walk(VENDOR, &firms(6)).await;
        let (mine, theirs) = (side.party("Mine").await, other.party("Theirs").await);
        let save = async |drafts: &[(i64, Option<Choice>)]| {
            let drafts: Vec<_> = drafts.iter().map(|(id, choice)| (RecordId(*id), *choice, None)).collect();
            store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &drafts, None).await
        };
        let no_target = Choice { target: None, ..match_to(mine) };
        let with_target = Choice { target: Some(mine.into()), ..create() };
        let wrong = [
            (1, Some(create())),
            (1, Some(leave_out())),
            (99, Some(create())),
            (2, Some(match_to(theirs))),
            (3, Some(no_target)),
            (4, Some(with_target)),
            (5, Some(match_to(mine))),
        ];
        let expected = ["drafts[1].record", "drafts[2].record", "drafts[3].target", "drafts[4].target", "drafts[5].target"];
        assert_eq!(violations(save(&wrong).await), expected);
        assert!(side.mappings(VENDOR, &all()).await.iter().all(|row| row.draft.is_none() && row.revision == 1));

        let saved = save(&[(5, Some(match_to(mine))), (1, Some(create()))]).await.expect("saved");
        assert_eq!(saved.iter().map(|row| row.record.0).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(side.mapping(VENDOR, 5).await.draft, Some(match_to(mine)));
        assert_eq!(side.mapping(VENDOR, 5).await.state, MappingState::Unmapped, "a draft changes no state");
        let revision = side.mapping(VENDOR, 1).await.revision;
        save(&[(1, Some(create()))]).await.expect("saved again");
        assert_eq!(side.mapping(VENDOR, 1).await.revision, revision, "it said that already");
        save(&[(1, None)]).await.expect("cleared");
        assert_eq!(side.mapping(VENDOR, 1).await.draft, None);
        assert_eq!(violations(save(&[]).await), ["drafts"]);
        let many: Vec<_> = (1..=1_001).map(|id| (id, None)).collect();
        assert_eq!(violations(save(&many).await), ["drafts"]);
    })
    .await;
}

#[tokio::test]
async fn a_draft_on_what_changed_or_takes_none_is_refused_and_names_the_rows() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(3)).await;
        side.link(VENDOR, &[2], create()).await;
        let save = async |id: i64, revision: Option<i64>| {
            let draft = [(RecordId(id), Some(create()), revision), (RecordId(3), Some(create()), None)];
            store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &draft, None).await
        };
        let (reason, message) = conflict(save(1, Some(9)).await);
        assert_eq!(reason, ConflictReason::Version);
        assert!(message.contains("1 (now at revision 1)"), "{message}");
        let (reason, message) = conflict(save(2, None).await);
        assert_eq!(reason, ConflictReason::State);
        assert!(message.contains("2 is linked"), "{message}");
        assert_eq!(side.mapping(VENDOR, 3).await.draft, None);
        save(1, Some(1)).await.expect("the revision that was seen");
    })
    .await;
}

#[tokio::test]
async fn another_tenants_mappings_are_not_there() {
    each_database(async |store| {
        let (mine, theirs) = (Side::new(&store).await, Side::of(&store, "second", 2).await);
        theirs.walk(VENDOR, &firms(2)).await;
        mine.walk(VENDOR, &firms(1)).await;
        let scope = &mine.scope;
        let (provider, page) = (theirs.provider, PageRequest { size: 10, after: None });
        not_found(store.mapping_get(scope, provider, VENDOR, RecordId(1)).await);
        not_found(store.mapping_list(scope, provider, VENDOR, &all(), MappingView::FULL, &page).await);
        not_found(store.mapping_counts(scope, provider, VENDOR).await);
        let draft = [(RecordId(1), Some(create()), None)];
        not_found(store.mapping_drafts_save(scope, provider, VENDOR, &draft, None).await);
        let rows = Selection::Rows(vec![decide(1, create())]);
        not_found(store.mapping_confirm(scope, provider, VENDOR, &rows, true, None).await);
        not_found(store.mapping_confirm(scope, provider, VENDOR, &rows, false, None).await);
        let target = theirs.party("Theirs").await;
        assert_eq!(violations(mine.confirm(VENDOR, &[decide(1, match_to(target))]).await), ["decisions[0].target"]);
        mine.suggest(VENDOR).await;
        assert!(theirs.mappings(VENDOR, &all()).await.iter().all(|row| row.revision == 1));
        let zombie = theirs.zombie(JobKind::Suggest).await;
        assert!(store.mapping_link_chunk(&zombie, mine.provider, VENDOR, 1, &gate(VENDOR)).await.is_err_and(|e| e.is_fenced()));
    })
    .await;
}

/// The records of `filter` in `order`, read in pages of `size`.
async fn in_order(side: &Side, filter: &MappingFilter, order: MappingOrder, size: u32) -> Vec<i64> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let (view, request) = (MappingView { full: false, order }, PageRequest { size, after });
        let page = side.store.mapping_list(&side.scope, side.provider, VENDOR, filter, view, &request).await.expect("a page");
        seen.extend(page.rows.iter().map(|row| row.record.0));
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

#[tokio::test]
async fn every_order_is_read_in_pages_without_gap_or_repetition() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let long = "x".repeat(150);
        let names = [
            "beta",
            "Alpha",
            "beta",
            "Ärger",
            "alpha beta",
            "",
            "zulu 9",
            "Zulu 10",
            "a b",
            &format!("{long}1"),
            &format!("{long}0"),
        ];
        let page: Vec<Record> = names.iter().zip(1..).map(|(name, id)| record(id, name)).collect();
        side.walk(VENDOR, &page).await;
        let by_name = in_order(&side, &all(), MappingOrder::Name, 100).await;
        let sorted: Vec<i64> = vec![6, 9, 2, 5, 1, 3];
        assert_eq!(&by_name[..6], sorted, "the empty one, then character by character, equal ones by their numbers");
        assert_eq!(&by_name[8..], [8, 7, 4], "digits by character, and letters with marks after all others");
        for order in MappingOrder::ALL {
            let whole = in_order(&side, &all(), order, 100).await;
            assert_eq!(whole.len(), names.len());
            for size in [1, 2, 3, 5] {
                assert_eq!(in_order(&side, &all(), order, size).await, whole, "{order:?} by {size}");
            }
            let unmapped = in_states(&[MappingState::Unmapped]);
            assert_eq!(in_order(&side, &unmapped, order, 2).await, whole, "{order:?} of one state");
            let some = in_order(&side, &searching("a"), order, 2).await;
            let expected: Vec<i64> = whole
                .iter()
                .copied()
                .filter(|id| names[usize::try_from(*id).expect("small") - 1].to_lowercase().contains('a'))
                .collect();
            assert_eq!(some, expected, "{order:?} of a search");
        }
        let mut backwards = in_order(&side, &all(), MappingOrder::NameDescending, 3).await;
        backwards.reverse();
        assert_eq!(backwards, by_name);
    })
    .await;
}

#[tokio::test]
async fn counts_follow_every_way_in_which_rows_change() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(6)).await;
        assert_eq!(counts(&side).await, [(MappingState::Unmapped, 6)]);
        let job = side
            .confirm(VENDOR, &[decide(1, create()), decide(2, create()), decide(3, leave_out())])
            .await
            .expect("confirmed")
            .job;
        let confirmed = [(MappingState::Unmapped, 3), (MappingState::Confirmed, 2), (MappingState::Ignored, 1)];
        assert_eq!(counts(&side).await, confirmed);
        let claimed = ground::claim(&store, job.expect("a job").id).await;
        let linking = [(MappingState::Unmapped, 3), (MappingState::Linking, 2), (MappingState::Ignored, 1)];
        assert_eq!(counts(&side).await, linking, "its job runs");
        side.chunk(&claimed.fence, VENDOR, 1).await;
        let half =
            [(MappingState::Unmapped, 3), (MappingState::Linking, 1), (MappingState::Linked, 1), (MappingState::Ignored, 1)];
        assert_eq!(counts(&side).await, half);
        let refused = side.confirm(VENDOR, &[decide(4, create()), decide(99, create())]).await;
        assert!(refused.is_err());
        assert_eq!(counts(&side).await, half, "what was rolled back is not counted");
        let other = Side::second(&store, &side.scope, 2).await;
        assert_eq!(counts(&other).await, [], "of another provider");
    })
    .await;
}

/// The counts, each of which is what a list of that state has.
async fn counts(side: &Side) -> Vec<(MappingState, u64)> {
    let counts = side.store.mapping_counts(&side.scope, side.provider, VENDOR).await.expect("counts");
    for (state, rows) in &counts {
        assert_eq!(ids(side, &in_states(&[*state])).await.len() as u64, *rows, "{state:?}");
    }
    counts
}
