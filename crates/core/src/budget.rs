//! The call budget's port: every call to a platform asks first and reports what came back.
//!
//! Procore limits an app per company in two windows at once (10 seconds and 60 minutes) and tells of whichever is nearer to its
//! end. Who counts, in memory or in Redis, is behind this port.

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
}

/// What a budget knows, for people and for keeping over a restart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Calls allowed per spike window, learned or assumed.
    pub spike_limit: u32,
    /// Calls made in the present spike window.
    pub spike_used: u32,
    /// Calls allowed per hour window, learned or assumed.
    pub hour_limit: u32,
    /// Calls made in the present hour window.
    pub hour_used: u32,
    /// When the present hour window ends, milliseconds since 1970 on our clock.
    pub hour_resets_at_ms: i64,
    /// No call before this time, milliseconds since 1970 on our clock; 0 = none.
    pub blocked_until_ms: i64,
    /// How often somebody had to wait since the start of the process.
    pub waits: u64,
}

/// Counts calls and says when the next may start.
#[async_trait]
pub trait Budget: fmt::Debug + Send + Sync {
    /// Asks for one call in `lane`.
    async fn ask(&self, key: &BudgetKey, lane: Lane) -> Grant;

    /// Reports the answer of a call that was granted.
    async fn report(&self, key: &BudgetKey, answer: CallAnswer);

    /// What is known of `key` now.
    async fn usage(&self, key: &BudgetKey) -> Usage;

    /// Puts back what was kept over a restart; never loosens what is already known.
    async fn restore(&self, key: &BudgetKey, usage: Usage);
}
