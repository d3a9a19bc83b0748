//! The circuit breaker of one key, as plain state: after some failures in a row nobody calls for a while; then one call tries for all.
//!
//! It is part of the windows' state, so all workers count together. A failure is a call without an answer or with one that says that the
//! platform is broken; a refusal, for whatever reason, is an answer. A call that was dropped says nothing.

use super::BudgetArgs;
use serde::{Deserialize, Serialize};

/// So many failures in a row open it. Those of calls that were under way by then come on top.
const MOST_FAILURES: u32 = 5;
/// How long others wait for the one call that tries, before they ask again: longer than anybody waits in place.
const PROBE_MS: u64 = 5_000;
/// A call that tries and is not reported for this long is taken as lost: its process is gone. Longer than any call may take.
const PROBE_LOST_MS: u64 = 70_000;

/// What is configured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    first_ms: u64,
    most_ms: u64,
}

impl From<&BudgetArgs> for Waits {
    fn from(args: &BudgetArgs) -> Self {
        let first_ms = args.outage_first_wait_ms.max(1);
        Self { first_ms, most_ms: args.outage_most_wait_ms.max(first_ms) }
    }
}

impl Waits {
    /// The wait after it opened `opened` times in a row: doubling up to the most, and up to a quarter longer, so that what failed
    /// together does not come back together.
    fn after(self, opened: u32, now: u64) -> u64 {
        let doubled = self.first_ms.saturating_mul(1_u64.checked_shl(opened.saturating_sub(1)).unwrap_or(u64::MAX));
        let wait_ms = doubled.min(self.most_ms);
        // Scattered by the moment of the failure, which differs from key to key: the state has to stay a function of its past.
        let scattered = now.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        wait_ms + scattered % (wait_ms / 4 + 1)
    }
}

/// The state. Times are milliseconds on the windows' clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Breaker {
    /// Failures in a row while it is closed.
    failures: u32,
    /// How often it opened without an answer in between; 0 = closed.
    opened: u32,
    /// While it is open: nobody calls before this.
    until: u64,
    /// When the call that tries was let go.
    probe: Option<u64>,
}

impl Breaker {
    /// How long to wait before a call; 0 = go.
    pub(super) fn wait(&self, now: u64) -> u64 {
        match self.probe {
            _ if self.opened == 0 => 0,
            _ if now < self.until => self.until - now,
            Some(since) if now < since.saturating_add(PROBE_LOST_MS) => PROBE_MS,
            Some(_) | None => 0,
        }
    }

    /// A call is let go.
    pub(super) fn go(&mut self, now: u64) {
        if self.opened > 0 {
            self.probe = Some(now);
        }
    }

    /// A call was answered: whatever the platform said, it is there.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// A call was dropped by whoever made it.
    pub(super) fn dropped(&mut self) {
        self.probe = None;
    }

    /// A call failed.
    pub(super) fn failed(&mut self, waits: Waits, now: u64) {
        let opens = if self.opened == 0 {
            self.failures += 1;
            self.failures >= MOST_FAILURES
        } else {
            // What failed without having been let go to try began before it opened, and says nothing new.
            self.probe.is_some()
        };
        if opens {
            self.opened = self.opened.saturating_add(1);
            self.until = now.saturating_add(waits.after(self.opened, now));
            self.probe = None;
        }
    }

    /// How often it opened in a row, and until when nobody calls; nothing while it is closed.
    pub(super) fn open(&self) -> Option<(u32, u64)> {
        (self.opened > 0).then_some((self.opened, self.until))
    }

    /// Takes over what was kept; never closes what is open.
    pub(super) fn restore(&mut self, opened: u32, until: u64) {
        if opened > self.opened {
            *self = Self { opened, until, ..Self::default() };
        }
    }

    /// Sets right what a clock that was set back left in the future.
    pub(super) fn keep_behind(&mut self, waits: Waits, now: u64) {
        self.until = self.until.min(now.saturating_add(waits.most_ms + waits.most_ms / 4));
        self.probe = self.probe.map(|since| since.min(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: Waits = Waits { first_ms: 5_000, most_ms: 60_000 };

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        (0..MOST_FAILURES).for_each(|_| breaker.failed(WAITS, 0));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_an_answer_in_between_counts_anew() {
        let mut breaker = Breaker::default();
        for _ in 1..MOST_FAILURES {
            breaker.failed(WAITS, 0);
        }
        assert_eq!((breaker.wait(0), breaker.open()), (0, None));
        breaker.answered();
        breaker.failed(WAITS, 0);
        assert_eq!(breaker.open(), None);
        assert!(opened().wait(0) >= 5_000);
    }

    #[test]
    fn one_call_tries_and_the_others_wait_for_it() {
        let mut breaker = opened();
        let until = breaker.wait(0);
        assert_eq!(breaker.wait(until), 0);
        breaker.go(until);
        assert_eq!(breaker.wait(until), PROBE_MS);
        assert_eq!(breaker.wait(until + PROBE_LOST_MS), 0, "its process is gone");
        breaker.answered();
        assert_eq!((breaker.wait(until), breaker.open()), (0, None));
    }

    #[test]
    fn each_try_that_fails_waits_longer_up_to_the_most() {
        let (mut breaker, mut now, mut waits) = (opened(), 0, Vec::new());
        for _ in 0..8 {
            let wait = breaker.wait(now);
            waits.push(wait);
            now += wait;
            breaker.go(now);
            breaker.failed(WAITS, now);
        }
        let doubled = [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000, 60_000];
        for (wait, at_least) in waits.iter().zip(doubled) {
            assert!((at_least..=at_least + at_least / 4).contains(wait), "{waits:?}");
        }
    }

    #[test]
    fn what_began_before_it_opened_does_not_hold_it_open_and_a_dropped_try_is_followed_by_another() {
        let mut breaker = opened();
        let open = breaker.clone();
        breaker.failed(WAITS, 1);
        assert_eq!(breaker, open);
        let until = breaker.wait(0);
        breaker.go(until);
        breaker.dropped();
        assert_eq!(breaker.wait(until), 0);
    }

    #[test]
    fn what_was_kept_holds_unless_something_newer_is_known() {
        let mut breaker = Breaker::default();
        breaker.restore(3, 9_000);
        assert_eq!((breaker.wait(1_000), breaker.open()), (8_000, Some((3, 9_000))));
        breaker.restore(2, 20_000);
        assert_eq!(breaker.wait(1_000), 8_000);
        breaker.keep_behind(WAITS, 0);
        assert!(breaker.wait(0) <= 75_000);
    }
}
