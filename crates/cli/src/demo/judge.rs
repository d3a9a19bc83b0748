//! The demo's truth against what linkyard says: one mapping at a time.

use super::existing::Truth;
use super::memory::{CreatedAgain, Existing, Holding, Suggestions};
use linkyard_proto::v1::{Band, Decision, Mapping, MappingState};

/// How many duplicates are told by name.
const NAMED: usize = 20;

/// Counts the first suggestion of `mapping`.
pub(super) fn suggested(judged: &mut Suggestions, truth: &Truth, mapping: &Mapping) {
    let owed = u64::from(truth.owed(mapping.record_id));
    let first = mapping.suggestions.first();
    let right = first.is_some_and(|first| truth.of(mapping.record_id) == Some(first.target.as_str()));
    let band = first.map_or(Band::Unspecified, |first| first.band());
    let at_least = |least: Band| u64::from(!(right && band >= least)) * owed;
    judged.strong.missed += at_least(Band::Strong);
    judged.likely.missed += at_least(Band::Likely);
    judged.weak.missed += at_least(Band::Weak);
    judged.missed = judged.likely.missed;
    let of_band = match band {
        Band::Strong => &mut judged.strong,
        Band::Likely => &mut judged.likely,
        Band::Weak => &mut judged.weak,
        Band::Unspecified => return,
    };
    if right {
        of_band.right += 1;
    } else {
        of_band.wrong += 1;
    }
    judged.right = judged.strong.right + judged.likely.right;
    judged.wrong = judged.strong.wrong + judged.likely.wrong;
    let lookalike = first.is_some_and(|first| truth.is_lookalike(&first.target));
    judged.lookalikes_strong += u64::from(lookalike && band == Band::Strong);
}

/// Counts what became of `mapping`, where the firm that it is was in the registry already.
pub(super) fn ended(judged: &mut Existing, truth: &Truth, mapping: &Mapping) {
    if !truth.owed(mapping.record_id) {
        return;
    }
    let decision = mapping.decision.as_ref().map_or(Decision::Unspecified, |decision| decision.decision());
    let was_there = truth.of(mapping.record_id);
    if mapping.state() == MappingState::Linked && decision == Decision::Create && judged.created_again_records.len() < NAMED {
        judged.created_again_records.push(CreatedAgain {
            record_id: mapping.record_id,
            name: mapping.display_name.clone(),
            was_there: was_there.unwrap_or_default().to_owned(),
            created: mapping.target.clone(),
        });
    }
    let count = match (mapping.state(), decision) {
        (MappingState::Linked, Decision::Create) => &mut judged.created_again,
        (MappingState::Linked, _) if was_there == Some(mapping.target.as_str()) => &mut judged.linked_right,
        (MappingState::Linked, _) => &mut judged.linked_wrong,
        (MappingState::Ignored, _) => &mut judged.left_out,
        (_, _) => &mut judged.waiting,
    };
    *count += 1;
}

/// Counts `mapping`, which is nobody's, where it is kept back all the same.
pub(super) fn kept_back(judged: &mut Holding, truth: &Truth, mapping: &Mapping) {
    let state = mapping.state();
    if !matches!(state, MappingState::Held | MappingState::Suggested) {
        return;
    }
    // The gate names what it found in brackets at the end of its reason.
    let found = mapping.reason_message.rsplit_once('(').map(|(_, id)| format!("parties/{}", id.trim_end_matches(')')));
    let first = mapping.suggestions.first().map(|first| first.target.clone());
    if found.or(first).is_some_and(|target| truth.is_lookalike(&target)) {
        judged.for_lookalikes += 1;
    } else if state == MappingState::Held {
        judged.held += 1;
    } else {
        judged.suggested += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::existing::Registered;
    use super::*;
    use linkyard_proto::v1::{Choice, Suggestion};

    fn truth() -> Truth {
        let mut truth = Truth::default();
        truth.note(&Registered { records: vec![1, 2], ..Registered::default() }, "parties/a".to_owned());
        truth.note(&Registered { records: vec![3], ..Registered::default() }, "parties/b".to_owned());
        truth.note(&Registered::default(), "parties/look".to_owned());
        truth
    }

    fn mapping(record_id: i64, suggestion: Option<(&str, Band)>) -> Mapping {
        let suggestion =
            suggestion.map(|(target, band)| Suggestion { target: target.to_owned(), band: band.into(), ..Suggestion::default() });
        Mapping { record_id, suggestions: suggestion.into_iter().collect(), ..Mapping::default() }
    }

    #[test]
    fn right_wrong_and_missed_are_counted_per_band() {
        let (truth, mut judged) = (truth(), Suggestions::default());
        for mapping in [
            mapping(1, Some(("parties/a", Band::Strong))),
            mapping(2, Some(("parties/a", Band::Likely))),
            mapping(3, Some(("parties/look", Band::Strong))),
            mapping(4, Some(("parties/b", Band::Weak))),
            mapping(5, None),
        ] {
            suggested(&mut judged, &truth, &mapping);
        }
        assert_eq!((judged.right, judged.wrong, judged.missed), (2, 1, 1));
        assert_eq!((judged.strong.right, judged.strong.wrong, judged.strong.missed), (1, 1, 1));
        assert_eq!((judged.likely.right, judged.likely.wrong, judged.weak.wrong), (1, 0, 1));
        assert_eq!((judged.lookalikes_strong, judged.weak.missed), (1, 1));
        let mut later = Suggestions::default();
        suggested(&mut later, &truth, &mapping(1, Some(("parties/a", Band::Weak))));
        assert_eq!((later.strong.missed, later.likely.missed, later.weak.missed), (1, 1, 0));
    }

    #[test]
    fn a_firm_that_was_there_and_was_created_is_a_duplicate() {
        let (truth, mut judged) = (truth(), Existing::default());
        let end = |record_id, state: MappingState, decision: Decision, target: &str| Mapping {
            record_id,
            state: state.into(),
            decision: Some(Choice { decision: decision.into(), ..Choice::default() }),
            target: target.to_owned(),
            ..Mapping::default()
        };
        for mapping in [
            end(1, MappingState::Linked, Decision::Create, "parties/new"),
            end(2, MappingState::Linked, Decision::Create, "parties/new"),
            end(3, MappingState::Linked, Decision::Match, "parties/look"),
        ] {
            ended(&mut judged, &truth, &mapping);
        }
        assert_eq!((judged.created_again, judged.linked_wrong, judged.linked_right), (1, 1, 0), "2 is owed nothing");
        let again: Vec<_> =
            judged.created_again_records.iter().map(|again| (again.record_id, again.was_there.as_str())).collect();
        assert_eq!(again, [(1, "parties/a")]);
        ended(&mut judged, &truth, &end(3, MappingState::Linked, Decision::Match, "parties/b"));
        ended(&mut judged, &truth, &end(3, MappingState::Held, Decision::Create, ""));
        assert_eq!((judged.linked_right, judged.waiting), (1, 1));
    }
    #[test]
    fn what_waits_for_a_lookalike_is_counted_apart() {
        let (truth, mut judged) = (truth(), Holding::default());
        let wait = |state: MappingState, detail: &str, suggestion: Option<(&str, Band)>| Mapping {
            state: state.into(),
            reason_message: detail.to_owned(),
            ..mapping(9, suggestion)
        };
        for mapping in [
            wait(MappingState::Held, "Acme (Ltd); same phone (a)", None),
            wait(MappingState::Held, "Look; names equal (look)", None),
            wait(MappingState::Suggested, "", Some(("parties/b", Band::Likely))),
            wait(MappingState::Suggested, "", Some(("parties/look", Band::Strong))),
            wait(MappingState::Linked, "", Some(("parties/b", Band::Weak))),
        ] {
            kept_back(&mut judged, &truth, &mapping);
        }
        assert_eq!((judged.held, judged.suggested, judged.for_lookalikes), (1, 1, 2));
    }
}
