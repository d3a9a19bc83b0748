//! What the simulator wrote down of every call: the evidence about our manners towards a directory in trouble.

use super::person::Person;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::time::Duration;

/// Entries of one answer.
const PAGE: u64 = 10_000;

/// Where tokens are asked for.
pub const LOGIN: &str = "/oauth/token";

/// One call.
#[derive(Clone, Debug, Deserialize)]
pub struct Call {
    /// In the order in which calls ended.
    pub sequence: u64,
    /// When it started, milliseconds since 1970 on the simulator's clock.
    pub started_ms: i64,
    /// When it was answered.
    pub ended_ms: i64,
    /// Its company, where it names one.
    pub company_id: Option<i64>,
    /// Its route, without ids.
    pub route: String,
    /// Its status; 0 where none was sent.
    pub status: u16,
    /// Started while a 429 was in force: milliseconds since that was answered.
    pub during_block_ms: Option<i64>,
    /// Calls of its company, or requests for tokens, that were under way when it started, itself included.
    pub in_flight: u32,
}

/// The calls that ended after the one with this number, in the order of their starts.
///
/// # Errors
/// When the simulator does not answer.
pub async fn calls_after(person: &Person, mut after: u64) -> Result<Vec<Call>> {
    let mut calls: Vec<Call> = Vec::new();
    loop {
        let path = format!("/journal?after={after}&limit={PAGE}");
        let page: Vec<Call> = serde_json::from_str(&person.admin("GET", &path, serde_json::Value::Null).await?)
            .context("the simulator's journal")?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        calls.extend(page);
    }
    calls.sort_by_key(|call| call.started_ms);
    Ok(calls)
}

/// The number of the last call that ended.
///
/// # Errors
/// When the simulator does not answer.
pub async fn last(person: &Person) -> Result<u64> {
    #[derive(Deserialize)]
    struct Report {
        last_sequence: u64,
    }
    let report: Report =
        serde_json::from_str(&person.admin("GET", "/journal/report", serde_json::Value::Null).await?).context("its report")?;
    Ok(report.last_sequence)
}

/// The most of these calls, in the order of their starts, that began in any span of this length.
#[must_use]
pub fn most_within(calls: &[Call], span: Duration) -> usize {
    let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    let begun = |call: &Call| calls.iter().filter(|other| (0..span_ms).contains(&(other.started_ms - call.started_ms))).count();
    calls.iter().map(begun).max().unwrap_or_default()
}

/// How a circuit breaker treated calls that all failed: how many began until the last one that came sooner than `pause` after another, and
/// how many of those after it were not alone.
#[must_use]
pub fn breaker(failed: &[Call], pause: Duration) -> (usize, usize) {
    let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    let soon = |pair: &[Call]| pair[1].started_ms - pair[0].started_ms < pause_ms;
    let before = failed.windows(2).rposition(soon).map_or_else(|| failed.len().min(1), |position| position + 2);
    (before, failed[before..].iter().filter(|call| call.in_flight > 1).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(starts: &[i64]) -> Vec<Call> {
        let call = |started_ms: &i64| Call {
            sequence: 0,
            started_ms: *started_ms,
            ended_ms: *started_ms,
            company_id: None,
            route: String::new(),
            status: 503,
            during_block_ms: None,
            in_flight: 1,
        };
        starts.iter().map(call).collect()
    }

    #[test]
    fn calls_are_counted_in_every_span() {
        assert_eq!(most_within(&calls(&[0, 5, 9, 10, 11, 25]), Duration::from_millis(10)), 4);
        assert_eq!(most_within(&[], Duration::from_millis(10)), 0);
    }

    #[test]
    fn what_comes_before_calls_stop_is_told_from_the_calls_that_try() {
        let pause = Duration::from_millis(100);
        assert_eq!(breaker(&calls(&[0, 1, 2, 3, 110, 320]), pause), (4, 0));
        assert_eq!(breaker(&calls(&[0, 150, 151, 260]), pause), (3, 0), "a pause by chance is not the stop");
        assert_eq!((breaker(&calls(&[]), pause), breaker(&calls(&[7]), pause)), ((0, 0), (1, 0)));
        let mut crowded = calls(&[0, 1, 110, 320]);
        crowded[3].in_flight = 2;
        assert_eq!(breaker(&crowded, pause), (2, 1));
    }
}
