//! The judge is judged: each of the six is done to a product on purpose, from outside, and each is found. The state that a broken product
//! would leave is made in its tables or in the simulator, so no switch for it ships in the product.

use anyhow::{Context, Result, ensure};
use linkyard_proto::v1;
use linkyard_proto::v1::compliance_service_client::ComplianceServiceClient;
use linkyard_tests::drill::judge::judge;
use linkyard_tests::drill::person::{Person, new_id};
use linkyard_tests::drill::yard::{Plan, Yard};
use linkyard_tests::drill::{Settings, find};
use linkyard_tests::zero::Zero;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_six_is_found_where_it_is() -> Result<()> {
    let settings = Settings { items: 120, ..Settings::fast() };
    let mut yard = Yard::start(settings, Plan { workers: 1, latency_ms: 0, page: 1_000, ..Plan::default() }).await?;
    yard.work(async |_| Ok(())).await?;
    yard.quiet().await;
    assert_eq!(judge(&yard.people, &yard.sql).await?.sentences, Vec::<String>::new());
    // From here on nobody mends anything.
    for worker in yard.installation.living() {
        yard.installation.stop_worker(worker).await?;
    }
    finds(&mut yard, Zero::Lost, an_insurance_vanishes).await?;
    finds(&mut yard, Zero::Dup, a_party_is_created_twice).await?;
    finds(&mut yard, Zero::Stale, an_older_value_lands_late).await?;
    finds(&mut yard, Zero::Leak, a_call_names_another_company).await?;
    finds(&mut yard, Zero::Stuck, a_worker_is_gone_for_good).await?;
    a_push_is_called_done_before_it_was(&mut yard).await?;
    let watched = yard.watched().await?;
    assert!(watched.count(Zero::Lying) > 0, "{watched:?}");
    yard.installation.stop().await
}

/// The count rises from 0 by what `breakage` does.
async fn finds(yard: &mut Yard, zero: Zero, breakage: impl AsyncFnOnce(&mut Yard) -> Result<()>) -> Result<()> {
    let before = judge(&yard.people, &yard.sql).await?;
    assert_eq!(before.count(zero), 0, "{zero:?}: {before:?}");
    breakage(yard).await?;
    let after = judge(&yard.people, &yard.sql).await?;
    assert!(after.count(zero) > 0, "{zero:?}: {after:?}");
    Ok(())
}

/// An insurance of ours in the simulator.
async fn insurance(person: &Person) -> Result<Value> {
    let text = person.admin("GET", &format!("/companies/{}/directory?resource=insurances", person.company), Value::Null).await?;
    let mut rows = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ours = |row: &Value| row["gone"] == false && row["origin_id"].as_str().is_some_and(|mark| mark.starts_with("linkyard:"));
    rows.rfind(ours).context("an insurance")
}

async fn an_insurance_vanishes(yard: &mut Yard) -> Result<()> {
    let person = &yard.people[0];
    let id = &insurance(person).await?["id"];
    person.admin("DELETE", &format!("/companies/{}/insurances/{id}", person.company), Value::Null).await.map(|_| ())
}

/// As by a create that is repeated without looking for what the first one left.
async fn a_party_is_created_twice(yard: &mut Yard) -> Result<()> {
    let copy = "insert into party (id, organization_id, name, name_search, party_type_id, compliance_profile_id, created_by_provider_id,
            created_at_ms, updated_at_ms)
        select gen_random_uuid(), organization_id, name, name_search, party_type_id, compliance_profile_id, created_by_provider_id,
            created_at_ms, updated_at_ms from party where created_by_provider_id is not null limit 1";
    yard.sql.execute(copy).await;
    Ok(())
}

/// As by a worker that wakes up after its lease and still sends what it had.
async fn an_older_value_lands_late(yard: &mut Yard) -> Result<()> {
    let person = &yard.people[0];
    let id = &insurance(person).await?["id"];
    let path = format!("/companies/{}/insurances/{id}", person.company);
    person.admin("PATCH", &path, json!({ "limit": "1.00" })).await.map(|_| ())
}

async fn a_call_names_another_company(yard: &mut Yard) -> Result<()> {
    let place = &yard.people[0].place;
    let client = linkyard_tests::plain_http();
    let login = [("grant_type", "client_credentials"), ("client_id", "simulator-client"), ("client_secret", "simulator-secret")];
    let body = login.map(|(name, value)| format!("{name}={value}")).join("&");
    let form = "application/x-www-form-urlencoded";
    let login = client.post(format!("{}/oauth/token", place.simulator)).header("content-type", form).body(body).send().await?;
    let token: Value = login.error_for_status()?.json().await?;
    let token = token["access_token"].as_str().context("a token")?;
    let vendors = format!("{}/rest/v1.0/vendors?company_id={}", place.simulator, yard.people[0].company);
    client.get(vendors).bearer_auth(token).header("Procore-Company-Id", yard.people[1].company).send().await?;
    Ok(())
}

async fn a_worker_is_gone_for_good(yard: &mut Yard) -> Result<()> {
    let lease = "update job set state = 'running', lease_owner = 'nobody', lease_until_ms = 0, finished_at_ms = null
        where id = (select id from job where kind = 'fetch_directory' limit 1)";
    yard.sql.execute(lease).await;
    Ok(())
}

/// As by a worker that writes the end of a push before its call.
async fn a_push_is_called_done_before_it_was(yard: &mut Yard) -> Result<()> {
    let person = &mut yard.people[0];
    let name = person.acknowledged.limits.keys().next().context("a coverage")?.clone();
    let get = async |channel, request| ComplianceServiceClient::new(channel).get_coverage(request).await;
    let coverage = person.try_once(v1::GetCoverageRequest { name }, get).await?;
    let changed = v1::Coverage { limit: "9000.00".to_owned(), etag: String::new(), ..coverage };
    let request = v1::BatchUpdateCoveragesRequest { coverages: vec![changed], request_id: new_id() };
    let update = async |channel, request| ComplianceServiceClient::new(channel).batch_update_coverages(request).await;
    person.try_once(request, update).await?;
    let request = v1::PushComplianceRequest { name: person.provider.clone(), compare: false, request_id: new_id() };
    let push = async |channel, request| ComplianceServiceClient::new(channel).push_compliance(request).await;
    let job = person.try_once(request, push).await?.name;
    let id = job.trim_start_matches("jobs/");
    yard.sql.execute("update insurance set due = 0").await;
    yard.sql.execute(&format!("update job set state = 'succeeded', finished_at_ms = 1 where id = '{id}'")).await;
    ensure!(yard.sql.texts(&format!("select state from job where id = '{id}'")).await? == ["succeeded"], "the job is done");
    Ok(())
}

#[test]
fn a_drill_is_found_by_its_name_in_any_case_and_others_are_not() {
    assert!(find("d1").is_some_and(|drill| drill.name == "D1"));
    assert!(find("D0").is_none() && find("").is_none());
}
