//! What lists still show of rows that were written a moment ago. With the setting `read_lag_ms`, a write through the API is
//! seen at once by whoever asks for that one row, and by lists only later; until then they show the row as it was.
//!
//! Only the past is kept here, and only while it lasts; the present is in the rows themselves.

use std::collections::HashMap;

/// Former states of rows, by position.
#[derive(Debug)]
pub(crate) struct Lag<T> {
    past: HashMap<u32, Vec<Past<T>>>,
    /// The last instant at which any list is behind.
    over_ms: i64,
}

/// A row until an instant; `None` if it did not exist.
#[derive(Debug)]
struct Past<T> {
    until_ms: i64,
    row: Option<T>,
}

impl<T> Default for Lag<T> {
    fn default() -> Self {
        Self { past: HashMap::new(), over_ms: i64::MIN }
    }
}

impl<T> Lag<T> {
    /// Keeps what a row was before a write at `now_ms` that lists see from `until_ms` on; forgets what is over by now.
    pub(crate) fn keep(&mut self, position: u32, row: Option<T>, now_ms: i64, until_ms: i64) {
        if self.is_over(now_ms) {
            self.past.clear();
        }
        let past = self.past.entry(position).or_default();
        past.retain(|one| one.until_ms > now_ms);
        past.push(Past { until_ms, row });
        self.over_ms = self.over_ms.max(until_ms);
    }

    /// Whether lists show the present.
    pub(crate) fn is_over(&self, now_ms: i64) -> bool {
        self.over_ms <= now_ms
    }

    /// What lists show of a row whose present state is `present`.
    pub(crate) fn seen<'a>(&'a self, position: u32, now_ms: i64, present: Option<&'a T>) -> Option<&'a T> {
        let past = self.past.get(&position).and_then(|past| past.iter().find(|one| one.until_ms > now_ms));
        past.map_or(present, |past| past.row.as_ref())
    }

    /// Rows that may look different in lists.
    pub(crate) fn positions(&self) -> impl Iterator<Item = u32> + '_ {
        self.past.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_show_each_state_until_its_write_is_due() {
        let mut lag = Lag::default();
        lag.keep(1, None, 100, 150);
        lag.keep(1, Some("first"), 120, 170);
        let seen = |now_ms| lag.seen(1, now_ms, Some(&"second")).copied();
        assert_eq!([seen(149), seen(150), seen(169), seen(170)], [None, Some("first"), Some("first"), Some("second")]);
        assert!(!lag.is_over(169) && lag.is_over(170));
    }
}
