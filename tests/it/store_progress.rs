//! How far the linking was, failures by reason and freshness: what pictures of it are drawn from.

use linkyard_core::duplicate::{MemberId, Searched};
use linkyard_core::id::TargetId;
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::page::PageRequest;
use linkyard_store::RegistryFilter;
use linkyard_tests::build::{Side, create, create_anyway, decide, firms, leave_out, record};
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground;

const ALL: PageRequest = PageRequest { size: 100, after: None };

#[tokio::test]
async fn a_list_is_counted_once_in_ten_seconds_and_by_what_became_of_its_rows() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "other", 2).await;
        side.walk(Subject::Vendor, &firms(5)).await;
        other.walk(Subject::Vendor, &firms(1)).await;
        let rows = [decide(1, create_anyway()), decide(2, create_anyway()), decide(3, leave_out())];
        side.confirm(Subject::Vendor, &rows).await.expect("confirmed");
        assert_eq!(store.progress_note().await.expect("noted"), 2, "one list each");
        let samples = store.progress(&side.scope, 60).await.expect("samples");
        let [sample] = samples.as_slice() else { panic!("{samples:?}") };
        assert_eq!((sample.provider, sample.subject, sample.at_ms % 10_000), (side.provider, Subject::Vendor, 0));
        assert_eq!((sample.linked, sample.failed, sample.ignored, sample.linking, sample.open), (0, 0, 1, 2, 2));
        let mut noted = 0;
        for _ in 0..5 {
            noted += store.progress_note().await.expect("noted");
        }
        // Ten seconds may end in between; each of the two lists is counted once in them.
        assert!(noted == 0 || noted == 2, "{noted}");
        assert!(store.progress(&other.scope, 60).await.expect("samples").iter().all(|one| one.provider == other.provider));
    })
    .await;
}

#[tokio::test]
async fn a_day_is_told_by_what_each_hour_saw_last_of_both_lists() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "other", 2).await;
        side.walk(Subject::Vendor, &firms(2)).await;
        side.walk(Subject::Project, &[record(1, "Bridge")]).await;
        other.walk(Subject::Vendor, &firms(1)).await;
        store.progress_note().await.expect("noted");
        let hour = 3_600_000;
        let earlier = [(-hour, 1), (-hour + 10_000, 7), (-5 * hour, 4), (-25 * hour, 90)];
        for (when, linked) in earlier {
            let sql_text = format!(
                "insert into progress_sample (provider_id, subject, at_ms, organization_id, linked, failed, ignored, linking, open_rows)
                 select provider_id, subject, at_ms - at_ms % {hour} + {when}, organization_id, {linked}, 0, 0, 0, 0
                 from progress_sample where at_ms = (select max(at_ms) from progress_sample)"
            );
            sql.execute(&sql_text).await;
        }
        let hours = store.linked_by_hour(&side.scope).await.expect("hours");
        assert!(hours.iter().all(|one| one.provider == side.provider && one.hour_ms % hour == 0), "{hours:?}");
        assert_eq!(hours.iter().map(|one| one.linked).collect::<Vec<_>>(), [8, 14, 0], "two lists each");
        let now = hours[2].hour_ms;
        assert_eq!(hours.iter().map(|one| (one.hour_ms - now) / hour).collect::<Vec<_>>(), [-5, -1, 0]);
        let others = store.linked_by_hour(&other.scope).await.expect("hours");
        assert_eq!(others.iter().map(|one| one.linked).collect::<Vec<_>>(), [4, 7, 0]);
    })
    .await;
}

#[tokio::test]
async fn jobs_under_way_are_counted_by_provider() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "other", 2).await;
        side.walk(Subject::Vendor, &firms(2)).await;
        assert!(store.jobs_live_by_provider(&side.scope).await.expect("counts").is_empty());
        side.confirm(Subject::Vendor, &[decide(1, create_anyway())]).await.expect("confirmed");
        let live = store.jobs_live_by_provider(&side.scope).await.expect("counts");
        assert_eq!(live.into_iter().collect::<Vec<_>>(), [(side.provider, 1)]);
        assert!(store.jobs_live_by_provider(&other.scope).await.expect("counts").is_empty());
    })
    .await;
}

#[tokio::test]
async fn freshness_and_failures_are_those_of_the_tenant() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "other", 2).await;
        let fresh = store.freshness(&side.scope).await.expect("freshness");
        assert_eq!((fresh.len(), fresh[0].walked_at_ms, fresh[0].pushed_at_ms), (1, None, None));
        side.walk(Subject::Vendor, &[record(1, "Firm"), record(2, "Firm")]).await;
        let fresh = store.freshness(&side.scope).await.expect("freshness");
        assert!(fresh[0].walked_at_ms.is_some(), "{fresh:?}");
        assert!(store.freshness(&other.scope).await.expect("freshness").iter().all(|one| one.walked_at_ms.is_none()));
        assert!(store.failure_reasons(&side.scope).await.expect("reasons").is_empty());
        side.link(Subject::Vendor, &[1, 2], create()).await;
        let reasons = store.failure_reasons(&side.scope).await.expect("reasons");
        assert_eq!(reasons.iter().map(|one| (one.state, one.rows)).collect::<Vec<_>>(), [(MappingState::Held, 1)]);
        assert!(store.failure_reasons(&other.scope).await.expect("reasons").is_empty());
    })
    .await;
}

#[tokio::test]
async fn suspected_records_are_listed_and_tell_their_groups_until_they_are_called_different() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::of(&store, "other", 2).await;
        for name in ["Acme", "Acme Inc", "Bolt"] {
            side.party(name).await;
        }
        let parties = store.party_list(&side.scope, &RegistryFilter::default(), &ALL).await.expect("parties").rows;
        let members: Vec<_> = parties[..2].iter().map(|party| MemberId::Target(TargetId(party.id.0))).collect();
        let list = Searched { provider: None, subject: Subject::Vendor };
        ground::duplicates(&store, &side.scope, side.provider, list, &members).await;
        let suspected = RegistryFilter { suspected: true, ..RegistryFilter::default() };
        let found = async |scope| store.party_list(scope, &suspected, &ALL).await.expect("parties").rows.len();
        assert_eq!((found(&side.scope).await, found(&other.scope).await), (2, 0));
        let groups = async |scope, party: usize| {
            let target = TargetId(parties[party].id.0);
            store.duplicates_of(scope, Subject::Vendor, target).await.expect("groups")
        };
        assert_eq!(groups(&side.scope, 0).await[0].members.len(), 2);
        assert!(groups(&side.scope, 2).await.is_empty() && groups(&other.scope, 0).await.is_empty());
        let group = groups(&side.scope, 0).await[0].id;
        store.duplicate_dismiss(&side.scope, group, true, None).await.expect("dismissed");
        assert_eq!((found(&side.scope).await, groups(&side.scope, 1).await.len()), (0, 0));
    })
    .await;
}
