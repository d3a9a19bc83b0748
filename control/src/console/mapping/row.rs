//! One row of a mapping's list as people see it: the record, the one control with its candidates, and where it stands.

use super::super::words::{Badge, Clock, Moment, number};
use super::Words;
use linkyard_core::directory::Address;
use linkyard_core::id::RecordId;
use linkyard_core::mapping::{Choice, Decision, Mapping, MappingState, Subject};
use linkyard_core::suggestion::{Band, Suggestion};
use linkyard_store::Brought;
use std::collections::HashMap;

/// The longest search that is made of a name, in characters.
const LONGEST_SEARCH: usize = 100;

/// A row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) record: String,
    /// Record and revision: what a form says of it.
    pub(crate) pick: String,
    pub(crate) name: String,
    /// Where it is, and what else tells it from others.
    pub(crate) facts: Vec<String>,
    pub(crate) inactive: bool,
    /// What a project brings; empty for vendors.
    pub(crate) brings: String,
    pub(crate) state: Badge,
    /// Why it was held or failed.
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) changed: Option<Moment>,
    /// A person may choose now.
    pub(crate) decidable: bool,
    /// There is a link that a person may take away.
    pub(crate) linked: bool,
    /// There is a choice that is not confirmed.
    pub(crate) drafted: bool,
    /// What the control says while it is closed: what it is about, and with whom.
    pub(crate) chosen: &'static str,
    pub(crate) with: String,
    pub(crate) chance: String,
    pub(crate) candidates: Vec<Candidate>,
    /// What is looked for first where something like it is there and nothing is suggested.
    pub(crate) search: String,
    /// The draft is to create, or to leave out.
    pub(crate) creates: bool,
    pub(crate) ignores: bool,
    pub(crate) ticked: bool,
}

/// What a record may be matched with.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) target: String,
    pub(crate) name: String,
    /// `97 %`.
    pub(crate) chance: String,
    pub(crate) band: &'static str,
    pub(crate) reasons: Vec<String>,
    pub(crate) contested: bool,
    pub(crate) chosen: bool,
}

/// What a page knows of its rows beside the mappings themselves.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) changed_at: HashMap<RecordId, i64>,
    pub(crate) brought: HashMap<RecordId, Brought>,
    /// Names of drafted targets that are no candidates.
    pub(crate) names: HashMap<String, String>,
}

impl Row {
    /// The row of a mapping.
    pub(crate) fn new(mapping: &Mapping, beside: &Beside, ticked: bool, clock: Clock) -> Self {
        let words = Words::of(mapping.subject);
        let draft = mapping.draft;
        let decidable = mapping.state.decidable();
        let (chosen, with, chance) = said(mapping, beside, words);
        Self {
            record: mapping.record.to_string(),
            pick: format!("{}.{}", mapping.record, mapping.revision),
            name: shown_name(&mapping.name),
            facts: facts(mapping),
            inactive: !mapping.active,
            brings: brings(mapping, beside),
            state: state(mapping),
            reason: mapping.reason.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            detail: mapping.reason_detail.clone(),
            changed: beside.changed_at.get(&mapping.record).map(|at| clock.at(*at)),
            decidable,
            linked: mapping.link.is_some() && matches!(mapping.state, MappingState::Linked | MappingState::Orphaned),
            drafted: draft.is_some(),
            chosen,
            with,
            chance,
            candidates: if decidable { candidates(mapping) } else { Vec::new() },
            search: search(mapping),
            creates: draft.is_some_and(|draft| draft.decision == Decision::Create),
            ignores: draft.is_some_and(|draft| draft.decision == Decision::DoNotAdd),
            ticked,
        }
    }
}

/// A name, or words for its absence.
pub(super) fn shown_name(name: &str) -> String {
    if name.trim().is_empty() { "(no name)".to_owned() } else { name.to_owned() }
}

/// What the closed control says: about what, with whom, how probable.
fn said(mapping: &Mapping, beside: &Beside, words: &Words) -> (&'static str, String, String) {
    let nothing = || (String::new(), String::new());
    let put = |what, (with, chance): (String, String)| (what, with, chance);
    if let Some(draft) = mapping.draft {
        return match draft.decision {
            Decision::Match => put("Match with", (target_name(mapping, draft, beside), String::new())),
            Decision::Create => put(create(words), nothing()),
            Decision::DoNotAdd => put("Do not add", nothing()),
        };
    }
    if let Some((_, name)) = &mapping.target {
        return put("Linked to", (shown_name(name), String::new()));
    }
    match (mapping.state, mapping.decision, mapping.suggestions.first()) {
        (MappingState::Confirmed | MappingState::Linking | MappingState::Ignored, Some(decision), _) => match decision.decision {
            Decision::Match => put("Match with", (target_name(mapping, decision, beside), String::new())),
            Decision::Create => put(create(words), nothing()),
            Decision::DoNotAdd => put("Do not add", nothing()),
        },
        (_, _, Some(best)) => put("Suggested:", (shown_name(&best.target_name), percent(best.probability))),
        (_, _, None) => put("Choose ..", nothing()),
    }
}

fn create(words: &Words) -> &'static str {
    match words.subject {
        Subject::Vendor => "Create as a new party",
        Subject::Project => "Create as a new project",
    }
}

fn target_name(mapping: &Mapping, choice: Choice, beside: &Beside) -> String {
    let Some(target) = choice.target else { return String::new() };
    let candidate = mapping.suggestions.iter().find(|candidate| candidate.target == target);
    let known = candidate.map(|candidate| shown_name(&candidate.target_name));
    known.or_else(|| beside.names.get(&target.to_string()).cloned()).unwrap_or_else(|| "what was chosen".to_owned())
}

fn candidates(mapping: &Mapping) -> Vec<Candidate> {
    let drafted = mapping.draft.and_then(|draft| draft.target);
    mapping.suggestions.iter().map(|found| Candidate::new(found, drafted == Some(found.target))).collect()
}

/// The first words of a held record's name: what holds it was made after suggestions were, and is found by them as a rule.
fn search(mapping: &Mapping) -> String {
    if mapping.state != MappingState::Held || !mapping.suggestions.is_empty() {
        return String::new();
    }
    let words = mapping.name.split_whitespace().filter(|word| !word.eq_ignore_ascii_case("the"));
    let words = words.take(2).collect::<Vec<_>>().join(" ");
    words.trim_end_matches(['.', ',']).chars().take(LONGEST_SEARCH).collect()
}

impl Candidate {
    /// A suggestion.
    pub(crate) fn new(found: &Suggestion, chosen: bool) -> Self {
        let band = match found.band {
            Band::Strong => "strong",
            Band::Likely => "likely",
            Band::Weak => "weak",
        };
        Self {
            target: found.target.to_string(),
            name: shown_name(&found.target_name),
            chance: percent(found.probability),
            band,
            reasons: found.reasons.clone(),
            contested: found.contested,
            chosen,
        }
    }
}

/// `97 %`; never 100, because nothing that is compared is certain.
fn percent(probability: f64) -> String {
    format!("{:.0} %", (probability * 100.0).clamp(0.0, 99.0))
}

fn facts(mapping: &Mapping) -> Vec<String> {
    let mut facts = Vec::new();
    facts.push(place(&mapping.address));
    if let Some(details) = &mapping.details {
        facts.push(details.trades.join(", "));
        facts.push(details.number.as_ref().map(|number| format!("No. {number}")).unwrap_or_default());
        facts.push(details.trade_name.as_ref().map(|name| format!("trades as {name}")).unwrap_or_default());
    }
    facts.retain(|fact| !fact.trim().is_empty());
    facts
}

/// An address in one line.
pub(super) fn place(address: &Address) -> String {
    let known = |part: &Option<String>| part.as_deref().map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned);
    let region = [known(&address.region), known(&address.postal_code)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let region = Some(region).filter(|region| !region.is_empty());
    [known(&address.street), known(&address.city), region].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn brings(mapping: &Mapping, beside: &Beside) -> String {
    if mapping.subject == Subject::Vendor {
        return String::new();
    }
    let brought = beside.brought.get(&mapping.record).copied().unwrap_or_default();
    match (brought.vendors, brought.linked) {
        (0, _) => "No vendor is on it".to_owned(),
        (vendors, linked) => {
            let parties = if linked == 1 { "party" } else { "parties" };
            format!("Brings {} linked {parties} (of {} vendors on it)", number(linked), number(vendors))
        }
    }
}

/// Where a mapping stands, in words.
fn state(mapping: &Mapping) -> Badge {
    let badge = match mapping.state {
        MappingState::Unmapped => Badge::new("off", "Unmapped"),
        MappingState::Suggested => Badge::new("wait", "Suggested"),
        MappingState::Held => Badge::new("warn", "Held"),
        MappingState::Confirmed => Badge::new("wait", "Queued"),
        MappingState::Linking => Badge::new("run", "Linking"),
        MappingState::Linked => Badge::new("ok", "Linked"),
        MappingState::Ignored => Badge::new("off", "Not added"),
        MappingState::Failed => Badge::new("bad", "Failed"),
        MappingState::Orphaned => Badge::new("warn", "Gone from Procore"),
        MappingState::Unlinked => Badge::new("off", "Link taken away"),
    };
    if mapping.gone && mapping.state != MappingState::Orphaned {
        return Badge::new("warn", format!("{}, gone from Procore", badge.text));
    }
    badge
}
