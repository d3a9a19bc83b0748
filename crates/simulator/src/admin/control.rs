//! Journal, settings, clock, tokens and faults.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, body, ok, unknown};
use crate::args::LimitPreset;
use crate::call::Call;
use crate::clock::timestamp;
use crate::config::Settings;
use crate::error::Error;
use crate::event::Event;
use crate::faults::Script;
use crate::limiter::Limits;
use crate::locks::{lock, read, write};
use crate::render;
use crate::reply::Reply;
use crate::report::{self, Selection};
use crate::shared::Shared;

/// Most journal entries of one answer.
const LARGEST_JOURNAL_PAGE: u64 = 10_000;

pub(super) fn answer(shared: &Shared, call: &Call, parts: &[&str]) -> Answer {
    match (&call.method, parts) {
        (&Method::GET, ["health"]) => ok(&json!({"status": "ok"})),
        (&Method::GET, ["journal"]) => Ok(journal(shared, call)),
        (&Method::GET, ["journal", "report"]) => Ok(journal_report(shared, call)),
        (&Method::GET, ["settings"]) => ok(&json!(*read(&shared.settings))),
        (&Method::PUT, ["settings"]) => settings(shared, body(call)?),
        (&Method::PUT, ["limits"]) => limits(shared, body(call)?),
        (&Method::PUT, ["latency"]) => latency(shared, &body(call)?),
        (&Method::GET, ["clock"]) => clock(shared),
        (&Method::POST, ["clock"]) => advance(shared, &body(call)?),
        (&Method::POST, ["stop-token"]) => stop_tokens(shared),
        (&Method::GET, ["faults"]) => Ok(Reply::json(StatusCode::OK, render::json(&lock(&shared.faults).list()))),
        (&Method::POST, ["faults"]) => faults(shared, call),
        (&Method::DELETE, ["faults"]) => {
            lock(&shared.faults).clear();
            ok(&json!({}))
        }
        _ => Err(unknown(call)),
    }
}

fn journal(shared: &Shared, call: &Call) -> Reply {
    let after = call.query.number("after").unwrap_or(0);
    let limit = call.query.number("limit").unwrap_or(1_000).min(LARGEST_JOURNAL_PAGE);
    let entries = shared.journal.after(after, usize::try_from(limit).unwrap_or(usize::MAX));
    Reply::json(StatusCode::OK, render::array(entries.iter()))
}

fn journal_report(shared: &Shared, call: &Call) -> Reply {
    let selection = Selection {
        company_id: call.query.number("company_id"),
        after: call.query.number("after").unwrap_or(0),
        grace_ms: call.query.number("grace_ms").and_then(|number| i64::try_from(number).ok()).unwrap_or(0),
    };
    let report = shared.journal.read(|entries| report::of(entries, selection));
    Reply::json(StatusCode::OK, render::json(&report))
}

fn settings(shared: &Shared, new: Settings) -> Answer {
    let mut settings = write(&shared.settings);
    if settings.limits != new.limits {
        lock(&shared.limiter).clear();
    }
    *settings = new;
    ok(&json!(*settings))
}

/// Either a preset's name or the four numbers. The windows start anew.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum NewLimits {
    Preset { preset: String },
    Numbers(Limits),
}

fn limits(shared: &Shared, new: NewLimits) -> Answer {
    let limits = match new {
        NewLimits::Preset { preset } => {
            let preset = <LimitPreset as clap::ValueEnum>::from_str(&preset, true);
            preset.map_err(|_| Error::Invalid("preset is standard, small, tiny or off".to_owned()))?.limits()
        }
        NewLimits::Numbers(limits) => limits,
    };
    write(&shared.settings).limits = limits.clone();
    lock(&shared.limiter).clear();
    ok(&json!(limits))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    latency_ms: u64,
}

fn latency(shared: &Shared, new: &Latency) -> Answer {
    write(&shared.settings).latency_ms = new.latency_ms;
    ok(&json!({"latency_ms": new.latency_ms}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(default)]
    advance_s: u64,
    #[serde(default)]
    advance_ms: u64,
}

fn advance(shared: &Shared, by: &Advance) -> Answer {
    let by_ms = by.advance_s.saturating_mul(1_000).saturating_add(by.advance_ms);
    shared.commit(Event::ClockAdvanced { by_ms })?;
    clock(shared)
}

fn clock(shared: &Shared) -> Answer {
    let now_ms = shared.clock.now_ms();
    ok(&json!({"now_ms": now_ms, "now": timestamp(now_ms.div_euclid(1_000)), "ahead_ms": shared.clock.offset_ms()}))
}

fn stop_tokens(shared: &Shared) -> Answer {
    shared.commit(Event::TokensStopped { before_us: shared.clock.now_us() + 1 })?;
    ok(&json!({}))
}

/// Takes one script or a list of them.
fn faults(shared: &Shared, call: &Call) -> Answer {
    let many = call.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let scripts: Vec<Script> = if many { body(call)? } else { vec![body(call)?] };
    ok(&json!({"ids": lock(&shared.faults).add(scripts)}))
}
