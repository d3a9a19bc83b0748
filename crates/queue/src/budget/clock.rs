//! The budget's two clocks: one that never goes back, to measure waits, and the wall's, only to keep times over a restart and to read
//! times that a platform wrote.

use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where a budget takes its time from.
pub trait BudgetClock: fmt::Debug + Send + Sync {
    /// Milliseconds since some fixed moment of this process; never goes back.
    fn monotonic_ms(&self) -> u64;

    /// Milliseconds since 1970.
    fn wall_ms(&self) -> i64;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl BudgetClock for SystemClock {
    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn wall_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}
