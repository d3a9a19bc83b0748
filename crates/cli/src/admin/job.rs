//! `linkyard job`: what is under way, what became of it, stop it, run it again.

use super::names;
use super::output::{Format, Row, state_cell, text, time, word};
use super::session::{Session, call, pages, request_id};
use super::watch::{check_succeeded, follow, show_for, state_word};
use anyhow::Result;
use clap::Subcommand;
use comfy_table::Cell;
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::{CancelJobRequest, GetJobRequest, Job, ListJobsRequest, RetryJobRequest};

/// What to do with jobs.
#[derive(Clone, Debug, Subcommand)]
pub enum JobCommand {
    /// Jobs, newest first.
    List {
        /// Only jobs of this provider: `providers/ID` or ID.
        #[arg(long, short = 'p')]
        provider: Option<String>,

        /// Only jobs in these states, like `running,retrying`.
        #[arg(long = "state", value_delimiter = ',', value_parser = parse_state, value_name = "STATE")]
        states: Vec<State>,

        /// Also the children of jobs.
        #[arg(long)]
        children: bool,

        /// At most so many rows; without it everything is listed.
        #[arg(long)]
        limit: Option<usize>,
    },

    /// One job.
    #[command(alias = "show")]
    Get {
        /// `jobs/ID` or ID.
        name: String,
    },

    /// Follow a job until it ends: a bar on a terminal, lines elsewhere, JSON lines with `-o json`.
    #[command(after_help = "Interrupting detaches; the job goes on. Exit code 6 unless the job ended SUCCEEDED.")]
    Watch {
        /// `jobs/ID` or ID.
        name: String,
    },

    /// Stop a job for good at its next checkpoint. What is done stays done.
    Cancel {
        /// `jobs/ID` or ID.
        name: String,
    },

    /// Run a failed, partial or cancelled job again, for its failed rows only.
    Retry {
        /// `jobs/ID` or ID.
        name: String,

        /// Follow it until it ends.
        #[arg(long)]
        wait: bool,
    },
}

impl Row for Job {
    const HEADER: &'static [&'static str] =
        &["NAME", "KIND", "STATE", "DONE", "TOTAL", "HELD", "FAILED", "CALLS", "CREATED", "PHASE / ERROR"];

    fn cells(&self) -> Vec<Cell> {
        let progress = self.progress.unwrap_or_default();
        let remark = self.error.as_ref().map_or(self.phase.as_str(), |error| error.message.as_str());
        vec![
            Cell::new(&self.name),
            Cell::new(&self.kind),
            state_cell(state_word(self)),
            Cell::new(progress.succeeded + progress.skipped),
            Cell::new(progress.total),
            Cell::new(progress.held),
            Cell::new(progress.failed),
            Cell::new(progress.calls),
            Cell::new(time(self.create_time.as_ref())),
            Cell::new(text(remark)),
        ]
    }
}

impl JobCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status, or exit code 6 when a followed job did not succeed.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List { provider, states, children, limit } => {
                let provider = names::optional("providers", provider.as_deref())?;
                session.output.list(&list(session, &provider, states, *children, *limit).await?)
            }
            Self::Get { name } => {
                let request = GetJobRequest { name: names::resource("jobs", name)? };
                session.output.one(&call!(session, JobServiceClient, get_job, request).await?)
            }
            Self::Watch { name } => watch(session, &names::resource("jobs", name)?).await,
            Self::Cancel { name } => {
                let request = CancelJobRequest { name: names::resource("jobs", name)?, request_id: request_id() };
                session.output.one(&call!(session, JobServiceClient, cancel_job, request).await?)
            }
            Self::Retry { name, wait } => {
                let request = RetryJobRequest { name: names::resource("jobs", name)?, request_id: request_id() };
                let job = call!(session, JobServiceClient, retry_job, request).await?;
                answer(session, job, *wait).await
            }
        }
    }
}

/// Answers a job that a command started; with `wait` as it ended.
///
/// # Errors
/// The server's status, or exit code 6 when it was waited for and did not succeed.
pub(crate) async fn answer(session: &Session, job: Job, wait: bool) -> Result<()> {
    if !wait {
        return session.output.one(&job);
    }
    let ended = follow(session, &job.name, show_for(session.output.format(), false)).await?;
    session.output.one(&ended)?;
    check_succeeded(&ended)
}

async fn watch(session: &Session, name: &str) -> Result<()> {
    let format = session.output.format();
    let job = follow(session, name, show_for(format, true)).await?;
    if format == Format::Table {
        session.output.one(&job)?;
    }
    check_succeeded(&job)
}

async fn list(
    session: &Session,
    provider: &str,
    states: &[State],
    include_children: bool,
    limit: Option<usize>,
) -> Result<Vec<Job>> {
    pages(limit, async |page_size, page_token| {
        let request = ListJobsRequest {
            page_size,
            page_token,
            provider: provider.to_owned(),
            states: states.iter().map(|state| i32::from(*state)).collect(),
            include_children,
        };
        let page = call!(session, JobServiceClient, list_jobs, request).await?;
        Ok((page.jobs, page.next_page_token))
    })
    .await
}

/// Every state that a job can be in, in the order of the API.
const STATES: [State; 10] = [
    State::Queued,
    State::Running,
    State::WaitingForBudget,
    State::WaitingForChildren,
    State::Retrying,
    State::Paused,
    State::Succeeded,
    State::Partial,
    State::Failed,
    State::Cancelled,
];

fn parse_state(text: &str) -> Result<State, String> {
    super::parse_word(text, &STATES, |state| word(state.as_str_name(), "STATE_"))
}
