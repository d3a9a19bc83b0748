//! The metrics: one function for each thing that is measured, so that a name or a label stands in one place.
//!
//! Labels are words of ours with few values (a kind, an outcome, a route without ids); never a name, an id of a record, or anything that a
//! customer typed. Without a recorder (most tests, admin commands) every function here does nothing.

use linkyard_core::job::Backlog;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use std::time::Duration;

/// Upper ends of the buckets of all times, in seconds: from a look-up to a walk through a large directory.
pub(crate) const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 600.0];

/// Live jobs by kind and state, counted in SQL when it is scraped.
const JOBS: &str = "linkyard_jobs";
/// Jobs that a worker could take now. Scale on this one.
const RUNNABLE_JOBS: &str = "linkyard_runnable_jobs";
/// How long the oldest of them has waited.
const OLDEST_RUNNABLE_SECONDS: &str = "linkyard_oldest_runnable_seconds";
/// Jobs that wait for Procore's rate limit: more workers do not help them.
const RATE_LIMITED_JOBS: &str = "linkyard_rate_limited_jobs";
/// Runs of jobs that ended.
const JOB_RUNS: &str = "linkyard_job_runs_total";
/// From when a job could run to when it was taken.
const JOB_WAIT_SECONDS: &str = "linkyard_job_wait_seconds";
/// From when a job was taken to its end.
const JOB_RUN_SECONDS: &str = "linkyard_job_run_seconds";
/// Rows of jobs by what became of them.
const ROWS: &str = "linkyard_rows_total";
/// Calls to Procore.
const CALLS: &str = "linkyard_procore_calls_total";
/// How long they took.
const CALL_SECONDS: &str = "linkyard_procore_call_seconds";
/// Calls spent of a window of a provider's budget.
const BUDGET_USED: &str = "linkyard_budget_used_calls";
/// Calls left in it.
const BUDGET_LEFT: &str = "linkyard_budget_left_calls";
/// Calls of our own API.
const RPCS: &str = "linkyard_rpcs_total";
/// How long they took to the head of the answer.
const RPC_SECONDS: &str = "linkyard_rpc_seconds";

/// Tells the recorder what each metric means; the texts are what a scraper reads as HELP.
pub(crate) fn describe() {
    describe_gauge!(JOBS, "Jobs that have not ended, by kind and state.");
    describe_gauge!(RUNNABLE_JOBS, "Jobs that a worker could take now; scale workers on this one.");
    describe_gauge!(OLDEST_RUNNABLE_SECONDS, Unit::Seconds, "How long the oldest runnable job has waited.");
    describe_gauge!(RATE_LIMITED_JOBS, "Jobs that wait for Procore's rate limit; more workers do not help them.");
    describe_counter!(JOB_RUNS, "Runs of jobs that ended, by kind and outcome.");
    describe_histogram!(JOB_WAIT_SECONDS, Unit::Seconds, "From when a job could run to when a worker took it.");
    describe_histogram!(JOB_RUN_SECONDS, Unit::Seconds, "From when a worker took a job to the end of that run.");
    describe_counter!(ROWS, "Rows of jobs by kind of job and by what became of them.");
    describe_counter!(CALLS, "Calls to Procore by route and status; status 0 is a call without an answer.");
    describe_histogram!(CALL_SECONDS, Unit::Seconds, "How long calls to Procore took, by route.");
    describe_gauge!(BUDGET_USED, "Calls spent in the present window of a provider's budget.");
    describe_gauge!(BUDGET_LEFT, "Calls left in the present window of a provider's budget.");
    describe_counter!(RPCS, "Calls of the API by method and gRPC code.");
    describe_histogram!(RPC_SECONDS, Unit::Seconds, "How long calls of the API took to the head of their answer.");
}

/// Shows what waits. `before` is what was shown last: a kind and state that has no jobs any more goes to 0 and does not stay as it was.
#[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 jobs")]
pub fn backlog(before: &Backlog, now: &Backlog) {
    for (kind, state, _) in &before.jobs {
        gauge!(JOBS, "kind" => kind.clone(), "state" => state.clone()).set(0.0);
    }
    for (kind, state, count) in &now.jobs {
        gauge!(JOBS, "kind" => kind.clone(), "state" => state.clone()).set(*count as f64);
    }
    gauge!(RUNNABLE_JOBS).set(now.runnable as f64);
    gauge!(OLDEST_RUNNABLE_SECONDS).set(now.oldest_runnable_ms as f64 / 1_000.0);
    gauge!(RATE_LIMITED_JOBS).set(now.rate_limited as f64);
}

/// A worker took a job of `kind` that could have run for `waited`.
pub fn job_taken(kind: &'static str, waited: Duration) {
    histogram!(JOB_WAIT_SECONDS, "kind" => kind).record(waited);
}

/// A run of a job of `kind` ended after `took`, in the word of the log (`done`, `retry`, `snooze`, ..).
pub fn job_ended(kind: &'static str, outcome: &'static str, took: Duration) {
    counter!(JOB_RUNS, "kind" => kind, "outcome" => outcome).increment(1);
    histogram!(JOB_RUN_SECONDS, "kind" => kind).record(took);
}

/// `count` rows of a job of `kind` became `outcome` (`succeeded`, `held`, `failed`, `skipped`).
pub fn rows(kind: &'static str, outcome: &'static str, count: i64) {
    if let Ok(count @ 1..) = u64::try_from(count) {
        counter!(ROWS, "kind" => kind, "outcome" => outcome).increment(count);
    }
}

/// A call to Procore was answered with `status` (0: not at all) after `took`. `asked` is a method and a path; ids in it become `{id}`.
pub fn call_made(asked: &str, status: u16, took: Duration) {
    let route = route(asked);
    counter!(CALLS, "route" => route.clone(), "status" => status.to_string()).increment(1);
    histogram!(CALL_SECONDS, "route" => route).record(took);
}

/// What is used and left of a window (`spike`, `hour`) of the budget of `provider` (its id).
pub fn budget(provider: &str, window: &'static str, used: u32, limit: u32) {
    let labels = [("provider", provider.to_owned()), ("window", window.to_owned())];
    gauge!(BUDGET_USED, &labels).set(f64::from(used));
    gauge!(BUDGET_LEFT, &labels).set(f64::from(limit.saturating_sub(used)));
}

/// A call of the API was answered with the gRPC `code` after `took`. `method` must be one that exists: a stranger's path is no label.
pub fn rpc_answered(method: &str, code: i32, took: Duration) {
    counter!(RPCS, "method" => method.to_owned(), "code" => code.to_string()).increment(1);
    histogram!(RPC_SECONDS, "method" => method.to_owned()).record(took);
}

/// `GET /rest/v1.0/projects/17/vendors` as `GET /rest/v1.0/projects/{id}/vendors`.
fn route(asked: &str) -> String {
    let parts = asked
        .split('/')
        .map(|part| if part.bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty() { "{id}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_has_no_ids() {
        assert_eq!(route("PATCH /rest/v1.0/companies/12/insurances/345"), "PATCH /rest/v1.0/companies/{id}/insurances/{id}");
        assert_eq!(route("GET /rest/v1.1/projects"), "GET /rest/v1.1/projects");
    }
}
