//! The simulated clock: the machine's time plus an offset that the admin API moves forward.
//!
//! Tokens, rate windows, `Date` and the journal read this clock only, so that a test can let 90 minutes pass at once.
//! It never goes backwards; waiting (latency, slow bodies) is real time and does not look here.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat};

/// Machine time plus an offset.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_ms: AtomicI64,
}

impl Clock {
    /// Milliseconds since the epoch, simulated.
    pub(crate) fn now_ms(&self) -> i64 {
        i64::try_from(self.now().as_millis()).unwrap_or(i64::MAX)
    }

    /// Whole seconds since the epoch, rounded down.
    pub(crate) fn now_s(&self) -> i64 {
        self.now_ms().div_euclid(1000)
    }

    /// Microseconds since the epoch: token serials need to tell two tokens of one millisecond apart.
    pub(crate) fn now_us(&self) -> i64 {
        i64::try_from(self.now().as_micros()).unwrap_or(i64::MAX)
    }

    /// Moves the clock forward.
    pub(crate) fn advance_ms(&self, by_ms: u64) {
        self.offset_ms.fetch_add(i64::try_from(by_ms).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// How far the clock is ahead of the machine's.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.offset_ms.load(Ordering::Relaxed)
    }

    /// The time in so many seconds, as headers have dates.
    pub(crate) fn http_date_in(&self, seconds: u32) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + self.now() + Duration::from_secs(seconds.into()))
    }

    fn now(&self) -> Duration {
        let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        machine + Duration::from_millis(u64::try_from(self.offset_ms()).unwrap_or_default())
    }
}

/// `2026-01-31T12:00:00Z`: how v1 REST writes times.
pub(crate) fn timestamp(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// `2026-01-31`: how v1 REST writes dates.
pub(crate) fn date(seconds: i64) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().format("%Y-%m-%d").to_string()
}
