//! The call budget: how many calls a platform may still get, per app credential and company.
//!
//! Lives here: the two implementations of the [`Budget`] port, in this process for the embedded mode and in Redis (`shared.rs`) for
//! workers that share their companies. Both count by the same rules, in `windows.rs` and, for a platform
//! that is down, `breaker.rs`, which know no locks and no clock. Does not live
//! here: keeping usage over a restart (the store's), and what a caller does while it waits.

mod args;
mod breaker;
mod clock;
mod shared;
mod windows;

pub use args::BudgetArgs;
pub use clock::{BudgetClock, SystemClock};
pub use shared::SharedBudget;

use async_trait::async_trait;
use linkyard_core::Result;
use linkyard_core::budget::{Budget, BudgetKey, CallAnswer, Grant, Usage};
use linkyard_core::job::Lane;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use windows::{Rules, Windows};

/// A budget that is counted in this process.
#[derive(Debug)]
pub struct MemoryBudget {
    rules: Rules,
    clock: Arc<dyn BudgetClock>,
    keys: Mutex<HashMap<BudgetKey, Windows>>,
}

impl MemoryBudget {
    /// A budget by the machine's clock.
    #[must_use]
    pub fn new(args: &BudgetArgs) -> Self {
        Self::with_clock(args, Arc::new(SystemClock::default()))
    }

    /// A budget by another clock, for tests.
    #[must_use]
    pub fn with_clock(args: &BudgetArgs, clock: Arc<dyn BudgetClock>) -> Self {
        Self { rules: Rules::from(args), clock, keys: Mutex::default() }
    }

    /// Runs one step on the windows of `key`. Steps are short and never wait, so a plain lock does.
    fn step<T>(&self, key: &BudgetKey, step: impl FnOnce(&mut Windows, &Rules) -> T) -> T {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.rules.of(key);
        if let Some(windows) = keys.get_mut(key) {
            return step(windows, &rules);
        }
        step(keys.entry(key.clone()).or_insert_with(|| Windows::new(&rules)), &rules)
    }
}

#[async_trait]
impl Budget for MemoryBudget {
    async fn ask(&self, key: &BudgetKey, lane: Lane) -> Grant {
        let now_ms = self.clock.monotonic_ms();
        match self.step(key, |windows, rules| windows.ask(rules, lane, now_ms)) {
            None => Grant::Go,
            Some(wait_ms) => Grant::Wait(Duration::from_millis(wait_ms)),
        }
    }

    async fn report(&self, key: &BudgetKey, answer: CallAnswer) {
        let (now_ms, wall_ms) = (self.clock.monotonic_ms(), self.clock.wall_ms());
        self.step(key, |windows, rules| windows.report(rules, answer, now_ms, wall_ms));
    }

    async fn usage(&self, key: &BudgetKey) -> Result<Option<Usage>> {
        let (now_ms, wall_ms) = (self.clock.monotonic_ms(), self.clock.wall_ms());
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys.get_mut(key).map(|windows| windows.usage(&self.rules.of(key), now_ms, wall_ms)))
    }

    async fn restore(&self, key: &BudgetKey, usage: Usage) {
        let (now_ms, wall_ms) = (self.clock.monotonic_ms(), self.clock.wall_ms());
        self.step(key, |windows, rules| windows.restore(rules, usage, now_ms, wall_ms));
    }
}
