//! Reasons: what a suggestion rests on, as data and as words a person understands.
//!
//! Only what was compared is said: a field that one side does not have gives no reason. Weights stay inside; the order is theirs.

use crate::align::{self, PairKind, Whole};
use crate::evidence::{Field, Finding, Level};
use crate::index::Index;
use crate::query::Query;
use crate::record::Record;
use crate::score::Scored;
use crate::words::Kind;
use std::fmt;

/// One thing that speaks for or against a suggestion. "Here" is the record that was asked about, "there" the suggested one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The names are equal, letter by letter but for case.
    NamesEqual,
    /// The names are equal without these legal forms; none when only spelling differs (accents, abbreviations, punctuation).
    NamesEqualAfter {
        /// What was removed, such as `LLC`.
        removed: Vec<String>,
    },
    /// The same words in another order.
    NamesReordered,
    /// The same letters with other spaces.
    NamesRespaced,
    /// Words that both names have.
    SharedWords {
        /// The words.
        words: Vec<String>,
    },
    /// Words that stand for each other without being equal.
    SimilarWords {
        /// The words here.
        here: String,
        /// The words there.
        there: String,
        /// How they stand for each other.
        how: Similarity,
    },
    /// Words that only this name has.
    OnlyHere {
        /// The words.
        words: Vec<String>,
    },
    /// Words that only the suggested name has.
    OnlyThere {
        /// The words.
        words: Vec<String>,
    },
    /// The names have different words of a kind that tells firms apart: numbers, directions, letters, trades.
    Contradiction {
        /// The words here.
        here: Vec<String>,
        /// The words there.
        there: Vec<String>,
    },
    /// The match is with another name of one side (trading as, formerly).
    OtherName,
    /// A field agrees.
    Same {
        /// Which one.
        field: Compared,
        /// How many records of the list share the value.
        shared_by: usize,
    },
    /// A field agrees in part: another unit of one house, the same street.
    Partly {
        /// In words.
        what: Partly,
    },
    /// Another record of the directory, which is another firm, fits the suggested one better.
    BetterElsewhere,
    /// A field differs.
    Different {
        /// Which one.
        field: Compared,
    },
}

/// How two words stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Similarity {
    /// A few letters differ.
    Misspelt,
    /// One is the other cut short.
    CutShort,
    /// One stem, two endings.
    OtherEnding,
    /// One is the other's first letter.
    Initial,
    /// Written together here and apart there.
    Joined,
    /// One is made of the other's first letters.
    Acronym,
}

/// A compared field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the fields of Record")]
pub enum Compared {
    TaxId,
    Phone,
    Email,
    Domain,
    Address,
    Postcode,
    City,
    State,
    Number,
    Owner,
    Dates,
    Vendors,
}

/// Places that are nearly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partly {
    /// The same house, another unit.
    OtherUnit,
    /// The same street, a few numbers apart.
    Near,
    /// The same street.
    SameStreet,
}

impl Reason {
    /// Whether it speaks for the suggestion.
    #[must_use]
    pub fn speaks_for(&self) -> bool {
        match self {
            Self::NamesEqual
            | Self::NamesEqualAfter { .. }
            | Self::NamesReordered
            | Self::NamesRespaced
            | Self::SharedWords { .. }
            | Self::SimilarWords { .. }
            | Self::OtherName
            | Self::Same { .. }
            | Self::Partly { .. } => true,
            Self::OnlyHere { .. }
            | Self::OnlyThere { .. }
            | Self::Contradiction { .. }
            | Self::BetterElsewhere
            | Self::Different { .. } => false,
        }
    }
}

/// The reasons of a candidate: names first, then fields by weight.
pub(crate) fn reasons(index: &Index, query: &Query<'_>, record: &Record, scored: &Scored) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some((left, right)) = scored.by {
        names(index, query, record, scored, (left, right), &mut reasons);
    }
    let mut findings: Vec<Finding> = scored.findings.iter().collect();
    findings.sort_by(|one, other| other.weight.abs().total_cmp(&one.weight.abs()));
    reasons.extend(findings.into_iter().map(field_reason));
    reasons
}

fn names(
    index: &Index,
    query: &Query<'_>,
    record: &Record,
    scored: &Scored,
    (left, right): (usize, usize),
    reasons: &mut Vec<Reason>,
) {
    let entry = index.entry(scored.slot);
    let (form, called) = (&query.forms[left], &entry.names[right]);
    let node = index.names.node(called.node);
    let alignment = align::align(form, node, &index.names);
    if form.form.alias || called.alias {
        reasons.push(Reason::OtherName);
    }
    let there = |set: u32| -> Vec<String> {
        align::bits(set).map(|at| index.names.vocabulary.word(node.words[at]).text.to_string()).collect()
    };
    let here = |set: u32| -> Vec<String> { align::bits(set).map(|at| form.words[at].text.to_owned()).collect() };
    match alignment.whole {
        Whole::Equal if query.fields.written == entry.fields.written && !record.name.is_empty() => {
            reasons.push(Reason::NamesEqual)
        }
        Whole::Equal => reasons.push(Reason::NamesEqualAfter { removed: removed(&form.form.legal, &called.legal) }),
        Whole::Reordered => reasons.push(Reason::NamesReordered),
        Whole::Respaced => reasons.push(Reason::NamesRespaced),
        Whole::Different => {
            if alignment.shared != 0 {
                reasons.push(Reason::SharedWords { words: here(alignment.shared) });
            }
            for pair in &alignment.pairs {
                let how = similarity(pair.kind);
                reasons.push(Reason::SimilarWords { here: here(pair.left).join(" "), there: there(pair.right).join(" "), how });
            }
            let kind_here = |at: usize| form.words[at].kind;
            let kind_there = |at: usize| index.names.vocabulary.word(node.words[at]).kind;
            let contradicts = |kind: Kind| {
                let of = |set: u32, kind_of: &dyn Fn(usize) -> Kind| {
                    align::bits(set).filter(|at| kind_of(*at) == kind).fold(0, |set, at| set | 1_u32 << at)
                };
                (of(alignment.left, &kind_here), of(alignment.right, &kind_there))
            };
            let (mut left, mut right) = (alignment.left, alignment.right);
            for kind in [Kind::Number, Kind::Direction, Kind::Place, Kind::Letter, Kind::Generic, Kind::Word] {
                let (one, other) = contradicts(kind);
                if one != 0 && other != 0 {
                    reasons.push(Reason::Contradiction { here: here(one), there: there(other) });
                    left &= !one;
                    right &= !other;
                }
            }
            if left != 0 {
                reasons.push(Reason::OnlyHere { words: here(left) });
            }
            if right != 0 {
                reasons.push(Reason::OnlyThere { words: there(right) });
            }
        }
    }
}

/// The legal forms that only one side has.
fn removed(left: &str, right: &str) -> Vec<String> {
    if left == right {
        return Vec::new();
    }
    let mut removed: Vec<String> = Vec::new();
    for form in left.split('|').chain(right.split('|')).filter(|form| !form.is_empty()) {
        let form = form.to_uppercase();
        if !removed.contains(&form) {
            removed.push(form);
        }
    }
    removed
}

fn similarity(kind: PairKind) -> Similarity {
    match kind {
        PairKind::Misspelt => Similarity::Misspelt,
        PairKind::CutShort => Similarity::CutShort,
        PairKind::OtherEnding => Similarity::OtherEnding,
        PairKind::Initial => Similarity::Initial,
        PairKind::Joined => Similarity::Joined,
        PairKind::Acronym => Similarity::Acronym,
    }
}

fn field_reason(finding: Finding) -> Reason {
    let field = match finding.field {
        Field::TaxId => Compared::TaxId,
        Field::Phone => Compared::Phone,
        Field::Email => Compared::Email,
        Field::Domain => Compared::Domain,
        Field::Address => Compared::Address,
        Field::Postcode => Compared::Postcode,
        Field::City => Compared::City,
        Field::State => Compared::State,
        Field::Number => Compared::Number,
        Field::Owner => Compared::Owner,
        Field::Dates => Compared::Dates,
        Field::Vendors => Compared::Vendors,
    };
    match finding.level {
        Level::Same(shared_by) => Reason::Same { field, shared_by },
        Level::OtherUnit => Reason::Partly { what: Partly::OtherUnit },
        Level::Near => Reason::Partly { what: Partly::Near },
        Level::SameStreet => Reason::Partly { what: Partly::SameStreet },
        Level::Different => Reason::Different { field },
    }
}

impl Compared {
    fn words(self) -> &'static str {
        match self {
            Self::TaxId => "tax id",
            Self::Phone => "phone",
            Self::Email => "e-mail address",
            Self::Domain => "web domain",
            Self::Address => "address",
            Self::Postcode => "postcode",
            Self::City => "town",
            Self::State => "state",
            Self::Number => "number",
            Self::Owner => "owner",
            Self::Dates => "dates",
            Self::Vendors => "vendors",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NamesEqual => write!(formatter, "names equal"),
            Self::NamesEqualAfter { removed } if removed.is_empty() => write!(formatter, "names equal but for spelling"),
            Self::NamesEqualAfter { removed } => write!(formatter, "names equal after removing '{}'", removed.join("', '")),
            Self::NamesReordered => write!(formatter, "same words in another order"),
            Self::NamesRespaced => write!(formatter, "names equal but for spaces"),
            Self::SharedWords { words } => write!(formatter, "both names have '{}'", words.join(" ")),
            Self::SimilarWords { here, there, how } => write!(formatter, "'{here}' {} '{there}'", how.words()),
            Self::OnlyHere { words } => write!(formatter, "'{}' only here", words.join(" ")),
            Self::OnlyThere { words } => write!(formatter, "'{}' only there", words.join(" ")),
            Self::Contradiction { here, there } => write!(formatter, "'{}' here but '{}' there", here.join(" "), there.join(" ")),
            Self::OtherName => write!(formatter, "by another name of one side"),
            Self::Same { field: Compared::Vendors, shared_by } => write!(formatter, "{shared_by} vendors in common"),
            Self::Same { field, shared_by } if *shared_by > 2 => {
                write!(formatter, "same {} (of {shared_by} records)", field.words())
            }
            Self::Same { field, .. } => write!(formatter, "same {}", field.words()),
            Self::Partly { what: Partly::OtherUnit } => write!(formatter, "same house, another unit"),
            Self::Partly { what: Partly::Near } => write!(formatter, "same street, a few numbers apart"),
            Self::Partly { what: Partly::SameStreet } => write!(formatter, "same street"),
            Self::BetterElsewhere => write!(formatter, "another record fits it better"),
            Self::Different { field } => write!(formatter, "different {}", field.words()),
        }
    }
}

impl Similarity {
    fn words(self) -> &'static str {
        match self {
            Self::Misspelt => "is nearly",
            Self::CutShort | Self::Initial | Self::Acronym => "can be short for",
            Self::OtherEnding => "has the stem of",
            Self::Joined => "is written differently from",
        }
    }
}
