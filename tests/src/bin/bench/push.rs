//! `push`: insurances per second. Two figures for each database: of the push jobs alone, and from the first statement of a coverage over
//! the API to the last confirmed insurance. The floor is the simulator's: the same number of insurances in the same batches, sent by the
//! same client, with nothing read before and nothing written after.

use crate::demo::{Size, on_each_database};
use crate::findings::{Findings, median};
use crate::simulator::Simulator;
use anyhow::Result;
use linkyard_core::compliance::{Insurance, InsuranceStatus, origin_id};
use linkyard_core::id::{CoverageId, LinkId, RecordId};
use linkyard_core::job::Lane;
use linkyard_procore::MOST_SYNCED;
use std::time::Instant;

/// Insurances of each vendor, as many as the demo states coverages.
const LINES: u32 = 3;

pub(crate) fn run(size: &Size, runs: u32) -> Result<Findings> {
    let mut findings = Findings { size: size.counts(), ..Findings::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let floors: Result<Vec<f64>> = (0..runs).map(|_| runtime.block_on(simulator_alone(size.vendors))).collect();
    let floor = median(floors?);
    findings.floors.insert("simulator_insurances_per_second".to_owned(), floor);
    on_each_database(size, runs, |database, reports| {
        let push = median(reports.iter().map(|report| report.rate("push compliance")).collect());
        let whole = median(reports.iter().map(|report| report.rate("state and push")).collect());
        findings.figures.insert(format!("{database}_pushed_per_second"), push);
        findings.figures.insert(format!("{database}_stated_and_pushed_per_second"), whole);
        findings.ratios.insert(format!("{database}_pushed_over_simulator"), push / floor);
    })?;
    Ok(findings)
}

/// Insurances per second that a simulator takes of one client that does nothing else.
async fn simulator_alone(vendors: u32) -> Result<f64> {
    let simulator = Simulator::start(vendors as usize)?;
    let company = simulator.company(Lane::Push)?;
    let ids: Vec<RecordId> = vendors_of(&company).await?;
    let insurances: Vec<Insurance> = ids.iter().flat_map(|vendor| (0..LINES).map(|_| insurance(*vendor))).collect();
    let started = Instant::now();
    for batch in insurances.chunks(MOST_SYNCED) {
        company.sync_insurances(batch).await?;
    }
    Ok(insurances.len() as f64 / started.elapsed().as_secs_f64())
}

async fn vendors_of(company: &linkyard_procore::Company) -> Result<Vec<RecordId>> {
    let (mut ids, mut page) = (Vec::new(), Some(1));
    while let Some(number) = page {
        let read = company.page(linkyard_core::mapping::Subject::Vendor, number, None).await?;
        ids.extend(read.records.iter().map(|record| record.id));
        page = read.next;
    }
    Ok(ids)
}

fn insurance(vendor: RecordId) -> Insurance {
    Insurance {
        origin_id: origin_id(LinkId::generate(), CoverageId::generate()),
        vendor,
        insurance_type: "General Liability".to_owned(),
        insurer: "Insurer 7".to_owned(),
        policy_number: "P-000001".to_owned(),
        limit: "1000000.00".to_owned(),
        notifies: false,
        effective_date: None,
        expiration_date: None,
        status: InsuranceStatus::Compliant,
        notes: String::new(),
    }
}
