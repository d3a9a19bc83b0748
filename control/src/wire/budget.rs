//! Call budgets on the wire.

use super::{count, timestamp};
use crate::names::PROVIDERS;
use crate::service::{self, ProviderBudget};
use linkyard_core::budget::{CallMinute, Usage};
use linkyard_core::id::ProviderId;
use linkyard_proto::v1;
use linkyard_proto::v1::budget::{Block, Forecast, Minute, Window};

/// A provider's budget and the minutes of the past that were asked for.
pub(crate) fn budget(provider: ProviderId, budget: &ProviderBudget, minutes: &[CallMinute]) -> v1::Budget {
    let block = match budget.block {
        None => Block::Unspecified,
        Some((_, service::Block::RateLimit)) => Block::RateLimit,
        Some((_, service::Block::UpstreamDown)) => Block::UpstreamDown,
    };
    v1::Budget {
        name: PROVIDERS.name(provider),
        spike: budget.usage.as_ref().map(spike),
        hour: budget.usage.as_ref().map(hour),
        block: block.into(),
        blocked_until_time: budget.block.map(|(until_ms, _)| timestamp(until_ms)),
        refused_calls: budget.usage.map_or(0, |usage| count(usage.refused)),
        observe_time: budget.observed_at_ms.map(timestamp),
        live: budget.live,
        forecast: Some(Forecast {
            jobs: i32::try_from(budget.demand.jobs).unwrap_or(i32::MAX),
            calls: budget.demand.calls.map(count),
            done_time: budget.done_at_ms.map(timestamp),
        }),
        minutes: minutes.iter().map(minute).collect(),
    }
}

fn spike(usage: &Usage) -> Window {
    let length_ms = count(usage.spike_window_ms);
    window((usage.spike_limit, usage.spike_used, usage.spike_reserve), usage.spike_resets_at_ms, length_ms)
}

fn hour(usage: &Usage) -> Window {
    window((usage.hour_limit, usage.hour_used, usage.hour_reserve), usage.hour_resets_at_ms, count(usage.hour_window_ms))
}

fn window((limit, used, reserve): (u32, u32, u32), resets_at_ms: i64, length_ms: i64) -> Window {
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    Window {
        limit: number(limit),
        used: number(used),
        left: number(limit.saturating_sub(used)),
        reserve: number(reserve),
        reset_time: (resets_at_ms > 0).then(|| timestamp(resets_at_ms)),
        length_ms,
    }
}

fn minute(minute: &CallMinute) -> Minute {
    let counts = minute.counts;
    Minute {
        start_time: Some(timestamp(minute.minute_ms)),
        calls: count(counts.made),
        rate_limited: count(counts.rate_limited),
        failed: count(counts.failed),
        unauthorized: count(counts.unauthorized),
        waits: count(counts.waits),
    }
}
