//! Days: an instant is another day in another time zone, and insurance runs out by days.

use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;

/// Whether `zone` is the name of a time zone of the IANA database (`America/Los_Angeles`).
#[must_use]
pub fn is_zone(zone: &str) -> bool {
    zone.parse::<Tz>().is_ok()
}

/// The day in `zone` at `now_ms`, milliseconds since 1970. A zone that is not known counts as UTC; [`is_zone`] keeps it from being
/// stored.
#[must_use]
pub fn day_in(zone: &str, now_ms: i64) -> NaiveDate {
    let now = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    now.with_timezone(&zone.parse::<Tz>().unwrap_or(Tz::UTC)).date_naive()
}

/// The start of the hour, and of the day in `zone`, in which `now_ms` lies: what schedules are named by.
#[must_use]
pub fn period_names(zone: &str, now_ms: i64) -> (String, String) {
    let now = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    (now.format("%Y-%m-%dT%H").to_string(), day_in(zone, now_ms).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_another_time_in_another_zone() {
        let instant = DateTime::parse_from_rfc3339("2026-03-01T05:30:00Z").expect("a time").timestamp_millis();
        assert_eq!(day_in("America/Los_Angeles", instant).to_string(), "2026-02-28");
        assert_eq!(day_in("Europe/Berlin", instant).to_string(), "2026-03-01");
        assert_eq!(period_names("America/Los_Angeles", instant), ("2026-03-01T05".to_owned(), "2026-02-28".to_owned()));
        assert!(is_zone("America/Los_Angeles") && !is_zone("Mars/Base") && !is_zone(""));
    }
}
