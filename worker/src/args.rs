//! The worker's part of the command line: slots, leases, waits.

use linkyard_core::backoff::Backoff;
use linkyard_store::Keep;
use std::time::Duration;

/// How fast the worker's clockwork ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Pace {
    /// The times as they are given.
    #[default]
    Normal,
    /// Every time divided by ten: for drills and tests, which would otherwise wait for leases.
    Fast,
}

/// Settings of one worker process.
#[derive(Clone, Debug, clap::Args)]
pub struct WorkerArgs {
    /// Jobs that run at once in this process.
    #[arg(long, env = "LINKYARD_WORKER_CONCURRENCY", default_value_t = 4)]
    pub concurrency: usize,

    /// With several providers: how much of all slots, in percent, the jobs of one provider may take; 100 = all.
    #[arg(
        long,
        env = "LINKYARD_WORKER_PROVIDER_PERCENT",
        default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    pub provider_percent: u32,

    /// What this process is called in the list of workers; the machine's name unless said.
    #[arg(long, env = "LINKYARD_WORKER_NAME")]
    pub worker_name: Option<String>,

    /// How long a job belongs to this process without a renewal, in milliseconds.
    #[arg(long, env = "LINKYARD_WORKER_LEASE_MS", default_value_t = 30_000)]
    pub lease_ms: u64,

    /// How often leases are renewed, in milliseconds; at most a third of the lease.
    #[arg(long, env = "LINKYARD_WORKER_RENEW_MS", default_value_t = 10_000)]
    pub renew_ms: u64,

    /// How long running jobs may take to reach a checkpoint when the process stops, in milliseconds.
    #[arg(long, env = "LINKYARD_WORKER_DRAIN_MS", default_value_t = 30_000)]
    pub drain_ms: u64,

    /// The wait after a job's first failure, in milliseconds; it doubles with each further one.
    #[arg(long, env = "LINKYARD_WORKER_BACKOFF_FIRST_MS", default_value_t = 1_000)]
    pub backoff_first_ms: u64,

    /// The longest wait between two attempts, in milliseconds.
    #[arg(long, env = "LINKYARD_WORKER_BACKOFF_MOST_MS", default_value_t = 900_000)]
    pub backoff_most_ms: u64,

    /// After so many attempts in a row that failed without getting further a job has failed.
    #[arg(long, env = "LINKYARD_WORKER_ATTEMPTS", default_value_t = 10)]
    pub attempts: u32,

    /// How often the feeder looks for runnable jobs when nobody rings, in milliseconds.
    #[arg(long, env = "LINKYARD_WORKER_TICK_MS", default_value_t = 1_000)]
    pub tick_ms: u64,

    /// How often the schedules are looked at (hourly and nightly fetch, daily comparison of insurances, retention, tests of providers that
    /// need attention) and due insurances are pushed, in milliseconds; only the process that feeds does it.
    #[arg(long, env = "LINKYARD_WORKER_SCHEDULE_TICK_MS", default_value_t = 5_000)]
    pub schedule_tick_ms: u64,

    /// How often the directory of a provider is fetched for changes, in milliseconds; 0 = only at night.
    #[arg(long, env = "LINKYARD_WORKER_FETCH_EVERY_MS", default_value_t = 3_600_000)]
    pub fetch_every_ms: u64,

    /// How often a provider that needs attention is tested again, in milliseconds; 0 = only when a person asks.
    #[arg(long, env = "LINKYARD_WORKER_TEST_EVERY_MS", default_value_t = 900_000)]
    pub test_every_ms: u64,

    /// How long the registry has to be quiet before a change of it changes suggestions, in milliseconds; 0 = only when something is
    /// fetched. A registry that is never quiet is followed after twenty times as long.
    #[arg(long, env = "LINKYARD_WORKER_SUGGEST_AFTER_MS", default_value_t = 30_000)]
    pub suggest_after_ms: u64,

    /// For how many days ended jobs and records of walks are kept.
    #[arg(long, env = "LINKYARD_KEEP_JOBS_DAYS", default_value_t = 30)]
    pub keep_jobs_days: u32,

    /// For how many days a request id gets the same answer.
    #[arg(long, env = "LINKYARD_KEEP_REQUESTS_DAYS", default_value_t = 7)]
    pub keep_requests_days: u32,

    /// `fast` divides all of these times in milliseconds by ten.
    #[arg(long, env = "LINKYARD_PACE", value_enum, default_value_t = Pace::Normal)]
    pub pace: Pace,
}

impl Default for WorkerArgs {
    fn default() -> Self {
        Self {
            concurrency: 4,
            provider_percent: 60,
            worker_name: None,
            lease_ms: 30_000,
            renew_ms: 10_000,
            drain_ms: 30_000,
            backoff_first_ms: 1_000,
            backoff_most_ms: 900_000,
            attempts: 10,
            tick_ms: 1_000,
            schedule_tick_ms: 5_000,
            fetch_every_ms: 3_600_000,
            test_every_ms: 900_000,
            suggest_after_ms: 30_000,
            keep_jobs_days: 30,
            keep_requests_days: 7,
            pace: Pace::Normal,
        }
    }
}

/// The settings at the pace asked for, in the units in which they are used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) lease_ms: i64,
    pub(crate) renew: Duration,
    pub(crate) drain: Duration,
    pub(crate) tick: Duration,
    /// How long the feeder's role is kept without being taken again: three ticks, so that one slow pass does not lose it.
    pub(crate) role_ms: i64,
    pub(crate) backoff: Backoff,
}

/// When scheduled work is looked at, and how often the one that has no time of day is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchedulePace {
    pub(crate) tick: Duration,
    /// Milliseconds; `None` = only at night.
    pub(crate) fetch_every_ms: Option<i64>,
    /// Milliseconds; `None` = never.
    pub(crate) test_every_ms: Option<i64>,
    /// Milliseconds; `None` = only when something is fetched.
    pub(crate) suggest_after_ms: Option<i64>,
}

impl WorkerArgs {
    fn divisor(&self) -> u64 {
        match self.pace {
            Pace::Normal => 1,
            Pace::Fast => 10,
        }
    }

    pub(crate) fn schedules(&self) -> SchedulePace {
        let every = |given: u64| {
            let every_ms = whole_milliseconds(Duration::from_millis(given / self.divisor()));
            Some(every_ms).filter(|every_ms| *every_ms > 0)
        };
        SchedulePace {
            tick: Duration::from_millis((self.schedule_tick_ms / self.divisor()).max(1)),
            fetch_every_ms: every(self.fetch_every_ms),
            test_every_ms: every(self.test_every_ms),
            suggest_after_ms: every(self.suggest_after_ms),
        }
    }

    /// For how long history is kept. Not divided by the pace: a drill wants its history.
    pub(crate) fn keep(&self) -> Keep {
        const DAY_MS: i64 = 24 * 3_600 * 1_000;
        Keep { jobs_ms: i64::from(self.keep_jobs_days) * DAY_MS, requests_ms: i64::from(self.keep_requests_days) * DAY_MS }
    }

    pub(crate) fn timing(&self) -> Timing {
        let milliseconds = |given: u64| Duration::from_millis((given / self.divisor()).max(1));
        let lease = milliseconds(self.lease_ms);
        let tick = milliseconds(self.tick_ms);
        Timing {
            lease_ms: whole_milliseconds(lease),
            renew: milliseconds(self.renew_ms).min(lease / 3),
            drain: milliseconds(self.drain_ms),
            tick,
            role_ms: whole_milliseconds(tick * 3),
            backoff: Backoff {
                first: milliseconds(self.backoff_first_ms),
                most: milliseconds(self.backoff_most_ms),
                attempts: self.attempts,
            },
        }
    }
}

/// `duration` in whole milliseconds, as SQL has its times.
pub(crate) fn whole_milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_pace_divides_every_time_by_ten() {
        let (normal, fast) = (WorkerArgs::default().timing(), WorkerArgs { pace: Pace::Fast, ..WorkerArgs::default() }.timing());
        assert_eq!(normal.lease_ms, fast.lease_ms * 10);
        assert_eq!(normal.role_ms, fast.role_ms * 10);
        assert_eq!(
            [normal.renew, normal.drain, normal.tick, normal.backoff.first, normal.backoff.most],
            [fast.renew, fast.drain, fast.tick, fast.backoff.first, fast.backoff.most].map(|time| time * 10)
        );
        assert_eq!(normal.backoff.attempts, fast.backoff.attempts);
    }

    #[test]
    fn a_lease_is_renewed_three_times_before_it_ends() {
        let timing = WorkerArgs { lease_ms: 3_000, renew_ms: 10_000, ..WorkerArgs::default() }.timing();
        assert_eq!(timing.renew, Duration::from_secs(1));
    }
}
