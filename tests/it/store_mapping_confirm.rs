//! Mappings: confirming rows, filters and plans; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR, all, conflict, in_states, searching, violations};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::job::RowCounts;
use linkyard_core::mapping::{Choice, MappingFilter, MappingState, OnLookalike};
use linkyard_core::plan::{BulkAction, RowDecision, Selection};
use linkyard_core::suggestion::Band;
use linkyard_tests::build::{Side, create, create_anyway, decide, firms, leave_out, match_to, record, vendor};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground;

#[tokio::test]
async fn a_rule_leaves_out_what_it_describes_as_it_was_planned() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let rule = MappingFilter { name_pattern: Some("*do not use*".to_owned()), has_association: Some(false), ..all() };
        let early = side.fetch().await;
        side.page(&early, VENDOR, &[record(9, "Do not use")]).await;
        let (reason, message) = conflict(side.plan(VENDOR, &rule, BulkAction::DoNotAdd).await);
        assert_eq!(reason, ConflictReason::State, "nobody knows yet who is on no project");
        assert!(message.contains("not known yet"), "{message}");
        side.finish(&early).await;

        let page =
            [vendor(1, "A (do not use)", &[]), vendor(2, "B (DO NOT USE)", &[]), vendor(3, "C do not use", &[7]), record(4, "D")];
        side.walk(VENDOR, &page).await;
        let planned = side.plan(VENDOR, &rule, BulkAction::DoNotAdd).await.expect("a plan").plan;
        assert_eq!((planned.ignores, planned.links, planned.creates), (3, 0, 0));
        side.confirm(VENDOR, &[decide(9, leave_out())]).await.expect("one of them meanwhile");
        let late = side.confirm_filter(VENDOR, &rule, BulkAction::DoNotAdd, &planned.token).await;
        assert_eq!(conflict(late).0, ConflictReason::Version);
        let again = side.plan(VENDOR, &rule, BulkAction::DoNotAdd).await.expect("a plan").plan;
        let other = MappingFilter { has_association: Some(true), ..rule.clone() };
        let swapped = side.confirm_filter(VENDOR, &other, BulkAction::DoNotAdd, &again.token).await;
        assert_eq!(conflict(swapped).0, ConflictReason::Version, "the token is of another rule");
        let done = side.confirm_filter(VENDOR, &rule, BulkAction::DoNotAdd, &again.token).await.expect("confirmed");
        assert!(done.job.is_none());
        let ignored: Vec<i64> =
            side.mappings(VENDOR, &in_states(&[MappingState::Ignored])).await.iter().map(|row| row.record.0).collect();
        assert_eq!(ignored, [1, 2, 9]);
    })
    .await;
}

#[tokio::test]
async fn the_same_request_is_carried_out_once() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(2)).await;
        let key = ground::request("confirm", 1);
        let confirm = async |body: u8| {
            let key = linkyard_store::RequestKey { body_sha256: [body; 32], ..key.clone() };
            let rows = Selection::Rows(vec![decide(1, create())]);
            store.mapping_confirm(&side.scope, side.provider, VENDOR, &rows, false, Some(&key)).await
        };
        let first = confirm(1).await.expect("confirmed");
        let revision = side.mapping(VENDOR, 1).await.revision;
        let second = confirm(1).await.expect("answered again");
        assert_eq!(first.job.expect("a job").id, second.job.expect("the same job").id);
        assert_eq!(first.plan, second.plan);
        assert_eq!(side.mapping(VENDOR, 1).await.revision, revision);
        assert_eq!(conflict(confirm(2).await).0, ConflictReason::RequestIdReused);

        let drafts = [(RecordId(2), Some(create()), Some(1))];
        let key = ground::request("drafts", 1);
        for _ in 0..2 {
            let saved = store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &drafts, Some(&key)).await.expect("saved");
            assert_eq!((saved[0].draft, saved[0].revision), (Some(create()), 2));
        }
    })
    .await;
}

#[tokio::test]
async fn a_wrong_confirm_names_everything_and_changes_nothing() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "second", 2).await;
        side.walk(VENDOR, &firms(4)).await;
        let theirs = other.party("Theirs").await;
        let wrong = [
            decide(1, create()),
            decide(1, create()),
            RowDecision { record: RecordId(2), choice: None, expected_revision: None },
            decide(3, match_to(theirs)),
            decide(77, leave_out()),
            decide(4, Choice { target: Some(TargetId::generate()), ..leave_out() }),
        ];
        let expected =
            ["decisions[1].record", "decisions[2].decision", "decisions[3].target", "decisions[4].record", "decisions[5].target"];
        assert_eq!(violations(side.confirm(VENDOR, &wrong).await), expected);
        assert_eq!(violations(side.confirm(VENDOR, &[]).await), ["decisions"]);
        let many: Vec<RowDecision> = (1..=1_001).map(|id| decide(id, create())).collect();
        assert_eq!(violations(side.confirm(VENDOR, &many).await), ["decisions"]);
        assert!(side.mappings(VENDOR, &all()).await.iter().all(|row| row.state == MappingState::Unmapped && row.revision == 1));
    })
    .await;
}

#[tokio::test]
async fn confirming_writes_decisions_and_their_job_together() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let party = side.party("Known").await;
        side.walk(VENDOR, &firms(4)).await;
        let draft = [(RecordId(4), Some(create_anyway()), None)];
        store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &draft, None).await.expect("a draft");
        let rows = [
            decide(1, match_to(party)),
            decide(2, create()),
            decide(3, leave_out()),
            RowDecision { record: RecordId(4), choice: None, expected_revision: Some(2) },
        ];
        let selection = Selection::Rows(rows.to_vec());
        let planned = store.mapping_confirm(&side.scope, side.provider, VENDOR, &selection, true, None).await.expect("a plan");
        assert_eq!((planned.plan.links, planned.plan.creates, planned.plan.ignores), (1, 2, 1));
        assert!(planned.job.is_none());
        assert_eq!(side.mapping(VENDOR, 3).await.state, MappingState::Unmapped, "a plan changes nothing");

        let confirmed = side.confirm(VENDOR, &rows).await.expect("confirmed");
        assert_eq!(confirmed.plan, planned.plan);
        let job = confirmed.job.expect("a job");
        assert_eq!((job.kind.as_str(), job.provider), ("link_parties", Some(side.provider)));
        let states: Vec<MappingState> = side.mappings(VENDOR, &all()).await.iter().map(|row| row.state).collect();
        let expected = [MappingState::Confirmed, MappingState::Confirmed, MappingState::Ignored, MappingState::Confirmed];
        assert_eq!(states, expected);
        let fourth = side.mapping(VENDOR, 4).await;
        assert_eq!((fourth.draft, fourth.decision), (None, Some(create_anyway())));
        let fence = ground::claim(&store, job.id).await.fence;
        assert_eq!(store.mapping_link_remaining(&fence).await.expect("counted"), 3);
        assert_eq!(conflict(side.confirm(VENDOR, &rows[..1]).await).0, ConflictReason::State);

        let none = side.confirm(VENDOR, &[decide(3, leave_out())]).await.expect("again");
        assert!(none.job.is_none(), "nothing is to be linked");
        let projects = {
            side.walk(PROJECT, &[record(1, "Tower")]).await;
            side.confirm(PROJECT, &[decide(1, create())]).await
        };
        assert_eq!(projects.expect("confirmed").job.expect("a job").kind, "link_projects");
    })
    .await;
}

#[tokio::test]
async fn of_two_confirms_of_one_row_one_wins() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(1)).await;
        let confirm = async |choice: Choice, body: u8| {
            let row = RowDecision { record: RecordId(1), choice: Some(choice), expected_revision: Some(1) };
            let key = ground::request("confirm", body);
            store.mapping_confirm(&side.scope, side.provider, VENDOR, &Selection::Rows(vec![row]), false, Some(&key)).await
        };
        let (left, right) = tokio::join!(confirm(create(), 1), confirm(leave_out(), 2));
        assert_eq!(usize::from(left.is_ok()) + usize::from(right.is_ok()), 1);
        let lost = if left.is_err() { left } else { right };
        let (reason, message) = conflict(lost);
        assert_eq!(reason, ConflictReason::Version);
        assert!(message.contains("1 (now at revision 2)"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn a_filter_is_confirmed_as_it_was_seen_or_not_at_all() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(5)).await;
        let action = BulkAction::Create(OnLookalike::Hold);
        let plan = side.plan(VENDOR, &all(), action).await.expect("a plan").plan;
        assert_eq!((plan.creates, plan.lookalikes, plan.unchanged), (5, 0, 0));
        let without = Selection::Filter { filter: all(), action, plan_token: None };
        let answer = store.mapping_confirm(&side.scope, side.provider, VENDOR, &without, false, None).await;
        assert_eq!(violations(answer), ["plan_token"]);
        assert_eq!(
            conflict(side.confirm_filter(VENDOR, &searching("Firm"), action, &plan.token).await).0,
            ConflictReason::Version
        );
        let other = BulkAction::Create(OnLookalike::Create);
        assert_eq!(conflict(side.confirm_filter(VENDOR, &all(), other, &plan.token).await).0, ConflictReason::Version);

        let mut page = firms(5);
        page.push(record(6, "Firm 6"));
        side.walk(VENDOR, &page).await;
        assert_eq!(conflict(side.confirm_filter(VENDOR, &all(), action, &plan.token).await).0, ConflictReason::Version);
        assert!(side.mappings(VENDOR, &all()).await.iter().all(|row| row.state == MappingState::Unmapped));

        let plan = side.plan(VENDOR, &all(), action).await.expect("a plan").plan;
        let confirmed = side.confirm_filter(VENDOR, &all(), action, &plan.token).await.expect("confirmed");
        assert_eq!(confirmed.plan.creates, 6);
        let counts = side.run_link(VENDOR, confirmed.job.expect("a job").id, 4).await;
        assert_eq!(counts, RowCounts { succeeded: 6, ..RowCounts::default() });
        assert_eq!(conflict(side.confirm_filter(VENDOR, &all(), action, &plan.token).await).0, ConflictReason::Version);
    })
    .await;
}

#[tokio::test]
async fn a_bulk_action_takes_what_it_can_and_leaves_what_a_person_settled() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        for name in ["Alder Paving", "BIRCH MASONRY", "Twin Oaks Glass"] {
            side.party(name).await;
        }
        let names = ["Alder Paving", "Birch Masonry", "Cedar Steel", "Dogwood Tile", "Elmhurst Fence", "Fir Roofing"];
        let names = names.iter().chain(&["Twin Oaks Glass", "Twin Oaks Glass LLC"]);
        let page: Vec<_> = names.zip(1..).map(|(name, id)| record(id, name)).collect();
        side.walk(VENDOR, &page).await;
        side.suggest(VENDOR).await;
        side.confirm(VENDOR, &[decide(3, leave_out())]).await.expect("left out");
        let draft = [(RecordId(4), Some(leave_out()), None)];
        store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &draft, None).await.expect("a draft");

        let drafts = side.plan(VENDOR, &all(), BulkAction::Drafts).await.expect("a plan").plan;
        assert_eq!((drafts.ignores, drafts.unchanged), (1, 7));
        let accepted = side.plan(VENDOR, &all(), BulkAction::AcceptSuggestions(Band::Likely)).await.expect("a plan").plan;
        assert_eq!((accepted.links, accepted.unchanged), (2, 6), "a contested suggestion is never accepted in bulk");
        assert_eq!(accepted.conflicts.len(), 1, "and is listed first: {:?}", accepted.conflicts);
        assert_eq!(accepted.conflicts[0].records, [RecordId(7), RecordId(8)]);
        let created = side.plan(VENDOR, &all(), BulkAction::Create(OnLookalike::Hold)).await.expect("a plan").plan;
        assert_eq!((created.creates, created.lookalikes, created.unchanged), (7, 4, 1));
        assert_eq!(created.conflicts.len(), 4);
        let named = in_states(&[MappingState::Ignored]);
        let again = side.plan(VENDOR, &named, BulkAction::Create(OnLookalike::Hold)).await.expect("a plan").plan;
        assert_eq!(again.creates, 1, "what was left out is decided anew where it is named");

        let confirmed = side
            .confirm_filter(VENDOR, &all(), BulkAction::AcceptSuggestions(Band::Likely), &accepted.token)
            .await
            .expect("accepted");
        side.run_link(VENDOR, confirmed.job.expect("a job").id, 10).await;
        let linked = side.mapping(VENDOR, 2).await;
        assert_eq!((linked.state, linked.target.map(|(_, name)| name)), (MappingState::Linked, Some("BIRCH MASONRY".to_owned())));
        assert_eq!(side.parties().await, 3, "nothing was created");
        let left = side.plan(VENDOR, &all(), BulkAction::DoNotAdd).await.expect("a plan").plan;
        assert_eq!((left.ignores, left.unchanged), (5, 3));
        let confirmed = side.confirm_filter(VENDOR, &all(), BulkAction::DoNotAdd, &left.token).await.expect("left out");
        assert!(confirmed.job.is_none());
        assert_eq!(side.report(VENDOR).await.ignored, 6);
    })
    .await;
}

#[tokio::test]
async fn what_is_gone_is_not_decided_in_bulk() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(3)).await;
        side.walk(VENDOR, &firms(2)).await;
        side.walk(VENDOR, &firms(2)).await;
        let plan = side.plan(VENDOR, &all(), BulkAction::Create(OnLookalike::Hold)).await.expect("a plan").plan;
        assert_eq!((plan.creates, plan.unchanged), (2, 1));
        drop(store);
    })
    .await;
}

#[tokio::test]
async fn a_plan_names_what_is_in_each_others_way() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (acme, bolt) = (side.party("Acme").await, side.party("Bolt").await);
        side.walk(VENDOR, &[record(1, "One"), record(2, "Two"), record(3, "Three"), record(4, "Acme Inc."), record(5, "Five")])
            .await;
        side.link(VENDOR, &[5], match_to(bolt)).await;
        let rows = [decide(1, match_to(acme)), decide(2, match_to(acme)), decide(3, match_to(bolt)), decide(4, create_anyway())];
        let selection = Selection::Rows(rows.to_vec());
        let plan = store.mapping_confirm(&side.scope, side.provider, VENDOR, &selection, true, None).await.expect("a plan").plan;
        let named: Vec<(Vec<i64>, Option<TargetId>)> = plan
            .conflicts
            .iter()
            .map(|conflict| (conflict.records.iter().map(|record| record.0).collect(), conflict.target))
            .collect();
        let expected = [(vec![1, 2], Some(acme.into())), (vec![3], Some(bolt.into())), (vec![4], Some(acme.into()))];
        assert_eq!(named, expected);
        assert!(plan.conflicts[2].problem.contains("created all the same"), "{:?}", plan.conflicts[2]);
        assert_eq!(plan.lookalikes, 0, "a person looked: nothing is held");
        assert_eq!((plan.calls_needed, plan.seconds_under_budget), (0, 0));
        let job = side.confirm(VENDOR, &rows).await.expect("conflicts do not block").job.expect("a job");
        assert_eq!(side.run_link(VENDOR, job.id, 10).await.succeeded, 4);
        assert_eq!(side.parties().await, 3);
    })
    .await;
}
