//! Mappings: what a person decided about a directory record, and how far that has been carried out.
//!
//! Vendors map to parties and projects map to projects by exactly the same rules, so the rules are written once over a [`Subject`].
//! The allowed transitions stand here as functions; everything else is a conflict.

use crate::directory::{Address, Details, Exclusion};
use crate::error::{ConflictReason, Error, Result};
use crate::id::{LinkId, ProviderId, RecordId, TargetId};
use crate::suggestion::Suggestion;
use serde::{Deserialize, Serialize};

mod listing;

pub use listing::{MappingFilter, MappingOrder, MappingView};

/// Which of the directory's lists is meant, and with it which list of the registry it maps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Vendors, mapped to parties.
    Vendor,
    /// Provider projects, mapped to projects.
    Project,
}

impl Subject {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vendor, Self::Project];

    /// The word in SQL: `vendor`, `project`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Project => "project",
        }
    }

    /// The subject named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.as_str() == word)
    }

    /// What a record maps to: `party`, `project`; also the table of the registry.
    #[must_use]
    pub fn target(self) -> &'static str {
        match self {
            Self::Vendor => "party",
            Self::Project => "project",
        }
    }

    /// How a mapping is called in messages.
    #[must_use]
    pub fn mapping(self) -> &'static str {
        match self {
            Self::Vendor => "party mapping",
            Self::Project => "project mapping",
        }
    }

    /// The collection of mappings in names: `partyMappings`, `projectMappings`.
    #[must_use]
    pub fn mappings(self) -> &'static str {
        match self {
            Self::Vendor => "partyMappings",
            Self::Project => "projectMappings",
        }
    }

    /// The collection of what records map to in names: `parties`, `projects`.
    #[must_use]
    pub fn targets(self) -> &'static str {
        match self {
            Self::Vendor => "parties",
            Self::Project => "projects",
        }
    }
}

/// What a person decides about one record (the article's three options).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Link it to a record that is there.
    Match,
    /// Create a record from it.
    Create,
    /// Leave it out.
    DoNotAdd,
}

impl Decision {
    /// Every decision.
    pub const ALL: [Self; 3] = [Self::Match, Self::Create, Self::DoNotAdd];

    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Create => "create",
            Self::DoNotAdd => "do_not_add",
        }
    }

    /// The decision named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == word)
    }
}

/// What a CREATE does when something like the record is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLookalike {
    /// Keep the row back with the candidates and the reason.
    #[default]
    Hold,
    /// Create it all the same: a person looked.
    Create,
}

impl OnLookalike {
    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Create => "create",
        }
    }

    /// The rule named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Hold, Self::Create].into_iter().find(|rule| rule.as_str() == word)
    }
}

/// How far a record has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MappingState {
    /// Nothing decided, nothing suggested.
    Unmapped,
    /// Nothing decided, something suggested.
    Suggested,
    /// A creation was kept back by the gate.
    Held,
    /// Decided; a link job will take it.
    Confirmed,
    /// A link job has it.
    Linking,
    /// Linked.
    Linked,
    /// Decided `DO_NOT_ADD`.
    Ignored,
    /// Linking failed, with a reason on the row.
    Failed,
    /// Linked, but missing from two complete walks.
    Orphaned,
    /// A person took the link away.
    Unlinked,
}

impl MappingState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::Unmapped,
        Self::Suggested,
        Self::Held,
        Self::Confirmed,
        Self::Linking,
        Self::Linked,
        Self::Ignored,
        Self::Failed,
        Self::Orphaned,
        Self::Unlinked,
    ];

    /// The word in SQL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unmapped => "unmapped",
            Self::Suggested => "suggested",
            Self::Held => "held",
            Self::Confirmed => "confirmed",
            Self::Linking => "linking",
            Self::Linked => "linked",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Orphaned => "orphaned",
            Self::Unlinked => "unlinked",
        }
    }

    /// The state named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether a person may decide (again) in this state.
    #[must_use]
    pub fn decidable(self) -> bool {
        match self {
            Self::Unmapped | Self::Suggested | Self::Held | Self::Ignored | Self::Failed | Self::Unlinked => true,
            Self::Confirmed | Self::Linking | Self::Linked | Self::Orphaned => false,
        }
    }

    /// Where a confirmed `decision` takes a record.
    ///
    /// # Errors
    /// `Conflict` when the state does not allow a decision.
    pub fn confirm(self, decision: Decision) -> Result<Self> {
        if !self.decidable() {
            return Err(self.refuses("a decision"));
        }
        Ok(match decision {
            Decision::DoNotAdd => Self::Ignored,
            Decision::Match | Decision::Create => Self::Confirmed,
        })
    }

    /// Where the link job's taking leads.
    ///
    /// # Errors
    /// `Conflict` unless the record is confirmed (or was taken by a run that died).
    pub fn link_started(self) -> Result<Self> {
        match self {
            Self::Confirmed | Self::Linking => Ok(Self::Linking),
            Self::Unmapped
            | Self::Suggested
            | Self::Held
            | Self::Linked
            | Self::Ignored
            | Self::Failed
            | Self::Orphaned
            | Self::Unlinked => Err(self.refuses("linking")),
        }
    }

    /// Where being gone from two complete walks leads: only a link can be orphaned, everything else is kept as it is.
    #[must_use]
    pub fn gone(self) -> Self {
        if self == Self::Linked { Self::Orphaned } else { self }
    }

    /// Where being seen again leads.
    #[must_use]
    pub fn seen(self) -> Self {
        if self == Self::Orphaned { Self::Linked } else { self }
    }

    fn refuses(self, what: &str) -> Error {
        Error::Conflict {
            reason: ConflictReason::State,
            resource: "mapping",
            id: String::new(),
            message: format!("a record that is {} does not allow {what}", self.as_str()),
        }
    }
}

/// Why a row was held or failed; the closed list that screens and scripts may rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RowReason {
    /// The gate found something like it in the registry.
    Lookalike,
    /// Another record of the same directory that looks the same was created first.
    LookalikeInDirectory,
    /// A record that looks the same, of whatever directory, is decided and waits for its link in another job.
    LookalikeDecided,
    /// The record has no name, so nothing can be created from it.
    NameMissing,
    /// The name is longer than the registry keeps (1,000 characters).
    NameTooLong,
    /// The party or project to match to is no longer there.
    TargetGone,
    /// The record left the directory before it could be linked.
    RecordGone,
    /// The link job failed for good before it came to this record; a retry of the job takes it up again.
    JobFailed,
}

impl RowReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Lookalike,
        Self::LookalikeInDirectory,
        Self::LookalikeDecided,
        Self::NameMissing,
        Self::NameTooLong,
        Self::TargetGone,
        Self::RecordGone,
        Self::JobFailed,
    ];

    /// The word in SQL and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lookalike => "LOOKALIKE",
            Self::LookalikeInDirectory => "LOOKALIKE_IN_DIRECTORY",
            Self::LookalikeDecided => "LOOKALIKE_DECIDED",
            Self::NameMissing => "NAME_MISSING",
            Self::NameTooLong => "NAME_TOO_LONG",
            Self::TargetGone => "TARGET_GONE",
            Self::RecordGone => "RECORD_GONE",
            Self::JobFailed => "JOB_FAILED",
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
            Self::Lookalike => "Something like it is in the registry already: match it, or create it anyway.",
            Self::LookalikeInDirectory => {
                "Another record of this directory looks the same and was created first: match this one to it, or create it anyway."
            }
            Self::LookalikeDecided => {
                "A record like it is being linked by another job: when that is done, match this one to the same, or create it anyway."
            }
            Self::NameMissing => "The record has no name in Procore: name it there, or match it to an existing record.",
            Self::NameTooLong => {
                "The name is longer than 1,000 characters: shorten it in Procore, or match it to an existing record."
            }
            Self::TargetGone => "The record it should be matched to was deleted: decide again.",
            Self::RecordGone => "The record is no longer in the directory.",
            Self::JobFailed => "The job that was to link it failed: see the job for the cause, then retry it.",
        }
    }
}

/// The longest name, in characters, that the registry keeps; a longer one fails with [`RowReason::NameTooLong`].
pub const LONGEST_NAME_CHARACTERS: usize = 1_000;

/// A decision as a person wrote it, before it is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What to do.
    pub decision: Decision,
    /// With whom, for [`Decision::Match`] and only for it.
    pub target: Option<TargetId>,
    /// What a CREATE does when something like it is there.
    pub on_lookalike: OnLookalike,
}

/// One line of a mapping screen.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The provider.
    pub provider: ProviderId,
    /// Vendor or project.
    pub subject: Subject,
    /// The directory's id.
    pub record: RecordId,
    /// The directory's name of it.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Everything else that is shown; only in the full view.
    pub details: Option<Details>,
    /// Whether the directory calls it active.
    pub active: bool,
    /// Why it takes no part (only a record that was decided on before it was excluded has a mapping at all).
    pub exclusion: Option<Exclusion>,
    /// Missing from two complete walks, whatever the state.
    pub gone: bool,
    /// How far it has come.
    pub state: MappingState,
    /// Chosen, not confirmed.
    pub draft: Option<Choice>,
    /// Confirmed.
    pub decision: Option<Choice>,
    /// The linked party or project, and its name.
    pub target: Option<(TargetId, String)>,
    /// The link, once made.
    pub link: Option<LinkId>,
    /// Why it was held or failed.
    pub reason: Option<RowReason>,
    /// The particulars of the reason (the look-alike's name and id), for a person.
    pub reason_detail: String,
    /// The candidates, best first: the best one in the basic view, at most five in the full one.
    pub suggestions: Vec<Suggestion>,
    /// When the link was made, milliseconds since 1970.
    pub linked_at_ms: Option<i64>,
    /// When linked data was last brought in step.
    pub last_synced_at_ms: Option<i64>,
    /// Changes with every write; the etag.
    pub revision: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_undecided_or_finished_records_take_a_decision() {
        for state in MappingState::ALL {
            assert_eq!(state.confirm(Decision::Create).is_ok(), state.decidable(), "{state:?}");
        }
        assert_eq!(MappingState::Held.confirm(Decision::DoNotAdd).expect("held"), MappingState::Ignored);
    }

    #[test]
    fn every_word_reads_back() {
        for state in MappingState::ALL {
            assert_eq!(MappingState::parse(state.as_str()), Some(state));
        }
        for reason in RowReason::ALL {
            assert_eq!(RowReason::parse(reason.as_str()), Some(reason));
        }
    }

    #[test]
    fn only_a_link_can_be_orphaned_and_comes_back() {
        assert_eq!(MappingState::Linked.gone(), MappingState::Orphaned);
        assert_eq!(MappingState::Suggested.gone(), MappingState::Suggested);
        assert_eq!(MappingState::Orphaned.seen(), MappingState::Linked);
    }
}
