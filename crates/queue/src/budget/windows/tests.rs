//! Facts about the windows, the longer ones against a small model of a platform that limits.

use super::*;
use std::time::Duration;

const WALL_MS: i64 = 1_700_000_000_000;

fn rules() -> Rules {
    Rules::from(&BudgetArgs::default())
}

/// An answer whose reset lies `reset_in_s` after the platform's clock, which is an hour ahead of ours.
fn told(status: u16, limit: u32, remaining: u32, reset_in_s: i64) -> CallAnswer {
    let server_now_ms = WALL_MS + 3_600_000;
    CallAnswer {
        status,
        limit: Some(limit),
        remaining: Some(remaining),
        reset_at_s: Some(server_now_ms / 1000 + reset_in_s),
        server_now_ms: Some(server_now_ms),
        retry_after: None,
        failed: false,
    }
}

fn answered(rules: &Rules) -> Windows {
    let mut windows = Windows::new(rules);
    assert_eq!(windows.ask(rules, Lane::Person, 0), None);
    windows.report(rules, CallAnswer { status: 200, ..CallAnswer::default() }, 0, WALL_MS);
    windows
}

/// Lets calls go at `now` and answers them at once until a wait is due: how many went, and the wait.
fn burst(windows: &mut Windows, rules: &Rules, lane: Lane, now: u64) -> (u32, u64) {
    for count in 0.. {
        if let Some(wait) = windows.ask(rules, lane, now) {
            return (count, wait);
        }
        windows.report(rules, CallAnswer { status: 200, ..CallAnswer::default() }, now, WALL_MS);
    }
    panic!("calls without end");
}

#[test]
fn one_call_is_under_way_until_the_first_was_answered() {
    let rules = rules();
    let mut windows = Windows::new(&rules);
    assert_eq!(windows.ask(&rules, Lane::Person, 0), None);
    assert_eq!(windows.ask(&rules, Lane::Person, 5), Some(ASK_AGAIN_MS));
    // No answer came: the next call is the first again.
    windows.report(&rules, CallAnswer::default(), 10, WALL_MS);
    assert_eq!(windows.ask(&rules, Lane::Person, 10), None);
    assert_eq!(windows.ask(&rules, Lane::Person, 10), Some(ASK_AGAIN_MS));
    windows.report(&rules, told(200, 100, 98, 10), 20, WALL_MS);
    assert_eq!(windows.ask(&rules, Lane::Person, 20), None);
    assert_eq!(windows.ask(&rules, Lane::Person, 20), None);
    assert_eq!(windows.waits, 2);
}

#[test]
fn the_assumed_limit_holds_until_the_headers_tell() {
    let rules = rules();
    let mut windows = answered(&rules);
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 0), (19, 10_002));
    windows.report(&rules, told(200, 25, 5, 10), 1, WALL_MS);
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 1).0, 5);
}

#[test]
fn a_share_of_each_window_is_kept_for_persons() {
    let rules = rules();
    let mut windows = answered(&rules);
    windows.report(&rules, told(200, 100, 99, 10), 0, WALL_MS);
    assert_eq!(burst(&mut windows, &rules, Lane::Background, 0).0, 89);
    assert_eq!(burst(&mut windows, &rules, Lane::Push, 0).0, 0);
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 0).0, 10);
    let mut hour = answered(&rules);
    hour.report(&rules, told(200, 600, 70, 1_800), 0, WALL_MS);
    assert_eq!(burst(&mut hour, &rules, Lane::Background, 0), (10, 1_800_002));
    // A limit of one call leaves that call to everybody.
    assert_eq!(rules.allowed(1, Lane::Background), 1);
}

#[test]
fn the_reset_tells_which_window_is_described() {
    let rules = rules();
    let mut windows = answered(&rules);
    windows.report(&rules, told(200, 100, 90, 11), 0, WALL_MS);
    assert_eq!((windows.spike_limit, windows.hour_limit), (100, 600));
    windows.report(&rules, told(200, 3600, 40, 30), 0, WALL_MS);
    assert_eq!((windows.spike_limit, windows.hour_limit, windows.hour_used), (100, 3600, 3560));
    // The known limit of the hour, seconds before the hour ends.
    windows.report(&rules, told(200, 3600, 30, 3), 5_000, WALL_MS);
    assert_eq!((windows.spike_limit, windows.hour_limit, windows.hour_used), (100, 3600, 3570));
}

#[test]
fn what_the_platform_knows_more_is_taken_over_and_nothing_is_forgotten() {
    let rules = rules();
    let mut windows = answered(&rules);
    windows.report(&rules, told(200, 100, 5, 10), 0, WALL_MS);
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 0).0, 5);
    windows.report(&rules, told(200, 100, 95, 10), 0, WALL_MS);
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 0).0, 0);
}

#[test]
fn an_hour_that_ends_later_is_another_hour() {
    let rules = rules();
    let mut windows = answered(&rules);
    windows.report(&rules, told(200, 600, 100, 1_000), 0, WALL_MS);
    assert_eq!(windows.hour_used, 500);
    windows.report(&rules, told(200, 600, 590, 3_600), 1, WALL_MS);
    assert_eq!(windows.hour_used, 10);
    windows.report(&rules, told(200, 600, 595, 3_600), 2, WALL_MS);
    assert_eq!(windows.hour_used, 10, "the same hour is not counted down");
}

#[test]
fn a_refusal_blocks_until_the_later_of_its_times() {
    let rules = rules();
    let wait = |answer: CallAnswer| {
        let mut windows = answered(&rules);
        windows.report(&rules, answer, 100, WALL_MS);
        windows.ask(&rules, Lane::Person, 100).unwrap_or_default()
    };
    let bare = |status| CallAnswer { status, ..CallAnswer::default() };
    let after = |status, seconds| CallAnswer { retry_after: Some(Duration::from_secs(seconds)), ..bare(status) };
    assert_eq!(wait(bare(200)), 0);
    assert_eq!(wait(bare(500)), 0);
    assert_eq!(wait(bare(429)), 10_002);
    assert_eq!(wait(after(429, 7)), 7_002);
    assert_eq!(wait(after(503, 7)), 7_002);
    assert_eq!(wait(CallAnswer { retry_after: Some(Duration::from_secs(90)), ..told(429, 600, 0, 50) }), 90_002);
    assert_eq!(wait(CallAnswer { retry_after: Some(Duration::from_secs(30)), ..told(429, 600, 0, 50) }), 50_002);
    // A far reset is an hour and a minute at most, a past one says nothing but the rolling window's rest.
    assert_eq!(wait(told(429, 600, 0, 1_000_000)), 3_660_002);
    assert_eq!(wait(CallAnswer { limit: None, ..told(429, 0, 0, -50) }), 3);
    // Without their clock ours is used, a second late.
    let ours = CallAnswer { status: 429, reset_at_s: Some(WALL_MS / 1000 + 20), ..CallAnswer::default() };
    assert_eq!(wait(ours), 21_002);
}

#[test]
fn a_shorter_block_does_not_end_a_longer_one() {
    let rules = rules();
    let mut windows = answered(&rules);
    windows.report(&rules, told(429, 600, 0, 600), 0, WALL_MS);
    windows.report(
        &rules,
        CallAnswer { status: 503, retry_after: Some(Duration::from_secs(1)), ..CallAnswer::default() },
        1,
        WALL_MS,
    );
    assert!(windows.ask(&rules, Lane::Person, 500_000).is_some());
}

#[test]
fn a_call_that_is_never_reported_does_not_stop_the_others() {
    let rules = rules();
    let mut windows = Windows::new(&rules);
    assert_eq!(windows.ask(&rules, Lane::Person, 0), None);
    assert!(windows.ask(&rules, Lane::Person, LOST_AFTER_MS - 1).is_some());
    assert_eq!(windows.ask(&rules, Lane::Person, LOST_AFTER_MS), None);
}

#[test]
fn usage_and_restore_carry_limits_use_and_block_over_a_restart() {
    let rules = rules();
    let mut before = answered(&rules);
    before.report(&rules, told(200, 100, 60, 10), 0, WALL_MS);
    before.report(&rules, told(429, 3600, 20, 1_200), 0, WALL_MS);
    let usage = before.usage(&rules, 1_000, WALL_MS + 1_000);
    assert_eq!((usage.spike_limit, usage.spike_used, usage.hour_limit, usage.hour_used), (100, 40, 3600, 3580));
    assert_eq!(usage.blocked_until_ms, WALL_MS + 1_200_002);
    let mut after = Windows::new(&rules);
    after.restore(&rules, usage, 7, WALL_MS + 2_000);
    // The kept use counts as of now, and the hour's limit is a guess again until a header tells.
    let spike_resets_at_ms = WALL_MS + 2_000 + 10_000;
    let kept = Usage { waits: 0, hour_reserve: 0, spike_resets_at_ms, ..usage };
    assert_eq!(after.usage(&rules, 7, WALL_MS + 2_000), kept);
    assert_eq!(after.ask(&rules, Lane::Person, 7), Some(1_198_002));
}

#[test]
fn what_was_kept_is_counted_once_and_only_while_its_window_lasts() {
    let rules = rules();
    let mut living = answered(&rules);
    living.report(&rules, told(200, 100, 60, 10), 0, WALL_MS);
    let kept = living.usage(&rules, 1_000, WALL_MS + 1_000);
    // Calls that were made since are more than was kept, so what was kept is among them.
    assert_eq!(living.ask(&rules, Lane::Person, 9_000), None);
    let used = |windows: &mut Windows, now: u64| windows.usage(&rules, now, WALL_MS + now as i64).spike_used;
    assert_eq!(used(&mut living, 9_000), 41);
    living.restore(&rules, kept, 9_500, WALL_MS + 9_500);
    assert_eq!(used(&mut living, 10_500), 1, "the calls of the beginning have left the window");
    let mut later = Windows::new(&rules);
    later.restore(&rules, kept, 20_000, WALL_MS + 20_000);
    assert_eq!((used(&mut later, 20_000), later.hour_used), (0, kept.hour_used), "the window has ended, the hour has not");
}

#[test]
fn restoring_never_loosens_what_is_known() {
    let rules = rules();
    let mut windows = answered(&rules);
    windows.report(&rules, told(429, 25, 0, 10), 0, WALL_MS);
    let before = windows.usage(&rules, 1, WALL_MS + 1);
    windows.restore(&rules, Usage { spike_limit: 1_000, hour_limit: 9_000, ..Usage::default() }, 1, WALL_MS + 1);
    assert_eq!(windows.usage(&rules, 1, WALL_MS + 1), before);
}

#[test]
fn a_window_that_is_taken_as_used_lets_nobody_call_for_its_length() {
    let rules = rules();
    let mut windows = answered(&rules);
    windows.fill(5_000);
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 5_000), (0, 5_002), "the call that was known leaves first");
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 14_000).0, 1);
    assert_eq!(burst(&mut windows, &rules, Lane::Person, 15_002).0, 19);
}

#[test]
fn a_clock_that_was_set_back_makes_nobody_wait_longer_than_a_window() {
    let rules = rules();
    let mut windows = Windows::new(&rules);
    let late = 90_000_000;
    assert_eq!(windows.ask(&rules, Lane::Person, late), None);
    windows.report(&rules, told(429, 25, 0, 10), late, WALL_MS);
    windows.keep_behind(&rules, 1_000);
    let wait = windows.ask(&rules, Lane::Person, 1_000).expect("it is still blocked");
    assert!(wait <= rules.hour_window_ms + RESET_SLACK_MS, "{wait}");
    let mut state = answered(&rules);
    state.report(&rules, told(200, 25, 0, 10), 50_000, WALL_MS);
    state.keep_behind(&rules, 1_000);
    assert_eq!(state.ask(&rules, Lane::Person, 1_000), Some(10_002));
}

/// A platform with both windows that reports the one with fewer calls left and refuses what is too much.
struct Platform {
    spike_limit: u32,
    hour_limit: u32,
    recent: VecDeque<u64>,
    hour_ends: u64,
    hour_used: u32,
    refused: u32,
}

impl Platform {
    fn new(spike_limit: u32, hour_limit: u32) -> Self {
        Self { spike_limit, hour_limit, recent: VecDeque::new(), hour_ends: 0, hour_used: 0, refused: 0 }
    }

    fn call(&mut self, now: u64) -> CallAnswer {
        while self.recent.front().is_some_and(|at| at + 10_000 <= now) {
            self.recent.pop_front();
        }
        if self.hour_ends <= now {
            (self.hour_ends, self.hour_used) = (now + 3_600_000, 0);
        }
        let left = |limit: u32, used: usize| limit.saturating_sub(u32::try_from(used).expect("few calls"));
        let full = left(self.spike_limit, self.recent.len()) == 0 || self.hour_used >= self.hour_limit;
        if full {
            self.refused += 1;
        } else {
            self.recent.push_back(now);
            self.hour_used += 1;
        }
        let oldest = self.recent.front().copied().unwrap_or(now);
        let spike = (self.spike_limit, left(self.spike_limit, self.recent.len()), oldest + 10_000);
        let hour = (self.hour_limit, self.hour_limit - self.hour_used, self.hour_ends);
        let (limit, remaining, reset) = if hour.1 < spike.1 { hour } else { spike };
        let seconds = |ms: u64| i64::try_from(ms).expect("small times");
        CallAnswer {
            status: if full { 429 } else { 200 },
            limit: Some(limit),
            remaining: Some(remaining),
            reset_at_s: Some(seconds(reset.div_ceil(1000))),
            server_now_ms: Some(seconds(now / 1000 * 1000)),
            retry_after: None,
            failed: false,
        }
    }
}

/// What a caller does at its next moment.
enum Turn {
    Asks,
    /// Its call arrives at the platform; the way back takes this long.
    Arrives(u64),
    Hears(CallAnswer),
}

/// Eight callers with latencies up to two seconds for `hours` against `platform`: how many calls were answered with success.
fn drive(rules: &Rules, platform: &mut Platform, hours: u64) -> u32 {
    let mut windows = Windows::new(rules);
    let (mut chance, mut succeeded) = (12_345_u64, 0);
    let mut callers: Vec<(u64, Turn)> = (0..8).map(|_| (0, Turn::Asks)).collect();
    while let Some((now, number)) = callers.iter().enumerate().map(|(number, caller)| (caller.0, number)).min() {
        if now > hours * 3_600_000 {
            break;
        }
        callers[number] = match &callers[number].1 {
            Turn::Asks => {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (there, back) = ((chance >> 33) % 1_000, (chance >> 43) % 1_000);
                match windows.ask(rules, Lane::Background, now) {
                    Some(wait) => (now + wait, Turn::Asks),
                    None => (now + there, Turn::Arrives(back)),
                }
            }
            Turn::Arrives(back) => (now + back, Turn::Hears(platform.call(now))),
            Turn::Hears(answer) => {
                succeeded += u32::from(answer.status == 200);
                windows.report(rules, *answer, now, WALL_MS);
                (now, Turn::Asks)
            }
        };
    }
    succeeded
}

#[test]
fn calls_of_many_callers_are_never_refused_and_the_limit_is_used() {
    for (spike_limit, hour_limit) in [(25, 600), (100, 3600), (5, 60), (25, 3600), (100, 150)] {
        let mut platform = Platform::new(spike_limit, hour_limit);
        let succeeded = drive(&rules(), &mut platform, 3);
        assert_eq!(platform.refused, 0, "{spike_limit} per 10 s, {hour_limit} per hour");
        assert!(succeeded >= 3 * hour_limit * 8 / 10, "{succeeded} of {spike_limit} per 10 s, {hour_limit} per hour");
    }
}
