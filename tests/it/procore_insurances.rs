//! The Procore client's insurances: what is sent, what an answer means, and that a write is never repeated by the client itself.

use crate::procore_kit::{COMPANY, Canned, Said, Yard, answer, insured, ours, refusal, some_vendors};
use linkyard_core::Result;
use linkyard_core::compliance::Insurance;
use linkyard_core::id::{InsuranceId, RecordId};
use linkyard_procore::{MOST_SYNCED, SyncAnswer, SyncOutcome};
use linkyard_simulator::{Access, CompanySpec, Config};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SYNC: &str = "/rest/v1.0/companies/{company_id}/insurances/sync";
const ONE: &str = "/rest/v1.0/companies/{company_id}/insurances/{id}";

fn config() -> Config {
    Config { companies: vec![CompanySpec::generated(COMPANY, 60, 3)], ..Config::default() }
}

async fn yard() -> Yard {
    Yard::start(config(), |_| {}).await
}

/// How many rows were accepted as sent, accepted in another form, refused, and not answered.
fn counts(sent: &[Insurance], answer: &SyncAnswer) -> [usize; 4] {
    let mut counts = [0; 4];
    assert_eq!(answer.outcomes.len(), sent.len(), "one outcome for each row");
    for insurance in sent {
        let place = match &answer.outcomes[&insurance.origin_id] {
            SyncOutcome::Accepted(found) if found.says(insurance) => 0,
            SyncOutcome::Accepted(_) => 1,
            SyncOutcome::Refused { .. } => 2,
            SyncOutcome::Unanswered => 3,
        };
        counts[place] += 1;
    }
    counts
}

/// How often the API wrote each insurance that is there.
async fn writes(yard: &Yard) -> Vec<u64> {
    let rows = yard.directory("insurances").await;
    rows.iter().filter(|row| row["gone"] != true).filter_map(|row| row["api_writes"].as_u64()).collect()
}

#[tokio::test]
async fn a_sync_creates_and_then_updates_in_one_call_each() {
    let yard = Yard::start(config(), |args| args.insurances_per_page = 7).await;
    let company = yard.company();
    let mut wanted = ours(&some_vendors(&company, 30).await);
    let before = company.calls();
    let created = company.sync_insurances(&wanted).await.expect("a sync");
    assert_eq!((counts(&wanted, &created), company.calls() - before), ([30, 0, 0, 0], 1));
    let listed = insured(&company).await;
    assert_eq!(company.calls() - before, 1 + 5, "30 rows in pages of 7");
    for insurance in &wanted {
        let found = listed.iter().find(|found| found.origin_id.as_deref() == Some(&*insurance.origin_id)).expect("listed");
        assert!(found.says(insurance), "{found:?} {insurance:?}");
        assert_eq!(created.outcomes[&insurance.origin_id], SyncOutcome::Accepted(Box::new(found.clone())));
    }
    wanted.iter_mut().for_each(|insurance| "9".clone_into(&mut insurance.limit));
    (wanted[3].expiration_date, wanted[1].insurer) = (None, String::new());
    assert!(!listed.iter().any(|found| wanted.iter().any(|insurance| found.says(insurance))), "every row differs now");
    let updated = company.sync_insurances(&wanted).await.expect("a sync");
    assert_eq!(counts(&wanted, &updated), [30, 0, 0, 0], "also what became empty");
    assert_eq!(writes(&yard).await, [2; 30]);
}

#[tokio::test]
async fn a_sync_sends_every_field_in_procores_names() {
    let server = Canned::start(|_| Said::Whole(answer(200, &[], r#"{"entities":[],"errors":[]}"#))).await;
    let sent = ours(&[RecordId(598_134_325_000_001), RecordId(2)]);
    let outcome = server.company().sync_insurances(&sent).await.expect("a sync");
    assert_eq!(counts(&sent, &outcome), [0, 0, 0, 2]);
    let asked = server.asked("/rest").remove(0);
    assert_eq!((asked.method.as_str(), asked.path), ("PATCH", format!("/rest/v1.0/companies/{COMPANY}/insurances/sync")));
    assert_eq!(asked.headers.get("content-type").map(String::as_str), Some("application/json"));
    let body: Value = serde_json::from_slice(&asked.body).expect("JSON");
    let first = json!({
        "origin_id": sent[0].origin_id, "vendor_id": 598_134_325_000_001_i64, "insurance_type": "General Liability", "name": "",
        "policy_number": "P-0", "limit": "1000000.00", "effective_date": null, "expiration_date": null, "status": "compliant",
        "enable_expired_insurance_notifications": false, "notes": "limit too low"
    });
    assert_eq!(body["updates"][0], first);
    assert_eq!((&body["updates"][1]["limit"], &body["updates"][1]["effective_date"]), (&json!("2500.50"), &json!("2026-01-02")));
    assert_eq!(body.as_object().map(serde_json::Map::len), Some(1));
}

#[tokio::test]
async fn rows_that_are_shuffled_repeated_or_left_out_are_told_apart() {
    let mut config = config();
    let settings = &mut config.settings;
    (settings.shuffle_entities, settings.sync_repeats_rows, settings.sync_omits_rows) = (true, true, true);
    let yard = Yard::start(config, |_| {}).await;
    let company = yard.company();
    let sent = ours(&some_vendors(&company, 25).await);
    let answer = company.sync_insurances(&sent).await.expect("a sync");
    assert_eq!(counts(&sent, &answer), [22, 0, 0, 3]);
    // What was left out was written all the same; only the list tells.
    let listed = insured(&company).await;
    assert!(sent.iter().all(|insurance| listed.iter().any(|found| found.says(insurance))));
}

#[tokio::test]
async fn a_form_other_than_the_one_sent_is_visible() {
    let sent = ours(&[RecordId(7)]);
    let row = json!({"id": 1, "vendor_id": 8, "status": "brand_new", "origin_id": sent[0].origin_id});
    let body = json!({"entities": [row], "errors": []}).to_string();
    let server = Canned::start(move |_| Said::Whole(answer(200, &[], &body))).await;
    let answer = server.company().sync_insurances(&sent).await.expect("a sync");
    assert_eq!(counts(&sent, &answer), [0, 1, 0, 0]);
    let SyncOutcome::Accepted(found) = &answer.outcomes[&sent[0].origin_id] else { panic!("{answer:?}") };
    assert_eq!(
        (found.id, found.insurance.vendor, found.unreadable.as_slice()),
        (InsuranceId(1), RecordId(8), &["status".to_owned()][..])
    );
}

#[tokio::test]
async fn a_thousand_rows_are_one_call_and_one_more_is_a_defect() {
    let yard = yard().await;
    let company = yard.company();
    let vendors = some_vendors(&company, 50).await;
    let many = ours(&vendors.iter().cycle().take(MOST_SYNCED + 1).copied().collect::<Vec<_>>());
    let before = company.calls();
    assert_eq!(refusal(company.sync_insurances(&many).await).0, "INTERNAL");
    assert_eq!(company.sync_insurances(&[]).await.expect("nothing to do"), SyncAnswer::default());
    assert_eq!(company.calls(), before, "nobody was called");
    let answer = company.sync_insurances(&many[1..]).await.expect("a sync");
    assert_eq!((counts(&many[1..], &answer), company.calls()), ([1_000, 0, 0, 0], before + 1));
}

/// Syncs one row and deletes one, each under the same fault; what came of it.
async fn both_writes(yard: &Yard, action: Value) -> (Result<SyncAnswer>, Result<()>) {
    let company = yard.company();
    let vendors = some_vendors(&company, 1).await;
    let before = company.calls();
    yard.fault(json!({"method": "PATCH"}), action.clone()).await;
    yard.fault(json!({"method": "DELETE"}), action).await;
    let outcome = (company.sync_insurances(&ours(&vendors)).await, company.delete_insurance(InsuranceId(5)).await);
    assert_eq!(company.calls() - before, 2, "each was made once");
    yard.no_more_faults().await;
    outcome
}

#[tokio::test]
async fn a_write_that_failed_is_not_repeated() {
    let yard = yard().await;
    for (action, reason) in [
        (json!({"kind": "status", "status": 500}), "UNAVAILABLE"),
        (json!({"kind": "status", "status": 502}), "UNAVAILABLE"),
        (json!({"kind": "status", "status": 408}), "UNAVAILABLE"),
        (json!({"kind": "status", "status": 503, "retry_after_s": 1}), "RATE_LIMITED"),
        (json!({"kind": "status", "status": 429, "retry_after_s": 1}), "RATE_LIMITED"),
        (json!({"kind": "status", "status": 422}), "INVALID_INPUT"),
        (json!({"kind": "status", "status": 403}), "PROVIDER_NOT_CONNECTED"),
        (json!({"kind": "reset"}), "UNAVAILABLE"),
        (json!({"kind": "hang"}), "UNAVAILABLE"),
    ] {
        let (synced, deleted) = both_writes(&yard, action.clone()).await;
        assert_eq!((refusal(synced).0, refusal(deleted).0), (reason, reason), "{action}");
    }
    // An answer that can not be right says nothing about the rows; an answer to a deletion is not read at all.
    for kind in ["html_200", "empty_200", "bad_json", "truncated"] {
        let (synced, _) = both_writes(&yard, json!({"kind": kind})).await;
        assert_eq!(refusal(synced).0, "UNAVAILABLE", "{kind}");
    }
}

#[tokio::test]
async fn a_write_whose_token_ended_is_made_once() {
    let yard = yard().await;
    let company = yard.company();
    let sent = ours(&some_vendors(&company, 3).await);
    yard.admin("POST", "/admin/stop-token", json!({})).await;
    let answer = company.sync_insurances(&sent).await.expect("with a new token");
    assert_eq!(counts(&sent, &answer), [3, 0, 0, 0]);
    assert_eq!(yard.called("PATCH", SYNC).await, BTreeMap::from([(200, 1), (401, 1)]));
    assert_eq!(writes(&yard).await, [1; 3]);
    yard.admin("POST", "/admin/stop-token", json!({})).await;
    let SyncOutcome::Accepted(found) = &answer.outcomes[&sent[0].origin_id] else { panic!("{answer:?}") };
    company.delete_insurance(found.id).await.expect("with a new token");
    assert_eq!(yard.called("DELETE", ONE).await, BTreeMap::from([(200, 1), (401, 1)]));
    assert_eq!(writes(&yard).await.len(), 2);
    let server = Canned::start(|_| Said::Whole(answer_401())).await;
    assert_eq!(refusal(server.company().sync_insurances(&sent).await).0, "PROVIDER_CREDENTIALS");
    assert_eq!(server.asked("/rest").len(), 4, "a token that is never accepted is tried four times and no more");
}

fn answer_401() -> Vec<u8> {
    answer(401, &[], r#"{"message":"The access token is invalid"}"#)
}

#[tokio::test]
async fn a_missing_permission_to_write_is_told_as_that() {
    for (insurances, reason) in [(Access::Read, "PROVIDER_PERMISSION"), (Access::None, "NOT_FOUND")] {
        let spec = CompanySpec { insurances, ..CompanySpec::generated(COMPANY, 10, 1) };
        let yard = Yard::start(Config { companies: vec![spec], ..Config::default() }, |_| {}).await;
        let company = yard.company();
        let (told, message) = refusal(company.sync_insurances(&ours(&some_vendors(&company, 2).await)).await);
        assert_eq!(told, reason);
        assert_eq!(message.contains("may not write insurances"), insurances == Access::Read, "{message}");
        assert_eq!(company.insurances(1).await.is_ok(), insurances == Access::Read);
    }
}

#[tokio::test]
async fn what_the_api_shows_late_was_accepted_all_the_same() {
    let mut config = config();
    config.settings.read_lag_ms = 60_000;
    let yard = Yard::start(config, |_| {}).await;
    let company = yard.company();
    let sent = ours(&some_vendors(&company, 4).await);
    let answer = company.sync_insurances(&sent).await.expect("a sync");
    assert_eq!((counts(&sent, &answer), insured(&company).await.len()), ([4, 0, 0, 0], 0));
    yard.admin("POST", "/admin/clock", json!({"advance_s": 61})).await;
    assert_eq!(insured(&company).await.len(), 4);
}
