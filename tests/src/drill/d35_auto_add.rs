//! D35: automatic adding is on from the start, while rows appear and end between the pages of every fetch and workers are killed. Nothing may
//! come to be twice, whichever walk saw a vendor first and however often its link job began anew.

use super::d01_kill::kill_one;
use super::person::Person;
use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::{Context, Result};
use linkyard_proto::v1;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Names that stand in the registry more than once, where a provider created one of them; keys with a colon are of parts of names.
const TWICE: &str = "select k.subject || ' ' || k.key || ' of ' || k.organization_id from match_key k
    left join party p on p.id = k.target_id left join project j on j.id = k.target_id
    where k.key not like '%:%' group by k.organization_id, k.subject, k.key
    having count(*) > 1 and count(coalesce(p.created_by_provider_id, j.created_by_provider_id)) > 0";

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let mut yard = Yard::start(settings, Plan { page: 20, ..Plan::default() }).await?;
    // Nobody works beside this one: the neighbour's directory would never be fetched.
    yard.people.truncate(1);
    for person in &mut yard.people {
        person.connect().await?;
        person.update(v1::Provider { auto_add_parties: true, ..Default::default() }, "auto_add_parties").await?;
        person.update(v1::Provider { auto_add_projects: true, ..Default::default() }, "auto_add_projects").await?;
    }
    let mut outcome = yard.damage(drift_and_kill).await?;
    yard.quiet().await;
    let created = "select cast(count(*) as text) from party where created_by_provider_id is not null";
    let created: f64 = yard.sql.texts(created).await?.first().context("a count")?.parse()?;
    outcome.figures.insert("added_automatically", created);
    outcome.require(created > 0.0, || "nothing was added automatically".to_owned());
    let twice = yard.sql.texts(TWICE).await?;
    outcome.figures.insert("duplicates", twice.len() as f64);
    outcome.require(twice.is_empty(), || format!("these came to be twice: {}", twice.join("; ")));
    yard.judge(outcome).await
}

async fn drift_and_kill(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(4, 40);
    let drifts = scene.settings.quota(10, 200);
    let drift = |route: &str, every: u32| json!({ "match": { "route": route, "every": every }, "action": { "kind": "drift", "insert": 2, "delete": 1 } });
    let faults = json!([drift("/rest/v1.0/vendors", 3), drift("/rest/v1.0/companies/{company_id}/projects", 5)]);
    scene.observer.admin("POST", "/faults", faults).await?;
    let mut fetcher = scene.observer.at(scene.installation.api(0))?;
    let enough = CancellationToken::new();
    let fetching = async {
        while !enough.is_cancelled() {
            fetcher.fetch(false).await?;
        }
        anyhow::Ok(())
    };
    let breaking = async {
        while scene.outcome.faults_landed < scene.outcome.quota {
            kill_one(scene).await?;
        }
        while landed(&scene.observer).await? < drifts {
            scene.pause(Duration::from_secs(1)).await;
        }
        enough.cancel();
        anyhow::Ok(())
    };
    tokio::try_join!(fetching, breaking)?;
    let landed = landed(&scene.observer).await?;
    scene.outcome.figures.insert("drifts", landed as f64);
    scene.outcome.require(landed >= drifts, || format!("only {landed} of {drifts} drifts landed"));
    scene.observer.admin("DELETE", "/faults", Value::Null).await?;
    // Two complete walks of a directory that stands still: what ended in between is gone, what appeared is added.
    for _ in 0..2 {
        fetcher.fetch(false).await?;
    }
    Ok(())
}

/// How often rows moved under a reader.
async fn landed(person: &Person) -> Result<u64> {
    let faults: Value = serde_json::from_str(&person.admin("GET", "/faults", Value::Null).await?)?;
    let faults = faults.as_array().or_else(|| faults["faults"].as_array()).context("a list of faults")?;
    Ok(faults.iter().filter_map(|fault| fault["landed"].as_u64()).sum())
}
