//! The compliance of the demo's registry: three coverages for each party, of every kind that there is, and their push to Procore.
//!
//! What a party has depends on its place in the list alone, so a second start states the same coverages with the same request ids.

use super::api::{follow, request_id};
use super::memory::{Memory, Phase};
use super::steps::{rounded, seconds_of};
use crate::admin::output::say;
use crate::admin::session::{Session, call};
use anyhow::Result;
use linkyard_proto::v1;
use linkyard_proto::v1::compliance_service_client::ComplianceServiceClient;
use linkyard_proto::v1::coverage::Status;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use std::collections::BTreeSet;
use std::time::Instant;

/// Lines of each party.
const LINES: [&str; 3] = ["General Liability", "Workers Compensation", "Automobile Liability"];

/// Parties per request: three lines each stay within the 1,000 rows of one.
const PARTIES_PER_REQUEST: i32 = 333;

/// States the coverages of every party, and follows their push until nothing is due.
///
/// # Errors
/// When a call fails or a push does not end well.
pub(super) async fn state_and_push(session: &Session, provider: &str, memory: &mut Memory) -> Result<()> {
    say("stating coverages and pushing compliance ..");
    let started = Instant::now();
    let rows = state(session).await?;
    let seconds = rounded(started.elapsed().as_secs_f64());
    memory.finish(Phase { name: "state coverages".to_owned(), rows, calls: 0, seconds })?;
    push_all(session, provider, "push").await?;
    let pushed = pushed(session, provider).await?;
    let seconds = rounded(started.elapsed().as_secs_f64());
    memory.finish(Phase { name: "state and push coverages".to_owned(), seconds, ..pushed })?;
    memory.finish(pushed)
}

/// Asks for a push although nothing changed: the report shows that it makes no call.
///
/// # Errors
/// As [`state_and_push`].
pub(super) async fn push_again(session: &Session, provider: &str, memory: &mut Memory) -> Result<()> {
    let jobs = push_all(session, provider, "push again").await?;
    memory
        .finish(Phase { rows: u64::try_from(counts(session, provider).await?.pushed)?, ..phase("push again, unchanged", &jobs)? })
}

/// Changes the coverages behind 1,000 insurances at once and pushes them.
///
/// # Errors
/// As [`state_and_push`].
pub(super) async fn change_and_push(session: &Session, provider: &str, memory: &mut Memory) -> Result<()> {
    let state = v1::insurance::State::Pushed.into();
    let request = v1::ListInsurancesRequest { parent: provider.to_owned(), state, page_size: 1_000, ..Default::default() };
    let insurances = call!(session, ComplianceServiceClient, list_insurances, request).await?.insurances;
    let names: BTreeSet<String> = insurances.into_iter().map(|insurance| insurance.coverage).collect();
    let mut coverages = Vec::with_capacity(names.len());
    for name in names {
        let coverage = call!(session, ComplianceServiceClient, get_coverage, v1::GetCoverageRequest { name }).await?;
        // The same whenever it is done again after a kill.
        coverages.push(v1::Coverage { limit: "7777777.00".to_owned(), etag: String::new(), ..coverage });
    }
    let request = v1::BatchUpdateCoveragesRequest { coverages, request_id: String::new() };
    call!(session, ComplianceServiceClient, batch_update_coverages, request).await?;
    let jobs = push_all(session, provider, "push changes").await?;
    memory.finish(phase("push changed coverages", &jobs)?)
}

/// Follows pushes until nothing is due; answers them.
async fn push_all(session: &Session, provider: &str, step: &str) -> Result<Vec<v1::Job>> {
    let mut jobs = Vec::new();
    for round in 1.. {
        let request = v1::PushComplianceRequest {
            name: provider.to_owned(),
            compare: false,
            request_id: request_id(&format!("{step} {round}")),
        };
        let job = call!(session, ComplianceServiceClient, push_compliance, request).await?;
        jobs.push(follow(session, &job.name).await?);
        if counts(session, provider).await?.due == 0 {
            break;
        }
    }
    Ok(jobs)
}

/// What these pushes did.
fn phase(name: &str, jobs: &[v1::Job]) -> Result<Phase> {
    let progress = || jobs.iter().filter_map(|job| job.progress);
    Ok(Phase {
        name: name.to_owned(),
        rows: u64::try_from(progress().map(|progress| progress.succeeded).sum::<i64>())?,
        calls: u64::try_from(progress().map(|progress| progress.calls).sum::<i64>())?,
        seconds: rounded(jobs.iter().map(seconds_of).sum()),
    })
}

/// How many insurances the directory confirmed.
///
/// # Errors
/// When the call fails.
pub(super) async fn counts(session: &Session, provider: &str) -> Result<v1::InsuranceCounts> {
    let request = v1::CountInsurancesRequest { parent: provider.to_owned() };
    call!(session, ComplianceServiceClient, count_insurances, request).await
}

async fn state(session: &Session) -> Result<u64> {
    let (mut stated, mut position, mut token, mut number) = (0, 0, String::new(), 0);
    loop {
        let request = v1::ListPartiesRequest { page_size: PARTIES_PER_REQUEST, page_token: token, ..Default::default() };
        let page = call!(session, PartyServiceClient, list_parties, request).await?;
        let mut coverages = Vec::with_capacity(page.parties.len() * LINES.len());
        for party in page.parties {
            coverages.extend(LINES.iter().enumerate().map(|(line, name)| coverage(&party.name, name, position + line)));
            position += LINES.len() + 1;
        }
        if !coverages.is_empty() {
            stated += coverages.len() as u64;
            let request = v1::BatchCreateCoveragesRequest { coverages, request_id: request_id(&format!("coverages {number}")) };
            call!(session, ComplianceServiceClient, batch_create_coverages, request).await?;
        }
        number += 1;
        token = page.next_page_token;
        if token.is_empty() {
            return Ok(stated);
        }
    }
}

/// The coverage at a place: most are fine, some ran out, some lack documents, some were let pass.
fn coverage(party: &str, line: &str, position: usize) -> v1::Coverage {
    let turn = position % 20;
    let status = match turn {
        3 | 11 => Status::NonCompliant,
        5 => Status::UnderReview,
        7 => Status::Missing,
        13 => Status::NotTracked,
        _ => Status::Compliant,
    };
    let documented = status != Status::Missing;
    let given = |text: String| if documented { text } else { String::new() };
    v1::Coverage {
        party: party.to_owned(),
        insurance_type: line.to_owned(),
        insurer: given(format!("Insurer {}", position % 40)),
        policy_number: given(format!("P-{position:06}")),
        limit: given(format!("{}.00", 500_000 * (1 + position % 4))),
        effective_date: given("2025-01-01".to_owned()),
        expiration_date: given(if turn == 17 { "2025-12-31" } else { "2031-12-31" }.to_owned()),
        status: status.into(),
        waived: turn == 11,
        notes: if status == Status::NonCompliant { "limit below the requirement".to_owned() } else { String::new() },
        ..Default::default()
    }
}

/// All pushes together: from the first start to the last end.
async fn pushed(session: &Session, provider: &str) -> Result<Phase> {
    let request = v1::ListJobsRequest { provider: provider.to_owned(), page_size: 1_000, ..Default::default() };
    let jobs = call!(session, JobServiceClient, list_jobs, request).await?.jobs;
    let pushes: Vec<v1::Job> = jobs.into_iter().filter(|job| job.kind == "push_compliance").collect();
    let rows = u64::try_from(counts(session, provider).await?.pushed)?;
    Ok(Phase { rows, ..phase("push compliance", &pushes)? })
}
