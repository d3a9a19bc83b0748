//! The gate over the matching engine: what is held, what is not, and that nothing is made twice; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR, all};
use linkyard_core::directory::Record;
use linkyard_core::id::RecordId;
use linkyard_core::job::RowCounts;
use linkyard_core::mapping::{MappingFilter, MappingState, MappingView, OnLookalike, RowReason};
use linkyard_core::page::PageRequest;
use linkyard_core::plan::BulkAction;
use linkyard_core::registry::NewParty;
use linkyard_tests::build::{Side, create, decide, keys, record};
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground;

pub(crate) fn calling(id: i64, name: &str, phone: &str) -> Record {
    let mut record = record(id, name);
    record.details.phone = Some(phone.to_owned());
    record
}

async fn party(side: &Side, name: &str, phone: &str) -> linkyard_core::id::PartyId {
    let new = NewParty { phone: Some(phone.to_owned()), ..side.new_party(name).await };
    side.store.parties_create(&side.scope, &[new], keys(VENDOR), None).await.expect("a party")[0].id
}

const STARTS: [&str; 20] = [
    "Ar", "Bel", "Bran", "Cal", "Cor", "Dal", "Dor", "El", "Fen", "Gar", "Hal", "Ing", "Kel", "Kow", "Lam", "Mar", "Mon", "Nor",
    "Pal", "Ros",
];
/// No two of them are a letter apart: names of one trade that differ by a letter are held, and rightly.
const MIDDLES: [&str; 10] = ["al", "ber", "de", "en", "quo", "li", "man", "o", "ra", "sut"];
const ENDS: [&str; 10] = ["ston", "ski", "field", "berg", "dale", "ez", "ini", "wood", "ley", "hurst"];
const TRADES: [&str; 8] = ["Electric", "Plumbing", "Roofing", "Masonry", "Concrete", "Painting", "Paving", "Glass"];

/// Firms that are different ones, with phones of their own; the same number is always the same firm.
pub(crate) fn firm(number: usize) -> (String, String) {
    let scattered = number * 7_919 % 2_000;
    let name =
        format!("{}{}{} {} LLC", STARTS[scattered % 20], MIDDLES[scattered / 20 % 10], ENDS[scattered / 200], TRADES[number % 8]);
    (name, format!("773 {:03} {:04}", 200 + number % 700, number * 13 % 10_000))
}

#[tokio::test]
async fn a_damaged_name_is_held_with_its_candidate_and_the_reason() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        for number in 0..60 {
            let (name, phone) = firm(number);
            party(&side, &name, &phone).await;
        }
        let there = party(&side, "Kowalczyk Brothers Masonry LLC", "312 555 0142").await;
        side.walk(
            VENDOR,
            &[calling(1, "Kowalczik Bros. Masonry", "(312) 555-0142"), calling(2, "Zimmerli Glass", "312 555 0777")],
        )
        .await;
        side.link(VENDOR, &[1, 2], create()).await;
        let held = side.mapping(VENDOR, 1).await;
        assert_eq!((held.state, held.reason), (MappingState::Held, Some(RowReason::Lookalike)), "{}", held.reason_detail);
        assert!(held.reason_detail.contains(&there.to_string()), "{}", held.reason_detail);
        assert!(held.reason_detail.contains("same phone"), "{}", held.reason_detail);
        assert_eq!(side.mapping(VENDOR, 2).await.state, MappingState::Linked);
        side.link(VENDOR, &[1], linkyard_tests::build::create_anyway()).await;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Linked, "a person looked");
    })
    .await;
}

#[tokio::test]
async fn records_from_before_and_changed_ones_are_keyed_before_the_gate_is_asked() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        for number in 0..60 {
            let (name, phone) = firm(number);
            party(&side, &name, &phone).await;
        }
        party(&side, "Kowalczyk Brothers Masonry", "312 555 0142").await;
        side.walk(VENDOR, &[calling(1, "Zimmerli Glass", "312 555 0777")]).await;
        side.link(VENDOR, &[1], create()).await;
        assert_eq!(
            sql.number("select count(*) from party where not keyed").await,
            1,
            "what the chunk made waits for the next one"
        );
        // As an older release left them.
        sql.execute("delete from match_key where key like '%:%'").await;
        sql.execute("update party set keyed = false").await;
        side.walk(VENDOR, &[calling(1, "Zimmerli Glass", "312 555 0777"), calling(2, "Kowalczik Bros. Masonry", "312 555 0142")])
            .await;
        side.link(VENDOR, &[2], create()).await;
        assert_eq!(side.mapping(VENDOR, 2).await.state, MappingState::Held);
        assert_eq!(sql.number("select count(*) from party where not keyed").await, 0);
    })
    .await;
}

#[tokio::test]
async fn few_of_those_without_a_counterpart_are_held() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let mut parties = Vec::new();
        for number in 0..700 {
            let (name, phone) = firm(number);
            parties.push(NewParty { phone: Some(phone), ..side.new_party(&name).await });
        }
        store.parties_create(&side.scope, &parties, keys(VENDOR), None).await.expect("parties");
        let alone: Vec<Record> = (0..400_usize)
            .map(|at| {
                let (name, phone) = firm(700 + at);
                calling(1 + i64::try_from(at).expect("small"), &name, &phone)
            })
            .collect();
        side.walk(VENDOR, &alone).await;
        let action = BulkAction::Create(OnLookalike::Hold);
        let plan = side.plan(VENDOR, &all(), action).await.expect("a plan").plan;
        let job = side.confirm_filter(VENDOR, &all(), action, &plan.token).await.expect("confirmed").job.expect("a job");
        let counts = side.run_link(VENDOR, job.id, 500).await;
        assert!(counts.held * 100 <= 2 * 400, "{counts:?}");
        assert_eq!(counts.succeeded + counts.held, 400);
    })
    .await;
}

/// One firm as eight people write it.
pub(crate) const SPELLED: [&str; 8] = [
    "Kowalczyk Brothers Masonry LLC",
    "KOWALCZYK BROS MASONRY",
    "Kowalczik Brothers Masonry",
    "Kowalczyk Masonry",
    "Kowalczyk Brothers Masnry Inc",
    "Kowalczykbrothers Masonry",
    "kowalczyk brothers masonry, inc.",
    "The Kowalczyk Brothers Masonry",
];

#[tokio::test]
async fn whichever_spelling_comes_first_holds_all_others() {
    each_database(async |store| {
        for (at, first) in SPELLED.into_iter().enumerate() {
            let side = Side::new(&store).await;
            let mut parties = Vec::new();
            for number in 0..60 {
                let (name, phone) = firm(number);
                parties.push(NewParty { phone: Some(phone), ..side.new_party(&name).await });
            }
            store.parties_create(&side.scope, &parties, keys(VENDOR), None).await.expect("parties");
            side.walk(VENDOR, &[calling(1, first, "312 555 0142")]).await;
            side.link(VENDOR, &[1], create()).await;
            assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Linked, "{first}");
            let other = Side::second(&store, &side.scope, 2).await;
            let others: Vec<&str> =
                SPELLED.into_iter().enumerate().filter(|(other, _)| *other != at).map(|(_, name)| name).collect();
            let records: Vec<Record> = others.iter().zip(1..).map(|(name, id)| calling(id, name, "312 555 0142")).collect();
            other.walk(VENDOR, &records).await;
            other.link(VENDOR, &[1, 2, 3, 4, 5, 6, 7], create()).await;
            for (name, id) in others.iter().zip(1..) {
                assert_eq!(other.mapping(VENDOR, id).await.state, MappingState::Held, "{name} after {first}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn eight_workers_with_lookalikes_and_people_make_one_of_each() {
    each_database(async |store| {
        let first = Side::new(&store).await;
        for number in 0..60 {
            let (name, phone) = firm(number);
            party(&first, &name, &phone).await;
        }
        let mut fences = Vec::new();
        for (spelling, company) in SPELLED.iter().zip(2..) {
            let side = Side::second(&store, &first.scope, company).await;
            side.walk(
                VENDOR,
                &[calling(1, spelling, "312 555 0142"), calling(2, &firm(700 + usize::try_from(company).expect("small")).0, "")],
            )
            .await;
            let job =
                side.confirm(VENDOR, &[decide(1, create()), decide(2, create())]).await.expect("confirmed").job.expect("a job");
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
        assert_eq!((counts.succeeded, counts.held), (9, 7), "one of the eight, and everybody's own");
        assert_eq!(first.parties().await, 69);
    })
    .await;
}

#[tokio::test]
async fn what_another_job_is_about_to_link_holds_too() {
    each_database(async |store| {
        let first = Side::new(&store).await;
        for number in 0..60 {
            let (name, phone) = firm(number);
            party(&first, &name, &phone).await;
        }
        let second = Side::second(&store, &first.scope, 2).await;
        first
            .walk(VENDOR, &[calling(1, "Kowalczyk Brothers Masonry LLC", "312 555 0142"), calling(2, "Zimmerli Glass", "")])
            .await;
        second.walk(VENDOR, &[calling(1, "Kowalczik Bros. Masonry", "312 555 0142")]).await;
        let decided = second.confirm(VENDOR, &[decide(1, create())]).await.expect("confirmed").job.expect("a job");
        first.link(VENDOR, &[1, 2], create()).await;
        let held = first.mapping(VENDOR, 1).await;
        assert_eq!((held.state, held.reason), (MappingState::Held, Some(RowReason::LookalikeDecided)), "{}", held.reason_detail);
        let name = format!("Kowalczik Bros. Masonry, record 1 of providers/{}", second.provider);
        assert!(held.reason_detail.contains(&name), "{}", held.reason_detail);
        assert_eq!(first.mapping(VENDOR, 2).await.state, MappingState::Linked);
        second.run_link(VENDOR, decided.id, 10).await;
        assert_eq!(second.mapping(VENDOR, 1).await.state, MappingState::Linked, "the last one of them creates");
        assert_eq!(first.parties().await, 62);
    })
    .await;
}

#[tokio::test]
async fn a_project_that_is_there_or_about_to_be_is_held_and_the_next_phase_of_it_is_not() {
    each_database(async |store| {
        let first = Side::new(&store).await;
        for name in ["Harbor View Tower", "Northside Library Annex", "Riverbend Elementary School", "Union Yard Warehouse"] {
            first.project(name).await;
        }
        let there = first.project("Lakefront Medical Pavilion").await;
        let second = Side::second(&store, &first.scope, 2).await;
        let names = ["LAKEFRONT MEDICAL PAVILION", "Lakefront Medical Pavilion 2", "Ortega Street Bridge"];
        let records: Vec<Record> = (1..).zip(names).map(|(id, name)| record(id, name)).collect();
        first.walk(PROJECT, &records).await;
        second.walk(PROJECT, &[record(1, "Ortega Street Bridge.")]).await;
        let decided = second.confirm(PROJECT, &[decide(1, create())]).await.expect("confirmed").job.expect("a job");
        first.link(PROJECT, &[1, 2, 3], create()).await;
        let held = first.mapping(PROJECT, 1).await;
        assert_eq!((held.state, held.reason), (MappingState::Held, Some(RowReason::Lookalike)), "{}", held.reason_detail);
        assert!(held.reason_detail.contains(&there.to_string()), "{}", held.reason_detail);
        assert_eq!(first.mapping(PROJECT, 2).await.state, MappingState::Linked, "another number is another project");
        assert_eq!(first.mapping(PROJECT, 3).await.reason, Some(RowReason::LookalikeDecided));
        second.run_link(PROJECT, decided.id, 10).await;
        assert_eq!(second.mapping(PROJECT, 1).await.state, MappingState::Linked, "the last one of them creates");
    })
    .await;
}

#[tokio::test]
async fn what_a_cancelled_job_was_to_link_holds_nothing() {
    each_database(async |store| {
        let first = Side::new(&store).await;
        let second = Side::second(&store, &first.scope, 2).await;
        first.walk(VENDOR, &[calling(1, "Kowalczyk Brothers Masonry LLC", "312 555 0142")]).await;
        second.walk(VENDOR, &[calling(1, "Kowalczik Bros. Masonry", "312 555 0142")]).await;
        let decided = second.confirm(VENDOR, &[decide(1, create())]).await.expect("confirmed").job.expect("a job");
        store.job_cancel(&first.scope, decided.id, None).await.expect("cancelled");
        first.link(VENDOR, &[1], create()).await;
        assert_eq!(first.mapping(VENDOR, 1).await.state, MappingState::Linked);
    })
    .await;
}

#[tokio::test]
async fn what_was_declined_does_not_hold() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        for number in 0..60 {
            let (name, phone) = firm(number);
            party(&side, &name, &phone).await;
        }
        let there = party(&side, "Kowalczyk Brothers Masonry LLC", "312 555 0142").await;
        side.walk(VENDOR, &[calling(1, "Kowalczik Bros. Masonry", "312 555 0142")]).await;
        side.link(VENDOR, &[1], linkyard_tests::build::match_to(there)).await;
        store.mapping_unlink(&side.scope, side.provider, VENDOR, &[(RecordId(1), None)], None).await.expect("unlinked");
        side.link(VENDOR, &[1], create()).await;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Linked, "a person said it is another firm");
    })
    .await;
}

#[tokio::test]
async fn a_declined_suggestion_is_not_made_again_and_holds_nothing() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        for number in 0..60 {
            let (name, phone) = firm(number);
            party(&side, &name, &phone).await;
        }
        let there = party(&side, "Kowalczyk Brothers Masonry LLC", "312 555 0142").await;
        side.walk(VENDOR, &[calling(1, "Kowalczyk Bros. Masonry", "312 555 0142")]).await;
        side.suggest(VENDOR).await;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Suggested);
        let declined = [(RecordId(1), vec![there.into()])];
        let rows = store.mapping_decline(&side.scope, side.provider, VENDOR, &declined, None).await.expect("declined");
        assert_eq!((rows[0].state, rows[0].suggestions.len()), (MappingState::Unmapped, 0));
        let strong = store.band_precision(&side.scope, side.provider, VENDOR).await.expect("bands");
        assert_eq!(
            strong.iter().map(|band| (band.decided, band.taken)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)),
            (1, 0)
        );
        party(&side, "Somebody Else", "").await;
        side.suggest(VENDOR).await;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Unmapped, "it is not suggested again");
        side.link(VENDOR, &[1], create()).await;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Linked, "and does not hold it");
        let unknown = [(RecordId(9), vec![linkyard_core::id::TargetId::generate()])];
        let refused = store.mapping_decline(&side.scope, side.provider, VENDOR, &unknown, None).await.expect_err("unknown");
        let linkyard_core::Error::Invalid(violations) = refused else { panic!("{refused}") };
        let fields: Vec<&str> = violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["rows[0].record", "rows[0].targets[0]"]);
    })
    .await;
}

#[tokio::test]
async fn after_the_first_suggestion_is_declined_the_second_is_the_first() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        for phone in ["312 555 0142", "312 555 0143", "312 555 0144"] {
            party(&side, "Kowalczyk Brothers Masonry", phone).await;
        }
        side.walk(VENDOR, &[calling(1, "Kowalczyk Brothers Masonry", "312 555 0142")]).await;
        side.suggest(VENDOR).await;
        let before = side.mapping(VENDOR, 1).await.suggestions;
        let [first, rest @ ..] = before.as_slice() else { panic!("nothing is suggested") };
        assert!(!rest.is_empty(), "there is a second one");
        let declined = [(RecordId(1), vec![first.target])];
        let rows = store.mapping_decline(&side.scope, side.provider, VENDOR, &declined, None).await.expect("declined");
        assert_eq!(rows[0].suggestions, rest, "the others keep their order");
        let page = PageRequest { size: 10, after: None };
        let filter = MappingFilter { bands: vec![rest[0].band], ..MappingFilter::default() };
        let listed =
            store.mapping_list(&side.scope, side.provider, VENDOR, &filter, MappingView::BASIC, &page).await.expect("a list");
        assert_eq!(listed.rows.len(), 1, "the filter for a band looks at it");
        assert_eq!(listed.rows[0].suggestions, rest[..1], "and a list shows it as the best");
    })
    .await;
}

#[tokio::test]
async fn declining_a_record_declines_all_that_is_suggested_for_it() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        for name in ["Kowalczyk Masonry", "Kowalczyk Masonry West"] {
            party(&side, name, "").await;
        }
        side.walk(VENDOR, &[record(1, "Kowalczyk Masonry Inc")]).await;
        side.suggest(VENDOR).await;
        assert!(!side.mapping(VENDOR, 1).await.suggestions.is_empty());
        let rows = store.mapping_decline(&side.scope, side.provider, VENDOR, &[(RecordId(1), Vec::new())], None).await;
        assert_eq!(rows.expect("declined")[0].suggestions.len(), 0);
    })
    .await;
}
