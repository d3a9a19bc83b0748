//! States, numbers and times as people read them.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use linkyard_core::compliance::{CoverageStatus, InsuranceStatus};
use linkyard_core::error::Attention;
use linkyard_core::job::{Job, JobKind, JobState, RequestedState};
use linkyard_core::mapping::MappingState;
use linkyard_core::provider::{ContactsMode, Provider, ProviderState};

/// Times in an organization's time zone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Tz);

/// A moment: for programs, and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// RFC 3339.
    pub(crate) machine: String,
    /// Day and time.
    pub(crate) shown: String,
    /// The time of day alone.
    pub(crate) time: String,
}

impl Clock {
    /// Of the time zone with this name; UTC where it is not known.
    pub(crate) fn new(zone: &str) -> Self {
        Self(zone.parse().unwrap_or(Tz::UTC))
    }

    /// A time in milliseconds since 1970.
    pub(crate) fn at(self, at_ms: i64) -> Moment {
        let utc: DateTime<Utc> = DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
        let here = utc.with_timezone(&self.0);
        Moment {
            machine: utc.to_rfc3339_opts(SecondsFormat::Secs, true),
            shown: here.format("%-d %b %Y, %H:%M:%S %Z").to_string(),
            time: here.format("%H:%M:%S").to_string(),
        }
    }
}

/// A number with its thousands apart: 20,000.
pub(crate) fn number(number: impl TryInto<i128>) -> String {
    let number: i128 = number.try_into().unwrap_or_default();
    let digits = number.unsigned_abs().to_string();
    let mut out = if number < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A state in words, and how it is to be taken: `ok`, `run`, `wait`, `warn`, `bad`, `off`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Badge {
    pub(crate) tone: &'static str,
    pub(crate) text: String,
}

impl Badge {
    pub(crate) fn new(tone: &'static str, text: impl Into<String>) -> Self {
        Self { tone, text: text.into() }
    }
}

/// What a job does.
pub(crate) fn job_title(kind: &str) -> String {
    let Some(known) = JobKind::parse(kind) else { return kind.replace('_', " ") };
    let title = match known {
        JobKind::TestConnection => "Test the connection",
        JobKind::FetchDirectory => "Fetch the directory",
        JobKind::Suggest => "Suggest matches",
        JobKind::LinkParties => "Link parties",
        JobKind::LinkProjects => "Link projects",
        JobKind::SyncLinked => "Bring linked records in step",
        JobKind::PushCompliance => "Push compliance",
        JobKind::ImportDecisions => "Import decisions",
        JobKind::FindDuplicates => "Find duplicates",
        JobKind::Retention => "Purge old history",
    };
    title.to_owned()
}

/// Where a job is, in words.
pub(crate) fn job_state(job: &Job, clock: Clock) -> Badge {
    if !job.state.terminal() && job.requested == RequestedState::Cancel {
        return Badge::new("warn", "Stopping at the next safe point");
    }
    let time = || clock.at(job.run_at_ms).time;
    match job.state {
        JobState::Queued => Badge::new("wait", "Waiting for a worker"),
        JobState::Running if job.phase.is_empty() => Badge::new("run", "Running"),
        JobState::Running => Badge::new("run", format!("Running: {}", job.phase.replace('_', " "))),
        JobState::WaitingForBudget => Badge::new("wait", format!("Waiting for Procore's rate limit until {}", time())),
        JobState::WaitingForChildren => Badge::new("run", "Its parts are running"),
        JobState::Retrying => Badge::new("warn", format!("Failed, tried again at {}", time())),
        JobState::Paused => Badge::new("off", "Paused"),
        JobState::Succeeded => Badge::new("ok", "Done"),
        JobState::Partial => Badge::new("warn", "Done, except for some rows"),
        JobState::Failed => Badge::new("bad", "Failed"),
        JobState::Cancelled => Badge::new("off", "Cancelled"),
    }
}

/// Where a provider is, in words.
pub(crate) fn provider_state(provider: &Provider) -> Badge {
    match provider.state {
        ProviderState::Testing => Badge::new("run", "Testing the connection"),
        ProviderState::PendingApproval => Badge::new("wait", "Waiting for an operator's approval"),
        ProviderState::Active => Badge::new("ok", "Connected"),
        ProviderState::NeedsAttention => Badge::new("bad", attention(provider.attention)),
        ProviderState::Paused => Badge::new("off", "Paused"),
        ProviderState::Deleting => Badge::new("warn", "Being deleted"),
        ProviderState::Deleted => Badge::new("off", "Deleted"),
    }
}

fn attention(attention: Option<Attention>) -> &'static str {
    match attention {
        Some(Attention::Credentials) => "Client ID or secret refused",
        Some(Attention::NotInstalled) => "App not installed in Procore",
        Some(Attention::NotConnected) => "App disconnected in Procore",
        Some(Attention::Permission) => "A permission is missing in Procore",
        Some(Attention::UnknownCompany) => "Procore knows no such company",
        Some(Attention::UpstreamDown) => "Procore does not answer",
        Some(Attention::TestUnfinished) => "The connection test did not finish",
        None => "Needs attention",
    }
}

/// What a coverage states.
pub(crate) fn coverage_status(status: CoverageStatus, waived: bool) -> Badge {
    if waived {
        return Badge::new("ok", "Waived");
    }
    match status {
        CoverageStatus::Compliant => Badge::new("ok", "Compliant"),
        CoverageStatus::NonCompliant => Badge::new("bad", "Not compliant"),
        CoverageStatus::UnderReview => Badge::new("warn", "Under review"),
        CoverageStatus::Missing => Badge::new("warn", "Missing"),
        CoverageStatus::NotTracked => Badge::new("off", "Not tracked"),
    }
}

/// What Procore shows of an insurance.
pub(crate) fn insurance_status(status: InsuranceStatus) -> &'static str {
    match status {
        InsuranceStatus::Compliant => "Compliant",
        InsuranceStatus::CompliantInProgress => "Compliant, in progress",
        InsuranceStatus::Expired => "Expired",
        InsuranceStatus::NonCompliant => "Not compliant",
        InsuranceStatus::NonCompliantInProgress => "Not compliant, in progress",
        InsuranceStatus::Undecided => "Undecided",
        InsuranceStatus::Unregistered => "Unregistered",
    }
}

/// How far a record of a directory has come.
pub(crate) fn mapping_state(state: MappingState) -> Badge {
    match state {
        MappingState::Unmapped => Badge::new("wait", "Unmapped"),
        MappingState::Suggested => Badge::new("wait", "Suggested"),
        MappingState::Held => Badge::new("warn", "Held"),
        MappingState::Confirmed => Badge::new("run", "Confirmed"),
        MappingState::Linking => Badge::new("run", "Linking"),
        MappingState::Linked => Badge::new("ok", "Linked"),
        MappingState::Failed => Badge::new("bad", "Failed"),
        MappingState::Ignored => Badge::new("off", "Not added"),
        MappingState::Orphaned => Badge::new("warn", "Gone from Procore"),
        MappingState::Unlinked => Badge::new("off", "Unlinked"),
    }
}

/// The four modes in the article's words: name and what it does.
pub(crate) fn contacts_mode(mode: ContactsMode) -> (&'static str, &'static str) {
    match mode {
        ContactsMode::SyncAllSetPrimary => (
            "Sync all contacts and set primary",
            "All contacts of the company in Procore come to the party; Procore's primary contact becomes the party's primary contact.",
        ),
        ContactsMode::SyncAllNoPrimary => (
            "Sync all contacts, do not set primary",
            "All contacts of the company in Procore come to the party; its primary contact stays as it is.",
        ),
        ContactsMode::PrimaryOnly => (
            "Only sync primary contact",
            "Only Procore's primary contact comes, as the party's primary contact. No other contacts come.",
        ),
        ContactsMode::None => ("Do not sync contacts", "No contacts come from Procore."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        for (plain, shown) in [(0_i64, "0"), (999, "999"), (1_000, "1,000"), (20_000, "20,000"), (-1_234_567, "-1,234,567")] {
            assert_eq!(number(plain), shown);
        }
        assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn a_moment_is_in_the_organizations_zone() {
        let moment = Clock::new("America/Los_Angeles").at(1_795_766_705_000);
        assert_eq!(moment.machine, "2026-11-27T08:05:05Z");
        assert_eq!((moment.shown.as_str(), moment.time.as_str()), ("27 Nov 2026, 00:05:05 PST", "00:05:05"));
        assert_eq!(Clock::new("nowhere").at(0).shown, "1 Jan 1970, 00:00:00 UTC");
    }
}
