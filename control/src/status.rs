//! The gRPC edge of the one error: a status whose code and `ErrorInfo.reason` a program can act on, and whose message a person can read.
//!
//! The reasons are a closed list: those of [`Error::reason`] and the constants here. What is `Internal` is logged here with its chain and
//! answered without its inside.

use linkyard_core::Error;
use linkyard_core::error::{ConflictReason, Violation};
use prost::Message;
use std::collections::HashMap;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The domain of all reasons.
pub const DOMAIN: &str = "linkyard.dev";

/// No key was given.
pub(crate) const API_KEY_MISSING: &str = "API_KEY_MISSING";
/// The key is unknown, expired or revoked.
pub(crate) const API_KEY_INVALID: &str = "API_KEY_INVALID";
/// The key's access does not reach to this method.
pub(crate) const ACCESS_TOO_LOW: &str = "ACCESS_TOO_LOW";
/// There is no such method.
pub(crate) const METHOD_UNKNOWN: &str = "METHOD_UNKNOWN";
/// The deadline passed.
pub(crate) const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
/// This server stops; another one (or the same after its restart) goes on.
pub(crate) const DRAINING: &str = "DRAINING";

/// How long a caller should wait when nobody said.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Most bytes of a message. A status travels in HTTP/2 headers, of which clients take 16 KiB, and it is in there twice and encoded.
const LONGEST_MESSAGE: usize = 600;

/// Most bytes of all violations together, for the same reason.
const LONGEST_VIOLATIONS: usize = 4_096;

/// What a caller is told of `error`.
#[must_use]
pub fn to_status(error: Error) -> Status {
    let reason = error.reason();
    let message = clip(error.to_string());
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, particulars(&error));
    let code = match &error {
        Error::NotFound { resource, id } => {
            details.set_resource_info(*resource, id, "", message.clone());
            Code::NotFound
        }
        Error::AlreadyExists { resource, id, .. } => {
            details.set_resource_info(*resource, id, "", message.clone());
            Code::AlreadyExists
        }
        Error::Invalid(violations) => {
            details.set_bad_request(bounded(violations));
            Code::InvalidArgument
        }
        Error::Conflict { reason, resource, id, .. } => {
            details.set_resource_info(*resource, id, "", message.clone());
            conflict_code(*reason)
        }
        Error::Forbidden(_) => Code::PermissionDenied,
        Error::Unauthorized { attention, .. } => {
            details.add_precondition_failure_violation("PROVIDER", attention.as_str(), message.clone());
            Code::FailedPrecondition
        }
        Error::Throttled { retry_after } => {
            details.set_retry_info(Some(*retry_after));
            Code::ResourceExhausted
        }
        Error::Unavailable { .. } => {
            tracing::warn!(error = chain(&error), "a call could not be answered");
            details.set_retry_info(Some(RETRY_AFTER));
            Code::Unavailable
        }
        Error::Internal { .. } => {
            tracing::error!(error = chain(&error), "a call failed by a defect");
            return Status::with_error_details(Code::Internal, "an internal error; the log has it under the request id", details);
        }
    };
    Status::with_error_details(code, message, details)
}

/// The beginning of a message that is too long for a header.
fn clip(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        message.truncate(message.floor_char_boundary(LONGEST_MESSAGE));
        message.push_str(" ..");
    }
    message
}

/// As many violations as a header holds, and how many more there are.
fn bounded(violations: &[Violation]) -> Vec<FieldViolation> {
    let mut bytes = 0;
    let fitting = violations.iter().take_while(|violation| {
        bytes += violation.field.len() + violation.problem.len();
        bytes <= LONGEST_VIOLATIONS
    });
    let mut shown: Vec<_> = fitting.map(|violation| FieldViolation::new(&violation.field, &violation.problem)).collect();
    let more = violations.len() - shown.len();
    if more > 0 {
        shown.push(FieldViolation::new("", format!("and {more} more of the same request")));
    }
    shown
}

/// `error` with `prefix.` before the field of every violation: the form as a field of a request.
pub(crate) fn within(prefix: &str, error: Error) -> Error {
    respelled(error, |field| format!("{prefix}.{field}"))
}

/// `error` with every field as the request at hand spells it.
pub(crate) fn respelled(error: Error, spell: impl Fn(&str) -> String) -> Error {
    if let Error::Invalid(violations) = error {
        let spelled = |violation: Violation| Violation { field: spell(&violation.field), problem: violation.problem };
        Error::Invalid(violations.into_iter().map(spelled).collect())
    } else {
        error
    }
}

fn conflict_code(reason: ConflictReason) -> Code {
    match reason {
        ConflictReason::Version | ConflictReason::Fenced => Code::Aborted,
        ConflictReason::State => Code::FailedPrecondition,
        ConflictReason::RequestIdReused => Code::AlreadyExists,
        ConflictReason::TooMany => Code::ResourceExhausted,
    }
}

/// The dynamic values of the message, so that nobody has to parse it.
fn particulars(error: &Error) -> HashMap<String, String> {
    let pairs: Vec<(&str, String)> = match error {
        Error::NotFound { resource, id } | Error::AlreadyExists { resource, id, .. } | Error::Conflict { resource, id, .. } => {
            vec![("resource", (*resource).to_owned()), ("id", id.clone())]
        }
        Error::Unauthorized { attention, .. } => vec![("attention", attention.as_str().to_owned())],
        Error::Unavailable { service, .. } => vec![("service", (*service).to_owned())],
        Error::Throttled { retry_after } => vec![("retry_after_ms", retry_after.as_millis().to_string())],
        Error::Invalid(_) | Error::Forbidden(_) | Error::Internal { .. } => Vec::new(),
    };
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// An error with everything beneath it, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text
}

/// A refusal by this edge itself, before anybody else was asked.
pub(crate) fn refused(code: Code, reason: &str, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new()))
}

/// The end of a stream because this server stops: the caller may go on elsewhere at once.
pub(crate) fn draining() -> Status {
    let mut details = ErrorDetails::with_error_info(DRAINING, DOMAIN, HashMap::new());
    details.set_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(Code::Unavailable, "the server stops; go on with the revision that was seen last", details)
}

/// `status` with the request's id, and with a reason where whoever made it (the framework) gave none.
pub(crate) fn stamp(status: &Status, request_id: &str) -> Status {
    let mut details = status.get_error_details();
    if details.error_info().is_none() {
        details.set_error_info(code_word(status.code()), DOMAIN, HashMap::new());
    }
    details.set_request_info(request_id, "");
    Status::with_error_details_and_metadata(status.code(), status.message(), details, status.metadata().clone())
}

/// The reason of a status that has no better one: its code.
fn code_word(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => DEADLINE_EXCEEDED,
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => METHOD_UNKNOWN,
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// The error of a job as the API shows it: what a call would have been told.
pub(crate) fn of_job(reason: &str, message: &str) -> tonic_types::Status {
    let info = tonic_types::pb::ErrorInfo { reason: reason.to_owned(), domain: DOMAIN.to_owned(), metadata: HashMap::new() };
    let detail =
        prost_types::Any { type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(), value: info.encode_to_vec() };
    tonic_types::Status { code: job_code(reason) as i32, message: message.to_owned(), details: vec![detail] }
}

/// The code for a reason on a job row. Reasons are words in a row that another release may have written.
fn job_code(reason: &str) -> Code {
    match reason {
        "NOT_FOUND" => Code::NotFound,
        "ALREADY_EXISTS" => Code::AlreadyExists,
        "INVALID_INPUT" => Code::InvalidArgument,
        "CHANGED_MEANWHILE" | "LEASE_LOST" => Code::Aborted,
        "STATE_REFUSES" => Code::FailedPrecondition,
        "TOO_MANY_WAIT" => Code::ResourceExhausted,
        "FORBIDDEN" => Code::PermissionDenied,
        "RATE_LIMITED" => Code::ResourceExhausted,
        "UNAVAILABLE" => Code::Unavailable,
        "INTERNAL" | linkyard_core::job::POISON | linkyard_core::job::UNREADABLE => Code::Internal,
        provider if provider.starts_with("PROVIDER_") => Code::FailedPrecondition,
        _ => Code::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::error::Attention;

    fn conflict(reason: ConflictReason) -> Error {
        Error::Conflict { reason, resource: "job", id: "7".to_owned(), message: "no".to_owned() }
    }

    fn provider(attention: Attention) -> Error {
        Error::Unauthorized { attention, message: "mend it".to_owned() }
    }

    #[test]
    fn every_variant_has_its_code_and_reason() {
        let taken = Error::AlreadyExists { resource: "provider", id: "5".to_owned(), message: "taken".to_owned() };
        let away = Error::Unavailable { service: "database", message: "no answer".to_owned(), source: None };
        let table = [
            (Error::not_found("party", "x"), Code::NotFound, "NOT_FOUND"),
            (taken, Code::AlreadyExists, "ALREADY_EXISTS"),
            (Error::invalid("a", "b"), Code::InvalidArgument, "INVALID_INPUT"),
            (conflict(ConflictReason::Version), Code::Aborted, "CHANGED_MEANWHILE"),
            (conflict(ConflictReason::State), Code::FailedPrecondition, "STATE_REFUSES"),
            (conflict(ConflictReason::Fenced), Code::Aborted, "LEASE_LOST"),
            (conflict(ConflictReason::RequestIdReused), Code::AlreadyExists, "REQUEST_ID_REUSED"),
            (conflict(ConflictReason::TooMany), Code::ResourceExhausted, "TOO_MANY_WAIT"),
            (Error::Forbidden("no".to_owned()), Code::PermissionDenied, "FORBIDDEN"),
            (provider(Attention::Credentials), Code::FailedPrecondition, "PROVIDER_CREDENTIALS"),
            (provider(Attention::UpstreamDown), Code::FailedPrecondition, "PROVIDER_UPSTREAM_DOWN"),
            (Error::Throttled { retry_after: Duration::from_secs(9) }, Code::ResourceExhausted, "RATE_LIMITED"),
            (away, Code::Unavailable, "UNAVAILABLE"),
            (Error::broken("a row of nobody"), Code::Internal, "INTERNAL"),
        ];
        for (error, code, reason) in table {
            let waits = error.retry_after().is_some() || matches!(error, Error::Unavailable { .. });
            let status = to_status(error);
            assert_eq!(status.code(), code, "{reason}");
            let details = status.get_error_details();
            let info = details.error_info().expect("ErrorInfo");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, DOMAIN));
            assert_eq!(details.retry_info().is_some(), waits, "{reason}");
            assert_eq!(details.bad_request().is_some(), code == Code::InvalidArgument, "{reason}");
        }
    }

    #[test]
    fn a_status_fits_into_headers_however_much_is_wrong() {
        let violation = |row: usize| Violation { field: format!("rows[{row}].name"), problem: "é".repeat(40) };
        let status = to_status(Error::Invalid((0..1_000).map(violation).collect()));
        let mut headers = http::HeaderMap::new();
        stamp(&status, &"x".repeat(128)).add_header(&mut headers).expect("headers");
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
        assert!(bytes < 12 * 1_024, "{bytes}");
        let shown = status.get_error_details().bad_request().expect("BadRequest").field_violations.clone();
        let more = 1_000 - (shown.len() - 1);
        assert_eq!(shown.last().expect("the rest").description, format!("and {more} more of the same request"));
    }

    #[test]
    fn an_internal_error_shows_nothing_of_its_inside() {
        let status = to_status(Error::internal("reading table party of host db7", std::io::Error::other("password wrong")));
        assert!(!status.message().contains("party") && !status.message().contains("password"), "{}", status.message());
    }

    #[test]
    fn a_status_of_the_framework_gets_a_reason_and_every_one_gets_the_request_id() {
        let status = stamp(&Status::out_of_range("too large"), "id-1");
        let details = status.get_error_details();
        assert_eq!(details.error_info().expect("ErrorInfo").reason, "OUT_OF_RANGE");
        assert_eq!(details.request_info().expect("RequestInfo").request_id, "id-1");
        let kept = stamp(&to_status(Error::invalid("a", "b")), "id-2").get_error_details();
        assert_eq!(kept.error_info().expect("ErrorInfo").reason, "INVALID_INPUT");
        assert_eq!(kept.bad_request().expect("BadRequest").field_violations.len(), 1);
    }
}
