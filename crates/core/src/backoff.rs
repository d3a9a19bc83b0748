//! How long to wait before a counted attempt is made again.
//!
//! Exponential from `first` to `most`, with full jitter over the upper half, so that jobs that failed together do not come back
//! together. The random number is handed in: the rule itself is pure.

use std::time::Duration;

/// The bounds of the waits between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// No wait is longer, however often it failed and whatever a server asks.
    pub most: Duration,
    /// After so many counted attempts in a row a job has failed.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), most: Duration::from_secs(15 * 60), attempts: 10 }
    }
}

impl Backoff {
    /// The wait after `attempts` failures (1 = the first); `random` is uniform in `0.0..1.0`.
    #[must_use]
    pub fn delay(&self, attempts: u32, random: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(30);
        let ceiling = self.first.saturating_mul(1 << doublings).min(self.most);
        ceiling.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0)
    }

    /// Whether a job that failed `attempts` times has no attempt left.
    #[must_use]
    pub fn exhausted(&self, attempts: u32) -> bool {
        attempts >= self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_bound_and_never_below_half() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(1, 1.0), Duration::from_secs(1));
        assert_eq!(backoff.delay(4, 0.0), Duration::from_secs(4));
        assert_eq!(backoff.delay(4, 1.0), Duration::from_secs(8));
        assert_eq!(backoff.delay(99, 1.0), Duration::from_secs(15 * 60));
    }
}
