//! D31: one tenant has a mountain of jobs whose calls are slow, and ten others have a few. The few wait hardly longer than they would alone,
//! the noisy one has no more than its share of the slots, and its next call to the API is told that enough waits.

use super::crowd::{Rows, gather};
use super::drift::calm;
use super::person::{Person, new_id};
use super::yard::{COMPANIES, Plan, Scene, Yard};
use super::{Outcome, Pace, Settings};
use anyhow::{Context, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use serde_json::json;
use tonic::{Code, Status};

/// Slots of each of the two workers.
const SLOTS: usize = 5;
const WORKERS: usize = 2;
/// Of all slots, 60 of a hundred: those that one provider among several may have.
const SHARE_OF_SLOTS: i64 = 6;
/// A wait below this is no harm, whatever it is alone: what a busy machine does.
const HARMLESS_MS: i64 = 500;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let plan = Plan { workers: WORKERS, concurrency: SLOTS, latency_ms: 5, page: 1_000, ..Plan::default() };
    let mut yard = Yard::start(settings, plan).await?;
    yard.people.truncate(1);
    let api = yard.installation.api(0);
    let noisy = yard.people.first_mut().context("a tenant")?;
    noisy.connect().await?;
    noisy.fetch(false).await?;
    let few = gather(noisy, &api, 5_000..5_010).await?;
    let outcome = yard.damage(async |scene| make_noise(scene, few).await).await?;
    yard.judge(outcome).await
}

async fn make_noise(scene: &mut Scene<'_>, mut few: Vec<Person>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(20, 200);
    let noisy = format!("p.company_id = {}", COMPANIES[0]);
    let others = format!("p.company_id <> {}", COMPANIES[0]);
    let each = match scene.settings.pace {
        Pace::Fast => 5,
        Pace::Full => 10,
    };
    let of_few = |key| Rows { key, kind: "test_connection", of: &others, each, apart_ms: 0 };
    let alone = of_few("alone");
    alone.write(scene.sql).await;
    alone.ended(scene, async |_| Ok(())).await?;

    let slow = json!({ "match": { "company_id": COMPANIES[0] }, "action": { "kind": "slow", "delay_ms": 50 } });
    scene.observer.admin("POST", "/faults", slow).await?;
    let noise = Rows { key: "noise", kind: "test_connection", of: &noisy, each: scene.settings.items * 10, apart_ms: 0 };
    noise.write(scene.sql).await;
    scene.busy().await?;
    let beside = of_few("beside");
    beside.write(scene.sql).await;
    let (mut most, waiting) = (0, "state = 'queued' and run_at_ms <= (extract(epoch from clock_timestamp()) * 1000)::bigint");
    beside
        .ended(scene, async |scene| {
            if beside.count(scene.sql, waiting).await > 0 {
                most = most.max(noise.count(scene.sql, "state = 'running'").await);
            }
            Ok(())
        })
        .await?;
    full(scene, &mut few).await?;
    scene.outcome.faults_landed = calm(&scene.observer).await?;
    // What is left of the noise was never to be done.
    let left = "dedupe_key like 'noise:%' and state in ('queued', 'retrying', 'waiting_for_budget')";
    scene.sql.execute(&format!("delete from job where {left}")).await;
    noise.ended(scene, async |_| Ok(())).await?;
    // A machine may have become busier meanwhile.
    let again = of_few("again");
    again.write(scene.sql).await;
    again.ended(scene, async |_| Ok(())).await?;
    let alone_ms = alone.wait_ms(scene.sql, 95).await?.max(again.wait_ms(scene.sql, 95).await?);
    judge(scene, alone_ms, beside.wait_ms(scene.sql, 95).await?, most);
    turns(scene, noise, each).await;
    Ok(())
}

/// While the few waited the noisy tenant had its turns, and what had been handed out to it before.
async fn turns(scene: &mut Scene<'_>, noise: Rows<'_>, each: u32) {
    let meanwhile = "started_at_ms between (select min(run_at_ms) from job where dedupe_key like 'beside:%')
        and (select max(started_at_ms) from job where dedupe_key like 'beside:%')";
    let started = noise.count(scene.sql, meanwhile).await;
    let turns = i64::from(each) + SHARE_OF_SLOTS;
    scene.outcome.figures.insert("jobs_of_the_noisy_one_started_meanwhile", started as f64);
    scene.outcome.require(started <= turns, || format!("{started} jobs of the noisy tenant went first, more than {turns}"));
}

fn judge(scene: &mut Scene<'_>, alone_ms: i64, beside_ms: i64, most: i64) {
    scene.outcome.figures.insert("p95_wait_alone_ms", alone_ms as f64);
    scene.outcome.figures.insert("p95_wait_beside_ms", beside_ms as f64);
    scene.outcome.figures.insert("most_slots_of_the_noisy_one", most as f64);
    scene.outcome.require(beside_ms <= (2 * alone_ms).max(HARMLESS_MS), || {
        format!("beside a noisy tenant 95 of 100 jobs started within {beside_ms} ms, alone within {alone_ms} ms")
    });
    scene.outcome.require(most <= SHARE_OF_SLOTS, || {
        format!("the noisy tenant had {most} slots while others waited, more than {SHARE_OF_SLOTS}")
    });
}

/// The noisy tenant may not ask for more, and the others may.
async fn full(scene: &mut Scene<'_>, few: &mut [Person]) -> Result<()> {
    let refused = ask(&scene.observer).await.err().map(|status| status.code());
    scene.outcome.require(refused == Some(Code::ResourceExhausted), || {
        format!("a call that would add to the mountain was answered {refused:?} instead of RESOURCE_EXHAUSTED")
    });
    for person in few {
        let answered = ask(person).await;
        scene.outcome.require(answered.is_ok(), || format!("a call of another tenant was answered {answered:?}"));
        person.settled().await?;
    }
    Ok(())
}

async fn ask(person: &Person) -> Result<v1::Job, Status> {
    let request = v1::FetchDirectoryRequest { name: person.provider.clone(), request_id: new_id(), changes_only: false };
    let fetch = async |channel, request| ProviderServiceClient::new(channel).fetch_directory(request).await;
    person.try_once(request, fetch).await
}
