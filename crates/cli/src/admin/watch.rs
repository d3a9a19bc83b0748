//! Following a job until it ends: a bar on a terminal, plain lines or JSON lines elsewhere.
//!
//! The watch is resumed where it broke off, so a server that restarts costs a moment and nothing is shown twice. Interrupting detaches:
//! the job goes on, and the words say how to follow it again.

use super::output::{Format, print_line, say, word};
use super::session::Session;
use super::wire::json;
use crate::exit::{Exit, ExitCode};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::{Job, WatchJobRequest, WatchJobResponse};
use std::io::IsTerminal;
use std::time::Duration;
use tonic::{Code, Status, Streaming};
use tonic_types::{RpcStatusExt, StatusExt};

/// A watch that breaks off so often in a row without a single message is given up.
const MOST_BREAKS: u32 = 20;
/// The wait before a broken watch is resumed, unless the server says another.
const RESUME_WAIT: Duration = Duration::from_millis(500);
/// No wait is longer than this, whatever the server asks.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where the changes of a job go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    /// To a person on standard error; standard output stays free for the answer.
    Progress,
    /// To a program on standard output, one JSON line per change.
    JsonLines,
}

/// Follows `name` to its end and answers it as it ended, however that was. Whoever drops this on an interruption has the words for it
/// from [`Session::interruption`].
///
/// # Errors
/// The server's status.
pub(crate) async fn follow(session: &Session, name: &str, show: Show) -> Result<Job> {
    session.note_followed(Some(name));
    let ended = follow_to_the_end(session, name, show).await;
    session.note_followed(None);
    ended
}

/// Answers an error unless `job` ended well.
///
/// # Errors
/// Exit code 6 with the job's own reason.
pub(crate) fn check_succeeded(job: &Job) -> Result<()> {
    if job.state() == State::Succeeded {
        return Ok(());
    }
    let mut message = format!("{} ended {}", job.name, state_word(job));
    if let Some(error) = &job.error {
        message = format!("{message}: {}", error.message);
        if let Some(info) = error.get_details_error_info() {
            message = format!("{message} ({})", info.reason);
        }
    } else if let Some(progress) = &job.progress {
        message = format!("{message}: {} of {} rows failed, {} held", progress.failed, progress.total, progress.held);
    }
    Err(Exit::error(ExitCode::JobFailed, message))
}

/// The word of a job's state.
pub(crate) fn state_word(job: &Job) -> &'static str {
    word(job.state().as_str_name(), "STATE_")
}

fn ended(job: &Job) -> bool {
    match job.state() {
        State::Succeeded | State::Partial | State::Failed | State::Cancelled => true,
        State::Unspecified
        | State::Queued
        | State::Running
        | State::WaitingForBudget
        | State::WaitingForChildren
        | State::Retrying
        | State::Paused => false,
    }
}

async fn follow_to_the_end(session: &Session, name: &str, show: Show) -> Result<Job> {
    let mut view = View::new(show);
    let (mut since_revision, mut breaks) = (0, 0);
    loop {
        let broken = match open(session, name, since_revision).await {
            Ok(mut stream) => loop {
                match stream.message().await {
                    Ok(Some(WatchJobResponse { job: Some(job) })) => {
                        (since_revision, breaks) = (job.revision, 0);
                        view.show(&job)?;
                        if ended(&job) {
                            view.close();
                            return Ok(job);
                        }
                    }
                    // A heartbeat.
                    Ok(Some(WatchJobResponse { job: None })) => breaks = 0,
                    Ok(None) => break Status::unavailable("the watch ended before the job did"),
                    Err(status) => break status,
                }
            },
            Err(status) => status,
        };
        breaks += 1;
        if !resumable(&broken) || breaks >= MOST_BREAKS {
            view.close();
            return Err(session.explain(broken));
        }
        tracing::debug!(status = %broken, "the watch broke off; resuming");
        let asked = broken.get_details_retry_info().and_then(|info| info.retry_delay);
        tokio::time::sleep(asked.unwrap_or(RESUME_WAIT).min(LONGEST_WAIT)).await;
    }
}

async fn open(session: &Session, name: &str, since_revision: i64) -> Result<Streaming<WatchJobResponse>, Status> {
    let request = session.request(WatchJobRequest { name: name.to_owned(), since_revision });
    Ok(JobServiceClient::new(session.channel()).watch_job(request).await?.into_inner())
}

/// Whether a broken stream is worth opening again: the server went away or drains. A connection that dies under a stream shows as
/// UNKNOWN or INTERNAL with the transport's error beneath.
fn resumable(status: &Status) -> bool {
    status.code() == Code::Unavailable
        || (matches!(status.code(), Code::Unknown | Code::Internal | Code::Cancelled)
            && std::error::Error::source(status).is_some())
}

/// One way of showing changes.
enum View {
    Bar(ProgressBar),
    Lines { last: String },
    JsonLines,
}

impl View {
    fn new(show: Show) -> Self {
        match show {
            Show::JsonLines => Self::JsonLines,
            Show::Progress if std::io::stderr().is_terminal() => Self::Bar(bar()),
            Show::Progress => Self::Lines { last: String::new() },
        }
    }

    fn show(&mut self, job: &Job) -> Result<()> {
        let progress = job.progress.unwrap_or_default();
        let done = progress.succeeded + progress.held + progress.failed + progress.skipped;
        match self {
            Self::JsonLines => print_line(&json(job)?.to_string())?,
            Self::Bar(bar) => {
                bar.set_length(unsigned(progress.total.max(done)));
                bar.set_position(unsigned(done));
                bar.set_message(line(job));
            }
            Self::Lines { last } => {
                let counts = if progress.total > 0 { format!(" {done}/{}", progress.total) } else { String::new() };
                let text = format!("{}{counts}", line(job));
                if *last != text {
                    say(&format!("{}: {text}", job.name));
                    *last = text;
                }
            }
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Self::Bar(bar) = self {
            bar.abandon();
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{elapsed_precise} [{bar:32}] {pos}/{len} {per_sec} {msg}");
    // A template that can not be parsed leaves the plain style: the bar is decoration.
    if let Ok(style) = style {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// What a job does now, in one line.
fn line(job: &Job) -> String {
    let mut text = format!("{} {}", job.kind, state_word(job));
    if !ended(job) && !job.phase.is_empty() {
        text = format!("{text} ({})", job.phase);
    }
    if let Some(progress) = job.progress.filter(|progress| progress.failed + progress.held > 0) {
        text = format!("{text}, {} failed, {} held", progress.failed, progress.held);
    }
    let waits = matches!(job.state(), State::WaitingForBudget | State::Retrying);
    if let Some(next) = job.next_attempt_time.as_ref().filter(|_| waits) {
        text = format!("{text}, goes on at {next}");
    }
    if let Some(error) = job.error.as_ref().filter(|_| !ended(job)) {
        text = format!("{text}: {}", error.message);
    }
    text
}

/// Which way of showing fits the answer's form, for a command whose answer is the job itself or something made after it.
pub(crate) fn show_for(format: Format, job_is_the_answer: bool) -> Show {
    match format {
        Format::Json if job_is_the_answer => Show::JsonLines,
        Format::Json | Format::Table => Show::Progress,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::code_of;
    use linkyard_proto::v1::job::Progress;

    #[test]
    fn only_a_job_that_succeeded_is_success() {
        for state in [State::Failed, State::Partial, State::Cancelled] {
            let job = Job { name: "jobs/1".to_owned(), state: state.into(), ..Job::default() };
            let error = check_succeeded(&job).expect_err("did not succeed");
            assert_eq!(code_of(&error), ExitCode::JobFailed, "{state:?}");
        }
        assert!(check_succeeded(&Job { state: State::Succeeded.into(), ..Job::default() }).is_ok());
    }

    #[test]
    fn a_line_tells_state_phase_and_trouble() {
        let progress = Some(Progress { total: 9, failed: 2, held: 1, ..Progress::default() });
        let job = Job {
            kind: "link_parties".to_owned(),
            state: State::Running.into(),
            phase: "linking".to_owned(),
            progress,
            ..Job::default()
        };
        assert_eq!(line(&job), "link_parties RUNNING (linking), 2 failed, 1 held");
    }

    #[test]
    fn a_refusal_is_not_resumed() {
        assert!(resumable(&Status::unavailable("drains")));
        assert!(!resumable(&Status::not_found("no such job")));
        assert!(!resumable(&Status::internal("a defect")));
    }
}
