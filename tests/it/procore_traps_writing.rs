//! Procore's traps, the second part: those about writing insurances and about paths. Each test is a fact about Procore that a naive client
//! gets wrong, and fails if ours does. The traps about reading are in `procore_traps.rs`.

use crate::procore_kit::{COMPANY, Yard, everybody, inactive, insured, ours, refusal, some_vendors, walk};
use linkyard_core::compliance::{Insurance, InsuranceStatus};
use linkyard_core::id::{InsuranceId, RecordId};
use linkyard_core::mapping::Subject;
use linkyard_procore::{Company, SyncAnswer, SyncOutcome, UpdatedRange};
use linkyard_simulator::{CompanySpec, Config};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const LIST: &str = "/rest/v1.0/companies/{company_id}/insurances";
const SYNC: &str = "/rest/v1.0/companies/{company_id}/insurances/sync";
const ONE: &str = "/rest/v1.0/companies/{company_id}/insurances/{id}";

async fn yard(change: impl FnOnce(&mut Config)) -> (Yard, Company) {
    let spec = CompanySpec { inactive_vendors_percent: 20, ..CompanySpec::generated(COMPANY, 60, 6) };
    let mut config = Config { companies: vec![spec], ..Config::default() };
    change(&mut config);
    let yard = Yard::start(config, |_| {}).await;
    let company = yard.company();
    (yard, company)
}

fn accepted(answer: &SyncAnswer, insurance: &Insurance) -> InsuranceId {
    match &answer.outcomes[&insurance.origin_id] {
        SyncOutcome::Accepted(found) => found.id,
        other @ (SyncOutcome::Refused { .. } | SyncOutcome::Unanswered) => panic!("{other:?}"),
    }
}

/// Insurances that the simulator has and that are not gone.
async fn standing(yard: &Yard) -> Vec<Value> {
    let rows = yard.directory("insurances").await;
    rows.into_iter().filter(|row| row["gone"] != true).collect()
}

/// Trap 1. A sync answers 200 with failures inside, without a number of the row and in any order: each row's fate is found by its mark.
#[tokio::test]
async fn a_sync_answers_200_with_failures_inside() {
    let (yard, company) = yard(|config| config.settings.shuffle_entities = true).await;
    let mut sent = ours(&some_vendors(&company, 20).await);
    (sent[2].vendor, sent[7].vendor) = (RecordId(1), RecordId(i64::MAX));
    "12345678901234567.89".clone_into(&mut sent[11].limit);
    let answer = company.sync_insurances(&sent).await.expect("a 200");
    for (number, insurance) in sent.iter().enumerate() {
        match (&answer.outcomes[&insurance.origin_id], number) {
            (SyncOutcome::Refused { message }, 2 | 7) => assert_eq!(message, "vendor_id Entity with this ID not found"),
            (SyncOutcome::Refused { message }, 11) => assert!(message.starts_with("limit "), "{message}"),
            (SyncOutcome::Accepted(found), _) => assert!(found.says(insurance), "{found:?}"),
            (SyncOutcome::Refused { .. } | SyncOutcome::Unanswered, _) => panic!("row {number} in {answer:?}"),
        }
    }
    assert_eq!(yard.called("PATCH", SYNC).await, BTreeMap::from([(200, 1)]));
    assert_eq!(standing(&yard).await.len(), 17);
}

/// Trap 2. A sync's row without a mark always creates, so a repeated batch would double everything. Every row carries one, also when
/// the first answer was lost; a row without one is not sent at all.
#[tokio::test]
async fn a_repeated_sync_creates_nothing_twice() {
    let (yard, company) = yard(|_| {}).await;
    let sent = ours(&some_vendors(&company, 12).await);
    yard.fault(json!({"method": "PATCH", "nth": 1}), json!({"kind": "lose_reply"})).await;
    let (reason, _) = refusal(company.sync_insurances(&sent).await);
    assert_eq!((reason, standing(&yard).await.len()), ("UNAVAILABLE", 12), "it was executed, and nobody was told");
    let first = company.sync_insurances(&sent).await.expect("again");
    let second = company.sync_insurances(&sent).await.expect("and again");
    assert_eq!(first, second);
    assert_eq!(standing(&yard).await.len(), 12);
    let calls = company.calls();
    let unmarked = Insurance { origin_id: String::new(), ..sent[0].clone() };
    assert_eq!(refusal(company.sync_insurances(&[unmarked]).await).0, "INTERNAL");
    assert_eq!(refusal(company.sync_insurances(&[sent[0].clone(), sent[0].clone()]).await).0, "INTERNAL");
    assert_eq!((company.calls(), standing(&yard).await.len()), (calls, 12));
}

/// Trap 3. The insurer is written as `name` and read as `insurance_provider`, and a limit comes back in another spelling: what was stored
/// as sent still equals what is wanted, so nothing is written again for ever.
#[tokio::test]
async fn what_comes_back_in_other_words_is_the_same() {
    let (yard, company) = yard(|_| {}).await;
    let sent = ours(&some_vendors(&company, 20).await);
    let answer = company.sync_insurances(&sent).await.expect("a sync");
    let rows = standing(&yard).await;
    assert_eq!((&rows[1]["insurance_provider"], &rows[1]["limit"]), (&json!("GL Insurance Inc."), &json!("2500.5")));
    assert_eq!((&rows[0]["insurance_provider"], &rows[0]["limit"]), (&Value::Null, &json!("1000000.0")));
    assert!(rows.iter().all(|row| row["enable_expired_insurance_notifications"] == false), "on by default, and never by us");
    let listed = insured(&company).await;
    for insurance in &sent {
        let SyncOutcome::Accepted(stored) = &answer.outcomes[&insurance.origin_id] else { panic!("{answer:?}") };
        assert!(stored.says(insurance) && listed.contains(stored), "{stored:?}");
    }
}

/// Trap 12. Paths are irregular: vendors are at `/vendors` with the company in the query, inactive vendors, people and insurances under the
/// company; projects have another version; ranges have three dots. Everything that the client calls is a route that is there, and only
/// insurances are written.
#[tokio::test]
async fn every_path_is_one_that_procore_has() {
    let (yard, company) = yard(|_| {}).await;
    company.test_connection().await.expect("a connection");
    walk(&company, Subject::Project).await.expect("projects");
    let range = Some(UpdatedRange { from_ms: 0, to_ms: 1 });
    assert_eq!(company.page(Subject::Vendor, 1, range).await.expect("nobody").records, [], "the range was understood");
    assert!(!inactive(&company).await.is_empty() && !everybody(&company).await.is_empty());
    let sent = ours(&some_vendors(&company, 2).await);
    let answer = company.sync_insurances(&sent).await.expect("a sync");
    insured(&company).await;
    company.delete_insurance(accepted(&answer, &sent[0])).await.expect("a deletion");
    let report = yard.admin("GET", "/admin/journal/report", Value::Null).await;
    let rows = report["rows"].as_array().expect("rows").iter().filter(|row| row["normalized_route"] != "/oauth/token");
    let text = |row: &Value, field: &str| row[field].as_str().expect("a text").to_owned();
    let called: BTreeSet<_> = rows
        .map(|row| (text(row, "http_method"), text(row, "normalized_route"), row["response_code"].as_u64().expect("a status")))
        .collect();
    let expected = [
        ("GET", "/rest/v1.0/companies"),
        ("GET", "/rest/v1.0/vendors"),
        ("GET", "/rest/v1.1/projects"),
        ("GET", "/rest/v1.0/companies/{company_id}/vendors/inactive"),
        ("GET", "/rest/v1.0/companies/{company_id}/people"),
        ("GET", LIST),
        ("PATCH", SYNC),
        ("DELETE", ONE),
    ];
    assert_eq!(called, expected.map(|(method, route)| (method.to_owned(), route.to_owned(), 200)).into());
    assert_eq!((yard.counted("missing_company_header").await, yard.counted("foreign_company_header").await), (0, 0));
}

/// Trap 13. Insurances have neither filters nor times nor events: a person's change is found in one list of the whole company, not in a
/// call per vendor. `DELETE` answers 200 with nothing in it, and 404 where nothing is left to delete.
#[tokio::test]
async fn insurances_are_compared_by_one_list_and_deleted_without_an_answer() {
    let (yard, company) = yard(|config| config.settings.max_page_size = Some(10)).await;
    yard.admin("POST", &format!("/admin/companies/{COMPANY}/insurances"), json!({"count": 21})).await;
    let sent = ours(&some_vendors(&company, 10).await);
    let answer = company.sync_insurances(&sent).await.expect("a sync");
    let by_hand = accepted(&answer, &sent[6]);
    yard.admin("PATCH", &format!("/admin/companies/{COMPANY}/insurances/{by_hand}"), json!({"status": "undecided"})).await;
    let calls = company.calls();
    let listed = insured(&company).await;
    assert_eq!((listed.len(), company.calls() - calls), (31, 4), "31 rows in pages of 10");
    let changed = |insurance: &&Insurance| !listed.iter().any(|found| found.says(insurance));
    assert_eq!(sent.iter().filter(changed).map(|insurance| accepted(&answer, insurance)).collect::<Vec<_>>(), [by_hand]);
    assert_eq!(sent[6].status, InsuranceStatus::Unregistered, "what the person overwrote");
    company.delete_insurance(by_hand).await.expect("gone");
    company.delete_insurance(by_hand).await.expect("gone already");
    assert_eq!(yard.called("DELETE", ONE).await, BTreeMap::from([(200, 1), (404, 1)]));
    assert!(insured(&company).await.iter().all(|found| found.id != by_hand) && standing(&yard).await.len() == 30);
}

/// Trap 14. A mark (`origin_id`) is one slot for all integrations, unique in a company: an ERP system's insurance of the same vendor stays
/// as it is, its mark is never sent, and one of ours that is taken is refused. On vendors no mark is written at all, because nothing is
/// (see trap 12).
#[tokio::test]
async fn a_mark_of_somebody_else_is_never_written_over() {
    let (yard, company) = yard(|_| {}).await;
    let sent = ours(&some_vendors(&company, 3).await);
    let project = walk(&company, Subject::Project).await.expect("projects")[0].records[0].id;
    let theirs = json!({"vendor_id": sent[0].vendor, "insurance_type": sent[0].insurance_type, "status": "compliant", "origin_id": "ERP-17"});
    let taken = json!({"vendor_id": sent[1].vendor, "project_id": project, "origin_id": sent[1].origin_id});
    let unmarked = json!({"vendor_id": sent[2].vendor, "insurance_type": "By hand"});
    yard.admin("POST", &format!("/admin/companies/{COMPANY}/insurances"), json!({"rows": [theirs, taken, unmarked]})).await;
    let before = standing(&yard).await;
    let calls = company.calls();
    let stolen = Insurance { origin_id: "ERP-17".to_owned(), ..sent[0].clone() };
    assert_eq!(refusal(company.sync_insurances(&[stolen]).await).0, "INTERNAL");
    assert_eq!(company.calls(), calls, "nobody was called");
    let answer = company.sync_insurances(&sent).await.expect("a sync");
    let refused = SyncOutcome::Refused { message: "origin_id has already been taken".to_owned() };
    assert_eq!(answer.outcomes[&sent[1].origin_id], refused);
    let (now, listed) = (standing(&yard).await, insured(&company).await);
    assert!(before.iter().all(|row| now.contains(row)) && now.len() == 5);
    let marks: Vec<_> = listed.iter().map(|found| found.origin_id.as_deref()).collect();
    assert_eq!(marks, [Some("ERP-17"), None, Some(&*sent[0].origin_id), Some(&*sent[2].origin_id)]);
}
