//! What becomes of each confirmed row of a chunk: a pure function over the rows and what the registry has.

use crate::gate::Lookalike;
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::mapping::{Choice, Decision, LONGEST_NAME_CHARACTERS, OnLookalike, RowReason};
use std::collections::{HashMap, HashSet};

/// A confirmed row that waits for its link.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) record: RecordId,
    pub(super) choice: Choice,
    /// The name, as far as it decides: one character more than the registry keeps.
    pub(super) name: String,
    /// Its key.
    pub(super) key: String,
    /// Missing from two complete walks.
    pub(super) gone: bool,
}

/// What the registry says about a chunk.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// Targets of the chunk's matches that are there.
    pub(super) targets: HashSet<TargetId>,
    /// What is there, by key.
    pub(super) lookalikes: HashMap<String, Lookalike>,
    /// Look-alikes that this provider created, and from which record.
    pub(super) made_from: HashMap<TargetId, RecordId>,
}

/// What becomes of one row.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It is linked to what is there.
    Match(TargetId),
    /// A record with this new id is created and linked.
    Create(TargetId),
    /// It is kept back.
    Held(RowReason, String),
    /// It can not be linked.
    Failed(RowReason, String),
}

/// Decides every row of a chunk, in the chunk's order: of two creations with one key the first wins.
pub(super) fn decide(chunk: &[Waiting], registry: &Registry) -> Vec<Outcome> {
    let mut created: HashMap<&str, RecordId> = HashMap::new();
    let mut outcomes = Vec::with_capacity(chunk.len());
    for row in chunk {
        let outcome = one(row, registry, &created);
        if matches!(outcome, Outcome::Create(_)) && !row.key.is_empty() {
            created.entry(&row.key).or_insert(row.record);
        }
        outcomes.push(outcome);
    }
    outcomes
}

fn one(row: &Waiting, registry: &Registry, created: &HashMap<&str, RecordId>) -> Outcome {
    if row.gone {
        return Outcome::Failed(RowReason::RecordGone, String::new());
    }
    match row.choice.decision {
        Decision::Match => match row.choice.target {
            Some(target) if registry.targets.contains(&target) => Outcome::Match(target),
            Some(target) => Outcome::Failed(RowReason::TargetGone, target.to_string()),
            None => Outcome::Failed(RowReason::TargetGone, String::new()),
        },
        // A row that is to be left out is never CONFIRMED; if it were, creating nothing is what was asked.
        Decision::DoNotAdd => Outcome::Failed(RowReason::TargetGone, "the decision was to leave the record out".to_owned()),
        Decision::Create => create(row, registry, created),
    }
}

fn create(row: &Waiting, registry: &Registry, created: &HashMap<&str, RecordId>) -> Outcome {
    if row.name.trim().is_empty() {
        return Outcome::Failed(RowReason::NameMissing, String::new());
    }
    if row.name.chars().nth(LONGEST_NAME_CHARACTERS).is_some() {
        return Outcome::Failed(RowReason::NameTooLong, String::new());
    }
    match row.choice.on_lookalike {
        OnLookalike::Create => {}
        OnLookalike::Hold => {
            if let Some(first) = created.get(row.key.as_str()) {
                return Outcome::Held(RowReason::LookalikeInDirectory, format!("record {first} was created first"));
            }
            if let Some(lookalike) = registry.lookalikes.get(&row.key) {
                return held(lookalike, registry.made_from.get(&lookalike.target));
            }
        }
    }
    Outcome::Create(TargetId::generate())
}

fn held(lookalike: &Lookalike, made_from: Option<&RecordId>) -> Outcome {
    let there = format!("{} ({})", lookalike.name, lookalike.target);
    match made_from {
        Some(record) => Outcome::Held(RowReason::LookalikeInDirectory, format!("record {record} was created first, as {there}")),
        None => Outcome::Held(RowReason::Lookalike, there),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(record: i64, name: &str, decision: Decision, target: Option<TargetId>, on_lookalike: OnLookalike) -> Waiting {
        let choice = Choice { decision, target, on_lookalike };
        Waiting { record: RecordId(record), choice, name: name.to_owned(), key: name.trim().to_lowercase(), gone: false }
    }

    fn create_of(record: i64, name: &str, on_lookalike: OnLookalike) -> Waiting {
        waiting(record, name, Decision::Create, None, on_lookalike)
    }

    #[test]
    fn of_two_creations_with_one_key_the_first_wins() {
        let chunk = [
            create_of(1, "Acme", OnLookalike::Hold),
            create_of(2, "ACME", OnLookalike::Hold),
            create_of(3, "acme", OnLookalike::Create),
        ];
        let outcomes = decide(&chunk, &Registry::default());
        assert!(matches!(outcomes[0], Outcome::Create(_)));
        assert_eq!(outcomes[1], Outcome::Held(RowReason::LookalikeInDirectory, "record 1 was created first".to_owned()));
        assert!(matches!(outcomes[2], Outcome::Create(_)));
    }

    #[test]
    fn what_can_not_be_created_fails_with_its_reason() {
        let long = "x".repeat(LONGEST_NAME_CHARACTERS + 1);
        let chunk = [
            create_of(1, " \u{a0} ", OnLookalike::Create),
            create_of(2, &long, OnLookalike::Create),
            create_of(3, &long[1..], OnLookalike::Create),
            Waiting { gone: true, ..create_of(4, "Acme", OnLookalike::Create) },
            waiting(5, "Acme", Decision::Match, Some(TargetId::generate()), OnLookalike::Hold),
        ];
        let outcomes = decide(&chunk, &Registry::default());
        let reasons: Vec<Option<RowReason>> = outcomes
            .iter()
            .map(|outcome| match outcome {
                Outcome::Failed(reason, _) | Outcome::Held(reason, _) => Some(*reason),
                Outcome::Match(_) | Outcome::Create(_) => None,
            })
            .collect();
        let expected = [
            Some(RowReason::NameMissing),
            Some(RowReason::NameTooLong),
            None,
            Some(RowReason::RecordGone),
            Some(RowReason::TargetGone),
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn a_lookalike_is_named() {
        let target = TargetId::generate();
        let mut registry = Registry::default();
        registry.lookalikes.insert("acme".to_owned(), Lookalike { target, name: "Acme Inc".to_owned() });
        let chunk = [create_of(2, "Acme", OnLookalike::Hold)];
        assert_eq!(decide(&chunk, &registry), [Outcome::Held(RowReason::Lookalike, format!("Acme Inc ({target})"))]);
        registry.made_from.insert(target, RecordId(1));
        let [Outcome::Held(reason, detail)] = &decide(&chunk, &registry)[..] else { panic!("held") };
        assert_eq!(*reason, RowReason::LookalikeInDirectory);
        assert!(detail.starts_with("record 1 was created first"), "{detail}");
    }

    #[test]
    fn records_without_a_key_never_look_alike() {
        let mut chunk = [create_of(1, "?", OnLookalike::Hold), create_of(2, "!", OnLookalike::Hold)];
        chunk.iter_mut().for_each(|row| row.key.clear());
        let outcomes = decide(&chunk, &Registry::default());
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Create(_))));
    }
}
