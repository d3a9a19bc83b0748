//! What must be zero whatever happens: the words in which everything that judges a run speaks.

use std::collections::BTreeMap;

/// What a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zero {
    /// Something confirmed is without its final effect.
    Lost,
    /// Something is there twice.
    Dup,
    /// An older value stands where a newer one was written.
    Stale,
    /// A row or a call with another tenant's identity.
    Leak,
    /// A job that is neither finished nor leased nor due later.
    Stuck,
    /// A status said done before the effect was there.
    Lying,
    /// None of the six: we behaved badly towards the directory.
    Manners,
}

impl Zero {
    /// Those that every drill reports.
    pub const SIX: [Self; 6] = [Self::Lost, Self::Dup, Self::Stale, Self::Leak, Self::Stuck, Self::Lying];

    /// Its name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Dup => "dup",
            Self::Stale => "stale",
            Self::Leak => "leak",
            Self::Stuck => "stuck",
            Self::Lying => "lying",
            Self::Manners => "manners",
        }
    }
}

/// Most sentences that are kept; everything is counted.
const MOST_SENTENCES: usize = 50;

/// What was found, counted by kind, with sentences for people.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    counts: BTreeMap<Zero, u64>,
    /// What does not agree, at most 50.
    pub sentences: Vec<String>,
}

impl Problems {
    /// Notes one.
    pub fn note(&mut self, zero: Zero, sentence: impl Into<String>) {
        *self.counts.entry(zero).or_default() += 1;
        if self.sentences.len() < MOST_SENTENCES {
            self.sentences.push(format!("{}: {}", zero.as_str(), sentence.into()));
        }
    }

    /// How many there are of a kind.
    #[must_use]
    pub fn count(&self, zero: Zero) -> u64 {
        self.counts.get(&zero).copied().unwrap_or_default()
    }

    /// Whether there are none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Takes others in.
    pub fn extend(&mut self, others: Self) {
        for (zero, count) in others.counts {
            *self.counts.entry(zero).or_default() += count;
        }
        let room = MOST_SENTENCES.saturating_sub(self.sentences.len());
        self.sentences.extend(others.sentences.into_iter().take(room));
    }
}
