//! What the calls of a company came to: counted where they are made, read by whoever keeps the history.

use linkyard_core::budget::CallCounts;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that only grow.
#[derive(Debug, Default)]
pub struct Tally {
    made: AtomicU64,
    rate_limited: AtomicU64,
    failed: AtomicU64,
    unauthorized: AtomicU64,
    waits: AtomicU64,
}

impl Tally {
    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> CallCounts {
        CallCounts {
            made: self.made(),
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            unauthorized: self.unauthorized.load(Ordering::Relaxed),
            waits: self.waits.load(Ordering::Relaxed),
        }
    }

    /// Calls that were started.
    pub(crate) fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    /// A call is about to start.
    pub(crate) fn started(&self) {
        self.made.fetch_add(1, Ordering::Relaxed);
    }

    /// A call ended with this status (0: no answer), whole or not.
    pub(crate) fn ended(&self, status: u16, whole: bool) {
        match status {
            429 => self.rate_limited.fetch_add(1, Ordering::Relaxed),
            401 | 403 => self.unauthorized.fetch_add(1, Ordering::Relaxed),
            0 | 500.. => self.failed.fetch_add(1, Ordering::Relaxed),
            _ => self.failed.fetch_add(u64::from(!whole), Ordering::Relaxed),
        };
    }

    /// A call had to wait for the budget.
    pub(crate) fn waited(&self) {
        self.waits.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_counted_once_by_what_it_says() {
        let tally = Tally::default();
        for (status, whole) in
            [(200, true), (200, false), (0, false), (503, true), (429, true), (401, true), (403, true), (404, true)]
        {
            tally.started();
            tally.ended(status, whole);
        }
        let expected = CallCounts { made: 8, rate_limited: 1, failed: 3, unauthorized: 2, waits: 0 };
        assert_eq!(tally.read(), expected);
    }
}
