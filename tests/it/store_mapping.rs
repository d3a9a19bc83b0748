//! Mappings: listing, drafts, confirming, linking, suggestions and keeping in step; on both databases.

use linkyard_core::directory::{Address, Record};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::job::{Finish, JobKind, RowCounts};
use linkyard_core::mapping::{Choice, Decision, MappingFilter, MappingState, OnLookalike, RowReason, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::{BulkAction, RowDecision, Selection};
use linkyard_core::{Error, Result};
use linkyard_tests::build::{Side, create, create_anyway, decide, firms, keys, leave_out, match_to, record, vendor};
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground;
use std::fmt::Debug;

const VENDOR: Subject = Subject::Vendor;
const PROJECT: Subject = Subject::Project;

fn all() -> MappingFilter {
    MappingFilter::default()
}

fn searching(text: &str) -> MappingFilter {
    MappingFilter { search: Some(text.to_owned()), ..all() }
}

fn in_states(states: &[MappingState]) -> MappingFilter {
    MappingFilter { states: states.to_vec(), ..all() }
}

/// The fields of every violation.
fn violations<T: Debug>(answer: Result<T>) -> Vec<String> {
    match answer {
        Err(Error::Invalid(violations)) => violations.into_iter().map(|violation| violation.field).collect(),
        other => panic!("expected violations, got {other:?}"),
    }
}

/// Why it is a conflict, and what it says.
fn conflict<T: Debug>(answer: Result<T>) -> (ConflictReason, String) {
    match answer {
        Err(Error::Conflict { reason, message, .. }) => (reason, message),
        other => panic!("expected a conflict, got {other:?}"),
    }
}

fn not_found<T: Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::NotFound { .. })), "{answer:?}");
}

async fn ids(side: &Side, filter: &MappingFilter) -> Vec<i64> {
    side.mappings(VENDOR, filter).await.iter().map(|row| row.record.0).collect()
}

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
            let page = store.mapping_list(&side.scope, side.provider, VENDOR, &all(), false, &request).await.expect("a page");
            seen.extend(page.rows.iter().map(|row| row.record.0));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, [-3, 1, 2, 3, 4, 5, 6, 7]);
        let foreign = PageRequest { size: 3, after: Some("x".to_owned()) };
        let answer = store.mapping_list(&side.scope, side.provider, VENDOR, &all(), false, &foreign).await;
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
        let answer = store.mapping_list(&side.scope, side.provider, VENDOR, &long, false, &PageRequest::default()).await;
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
        side.party("Firm 1").await;
        side.party("FIRM 2").await;
        side.party("Twin").await;
        let mut page = firms(6);
        page.extend([record(7, "Twin"), record(8, "Twin LLC")]);
        side.walk(VENDOR, &page).await;
        side.suggest(VENDOR).await;
        side.confirm(VENDOR, &[decide(3, leave_out())]).await.expect("left out");
        let draft = [(RecordId(4), Some(leave_out()), None)];
        store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &draft, None).await.expect("a draft");

        let drafts = side.plan(VENDOR, &all(), BulkAction::Drafts).await.expect("a plan").plan;
        assert_eq!((drafts.ignores, drafts.unchanged), (1, 7));
        let accepted = side.plan(VENDOR, &all(), BulkAction::AcceptSuggestions).await.expect("a plan").plan;
        assert_eq!((accepted.links, accepted.unchanged), (2, 6), "a contested suggestion is never accepted in bulk");
        let created = side.plan(VENDOR, &all(), BulkAction::Create(OnLookalike::Hold)).await.expect("a plan").plan;
        assert_eq!((created.creates, created.lookalikes, created.unchanged), (7, 4, 1));
        assert_eq!(created.conflicts.len(), 4);
        let named = in_states(&[MappingState::Ignored]);
        let again = side.plan(VENDOR, &named, BulkAction::Create(OnLookalike::Hold)).await.expect("a plan").plan;
        assert_eq!(again.creates, 1, "what was left out is decided anew where it is named");

        let confirmed =
            side.confirm_filter(VENDOR, &all(), BulkAction::AcceptSuggestions, &accepted.token).await.expect("accepted");
        side.run_link(VENDOR, confirmed.job.expect("a job").id, 10).await;
        let linked = side.mapping(VENDOR, 2).await;
        assert_eq!((linked.state, linked.target.map(|(_, name)| name)), (MappingState::Linked, Some("FIRM 2".to_owned())));
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

#[tokio::test]
async fn a_creation_takes_over_what_the_directory_knows() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let mut acme = record(1, "Acme Paving, LLC");
        acme.address = Address {
            street: Some(" 1 Main St ".to_owned()),
            city: Some("Oakland".to_owned()),
            region: Some("  ".to_owned()),
            postal_code: None,
            country: Some("US".to_owned()),
        };
        acme.details.phone = Some("+1 555".to_owned());
        acme.details.email = Some(String::new());
        side.walk(VENDOR, &[acme]).await;
        side.link(VENDOR, &[1], create()).await;
        let mapping = side.mapping(VENDOR, 1).await;
        assert_eq!(mapping.state, MappingState::Linked);
        assert!(mapping.link.is_some() && mapping.linked_at_ms.is_some() && mapping.last_synced_at_ms.is_some());
        let party = store.party_get(&side.scope, side.party_of(1).await).await.expect("the party");
        let provider = store.provider_get(&side.scope, side.provider).await.expect("the provider");
        assert_eq!(party.name, "Acme Paving, LLC");
        assert_eq!(
            (party.party_type, party.compliance_profile),
            (provider.default_party_type, provider.default_compliance_profile)
        );
        assert_eq!(party.address.street.as_deref(), Some("1 Main St"));
        assert_eq!((party.address.region, party.address.postal_code), (None, None));
        assert_eq!((party.phone.as_deref(), party.email), (Some("+1 555"), None));
        assert_eq!(party.marks.len(), 1);
        assert_eq!((party.marks[0].record, party.marks[0].orphaned), (RecordId(1), false));
        assert_eq!(side.report(VENDOR).await.created, 1);

        let mut tower = record(5, "Tower");
        tower.details.number = Some("P-17".to_owned());
        side.walk(PROJECT, &[tower]).await;
        side.link(PROJECT, &[5], create()).await;
        let project = store.project_get(&side.scope, side.project_of(5).await).await.expect("the project");
        assert_eq!((project.name.as_str(), project.number.as_deref()), ("Tower", Some("P-17")));
    })
    .await;
}

#[tokio::test]
async fn only_the_leading_link_feeds_a_party_and_never_with_a_blank() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let party = side.party("Acme").await;
        let in_city = |id: i64, city: &str, phone: &str| {
            let mut record = record(id, &format!("Acme {id}"));
            record.address.city = Some(city.to_owned());
            record.details.phone = Some(phone.to_owned());
            record
        };
        side.walk(VENDOR, &[in_city(1, "Oakland", "1"), in_city(2, "Boston", "2")]).await;
        side.link(VENDOR, &[1, 2], match_to(party)).await;
        let city = async || {
            let party = store.party_get(&side.scope, party).await.expect("the party");
            (party.address.city.unwrap_or_default(), party.phone.unwrap_or_default(), party.revision)
        };
        assert_eq!(city().await, ("Oakland".to_owned(), "1".to_owned(), 2));
        assert_eq!(side.report(VENDOR).await.matched, 2);

        side.walk(VENDOR, &[in_city(1, "Oakland", "1"), in_city(2, "Denver", "3")]).await;
        assert_eq!(side.sync(VENDOR).await, 1);
        assert_eq!(city().await, ("Oakland".to_owned(), "1".to_owned(), 2), "not from the second link");

        side.walk(VENDOR, &[in_city(1, " ", ""), in_city(2, "Denver", "3")]).await;
        assert_eq!(side.sync(VENDOR).await, 1);
        assert_eq!(city().await, ("Oakland".to_owned(), "1".to_owned(), 2), "a blank is no evidence");

        side.walk(VENDOR, &[in_city(1, "Fresno", "4"), in_city(2, "Denver", "3")]).await;
        assert_eq!(side.sync(VENDOR).await, 1);
        assert_eq!(city().await, ("Fresno".to_owned(), "4".to_owned(), 3));
        assert_eq!(side.sync(VENDOR).await, 0, "everything is in step");
    })
    .await;
}

#[tokio::test]
async fn every_row_that_is_not_linked_says_why() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let acme = side.party("Acme").await;
        let doomed = side.party("Doomed").await;
        let names = ["ACME, Inc.", "  ", &"x".repeat(5_000), "Twin", "Twin LLC", "Matched", "Fine", "Leaving"];
        let page: Vec<Record> = names.iter().zip(1..).map(|(name, id)| record(id, name)).collect();
        side.walk(VENDOR, &page).await;
        let mut rows: Vec<RowDecision> = [1, 2, 3, 4, 5, 7, 8].map(|id| decide(id, create())).to_vec();
        rows.push(decide(6, match_to(doomed)));
        let confirmed = side.confirm(VENDOR, &rows).await.expect("confirmed");
        assert_eq!((confirmed.plan.creates, confirmed.plan.lookalikes), (7, 2));
        side.walk(VENDOR, &page[..7]).await;
        side.walk(VENDOR, &page[..7]).await;
        sql.execute("delete from party where name = 'Doomed'").await;
        let counts = side.run_link(VENDOR, confirmed.job.expect("a job").id, 500).await;
        assert_eq!(counts, RowCounts { succeeded: 2, held: 2, failed: 4, ..RowCounts::default() });
        let why = async |id: i64| {
            let row = side.mapping(VENDOR, id).await;
            (row.state, row.reason)
        };
        assert_eq!(why(1).await, (MappingState::Held, Some(RowReason::Lookalike)));
        assert_eq!(why(2).await, (MappingState::Failed, Some(RowReason::NameMissing)));
        assert_eq!(why(3).await, (MappingState::Failed, Some(RowReason::NameTooLong)));
        assert_eq!(why(4).await, (MappingState::Linked, None));
        assert_eq!(why(5).await, (MappingState::Held, Some(RowReason::LookalikeInDirectory)));
        assert_eq!(why(6).await, (MappingState::Failed, Some(RowReason::TargetGone)));
        assert_eq!(why(7).await, (MappingState::Linked, None));
        assert_eq!(why(8).await, (MappingState::Failed, Some(RowReason::RecordGone)));
        let held = side.mapping(VENDOR, 1).await.reason_detail;
        assert!(held.contains("Acme") && held.contains(&acme.to_string()), "{held}");
        let report = side.report(VENDOR).await;
        assert_eq!((report.created, report.held, report.failed, report.gone), (2, 2, 3, 1));
        assert!(report.adds_up());

        let job = side.link(VENDOR, &[1, 5], create_anyway()).await;
        assert_eq!(store.job_get(&side.scope, job.id).await.expect("the job").counts.succeeded, 2);
        assert_eq!(side.mapping(VENDOR, 1).await.reason, None);
    })
    .await;
}

#[tokio::test]
async fn a_lookalike_that_this_directory_made_is_told_apart() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[record(1, "Acme"), record(2, "Acme Inc")]).await;
        let job = side.confirm(VENDOR, &[decide(1, create()), decide(2, create())]).await.expect("confirmed").job.expect("a job");
        let counts = side.run_link(VENDOR, job.id, 1).await;
        assert_eq!((counts.succeeded, counts.held), (1, 1));
        let held = side.mapping(VENDOR, 2).await;
        assert_eq!(held.reason, Some(RowReason::LookalikeInDirectory));
        assert!(held.reason_detail.contains("record 1"), "{}", held.reason_detail);

        let other = Side::second(&store, &side.scope, 2).await;
        other.walk(VENDOR, &[record(9, "acme")]).await;
        other.link(VENDOR, &[9], create()).await;
        assert_eq!(other.mapping(VENDOR, 9).await.reason, Some(RowReason::Lookalike), "another directory made it");
        assert_eq!(side.parties().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_link_job_that_dies_between_chunks_goes_on_and_makes_nothing_twice() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let vendors: Vec<Record> = (1..=6).map(|id| vendor(id, &format!("Firm {id}"), &[10])).collect();
        side.walk(VENDOR, &vendors).await;
        side.walk(PROJECT, &[record(10, "Tower")]).await;
        side.link(PROJECT, &[10], create()).await;
        let rows: Vec<RowDecision> = (1..=6).map(|id| decide(id, create())).collect();
        let job = side.confirm(VENDOR, &rows).await.expect("confirmed").job.expect("a job");
        let dead = ground::claim(&store, job.id).await.fence;
        let first = side.chunk(&dead, VENDOR, 2).await;
        assert_eq!((first.last, first.counts.succeeded, first.associations), (Some(RecordId(2)), 2, 2));
        sql.execute("update job set lease_until_ms = 1 where state = 'running'").await;
        let claimed = ground::claim(&store, job.id).await;
        assert_eq!(claimed.counts.succeeded, 2);
        assert!(claimed.checkpoint.is_some());
        let late = store.mapping_link_chunk(&dead, side.provider, VENDOR, 2, keys(VENDOR)).await;
        assert!(late.is_err_and(|error| error.is_fenced()));
        assert_eq!(store.mapping_link_remaining(&claimed.fence).await.expect("counted"), 4);
        while side.chunk(&claimed.fence, VENDOR, 3).await.last.is_some() {}
        assert_eq!(side.parties().await, 6);
        assert_eq!(side.on_project(side.project_of(10).await).await, 6);
        let done = store.job_get(&side.scope, job.id).await.expect("the job");
        assert_eq!(done.counts.succeeded, 6);
        assert_eq!(sql.number("select count(distinct link_id) from mapping").await, 7);

        let again = side.chunk(&claimed.fence, VENDOR, 3).await;
        assert_eq!((again.last, again.counts), (None, RowCounts::default()));
        assert_eq!(side.parties().await, 6);
    })
    .await;
}

#[tokio::test]
async fn jobs_that_link_lookalikes_at_once_make_one_party() {
    each_database(async |store| {
        let first = Side::new(&store).await;
        let mut fences = Vec::new();
        for company in 2..8 {
            let side = Side::second(&store, &first.scope, company).await;
            side.walk(VENDOR, &[record(1, "Acme"), record(2, &format!("Own {company}"))]).await;
            let rows = [decide(1, create()), decide(2, create())];
            let job = side.confirm(VENDOR, &rows).await.expect("confirmed").job.expect("a job");
            fences.push((side, ground::claim(&store, job.id).await.fence));
        }
        let mut running = tokio::task::JoinSet::new();
        for (side, fence) in fences {
            running.spawn(async move { side.chunk(&fence, VENDOR, 10).await.counts });
        }
        let mut counts = RowCounts::default();
        while let Some(done) = running.join_next().await {
            counts.add(done.expect("no panic"));
        }
        assert_eq!((counts.succeeded, counts.held), (7, 5));
        assert_eq!(first.parties().await, 7);
    })
    .await;
}

#[tokio::test]
async fn both_sides_linked_at_once_never_miss_their_association() {
    each_database(async |store| {
        for company in 1..=8 {
            let side = Side::of(&store, &format!("tenant {company}"), company).await;
            side.walk(VENDOR, &[vendor(1, "Acme", &[10])]).await;
            side.walk(PROJECT, &[record(10, "Tower")]).await;
            let vendors = side.confirm(VENDOR, &[decide(1, create())]).await.expect("confirmed").job.expect("a job");
            let projects = side.confirm(PROJECT, &[decide(10, create())]).await.expect("confirmed").job.expect("a job");
            tokio::join!(side.run_link(VENDOR, vendors.id, 10), side.run_link(PROJECT, projects.id, 10));
            assert_eq!(side.on_project(side.project_of(10).await).await, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_suggestion_says_who_how_sure_and_why() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let old = side.party("ACME PAVING LLC").await;
        let same = side.party("acme paving").await;
        side.walk(VENDOR, &[record(1, "Acme Paving"), record(2, "Nobody"), record(3, "")]).await;
        assert_eq!(side.suggest(VENDOR).await, (1, 2));
        let mapping = side.mapping(VENDOR, 1).await;
        assert_eq!(mapping.state, MappingState::Suggested);
        let found: Vec<(TargetId, f64)> = mapping.suggestions.iter().map(|found| (found.target, found.score)).collect();
        assert_eq!(found, [(same.into(), 1.0), (old.into(), 0.9)]);
        assert_eq!(mapping.suggestions[0].reasons, ["names are equal"]);
        assert_eq!(mapping.suggestions[1].reasons, ["names are equal after normalising case, punctuation and legal form"]);
        assert_eq!(mapping.suggestions[1].target_name, "ACME PAVING LLC");
        assert!(!mapping.suggestions[0].contested);
        let listed = side.mappings(VENDOR, &all()).await;
        assert_eq!(listed[0].suggestions.len(), 1, "the best one");
        assert_eq!(side.suggest(PROJECT).await, (0, 0));
        drop(store);
    })
    .await;
}

#[tokio::test]
async fn suggesting_again_writes_only_what_changed() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        for number in 0..7 {
            side.party(&format!("Acme{}", ".".repeat(number))).await;
        }
        side.walk(VENDOR, &[record(1, "Acme Inc"), record(2, "Bolt")]).await;
        side.suggest(VENDOR).await;
        assert_eq!(side.mapping(VENDOR, 1).await.suggestions.len(), 5);
        let revisions = async || (side.mapping(VENDOR, 1).await.revision, side.mapping(VENDOR, 2).await.revision);
        assert_eq!(revisions().await, (2, 1));
        side.suggest(VENDOR).await;
        assert_eq!(revisions().await, (2, 1));
        side.party("Bolt").await;
        side.suggest(VENDOR).await;
        assert_eq!(revisions().await, (2, 2));
        side.walk(VENDOR, &[record(1, "Renamed"), record(2, "Bolt")]).await;
        side.suggest(VENDOR).await;
        let renamed = side.mapping(VENDOR, 1).await;
        assert_eq!((renamed.state, renamed.suggestions.len()), (MappingState::Unmapped, 0));
        drop(store);
    })
    .await;
}

#[tokio::test]
async fn a_target_that_several_want_or_one_has_is_contested() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let acme = side.party("Acme").await;
        side.walk(VENDOR, &[record(1, "Acme"), record(2, "Acme Inc")]).await;
        side.suggest(VENDOR).await;
        assert!(side.mapping(VENDOR, 1).await.suggestions[0].contested);
        side.confirm(VENDOR, &[decide(2, leave_out())]).await.expect("left out");
        side.suggest(VENDOR).await;
        assert!(!side.mapping(VENDOR, 1).await.suggestions[0].contested, "one only wants it now");
        assert!(side.mapping(VENDOR, 2).await.suggestions.is_empty(), "decided");
        side.walk(VENDOR, &[record(1, "Acme"), record(2, "Acme Inc"), record(3, "Other")]).await;
        let job = side.confirm(VENDOR, &[decide(3, match_to(acme))]).await.expect("confirmed").job.expect("a job");
        side.suggest(VENDOR).await;
        assert!(side.mapping(VENDOR, 1).await.suggestions[0].contested, "it is promised");
        side.run_link(VENDOR, job.id, 10).await;
        side.suggest(VENDOR).await;
        assert!(side.mapping(VENDOR, 1).await.suggestions[0].contested, "it is linked");
        let second = Side::second(&store, &side.scope, 2).await;
        second.walk(VENDOR, &[record(1, "Acme")]).await;
        second.suggest(VENDOR).await;
        assert!(!second.mapping(VENDOR, 1).await.suggestions[0].contested, "another directory may link it too");
    })
    .await;
}

#[tokio::test]
async fn a_held_row_keeps_its_candidates_and_can_be_matched() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let acme = side.party("Acme").await;
        side.walk(VENDOR, &[record(1, "Acme Inc")]).await;
        side.link(VENDOR, &[1], create()).await;
        side.suggest(VENDOR).await;
        let held = side.mapping(VENDOR, 1).await;
        assert_eq!((held.state, held.suggestions.len()), (MappingState::Held, 1));
        let plan = side.plan(VENDOR, &all(), BulkAction::AcceptSuggestions).await.expect("a plan").plan;
        let confirmed = side.confirm_filter(VENDOR, &all(), BulkAction::AcceptSuggestions, &plan.token).await.expect("accepted");
        side.run_link(VENDOR, confirmed.job.expect("a job").id, 10).await;
        assert_eq!(side.party_of(1).await, acme);
        assert_eq!(side.mapping(VENDOR, 1).await.decision.map(|choice| choice.decision), Some(Decision::Match));
        drop(store);
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
        not_found(store.mapping_list(scope, provider, VENDOR, &all(), true, &page).await);
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
        assert!(store.mapping_link_chunk(&zombie, mine.provider, VENDOR, 1, keys(VENDOR)).await.is_err_and(|e| e.is_fenced()));
    })
    .await;
}
