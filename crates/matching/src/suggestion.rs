//! Suggestions: the best records of an index for a record, with probability, band and reasons.

use crate::candidates::Workspace;
use crate::evidence::{Field, Level};
use crate::index::Index;
use crate::name::Subject;
use crate::query::Query;
use crate::reason::{self, Reason};
use crate::record::{Prepared, Record};
use crate::score::{self, Scored};
use crate::weights;

/// From this probability on a suggestion is STRONG.
pub const STRONG_FROM: f32 = 0.95;
/// From this probability on a suggestion is LIKELY.
pub const LIKELY_FROM: f32 = 0.5;
/// From this probability on, taken alone, a suggestion is made at all.
pub const WEAK_FROM: f32 = 0.00001;

/// How much a suggestion can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Band {
    /// Worth a look when a person searches.
    Weak,
    /// More likely right than wrong; a person decides.
    Likely,
    /// Right with a probability of at least [`STRONG_FROM`], and nothing contradicts it: may be accepted in bulk.
    Strong,
}

impl Band {
    /// The band's name on every surface.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Weak => "WEAK",
            Self::Likely => "LIKELY",
            Self::Strong => "STRONG",
        }
    }
}

/// A record that may be the one that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The record's id.
    pub id: String,
    /// How probable it is that both are one, from 0 to 1.
    pub probability: f32,
    /// How probable it would be if there were no other candidate: what answers "does anything like it exist?".
    pub alike: f32,
    /// How much it can be relied on.
    pub band: Band,
    /// What speaks for it and what against, the weightiest first.
    pub reasons: Vec<Reason>,
}

impl Suggestion {
    /// The reasons in one line, as a person reads them.
    #[must_use]
    pub fn sentence(&self) -> String {
        self.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

/// Asks an index many questions with one working memory (about five bytes for each record of the index).
#[derive(Debug)]
pub struct Searcher<'i> {
    index: &'i Index,
    workspace: Workspace,
}

impl Index {
    /// The best `most` records for `record`: STRONG ones, then the most probable. For many questions use one [`Searcher`].
    #[must_use]
    pub fn suggest(&self, record: &Record, most: usize) -> Vec<Suggestion> {
        self.searcher().suggest(record, most)
    }

    /// A searcher over this index.
    #[must_use]
    pub fn searcher(&self) -> Searcher<'_> {
        Searcher { index: self, workspace: Workspace::default() }
    }
}

impl Searcher<'_> {
    /// The best `most` records for `record`: STRONG ones, then the most probable.
    pub fn suggest(&mut self, record: &Record, most: usize) -> Vec<Suggestion> {
        self.answer(record, most, None)
    }

    /// As [`suggest`](Self::suggest), for a record of the index itself, which is not suggested to itself.
    pub fn similar(&mut self, record: &Record, most: usize) -> Vec<Suggestion> {
        self.answer(record, most, self.index.slot(&record.id))
    }

    fn answer(&mut self, record: &Record, most: usize, itself: Option<u32>) -> Vec<Suggestion> {
        let prepared = Prepared::of(record, self.index.subject);
        let query = Query::new(&prepared, &self.index.names, itself);
        let ranked = score::rank(self.index, &query, &mut self.workspace, most);
        let made = ranked.iter().filter(|scored| scored.alike() >= WEAK_FROM);
        let made = made.enumerate().map(|(rank, scored)| Suggestion {
            id: self.index.entry(scored.slot).id.to_string(),
            probability: scored.probability,
            alike: scored.alike(),
            band: band(self.index, &query, scored, rank),
            reasons: reason::reasons(self.index, &query, record, scored),
        });
        let mut suggestions: Vec<Suggestion> = made.collect();
        // What nothing contradicts stands before what something does, however probable.
        suggestions.sort_by_key(|suggestion| suggestion.band != Band::Strong);
        suggestions
    }
}

/// The least that names must say for a STRONG suggestion, whatever else agrees: two firms can share office and phone.
const LEAST_NAME: f32 = -3.0;

/// Where addresses are kept well, another house needs more than the usual probability, and another street nearly certainty.
const STRONG_SAME_STREET_FROM: f32 = 0.99;
const STRONG_ELSEWHERE_FROM: f32 = 0.9995;

/// What the fields must say for a second STRONG suggestion: beside the best, a name alone is no more than a namesake.
const SECOND_STRONG_FIELDS: f32 = 4.0;

/// The band of a probability. Whatever the sum says, a record without a comparable name is STRONG by its tax id only, and different tax
/// ids are never STRONG.
pub(crate) fn band(index: &Index, query: &Query<'_>, scored: &Scored, rank: usize) -> Band {
    let tax_id = scored.findings.level(Field::TaxId);
    let number = scored.findings.level(Field::Number).filter(|_| index.subject == Subject::Project);
    let identified = matches!(tax_id, Some(Level::Same(_))) || matches!(number, Some(Level::Same(_)));
    let named = scored.by.is_some() && scored.name > LEAST_NAME * index.rates.extra_words();
    let told_apart = rank == 0 || scored.findings.total() >= SECOND_STRONG_FIELDS;
    let kept = index.rates.address >= weights::ADDRESSES_KEPT && !identified;
    let from = match scored.findings.level(Field::Address) {
        Some(Level::Different) if kept => STRONG_ELSEWHERE_FROM,
        Some(Level::SameStreet) if kept => STRONG_SAME_STREET_FROM,
        Some(_) | None => STRONG_FROM,
    };
    if scored.probability >= from
        && told_apart
        && (identified || named)
        && tax_id != Some(Level::Different)
        && (identified || !score::contradicted(index, query, scored))
    {
        Band::Strong
    } else if scored.probability >= LIKELY_FROM {
        Band::Likely
    } else {
        Band::Weak
    }
}
