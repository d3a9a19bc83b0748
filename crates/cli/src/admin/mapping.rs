//! `linkyard parties mapping` and `linkyard projects mapping`: look at the records of a directory and say what shall become of them.
//! Confirming, which makes it so, is in `confirm.rs`.

use super::confirm::ConfirmArgs;
use super::mapping_file::{ExportArgs, ImportArgs};
use super::output::{Format, Row, print_line, state_cell, text, word};
use super::session::{Session, pages, request_id};
use super::side::Side;
use super::{address, filter, names};
use crate::exit::Exit;
use anyhow::Result;
use clap::{Args, Subcommand};
use comfy_table::Cell;
use linkyard_proto::v1::{
    BandPrecision, Choice, Decision, DeclineRow, DraftUpdate, Mapping, MappingFilter, MappingView, OnLookalike, UnlinkRow,
};

/// The most rows that one request may name.
pub(crate) const MOST_ROWS: usize = 1_000;

/// `mapping`, the one thing below `parties` and `projects`.
#[derive(Clone, Debug, Subcommand)]
pub enum MappingGroup {
    /// Decide which record of the directory is which of ours.
    Mapping {
        /// What to do.
        #[command(subcommand)]
        command: MappingCommand,
    },
}

/// What to do with mappings.
#[derive(Clone, Debug, Subcommand)]
pub enum MappingCommand {
    /// The records of the directory with what was decided about them.
    #[command(after_help = filter::HELP)]
    List(ListArgs),

    /// One record in full, with up to five suggestions and their reasons.
    #[command(alias = "show")]
    Get {
        /// The directory's number of the record, or the mapping's full name.
        record: String,

        #[command(flatten)]
        provider: ProviderArg,
    },

    /// How many records are in which state; and of each band of suggestions how many wait and how many people took.
    Counts {
        #[command(flatten)]
        provider: ProviderArg,
    },

    /// Save decisions as drafts: nothing happens until they are confirmed.
    #[command(after_help = "\
Examples:
  linkyard parties mapping decide 598 --match parties/0195..
  linkyard parties mapping decide 598 599 600 --create
  linkyard parties mapping decide 601 --do-not-add
  linkyard parties mapping decide 601 --clear")]
    Decide(Box<DecideArgs>),

    /// Say that records are not what is suggested for them: it is not suggested again and holds no creation.
    #[command(after_help = "Example:\n  linkyard parties mapping decline 598 --not parties/0190d9..")]
    Decline {
        /// The directory's numbers of the records, or the mappings' full names.
        #[arg(required = true)]
        records: Vec<String>,

        /// What they are not: names or ids of parties or projects; everything that is suggested now when left out. May be repeated.
        #[arg(long = "not", value_name = "NAME")]
        targets: Vec<String>,

        #[command(flatten)]
        provider: ProviderArg,
    },

    /// Take links away: what was linked stays in the registry. Rows are sent in pages of 1,000, each all or none.
    #[command(after_help = "Example:\n  linkyard parties mapping unlink 598 599")]
    Unlink {
        /// The directory's numbers of the records, or the mappings' full names.
        #[arg(required = true)]
        records: Vec<String>,

        #[command(flatten)]
        provider: ProviderArg,
    },

    /// Confirm decisions and start linking.
    #[command(after_help = super::confirm::HELP)]
    Confirm(Box<ConfirmArgs>),

    /// Write the mapping as a CSV file, to be decided in a spreadsheet.
    #[command(after_help = super::mapping_file::EXPORT_HELP)]
    Export(ExportArgs),

    /// Carry a CSV file with decisions into the mapping, wait for it, and say which lines were refused.
    #[command(after_help = super::mapping_file::IMPORT_HELP)]
    Import(ImportArgs),
}

/// Which provider.
#[derive(Clone, Debug, Args)]
pub struct ProviderArg {
    /// `providers/ID` or ID; may be left out when there is exactly one.
    #[arg(long, short = 'p', env = "LINKYARD_PROVIDER")]
    provider: Option<String>,
}

/// Which records.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    provider: ProviderArg,

    /// Only these records; see below.
    #[arg(long, value_parser = filter::parse, default_value = "all")]
    filter: MappingFilter,

    /// record (the directory's number), "record desc" (what is new comes first), name or "name desc".
    #[arg(long, value_name = "ORDER", default_value = "record")]
    order_by: String,

    /// With details and up to five suggestions each.
    #[arg(long)]
    full: bool,

    /// At most so many rows; without it everything is listed.
    #[arg(long)]
    limit: Option<usize>,
}

/// Which records and what to do with them.
#[derive(Clone, Debug, Args)]
pub struct DecideArgs {
    /// The directory's numbers of the records, or the mappings' full names.
    #[arg(required = true)]
    records: Vec<String>,

    #[command(flatten)]
    provider: ProviderArg,

    #[command(flatten)]
    decision: DecisionArgs,

    /// With --create: what to do when something like the record is there already.
    #[arg(long, value_enum, requires = "create")]
    on_lookalike: Option<Lookalike>,
}

/// What to do with every record named.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DecisionArgs {
    /// Link to this existing party or project.
    #[arg(long = "match", value_name = "TARGET")]
    target: Option<String>,

    /// Create a party or project from the record.
    #[arg(long)]
    create: bool,

    /// Leave the record out.
    #[arg(long)]
    do_not_add: bool,

    /// Take the draft away.
    #[arg(long)]
    clear: bool,
}

/// What a creation does when something like the record is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lookalike {
    /// Keep the row back, with the reason.
    Hold,
    /// Create it all the same.
    Create,
}

impl From<Lookalike> for OnLookalike {
    fn from(rule: Lookalike) -> Self {
        match rule {
            Lookalike::Hold => Self::Hold,
            Lookalike::Create => Self::Create,
        }
    }
}

impl Row for Mapping {
    const HEADER: &'static [&'static str] = &["RECORD", "NAME", "PLACE", "STATE", "DECISION", "TARGET", "SUGGESTION", "REASON"];

    fn cells(&self) -> Vec<Cell> {
        let decided = self.decision.as_ref().map(|choice| (choice, "")).or_else(|| Some((self.draft.as_ref()?, " (draft)")));
        let decision = decided.map(|(choice, draft)| format!("{}{draft}", word(choice.decision().as_str_name(), "DECISION_")));
        let suggestion = self.suggestions.first().map(|best| {
            let contested = if best.contested { ", contested" } else { "" };
            let band = filter::band_name(&best.band());
            format!("{} ({band} {:.2}{contested})", best.target_display_name, best.probability)
        });
        vec![
            Cell::new(self.record_id),
            Cell::new(text(&self.display_name)),
            Cell::new(address::place(self.address.as_ref())),
            state_cell(filter::state_name(&self.state())),
            Cell::new(text(&decision.unwrap_or_default())),
            Cell::new(text(&self.target_display_name)),
            Cell::new(text(&suggestion.unwrap_or_default())),
            Cell::new(text(&self.reason)),
        ]
    }
}

impl MappingCommand {
    /// Carries the command out on one side.
    ///
    /// # Errors
    /// The server's status; what confirming ends with.
    pub(crate) async fn run(&self, session: &Session, side: Side) -> Result<()> {
        match self {
            Self::List(args) => list(session, side, args).await,
            Self::Get { record, provider } => {
                let (parent, _) = provider.parent(session, side, std::slice::from_ref(record)).await?;
                let name = names::mapping(&parent, side.collection(), record)?;
                session.output.one(&side.get(session, name).await?)
            }
            Self::Counts { provider } => counts(session, side, names::provider(session, provider.named()).await?).await,
            Self::Decide(args) => decide(session, side, args).await,
            Self::Decline { records, targets, provider } => decline(session, side, (records, targets), provider).await,
            Self::Unlink { records, provider } => unlink(session, side, records, provider).await,
            Self::Confirm(args) => args.run(session, side).await,
            Self::Export(args) => args.run(session, side).await,
            Self::Import(args) => args.run(session, side).await,
        }
    }
}

impl ProviderArg {
    /// The provider as it was typed.
    pub(crate) fn named(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The provider that `records` belong to (a full name says it), and the names of their mappings.
    ///
    /// # Errors
    /// Exit code 2 when the provider or a record can not be told.
    pub(crate) async fn parent(&self, session: &Session, side: Side, records: &[String]) -> Result<(String, Vec<String>)> {
        let infix = format!("/{}/", side.collection());
        let in_full = records.iter().find_map(|record| record.split_once(&infix)).map(|(provider, _)| provider.to_owned());
        let parent = match (self.named(), in_full) {
            (None, Some(provider)) => names::resource("providers", &provider)?,
            (named, _) => names::provider(session, named).await?,
        };
        let mappings = records.iter().map(|record| names::mapping(&parent, side.collection(), record)).collect::<Result<_>>()?;
        Ok((parent, mappings))
    }
}

async fn list(session: &Session, side: Side, args: &ListArgs) -> Result<()> {
    let parent = names::provider(session, args.provider.named()).await?;
    let view = if args.full { MappingView::Full } else { MappingView::Basic };
    let rows = pages(args.limit, async |page_size, page_token| {
        side.list(session, &parent, (page_size, page_token), &args.filter, (view, &args.order_by)).await
    });
    session.output.list(&rows.await?)
}

async fn counts(session: &Session, side: Side, parent: String) -> Result<()> {
    let counts = side.counts(session, parent).await?;
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for count in &counts.counts {
        rows.push(vec![state_cell(filter::state_name(&count.state())), Cell::new(count.count)]);
    }
    let total: i64 = counts.counts.iter().map(|count| count.count).sum();
    rows.push(vec![Cell::new("total"), Cell::new(total)]);
    session.output.shaped(&counts, &["STATE", "COUNT"], rows)?;
    if session.output.format() == Format::Json {
        return Ok(());
    }
    print_line("")?;
    let header = ["SUGGESTIONS", "WAITING", "DECIDED", "TAKEN", "PRECISION", "ACCEPTED IN BULK", "TAKEN BACK"];
    session.output.shaped(&counts, &header, counts.bands.iter().map(precision).collect())
}

/// A band, and of the decisions that people made row by row the share that took what was suggested.
fn precision(of: &BandPrecision) -> Vec<Cell> {
    let share = if of.decided > 0 { format!("{:.1} %", 100.0 * of.taken as f64 / of.decided as f64) } else { String::new() };
    let mut cells = vec![Cell::new(word(of.band().as_str_name(), "BAND_"))];
    cells.extend([of.waiting, of.decided, of.taken].map(Cell::new));
    cells.push(Cell::new(share));
    cells.extend([of.accepted_in_bulk, of.taken_back].map(Cell::new));
    cells
}

async fn decide(session: &Session, side: Side, args: &DecideArgs) -> Result<()> {
    let draft = args.draft(side)?;
    let (parent, mappings) = args.provider.parent(session, side, &args.records).await?;
    let mut decided = Vec::with_capacity(mappings.len());
    for page in mappings.chunks(MOST_ROWS) {
        let update = |name: &String| DraftUpdate { name: name.clone(), draft: draft.clone(), etag: String::new() };
        decided.extend(side.update(session, &parent, page.iter().map(update).collect(), request_id()).await?);
    }
    session.output.list(&decided)
}

async fn decline(
    session: &Session,
    side: Side,
    (records, targets): (&[String], &[String]),
    provider: &ProviderArg,
) -> Result<()> {
    let (parent, mappings) = provider.parent(session, side, records).await?;
    let targets = targets.iter().map(|target| names::resource(side.targets(), target)).collect::<Result<Vec<_>>>()?;
    let mut declined = Vec::with_capacity(mappings.len());
    for page in mappings.chunks(MOST_ROWS) {
        let row = |name: &String| DeclineRow { name: name.clone(), targets: targets.clone() };
        declined.extend(side.decline(session, &parent, page.iter().map(row).collect(), request_id()).await?);
    }
    session.output.list(&declined)
}

async fn unlink(session: &Session, side: Side, records: &[String], provider: &ProviderArg) -> Result<()> {
    let (parent, mappings) = provider.parent(session, side, records).await?;
    let mut unlinked = Vec::with_capacity(mappings.len());
    for page in mappings.chunks(MOST_ROWS) {
        let row = |name: &String| UnlinkRow { name: name.clone(), etag: String::new() };
        unlinked.extend(side.unlink(session, &parent, page.iter().map(row).collect(), request_id()).await?);
    }
    session.output.list(&unlinked)
}

impl DecideArgs {
    fn draft(&self, side: Side) -> Result<Option<Choice>> {
        let (decision, target) = match &self.decision {
            DecisionArgs { clear: true, .. } => return Ok(None),
            DecisionArgs { target: Some(target), .. } => (Decision::Match, names::resource(side.targets(), target)?),
            DecisionArgs { create: true, .. } => (Decision::Create, String::new()),
            DecisionArgs { do_not_add: true, .. } => (Decision::DoNotAdd, String::new()),
            DecisionArgs { .. } => return Err(Exit::usage("say what to do: --match, --create, --do-not-add or --clear")),
        };
        let on_lookalike = self.on_lookalike.map_or(OnLookalike::Unspecified, OnLookalike::from);
        Ok(Some(Choice { decision: decision.into(), target, on_lookalike: on_lookalike.into() }))
    }
}
