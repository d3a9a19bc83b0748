//! Deadlines and limits of one HTTP call. Fixed for people, short in tests; they are not part of the command line, because a longer
//! deadline only hides a hung server and a larger body only hides a wrong one. (A drill may shorten `read_idle`.)

use std::time::Duration;

/// How long a call may take and how much it may bring.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Until the connection stands, TLS included.
    pub connect: Duration,
    /// Silence between two reads, also before the headers.
    pub read_idle: Duration,
    /// From the start of the call to the end of the body.
    pub total: Duration,
    /// How long an unused connection is kept.
    pub pool_idle: Duration,
    /// Largest body in bytes, counted after decompression.
    pub body_cap: usize,
    /// Waits for the budget up to this long in all are slept inside the call; a longer one is the caller's.
    pub longest_wait_in_place: Duration,
    /// The longest wait that is ever passed on; a platform that asks for more is asked again after this.
    pub longest_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            read_idle: Duration::from_secs(15),
            total: Duration::from_secs(60),
            pool_idle: Duration::from_secs(30),
            body_cap: 16 << 20,
            longest_wait_in_place: Duration::from_secs(1),
            longest_wait: Duration::from_secs(15 * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_the_bounds_that_the_rest_of_the_program_counts_on() {
        let settings = Settings::default();
        let seconds = [settings.connect, settings.read_idle, settings.total, settings.pool_idle].map(|time| time.as_secs());
        assert_eq!((seconds, settings.body_cap), ([5, 15, 60, 30], 16 * 1024 * 1024));
        assert_eq!([settings.longest_wait_in_place, settings.longest_wait].map(|time| time.as_secs()), [1, 900]);
    }
}
