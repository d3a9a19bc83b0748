//! The one error of linkyard, by what its reader can do.
//!
//! It is made where something foreign enters (SQL, HTTP, Redis) and translated where it leaves (a gRPC status, a job's outcome). It is
//! logged once, where it is handled. `Display` never repeats the source; walk `source()` for the chain.

use std::time::Duration;
use thiserror::Error as ThisError;

/// A result with the one error.
pub type Result<T> = std::result::Result<T, Error>;

/// What lies beneath an [`Error`].
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, as the caller wrote it (`provider.company_id`, `decisions[3].party`).
    pub field: String,
    /// What is wrong and what would be right, as a sentence.
    pub problem: String,
}

/// Why the present state of a thing refuses a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConflictReason {
    /// The row changed since the caller read it: read again, decide again.
    Version,
    /// The thing's state does not allow it (retry of a running job, decision on a linking vendor).
    State,
    /// Our lease on a job was taken over: stop, another worker goes on.
    Fenced,
    /// The request id was used before with another body.
    RequestIdReused,
    /// So much of it waits already that more would only wait as well: later.
    TooMany,
}

/// Why a provider can not be used; a person has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attention {
    /// Client id or secret refused.
    Credentials,
    /// The app is not installed in that company.
    NotInstalled,
    /// The app is installed but was disconnected from the company.
    NotConnected,
    /// The service user lacks a permission (directory read, projects).
    Permission,
    /// No such company for these credentials.
    UnknownCompany,
    /// Procore does not answer.
    UpstreamDown,
    /// The connection test ended without an answer; its job says why.
    TestUnfinished,
}

impl Attention {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Credentials,
        Self::NotInstalled,
        Self::NotConnected,
        Self::Permission,
        Self::UnknownCompany,
        Self::UpstreamDown,
        Self::TestUnfinished,
    ];

    /// Whether every call is refused until a person has mended it: the provider's jobs wait then, and go on by themselves after a
    /// connection test that succeeds. (A missing permission stops some work and not the rest; a platform that is down is waited for.)
    #[must_use]
    pub fn stops_all(self) -> bool {
        match self {
            Self::Credentials | Self::NotInstalled | Self::NotConnected | Self::UnknownCompany => true,
            Self::Permission | Self::UpstreamDown | Self::TestUnfinished => false,
        }
    }

    /// The word in SQL, logs and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::NotInstalled => "not_installed",
            Self::NotConnected => "not_connected",
            Self::Permission => "permission",
            Self::UnknownCompany => "unknown_company",
            Self::UpstreamDown => "upstream_down",
            Self::TestUnfinished => "test_unfinished",
        }
    }

    /// The reason named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// The stable reason of an error about it, see [`Error::reason`].
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Credentials => "PROVIDER_CREDENTIALS",
            Self::NotInstalled => "PROVIDER_NOT_INSTALLED",
            Self::NotConnected => "PROVIDER_NOT_CONNECTED",
            Self::Permission => "PROVIDER_PERMISSION",
            Self::UnknownCompany => "PROVIDER_UNKNOWN_COMPANY",
            Self::UpstreamDown => "PROVIDER_UPSTREAM_DOWN",
            Self::TestUnfinished => "PROVIDER_TEST_UNFINISHED",
        }
    }
}

/// The one error.
#[derive(Debug, ThisError)]
pub enum Error {
    /// No such thing in this organization (or it belongs to another: the two are never told apart).
    #[error("{resource} {id} not found")]
    NotFound {
        /// What was looked for: `provider`, `party`, ..
        resource: &'static str,
        /// Its id as asked for.
        id: String,
    },
    /// A thing with this identity is there already.
    #[error("{message}")]
    AlreadyExists {
        /// What is there: `provider`, `party`, ..
        resource: &'static str,
        /// The identity that is taken.
        id: String,
        /// A sentence for a person; never names another organization.
        message: String,
    },
    /// The input is wrong; all violations at once. Nothing was changed.
    #[error("{}", sentence(.0))]
    Invalid(Vec<Violation>),
    /// The present state refuses the change.
    #[error("{message}")]
    Conflict {
        /// Why.
        reason: ConflictReason,
        /// What the caller wanted to change: `job`, `party mapping`, ..
        resource: &'static str,
        /// Its id.
        id: String,
        /// A sentence for a person, with the current version or state.
        message: String,
    },
    /// The caller's key does not allow this.
    #[error("{0}")]
    Forbidden(String),
    /// A provider refuses us; retrying without a person is useless.
    #[error("{message}")]
    Unauthorized {
        /// What a person has to mend.
        attention: Attention,
        /// A sentence with what to do.
        message: String,
    },
    /// The rate limit (ours or theirs) asks to wait. Not a failure and not an attempt.
    #[error("rate limit: go on in {} ms", .retry_after.as_millis())]
    Throttled {
        /// How long to wait from now.
        retry_after: Duration,
    },
    /// Something we need does not answer or answered nonsense; later may be better.
    #[error("{service} is unavailable: {message}")]
    Unavailable {
        /// `database`, `procore`, `redis`.
        service: &'static str,
        /// What happened, redacted.
        message: String,
        /// What lies beneath.
        #[source]
        source: Option<Source>,
    },
    /// A defect of ours or a broken invariant; shown to callers without its inside.
    #[error("{context}")]
    Internal {
        /// What we were doing.
        context: String,
        /// What lies beneath.
        #[source]
        source: Option<Source>,
    },
}

impl Error {
    /// One violation of one field.
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), problem: problem.into() }])
    }

    /// `resource` with `id` is not there.
    pub fn not_found(resource: &'static str, id: impl ToString) -> Self {
        Self::NotFound { resource, id: id.to_string() }
    }

    /// A defect, with what lies beneath.
    pub fn internal(context: impl Into<String>, source: impl Into<Source>) -> Self {
        Self::Internal { context: context.into(), source: Some(source.into()) }
    }

    /// A broken invariant.
    pub fn broken(context: impl Into<String>) -> Self {
        Self::Internal { context: context.into(), source: None }
    }

    /// Our lease on `job` is gone.
    pub fn fenced(job: impl ToString) -> Self {
        let id = job.to_string();
        let message = format!("job {id}: the lease was taken over by another worker");
        Self::Conflict { reason: ConflictReason::Fenced, resource: "job", id, message }
    }

    /// Whether the same thing may succeed later without anybody changing anything.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Throttled { .. } | Self::Unavailable { .. } | Self::Internal { .. } => true,
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Invalid(_)
            | Self::Conflict { .. }
            | Self::Forbidden(_)
            | Self::Unauthorized { .. } => false,
        }
    }

    /// How long the other side asked to wait, where it did.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after } => Some(*retry_after),
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Invalid(_)
            | Self::Conflict { .. }
            | Self::Forbidden(_)
            | Self::Unauthorized { .. }
            | Self::Unavailable { .. }
            | Self::Internal { .. } => None,
        }
    }

    /// The stable reason: `ErrorInfo.reason` in the API, `error_reason` on a job row. `SCREAMING_SNAKE`, at most 63 characters.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "NOT_FOUND",
            Self::AlreadyExists { .. } => "ALREADY_EXISTS",
            Self::Invalid(_) => "INVALID_INPUT",
            Self::Conflict { reason: ConflictReason::Version, .. } => "CHANGED_MEANWHILE",
            Self::Conflict { reason: ConflictReason::State, .. } => "STATE_REFUSES",
            Self::Conflict { reason: ConflictReason::Fenced, .. } => "LEASE_LOST",
            Self::Conflict { reason: ConflictReason::RequestIdReused, .. } => "REQUEST_ID_REUSED",
            Self::Conflict { reason: ConflictReason::TooMany, .. } => "TOO_MANY_WAIT",
            Self::Forbidden(_) => "FORBIDDEN",
            Self::Unauthorized { attention, .. } => attention.reason(),
            Self::Throttled { .. } => "RATE_LIMITED",
            Self::Unavailable { .. } => "UNAVAILABLE",
            Self::Internal { .. } => "INTERNAL",
        }
    }

    /// Whether this says that our lease on a job is gone: the run must stop and write nothing more.
    #[must_use]
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Conflict { reason: ConflictReason::Fenced, .. })
    }
}

/// Collects violations so that a caller sees all of them at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes one violation.
    pub fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation { field: field.into(), problem: problem.into() });
    }

    /// `value` when nothing is wrong.
    ///
    /// # Errors
    /// `Invalid` with everything that was noted.
    pub fn finish<T>(self, value: T) -> Result<T> {
        if self.0.is_empty() { Ok(value) } else { Err(Error::Invalid(self.0)) }
    }

    /// Whether nothing was noted so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn sentence(violations: &[Violation]) -> String {
    let parts: Vec<String> = violations.iter().map(|violation| format!("{}: {}", violation.field, violation.problem)).collect();
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waiting_cannot_mend_is_not_retryable() {
        assert!(!Error::not_found("party", "x").retryable());
        assert!(!Error::fenced("x").retryable());
        assert!(Error::Throttled { retry_after: Duration::from_secs(1) }.retryable());
        assert!(Error::broken("x").retryable());
    }

    #[test]
    fn all_violations_are_in_one_error() {
        let mut violations = Violations::default();
        violations.add("a", "is missing");
        violations.add("b", "is too long");
        let error = violations.finish(()).expect_err("two violations");
        assert_eq!(error.to_string(), "a: is missing; b: is too long");
    }
}
