//! Mappings: suggestions, who they are and how sure; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR, all};
use linkyard_core::id::TargetId;
use linkyard_core::job::{JobKind, JobState};
use linkyard_core::mapping::{Decision, MappingState};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::BulkAction;
use linkyard_core::registry::PartyChange;
use linkyard_core::suggestion::Band;
use linkyard_tests::build::{Side, create, decide, keys, leave_out, match_to, record};
use linkyard_tests::databases::each_database;

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
        let found: Vec<(TargetId, Band)> = mapping.suggestions.iter().map(|found| (found.target, found.band)).collect();
        assert_eq!(found[0], (same.into(), Band::Strong));
        assert_eq!(found[1].0, old.into());
        assert!(mapping.suggestions[0].probability >= 0.95 && mapping.suggestions[0].probability <= 1.0);
        assert_eq!(mapping.suggestions[0].reasons, ["names equal"]);
        assert_eq!(mapping.suggestions[1].reasons, ["names equal after removing 'LLC'"]);
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
async fn a_change_of_the_registry_asks_for_one_pass_once_it_is_quiet() {
    const AN_HOUR_MS: i64 = 3_600_000;
    each_database(async |store| {
        let side = Side::new(&store).await;
        let ask = async |quiet_ms: i64| store.suggest_jobs_ask(quiet_ms).await.expect("asked");
        let acme = side.party("Acme").await;
        side.walk(VENDOR, &[record(1, "Acme"), record(2, "Bolt")]).await;
        assert_eq!(ask(0).await, 0, "nothing was suggested yet: a fetch is followed by a pass");
        side.suggest(VENDOR).await;
        assert_eq!(ask(0).await, 0, "nothing changed");
        side.party("Bolt").await;
        assert_eq!(ask(AN_HOUR_MS).await, 0, "it may be one of many changes");
        assert_eq!((ask(0).await, ask(0).await), (1, 0), "the job that waits does for both");
        let page = PageRequest { size: 100, after: None };
        let live = store.job_list(&side.scope, Some(side.provider), &[JobState::Queued], false, &page).await.expect("jobs").rows;
        let [job] = &live[..] else { panic!("one job: {live:?}") };
        assert_eq!(job.kind, JobKind::Suggest.as_str());
        store.job_cancel(&side.scope, job.id, None).await.expect("cancelled");
        assert_eq!(side.suggest(VENDOR).await, (2, 0));
        assert_eq!(ask(0).await, 0, "it was followed");
        let change = PartyChange { name: Some("Zenith".to_owned()), ..PartyChange::default() };
        store.party_update(&side.scope, acme, &change, None, keys(VENDOR), None).await.expect("renamed");
        assert_eq!(ask(0).await, 1, "another name is a change too");
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
        let plan = side.plan(VENDOR, &all(), BulkAction::AcceptSuggestions(Band::Strong)).await.expect("a plan").plan;
        let confirmed = side
            .confirm_filter(VENDOR, &all(), BulkAction::AcceptSuggestions(Band::Strong), &plan.token)
            .await
            .expect("accepted");
        side.run_link(VENDOR, confirmed.job.expect("a job").id, 10).await;
        assert_eq!(side.party_of(1).await, acme);
        assert_eq!(side.mapping(VENDOR, 1).await.decision.map(|choice| choice.decision), Some(Decision::Match));
        drop(store);
    })
    .await;
}

#[tokio::test]
async fn a_pass_over_unchanged_sides_compares_and_writes_nothing() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.party("Northgate Paving LLC").await;
        side.walk(VENDOR, &[record(1, "Northgate Paving"), record(2, "Zimmer Masonry")]).await;
        let first = side.suggest_pass(VENDOR).await;
        assert_eq!((first.skipped, first.saved.rewritten, first.saved.changed), (false, 1, 1));
        let second = side.suggest_pass(VENDOR).await;
        assert_eq!((second.skipped, second.saved.rewritten, second.saved.changed), (true, 0, 0));
        assert_eq!((second.with, second.without), (1, 1));
        side.party("Quincy Glass").await;
        let third = side.suggest_pass(VENDOR).await;
        assert!(!third.skipped && third.saved.changed == 0, "a stranger changes no best suggestion: {third:?}");
        side.walk(VENDOR, &[record(1, "Northgate Paving"), record(2, "Northgate Paving Co.")]).await;
        let fourth = side.suggest_pass(VENDOR).await;
        assert!(!fourth.skipped && fourth.saved.changed == 2, "the first is contested now: {fourth:?}");
        drop(store);
    })
    .await;
}

#[tokio::test]
async fn what_a_person_refused_is_never_suggested_again() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (paving, other) = (side.party("Northgate Paving").await, side.party("Somebody Else").await);
        let names = ["Northgate Paving", "Northgate Paving Inc", "Northgate Paving LLC"];
        let page: Vec<_> = names.iter().zip(1..).map(|(name, id)| record(id, name)).collect();
        side.walk(VENDOR, &page).await;
        side.suggest(VENDOR).await;
        let suggested = async |id| side.mapping(VENDOR, id).await.suggestions.iter().any(|one| one.target == paving.into());
        for id in 1..=3 {
            assert!(suggested(id).await, "{id}");
        }
        // Another one is chosen, the row is left out, a link is taken away: three ways to say no.
        side.link(VENDOR, &[1], match_to(other)).await;
        side.confirm(VENDOR, &[decide(2, leave_out())]).await.expect("left out");
        side.link(VENDOR, &[3], match_to(paving)).await;
        for id in [1, 3] {
            let row = [(linkyard_core::id::RecordId(id), None)];
            store.mapping_unlink(&side.scope, side.provider, VENDOR, &row, None).await.expect("unlinked");
        }
        // As a directory that drops and shows them again would make them: undecided.
        for id in 1..=3 {
            let draft = [(linkyard_core::id::RecordId(id), Some(create()), None)];
            store.mapping_drafts_save(&side.scope, side.provider, VENDOR, &draft, None).await.expect("a draft");
        }
        side.link(VENDOR, &[1, 2, 3], create()).await;
        side.suggest(VENDOR).await;
        for id in 1..=3 {
            assert!(!suggested(id).await, "{id}");
        }
    })
    .await;
}
