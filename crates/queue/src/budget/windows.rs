//! The windows of one key, as plain state: times come in as arguments.
//!
//! A call takes a place in the rolling window from the moment it is let go until one window length after its *answer*: the platform
//! counted it at some moment in between, so whatever that moment was, we never count fewer calls than the platform does. Limits and
//! use are learned from the headers; what the platform knows beyond our own count (another program with the same credentials, calls of
//! an earlier process) is taken over, and our count is never lowered within a window.
//!
//! The headers describe one window at a time: the one that is nearer to being used up. So an answer about the rolling window also says
//! that the hour has at least as many calls left, which is how a guess about the hour that is too low gets corrected.

use super::BudgetArgs;
use super::breaker::{Breaker, Waits};
use linkyard_core::budget::{BudgetKey, CallAnswer, Usage};
use linkyard_core::job::Lane;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A call that was not reported for this long is taken as answered: its process or task is gone. Longer than any call may take.
const LOST_AFTER_MS: u64 = 70_000;
/// The same for a request for a token, which holds up all others of its credential: so long its first answer takes at most.
const LOGIN_LOST_AFTER_MS: u64 = 20_000;
/// A larger limit of the rolling window is taken as this: every call inside the window is kept, and nobody needs more of them.
const MOST_PER_SPIKE: u32 = 5_000;
/// How soon to ask again while the first call is under way; its answer may come at any moment.
const ASK_AGAIN_MS: u64 = 200;
/// Procore writes times in whole seconds.
const ROUNDING_MS: i64 = 1_000;
/// How far the clocks of two of the platform's machines may be apart.
const MOST_SKEW_MS: u64 = 10_000;
/// Our clock counts whole milliseconds and may be almost one behind.
const CLOCK_GRAIN_MS: u64 = 2;
/// A reset further away than the longer window plus this is nonsense and is cut.
const RESET_SLACK_MS: u64 = 60_000;

/// What is configured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    spike_window_ms: u64,
    hour_window_ms: u64,
    initial_spike_limit: u32,
    initial_hour_limit: u32,
    reserve_percent: u32,
    waits: Waits,
    /// No call begins while another one is under way.
    one_at_a_time: bool,
    lost_after_ms: u64,
}

impl From<&BudgetArgs> for Rules {
    fn from(args: &BudgetArgs) -> Self {
        Self {
            spike_window_ms: args.spike_window_ms.max(1),
            hour_window_ms: args.hour_window_ms.max(args.spike_window_ms).max(1),
            initial_spike_limit: args.initial_spike_limit.clamp(1, MOST_PER_SPIKE),
            initial_hour_limit: args.initial_hour_limit.max(1),
            reserve_percent: args.reserve_percent.min(90),
            waits: Waits::from(args),
            one_at_a_time: false,
            lost_after_ms: LOST_AFTER_MS,
        }
    }
}

impl Rules {
    /// Those for the calls of `key`.
    pub(super) fn of(self, key: &BudgetKey) -> Self {
        if key.is_login() { Self { one_at_a_time: true, lost_after_ms: LOGIN_LOST_AFTER_MS, ..self } } else { self }
    }

    /// How much of `limit` calls in `lane` may use. One call is always left to everybody.
    fn allowed(&self, limit: u32, lane: Lane) -> usize {
        let reserve = match lane {
            Lane::Person => 0,
            Lane::Push | Lane::Background => self.reserve(limit),
        };
        usize::try_from(limit.saturating_sub(reserve).max(1)).unwrap_or(usize::MAX)
    }

    /// How much of `limit` is kept for the lane in which a person waits.
    fn reserve(&self, limit: u32) -> u32 {
        let reserve = (u64::from(limit) * u64::from(self.reserve_percent)).div_ceil(100);
        u32::try_from(reserve).unwrap_or(limit).min(limit.saturating_sub(1))
    }
}

/// Which window an answer's headers describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Spike,
    Hour,
}

/// The state of one key. Times are milliseconds on a clock that never goes back (or is set right by [`Windows::keep_behind`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Windows {
    spike_limit: u32,
    hour_limit: u32,
    /// Whether the hour's limit came from a header.
    hour_limit_told: bool,
    /// Whether any call was answered; before that one is under way at most.
    answered: bool,
    /// When calls that are under way were let go.
    under_way: VecDeque<u64>,
    /// When calls inside the rolling window were answered, ascending.
    recent: VecDeque<u64>,
    hour_used: u32,
    /// First moment after the present hour window; `None` before its first call.
    hour_ends: Option<u64>,
    blocked_until: u64,
    /// Calls that were refused with 429.
    #[serde(default)]
    refused: u64,
    waits: u64,
    #[serde(default)]
    breaker: Breaker,
}

impl Windows {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            spike_limit: rules.initial_spike_limit,
            hour_limit: rules.initial_hour_limit,
            hour_limit_told: false,
            answered: false,
            under_way: VecDeque::new(),
            recent: VecDeque::new(),
            hour_used: 0,
            hour_ends: None,
            blocked_until: 0,
            refused: 0,
            waits: 0,
            breaker: Breaker::default(),
        }
    }

    /// Lets one call go and counts it (`None`), or says how many milliseconds to wait.
    pub(super) fn ask(&mut self, rules: &Rules, lane: Lane, now: u64) -> Option<u64> {
        self.forget(rules, now);
        let block = self.blocked_until.saturating_sub(now);
        let windows = self.first(rules).max(self.spike(rules, lane, now)).max(self.hour(rules, lane, now));
        let wait = block.max(windows).max(self.breaker.wait(now));
        if wait > 0 {
            self.waits += 1;
            return Some(wait);
        }
        self.breaker.go(now);
        self.under_way.push_back(now);
        self.hour_used = self.hour_used.saturating_add(1);
        self.hour_ends.get_or_insert(now + rules.hour_window_ms);
        None
    }

    /// Learns from an answer.
    pub(super) fn report(&mut self, rules: &Rules, answer: CallAnswer, now: u64, wall_ms: i64) {
        self.forget(rules, now);
        if self.under_way.pop_front().is_some() {
            self.recent.push_back(now);
        }
        self.answered |= answer.status != 0;
        self.refused += u64::from(answer.status == 429);
        match answer {
            CallAnswer { failed: true, .. } => self.breaker.failed(rules.waits, now),
            CallAnswer { status: 0, .. } => self.breaker.dropped(),
            CallAnswer { .. } => self.breaker.answered(),
        }
        let until_reset_ms = answer.reset_at_s.and_then(|reset_s| {
            // Without their clock ours stands in, a second on the safe side.
            let (their_now_ms, margin_ms) = answer.server_now_ms.map_or((wall_ms, ROUNDING_MS), |now_ms| (now_ms, 0));
            reset_s.checked_mul(1000)?.checked_sub(their_now_ms)?.checked_add(margin_ms)
        });
        if let (Some(limit), Some(until_reset_ms)) = (answer.limit.filter(|limit| *limit > 0), until_reset_ms) {
            let used = limit.saturating_sub(answer.remaining.unwrap_or(limit));
            match self.told(rules, limit, until_reset_ms) {
                Told::Spike => self.learn_spike(limit, used, now),
                Told::Hour => {
                    let longest_ms = rules.hour_window_ms + RESET_SLACK_MS;
                    self.learn_hour(rules, limit, used, now + positive(until_reset_ms).min(longest_ms));
                }
            }
        }
        self.learn_block(rules, answer, until_reset_ms, now);
    }

    pub(super) fn usage(&mut self, rules: &Rules, now: u64, wall_ms: i64) -> Usage {
        self.forget(rules, now);
        let wall = |at: u64| wall_ms.saturating_add(i64::try_from(at.saturating_sub(now)).unwrap_or(i64::MAX));
        Usage {
            spike_limit: self.spike_limit,
            spike_used: u32::try_from(self.under_way.len() + self.recent.len()).unwrap_or(u32::MAX),
            spike_reserve: rules.reserve(self.spike_limit),
            spike_window_ms: rules.spike_window_ms,
            spike_resets_at_ms: self.spike_resets(rules, now).map_or(0, wall),
            hour_limit: self.hour_limit,
            hour_used: self.hour_used,
            // As in `hour`: no share of a guess is kept back.
            hour_reserve: if self.hour_limit_told { rules.reserve(self.hour_limit) } else { 0 },
            hour_window_ms: rules.hour_window_ms,
            hour_resets_at_ms: self.hour_ends.map_or(0, wall),
            blocked_until_ms: if self.blocked_until > now { wall(self.blocked_until) } else { 0 },
            outages: self.breaker.open().map_or(0, |(opened, _)| opened),
            down_until_ms: self.breaker.open().map_or(0, |(_, until)| wall(until)),
            refused: self.refused,
            waits: self.waits,
        }
    }

    /// Takes over what was kept. Limits only before any answer; use and block only upwards. Kept use of a rolling window that lasts counts as
    /// of now, because when exactly those calls were made is not kept; unless we know of as many calls in the same hour: then those are
    /// among ours, and counting them once more would take a whole window from everybody each time that a worker joins.
    pub(super) fn restore(&mut self, rules: &Rules, usage: Usage, now: u64, wall_ms: i64) {
        self.forget(rules, now);
        if !self.answered {
            if usage.spike_limit > 0 {
                self.spike_limit = usage.spike_limit.min(MOST_PER_SPIKE);
            }
            if usage.hour_limit > 0 {
                self.hour_limit = usage.hour_limit;
            }
        }
        self.refused = self.refused.max(usage.refused);
        let ahead = |at_ms: i64| positive(at_ms.saturating_sub(wall_ms));
        let hour_left = ahead(usage.hour_resets_at_ms).min(rules.hour_window_ms);
        let among_ours = self.hour_ends.is_some() && (hour_left == 0 || self.hour_used >= usage.hour_used);
        if ahead(usage.spike_resets_at_ms) > 0 && !among_ours {
            self.fill_spike(usage.spike_used, now);
        }
        if !self.answered {
            self.breaker.restore(usage.outages, now + ahead(usage.down_until_ms));
            self.breaker.keep_behind(rules.waits, now);
        }
        if hour_left > 0 {
            self.hour_used = self.hour_used.max(usage.hour_used);
            self.hour_ends = self.hour_ends.max(Some(now + hour_left));
        }
        let block = ahead(usage.blocked_until_ms).min(rules.hour_window_ms + RESET_SLACK_MS);
        self.blocked_until = self.blocked_until.max(now + block);
    }

    /// Takes it that a whole rolling window was just used up: for a key that was in use and whose use was lost.
    pub(super) fn fill(&mut self, now: u64) {
        self.fill_spike(self.spike_limit, now);
    }

    /// Sets right what a clock that was set back left in the future, so that nothing waits longer than its window.
    pub(super) fn keep_behind(&mut self, rules: &Rules, now: u64) {
        let longest = now + rules.hour_window_ms + RESET_SLACK_MS;
        self.under_way.iter_mut().chain(self.recent.iter_mut()).for_each(|at| *at = (*at).min(now));
        self.hour_ends = self.hour_ends.map(|ends| ends.min(longest));
        self.blocked_until = self.blocked_until.min(longest);
        self.breaker.keep_behind(rules.waits, now);
    }

    /// How long this may matter, milliseconds: from now on nothing that is known here lasts longer.
    pub(super) fn memory_ms(rules: &Rules) -> u64 {
        rules.hour_window_ms + RESET_SLACK_MS + LOST_AFTER_MS
    }

    /// Drops what lies behind the windows.
    fn forget(&mut self, rules: &Rules, now: u64) {
        while self.under_way.front().is_some_and(|start| start + rules.lost_after_ms <= now) {
            self.under_way.pop_front();
            self.recent.push_back(now);
        }
        while self.recent.front().is_some_and(|answered| answered + rules.spike_window_ms + CLOCK_GRAIN_MS <= now) {
            self.recent.pop_front();
        }
        if self.hour_ends.is_some_and(|ends| ends <= now) {
            // Calls under way may be counted in the new window.
            self.hour_used = u32::try_from(self.under_way.len()).unwrap_or(u32::MAX);
            self.hour_ends = (self.hour_used > 0).then_some(now + rules.hour_window_ms);
        }
    }

    /// When no call is left in the rolling window, if those under way end now.
    fn spike_resets(&self, rules: &Rules, now: u64) -> Option<u64> {
        let last = if self.under_way.is_empty() { self.recent.back().copied()? } else { now };
        Some(last + rules.spike_window_ms)
    }

    fn first(&self, rules: &Rules) -> u64 {
        if (self.answered && !rules.one_at_a_time) || self.under_way.is_empty() { 0 } else { ASK_AGAIN_MS }
    }

    fn spike(&self, rules: &Rules, lane: Lane, now: u64) -> u64 {
        let taken = self.under_way.len() + self.recent.len();
        let allowed = rules.allowed(self.spike_limit, lane);
        let Some(surplus) = taken.checked_sub(allowed) else { return 0 };
        // Places become free in the order of answers; those of calls under way a whole window from now at the earliest.
        let free_at = self.recent.get(surplus).map_or(now + rules.spike_window_ms, |answered| answered + rules.spike_window_ms);
        (free_at + CLOCK_GRAIN_MS).saturating_sub(now).max(1)
    }

    fn hour(&self, rules: &Rules, lane: Lane, now: u64) -> u64 {
        let used = usize::try_from(self.hour_used).unwrap_or(usize::MAX);
        // No share of a guess is kept back: it would keep us from ever learning that the limit is higher.
        let lane = if self.hour_limit_told { lane } else { Lane::Person };
        if used < rules.allowed(self.hour_limit, lane) {
            return 0;
        }
        self.hour_ends.map_or(0, |ends| (ends + CLOCK_GRAIN_MS).saturating_sub(now).max(1))
    }

    /// A near reset is the rolling window's: up to its length, rounded up twice, and some slack for a `Date` written by another machine
    /// than the reset. (Taken for the hour's, a limit of some calls would stop everything for an hour; the other mistake heals within
    /// one rolling window, because the use that comes with the limit fills it.) Near the end of an hour the hour's reset is near as
    /// well, but then its limit is mostly known.
    fn told(&self, rules: &Rules, limit: u32, until_reset_ms: i64) -> Told {
        let rounded_ms = rules.spike_window_ms.div_ceil(1_000) * 1_000 + 1_000;
        let slack_ms = (rules.hour_window_ms / 20).min(MOST_SKEW_MS);
        let near = positive(until_reset_ms) <= rounded_ms + slack_ms;
        let known_hour = self.hour_limit_told && limit == self.hour_limit && limit != self.spike_limit;
        if near && !known_hour { Told::Spike } else { Told::Hour }
    }

    fn learn_spike(&mut self, limit: u32, used: u32, now: u64) {
        self.spike_limit = limit.min(MOST_PER_SPIKE);
        self.fill_spike(used, now);
        let under_way = u32::try_from(self.under_way.len()).unwrap_or(u32::MAX);
        // The hour has as many calls left as the rolling window, or it would have been reported. While its limit is a guess, one more
        // call is always worth trying: its answer tells.
        let left = if self.hour_limit_told { limit - used } else { (limit - used).max(1) };
        let at_least = self.hour_used.saturating_sub(under_way).saturating_add(left);
        if at_least > self.hour_limit {
            self.hour_limit = at_least;
            self.hour_limit_told = false;
        }
    }

    /// Takes places for calls that we do not know of.
    fn fill_spike(&mut self, used: u32, now: u64) {
        let used = usize::try_from(used.min(self.spike_limit)).unwrap_or(usize::MAX);
        let ours = self.under_way.len() + self.recent.len();
        self.recent.extend(std::iter::repeat_n(now, used.saturating_sub(ours)));
    }

    fn learn_hour(&mut self, rules: &Rules, limit: u32, used: u32, ends: u64) {
        let under_way = u32::try_from(self.under_way.len()).unwrap_or(u32::MAX);
        let tolerance_ms = (rules.hour_window_ms / 20).max(2_000);
        // A window that ends clearly later than ours is one in which the platform counts anew: its count is the truth.
        let another = self.hour_ends.is_none_or(|ours| ends > ours + tolerance_ms);
        let theirs = used.saturating_add(under_way);
        self.hour_used = if another { theirs } else { self.hour_used.max(used) };
        self.hour_limit = limit;
        self.hour_limit_told = true;
        self.hour_ends = Some(ends);
    }

    fn learn_block(&mut self, rules: &Rules, answer: CallAnswer, until_reset_ms: Option<i64>, now: u64) {
        let asked_ms = answer.retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        let reset_ms = until_reset_ms.map(positive);
        let longest_ms = rules.hour_window_ms + RESET_SLACK_MS;
        let wait_ms = match (answer.status, asked_ms.max(reset_ms)) {
            // Refused without a time: one spike window.
            (429, None) => Some(rules.spike_window_ms),
            (429, Some(wait_ms)) => Some(wait_ms.max(1)),
            (_, _) => asked_ms,
        };
        if let Some(wait_ms) = wait_ms {
            self.blocked_until = self.blocked_until.max(now + wait_ms.min(longest_ms) + CLOCK_GRAIN_MS);
        }
    }
}

fn positive(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or_default()
}

#[cfg(test)]
mod tests;
