//! What is assumed about the platform's limits until its headers tell: the budget's part of the command line.

/// The two windows in which calls are counted. Procore publishes 10 seconds and 60 minutes and changes the numbers of calls at will, so
/// only the lengths are settings to rely on; the numbers hold until the first answer.
#[derive(Clone, Debug, clap::Args)]
pub struct BudgetArgs {
    /// Length of the rolling window, milliseconds.
    #[arg(
        long = "budget-spike-window-ms",
        env = "LINKYARD_BUDGET_SPIKE_WINDOW_MS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u64).range(1..=3_600_000)
    )]
    pub spike_window_ms: u64,

    /// Length of the fixed window, milliseconds.
    #[arg(
        long = "budget-hour-window-ms",
        env = "LINKYARD_BUDGET_HOUR_WINDOW_MS",
        default_value_t = 3_600_000,
        value_parser = clap::value_parser!(u64).range(1..=86_400_000)
    )]
    pub hour_window_ms: u64,

    /// Calls per rolling window until the platform tells its limit.
    #[arg(
        long = "budget-initial-spike-limit",
        env = "LINKYARD_BUDGET_INITIAL_SPIKE_LIMIT",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub initial_spike_limit: u32,

    /// Calls per fixed window until the platform tells its limit.
    #[arg(
        long = "budget-initial-hour-limit",
        env = "LINKYARD_BUDGET_INITIAL_HOUR_LIMIT",
        default_value_t = 600,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub initial_hour_limit: u32,

    /// Share of each window, in percent, that is kept for calls for which a person waits.
    #[arg(
        long = "budget-reserve-percent",
        env = "LINKYARD_BUDGET_RESERVE_PERCENT",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(0..=90)
    )]
    pub reserve_percent: u32,

    /// For how long nobody calls a platform that failed five times in a row, milliseconds; then one call tries for all. It doubles with
    /// each try that fails.
    #[arg(
        long = "budget-outage-first-wait-ms",
        env = "LINKYARD_BUDGET_OUTAGE_FIRST_WAIT_MS",
        default_value_t = 5_000,
        value_parser = clap::value_parser!(u64).range(1..=900_000)
    )]
    pub outage_first_wait_ms: u64,

    /// The longest of these waits, milliseconds.
    #[arg(
        long = "budget-outage-most-wait-ms",
        env = "LINKYARD_BUDGET_OUTAGE_MOST_WAIT_MS",
        default_value_t = 60_000,
        value_parser = clap::value_parser!(u64).range(1..=900_000)
    )]
    pub outage_most_wait_ms: u64,
}

impl Default for BudgetArgs {
    fn default() -> Self {
        Self {
            spike_window_ms: 10_000,
            hour_window_ms: 3_600_000,
            initial_spike_limit: 20,
            initial_hour_limit: 600,
            reserve_percent: 10,
            outage_first_wait_ms: 5_000,
            outage_most_wait_ms: 60_000,
        }
    }
}
