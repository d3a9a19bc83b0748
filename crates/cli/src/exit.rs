//! How the program ends: the exit codes that scripts may rely on, and the words that go with an error.
//!
//! Codes are decided here and nowhere else. An error that carries a gRPC status or linkyard's own error is classified by it; a command
//! that ends by its own judgement (a job failed, the time is up) says so with [`Exit`]. Nothing is printed to standard output here.

use std::fmt;
use std::fmt::Write as _;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// The exit codes of `linkyard`; the numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Ok = 0,
    /// Failed for a reason that has no code of its own.
    Failed = 1,
    /// The command line was wrong; nothing was asked of the server.
    Usage = 2,
    /// What the command is about is not there.
    NotFound = 3,
    /// The key is missing, refused, or does not allow this.
    Auth = 4,
    /// The input or the present state refuses it.
    Precondition = 5,
    /// The job that was waited for ended FAILED, PARTIAL or CANCELLED.
    JobFailed = 6,
    /// The time was up.
    Timeout = 7,
    /// The server, or something it needs, does not answer now; later may be better.
    Unavailable = 8,
    /// Interrupted from the keyboard.
    Interrupted = 130,
}

/// The table that `linkyard --help` ends with.
pub const EXIT_CODES_HELP: &str = "\
Exit codes:
  0    done
  1    failed for a reason that has no code of its own
  2    the command line was wrong; nothing was asked of the server
  3    not found
  4    the API key is missing, refused, or does not allow this
  5    the input or the present state refuses it (invalid, conflict, precondition)
  6    the job that was waited for ended FAILED, PARTIAL or CANCELLED
  7    the time was up (--timeout, or the deadline of one call)
  8    the server does not answer now; later may be better
  130  interrupted; a job that was being followed goes on

Servers that are told to stop and do so orderly end with 0.
Data goes to standard output, words and progress to standard error. NO_COLOR switches colours off.";

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// An end that a command judged itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The code.
    pub code: ExitCode,
    /// What to tell a person.
    pub message: String,
}

impl Exit {
    /// An end with `code`, as an error that travels up to `main`.
    #[must_use]
    pub fn error(code: ExitCode, message: impl Into<String>) -> anyhow::Error {
        anyhow::Error::new(Self { code, message: message.into() })
    }

    /// The command line was wrong in a way that its grammar can not say.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> anyhow::Error {
        Self::error(ExitCode::Usage, message)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Exit {}

/// The code of an error, from whatever in its chain says most.
#[must_use]
pub fn code_of(error: &anyhow::Error) -> ExitCode {
    error.chain().find_map(code_of_one).unwrap_or(ExitCode::Failed)
}

fn code_of_one(error: &(dyn std::error::Error + 'static)) -> Option<ExitCode> {
    if let Some(exit) = error.downcast_ref::<Exit>() {
        return Some(exit.code);
    }
    if let Some(status) = error.downcast_ref::<Status>() {
        return Some(code_of_status(status));
    }
    if let Some(error) = error.downcast_ref::<linkyard_core::Error>() {
        return Some(code_of_domain(error));
    }
    // A reader that stopped reading (`| head`) is not a failure of ours.
    let io = error.downcast_ref::<std::io::Error>()?;
    (io.kind() == std::io::ErrorKind::BrokenPipe).then_some(ExitCode::Ok)
}

fn code_of_status(status: &Status) -> ExitCode {
    match status.code() {
        Code::Ok => ExitCode::Ok,
        Code::NotFound => ExitCode::NotFound,
        Code::Unauthenticated | Code::PermissionDenied => ExitCode::Auth,
        Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists | Code::Aborted | Code::OutOfRange => {
            ExitCode::Precondition
        }
        Code::DeadlineExceeded => ExitCode::Timeout,
        // tonic's client answers its own deadline with CANCELLED.
        Code::Cancelled if status.message() == "Timeout expired" => ExitCode::Timeout,
        Code::Unavailable | Code::ResourceExhausted => ExitCode::Unavailable,
        Code::Cancelled | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => ExitCode::Failed,
    }
}

fn code_of_domain(error: &linkyard_core::Error) -> ExitCode {
    use linkyard_core::Error;
    match error {
        Error::NotFound { .. } => ExitCode::NotFound,
        Error::Forbidden(_) | Error::Unauthorized { .. } => ExitCode::Auth,
        Error::AlreadyExists { .. } | Error::Invalid(_) | Error::Conflict { .. } => ExitCode::Precondition,
        Error::Throttled { .. } | Error::Unavailable { .. } => ExitCode::Unavailable,
        Error::Internal { .. } => ExitCode::Failed,
    }
}

/// The error as words for standard error: the cause first, then every violation, the reason, how long to wait and the request's id.
#[must_use]
pub fn words(error: &anyhow::Error) -> String {
    let mut text = String::from("error: ");
    let mut last = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let cause = cause.downcast_ref::<Status>().map_or_else(|| cause.to_string(), status_line);
        // A cause that the line before it quotes already adds nothing.
        if depth > 0 && last.contains(&cause) {
            continue;
        }
        if depth > 0 {
            text.push_str(": ");
        }
        text.push_str(&cause);
        last = cause;
        // Beneath a status lies transport machinery; its line says it all.
        if error.chain().nth(depth).is_some_and(<dyn std::error::Error>::is::<Status>) {
            break;
        }
    }
    if let Some(status) = error.chain().find_map(|cause| cause.downcast_ref::<Status>()) {
        details(&mut text, status);
    }
    text
}

fn status_line(status: &Status) -> String {
    let message = if status.message().is_empty() { "no message" } else { status.message() };
    format!("{message} ({})", code_name(status.code()))
}

/// The name of a code as the protocol writes it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

fn details(text: &mut String, status: &Status) {
    let details = status.get_error_details();
    let mut line = |label: &str, value: &str| {
        // Writing to a String can not fail.
        let _ = write!(text, "\n  {label}: {value}");
    };
    for violation in details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default() {
        line(&violation.field, &violation.description);
    }
    for violation in details.precondition_failure().map(|failure| failure.violations.as_slice()).unwrap_or_default() {
        line(&violation.subject, &violation.description);
    }
    for violation in details.quota_failure().map(|failure| failure.violations.as_slice()).unwrap_or_default() {
        line(&violation.subject, &violation.description);
    }
    if let Some(resource) = details.resource_info() {
        line(&resource.resource_type, &resource.resource_name);
    }
    if let Some(info) = details.error_info() {
        line("reason", &info.reason);
    }
    if let Some(delay) = details.retry_info().and_then(|info| info.retry_delay) {
        line("try again after", &format!("{} s", delay.as_secs_f64()));
    }
    if let Some(request) = details.request_info() {
        line("request id", &request.request_id);
    }
    for link in details.help().map(|help| help.links.as_slice()).unwrap_or_default() {
        line(&link.description, &link.url);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use std::time::Duration;
    use tonic_types::ErrorDetails;

    #[test]
    fn every_status_code_has_the_documented_exit_code() {
        let cases = [
            (Code::NotFound, ExitCode::NotFound),
            (Code::Unauthenticated, ExitCode::Auth),
            (Code::PermissionDenied, ExitCode::Auth),
            (Code::InvalidArgument, ExitCode::Precondition),
            (Code::FailedPrecondition, ExitCode::Precondition),
            (Code::AlreadyExists, ExitCode::Precondition),
            (Code::Aborted, ExitCode::Precondition),
            (Code::DeadlineExceeded, ExitCode::Timeout),
            (Code::Unavailable, ExitCode::Unavailable),
            (Code::ResourceExhausted, ExitCode::Unavailable),
            (Code::Internal, ExitCode::Failed),
        ];
        for (code, expected) in cases {
            let error = anyhow::Error::new(Status::new(code, "x")).context("while doing something");
            assert_eq!(code_of(&error), expected, "{code:?}");
            assert!(EXIT_CODES_HELP.contains(&format!("\n  {}", expected as u8)), "{expected:?} is documented");
        }
    }

    #[test]
    fn words_name_the_cause_every_violation_the_reason_the_wait_and_the_request() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("provider.company_id", "is not a number");
        details.add_bad_request_violation("provider.display_name", "is missing");
        details.set_error_info("INVALID_INPUT", "linkyard.dev", [("k".to_owned(), "v".to_owned())]);
        details.set_retry_info(Some(Duration::from_secs(2)));
        details.set_request_info("req-1", "");
        let status = Status::with_error_details(Code::InvalidArgument, "two fields are wrong", details);
        let error = Err::<(), _>(status).context("the provider was not created").expect_err("an error");
        assert_eq!(
            words(&error),
            "error: the provider was not created: two fields are wrong (INVALID_ARGUMENT)\n  \
             provider.company_id: is not a number\n  provider.display_name: is missing\n  reason: INVALID_INPUT\n  \
             try again after: 2 s\n  request id: req-1"
        );
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let error = anyhow::Error::new(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(code_of(&error), ExitCode::Ok);
    }
}
