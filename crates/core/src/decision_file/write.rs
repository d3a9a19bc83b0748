//! Writing the decision file.

use super::{DECISION, MAPPING, ON_LOOKALIKE, RECORD_ID, TARGET, VERSION, neutralised};
use crate::mapping::{Choice, Decision, Mapping, OnLookalike, RowReason};

/// What spreadsheets know UTF-8 by; may stand before the header.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The columns in their order. `decision`, `target` and `on_lookalike` hold the draft: they are what a person edits; what was confirmed
/// stands beside them.
const COLUMNS: [&str; 28] = [
    MAPPING,
    RECORD_ID,
    "name",
    "street",
    "city",
    "region",
    "postal_code",
    "country",
    "active",
    "gone",
    "state",
    DECISION,
    TARGET,
    ON_LOOKALIKE,
    "confirmed_decision",
    "confirmed_target",
    "linked_to",
    "linked_to_name",
    "suggestion",
    "suggestion_name",
    "suggestion_probability",
    "suggestion_band",
    "suggestion_contested",
    "suggestion_reasons",
    "reason",
    "reason_message",
    "reason_detail",
    VERSION,
];

/// Appends the header to `to`.
pub fn write_header(to: &mut Vec<u8>) {
    write_cells(to, COLUMNS.iter().copied());
}

/// Appends one mapping to `to`; of its suggestions the first.
pub fn write_row(to: &mut Vec<u8>, mapping: &Mapping) {
    let (subject, address) = (mapping.subject, &mapping.address);
    let target = |id| format!("{}/{id}", subject.targets());
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let [decision, decided_target, on_lookalike] = chosen(mapping.draft, &target);
    let [confirmed, confirmed_target, _] = chosen(mapping.decision, &target);
    let linked = mapping.target.as_ref();
    let best = mapping.suggestions.first();
    let cells: [String; COLUMNS.len()] = [
        format!("providers/{}/{}/{}", mapping.provider, subject.mappings(), mapping.record),
        mapping.record.to_string(),
        mapping.name.clone(),
        text(&address.street),
        text(&address.city),
        text(&address.region),
        text(&address.postal_code),
        text(&address.country),
        yes(mapping.active),
        yes(mapping.gone),
        upper(mapping.state.as_str()),
        decision,
        decided_target,
        on_lookalike,
        confirmed,
        confirmed_target,
        linked.map(|(id, _)| target(*id)).unwrap_or_default(),
        linked.map(|(_, name)| name.clone()).unwrap_or_default(),
        best.map(|best| target(best.target)).unwrap_or_default(),
        best.map(|best| best.target_name.clone()).unwrap_or_default(),
        best.map(|best| format!("{:.2}", best.probability)).unwrap_or_default(),
        best.map(|best| upper(best.band.as_str())).unwrap_or_default(),
        best.map(|best| yes(best.contested)).unwrap_or_default(),
        best.map(|best| best.reasons.join("; ")).unwrap_or_default(),
        mapping.reason.map(RowReason::as_str).unwrap_or_default().to_owned(),
        mapping.reason.map(RowReason::sentence).unwrap_or_default().to_owned(),
        mapping.reason_detail.clone(),
        mapping.revision.to_string(),
    ];
    write_cells(to, cells.iter().map(String::as_str));
}

/// Decision, target and rule for look-alikes as cells.
fn chosen(choice: Option<Choice>, target: &impl Fn(crate::id::TargetId) -> String) -> [String; 3] {
    let Some(choice) = choice else { return Default::default() };
    let rule = match (choice.decision, choice.on_lookalike) {
        (Decision::Create, OnLookalike::Hold) => "HOLD",
        (Decision::Create, OnLookalike::Create) => "CREATE",
        (Decision::Match | Decision::DoNotAdd, _) => "",
    };
    [upper(choice.decision.as_str()), choice.target.map(target).unwrap_or_default(), rule.to_owned()]
}

fn upper(word: &str) -> String {
    word.to_ascii_uppercase()
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn write_cells<'a>(to: &mut Vec<u8>, cells: impl Iterator<Item = &'a str>) {
    for (index, cell) in cells.enumerate() {
        to.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        to.extend_from_slice(neutralised(cell).replace('"', "\"\"").as_bytes());
        to.push(b'"');
    }
    to.extend_from_slice(b"\r\n");
}
