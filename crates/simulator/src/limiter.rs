//! The dual rate limiter: an hourly fixed window and a rolling spike window per (client, company).
//!
//! Procore runs both at once and reports in one set of headers whichever is nearer to being hit, so `Remaining` may rise
//! again within seconds. Every admitted call counts, whatever its answer; a call refused with 429 does not, so that
//! `X-Rate-Limit-Reset` stays true: it is the first whole second at which a call is allowed again. Time comes in as an
//! argument. What happened to calls is the journal's business, not this file's.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

/// Sizes of the two windows. `None` switches a window off; both off means no rate headers at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls per fixed window.
    pub hourly: Option<u32>,
    /// Calls per rolling window.
    pub spike: Option<u32>,
    /// Length of the fixed window in milliseconds; it starts with the first call after the last one ended.
    pub hourly_window_ms: u64,
    /// Length of the rolling window in milliseconds.
    pub spike_window_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::standard()
    }
}

impl Limits {
    /// Procore's longest published example: 3,600 per hour, 100 per 10 s.
    pub fn standard() -> Self {
        Self { hourly: Some(3600), spike: Some(100), hourly_window_ms: 3_600_000, spike_window_ms: 10_000 }
    }

    /// Procore's current example: 600 per hour, 25 per 10 s.
    pub fn small() -> Self {
        Self { hourly: Some(600), spike: Some(25), ..Self::standard() }
    }

    /// For tests: 60 per minute, 5 per second.
    pub fn tiny() -> Self {
        Self { hourly: Some(60), spike: Some(5), hourly_window_ms: 60_000, spike_window_ms: 1_000 }
    }

    /// No limits.
    pub fn off() -> Self {
        Self { hourly: None, spike: None, ..Self::standard() }
    }
}

/// Who a budget belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The OAuth client.
    pub(crate) client_id: String,
    /// The company of the header, else of the path or query, else 0.
    pub(crate) company_id: u64,
}

/// What the rate headers say after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `X-Rate-Limit-Limit`.
    pub(crate) limit: u32,
    /// `X-Rate-Limit-Remaining`.
    pub(crate) remaining: u32,
    /// `X-Rate-Limit-Reset`, epoch seconds.
    pub(crate) reset_s: i64,
}

/// Whether a call may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may; `None` when no window is on.
    Admitted(Option<Standing>),
    /// It is a 429, the so-manieth since the last call that was admitted.
    Refused { standing: Standing, in_a_row: u32 },
}

/// All budgets.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    budgets: HashMap<Key, Budget>,
}

#[derive(Debug, Default)]
struct Budget {
    /// First instant after the current fixed window.
    window_ends_ms: i64,
    used: u32,
    recent: VecDeque<i64>,
    refused: u32,
}

impl Limiter {
    /// Asks for one call at `now_ms` and counts it if it is admitted.
    pub(crate) fn ask(&mut self, limits: &Limits, key: &Key, now_ms: i64) -> Verdict {
        let budget = self.budgets.entry(key.clone()).or_default();
        budget.forget_old(limits, now_ms);
        if let Some(blocked) = exhausted(budget.standings(limits, now_ms)) {
            budget.refused = budget.refused.saturating_add(1);
            return Verdict::Refused { standing: blocked, in_a_row: budget.refused };
        }
        budget.refused = 0;
        budget.count(limits, now_ms);
        let after = budget.standings(limits, now_ms);
        let nearest = || after.into_iter().flatten().min_by_key(|one| one.remaining);
        Verdict::Admitted(exhausted(after).or_else(nearest))
    }

    /// Counts a call of an earlier run that was admitted at `at_ms`.
    pub(crate) fn remember(&mut self, limits: &Limits, key: &Key, at_ms: i64) {
        let budget = self.budgets.entry(key.clone()).or_default();
        budget.forget_old(limits, at_ms);
        budget.count(limits, at_ms);
    }

    /// Forgets every call, as changed limits do.
    pub(crate) fn clear(&mut self) {
        self.budgets.clear();
    }
}

impl Budget {
    fn forget_old(&mut self, limits: &Limits, now_ms: i64) {
        if now_ms >= self.window_ends_ms {
            self.used = 0;
            self.window_ends_ms = 0;
        }
        let spike_ms = whole(limits.spike_window_ms);
        while self.recent.front().is_some_and(|oldest| oldest + spike_ms <= now_ms) {
            self.recent.pop_front();
        }
    }

    fn count(&mut self, limits: &Limits, now_ms: i64) {
        if self.window_ends_ms == 0 {
            self.window_ends_ms = now_ms + whole(limits.hourly_window_ms);
        }
        self.used += 1;
        self.recent.push_back(now_ms);
    }

    /// Spike first: of two equal `Remaining`, Procore reports the spike window.
    fn standings(&self, limits: &Limits, now_ms: i64) -> [Option<Standing>; 2] {
        let spike = limits.spike.map(|limit| {
            let oldest = self.recent.front().copied().unwrap_or(now_ms);
            let used = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
            Standing {
                limit,
                remaining: limit.saturating_sub(used),
                reset_s: next_second(oldest + whole(limits.spike_window_ms)),
            }
        });
        let hourly = limits.hourly.map(|limit| {
            let ends_ms = if self.window_ends_ms == 0 { now_ms + whole(limits.hourly_window_ms) } else { self.window_ends_ms };
            Standing { limit, remaining: limit.saturating_sub(self.used), reset_s: next_second(ends_ms) }
        });
        [spike, hourly]
    }
}

/// The exhausted window that opens last: only then is a call allowed again.
fn exhausted(standings: [Option<Standing>; 2]) -> Option<Standing> {
    standings.into_iter().flatten().filter(|one| one.remaining == 0).max_by_key(|one| one.reset_s)
}

fn whole(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX / 2)
}

/// Rounds up: a client that waits until this second is let in.
fn next_second(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(1000) + i64::from(milliseconds.rem_euclid(1000) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key { client_id: "client".to_owned(), company_id: 1 }
    }

    fn limits(hourly: u32, spike: u32) -> Limits {
        Limits { hourly: Some(hourly), spike: Some(spike), hourly_window_ms: 60_000, spike_window_ms: 10_000 }
    }

    #[test]
    fn reset_is_the_first_whole_second_that_is_admitted() {
        let (mut limiter, limits) = (Limiter::default(), limits(100, 2));
        limiter.ask(&limits, &key(), 1_500);
        limiter.ask(&limits, &key(), 1_600);
        let Verdict::Refused { standing, .. } = limiter.ask(&limits, &key(), 1_700) else { panic!("third call in the window") };
        assert_eq!(standing, Standing { limit: 2, remaining: 0, reset_s: 12 });
        assert!(matches!(limiter.ask(&limits, &key(), 11_499), Verdict::Refused { .. }));
        assert!(matches!(limiter.ask(&limits, &key(), 12_000), Verdict::Admitted(_)));
    }

    #[test]
    fn headers_report_the_window_that_is_nearer_to_being_hit() {
        let (mut limiter, limits) = (Limiter::default(), limits(4, 3));
        let remaining: Vec<(u32, u32)> = [0, 1, 10_000, 10_001]
            .into_iter()
            .map(|at| match limiter.ask(&limits, &key(), at) {
                Verdict::Admitted(Some(standing)) => (standing.limit, standing.remaining),
                verdict @ (Verdict::Admitted(None) | Verdict::Refused { .. }) => panic!("{verdict:?}"),
            })
            .collect();
        assert_eq!(remaining, [(3, 2), (3, 1), (3, 1), (4, 0)]);
    }

    #[test]
    fn the_rolling_window_never_admits_more_than_its_limit() {
        let (mut limiter, limits) = (Limiter::default(), limits(1_000, 5));
        let admitted: Vec<i64> =
            (0..60_000).step_by(100).filter(|at| matches!(limiter.ask(&limits, &key(), *at), Verdict::Admitted(_))).collect();
        for start in &admitted {
            assert!(admitted.iter().filter(|at| (*start..start + 10_000).contains(at)).count() <= 5);
        }
        assert_eq!(admitted.len(), 30);
    }

    #[test]
    fn two_companies_have_two_budgets() {
        let (mut limiter, limits) = (Limiter::default(), limits(1, 1));
        let other = Key { company_id: 2, ..key() };
        assert!(matches!(limiter.ask(&limits, &key(), 0), Verdict::Admitted(_)));
        assert!(matches!(limiter.ask(&limits, &other, 0), Verdict::Admitted(_)));
        assert!(matches!(limiter.ask(&limits, &key(), 0), Verdict::Refused { .. }));
    }

    #[test]
    fn switched_off_windows_have_no_headers() {
        let mut limiter = Limiter::default();
        assert_eq!(limiter.ask(&Limits::off(), &key(), 0), Verdict::Admitted(None));
    }
}
