//! `linkyard provider budget`: how many calls the directory still takes, what the jobs still need, and the calls of the past.

use super::output::{Format, say, time, word};
use super::provider::Which;
use super::session::{Session, call};
use anyhow::Result;
use clap::Args;
use comfy_table::Cell;
use linkyard_proto::v1::budget::{Block, Minute, Window};
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use linkyard_proto::v1::{Budget, GetBudgetRequest};

/// A provider's budget.
#[derive(Clone, Debug, Args)]
pub struct BudgetArgs {
    #[command(flatten)]
    which: Which,

    /// Also the calls of so many minutes of the past, minute by minute; at most a day.
    #[arg(long, default_value_t = 0, value_name = "MINUTES", value_parser = clap::value_parser!(u16).range(0..=1_440))]
    history: u16,
}

impl BudgetArgs {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        let request = GetBudgetRequest { name: self.which.name(session).await?, history_minutes: self.history.into() };
        let budget = call!(session, ProviderServiceClient, get_budget, request).await?;
        let windows = [("spike", budget.spike.as_ref()), ("hour", budget.hour.as_ref())];
        let rows = windows.into_iter().filter_map(|(name, window)| Some(row(name, window?))).collect();
        session.output.shaped(&budget, &["WINDOW", "LIMIT", "USED", "LEFT", "FOR PEOPLE", "FREE AGAIN"], rows)?;
        if session.output.format() == Format::Table {
            remarks(&budget).iter().for_each(|remark| say(remark));
            budget.minutes.iter().for_each(|minute| say(&line(minute)));
        }
        Ok(())
    }
}

fn row(name: &str, window: &Window) -> Vec<Cell> {
    vec![
        Cell::new(name),
        Cell::new(window.limit),
        Cell::new(window.used),
        Cell::new(window.left),
        Cell::new(window.reserve),
        Cell::new(time(window.reset_time.as_ref())),
    ]
}

/// What the numbers do not say.
fn remarks(budget: &Budget) -> Vec<String> {
    let mut remarks = Vec::new();
    if budget.spike.is_none() {
        remarks.push("nothing was called yet".to_owned());
    } else if !budget.live {
        remarks.push(format!("whoever counts can not be asked; this is as of {}", time(budget.observe_time.as_ref())));
    }
    if budget.block() != Block::Unspecified {
        let until = time(budget.blocked_until_time.as_ref());
        remarks.push(format!("no call before {until}: {}", word(budget.block().as_str_name(), "BLOCK_")));
    }
    if budget.refused_calls > 0 {
        remarks.push(format!("{} calls were refused for their rate", budget.refused_calls));
    }
    if let Some(forecast) = budget.forecast.filter(|forecast| forecast.jobs > 0) {
        let calls = forecast.calls.map_or_else(|| "an unknown number of".to_owned(), |calls| calls.to_string());
        let done = forecast.done_time.map(|done| format!(", made by {}", time(Some(&done)))).unwrap_or_default();
        remarks.push(format!("{} jobs still need {calls} calls{done}", forecast.jobs));
    }
    remarks
}

fn line(minute: &Minute) -> String {
    let Minute { calls, rate_limited, failed, unauthorized, waits, .. } = minute;
    format!(
        "{}: {calls} calls, {rate_limited} rate limited, {failed} failed, {unauthorized} unauthorized, {waits} waits",
        time(minute.start_time.as_ref())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_proto::v1::budget::Forecast;

    #[test]
    fn what_the_numbers_do_not_say_is_said() {
        let said = |budget: Budget| remarks(&budget).join("\n");
        assert_eq!(said(Budget::default()), "nothing was called yet");
        let kept = Budget { spike: Some(Window::default()), ..Budget::default() };
        assert!(said(kept.clone()).contains("as of"));
        let live = Budget { live: true, ..kept };
        assert_eq!(said(live.clone()), "");
        let blocked = Budget { block: Block::UpstreamDown.into(), refused_calls: 2, ..live.clone() };
        assert!(said(blocked.clone()).contains("UPSTREAM_DOWN") && said(blocked).contains("2 calls were refused"));
        let forecast = Some(Forecast { jobs: 3, calls: None, done_time: None });
        assert_eq!(said(Budget { forecast, ..live }), "3 jobs still need an unknown number of calls");
    }
}
