//! Suspected duplicates: groups as they are found, dismissed, resolved and mapped to one party; on both databases.

use crate::store_mapping_kit::{VENDOR, conflict, not_found, violations};
use linkyard_core::duplicate::{DuplicateGroup, FoundGroup, MemberId, Searched};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{DuplicateGroupId, PartyId, RecordId, TargetId};
use linkyard_core::job::JobKind;
use linkyard_core::mapping::{Decision, MappingState};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::Selection;
use linkyard_store::{Confirmed, Merge};
use linkyard_tests::build::{Side, create_anyway, decide, firms, leave_out, mark, match_to};
use linkyard_tests::databases::each_database;

fn vendors(side: &Side) -> Searched {
    Searched { provider: Some(side.provider), subject: VENDOR }
}

const PARTIES: Searched = Searched { provider: None, subject: VENDOR };

fn records(ids: &[i64]) -> Vec<MemberId> {
    ids.iter().map(|id| MemberId::Record(RecordId(*id))).collect()
}

fn found(groups: &[&[MemberId]]) -> Vec<FoundGroup> {
    let group = |members: &&[MemberId]| FoundGroup {
        members: members.to_vec(),
        probability: 0.98,
        reasons: vec!["same phone".to_owned()],
    };
    groups.iter().map(group).collect()
}

/// Writes what a search found; answers how many groups are open.
async fn write(side: &Side, searched: Searched, groups: &[FoundGroup]) -> u64 {
    let fence = side.job(JobKind::FindDuplicates).await;
    let seen = side.store.duplicates_due(&fence, searched).await.expect("what the list is like").unwrap_or_default();
    let open = side.store.duplicates_write(&fence, searched, &seen, groups, &mark()).await.expect("written");
    side.finish(&fence).await;
    open
}

async fn list(side: &Side, searched: Searched, dismissed: bool) -> Vec<DuplicateGroup> {
    let page = PageRequest { size: 100, after: None };
    side.store.duplicate_list(&side.scope, searched, dismissed, &page).await.expect("a list").rows
}

fn members(groups: &[DuplicateGroup]) -> Vec<Vec<i64>> {
    let ids = |group: &DuplicateGroup| {
        let id = |member: &linkyard_core::duplicate::DuplicateMember| match member.id {
            MemberId::Record(record) => record.0,
            MemberId::Target(_) => -1,
        };
        group.members.iter().map(id).collect()
    };
    groups.iter().map(ids).collect()
}

async fn confirm(
    side: &Side,
    group: DuplicateGroupId,
    target: Option<PartyId>,
    plan_only: bool,
) -> linkyard_core::Result<Confirmed> {
    let selection = Selection::Group { group, target: target.map(TargetId::from), plan_token: None };
    side.store.mapping_confirm(&side.scope, side.provider, VENDOR, &selection, plan_only, None).await
}

#[tokio::test]
async fn a_search_writes_differences_only_and_a_changed_group_is_another_one() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(9)).await;
        let groups = found(&[&records(&[1, 2]), &records(&[3, 4, 5]), &records(&[7, 8])]);
        assert_eq!(write(&side, vendors(&side), &groups).await, 3);
        let first = list(&side, vendors(&side), false).await;
        assert_eq!(members(&first), [vec![1, 2], vec![3, 4, 5], vec![7, 8]]);
        assert_eq!((first[1].member_count, first[1].reasons.as_slice()), (3, &["same phone".to_owned()][..]));
        assert_eq!(first[0].members[0].name, "Firm 1");

        let mut again = found(&[&records(&[1, 2]), &records(&[3, 4])]);
        again[0].probability = 0.99;
        assert_eq!(write(&side, vendors(&side), &again).await, 2);
        let second = list(&side, vendors(&side), false).await;
        assert_eq!(members(&second), [vec![1, 2], vec![3, 4]]);
        assert_eq!((second[0].id, second[0].probability), (first[0].id, 0.99));
        not_found(store.duplicate_get(&side.scope, first[1].id).await);
        assert_eq!(list(&side, PARTIES, false).await.len(), 0, "the registry is another list");
    })
    .await;
}

#[tokio::test]
async fn a_list_is_due_again_only_when_it_changed() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(3)).await;
        let due = async |searched| {
            let fence = side.job(JobKind::FindDuplicates).await;
            let due = store.duplicates_due(&fence, searched).await.expect("known").is_some();
            side.finish(&fence).await;
            due
        };
        assert!(due(vendors(&side)).await);
        write(&side, vendors(&side), &[]).await;
        write(&side, PARTIES, &[]).await;
        assert!(!due(vendors(&side)).await && !due(PARTIES).await);
        side.walk(VENDOR, &firms(4)).await;
        side.party("New").await;
        assert!(due(vendors(&side)).await && due(PARTIES).await);
        let fence = side.job(JobKind::FindDuplicates).await;
        let records = store.duplicates_records(&fence, vendors(&side)).await.expect("records");
        assert_eq!(
            records.iter().map(|record| record.features.name.as_str()).collect::<Vec<_>>(),
            ["Firm 1", "Firm 2", "Firm 3", "Firm 4"]
        );
        assert_eq!(store.duplicates_records(&fence, PARTIES).await.expect("parties").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_was_called_different_comes_back_only_with_a_new_record() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(9)).await;
        write(&side, vendors(&side), &found(&[&records(&[1, 2, 3])])).await;
        let group = list(&side, vendors(&side), false).await.remove(0).id;
        let dismissed = store.duplicate_dismiss(&side.scope, group, true, None).await.expect("dismissed");
        assert!(dismissed.dismissed);
        store.duplicate_dismiss(&side.scope, group, true, None).await.expect("twice is once");
        assert_eq!(write(&side, vendors(&side), &found(&[&records(&[1, 2])])).await, 0);
        assert_eq!(write(&side, vendors(&side), &found(&[&records(&[1, 2, 3])])).await, 0);
        assert_eq!(members(&list(&side, vendors(&side), false).await), Vec::<Vec<i64>>::new());
        assert_eq!(members(&list(&side, vendors(&side), true).await), [[1, 2, 3]]);
        assert_eq!(conflict(confirm(&side, group, None, true).await).0, ConflictReason::State);

        assert_eq!(write(&side, vendors(&side), &found(&[&records(&[1, 2, 3, 4])])).await, 1);
        assert_eq!(members(&list(&side, vendors(&side), false).await), [[1, 2, 3, 4]]);
        assert!(!store.duplicate_dismiss(&side.scope, group, false, None).await.expect("restored").dismissed);
        assert_eq!(members(&list(&side, vendors(&side), false).await), [vec![1, 2, 3], vec![1, 2, 3, 4]]);
    })
    .await;
}

#[tokio::test]
async fn a_group_is_mapped_to_one_party_in_one_confirm() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(6)).await;
        write(&side, vendors(&side), &found(&[&records(&[1, 2, 3, 4, 5])])).await;
        let group = list(&side, vendors(&side), false).await.remove(0).id;
        assert_eq!(violations(confirm(&side, group, None, true).await), ["group.target"], "nobody is linked yet");
        side.link(VENDOR, &[1], create_anyway()).await;
        side.confirm(VENDOR, &[decide(5, leave_out())]).await.expect("left out");
        let party = side.party_of(1).await;

        let planned = confirm(&side, group, None, true).await.expect("a plan");
        assert_eq!((planned.plan.links, planned.plan.unchanged, planned.plan.conflicts.len()), (3, 2, 0));
        assert!(planned.job.is_none());
        let token = |plan_token: &str| Selection::Group { group, target: None, plan_token: Some(plan_token.to_owned()) };
        let other = store.mapping_confirm(&side.scope, side.provider, VENDOR, &token("x"), false, None).await;
        assert_eq!(conflict(other).0, ConflictReason::Version);
        let selection = token(&planned.plan.token);
        let done = store.mapping_confirm(&side.scope, side.provider, VENDOR, &selection, false, None).await.expect("confirmed");
        assert_eq!(members(&list(&side, vendors(&side), false).await), Vec::<Vec<i64>>::new(), "all go to one party");
        side.run_link(VENDOR, done.job.expect("a link job").id, 100).await;
        for record in 1..=4 {
            assert_eq!(side.party_of(record).await, party);
        }
        assert_eq!(side.mapping(VENDOR, 5).await.state, MappingState::Ignored);
        assert_eq!(side.mapping(VENDOR, 2).await.decision.map(|choice| choice.decision), Some(Decision::Match));
        assert_eq!(side.parties().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_record_that_goes_elsewhere_is_told_and_stays_there() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &firms(3)).await;
        write(&side, vendors(&side), &found(&[&records(&[1, 2, 3])])).await;
        let group = list(&side, vendors(&side), false).await.remove(0).id;
        let (one, other) = (side.party("One").await, side.party("Other").await);
        side.link(VENDOR, &[1], match_to(one)).await;
        side.confirm(VENDOR, &[decide(2, match_to(other))]).await.expect("confirmed, not linked");
        assert_eq!(violations(confirm(&side, group, None, true).await), ["group.target"], "two offer themselves");
        let plan = confirm(&side, group, Some(one), true).await.expect("a plan").plan;
        assert_eq!((plan.links, plan.unchanged), (1, 2));
        assert_eq!(plan.conflicts.iter().map(|one| one.records.clone()).collect::<Vec<_>>(), [[RecordId(2)]]);
        let nobody = PartyId::generate();
        assert_eq!(violations(confirm(&side, group, Some(nobody), true).await), ["group.target"]);
        not_found(confirm(&side, DuplicateGroupId::generate(), Some(one), true).await);
        assert_eq!(members(&list(&side, vendors(&side), false).await).len(), 1, "it is open: two parties");
    })
    .await;
}

#[tokio::test]
async fn merged_parties_and_left_out_or_gone_records_are_no_duplicates() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let (one, other) = (side.party("Acme").await, side.party("Acme Works").await);
        let both = [MemberId::Target(one.into()), MemberId::Target(other.into())];
        assert_eq!(write(&side, PARTIES, &found(&[&both])).await, 1);
        let shown = list(&side, PARTIES, false).await;
        assert_eq!(shown[0].members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["Acme", "Acme Works"]);
        let merge = Merge { target: one, source: other, target_revision: None, source_revision: None };
        store.parties_merge(&side.scope, &merge, None).await.expect("merged");
        assert_eq!(list(&side, PARTIES, false).await.len(), 0);

        side.walk(VENDOR, &firms(4)).await;
        write(&side, vendors(&side), &found(&[&records(&[1, 2]), &records(&[3, 4])])).await;
        side.confirm(VENDOR, &[decide(1, leave_out())]).await.expect("left out");
        for _ in 0..2 {
            side.walk(VENDOR, &firms(3)).await;
        }
        assert_eq!(list(&side, vendors(&side), false).await.len(), 0, "1 is left out, 4 is gone");
    })
    .await;
}

#[tokio::test]
async fn another_tenants_groups_are_not_there() {
    each_database(async |store| {
        let (mine, theirs) = (Side::new(&store).await, Side::of(&store, "second", 2).await);
        theirs.walk(VENDOR, &firms(2)).await;
        write(&theirs, vendors(&theirs), &found(&[&records(&[1, 2])])).await;
        let group = list(&theirs, vendors(&theirs), false).await.remove(0).id;
        not_found(store.duplicate_get(&mine.scope, group).await);
        not_found(store.duplicate_dismiss(&mine.scope, group, true, None).await);
        not_found(store.duplicate_list(&mine.scope, vendors(&theirs), false, &PageRequest { size: 9, after: None }).await);
        let party = mine.party("Mine").await;
        not_found(confirm(&mine, group, Some(party), true).await);
        let zombie = theirs.zombie(JobKind::FindDuplicates).await;
        let written = store.duplicates_write(&zombie, vendors(&theirs), "", &[], &mark()).await;
        assert!(written.is_err_and(|error| error.is_fenced()));
        let foreign = mine.job(JobKind::FindDuplicates).await;
        not_found(store.duplicates_records(&foreign, vendors(&theirs)).await);
    })
    .await;
}
