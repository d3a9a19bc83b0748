//! Counts over the journal: the columns of Procore's API Call Activity Report, and what a judge of a client looks at.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::clock::date;
use crate::journal::Entry;

/// The report.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// `/rest` calls.
    calls: u64,
    /// `/oauth` calls.
    oauth_calls: u64,
    /// Calls that the limiter or a fault answered with 429.
    throttled: u64,
    /// `/rest` calls that started after a 429 was answered to their client and company, and before that 429's reset.
    calls_during_block: u64,
    /// `/rest` calls without `Procore-Company-Id`.
    missing_company_header: u64,
    /// `/rest` calls whose header names another company than their path or query.
    foreign_company_header: u64,
    /// Most `/rest` calls of one client and company under way at once.
    max_in_flight: u32,
    /// Calls that a fault hit.
    faults_landed: u64,
    /// Calls whose answer did not reach the caller completely.
    undelivered: u64,
    /// Sequence of the last call looked at.
    last_sequence: u64,
    by_status: BTreeMap<u16, u64>,
    rows: Vec<Row>,
}

/// One line of the activity report.
#[derive(Debug, Serialize)]
struct Row {
    date: String,
    response_code: u16,
    http_method: Box<str>,
    normalized_route: Box<str>,
    count: u64,
}

/// Which calls are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Selection {
    /// Only calls of this company.
    pub(crate) company_id: Option<u64>,
    /// Only calls after this sequence.
    pub(crate) after: u64,
    /// Calls during a block count only from so many milliseconds after the 429: time for the 429 to reach the caller.
    pub(crate) grace_ms: i64,
}

/// Counts the selected calls.
pub(crate) fn of(entries: &[Entry], selection: Selection) -> Report {
    let mut report = Report::default();
    let mut rows: BTreeMap<(i64, &str, &str, u16), u64> = BTreeMap::new();
    let selected = entries
        .iter()
        .filter(|entry| entry.sequence > selection.after && selection.company_id.is_none_or(|id| entry.company_id == Some(id)));
    for entry in selected {
        report.count(entry, selection.grace_ms);
        let day = entry.started_ms.div_euclid(86_400_000);
        *rows.entry((day, &entry.route, &entry.method, entry.status)).or_default() += 1;
    }
    report.rows = rows
        .into_iter()
        .map(|((day, route, method, status), count)| Row {
            date: date(day * 86_400),
            response_code: status,
            http_method: method.into(),
            normalized_route: route.into(),
            count,
        })
        .collect();
    report
}

impl Report {
    fn count(&mut self, entry: &Entry, grace_ms: i64) {
        self.last_sequence = self.last_sequence.max(entry.sequence);
        *self.by_status.entry(entry.status).or_default() += 1;
        self.faults_landed += u64::from(entry.fault.is_some());
        self.undelivered += u64::from(!entry.delivered);
        if entry.route.starts_with("/oauth") {
            self.oauth_calls += 1;
            return;
        }
        let header = entry.company_header.as_ref().and_then(|header| header.trim().parse::<u64>().ok());
        self.calls += 1;
        self.throttled += u64::from(entry.status == 429);
        self.calls_during_block += u64::from(entry.during_block_ms.is_some_and(|after_ms| after_ms > grace_ms));
        self.missing_company_header += u64::from(entry.company_header.is_none());
        self.foreign_company_header += u64::from(header.is_some() && header != entry.company_id);
        self.max_in_flight = self.max_in_flight.max(entry.in_flight);
    }
}
