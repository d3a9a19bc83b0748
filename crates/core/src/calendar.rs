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

/// The next time, milliseconds since 1970, at which it is `hour` o'clock in `zone`; where a clock skips that hour, the first quarter of an
/// hour after it.
#[must_use]
pub fn next_at_hour(zone: &str, now_ms: i64, hour: i64) -> i64 {
    const QUARTER_MS: i64 = 15 * 60 * 1_000;
    let local_day = |ms: i64| day_in(zone, ms - hour * 4 * QUARTER_MS);
    let today = local_day(now_ms);
    let first = now_ms - now_ms.rem_euclid(QUARTER_MS) + QUARTER_MS;
    // A day has at most 25 hours, a zone's clock changes by at most a day.
    (0..200).map(|quarters| first + quarters * QUARTER_MS).find(|ms| local_day(*ms) != today).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_night_begins_by_the_clock_on_the_wall() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis();
        let next = |now: &str, hour| next_at_hour("America/Los_Angeles", at(now), hour);
        assert_eq!(next("2026-06-01T08:59:59Z", 2), at("2026-06-01T09:00:00Z"));
        assert_eq!(next("2026-06-01T09:00:00Z", 2), at("2026-06-02T09:00:00Z"));
        assert_eq!(next("2026-06-01T12:34:56Z", 0), at("2026-06-02T07:00:00Z"));
        assert!(next("2026-03-08T09:30:00Z", 2) <= at("2026-03-08T11:00:00Z"), "the clock skips this hour");
    }

    #[test]
    fn a_day_ends_at_another_time_in_another_zone() {
        let instant = DateTime::parse_from_rfc3339("2026-03-01T05:30:00Z").expect("a time").timestamp_millis();
        assert_eq!(day_in("America/Los_Angeles", instant).to_string(), "2026-02-28");
        assert_eq!(day_in("Europe/Berlin", instant).to_string(), "2026-03-01");
        assert!(is_zone("America/Los_Angeles") && !is_zone("Mars/Base") && !is_zone(""));
    }
}
