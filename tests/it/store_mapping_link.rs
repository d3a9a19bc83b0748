//! Mappings: what a link job makes of confirmed rows, and keeping linked ones in step; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR};
use linkyard_core::directory::{Address, Record};
use linkyard_core::id::RecordId;
use linkyard_core::job::RowCounts;
use linkyard_core::mapping::{MappingState, RowReason};
use linkyard_core::plan::RowDecision;
use linkyard_tests::build::{Side, create, create_anyway, decide, gate, match_to, record, vendor};
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground;

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
        let late = store.mapping_link_chunk(&dead, side.provider, VENDOR, 2, &gate(VENDOR)).await;
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
