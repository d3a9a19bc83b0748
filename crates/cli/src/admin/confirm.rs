//! `.. mapping confirm`: look at the plan, say yes, follow the linking.
//!
//! A confirm by filter carries the token of the plan that the person saw: when a row changed meanwhile, the server refuses and nothing
//! happens. Rows named one by one are sent in pages of 1,000, each confirmed as a whole.

use super::mapping::{Lookalike, MOST_ROWS, ProviderArg};
use super::output::{Format, print_json, say};
use super::session::{Session, request_id};
use super::side::{Selection, Side};
use super::watch::{Show, check_succeeded, follow};
use super::wire::json;
use super::{filter, names};
use crate::exit::{Exit, ExitCode};
use anyhow::{Context, Result};
use clap::Args;
use linkyard_proto::v1::confirm_filter::Action;
use linkyard_proto::v1::{
    Band, Choice, ConfirmFilter, ConfirmPartyMappingsResponse, ConfirmPlan, ConfirmRow, ConfirmRows, Decision, Job,
    MappingFilter, OnLookalike,
};
use std::io::{IsTerminal, Write};

/// Examples first, then the words of rows and filters.
pub(crate) const HELP: &str = "\
Examples:
  linkyard parties mapping confirm 598=match:parties/0195.. 599=create 600=do-not-add
  linkyard parties mapping confirm 601 602                       # what their drafts say
  linkyard parties mapping confirm --filter suggested --accept-suggestions --dry-run   # every STRONG one
  linkyard parties mapping confirm --filter all --accept-suggestions=likely --yes
  linkyard parties mapping confirm --filter state=unmapped --create --yes --wait
  linkyard projects mapping confirm --filter draft --drafts --yes --wait -o json
  linkyard parties mapping confirm --filter 'name=*do not use*' --ignore
  linkyard parties mapping confirm --filter inactive,unassociated,unsuggested --ignore --dry-run

Rows: RECORD=match:TARGET, RECORD=create, RECORD=do-not-add, or RECORD alone for what its draft
says; `--rows FILE` reads them from a file, one per line. More than 1,000 rows are sent in several
requests; the JSON answer is then an array.

Without --yes the plan is shown and a person is asked. With --wait the exit code is 6 when a row
failed; rows that were held back are no failure (`.. mapping list --filter state=held`).

Filters are conditions joined by commas, and all must hold:
  all, state=held|failed, search=TEXT, name=PATTERN (* and ?), band=strong|likely, suggested, unsuggested, draft,
  undrafted, associated, unassociated (on no project), active, inactive";

/// Which records, what to do with them, and how careful to be.
#[derive(Clone, Debug, Args)]
pub struct ConfirmArgs {
    /// Records with what to do, like `598=create`.
    #[arg(value_name = "RECORD[=DECISION]")]
    records: Vec<String>,

    /// File with such rows, one per line; `-` is standard input (then --yes is needed).
    #[arg(long, value_name = "FILE")]
    rows: Option<String>,

    #[command(flatten)]
    provider: ProviderArg,

    /// Every record that this filter selects and that takes a decision.
    #[arg(long, value_parser = filter::parse, conflicts_with_all = ["records", "rows"], requires = "action")]
    filter: Option<MappingFilter>,

    #[command(flatten)]
    action: ActionArgs,

    /// What a creation does when something like the record is there already. With a filter: hold unless said; for a row named: create.
    #[arg(long, value_enum)]
    on_lookalike: Option<Lookalike>,

    #[command(flatten)]
    caution: Caution,
}

/// How careful to be, and how long to stay.
#[derive(Clone, Debug, Args)]
pub(crate) struct Caution {
    /// Only show the plan.
    #[arg(long, conflicts_with_all = ["yes", "wait"])]
    dry_run: bool,

    /// Do not ask.
    #[arg(long, short = 'y')]
    yes: bool,

    /// Follow the linking until it ends.
    #[arg(long)]
    wait: bool,
}

/// What to do with every record that the filter selects.
#[derive(Clone, Debug, Args)]
#[group(id = "action", multiple = false, requires = "filter")]
pub(crate) struct ActionArgs {
    /// Confirm the drafts; records without one are left alone.
    #[arg(long)]
    drafts: bool,

    /// Match to the best suggestion where it is uncontested and at least in this band (strong unless said); other records are left alone.
    #[arg(long, value_name = "BAND", num_args = 0..=1, require_equals = true, default_missing_value = "strong")]
    accept_suggestions: Option<LeastBand>,

    /// Create.
    #[arg(long)]
    create: bool,

    /// Leave out.
    #[arg(long, visible_alias = "ignore")]
    do_not_add: bool,
}

impl ConfirmArgs {
    /// Shows the plan, asks, confirms, and follows the linking where asked to.
    ///
    /// # Errors
    /// The server's status; exit code 1 when the person said no, 2 when nobody can be asked, 6 when the linking did not succeed.
    pub(crate) async fn run(&self, session: &Session, side: Side) -> Result<()> {
        if self.rows.as_deref() == Some("-") && !self.caution.dry_run && !self.caution.yes {
            return Err(nobody());
        }
        self.caution.can_be_asked()?;
        let (parent, selections) = self.selections(session, side).await?;
        carry_out(session, side, &parent, selections, &self.caution).await
    }

    async fn selections(&self, session: &Session, side: Side) -> Result<(String, Vec<Selection>)> {
        let on_lookalike = self.on_lookalike.map_or(OnLookalike::Unspecified, OnLookalike::from);
        if let Some(filter) = &self.filter {
            let parent = names::provider(session, self.provider.named()).await?;
            let selection = ConfirmFilter {
                filter: Some(filter.clone()),
                action: self.action.action()?.into(),
                on_lookalike: on_lookalike.into(),
                plan_token: String::new(),
                least_band: self.action.accept_suggestions.map_or(Band::Unspecified, Band::from).into(),
            };
            return Ok((parent, vec![Selection::Filter(selection)]));
        }
        let mut texts = self.records.clone();
        if let Some(path) = &self.rows {
            texts.extend(read_rows(path)?);
        }
        if texts.is_empty() {
            return Err(Exit::usage("say which records: RECORD=DECISION .., --rows FILE, or --filter"));
        }
        let parsed = texts.iter().map(|text| parse_row(side, text, on_lookalike)).collect::<Result<Vec<_>>>()?;
        let (records, choices): (Vec<String>, Vec<Option<Choice>>) = parsed.into_iter().unzip();
        let (parent, mappings) = self.provider.parent(session, side, &records).await?;
        let row = |(name, choice)| ConfirmRow { name, choice, etag: String::new() };
        let rows: Vec<ConfirmRow> = mappings.into_iter().zip(choices).map(row).collect();
        let pages = rows.chunks(MOST_ROWS).map(|page| Selection::Rows(ConfirmRows { rows: page.to_vec() }));
        Ok((parent, pages.collect()))
    }
}

impl Caution {
    /// # Errors
    /// Exit code 2 when a person would have to be asked and nobody is there.
    pub(super) fn can_be_asked(&self) -> Result<()> {
        if self.dry_run || self.yes || std::io::stdin().is_terminal() { Ok(()) } else { Err(nobody()) }
    }
}

fn nobody() -> anyhow::Error {
    Exit::usage("nobody can be asked here: add --yes, or --dry-run to see the plan")
}

/// Plans, asks, confirms what was planned, and follows the linking, as `caution` says.
///
/// # Errors
/// The server's status; exit code 1 when the person said no, 6 when the linking did not succeed.
pub(super) async fn carry_out(
    session: &Session,
    side: Side,
    parent: &str,
    mut selections: Vec<Selection>,
    caution: &Caution,
) -> Result<()> {
    let mut plans = Vec::new();
    for selection in &selections {
        plans.push(side.confirm(session, parent, selection, request_id(), true).await?);
    }
    let total = sum(&plans);
    if caution.dry_run {
        return answer_plan(session, &plans, &total);
    }
    say(&words(&total));
    if !caution.yes {
        ask().await?;
    }
    for (selection, plan) in selections.iter_mut().zip(&plans) {
        let token = plan.plan.as_ref().map(|plan| plan.token.clone()).unwrap_or_default();
        match selection {
            Selection::Rows(_) => {}
            Selection::Filter(filter) => filter.plan_token = token,
            Selection::Group(group) => group.plan_token = token,
        }
    }
    let mut confirmed = Vec::new();
    for selection in &selections {
        confirmed.push(side.confirm(session, parent, selection, request_id(), false).await?);
    }
    if caution.wait {
        follow_all(session, &mut confirmed).await?;
    }
    answer(session, &confirmed)?;
    if caution.wait { confirmed.iter().filter_map(|one| one.job.as_ref()).try_for_each(check_succeeded) } else { Ok(()) }
}

/// The least band of suggestions that are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LeastBand {
    /// Only what may be relied on.
    Strong,
    /// What is more likely right than wrong.
    Likely,
    /// Whatever is alike.
    Weak,
}

impl From<LeastBand> for Band {
    fn from(band: LeastBand) -> Self {
        match band {
            LeastBand::Strong => Self::Strong,
            LeastBand::Likely => Self::Likely,
            LeastBand::Weak => Self::Weak,
        }
    }
}

impl ActionArgs {
    fn action(&self) -> Result<Action> {
        Ok(match self {
            Self { drafts: true, .. } => Action::Drafts,
            Self { accept_suggestions: Some(_), .. } => Action::AcceptSuggestions,
            Self { create: true, .. } => Action::Create,
            Self { do_not_add: true, .. } => Action::DoNotAdd,
            Self { .. } => {
                return Err(Exit::usage("a filter needs an action: --accept-suggestions, --create, --do-not-add, --drafts"));
            }
        })
    }
}

fn read_rows(path: &str) -> Result<Vec<String>> {
    let text = if path == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
    let text = text.map_err(|error| Exit::usage(format!("--rows {path} can not be read: {error}")))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// `RECORD`, `RECORD=create`, `RECORD=do-not-add` or `RECORD=match:TARGET`.
fn parse_row(side: Side, text: &str, on_lookalike: OnLookalike) -> Result<(String, Option<Choice>)> {
    let Some((record, decision)) = text.split_once('=') else {
        return Ok((text.to_owned(), None));
    };
    let (decision, target) = match decision.split_once(':') {
        Some(("match", target)) => (Decision::Match, names::resource(side.targets(), target)?),
        None if decision == "create" => (Decision::Create, String::new()),
        None if decision == "do-not-add" => (Decision::DoNotAdd, String::new()),
        Some(_) | None => {
            let known = format!("match:{}/ID, create, do-not-add", side.targets());
            return Err(Exit::usage(format!("`{text}`: the decision is none of {known}")));
        }
    };
    let on_lookalike = if decision == Decision::Create { on_lookalike } else { OnLookalike::Unspecified };
    Ok((record.to_owned(), Some(Choice { decision: decision.into(), target, on_lookalike: on_lookalike.into() })))
}

/// The plans of all pages as one, for a person.
fn sum(plans: &[ConfirmPartyMappingsResponse]) -> ConfirmPlan {
    let mut total = ConfirmPlan::default();
    for plan in plans.iter().filter_map(|one| one.plan.as_ref()) {
        total.links += plan.links;
        total.creates += plan.creates;
        total.lookalikes += plan.lookalikes;
        total.ignores += plan.ignores;
        total.unchanged += plan.unchanged;
        total.calls_needed += plan.calls_needed;
        total.seconds_under_budget += plan.seconds_under_budget;
        total.conflicts.extend(plan.conflicts.iter().cloned());
    }
    total
}

fn words(plan: &ConfirmPlan) -> String {
    let mut text = format!(
        "plan: match {}, create {} ({} look like something that is there), leave out {}, unchanged {}; {} calls to Procore, about {} s",
        plan.links, plan.creates, plan.lookalikes, plan.ignores, plan.unchanged, plan.calls_needed, plan.seconds_under_budget
    );
    for conflict in &plan.conflicts {
        text.push_str(&format!("\n  look at: {} ({})", conflict.problem, conflict.mappings.join(", ")));
    }
    text
}

/// Asks on the terminal; only `y` or `yes` is a yes.
pub(super) async fn ask() -> Result<()> {
    write!(std::io::stderr(), "Go on? [y/N] ")?;
    let answered = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let line = answered.await?.context("the answer can not be read")?;
    if matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Exit::error(ExitCode::Failed, "nothing was changed"))
}

async fn follow_all(session: &Session, confirmed: &mut [ConfirmPartyMappingsResponse]) -> Result<()> {
    for job in confirmed.iter_mut().filter_map(|one| one.job.as_mut()) {
        *job = follow(session, &job.name, Show::Progress).await?;
    }
    Ok(())
}

fn answer_plan(session: &Session, plans: &[ConfirmPartyMappingsResponse], total: &ConfirmPlan) -> Result<()> {
    match session.output.format() {
        Format::Json => answer(session, plans),
        Format::Table => super::output::print_line(&words(total)),
    }
}

/// One document for one request, an array for several.
fn answer(session: &Session, answers: &[ConfirmPartyMappingsResponse]) -> Result<()> {
    match (session.output.format(), answers) {
        (Format::Json, [only]) => print_json(&json(only)?),
        (Format::Json, several) => print_json(&serde_json::Value::Array(several.iter().map(json).collect::<Result<_>>()?)),
        (Format::Table, answers) => {
            let jobs: Vec<Job> = answers.iter().filter_map(|one| one.job.clone()).collect();
            if jobs.is_empty() {
                say("confirmed; nothing has to be linked");
                return Ok(());
            }
            session.output.list(&jobs)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Result<(String, Option<Choice>)> {
        parse_row(Side::Parties, text, OnLookalike::Hold)
    }

    #[test]
    fn a_row_says_what_to_do_or_leaves_it_to_the_draft() {
        assert_eq!(row("7").expect("draft"), ("7".to_owned(), None));
        let (record, choice) = row("7=match:parties/9").expect("match");
        let choice = choice.expect("a choice");
        assert_eq!((record.as_str(), choice.decision(), choice.target.as_str()), ("7", Decision::Match, "parties/9"));
        assert_eq!(choice.on_lookalike(), OnLookalike::Unspecified, "only a creation has lookalikes");
        let created = row("7=create").expect("create").1.expect("a choice");
        assert_eq!((created.decision(), created.on_lookalike()), (Decision::Create, OnLookalike::Hold));
        assert_eq!(row("7=do-not-add").expect("ignore").1.expect("a choice").decision(), Decision::DoNotAdd);
        for wrong in ["7=", "7=match", "7=match:", "7=match:projects/9", "7=create:x", "7=delete"] {
            assert!(row(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn several_pages_are_shown_as_one_plan() {
        let page = |links| ConfirmPartyMappingsResponse {
            plan: Some(ConfirmPlan { links, creates: 1, ..ConfirmPlan::default() }),
            job: None,
        };
        let total = sum(&[page(1_000), page(3)]);
        assert_eq!((total.links, total.creates), (1_003, 2));
        assert!(words(&total).starts_with("plan: match 1003, create 2"));
    }
}
