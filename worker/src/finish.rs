//! How a run ends: from what a job returned to what is written into the ledger. Pure, so that every rule is a test of a microsecond.

use crate::args::whole_milliseconds;
use linkyard_core::backoff::Backoff;
use linkyard_core::job::{Finish, Outcome, RequestedState};
use linkyard_core::{Error, Result};
use std::time::Duration;

/// The reason on a job whose code panicked.
pub const PANIC: &str = "PANIC";

/// A job that the rate limit still stops after this time has failed: something is wrong that waiting does not mend.
const MOST_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// What the rules need to know of the run besides how it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Attempts in a row that failed without getting further, before this one.
    pub(crate) attempts: i32,
    /// When the job was created, milliseconds since 1970 on the database's clock.
    pub(crate) created_at_ms: i64,
    /// Now, on the same clock.
    pub(crate) now_ms: i64,
    /// Uniform in `0.0..1.0`.
    pub(crate) random: f64,
    /// Until when the platform is taken as down, milliseconds since 1970; `None` when it answers, or nobody was called.
    pub(crate) down_until_ms: Option<i64>,
    /// Whether the job waits while a person mends its provider.
    pub(crate) may_wait: bool,
}

/// What is written for a run that returned `result`; `None` when the lease was lost, because then nothing may be written.
pub(crate) fn finish_of(result: &Result<Outcome>, run: Run, backoff: &Backoff) -> Option<Finish> {
    let error = match result {
        Ok(Outcome::Done(found)) => return Some(Finish::Done(found.clone())),
        Ok(Outcome::Partial(found)) => return Some(Finish::Partial(found.clone())),
        Ok(Outcome::Continue) => return Some(Finish::Continue),
        Ok(Outcome::SnoozeUntil(until_ms)) => return Some(Finish::Snooze { until_ms: *until_ms }),
        Ok(Outcome::WaitForChildren) => return Some(Finish::WaitForChildren),
        Err(error) => error,
    };
    if error.is_fenced() {
        return None;
    }
    if run.now_ms - run.created_at_ms < whole_milliseconds(MOST_AGE)
        && let Some(finish) = waits(error, run, backoff)
    {
        return Some(finish);
    }
    let counted = error.retryable() && error.retry_after().is_none();
    Some(failed(counted, error.reason(), error.to_string(), run, backoff))
}

/// What is written for a run that could not go on for reasons that are not its own, and that are not attempts of it.
fn waits(error: &Error, run: Run, backoff: &Backoff) -> Option<Finish> {
    let longest = whole_milliseconds(backoff.most);
    match (error, run.down_until_ms) {
        (Error::Unavailable { service: "procore", .. } | Error::Throttled { .. }, Some(down_until_ms)) => {
            let until_ms = down_until_ms.clamp(run.now_ms + 1, run.now_ms + longest);
            let last = if error.retry_after().is_none() { format!(" Last: {error}") } else { String::new() };
            Some(Finish::Outage {
                until_ms,
                message: format!("Procore does not answer; this goes on by itself when it does.{last}"),
            })
        }
        (Error::Throttled { retry_after }, None) => {
            Some(Finish::Snooze { until_ms: run.now_ms + whole_milliseconds(*retry_after).min(longest) })
        }
        (Error::Unauthorized { attention, .. }, _) if run.may_wait && attention.stops_all() => {
            Some(Finish::Hold { reason: error.reason().to_owned(), message: error.to_string() })
        }
        _ => None,
    }
}

/// What is written for a run that panicked with `message`.
pub(crate) fn finish_of_panic(message: &str, run: Run, backoff: &Backoff) -> Finish {
    failed(true, PANIC, message.to_owned(), run, backoff)
}

fn failed(retry: bool, reason: &str, message: String, run: Run, backoff: &Backoff) -> Finish {
    let reason = reason.to_owned();
    let attempts = run.attempts.saturating_add(1);
    let counted = u32::try_from(attempts).unwrap_or(0);
    if !retry || backoff.exhausted(counted) {
        return Finish::Fail { reason, message };
    }
    Finish::Retry { attempts, delay_ms: whole_milliseconds(backoff.delay(counted, run.random)), reason, message }
}

/// What a person asked for meanwhile changes about a run that would have gone on later, and what it changes that this process ends or the
/// provider was paused (`give_back`). What is finished stays finished.
pub(crate) fn as_requested(finish: Finish, requested: RequestedState, give_back: bool) -> Finish {
    match finish {
        Finish::Continue
        | Finish::Snooze { .. }
        | Finish::Outage { .. }
        | Finish::Hold { .. }
        | Finish::Retry { .. }
        | Finish::Release => match requested {
            RequestedState::Cancel => Finish::Cancelled,
            RequestedState::Pause => Finish::Paused,
            RequestedState::None if give_back && finish == Finish::Continue => Finish::Release,
            RequestedState::None => finish,
        },
        Finish::Done(_)
        | Finish::Partial(_)
        | Finish::WaitForChildren
        | Finish::Fail { .. }
        | Finish::Cancelled
        | Finish::Paused => finish,
    }
}

/// The word of an end in logs.
pub(crate) fn word(finish: &Finish) -> &'static str {
    match finish {
        Finish::Done(_) => "done",
        Finish::Partial(_) => "partial",
        Finish::Continue => "continue",
        Finish::Snooze { .. } => "snooze",
        Finish::Outage { .. } => "outage",
        Finish::Hold { .. } => "hold",
        Finish::WaitForChildren => "wait_for_children",
        Finish::Retry { .. } => "retry",
        Finish::Fail { .. } => "fail",
        Finish::Cancelled => "cancelled",
        Finish::Paused => "paused",
        Finish::Release => "release",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::error::Attention;

    const NOW_MS: i64 = 1_000_000;

    fn run_after(attempts: i32) -> Run {
        Run { attempts, created_at_ms: NOW_MS - 1, now_ms: NOW_MS, random: 1.0, down_until_ms: None, may_wait: true }
    }

    fn check(error: Error, attempts: i32) -> Option<Finish> {
        finish_of(&Err(error), run_after(attempts), &Backoff::default())
    }

    fn unavailable() -> Error {
        Error::Unavailable { service: "procore", message: "no answer".to_owned(), source: None }
    }

    #[test]
    fn a_job_whose_lease_was_lost_writes_nothing() {
        assert_eq!(check(Error::fenced("x"), 0), None);
    }

    #[test]
    fn a_rate_limit_is_no_attempt_and_waits_no_longer_than_the_longest_wait() {
        let throttled = |seconds| Error::Throttled { retry_after: Duration::from_secs(seconds) };
        assert_eq!(check(throttled(7), 9), Some(Finish::Snooze { until_ms: NOW_MS + 7_000 }));
        assert_eq!(check(throttled(86_400), 0), Some(Finish::Snooze { until_ms: NOW_MS + 900_000 }));
    }

    #[test]
    fn a_job_that_was_throttled_for_a_week_has_failed() {
        let run = Run { now_ms: NOW_MS + whole_milliseconds(MOST_AGE), ..run_after(0) };
        let finish = finish_of(&Err(Error::Throttled { retry_after: Duration::from_secs(1) }), run, &Backoff::default());
        assert!(matches!(finish, Some(Finish::Fail { reason, .. }) if reason == "RATE_LIMITED"));
    }

    #[test]
    fn what_may_be_better_later_is_tried_again_until_the_attempts_are_used_up() {
        let retry = |attempts, delay_ms| {
            Some(Finish::Retry {
                attempts,
                delay_ms,
                reason: "UNAVAILABLE".to_owned(),
                message: "procore is unavailable: no answer".to_owned(),
            })
        };
        assert_eq!(check(unavailable(), 0), retry(1, 1_000));
        assert_eq!(check(unavailable(), 3), retry(4, 8_000));
        assert!(matches!(check(unavailable(), 8), Some(Finish::Retry { .. })));
        assert!(matches!(check(unavailable(), 9), Some(Finish::Fail { .. })));
    }

    #[test]
    fn what_only_a_person_can_mend_fails_at_once() {
        let refused = Error::Unauthorized { attention: Attention::Permission, message: "no".to_owned() };
        assert!(matches!(check(refused, 0), Some(Finish::Fail { reason, .. }) if reason == "PROVIDER_PERMISSION"));
        assert!(matches!(check(Error::invalid("a", "b"), 0), Some(Finish::Fail { .. })));
    }

    #[test]
    fn while_procore_is_down_nothing_is_an_attempt() {
        let down = Run { down_until_ms: Some(NOW_MS + 5_000), ..run_after(9) };
        for error in [unavailable(), Error::Throttled { retry_after: Duration::from_secs(60) }] {
            let finish = finish_of(&Err(error), down, &Backoff::default());
            assert!(matches!(finish, Some(Finish::Outage { until_ms, .. }) if until_ms == NOW_MS + 5_000));
        }
        let database = Error::Unavailable { service: "database", message: "no".to_owned(), source: None };
        assert!(matches!(finish_of(&Err(database), down, &Backoff::default()), Some(Finish::Fail { .. })));
    }

    #[test]
    fn a_job_waits_for_whoever_mends_its_provider_where_every_call_is_refused() {
        let refused = || Err(Error::Unauthorized { attention: Attention::NotConnected, message: "no".to_owned() });
        let finish = |may_wait| finish_of(&refused(), Run { may_wait, ..run_after(0) }, &Backoff::default());
        assert!(matches!(finish(true), Some(Finish::Hold { reason, .. }) if reason == "PROVIDER_NOT_CONNECTED"));
        assert!(matches!(finish(false), Some(Finish::Fail { reason, .. }) if reason == "PROVIDER_NOT_CONNECTED"));
    }

    #[test]
    fn a_panic_is_counted_and_fails_in_the_end() {
        let backoff = Backoff { attempts: 2, ..Backoff::default() };
        let end = |attempts| finish_of_panic("boom", run_after(attempts), &backoff);
        assert!(matches!(end(0), Finish::Retry { reason, message, .. } if reason == PANIC && message == "boom"));
        assert!(matches!(end(1), Finish::Fail { reason, .. } if reason == PANIC));
    }

    #[test]
    fn a_request_stops_what_would_go_on_and_nothing_else() {
        let going_on = [Finish::Continue, Finish::Snooze { until_ms: 5 }, Finish::Release];
        for finish in going_on {
            assert_eq!(as_requested(finish.clone(), RequestedState::Cancel, false), Finish::Cancelled);
            assert_eq!(as_requested(finish, RequestedState::Pause, true), Finish::Paused);
        }
        let done = Finish::Done(serde_json::Value::Null);
        assert_eq!(as_requested(done.clone(), RequestedState::Cancel, true), done);
    }

    #[test]
    fn a_stopping_process_releases_what_would_continue() {
        assert_eq!(as_requested(Finish::Continue, RequestedState::None, true), Finish::Release);
        assert_eq!(as_requested(Finish::Continue, RequestedState::None, false), Finish::Continue);
        let snooze = Finish::Snooze { until_ms: 5 };
        assert_eq!(as_requested(snooze.clone(), RequestedState::None, true), snooze);
    }
}
