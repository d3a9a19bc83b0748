//! The call budget's port: every call to a platform asks first and reports what came back.
//!
//! Procore limits an app per company in two windows at once (10 seconds and 60 minutes) and tells of whichever is nearer to its
//! end. Who counts, in memory or in Redis, is behind this port.

use crate::Result;
use crate::id::CompanyId;
use crate::job::Lane;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Whose budget: Procore counts per app credential and company.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BudgetKey {
    /// Which credential, by its client id (not a secret).
    pub client_id: String,
    /// Which company.
    pub company: CompanyId,
}

impl BudgetKey {
    /// The key of requests for tokens with a credential, which belong to no company. One of them is under way at a time, among all
    /// workers.
    #[must_use]
    pub fn login(client_id: &str) -> Self {
        Self { client_id: client_id.to_owned(), company: CompanyId(0) }
    }

    /// Whether it is such a key.
    #[must_use]
    pub fn is_login(&self) -> bool {
        self.company == CompanyId(0)
    }
}

/// The answer to "may I call now?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Yes, and the call is counted.
    Go,
    /// No; ask again after this time. Nothing was counted.
    Wait(Duration),
}

/// What one call's answer says about the limits. Absent headers are `None`; an answer that never came is all `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallAnswer {
    /// HTTP status, 0 when there was no answer.
    pub status: u16,
    /// `X-Rate-Limit-Limit`.
    pub limit: Option<u32>,
    /// `X-Rate-Limit-Remaining`.
    pub remaining: Option<u32>,
    /// `X-Rate-Limit-Reset`, seconds since 1970 on Procore's clock.
    pub reset_at_s: Option<i64>,
    /// The `Date` header in milliseconds since 1970: Procore's clock when it answered.
    pub server_now_ms: Option<i64>,
    /// `Retry-After`, already made a duration.
    pub retry_after: Option<Duration>,
    /// The platform is broken, as far as this call tells: there was no whole answer, or one of 5xx that names no time to come back.
    pub failed: bool,
}

/// What a budget knows, for people and for keeping over a restart. Times are milliseconds since 1970 on our clock; 0 = none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Calls allowed per spike window, learned or assumed.
    pub spike_limit: u32,
    /// Calls made in the present spike window.
    pub spike_used: u32,
    /// Of `spike_limit`, calls kept for the lane in which a person waits.
    pub spike_reserve: u32,
    /// Length of the spike window, milliseconds.
    pub spike_window_ms: u64,
    /// When the spike window is empty again, unless further calls are made.
    pub spike_resets_at_ms: i64,
    /// Calls allowed per hour window, learned or assumed.
    pub hour_limit: u32,
    /// Calls made in the present hour window.
    pub hour_used: u32,
    /// Of `hour_limit`, calls kept for the lane in which a person waits.
    pub hour_reserve: u32,
    /// Length of the hour window, milliseconds.
    pub hour_window_ms: u64,
    /// When the present hour window ends.
    pub hour_resets_at_ms: i64,
    /// No call before this time, because the platform said so.
    pub blocked_until_ms: i64,
    /// How often in a row calls were stopped because the platform is down; 0 = it answers.
    pub outages: u32,
    /// While it is down: no call before this time; then one tries for all.
    pub down_until_ms: i64,
    /// Calls refused for their rate (429) since the state began.
    pub refused: u64,
    /// How often somebody had to wait since the start of the process.
    pub waits: u64,
}

impl Usage {
    /// Until when calls are stopped at `now_ms` because the platform is down; `None` when it answers.
    #[must_use]
    pub fn down_until_ms(&self, now_ms: i64) -> Option<i64> {
        (self.outages > 0).then_some(self.down_until_ms.max(now_ms))
    }

    /// When `calls` more of the lanes in which nobody waits would all have been made, if nothing else calls: milliseconds since 1970.
    /// `None` for a budget of which nothing is known.
    #[must_use]
    pub fn done_at_ms(&self, calls: u64, now_ms: i64) -> Option<i64> {
        let (per_spike, per_hour) = (self.spike_limit - self.spike_reserve.min(self.spike_limit), self.hour_allowed());
        if per_spike == 0 || per_hour == 0 || self.spike_window_ms == 0 || self.hour_window_ms == 0 {
            return None;
        }
        let whole = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
        let windows = |calls: u64| whole((calls.saturating_sub(1) / u64::from(per_spike)).saturating_mul(self.spike_window_ms));
        let begins = now_ms.max(self.blocked_until_ms).max(self.down_until_ms);
        let used = if self.hour_resets_at_ms > begins { self.hour_used } else { 0 };
        let left = u64::from(per_hour.saturating_sub(used));
        let Some(later) = calls.checked_sub(left).filter(|later| *later > 0) else {
            return Some(begins.saturating_add(windows(calls)));
        };
        // The rest begins with the next hour window, and whole ones pass before the last of it.
        let whole_hours = (later - 1) / u64::from(per_hour);
        let last = later - whole_hours * u64::from(per_hour);
        let resets = if self.hour_resets_at_ms > begins {
            self.hour_resets_at_ms
        } else {
            begins.saturating_add(whole(self.hour_window_ms))
        };
        Some(resets.saturating_add(whole(whole_hours.saturating_mul(self.hour_window_ms))).saturating_add(windows(last)))
    }

    fn hour_allowed(&self) -> u32 {
        self.hour_limit.saturating_sub(self.hour_reserve)
    }
}

/// What was last kept of a provider's budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptUsage {
    /// Whose budget it is, by its client id: platform credentials are known to workers only. `None` for what an older release kept.
    pub client_id: Option<String>,
    /// When it was kept, milliseconds since 1970 on the database's clock.
    pub kept_at_ms: i64,
    /// What was known.
    pub usage: Usage,
}

/// What calls came to, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Calls that were started.
    pub made: u64,
    /// Of these, refused for their rate (429).
    pub rate_limited: u64,
    /// Of these, without an answer, or with one that says that the platform is broken (5xx).
    pub failed: u64,
    /// Of these, refused for who asks (401, 403).
    pub unauthorized: u64,
    /// How often a call had to wait for the budget.
    pub waits: u64,
}

impl CallCounts {
    /// Adds `other`, field by field.
    pub fn add(&mut self, other: Self) {
        self.made += other.made;
        self.rate_limited += other.rate_limited;
        self.failed += other.failed;
        self.unauthorized += other.unauthorized;
        self.waits += other.waits;
    }

    /// What came since `before`, an earlier reading of the same counts.
    #[must_use]
    pub fn since(&self, before: Self) -> Self {
        Self {
            made: self.made.saturating_sub(before.made),
            rate_limited: self.rate_limited.saturating_sub(before.rate_limited),
            failed: self.failed.saturating_sub(before.failed),
            unauthorized: self.unauthorized.saturating_sub(before.unauthorized),
            waits: self.waits.saturating_sub(before.waits),
        }
    }
}

/// The calls of one provider in one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallMinute {
    /// The first millisecond of the minute, since 1970.
    pub minute_ms: i64,
    /// What its calls came to.
    pub counts: CallCounts,
}

/// What the live jobs of a provider still have to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Jobs that are not finished and make calls.
    pub jobs: u64,
    /// Calls that they still need, as far as earlier ones tell; `None` where that can not be told of one of them.
    pub calls: Option<u64>,
}

/// Counts calls and says when the next may start.
#[async_trait]
pub trait Budget: fmt::Debug + Send + Sync {
    /// Asks for one call in `lane`.
    async fn ask(&self, key: &BudgetKey, lane: Lane) -> Grant;

    /// Reports the answer of a call that was granted.
    async fn report(&self, key: &BudgetKey, answer: CallAnswer);

    /// What is known of `key` now; `None` when nothing is, because nobody asked for a call yet.
    ///
    /// # Errors
    /// `Unavailable` when whoever counts does not answer.
    async fn usage(&self, key: &BudgetKey) -> Result<Option<Usage>>;

    /// Puts back what was kept over a restart; never loosens what is already known.
    async fn restore(&self, key: &BudgetKey, usage: Usage);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10 calls per 10 seconds and 100 per hour, of which 10 are kept back; 80 of the hour are used.
    fn usage() -> Usage {
        Usage {
            spike_limit: 10,
            spike_window_ms: 10_000,
            hour_limit: 100,
            hour_used: 80,
            hour_reserve: 10,
            hour_window_ms: 3_600_000,
            hour_resets_at_ms: 1_000_000,
            ..Usage::default()
        }
    }

    #[test]
    fn calls_are_done_by_the_narrower_of_the_two_windows() {
        assert_eq!(usage().done_at_ms(0, 500), Some(500));
        assert_eq!(usage().done_at_ms(10, 500), Some(500), "a whole window may go at once");
        assert_eq!(Usage { hour_used: 0, ..usage() }.done_at_ms(25, 500), Some(20_500));
        assert_eq!(usage().done_at_ms(11, 500), Some(1_000_000), "ten are left of the hour");
        assert_eq!(usage().done_at_ms(10 + 90 + 1, 500), Some(1_000_000 + 3_600_000));
    }

    #[test]
    fn a_block_and_an_hour_that_is_over_are_taken_into_account() {
        assert_eq!(Usage { blocked_until_ms: 7_000, ..usage() }.done_at_ms(1, 500), Some(7_000));
        assert_eq!(usage().done_at_ms(15, 2_000_000), Some(2_010_000), "the hour began anew");
        assert_eq!(Usage::default().done_at_ms(1, 0), None);
    }
}
