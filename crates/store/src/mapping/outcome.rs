//! What becomes of each confirmed row of a chunk: a function over the rows, what the registry has, and what the gatekeeper calls alike.

use super::decided::Decided;
use crate::gate::{Lookalike, too_common};
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::lookalike::{Alike, Gatekeeper};
use linkyard_core::mapping::{Choice, Decision, LONGEST_NAME_CHARACTERS, OnLookalike, RowReason};
use linkyard_core::suggestion::Features;
use std::collections::{BTreeSet, HashMap, HashSet};

/// A confirmed row that waits for its link.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) record: RecordId,
    pub(super) choice: Choice,
    /// The name, as far as it decides: one character more than the registry keeps.
    pub(super) name: String,
    /// The key of its whole name, as the fetch stored it.
    pub(super) key: String,
    /// Missing from two complete walks.
    pub(super) gone: bool,
    /// For a creation: what of it is compared.
    pub(super) features: Features,
    /// For a creation: the keys that lead to what may be the same.
    pub(super) match_keys: Vec<String>,
    /// For a creation: what was in the registry before this chunk and is alike, the likeliest first.
    pub(super) alike: Vec<Alike>,
}

impl Waiting {
    /// Whether something that is alike keeps it back.
    pub(super) fn may_be_held(&self) -> bool {
        self.choice.decision == Decision::Create && self.choice.on_lookalike == OnLookalike::Hold
    }
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
    /// What is alike and still there, and what it is.
    pub(super) described: HashMap<TargetId, Features>,
    /// Rows with a suggestion that nobody has decided on, and what it is.
    pub(super) suggested: HashMap<RecordId, Lookalike>,
    /// Records that are alike and that other jobs are about to link.
    pub(super) decided: HashMap<TargetId, Decided>,
    /// Candidates that a person refused.
    pub(super) declined: HashMap<RecordId, Vec<TargetId>>,
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

/// What the chunk itself creates, while it is decided.
#[derive(Debug, Default)]
struct Created<'a> {
    by_key: HashMap<&'a str, RecordId>,
    by_match_key: HashMap<&'a str, Vec<TargetId>>,
    records: HashMap<TargetId, RecordId>,
}

impl<'a> Created<'a> {
    fn note(&mut self, row: &'a Waiting, target: TargetId) {
        if !row.key.is_empty() {
            self.by_key.entry(&row.key).or_insert(row.record);
        }
        row.match_keys.iter().for_each(|key| self.by_match_key.entry(key).or_default().push(target));
        self.records.insert(target, row.record);
    }
}

/// Decides every row of a chunk, in the chunk's order: of two creations that are alike the first wins. The gatekeeper takes in what is created
/// only where a row of the chunk may be held for it; the next chunk is told of it by the registry.
pub(super) fn decide(chunk: &[Waiting], registry: &Registry, gate: &dyn Gatekeeper) -> Vec<Outcome> {
    let mut created = Created::default();
    let mut outcomes = Vec::with_capacity(chunk.len());
    let holds = chunk.iter().any(Waiting::may_be_held);
    for row in chunk {
        let outcome = one(row, registry, &created, gate);
        if let Outcome::Create(target) = outcome {
            if holds {
                gate.know(target, &row.features);
            }
            created.note(row, target);
        }
        outcomes.push(outcome);
    }
    outcomes
}

fn one(row: &Waiting, registry: &Registry, created: &Created<'_>, gate: &dyn Gatekeeper) -> Outcome {
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
        Decision::Create => create(row, registry, created, gate),
    }
}

fn create(row: &Waiting, registry: &Registry, created: &Created<'_>, gate: &dyn Gatekeeper) -> Outcome {
    if row.name.trim().is_empty() {
        return Outcome::Failed(RowReason::NameMissing, String::new());
    }
    if row.name.chars().nth(LONGEST_NAME_CHARACTERS).is_some() {
        return Outcome::Failed(RowReason::NameTooLong, String::new());
    }
    match row.choice.on_lookalike {
        OnLookalike::Create => {}
        OnLookalike::Hold => {
            let declined = registry.declined.get(&row.record).map_or(&[][..], Vec::as_slice);
            if let Some(first) = created.by_key.get(row.key.as_str()) {
                return Outcome::Held(RowReason::LookalikeInDirectory, format!("record {first} was created first"));
            }
            let known = [registry.lookalikes.get(&row.key), registry.suggested.get(&row.record)];
            if let Some(lookalike) = known.into_iter().flatten().find(|lookalike| !declined.contains(&lookalike.target)) {
                return held(lookalike, registry.made_from.get(&lookalike.target));
            }
            if let Some(outcome) = alike(row, registry, created, declined, gate) {
                return outcome;
            }
        }
    }
    Outcome::Create(TargetId::generate())
}

/// Held for what is alike: something of the registry, or, where that is sure, what came from this directory too.
fn alike(
    row: &Waiting,
    registry: &Registry,
    created: &Created<'_>,
    declined: &[TargetId],
    gate: &dyn Gatekeeper,
) -> Option<Outcome> {
    let of_directory = |target: &TargetId| {
        created.records.contains_key(target)
            || registry.made_from.contains_key(target)
            || registry.decided.get(target).is_some_and(|decided| decided.of_directory)
    };
    let is_there = |target: &TargetId| registry.described.contains_key(target) || registry.decided.contains_key(target);
    let there = row.alike.iter().filter(|one| is_there(&one.target)).cloned();
    let mut found = there.chain(alike_here(row, created, gate));
    let Alike { target, reasons, surely: _ } =
        found.find(|one| !declined.contains(&one.target) && (one.surely || !of_directory(&one.target)))?;
    if let Some(Decided { provider, record, name, of_directory: _ }) = registry.decided.get(&target) {
        let there = format!("{name}, record {record} of providers/{provider}; {reasons}");
        return Some(Outcome::Held(RowReason::LookalikeDecided, there));
    }
    Some(match (created.records.get(&target), registry.described.get(&target)) {
        (Some(first), _) => {
            Outcome::Held(RowReason::LookalikeInDirectory, format!("record {first} was created first: {reasons}"))
        }
        (None, described) => {
            let name = described.map(|described| described.name.clone()).unwrap_or_default();
            held(&Lookalike { target, name: format!("{name}; {reasons}") }, registry.made_from.get(&target))
        }
    })
}

/// What this chunk created, shares a key and is alike.
fn alike_here(row: &Waiting, created: &Created<'_>, gate: &dyn Gatekeeper) -> Vec<Alike> {
    let here = row.match_keys.iter().filter_map(|key| Some((key, created.by_match_key.get(key.as_str())?)));
    let followed = here.filter(|(key, targets)| !too_common(key, targets.len()));
    let among: BTreeSet<TargetId> = followed.flat_map(|(_, targets)| targets).copied().collect();
    if among.is_empty() {
        return Vec::new();
    }
    gate.alike_among(&row.features, &Vec::from_iter(among))
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

    /// Calls nothing alike but what has the same phone.
    #[derive(Debug, Default)]
    struct SamePhone(std::sync::Mutex<HashMap<TargetId, String>>);

    impl Gatekeeper for SamePhone {
        fn keys(&self, features: &Features) -> Vec<String> {
            vec![format!("phone:{}", features.phone)]
        }

        fn know(&self, target: TargetId, features: &Features) {
            self.0.lock().expect("no panic").insert(target, features.phone.clone());
        }

        fn knows(&self, target: TargetId) -> bool {
            self.0.lock().expect("no panic").contains_key(&target)
        }

        fn forget(&self, target: TargetId) {
            self.0.lock().expect("no panic").remove(&target);
        }

        fn alike_among(&self, features: &Features, among: &[TargetId]) -> Vec<Alike> {
            self.alike(features).into_iter().filter(|one| among.contains(&one.target)).collect()
        }

        fn alike(&self, features: &Features) -> Vec<Alike> {
            let known = self.0.lock().expect("no panic");
            let surely = features.phone.starts_with('1');
            let same = known.iter().filter(|(_, phone)| **phone == features.phone);
            same.map(|(target, _)| Alike { target: *target, reasons: "same phone".to_owned(), surely }).collect()
        }
    }

    fn decide(chunk: &[Waiting], registry: &Registry) -> Vec<Outcome> {
        super::decide(chunk, registry, &SamePhone::default())
    }

    /// A creation that is found by its phone.
    fn calling(record: i64, name: &str, phone: &str) -> Waiting {
        let features = Features { phone: phone.to_owned(), ..Features::default() };
        let match_keys = SamePhone::default().keys(&features);
        Waiting { features, match_keys, ..create_of(record, name, OnLookalike::Hold) }
    }

    #[test]
    fn what_is_alike_is_held_and_of_one_directory_only_where_it_is_sure() {
        let outcomes = decide(
            &[calling(1, "A", "1"), calling(2, "B", "1"), calling(3, "C", "2"), calling(4, "D", "2")],
            &Registry::default(),
        );
        let held: Vec<bool> = outcomes.iter().map(|outcome| matches!(outcome, Outcome::Held(..))).collect();
        assert_eq!(held, [false, true, false, false]);

        let target = TargetId::generate();
        let there = Features { name: "Other".to_owned(), phone: "2".to_owned(), ..Features::default() };
        let mut registry = Registry { described: HashMap::from([(target, there)]), ..Registry::default() };
        let alike = Alike { target, reasons: "same phone".to_owned(), surely: false };
        let chunk = [Waiting { alike: vec![alike], ..calling(5, "E", "2") }];
        let expected = format!("Other; same phone ({target})");
        assert_eq!(decide(&chunk, &registry), [Outcome::Held(RowReason::Lookalike, expected)]);
        registry.declined.insert(RecordId(5), vec![target]);
        assert!(matches!(decide(&chunk, &registry)[..], [Outcome::Create(_)]), "a person said no to it");
        registry.declined.clear();
        registry.made_from.insert(target, RecordId(9));
        assert!(matches!(decide(&chunk, &registry)[..], [Outcome::Create(_)]), "this directory keeps them apart");
        registry.made_from.clear();
        registry.described.clear();
        assert!(matches!(decide(&chunk, &registry)[..], [Outcome::Create(_)]), "it is gone");

        let provider = linkyard_core::id::ProviderId::generate();
        let decided = Decided { provider, record: RecordId(7), name: "E Inc".to_owned(), of_directory: false };
        registry.decided.insert(target, decided);
        let expected = format!("E Inc, record 7 of providers/{provider}; same phone");
        assert_eq!(decide(&chunk, &registry), [Outcome::Held(RowReason::LookalikeDecided, expected)]);
        registry.decided.values_mut().for_each(|decided| decided.of_directory = true);
        assert!(matches!(decide(&chunk, &registry)[..], [Outcome::Create(_)]), "this directory keeps them apart");
    }

    fn waiting(record: i64, name: &str, decision: Decision, target: Option<TargetId>, on_lookalike: OnLookalike) -> Waiting {
        let choice = Choice { decision, target, on_lookalike };
        Waiting {
            record: RecordId(record),
            choice,
            name: name.to_owned(),
            key: name.trim().to_lowercase(),
            gone: false,
            features: Features::default(),
            match_keys: Vec::new(),
            alike: Vec::new(),
        }
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
