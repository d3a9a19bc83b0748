//! Why a line of the decision file is refused.

use super::lines::Broken;

/// Why a line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: LineReason,
    /// The particulars, for a person; may be empty.
    pub detail: String,
}

impl Refusal {
    /// A refusal for `reason`.
    pub fn new(reason: LineReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// Why a line was refused; the closed list that screens and scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineReason {
    /// More or fewer cells than the header.
    CellCount,
    /// A quote is not closed, or something follows a closed one.
    Quotes,
    /// Not UTF-8.
    Encoding,
    /// A cell or the whole line is too long.
    TooLong,
    /// It names no mapping.
    MappingMissing,
    /// It names a mapping that this provider does not have.
    MappingUnknown,
    /// An earlier line names the same mapping.
    MappingTwice,
    /// There is a target, and no decision.
    DecisionMissing,
    /// The decision is none of the three.
    DecisionUnknown,
    /// MATCH without a target.
    TargetMissing,
    /// The target is not of this organization.
    TargetUnknown,
    /// A target without MATCH.
    TargetNotAllowed,
    /// The rule for look-alikes is none of the two.
    OnLookalikeUnknown,
    /// The version is no number.
    VersionUnknown,
    /// The row changed since the file was made.
    Changed,
    /// The record is linked to something else already.
    Linked,
    /// A confirmed decision is being carried out.
    InProgress,
    /// The record is no longer in the directory.
    RecordGone,
}

impl LineReason {
    /// Every reason.
    pub const ALL: [Self; 18] = [
        Self::CellCount,
        Self::Quotes,
        Self::Encoding,
        Self::TooLong,
        Self::MappingMissing,
        Self::MappingUnknown,
        Self::MappingTwice,
        Self::DecisionMissing,
        Self::DecisionUnknown,
        Self::TargetMissing,
        Self::TargetUnknown,
        Self::TargetNotAllowed,
        Self::OnLookalikeUnknown,
        Self::VersionUnknown,
        Self::Changed,
        Self::Linked,
        Self::InProgress,
        Self::RecordGone,
    ];

    /// The word in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CellCount => "CELL_COUNT",
            Self::Quotes => "QUOTES",
            Self::Encoding => "ENCODING",
            Self::TooLong => "TOO_LONG",
            Self::MappingMissing => "MAPPING_MISSING",
            Self::MappingUnknown => "MAPPING_UNKNOWN",
            Self::MappingTwice => "MAPPING_TWICE",
            Self::DecisionMissing => "DECISION_MISSING",
            Self::DecisionUnknown => "DECISION_UNKNOWN",
            Self::TargetMissing => "TARGET_MISSING",
            Self::TargetUnknown => "TARGET_UNKNOWN",
            Self::TargetNotAllowed => "TARGET_NOT_ALLOWED",
            Self::OnLookalikeUnknown => "ON_LOOKALIKE_UNKNOWN",
            Self::VersionUnknown => "VERSION_UNKNOWN",
            Self::Changed => "CHANGED",
            Self::Linked => "LINKED",
            Self::InProgress => "IN_PROGRESS",
            Self::RecordGone => "RECORD_GONE",
        }
    }

    /// The reason named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// What it means and what to do, as a sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CellCount => "The line has not as many cells as the header.",
            Self::Quotes => "A quote in this line is not closed, or something follows a closing quote.",
            Self::Encoding => "The line is not UTF-8: save the file as UTF-8.",
            Self::TooLong => "A cell has more than 65,536 bytes, or the line more than 1,048,576.",
            Self::MappingMissing => "The line names no mapping: fill `mapping` or `record_id`.",
            Self::MappingUnknown => "This provider's directory has no such record to map.",
            Self::MappingTwice => "An earlier line is about the same record: keep one of them.",
            Self::DecisionMissing => "The line has a target and no decision: write MATCH, or empty the target.",
            Self::DecisionUnknown => "The decision must be MATCH, CREATE, DO_NOT_ADD, or empty.",
            Self::TargetMissing => "MATCH needs a target: what the record is to be linked to.",
            Self::TargetUnknown => "The target is not there: it must be one of this organization.",
            Self::TargetNotAllowed => "Only MATCH has a target: empty it, or write MATCH.",
            Self::OnLookalikeUnknown => "What to do about look-alikes must be HOLD, CREATE, or empty.",
            Self::VersionUnknown => "The version is no number: leave it as it was exported, or empty it.",
            Self::Changed => "The row changed since the file was made: export it again, and decide again.",
            Self::Linked => "The record is linked already: take the link away first.",
            Self::InProgress => "A decision about this record is confirmed and is being carried out.",
            Self::RecordGone => "The record is no longer in the directory.",
        }
    }
}

impl From<Broken> for LineReason {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Quotes => Self::Quotes,
            Broken::Encoding => Self::Encoding,
            Broken::TooLong => Self::TooLong,
        }
    }
}
