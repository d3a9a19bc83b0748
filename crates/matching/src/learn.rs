//! Learning from the directory at hand: how many of its records have a counterpart, and how often fields of one firm agree there.
//!
//! Expectation and maximisation, twice: suggestions with the rates so far say how probably each pair is one firm; counted with these
//! probabilities, the fields give the next rates. What was known before counts as [`BEFORE`] records, so that ten records do not overrule it.

use crate::candidates::Workspace;
use crate::evidence::{Field, Level};
use crate::index::Index;
use crate::name::{self, Subject};
use crate::names;
use crate::query::Query;
use crate::record::{Prepared, Record};
use crate::score;
use crate::weights::Rates;
use std::collections::HashMap;

/// How many records what was known before weighs as much as.
const BEFORE: f32 = 30.0;
/// How many records are looked at, spread evenly over the list.
const SAMPLE: usize = 1_000;
/// How often the rates are improved.
const ROUNDS: usize = 3;
/// How many candidates of a record are counted.
const COUNTED: usize = 3;

/// How many names must have a word before it counts as one that the directory repeats.
const REPEATED: usize = 3;

/// The words that several names have, with the share of the names that have them beside the one that asks.
fn common_words<'r>(records: impl Iterator<Item = &'r Record>, subject: Subject) -> HashMap<Box<str>, f32> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut all = 0_usize;
    for record in records {
        all += 1;
        if let Some(form) = name::forms(&record.name, &[], subject).into_iter().next() {
            names::distinct(&form.words).into_iter().for_each(|word| *counts.entry(word.to_owned()).or_default() += 1);
        }
    }
    let common = counts.into_iter().filter(|(_, count)| *count >= REPEATED);
    common.map(|(word, count)| (word.into(), (count - 1) as f32 / all as f32)).collect()
}

/// A rate being counted.
#[derive(Clone, Copy, Debug)]
struct Count {
    agree: f32,
    all: f32,
}

impl Count {
    fn starting_at(rate: f32) -> Self {
        Self { agree: rate * BEFORE, all: BEFORE }
    }

    fn add(&mut self, agrees: bool, weight: f32) {
        self.agree += if agrees { weight } else { 0.0 };
        self.all += weight;
    }

    fn rate(self, least: f32, most: f32) -> f32 {
        (self.agree / self.all).clamp(least, most)
    }
}

impl Index {
    /// Learns from `records`, those that are going to look for a counterpart here: how likely one is, and how far fields can be trusted.
    ///
    /// Looks at a thousand of them at most. Suggestions before and after differ in probability; the same records always teach the same.
    pub fn learn(&mut self, records: &[Record]) {
        self.learn_from(records, false);
    }

    /// As [`learn`](Self::learn), for records of the index itself that look for duplicates of themselves.
    pub fn learn_among_itself(&mut self, records: &[Record]) {
        self.learn_from(records, true);
    }

    fn learn_from(&mut self, records: &[Record], itself: bool) {
        let step = records.len().div_ceil(SAMPLE).max(1);
        self.rates = Rates::default();
        if !itself {
            self.names.vocabulary.hear(common_words(records.iter().step_by(step), self.subject));
        }
        for _ in 0..ROUNDS {
            self.rates = self.improved(records.iter().step_by(step), itself);
        }
    }

    fn improved<'r>(&self, records: impl Iterator<Item = &'r Record>, itself: bool) -> Rates {
        let start = Rates::default();
        let mut partner = Count::starting_at(start.partner);
        let fields = [Field::Phone, Field::Email, Field::Domain, Field::Address, Field::Postcode, Field::City, Field::State];
        let rates = [start.phone, start.email, start.domain, start.address, start.postcode, start.city, start.state];
        let mut renamed = Count::starting_at(start.renamed);
        let mut counts = rates.map(Count::starting_at);
        let mut workspace = Workspace::default();
        for record in records {
            let prepared = Prepared::of(record, self.subject);
            let slot = if itself { self.slot(&record.id) } else { None };
            let query = Query::new(&prepared, &self.names, slot);
            let ranked = score::rank(self, &query, &mut workspace, COUNTED);
            partner.add(true, ranked.first().map_or(0.0, |best| best.probability));
            partner.all += 1.0 - ranked.first().map_or(0.0, |best| best.probability);
            for scored in ranked.iter().filter(|scored| scored.by.is_some()) {
                renamed.add(!scored.complete, scored.probability);
            }
            for scored in &ranked {
                for (field, count) in fields.into_iter().zip(&mut counts) {
                    if let Some(level) = scored.findings.level(field) {
                        let agrees = matches!(level, Level::Same(_) | Level::OtherUnit | Level::Near);
                        count.add(agrees, scored.probability);
                    }
                }
            }
        }
        let [phone, email, domain, address, postcode, city, state] = counts.map(|count| count.rate(0.3, 0.98));
        Rates {
            partner: partner.rate(0.05, 0.95),
            phone,
            email,
            domain,
            address,
            postcode,
            city,
            state,
            renamed: renamed.rate(0.1, 0.9),
        }
    }
}
