//! A whole directory at once: suggestions for every record, and the conflicts between records that want one candidate.
//!
//! Two records of one directory are either one firm entered twice, and then both may have the candidate, or two firms, and then only the
//! better one can be STRONG. A conflict is told once, as a group, and decided by a person.

use crate::index::Index;
use crate::reason::Reason;
use crate::record::{Prepared, Record};
use crate::suggestion::{Band, LIKELY_FROM, Suggestion};
use std::collections::BTreeMap;

/// Suggestions for a whole directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// For each record, in the order given, its suggestions.
    pub suggestions: Vec<Vec<Suggestion>>,
    /// Candidates that several records want, by the candidate's id.
    pub conflicts: Vec<Conflict>,
}

/// One candidate that is the best suggestion, LIKELY or STRONG, of several records.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The id of the candidate.
    pub candidate: String,
    /// The ids of the records, the most probable first.
    pub records: Vec<String>,
    /// Whether all of them look like one firm entered more than once, so that all may have the candidate.
    pub one_firm: bool,
}

impl Index {
    /// The best `most` suggestions for each of `records`, and the conflicts between them.
    ///
    /// Costs one search for each record and memory for the suggestions, about 400 bytes each. Call [`learn`](Self::learn) first when the
    /// records are a whole directory.
    #[must_use]
    pub fn suggest_all(&self, records: &[Record], most: usize) -> Batch {
        let mut searcher = self.searcher();
        let suggestions = records.iter().map(|record| searcher.suggest(record, most)).collect();
        let mut batch = Batch { suggestions, conflicts: Vec::new() };
        batch.find_conflicts(records, self);
        batch
    }
}

impl Batch {
    fn find_conflicts(&mut self, records: &[Record], index: &Index) {
        let mut wanted: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, suggestions) in self.suggestions.iter().enumerate() {
            if let Some(best) = suggestions.first().filter(|best| best.probability >= LIKELY_FROM) {
                wanted.entry(best.id.clone()).or_default().push(at);
            }
        }
        for (candidate, mut wanting) in wanted.into_iter().filter(|(_, wanting)| wanting.len() > 1) {
            wanting.sort_by(|one, other| {
                self.probability(*other)
                    .total_cmp(&self.probability(*one))
                    .then_with(|| records[*one].id.cmp(&records[*other].id))
            });
            let best = Prepared::of(&records[wanting[0]], index.subject);
            let mut one_firm = true;
            for at in &wanting[1..] {
                if !look_like_one(&best, &Prepared::of(&records[*at], index.subject)) {
                    one_firm = false;
                    self.yield_to_better(*at);
                }
            }
            let records = wanting.iter().map(|at| records[*at].id.clone()).collect();
            self.conflicts.push(Conflict { candidate, records, one_firm });
        }
    }

    fn probability(&self, at: usize) -> f32 {
        self.suggestions[at].first().map_or(0.0, |best| best.probability)
    }

    /// Another firm fits the candidate better: this one is no longer STRONG.
    fn yield_to_better(&mut self, at: usize) {
        if let Some(best) = self.suggestions[at].first_mut() {
            best.band = best.band.min(Band::Likely);
            best.reasons.push(Reason::BetterElsewhere);
        }
    }
}

/// Whether two records of one directory share a name, a phone, a house, an address or an id.
fn look_like_one(left: &Prepared, right: &Prepared) -> bool {
    let names = left.forms.iter().any(|form| right.forms.iter().any(|other| other.key == form.key));
    let keys = right.fields.keys();
    names || left.fields.keys().into_iter().any(|key| key.finds() && keys.contains(&key))
}
