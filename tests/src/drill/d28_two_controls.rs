//! D28: the same vendor is decided at two controls at the same moment: in the same words, and against each other.

use super::person::{Person, new_id};
use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::{Context, Result, ensure};
use linkyard_proto::v1;
use linkyard_proto::v1::party_mapping_service_client::PartyMappingServiceClient;
use linkyard_proto::v1::{Decision, OnLookalike};
use std::collections::BTreeSet;
use tonic::{Code, Status};

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let plan = Plan { page: 1_000, latency_ms: 0, ..Plan::default() };
    let mut yard = Yard::start(settings, plan).await?;
    yard.installation.start_control().await?;
    for person in &mut yard.people {
        person.connect().await?;
        person.fetch(false).await?;
    }
    let outcome = yard.damage(collide).await?;
    for person in &mut yard.people {
        person.settled().await?;
        person.state_coverages().await?;
        person.push().await?;
    }
    yard.judge(outcome).await
}

async fn collide(scene: &mut Scene<'_>) -> Result<()> {
    let pairs = usize::try_from(scene.settings.quota(200, 1_000))?;
    scene.outcome.quota = pairs as u64;
    let nodes = [scene.observer.at(scene.installation.api(0))?, scene.observer.at(scene.installation.api(1))?];
    let rows = undecided(&nodes[0], pairs).await?;
    let (mut agreed, mut conflicts) = (0, 0);
    for (number, row) in rows.iter().enumerate() {
        let identical = number % 2 == 0;
        let ids = if identical { [new_id(), String::new()] } else { [new_id(), new_id()] };
        let decisions = [Decision::Create, if identical { Decision::Create } else { Decision::DoNotAdd }];
        let requests = [0, 1].map(|node| confirm(&nodes[0], row, decisions[node], if identical { &ids[0] } else { &ids[node] }));
        let [first, second] = requests;
        let (one, other) = tokio::join!(send(&nodes[0], first), send(&nodes[1], second));
        scene.outcome.faults_landed += 1;
        if identical {
            let jobs: BTreeSet<String> = [one?, other?].into_iter().filter_map(|answer| Some(answer.job?.name)).collect();
            agreed += 1;
            scene.outcome.require(jobs.len() == 1, || format!("{}: one request made the jobs {jobs:?}", row.name));
        } else {
            conflicts += 1;
            let winners = usize::from(one.is_ok()) + usize::from(other.is_ok());
            let refused = [&one, &other].into_iter().filter_map(|answer| answer.as_ref().err()).all(is_conflict);
            scene
                .outcome
                .require(winners == 1 && refused, || format!("{}: two decisions were answered {one:?}, {other:?}", row.name));
        }
    }
    ensure!(rows.len() == pairs, "only {} undecided vendors", rows.len());
    scene.outcome.figures.insert("identical_pairs", f64::from(agreed));
    scene.outcome.figures.insert("conflicting_pairs", f64::from(conflicts));
    Ok(())
}

fn is_conflict(status: &Status) -> bool {
    matches!(status.code(), Code::Aborted | Code::FailedPrecondition)
}

async fn undecided(person: &Person, count: usize) -> Result<Vec<v1::Mapping>> {
    let states = vec![v1::MappingState::Unmapped.into()];
    let filter = Some(v1::MappingFilter { states, ..Default::default() });
    let page_size = i32::try_from(count)?;
    let request = v1::ListPartyMappingsRequest { parent: person.provider.clone(), page_size, filter, ..Default::default() };
    let list = async |channel, request| PartyMappingServiceClient::new(channel).list_party_mappings(request).await;
    Ok(person.try_once(request, list).await.context("the undecided vendors")?.mappings)
}

fn confirm(person: &Person, row: &v1::Mapping, decision: Decision, request_id: &str) -> v1::ConfirmPartyMappingsRequest {
    use v1::confirm_party_mappings_request::Selection;
    // What looks like another one is held: its two creates would be two parties, as asked.
    let on_lookalike = if decision == Decision::Create { OnLookalike::Hold } else { OnLookalike::Unspecified };
    let choice = v1::Choice { decision: decision.into(), on_lookalike: on_lookalike.into(), ..Default::default() };
    let row = v1::ConfirmRow { name: row.name.clone(), choice: Some(choice), etag: row.etag.clone() };
    v1::ConfirmPartyMappingsRequest {
        parent: person.provider.clone(),
        selection: Some(Selection::Rows(v1::ConfirmRows { rows: vec![row] })),
        request_id: request_id.to_owned(),
        validate_only: false,
    }
}

async fn send(person: &Person, request: v1::ConfirmPartyMappingsRequest) -> Result<v1::ConfirmPartyMappingsResponse, Status> {
    let confirm = async |channel, request| PartyMappingServiceClient::new(channel).confirm_party_mappings(request).await;
    person.try_once(request, confirm).await
}
