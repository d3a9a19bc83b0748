//! The accounted-for report: for a person, and as one line of JSON for a script.

use super::memory::{CreatedAgain, Existing, Holding, Memory, Phase, Suggestions};
use crate::admin::Side;
use crate::admin::session::{Session, call};
use anyhow::{Context, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use linkyard_proto::v1::project_service_client::ProjectServiceClient;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// What the demo prints at its end; the fields are a promise to scripts.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether every fetched record is in exactly one bucket, for vendors and projects, nothing is twice, and no insurance is due.
    pub(super) adds_up: bool,
    /// Vendors.
    pub(super) vendors: Buckets,
    /// Projects.
    pub(super) projects: Buckets,
    /// Directory records that are linked to two registry records, created registry records with the name of another one, and vendors that
    /// were created although their firm was there under a damaged name (`existing.created_again`).
    pub(super) duplicates: u64,
    /// Company insurances pushed to Procore.
    pub(super) insurances_pushed: u64,
    /// How good the suggestions of vendors were.
    pub(super) suggestions: Suggestions,
    /// What became of the firms that were there already.
    pub(super) existing: Existing,
    /// What was kept back without need.
    pub(super) holding: Holding,
    /// What was done, in order.
    pub(super) phases: Vec<Phase>,
    /// The most memory that this process (control and worker) held, MiB; 0 where the system does not tell.
    pub(super) peak_rss_mib: f64,
}

/// Where the records of one list stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Buckets {
    /// Records that count.
    pub(super) fetched: i64,
    /// The customer's own company, templates, demo projects.
    pub(super) excluded: i64,
    /// Linked to what was there.
    pub(super) matched: i64,
    /// Linked to what was created.
    pub(super) created: i64,
    /// Left out.
    pub(super) ignored: i64,
    /// Kept back.
    pub(super) held: i64,
    /// Not decided or not linked.
    pub(super) unmapped: i64,
    /// Failed.
    pub(super) failed: i64,
    /// Gone from the directory.
    pub(super) gone: i64,
}

impl From<v1::directory_report::Buckets> for Buckets {
    fn from(wire: v1::directory_report::Buckets) -> Self {
        let v1::directory_report::Buckets { fetched, excluded, matched, created, ignored, held, unmapped, failed, gone } = wire;
        Self { fetched, excluded, matched, created, ignored, held, unmapped, failed, gone }
    }
}

/// Reads the end state over the API.
///
/// # Errors
/// When a call fails.
pub(super) async fn make(session: &Session, provider: &str, memory: &Memory) -> Result<Report> {
    let request = v1::GetDirectoryReportRequest { name: provider.to_owned() };
    let buckets = call!(session, ProviderServiceClient, get_directory_report, request).await?;
    let existing = memory.existing.clone().unwrap_or_default();
    let twice = duplicates(session, Side::Parties).await? + duplicates(session, Side::Projects).await?;
    let duplicates = twice + existing.created_again;
    let insurances = super::coverage::counts(session, provider).await?;
    Ok(Report {
        adds_up: buckets.adds_up && duplicates == 0 && insurances.due == 0,
        vendors: buckets.vendors.context("vendors are in the report")?.into(),
        projects: buckets.projects.context("projects are in the report")?.into(),
        duplicates,
        insurances_pushed: u64::try_from(insurances.pushed)?,
        suggestions: memory.suggestions.unwrap_or_default(),
        existing,
        holding: memory.holding.unwrap_or_default(),
        phases: memory.phases.iter().filter(|phase| phase.rows > 0).cloned().collect(),
        peak_rss_mib: peak_rss_mib(),
    })
}

/// Counts what is there twice: a directory record that two registry records carry the mark of, or registry records with equal name keys
/// (the registry before the integration has none of these). Firms that were there under another name are counted by the demo's truth.
async fn duplicates(session: &Session, side: Side) -> Result<u64> {
    let (mut records, mut keys, mut twice) = (HashSet::new(), HashMap::<String, u64>::new(), 0);
    let mut token = String::new();
    loop {
        let (rows, next) = registry_page(session, side, 1_000, token).await?;
        for (name, marks) in rows {
            for mark in marks {
                twice += u64::from(!records.insert((mark.provider, mark.external_id)));
            }
            let key = match side {
                Side::Parties => linkyard_matching::name_key(&name),
                Side::Projects => linkyard_matching::project_key(&name),
            };
            if !key.is_empty() {
                *keys.entry(key).or_default() += 1;
            }
        }
        token = next;
        if token.is_empty() {
            break;
        }
    }
    Ok(twice + keys.into_values().map(|count| count - 1).sum::<u64>())
}

type RegistryRow = (String, Vec<v1::IntegrationMark>);

async fn registry_page(session: &Session, side: Side, page_size: i32, page_token: String) -> Result<(Vec<RegistryRow>, String)> {
    Ok(match side {
        Side::Parties => {
            let request = v1::ListPartiesRequest { page_size, page_token, ..Default::default() };
            let page = call!(session, PartyServiceClient, list_parties, request).await?;
            let rows = page.parties.into_iter().map(|party| (party.display_name, party.integration_marks));
            (rows.collect(), page.next_page_token)
        }
        Side::Projects => {
            let request = v1::ListProjectsRequest { page_size, page_token, ..Default::default() };
            let page = call!(session, ProjectServiceClient, list_projects, request).await?;
            let rows = page.projects.into_iter().map(|project| (project.display_name, project.integration_marks));
            (rows.collect(), page.next_page_token)
        }
    })
}

/// The most memory this process ever held, from `/proc/self/status`; 0 where there is no such file.
fn peak_rss_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
    (kib / 1024.0 * 10.0).round() / 10.0
}

/// How well the firms that were in the registry already were found.
fn matching(suggestions: &Suggestions, existing: &Existing) -> Vec<String> {
    let Suggestions { strong, likely, weak, .. } = suggestions;
    let mut lines = vec![format!(
        "in the registry before: {} of these firms under damaged names, and {} look-alikes of others",
        suggestions.existing, suggestions.lookalikes
    )];
    lines.push(format!("{:<26}{:>10}{:>10}{:>10}", "first suggestions", "right", "wrong", "missed"));
    for (name, band) in [("  STRONG", strong), ("  LIKELY", likely), ("  WEAK", weak)] {
        lines.push(format!("{name:<26}{:>10}{:>10}{:>10}", band.right, band.wrong, band.missed));
    }
    lines.push(format!("look-alikes suggested as STRONG: {}", suggestions.lookalikes_strong));
    let Existing { linked_right, linked_wrong, created_again, created_again_records, waiting, left_out } = existing;
    lines.push(format!(
        "of the firms that were there {linked_right} are linked, {linked_wrong} linked to another one, {created_again} created again, \
         {waiting} wait for a person, {left_out} left out"
    ));
    lines.extend(created_again_records.iter().map(|CreatedAgain { record_id, name, was_there, created }| {
        format!("  created again: {name} (record {record_id}) as {created}, which was there as {was_there}")
    }));
    lines
}

/// The report for a person.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let (vendors, projects) = (&report.vendors, &report.projects);
    let buckets: [(&str, i64, i64); 9] = [
        ("fetched", vendors.fetched, projects.fetched),
        ("  matched", vendors.matched, projects.matched),
        ("  created", vendors.created, projects.created),
        ("  ignored", vendors.ignored, projects.ignored),
        ("  held", vendors.held, projects.held),
        ("  unmapped", vendors.unmapped, projects.unmapped),
        ("  failed", vendors.failed, projects.failed),
        ("  gone", vendors.gone, projects.gone),
        ("excluded", vendors.excluded, projects.excluded),
    ];
    let mut lines = vec![String::new(), format!("{:<26}{:>10}{:>10}", "", "vendors", "projects")];
    lines.extend(buckets.iter().map(|(name, vendors, projects)| format!("{name:<26}{vendors:>10}{projects:>10}")));
    lines.push(String::new());
    lines.push(format!("{:<26}{:>10}{:>8}{:>10}{:>12}", "phase", "rows", "calls", "seconds", "rows/s"));
    for Phase { name, rows, calls, seconds } in &report.phases {
        let rate = if *seconds > 0.0 { *rows as f64 / seconds } else { 0.0 };
        lines.push(format!("{name:<26}{rows:>10}{calls:>8}{seconds:>10.2}{rate:>12.0}"));
    }
    lines.push(String::new());
    lines.extend(matching(&report.suggestions, &report.existing));
    let Holding { without_counterpart, held, suggested, for_lookalikes } = report.holding;
    let share = if without_counterpart == 0 { 0.0 } else { held as f64 * 100.0 / without_counterpart as f64 };
    lines.push(format!(
        "of {without_counterpart} vendors without a counterpart {held} were held ({share:.2} %), {suggested} wait for a wrong \
         suggestion, {for_lookalikes} for one of the look-alikes"
    ));
    lines.push(format!("insurances pushed: {}", report.insurances_pushed));
    lines.push(format!("duplicates: {}   peak memory: {} MiB", report.duplicates, report.peak_rss_mib));
    let verdict = if report.adds_up { "everything is accounted for" } else { "THE REPORT DOES NOT ADD UP" };
    lines.push(verdict.to_owned());
    lines
}
