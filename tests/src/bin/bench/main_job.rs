//! `main`: rows per second of fetching and of linking vendors in the demo.

use crate::demo::{Size, on_each_database};
use crate::findings::{Findings, median};
use anyhow::Result;

pub(crate) fn run(size: &Size, runs: u32) -> Result<Findings> {
    let mut findings = Findings { size: size.counts(), ..Findings::default() };
    on_each_database(size, runs, |database, reports| {
        let mut put = |name: &str, runs: Vec<f64>| {
            findings.figures.insert(format!("{database}_{name}"), median(runs));
        };
        put("fetch_rows_per_second", reports.iter().map(|report| report.rate("fetch vendors")).collect());
        put("link_rows_per_second", reports.iter().map(|report| report.rate("link vendors")).collect());
        put("peak_rss_mib", reports.iter().map(super::demo::Report::peak_rss_mib).collect());
    })?;
    Ok(findings)
}
