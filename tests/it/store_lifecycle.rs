//! The life of providers, links and parties in SQL: what a change, an unlinking, a merge and a deletion leave; on both databases.

use crate::store_mapping_kit::{PROJECT, VENDOR, conflict, not_found, violations};
use linkyard_core::compliance::{CoverageStatus, NewCoverage};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{PartyId, RecordId};
use linkyard_core::job::{Checkpoint, Finish, JobKind, JobState, Lane};
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::provider::{ContactsMode, Credentials, ProviderChange, ProviderState, RetireBy};
use linkyard_core::registry::PartyChange;
use linkyard_core::{Error, Result};
use linkyard_store::{AuditFilter, CoverageFilter, InsuranceFilter, Merge, ProviderUpdate};
use linkyard_tests::build::{Side, create, keys, match_to, record, vendor};
use linkyard_tests::databases::{each_database, each_database_with_sql};
use linkyard_tests::ground;
use secrecy::SecretString;

fn update(change: ProviderChange) -> ProviderUpdate {
    ProviderUpdate { change, ..ProviderUpdate::default() }
}

fn own(client_id: &str) -> Credentials {
    Credentials::Own { client_id: client_id.to_owned(), client_secret: SecretString::from("another-secret") }
}

fn coverage(insurance_type: &str) -> NewCoverage {
    NewCoverage {
        insurance_type: insurance_type.to_owned(),
        insurer: None,
        policy_number: None,
        limit: None,
        effective_date: None,
        expiration_date: None,
        status: CoverageStatus::Compliant,
        waived: false,
        notes: None,
    }
}

async fn unlink(side: &Side, subject: Subject, records: &[i64]) -> Result<Vec<linkyard_core::mapping::Mapping>> {
    let rows: Vec<_> = records.iter().map(|record| (RecordId(*record), None)).collect();
    side.store.mapping_unlink(&side.scope, side.provider, subject, &rows, None).await
}

async fn cover(side: &Side, party: PartyId, insurance_type: &str) {
    side.store.coverages_create(&side.scope, &[(party, coverage(insurance_type))], None).await.expect("a coverage");
}

async fn provider(side: &Side) -> linkyard_core::provider::Provider {
    side.store.provider_get(&side.scope, side.provider).await.expect("the provider")
}

#[tokio::test]
async fn a_change_says_only_what_it_names_and_new_credentials_are_tested() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let before = provider(&side).await;
        let change = ProviderChange {
            display_name: Some(" Renamed ".to_owned()),
            contacts_mode: Some(ContactsMode::None),
            retire_by: Some(RetireBy::Deleted),
            pushes: Some(false),
            schedules: Some(false),
            ..ProviderChange::default()
        };
        let (after, test) = store.provider_update(&side.scope, side.provider, &update(change), None).await.expect("changed");
        assert!(test.is_none(), "the credentials are the same");
        assert_eq!((after.display_name.as_str(), after.state), ("Renamed", ProviderState::Active));
        assert_eq!(
            (after.contacts_mode, after.retire_by, after.pushes, after.schedules),
            (ContactsMode::None, RetireBy::Deleted, false, false)
        );
        assert_eq!((after.client_id, after.default_party_type), (before.client_id, before.default_party_type));

        let change = ProviderChange { credentials: Some(own("rotated")), ..ProviderChange::default() };
        let stale = ProviderUpdate { expected_revision: Some(before.revision), ..update(change.clone()) };
        let answer = store.provider_update(&side.scope, side.provider, &stale, None).await;
        assert_eq!(conflict(answer).0, ConflictReason::Version);
        let (after, test) = store.provider_update(&side.scope, side.provider, &update(change), None).await.expect("changed");
        assert_eq!((after.state, after.client_id.as_deref()), (ProviderState::Testing, Some("rotated")));
        let claimed = ground::claim(&store, test.expect("a test").id).await;
        let credentials = store.provider_credentials(&claimed.fence, side.provider).await.expect("credentials");
        assert!(matches!(credentials, Credentials::Own { client_id, .. } if client_id == "rotated"));

        let nameless = ProviderChange { display_name: Some("  ".to_owned()), ..ProviderChange::default() };
        assert_eq!(
            violations(store.provider_update(&side.scope, side.provider, &update(nameless), None).await),
            ["display_name"]
        );
    })
    .await;
}

#[tokio::test]
async fn a_changed_default_concerns_parties_created_from_then_on() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[record(1, "First"), record(2, "Second")]).await;
        side.link(VENDOR, &[1], create()).await;
        let supplier = store.party_type_create(&side.scope, "Supplier", None).await.expect("a type").id;
        let change = ProviderChange { default_party_type: Some(supplier), ..ProviderChange::default() };
        store.provider_update(&side.scope, side.provider, &update(change), None).await.expect("changed");
        side.link(VENDOR, &[2], create()).await;
        let type_of = async |vendor| {
            let party = side.party_of(vendor).await;
            store.party_get(&side.scope, party).await.expect("the party").party_type
        };
        assert_ne!(type_of(1).await, supplier);
        assert_eq!(type_of(2).await, supplier);
    })
    .await;
}

#[tokio::test]
async fn going_to_platform_credentials_is_a_claim_like_any_other() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let platform = ProviderChange { credentials: Some(Credentials::Platform), ..ProviderChange::default() };
        let (pending, test) =
            store.provider_update(&side.scope, side.provider, &update(platform.clone()), None).await.expect("changed");
        assert_eq!((pending.state, test.is_none()), (ProviderState::PendingApproval, true));
        let (again, test) =
            store.provider_update(&side.scope, side.provider, &update(platform.clone()), None).await.expect("no change");
        assert_eq!((again.state, test.is_none()), (ProviderState::PendingApproval, true));

        let other = Side::of(&store, "second", 1).await;
        let refused = store.provider_update(&other.scope, other.provider, &update(platform), None).await;
        assert!(matches!(&refused, Err(Error::AlreadyExists { message, .. }) if !message.contains("first")), "{refused:?}");
        let mine = ProviderChange { credentials: Some(own("mine")), ..ProviderChange::default() };
        let (freed, test) = store.provider_update(&side.scope, side.provider, &update(mine), None).await.expect("changed");
        assert_eq!((freed.state, test.is_some()), (ProviderState::Testing, true), "own credentials need no approval");
    })
    .await;
}

#[tokio::test]
async fn an_unlinked_vendor_takes_what_only_it_gave_and_leaves_the_party() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let party = side.party("Acme").await;
        side.walk(PROJECT, &[record(10, "Tower"), record(11, "Bridge")]).await;
        side.link(PROJECT, &[10, 11], create()).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10]), vendor(2, "Acme West", &[10, 11])]).await;
        side.link(VENDOR, &[1, 2], match_to(party)).await;
        cover(&side, party, "General Liability").await;
        let projects = async || store.party_get(&side.scope, party).await.expect("the party").project_count;
        assert_eq!(projects().await, 2);

        let rows = unlink(&side, VENDOR, &[2]).await.expect("unlinked");
        assert_eq!((rows[0].state, rows[0].target.is_none(), rows[0].link.is_none()), (MappingState::Unlinked, true, true));
        assert_eq!(projects().await, 1, "the bridge went with its only link, the tower stays by the other");
        let filter = InsuranceFilter { vendor: Some(RecordId(2)), ..InsuranceFilter::default() };
        let page = PageRequest { size: 10, after: None };
        let lines = store.insurance_list(&side.scope, side.provider, &filter, &page).await.expect("lines").rows;
        assert_eq!(lines.len(), 1, "its insurance is still to be retired");
        let marks = store.party_get(&side.scope, party).await.expect("the party").marks;
        assert_eq!(marks.iter().map(|mark| mark.record.0).collect::<Vec<_>>(), [1]);

        assert_eq!(conflict(unlink(&side, VENDOR, &[1, 2]).await).0, ConflictReason::State);
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Linked, "all or none");
        assert_eq!(violations(unlink(&side, VENDOR, &[1, 1, 77]).await), ["rows[1].record", "rows[2].record"]);
        side.link(VENDOR, &[2], match_to(party)).await;
        assert_eq!(projects().await, 2, "linked again, it gives again");
    })
    .await;
}

#[tokio::test]
async fn the_next_link_leads_when_the_leading_one_is_taken_away() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let party = side.party("Acme").await;
        let in_city = |id: i64, city: &str| {
            let mut record = record(id, &format!("Acme {id}"));
            record.address.city = Some(city.to_owned());
            record
        };
        side.walk(VENDOR, &[in_city(1, "Oakland"), in_city(2, "Boston"), in_city(3, "Denver")]).await;
        for vendor in [1, 2, 3] {
            side.link(VENDOR, &[vendor], match_to(party)).await;
        }
        let leading = "select case when count(*) = 1 then max(record_id) else -1 end from mapping where is_leading";
        assert_eq!(sql.number(leading).await, 1);
        unlink(&side, VENDOR, &[1]).await.expect("unlinked");
        assert_eq!(sql.number(leading).await, 2);
        side.sync(VENDOR).await;
        let city = store.party_get(&side.scope, party).await.expect("the party").address.city;
        assert_eq!(city.as_deref(), Some("Boston"), "the new leading link feeds the address");
    })
    .await;
}

#[tokio::test]
async fn an_association_that_another_provider_gives_too_goes_over_to_it() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let other = Side::second(&store, &side.scope, 2).await;
        let (party, tower) = (side.party("Acme").await, side.project("Tower").await);
        for one in [&side, &other] {
            one.walk(PROJECT, &[record(10, "Tower")]).await;
            one.link(PROJECT, &[10], match_to(tower)).await;
            one.walk(VENDOR, &[vendor(1, "Acme", &[10])]).await;
            one.link(VENDOR, &[1], match_to(party)).await;
        }
        unlink(&side, VENDOR, &[1]).await.expect("unlinked");
        assert_eq!(side.on_project(tower).await, 1);
        unlink(&other, VENDOR, &[1]).await.expect("unlinked");
        assert_eq!(side.on_project(tower).await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_is_linked_can_not_be_deleted_and_what_is_not_goes_with_everything() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        side.walk(PROJECT, &[record(10, "Tower")]).await;
        side.link(PROJECT, &[10], create()).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10])]).await;
        side.link(VENDOR, &[1], create()).await;
        let (party, project) = (side.party_of(1).await, side.project_of(10).await);
        cover(&side, party, "Auto").await;
        assert_eq!(conflict(store.party_delete(&side.scope, party, None, None).await).0, ConflictReason::State);
        assert_eq!(conflict(store.project_delete(&side.scope, project, None, None).await).0, ConflictReason::State);
        unlink(&side, VENDOR, &[1]).await.expect("unlinked");
        assert_eq!(conflict(store.party_delete(&side.scope, party, Some(77), None).await).0, ConflictReason::Version);
        let key = ground::request("DeleteParty", 1);
        store.party_delete(&side.scope, party, None, Some(&key)).await.expect("deleted");
        store.party_delete(&side.scope, party, None, Some(&key)).await.expect("the same answer");
        not_found(store.party_get(&side.scope, party).await);
        not_found(store.party_delete(&side.scope, party, None, None).await);
        let page = PageRequest { size: 10, after: None };
        let left = store.coverage_list(&side.scope, &CoverageFilter::default(), &page).await.expect("coverages").rows;
        assert!(left.is_empty(), "its coverages went with it");
        unlink(&side, PROJECT, &[10]).await.expect("unlinked");
        store.project_delete(&side.scope, project, None, None).await.expect("deleted");
        not_found(store.project_get(&side.scope, project).await);
        side.link(VENDOR, &[1], create()).await;
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Linked, "its name is free again");
    })
    .await;
}

#[tokio::test]
async fn a_renamed_party_is_found_by_both_names() {
    each_database(async |store| {
        let side = Side::new(&store).await;
        let party = side.party("Acme").await;
        let change = PartyChange { name: Some("Bolt".to_owned()), phone: Some(Some("1".to_owned())), ..PartyChange::default() };
        let key = keys(VENDOR);
        let changed = store.party_update(&side.scope, party, &change, Some(1), key, None).await.expect("changed");
        assert_eq!((changed.name.as_str(), changed.phone.as_deref(), changed.revision), ("Bolt", Some("1"), 2));
        assert_eq!(
            conflict(store.party_update(&side.scope, party, &change, Some(1), key, None).await).0,
            ConflictReason::Version
        );
        side.walk(VENDOR, &[record(1, "Acme, Inc."), record(2, "BOLT")]).await;
        side.link(VENDOR, &[1, 2], create()).await;
        for vendor in [1, 2] {
            assert_eq!(side.mapping(VENDOR, vendor).await.state, MappingState::Held);
        }
    })
    .await;
}

#[tokio::test]
async fn merged_parties_are_one_with_everything_that_both_had() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        let (kept, gone) = (side.party("Acme").await, side.party("Acme Holding").await);
        side.walk(PROJECT, &[record(10, "Tower"), record(11, "Bridge")]).await;
        side.link(PROJECT, &[10, 11], create()).await;
        side.walk(VENDOR, &[vendor(1, "Acme", &[10]), vendor(2, "Acme Holding", &[10, 11])]).await;
        side.link(VENDOR, &[1], match_to(kept)).await;
        side.link(VENDOR, &[2], match_to(gone)).await;
        cover(&side, kept, "Auto").await;
        cover(&side, gone, "Umbrella").await;
        let merge = Merge { target: kept, source: gone, target_revision: None, source_revision: None };
        let key = ground::request("MergeParties", 1);
        let merged = store.parties_merge(&side.scope, &merge, Some(&key)).await.expect("merged");
        assert_eq!(store.parties_merge(&side.scope, &merge, Some(&key)).await.expect("the same answer").id, merged.id);
        assert_eq!((merged.id, merged.name.as_str(), merged.project_count), (kept, "Acme", 2));
        assert_eq!(merged.marks.iter().map(|mark| mark.record.0).collect::<Vec<_>>(), [1, 2]);
        not_found(store.party_get(&side.scope, gone).await);
        assert_eq!(sql.number("select count(*) from mapping where subject = 'vendor' and is_leading").await, 1);
        assert_eq!(sql.number("select count(*) from insurance").await, 4, "both vendors show both coverages");
        side.walk(VENDOR, &[vendor(1, "Acme", &[10]), vendor(2, "Acme Holding", &[10, 11]), record(3, "acme holding inc")]).await;
        side.link(VENDOR, &[3], create()).await;
        assert_eq!(side.mapping(VENDOR, 3).await.state, MappingState::Held, "the source's name leads to the target");
        let itself = Merge { source: kept, ..merge };
        assert_eq!(violations(store.parties_merge(&side.scope, &itself, None).await), ["source"]);
    })
    .await;
}

#[tokio::test]
async fn a_deleted_provider_ends_its_jobs_and_links_and_frees_the_company() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[record(1, "Acme"), record(2, "Bolt")]).await;
        side.link(VENDOR, &[1], create()).await;
        let party = side.party_of(1).await;
        let rows = [linkyard_tests::build::decide(2, create())];
        let waiting = side.confirm(VENDOR, &rows).await.expect("confirmed").job.expect("a job");
        let running = ground::fetch(&store, &side.scope, side.provider).await;
        let fence = ground::claim(&store, running.id).await.fence;
        let key = ground::request("DeleteProvider", 1);
        let deleting = store.provider_delete(&side.scope, side.provider, None, Some(&key)).await.expect("deleting");
        assert_eq!(deleting.state, ProviderState::Deleting, "a job still runs");
        assert_eq!(store.job_get(&side.scope, waiting.id).await.expect("the job").state, JobState::Cancelled);
        assert_eq!(side.mapping(VENDOR, 1).await.state, MappingState::Unlinked);
        assert_eq!(conflict(side.confirm(VENDOR, &rows).await).0, ConflictReason::State);
        store.job_finish(&fence, &Finish::Cancelled).await.expect("it stops");
        store.jobs_settle().await.expect("settled");
        not_found(store.provider_get(&side.scope, side.provider).await);
        let again = store.provider_delete(&side.scope, side.provider, None, Some(&key)).await.expect("the same call");
        assert_eq!(again.state, ProviderState::Deleted);
        assert_eq!(sql.number("select count(*) from provider where client_secret_sealed is not null").await, 0);
        assert!(store.party_get(&side.scope, party).await.expect("the party stays").marks.is_empty());
        assert_eq!(sql.number("select count(*) from mapping").await, 2, "what was decided is kept as history");
        let form = ground::own_form(&store, &side.scope, 1).await;
        store.provider_create(&side.scope, &form, true, None).await.expect("the company is free again");
    })
    .await;
}

#[tokio::test]
async fn a_deleted_provider_retires_what_the_directory_shows_before_it_is_gone() {
    each_database_with_sql(async |store, sql| {
        let side = Side::new(&store).await;
        side.walk(VENDOR, &[record(1, "Acme")]).await;
        side.link(VENDOR, &[1], create()).await;
        cover(&side, side.party_of(1).await, "Auto").await;
        sql.execute("update insurance set due = 0, intended_hash = 1, pushed_hash = 1, insurance_id = 5").await;
        sql.execute("update job set state = 'succeeded', finished_at_ms = 1 where kind = 'push_compliance'").await;
        let deleting = store.provider_delete(&side.scope, side.provider, None, None).await.expect("deleting");
        assert_eq!(deleting.state, ProviderState::Deleting);
        let last = deleting.last_push_job.expect("a last push");
        let runnable = store.jobs_runnable(10, None).await.expect("runnable");
        assert_eq!(runnable.iter().map(|one| one.job).collect::<Vec<_>>(), [last], "it may run although the provider goes");
        let claimed = ground::claim(&store, last).await;
        assert_eq!((claimed.kind, claimed.lane), (JobKind::PushCompliance, Lane::Push));
        let batch = store.insurances_due(&claimed.fence, side.provider, None, 10).await.expect("due");
        assert_eq!((batch.lines.len(), batch.lines[0].insurance.is_none()), (1, true), "it is to be retired");
        store.jobs_settle().await.expect("settled");
        assert_eq!(provider(&side).await.state, ProviderState::Deleting, "not before the push has ended");
        let refused = ProviderChange { schedules: Some(false), ..ProviderChange::default() };
        let refused = store.provider_update(&side.scope, side.provider, &update(refused), None).await;
        assert_eq!(conflict(refused).0, ConflictReason::State);
        store.job_checkpoint(&claimed.fence, &Checkpoint::default()).await.expect("progress");
        let failed = Finish::Fail { reason: "UNAUTHORIZED".to_owned(), message: "the app was removed".to_owned() };
        store.job_finish(&claimed.fence, &failed).await.expect("it fails");
        store.jobs_settle().await.expect("settled");
        not_found(store.provider_get(&side.scope, side.provider).await);
        let filter = AuditFilter { resource: Some("provider".to_owned()), resource_id: Some(side.provider.to_string()) };
        let page = PageRequest { size: 2, after: None };
        let log = store.audit_list(&side.scope, &filter, &page).await.expect("the log");
        assert_eq!(log.rows[0].action, "provider.deleted");
        assert_eq!(log.rows[0].detail, "1 insurances of ours are left in the directory");
        assert_eq!(log.rows[1].action, "provider.delete");
        let next = PageRequest { after: log.next, ..page };
        let older = store.audit_list(&side.scope, &filter, &next).await.expect("the next page");
        assert!(older.rows.iter().all(|entry| entry.id < log.rows[1].id) && !older.rows.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_same_call_makes_one_key_and_answers_its_secret_again() {
    use linkyard_core::scope::Access;
    use secrecy::ExposeSecret;
    each_database(async |store| {
        let scope = ground::tenant(&store, "first").await;
        let key = ground::request("CreateApiKey", 1);
        let (first, secret) = store.api_key_create(&scope, "ci", Access::Read, None, Some(&key)).await.expect("a key");
        let (again, repeated) = store.api_key_create(&scope, "ci", Access::Read, None, Some(&key)).await.expect("the same key");
        assert_eq!((first.id, secret.expose_secret()), (again.id, repeated.expose_secret()));
        let other = linkyard_store::RequestKey { body_sha256: [2; 32], ..key };
        let refused = store.api_key_create(&scope, "other", Access::Read, None, Some(&other)).await;
        assert_eq!(conflict(refused.map(|_| ())).0, ConflictReason::RequestIdReused);
        let page = PageRequest { size: 10, after: None };
        assert_eq!(store.api_key_list(&scope, &page).await.expect("keys").rows.len(), 1);

        let key = ground::request("CreateOrganization", 1);
        let open = async || store.organization_open(&scope, "Second", "UTC", "first key", Some(&key)).await.expect("made");
        let ((first, secret), (again, repeated)) = (open().await, open().await);
        assert_eq!((first.id, secret.expose_secret()), (again.id, repeated.expose_secret()));
        let principal = store.api_key_check(&repeated).await.expect("checked").expect("a key");
        assert_eq!(principal.scope.organization, first.id);
    })
    .await;
}
