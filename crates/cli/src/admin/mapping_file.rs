//! `.. mapping export` and `.. mapping import`: a mapping as a CSV file, decided in a spreadsheet and sent back.

use super::confirm::ask;
use super::mapping::{Lookalike, ProviderArg};
use super::output::{Format, Row, print_json, print_line, say, text, word};
use super::session::{Session, call, pages, request_id};
use super::side::Side;
use super::watch::{Show, check_succeeded, follow};
use super::wire::json;
use super::{filter, names};
use crate::exit::Exit;
use anyhow::{Context, Result};
use clap::Args;
use comfy_table::Cell;
use linkyard_proto::v1::import_row::Outcome;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::{
    DecisionImport, ImportPartyDecisionsResponse, ImportPreview, ImportRow, Job, ListImportRowsRequest, MappingFilter,
    OnLookalike,
};
use prost_types::value::Kind;
use serde_json::json;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::sync::Arc;

/// Help of the export.
pub(crate) const EXPORT_HELP: &str = "\
Examples:
  linkyard parties mapping export > vendors.csv
  linkyard parties mapping export --filter state=unmapped|suggested --file vendors.csv --byte-order-mark

Edit the columns `decision` (MATCH, CREATE, DO_NOT_ADD, or empty to leave the row), `target` (with
MATCH: the party or project, like the column `suggestion`) and `on_lookalike` (with CREATE: HOLD or
CREATE); leave `mapping` and `version` as they are. Then: linkyard parties mapping import FILE

Cells that a spreadsheet would take for formulas have an apostrophe in front; the import takes it away.";

/// Help of the import.
pub(crate) const IMPORT_HELP: &str = "\
Examples:
  linkyard parties mapping import vendors.csv --dry-run
  linkyard parties mapping import vendors.csv                     # the decisions become drafts
  linkyard parties mapping import vendors.csv --confirm --yes     # .. are confirmed and linked

Lines that can not be carried out are listed with their number and the reason; they stop none of the
others, and the exit code is 6 then. A line whose row changed since the export is refused, not written over.
At most 200,000 lines and 64 MiB; columns may stand in any order, and others are ignored.";

/// Which rows, and where to.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    provider: ProviderArg,

    /// Only these records: all, state=held|failed, search=TEXT, band=strong|likely, suggested, unsuggested, draft, undrafted, joined by commas.
    #[arg(long, value_parser = filter::parse, default_value = "all")]
    filter: MappingFilter,

    /// The file to write, replaced when it is whole; without it standard output.
    #[arg(long, value_name = "FILE")]
    file: Option<std::path::PathBuf>,

    /// Begin with a byte order mark, without which some spreadsheets do not know UTF-8.
    #[arg(long)]
    byte_order_mark: bool,
}

/// Which file, and how careful to be.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// The file; `-` is standard input.
    #[arg(value_name = "FILE")]
    path: String,

    #[command(flatten)]
    provider: ProviderArg,

    /// Confirm the decisions and link; without it they become drafts.
    #[arg(long)]
    confirm: bool,

    /// What a creation does about look-alikes where its line does not say; hold unless said.
    #[arg(long, value_enum)]
    on_lookalike: Option<Lookalike>,

    /// Only say what would become of the lines.
    #[arg(long, conflicts_with_all = ["yes", "no_wait"])]
    dry_run: bool,

    /// Do not ask before confirming.
    #[arg(long, short = 'y')]
    yes: bool,

    /// Answer with the job as soon as the file is sent.
    #[arg(long)]
    no_wait: bool,
}

impl Row for ImportRow {
    const HEADER: &'static [&'static str] = &["LINE", "RECORD", "OUTCOME", "REASON", "MESSAGE"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(self.line),
            Cell::new(self.record_id.map_or_else(|| "-".to_owned(), |record| record.to_string())),
            Cell::new(word(self.outcome().as_str_name(), "OUTCOME_")),
            Cell::new(text(&self.reason)),
            Cell::new(text(&self.reason_message)),
        ]
    }
}

impl ExportArgs {
    /// Writes the file.
    ///
    /// # Errors
    /// The server's status; when the file can not be written.
    pub(crate) async fn run(&self, session: &Session, side: Side) -> Result<()> {
        let parent = names::provider(session, self.provider.named()).await?;
        let Some(path) = &self.file else {
            let mut out = std::io::stdout().lock();
            return self.write(session, side, &parent, &mut out).await;
        };
        let unwritable = || format!("{} can not be written", path.display());
        let mut partial = path.clone().into_os_string();
        partial.push(".part");
        let mut file = BufWriter::new(std::fs::File::create(&partial).with_context(unwritable)?);
        self.write(session, side, &parent, &mut file).await?;
        std::fs::rename(&partial, path).with_context(unwritable)
    }

    async fn write(&self, session: &Session, side: Side, parent: &str, to: &mut impl Write) -> Result<()> {
        let write = |piece: &[u8]| Ok(to.write_all(piece)?);
        side.export(session, parent, &self.filter, self.byte_order_mark, write).await?;
        Ok(to.flush()?)
    }
}

impl ImportArgs {
    /// Sends the file, follows its job, and says which lines were refused.
    ///
    /// # Errors
    /// The server's status; exit code 1 when the person said no, 2 when nobody can be asked or the file can not be read, 6 when lines were
    /// refused or the linking did not succeed.
    pub(crate) async fn run(&self, session: &Session, side: Side) -> Result<()> {
        let asks = self.confirm && !self.dry_run && !self.yes;
        if asks && (!std::io::stdin().is_terminal() || self.path == "-") {
            return Err(Exit::usage("nobody can be asked here: add --yes, or --dry-run to see what would become of the lines"));
        }
        let file: Arc<[u8]> = read(&self.path)?.into();
        let parent = names::provider(session, self.provider.named()).await?;
        let start = DecisionImport {
            parent,
            confirm: self.confirm,
            on_lookalike: self.on_lookalike.map_or(OnLookalike::Unspecified, OnLookalike::from).into(),
            validate_only: false,
            request_id: request_id(),
        };
        if self.dry_run || asks {
            let first = DecisionImport { validate_only: true, request_id: String::new(), ..start.clone() };
            let preview = side.import(session, first, file.clone()).await?.preview.unwrap_or_default();
            if self.dry_run {
                return answer_preview(session, &preview);
            }
            say(&words(&preview));
            ask().await?;
        }
        let ImportPartyDecisionsResponse { job, .. } = side.import(session, start, file).await?;
        let job = job.context("the server answered without a job")?;
        if self.no_wait {
            return session.output.one(&job);
        }
        self.ended(session, &job).await
    }

    /// Follows the import and the linking after it; answers how they ended.
    async fn ended(&self, session: &Session, job: &Job) -> Result<()> {
        let job = follow(session, &job.name, Show::Progress).await?;
        let link = match link_job(&job) {
            Some(name) => Some(follow(session, &name, Show::Progress).await?),
            None => None,
        };
        let refused = refused(session, &job.name).await?;
        match session.output.format() {
            Format::Json => {
                let link = link.as_ref().map(json).transpose()?;
                let rows = refused.iter().map(json).collect::<Result<Vec<_>>>()?;
                print_json(&json!({ "job": json(&job)?, "linkJob": link, "refused": rows }))?;
            }
            Format::Table => {
                let jobs: Vec<Job> = std::iter::once(job.clone()).chain(link.clone()).collect();
                session.output.list(&jobs)?;
                if !refused.is_empty() {
                    session.output.list(&refused)?;
                }
            }
        }
        check_succeeded(&job)?;
        link.as_ref().map_or(Ok(()), check_succeeded)
    }
}

fn read(path: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if path == "-" { std::io::stdin().read_to_end(&mut bytes).map(|_| bytes) } else { std::fs::read(path) };
    read.map_err(|error| Exit::usage(format!("{path} can not be read: {error}")))
}

/// The job that links what an import confirmed.
fn link_job(job: &Job) -> Option<String> {
    match job.result.as_ref()?.fields.get("link_job")?.kind.as_ref()? {
        Kind::StringValue(id) => Some(format!("jobs/{id}")),
        Kind::NullValue(_) | Kind::NumberValue(_) | Kind::BoolValue(_) | Kind::StructValue(_) | Kind::ListValue(_) => None,
    }
}

async fn refused(session: &Session, parent: &str) -> Result<Vec<ImportRow>> {
    let rows = pages(None, async |page_size, page_token| {
        let outcomes = vec![Outcome::Refused.into()];
        let request = ListImportRowsRequest { parent: parent.to_owned(), page_size, page_token, outcomes };
        let page = call!(session, JobServiceClient, list_import_rows, request).await?;
        Ok((page.rows, page.next_page_token))
    });
    rows.await
}

fn answer_preview(session: &Session, preview: &ImportPreview) -> Result<()> {
    match session.output.format() {
        Format::Json => print_json(&json(preview)?),
        Format::Table => {
            print_line(&words(preview))?;
            if preview.refusals.is_empty() { Ok(()) } else { session.output.list(&preview.refusals) }
        }
    }
}

fn words(preview: &ImportPreview) -> String {
    format!(
        "{} lines: match {}, create {}, leave out {}, unchanged {}, refused {}",
        preview.lines, preview.matches, preview.creates, preview.ignores, preview.unchanged, preview.refused
    )
}
