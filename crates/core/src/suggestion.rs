//! Suggestions: which registry record a directory record may be, how surely and why; and what of a record is compared for that.
//!
//! How records are compared is `linkyard_matching`'s business, how suggestions are kept the store's.

use crate::id::TargetId;
use serde::{Deserialize, Serialize};

/// How many candidates of a record are kept.
pub const MOST_CANDIDATES: usize = 5;

/// How much a suggestion can be relied on. `docs/matching.md` explains the bands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Band {
    /// Something alike, for a person who searches.
    Weak,
    /// More likely right than wrong; a person decides.
    Likely,
    /// May be accepted in bulk.
    Strong,
}

impl Band {
    /// Every band, the weakest first.
    pub const ALL: [Self; 3] = [Self::Weak, Self::Likely, Self::Strong];

    /// The word in SQL: `weak`, `likely`, `strong`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "weak",
            Self::Likely => "likely",
            Self::Strong => "strong",
        }
    }

    /// The band named by `word`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|band| band.as_str() == word)
    }
}

/// What became of the suggestions of one band, from the decisions of the tenant's own people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BandPrecision {
    /// The band that the first suggestion of a record was in when the record was decided.
    pub band: Band,
    /// Undecided records whose first suggestion is in this band now.
    pub waiting: u64,
    /// Records that people decided one by one.
    pub decided: u64,
    /// Of `decided`, those that took the suggestion and kept it.
    pub taken: u64,
    /// Records whose suggestion was accepted with the whole band, unseen.
    pub accepted_in_bulk: u64,
    /// Of `accepted_in_bulk`, those whose link a person took away again.
    pub taken_back: u64,
}

impl BandPrecision {
    /// A band of which nothing is known yet.
    #[must_use]
    pub fn of(band: Band) -> Self {
        Self { band, waiting: 0, decided: 0, taken: 0, accepted_in_bulk: 0, taken_back: 0 }
    }
}

/// One candidate for a record, as a person sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The party or project.
    pub target: TargetId,
    /// Its name.
    pub target_name: String,
    /// How probable it is that both are one, `0.0..=1.0`.
    pub probability: f64,
    /// How much it can be relied on.
    pub band: Band,
    /// What speaks for it and what against, the weightiest first, as sentences a person understands.
    pub reasons: Vec<String>,
    /// It is in conflict: several records of this directory want the target, or one has it already. Never accepted in bulk.
    pub contested: bool,
}

/// One candidate for a record, as matching found it.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The party or project.
    pub target: TargetId,
    /// How probable it is that both are one, `0.0..=1.0`.
    pub probability: f64,
    /// How much it can be relied on.
    pub band: Band,
    /// What speaks for it and what against, the weightiest first.
    pub reasons: Vec<String>,
    /// Another record of the directory wants it as well.
    pub contested: bool,
    /// So much alike that the gate would hold a creation.
    pub holds: bool,
}

impl Candidate {
    /// Whether a person should look at it before the record is created: it is more than something vaguely alike.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.holds || self.band >= Band::Likely
    }
}

/// What of a directory record or of a registry record is compared. Every field may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Features {
    /// The name.
    pub name: String,
    /// Legal name, trade name, former names.
    pub other_names: Vec<String>,
    /// House number, street and unit.
    pub street: String,
    /// The town.
    pub city: String,
    /// State or province.
    pub region: String,
    /// The postcode.
    pub postal_code: String,
    /// Telephone.
    pub phone: String,
    /// E-mail.
    pub email: String,
    /// Web site.
    pub website: String,
    /// A project's number.
    pub number: String,
    /// A project's first day, `YYYY-MM-DD`.
    pub starts: String,
    /// A project's last day, `YYYY-MM-DD`.
    pub finishes: String,
    /// The parties on a project, by their ids.
    pub parties: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_band_reads_back_and_the_strongest_is_the_greatest() {
        assert!(Band::ALL.into_iter().all(|band| Band::parse(band.as_str()) == Some(band)));
        assert!(Band::Strong > Band::Likely && Band::Likely > Band::Weak);
    }
}
