//! Compliance: coverages of parties, and the insurance records in the directory that they become.
//!
//! The registry is right about compliance, the directory shows it (Procore's "Company Insurance"). What a coverage looks like as an
//! insurance is decided here, as pure functions; which lines are pushed when is the store's and the job's business.

use crate::error::Violation;
use crate::id::{CoverageId, InsuranceId, LinkId, PartyId, RecordId};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// What the registry says of one insurance line of a party.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageStatus {
    /// Meets every requirement.
    Compliant,
    /// Does not.
    NonCompliant,
    /// Does not yet; documents are being looked at.
    UnderReview,
    /// No document has come.
    Missing,
    /// Nobody checks this line.
    NotTracked,
}

impl CoverageStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Compliant, Self::NonCompliant, Self::UnderReview, Self::Missing, Self::NotTracked];

    /// The word in SQL and CSV.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::NonCompliant => "non_compliant",
            Self::UnderReview => "under_review",
            Self::Missing => "missing",
            Self::NotTracked => "not_tracked",
        }
    }

    /// The status named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// The seven values of an insurance's status in Procore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InsuranceStatus {
    /// In force and enough.
    Compliant,
    /// Enough, and something is still being checked.
    CompliantInProgress,
    /// Ran out.
    Expired,
    /// Not enough.
    NonCompliant,
    /// Not enough yet; documents are being looked at.
    NonCompliantInProgress,
    /// Nobody decided.
    Undecided,
    /// Nothing was handed in.
    Unregistered,
}

impl InsuranceStatus {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Compliant,
        Self::CompliantInProgress,
        Self::Expired,
        Self::NonCompliant,
        Self::NonCompliantInProgress,
        Self::Undecided,
        Self::Unregistered,
    ];

    /// Procore's word, also the word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::CompliantInProgress => "compliant_in_progress",
            Self::Expired => "expired",
            Self::NonCompliant => "non_compliant",
            Self::NonCompliantInProgress => "non_compliant_in_progress",
            Self::Undecided => "undecided",
            Self::Unregistered => "unregistered",
        }
    }

    /// The status named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// Evidence of one insurance line of a party, as a person or a program states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCoverage {
    /// The line, free text ("General Liability"); `1..=200` characters.
    pub insurance_type: String,
    /// The insurer's name.
    pub insurer: Option<String>,
    /// The policy's number.
    pub policy_number: Option<String>,
    /// The sum insured: a decimal number without sign or exponent, at most 17 digits before the point and two behind it.
    pub limit: Option<String>,
    /// First day.
    pub effective_date: Option<NaiveDate>,
    /// Last day on which it is in force.
    pub expiration_date: Option<NaiveDate>,
    /// What the registry says of it.
    pub status: CoverageStatus,
    /// A person let it pass whatever it lacks.
    pub waived: bool,
    /// Short reasons, shown in the directory as well; at most 2,000 characters.
    pub notes: Option<String>,
}

/// A coverage of the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Id.
    pub id: CoverageId,
    /// Whose.
    pub party: PartyId,
    /// What it says.
    pub stated: NewCoverage,
    /// Changes with every write; the etag.
    pub revision: i64,
    /// Created, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last changed.
    pub updated_at_ms: i64,
}

/// Most characters of an insurance's limit that Procore keeps.
pub const LONGEST_LIMIT_CHARACTERS: usize = 17;

impl NewCoverage {
    /// What is wrong with it, each field called `prefix` + its name; empty when nothing is.
    #[must_use]
    pub fn violations(&self, prefix: &str) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let mut say = |field: &str, problem: &str| {
            wrong.push(Violation { field: format!("{prefix}{field}"), problem: problem.to_owned() });
        };
        let type_length = self.insurance_type.trim().chars().count();
        if type_length == 0 || type_length > 200 {
            say("insurance_type", "must have 1 to 200 characters");
        }
        if self.limit.as_deref().is_some_and(|limit| canonical_limit(limit).is_none()) {
            say(
                "limit",
                "must be a decimal number such as 1000000 or 1000000.50, with at most 17 digits and two behind the point",
            );
        }
        if let (Some(first), Some(last)) = (self.effective_date, self.expiration_date)
            && last < first
        {
            say("expiration_date", "lies before effective_date");
        }
        for (field, text, most) in
            [("insurer", &self.insurer, 255), ("policy_number", &self.policy_number, 255), ("notes", &self.notes, 2_000)]
        {
            if text.as_deref().is_some_and(|text| text.chars().count() > most) {
                say(field, &format!("has more than {most} characters"));
            }
        }
        wrong
    }
}

/// One spelling for equal limits: no leading zeros, no trailing ones behind the point (`1000000.00`, `1000000.0` and `1000000` are
/// one). Procore answers another spelling than it was given; comparing spellings would rewrite for ever.
#[must_use]
pub fn canonical_limit(limit: &str) -> Option<String> {
    let limit = limit.trim();
    let (whole, fraction) = limit.split_once('.').unwrap_or((limit, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if whole.len() > LONGEST_LIMIT_CHARACTERS {
        return None;
    }
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

/// An insurance as it should stand in the directory, or as it was read from there. Equal values mean that nothing has to be written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Insurance {
    /// Our mark on it, see [`origin_id`].
    pub origin_id: String,
    /// The vendor.
    pub vendor: RecordId,
    /// The line.
    pub insurance_type: String,
    /// The insurer. Procore reads it as `insurance_provider` and takes it as `name`.
    pub insurer: String,
    /// The policy's number.
    pub policy_number: String,
    /// The sum insured in its canonical spelling; empty where unknown.
    pub limit: String,
    /// First day.
    pub effective_date: Option<NaiveDate>,
    /// Last day.
    pub expiration_date: Option<NaiveDate>,
    /// Its status.
    pub status: InsuranceStatus,
    /// Whether Procore mails about its expiry. Ours never does: the registry chases documents.
    pub notifies: bool,
    /// Short reasons.
    pub notes: String,
}

/// An insurance as the directory shows it, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FoundInsurance {
    /// The directory's id.
    pub id: InsuranceId,
    /// The mark on it; ours begins with [`ORIGIN_PREFIX`], `None` where nobody marked it.
    pub origin_id: Option<String>,
    /// What it says, as far as we have words for it.
    pub insurance: Insurance,
    /// Fields whose value we have no word for (a status that is none of the seven, a date that is none, no vendor): `insurance` then
    /// holds the value that claims least. Never equal to what we want.
    pub unreadable: Vec<String>,
}

impl FoundInsurance {
    /// Whether it says what it should, so that nothing has to be written.
    #[must_use]
    pub fn says(&self, wanted: &Insurance) -> bool {
        self.unreadable.is_empty() && self.insurance == *wanted
    }
}

/// Our mark on an insurance of the directory: of the link and the coverage, never of the party, because several vendors may be one
/// party, and a sync with an `origin_id` that exists is an update.
#[must_use]
pub fn origin_id(link: LinkId, coverage: CoverageId) -> String {
    format!("{ORIGIN_PREFIX}{link}:{coverage}")
}

/// How our marks begin; an insurance with another mark, or none, is somebody else's and is never touched.
pub const ORIGIN_PREFIX: &str = "linkyard:";

/// The status of a coverage in the directory on the day `today` (in the organization's time zone): waived, then expired, then what the
/// registry says.
#[must_use]
pub fn insurance_status(stated: &NewCoverage, today: NaiveDate) -> InsuranceStatus {
    if stated.waived {
        return InsuranceStatus::Compliant;
    }
    if stated.expiration_date.is_some_and(|last| last <= today) {
        return InsuranceStatus::Expired;
    }
    match stated.status {
        CoverageStatus::Compliant => InsuranceStatus::Compliant,
        CoverageStatus::NonCompliant => InsuranceStatus::NonCompliant,
        CoverageStatus::UnderReview => InsuranceStatus::NonCompliantInProgress,
        CoverageStatus::Missing => InsuranceStatus::Unregistered,
        CoverageStatus::NotTracked => InsuranceStatus::Undecided,
    }
}

/// What the note of a waived coverage begins with in the directory.
const WAIVED: &str = "Waived.";

/// A coverage as the insurance of one vendor, on the day `today`.
#[must_use]
pub fn insurance(stated: &NewCoverage, origin_id: String, vendor: RecordId, today: NaiveDate) -> Insurance {
    let text = |text: &Option<String>| text.as_deref().map(str::trim).unwrap_or_default().to_owned();
    let notes = text(&stated.notes);
    let notes = match (stated.waived, notes.is_empty()) {
        (false, _) => notes,
        (true, true) => WAIVED.to_owned(),
        (true, false) => format!("{WAIVED} {notes}"),
    };
    Insurance {
        origin_id,
        vendor,
        insurance_type: stated.insurance_type.trim().to_owned(),
        insurer: text(&stated.insurer),
        policy_number: text(&stated.policy_number),
        limit: stated.limit.as_deref().and_then(canonical_limit).unwrap_or_default(),
        effective_date: stated.effective_date,
        expiration_date: stated.expiration_date,
        status: insurance_status(stated, today),
        notifies: false,
        notes,
    }
}

/// What an insurance says whose link or coverage ended, beside the status `undecided`, where such records are kept.
pub const RETIRED_NOTE: &str = "No longer maintained by linkyard.";

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn stated() -> NewCoverage {
        NewCoverage {
            insurance_type: "General Liability".to_owned(),
            insurer: Some(" GL Insurance Inc. ".to_owned()),
            policy_number: None,
            limit: Some("1000000.00".to_owned()),
            effective_date: Some(day("2026-01-01")),
            expiration_date: Some(day("2026-12-31")),
            status: CoverageStatus::NonCompliant,
            waived: false,
            notes: Some("limit too low".to_owned()),
        }
    }

    #[test]
    fn equal_limits_have_one_spelling() {
        for (given, canonical) in [
            ("1000000.00", Some("1000000")),
            ("1000000.0", Some("1000000")),
            ("0001000000", Some("1000000")),
            (" 2500.50 ", Some("2500.5")),
            ("0", Some("0")),
            ("99999999999999999", Some("99999999999999999")),
            ("123456789012345678", None),
            ("1,000", None),
            ("-1", None),
            ("1e6", None),
            ("1.234", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(canonical_limit(given).as_deref(), canonical, "{given:?}");
        }
    }

    #[test]
    fn waived_goes_before_expired_and_expired_before_what_is_stated() {
        let (before, last) = (day("2026-12-30"), day("2026-12-31"));
        let mut coverage = stated();
        assert_eq!(insurance_status(&coverage, before), InsuranceStatus::NonCompliant);
        assert_eq!(insurance_status(&coverage, last), InsuranceStatus::Expired);
        coverage.waived = true;
        assert_eq!(insurance_status(&coverage, last), InsuranceStatus::Compliant);
        coverage.waived = false;
        coverage.expiration_date = None;
        assert_eq!(insurance_status(&coverage, last), InsuranceStatus::NonCompliant, "without an end nothing expires");
    }

    #[test]
    fn an_insurance_is_the_same_whatever_the_spelling_of_its_coverage() {
        let mut other = stated();
        other.limit = Some("1000000".to_owned());
        other.insurer = Some("GL Insurance Inc.".to_owned());
        let of = |coverage: &NewCoverage| insurance(coverage, "o".to_owned(), RecordId(1), day("2026-05-01"));
        assert_eq!(of(&stated()), of(&other));
        assert!(!of(&other).notifies);
    }

    #[test]
    fn everything_wrong_with_a_coverage_is_said_at_once() {
        let mut coverage = stated();
        coverage.insurance_type = " ".to_owned();
        coverage.limit = Some("12345678901234567890".to_owned());
        coverage.expiration_date = Some(day("2025-01-01"));
        let fields: Vec<String> = coverage.violations("coverage.").into_iter().map(|wrong| wrong.field).collect();
        assert_eq!(fields, ["coverage.insurance_type", "coverage.limit", "coverage.expiration_date"]);
        assert!(stated().violations("").is_empty());
    }
}
