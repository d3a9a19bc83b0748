//! The rate budget: per provider both windows, what stops calls, what is still needed, and the calls of the past.

use super::Console;
use super::failure::Failure;
use super::jobs::Fact;
use super::live::Screen;
use super::plot::Plot;
use super::plot::budget::{BACK, Drawing, plot};
use super::shell::{Shell, Visitor, address, html};
use super::words::{Badge, Clock, number};
use crate::service::{Block, ProviderBudget};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use linkyard_core::budget::{CallMinute, Usage};
use linkyard_core::page::PageRequest;
use linkyard_core::provider::Provider;
use std::collections::HashMap;

/// Providers on a page.
const PAGE: u32 = 10;

/// Minutes that are read: what the plot shows and one window before.
const READ_MINUTES: u32 = BACK + 60;

const MINUTE_MS: i64 = 60_000;

#[derive(Template)]
#[template(path = "budget.html")]
struct BudgetPage {
    shell: Shell,
    rows: Vec<BudgetRow>,
    first: String,
    next: String,
}

/// One provider's budget.
struct BudgetRow {
    id: String,
    name: String,
    state: Badge,
    known: String,
    windows: Vec<Window>,
    facts: Vec<Fact>,
    plot: Plot,
}

/// One window of the limit.
struct Window {
    name: &'static str,
    used: u32,
    limit: u32,
    text: String,
    about: String,
}

impl Window {
    fn new(name: &'static str, (used, limit, reserve): (u32, u32, u32), resets_at_ms: i64, clock: Clock) -> Self {
        let mut about = format!("{} left", number(limit.saturating_sub(used)));
        about.push_str(&format!(", {} of the window kept for people who wait", number(reserve)));
        if resets_at_ms > 0 && used > 0 {
            about.push_str(&format!(", empty again at {}", clock.at(resets_at_ms).time));
        }
        Self { name, used: used.min(limit), limit, text: format!("{} of {}", number(used), number(limit)), about }
    }

    fn both(usage: &Usage, clock: Clock) -> Vec<Self> {
        let spike = (usage.spike_used, usage.spike_limit, usage.spike_reserve);
        let hour = (usage.hour_used, usage.hour_limit, usage.hour_reserve);
        vec![
            Self::new("Calls of the hour", hour, usage.hour_resets_at_ms, clock),
            Self::new("Calls of ten seconds", spike, usage.spike_resets_at_ms, clock),
        ]
    }
}

/// The page.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, query.get("after").cloned()).await?)
}

/// Its stream.
pub(crate) async fn show_live(screen: Screen, Query(query): Query<HashMap<String, String>>) -> Response {
    let after = query.get("after").cloned();
    screen.watch(move |console, visitor| {
        let after = after.clone();
        async move { page(&console, &visitor, after).await }
    })
}

async fn page(console: &Console, visitor: &Visitor, after: Option<String>) -> Result<BudgetPage, Failure> {
    let wanted = PageRequest { size: PAGE, after: after.filter(|after| !after.is_empty()) };
    let found = console.service.provider_list(visitor.scope(), &wanted).await?;
    let mut rows = Vec::new();
    for provider in &found.rows {
        rows.push(row(console, visitor, provider).await?);
    }
    let here = |path: &str, after: &str| address(path, &[("after", after)]);
    Ok(BudgetPage {
        shell: Shell::new(visitor, "Rate budget").live(here("/budget/live", wanted.after.as_deref().unwrap_or_default())),
        rows,
        first: if wanted.after.is_some() { here("/budget", "") } else { String::new() },
        next: found.next.map(|after| here("/budget", &after)).unwrap_or_default(),
    })
}

async fn row(console: &Console, visitor: &Visitor, provider: &Provider) -> Result<BudgetRow, Failure> {
    let clock = visitor.clock();
    let (budget, minutes) = of(console, visitor, provider).await?;
    let known = match (budget.usage, budget.live, budget.observed_at_ms) {
        (Some(_), true, _) => "As it is counted now.".to_owned(),
        (Some(_), false, Some(at)) => format!("As it was when it was last written down, {}.", clock.at(at).shown),
        _ => "No call was made yet.".to_owned(),
    };
    Ok(BudgetRow {
        id: provider.id.to_string(),
        name: provider.display_name.clone(),
        state: state(&budget, clock),
        known,
        windows: budget.usage.as_ref().map(|usage| Window::both(usage, clock)).unwrap_or_default(),
        facts: facts(&budget, &minutes, clock),
        plot: drawn(console, provider, &budget, &minutes, clock).await?,
    })
}

/// A provider's budget and its last minutes.
pub(crate) async fn of(
    console: &Console,
    visitor: &Visitor,
    provider: &Provider,
) -> Result<(ProviderBudget, Vec<CallMinute>), Failure> {
    let budget = console.service.provider_budget(visitor.scope(), provider.id).await?;
    let minutes = console.service.call_history(visitor.scope(), provider.id, READ_MINUTES).await?;
    Ok((budget, minutes))
}

/// Its plot, by the minute so that an open page is not made anew every second.
pub(crate) async fn drawn(
    console: &Console,
    provider: &Provider,
    budget: &ProviderBudget,
    minutes: &[CallMinute],
    clock: Clock,
) -> Result<Plot, Failure> {
    let now_ms = console.service.now_ms().await?;
    let id = format!("budget-{}", provider.id);
    let usage = budget.usage.unwrap_or_default();
    let drawing = Drawing {
        id: &id,
        provider: &provider.display_name,
        minutes,
        limit: usage.hour_limit,
        reserve: usage.hour_reserve,
        now_ms: now_ms - now_ms % MINUTE_MS,
    };
    plot(drawing, clock)
}

fn state(budget: &ProviderBudget, clock: Clock) -> Badge {
    match budget.block {
        Some((until, Block::RateLimit)) => {
            Badge::new("wait", format!("Procore's rate limit: no calls until {}", clock.at(until).time))
        }
        Some((until, Block::UpstreamDown)) => {
            Badge::new("bad", format!("Procore does not answer: tried again at {}", clock.at(until).time))
        }
        None if budget.usage.is_none() => Badge::new("off", "Not called yet"),
        None => Badge::new("ok", "Calls may be made"),
    }
}

fn facts(budget: &ProviderBudget, minutes: &[CallMinute], clock: Clock) -> Vec<Fact> {
    let sum = |of: fn(&CallMinute) -> u64| number(minutes.iter().map(of).sum::<u64>());
    let needed = match budget.demand.calls {
        _ if budget.demand.jobs == 0 => "none: no job that calls Procore is under way".to_owned(),
        Some(calls) => format!("about {} calls for {} jobs", number(calls), number(budget.demand.jobs)),
        None => format!("{} jobs; how many calls is not known yet", number(budget.demand.jobs)),
    };
    let mut facts = vec![Fact::new("Still needed", needed)];
    facts.extend(
        budget
            .done_at_ms
            .filter(|_| budget.demand.jobs > 0)
            .map(|at| Fact::at("Done by then, if nothing else calls", clock.at(at))),
    );
    facts.push(Fact::new("Calls in the last four hours", sum(|minute| minute.counts.made)));
    facts.push(Fact::new("Of these refused by Procore (429)", sum(|minute| minute.counts.rate_limited)));
    facts.push(Fact::new("Of these without an answer, or failed (5xx)", sum(|minute| minute.counts.failed)));
    facts.push(Fact::new("Times that a call waited for the budget", sum(|minute| minute.counts.waits)));
    facts
}
