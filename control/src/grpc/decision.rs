//! Decisions as they come in: choices, rows, filters. Everything that is wrong with a request is noted under its own field.

use crate::etag;
use crate::names::{self, DUPLICATE_GROUPS};
use linkyard_core::error::Violations;
use linkyard_core::id::{ProviderId, RecordId, TargetId};
use linkyard_core::mapping::{Choice, Decision, MappingFilter, MappingState, OnLookalike, Subject};
use linkyard_core::plan::{BulkAction, MOST_ROWS, RowDecision, Selection};
use linkyard_core::suggestion::Band;
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_store::{DeclineRow, UnlinkRow};
use std::collections::HashSet;

/// A row's field as the request spells it: the store knows rows (`drafts[3].target`), not messages (`updates[3].draft.target`).
pub(crate) fn spelled(field: &str, rows: &str, choice: &str) -> String {
    let Some((index, part)) = field.split_once('[').and_then(|(_, rest)| rest.split_once("].")) else { return field.to_owned() };
    match part {
        "record" => format!("{rows}[{index}].name"),
        _ => format!("{rows}[{index}].{choice}.{part}"),
    }
}

/// A draft: record, what is chosen (`None` clears), the revision that the person saw.
pub(crate) type Draft = (RecordId, Option<Choice>, Option<i64>);

/// A selection as either of the two services has it.
pub(crate) enum Wanted {
    Rows(v1::ConfirmRows),
    Filter(v1::ConfirmFilter),
    Group(v1::ConfirmGroup),
}

/// Whose mappings a request is about, while its rows are read.
struct Reader {
    provider: ProviderId,
    subject: Subject,
    seen: HashSet<RecordId>,
    violations: Violations,
}

impl Reader {
    fn new(provider: ProviderId, subject: Subject) -> Self {
        Self { provider, subject, seen: HashSet::new(), violations: Violations::default() }
    }

    /// The record that `name` names; it must be the parent's and named once.
    fn record(&mut self, field: &str, name: &str) -> Option<RecordId> {
        let field = format!("{field}.name");
        match names::parse_mapping(self.subject, &field, name) {
            Ok((provider, record)) if provider == self.provider => {
                if !self.seen.insert(record) {
                    self.violations.add(field, "is in the request twice");
                }
                Some(record)
            }
            Ok(_) => {
                self.violations.add(field, "is not of the parent");
                None
            }
            Err(_) => {
                let example = names::mapping(self.subject, self.provider, RecordId(7));
                self.violations.add(field, format!("must be the name of a mapping, like {example}"));
                None
            }
        }
    }

    /// A choice for a row that a person named: a CREATE creates unless it says otherwise.
    fn choice(&mut self, field: &str, choice: &v1::Choice) -> Option<Choice> {
        let decision = match v1::Decision::try_from(choice.decision) {
            Ok(v1::Decision::Match) => Decision::Match,
            Ok(v1::Decision::Create) => Decision::Create,
            Ok(v1::Decision::DoNotAdd) => Decision::DoNotAdd,
            Ok(v1::Decision::Unspecified) | Err(_) => {
                self.violations.add(format!("{field}.decision"), "must be MATCH, CREATE or DO_NOT_ADD");
                return None;
            }
        };
        let target = match (decision, choice.target.is_empty()) {
            (Decision::Match, _) => {
                Some(names::targets(self.subject).note(&format!("{field}.target"), &choice.target, &mut self.violations)?)
            }
            (Decision::Create | Decision::DoNotAdd, true) => None,
            (Decision::Create | Decision::DoNotAdd, false) => {
                self.violations.add(format!("{field}.target"), "goes with MATCH only");
                return None;
            }
        };
        let unsaid = if decision == Decision::Create { OnLookalike::Create } else { OnLookalike::default() };
        let on_lookalike = on_lookalike(&format!("{field}.on_lookalike"), choice.on_lookalike, unsaid, &mut self.violations)?;
        Some(Choice { decision, target, on_lookalike })
    }

    fn few(&mut self, field: &str, rows: usize) {
        if rows > MOST_ROWS {
            self.violations.add(field, format!("has {rows} rows; at most {MOST_ROWS} go into one request"));
        }
        if rows == 0 {
            self.violations.add(field, "is empty");
        }
    }
}

/// The drafts of a request about `provider`'s records.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn drafts(provider: ProviderId, subject: Subject, updates: &[v1::DraftUpdate]) -> Result<Vec<Draft>> {
    let mut reader = Reader::new(provider, subject);
    reader.few("updates", updates.len());
    let mut drafts = Vec::with_capacity(updates.len());
    for (index, update) in updates.iter().enumerate() {
        let field = format!("updates[{index}]");
        let record = reader.record(&field, &update.name);
        let choice = update.draft.as_ref().and_then(|choice| reader.choice(&format!("{field}.draft"), choice));
        let expected = etag::parse(&format!("{field}.etag"), &update.etag, &mut reader.violations);
        drafts.extend(record.map(|record| (record, choice, expected)));
    }
    reader.violations.finish(drafts)
}

/// The rows of a request that takes links of `provider`'s records away.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn unlinks(provider: ProviderId, subject: Subject, rows: &[v1::UnlinkRow]) -> Result<Vec<UnlinkRow>> {
    let mut reader = Reader::new(provider, subject);
    reader.few("rows", rows.len());
    let mut unlinks = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let field = format!("rows[{index}]");
        let record = reader.record(&field, &row.name);
        let expected = etag::parse(&format!("{field}.etag"), &row.etag, &mut reader.violations);
        unlinks.extend(record.map(|record| (record, expected)));
    }
    reader.violations.finish(unlinks)
}

/// The rows of a request that declines suggestions of `provider`'s records.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn declines(provider: ProviderId, subject: Subject, rows: &[v1::DeclineRow]) -> Result<Vec<DeclineRow>> {
    let mut reader = Reader::new(provider, subject);
    reader.few("rows", rows.len());
    let mut declines = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let field = format!("rows[{index}]");
        let record = reader.record(&field, &row.name);
        let targets = row.targets.iter().enumerate().filter_map(|(place, target)| {
            names::targets(subject).note(&format!("{field}.targets[{place}]"), target, &mut reader.violations)
        });
        let targets: Vec<TargetId> = targets.collect();
        declines.extend(record.map(|record| (record, targets)));
    }
    reader.violations.finish(declines)
}

/// The selection of a confirm. A filter must carry its plan's token unless only the plan is asked for.
///
/// # Errors
/// `Invalid` with everything that is wrong.
pub(crate) fn selection(provider: ProviderId, subject: Subject, wanted: Option<Wanted>, plan_only: bool) -> Result<Selection> {
    match wanted {
        None => Err(Error::invalid("selection", "is missing: give rows, a filter or a group")),
        Some(Wanted::Rows(rows)) => confirm_rows(provider, subject, &rows.rows),
        Some(Wanted::Filter(filter)) => confirm_filter(&filter, plan_only),
        Some(Wanted::Group(group)) => confirm_group(subject, &group),
    }
}

fn confirm_rows(provider: ProviderId, subject: Subject, rows: &[v1::ConfirmRow]) -> Result<Selection> {
    let mut reader = Reader::new(provider, subject);
    reader.few("rows.rows", rows.len());
    let mut decisions = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let field = format!("rows.rows[{index}]");
        let record = reader.record(&field, &row.name);
        let choice = row.choice.as_ref().and_then(|choice| reader.choice(&format!("{field}.choice"), choice));
        let expected_revision = etag::parse(&format!("{field}.etag"), &row.etag, &mut reader.violations);
        decisions.extend(record.map(|record| RowDecision { record, choice, expected_revision }));
    }
    reader.violations.finish(Selection::Rows(decisions))
}

fn confirm_group(subject: Subject, wanted: &v1::ConfirmGroup) -> Result<Selection> {
    let mut violations = Violations::default();
    let group = DUPLICATE_GROUPS.note("group.duplicate_group", &wanted.duplicate_group, &mut violations);
    let target = match wanted.target.as_str() {
        "" => None,
        name => names::targets(subject).note("group.target", name, &mut violations),
    };
    violations.finish(())?;
    let Some(group) = group else { return Err(Error::broken("a group without violations has no name")) };
    let plan_token = Some(wanted.plan_token.clone()).filter(|token| !token.is_empty());
    Ok(Selection::Group { group, target, plan_token })
}

fn confirm_filter(wanted: &v1::ConfirmFilter, plan_only: bool) -> Result<Selection> {
    use v1::confirm_filter::Action;
    let mut violations = Violations::default();
    let filter = filter_noting("filter.filter", wanted.filter.as_ref(), &mut violations);
    let on_lookalike = on_lookalike("filter.on_lookalike", wanted.on_lookalike, OnLookalike::Hold, &mut violations);
    let least_band = match v1::Band::try_from(wanted.least_band) {
        Ok(v1::Band::Unspecified) => Some(Band::Strong),
        _ => band("filter.least_band", wanted.least_band, &mut violations),
    };
    let action = match Action::try_from(wanted.action) {
        Ok(Action::Drafts) => Some(BulkAction::Drafts),
        Ok(Action::AcceptSuggestions) => least_band.map(BulkAction::AcceptSuggestions),
        Ok(Action::Create) => on_lookalike.map(BulkAction::Create),
        Ok(Action::DoNotAdd) => Some(BulkAction::DoNotAdd),
        Ok(Action::Unspecified) | Err(_) => {
            violations.add("filter.action", "must be DRAFTS, ACCEPT_SUGGESTIONS, CREATE or DO_NOT_ADD");
            None
        }
    };
    let plan_token = Some(wanted.plan_token.clone()).filter(|token| !token.is_empty());
    if plan_token.is_none() && !plan_only {
        violations.add("filter.plan_token", "is missing: ask for the plan first (validate_only) and send its token");
    }
    violations.finish(())?;
    let Some(action) = action else { return Err(Error::broken("a filter without violations has no action")) };
    Ok(Selection::Filter { filter, action, plan_token })
}

/// The rule for look-alikes in `word`, `unsaid` where it says none.
pub(crate) fn on_lookalike(field: &str, word: i32, unsaid: OnLookalike, violations: &mut Violations) -> Option<OnLookalike> {
    match v1::OnLookalike::try_from(word) {
        Ok(v1::OnLookalike::Unspecified) => Some(unsaid),
        Ok(v1::OnLookalike::Hold) => Some(OnLookalike::Hold),
        Ok(v1::OnLookalike::Create) => Some(OnLookalike::Create),
        Err(_) => {
            violations.add(field, "must be HOLD or CREATE");
            None
        }
    }
}

/// The filter in a list request; none selects all.
///
/// # Errors
/// `Invalid` for states that are not known.
pub(crate) fn filter(filter: Option<&v1::MappingFilter>) -> Result<MappingFilter> {
    let mut violations = Violations::default();
    let read = filter_noting("filter", filter, &mut violations);
    violations.finish(read)
}

fn filter_noting(field: &str, filter: Option<&v1::MappingFilter>, violations: &mut Violations) -> MappingFilter {
    let Some(filter) = filter else { return MappingFilter::default() };
    let mut states = Vec::with_capacity(filter.states.len());
    for (index, word) in filter.states.iter().enumerate() {
        match state(*word) {
            Some(state) if !states.contains(&state) => states.push(state),
            Some(_) => {}
            None => violations.add(format!("{field}.states[{index}]"), "is not a state of a mapping"),
        }
    }
    let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let of_bands = filter.bands.iter().enumerate();
    let bands = of_bands.filter_map(|(index, word)| band(&format!("{field}.bands[{index}]"), *word, violations)).collect();
    MappingFilter {
        states,
        search: said(&filter.search),
        name_pattern: said(&filter.name_pattern),
        has_suggestion: filter.has_suggestion,
        has_draft: filter.has_draft,
        has_association: filter.has_association,
        active: filter.active,
        bands,
    }
}

/// The band of `word`.
fn band(field: &str, word: i32, violations: &mut Violations) -> Option<Band> {
    match v1::Band::try_from(word) {
        Ok(v1::Band::Weak) => Some(Band::Weak),
        Ok(v1::Band::Likely) => Some(Band::Likely),
        Ok(v1::Band::Strong) => Some(Band::Strong),
        Ok(v1::Band::Unspecified) | Err(_) => {
            violations.add(field, "must be WEAK, LIKELY or STRONG");
            None
        }
    }
}

fn state(word: i32) -> Option<MappingState> {
    match v1::MappingState::try_from(word).ok()? {
        v1::MappingState::Unspecified => None,
        v1::MappingState::Unmapped => Some(MappingState::Unmapped),
        v1::MappingState::Suggested => Some(MappingState::Suggested),
        v1::MappingState::Held => Some(MappingState::Held),
        v1::MappingState::Confirmed => Some(MappingState::Confirmed),
        v1::MappingState::Linking => Some(MappingState::Linking),
        v1::MappingState::Linked => Some(MappingState::Linked),
        v1::MappingState::Ignored => Some(MappingState::Ignored),
        v1::MappingState::Failed => Some(MappingState::Failed),
        v1::MappingState::Orphaned => Some(MappingState::Orphaned),
        v1::MappingState::Unlinked => Some(MappingState::Unlinked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_field_is_spelled_as_in_the_request() {
        assert_eq!(spelled("decisions[3].record", "rows.rows", "choice"), "rows.rows[3].name");
        assert_eq!(spelled("drafts[12].target", "updates", "draft"), "updates[12].draft.target");
        assert_eq!(spelled("plan_token", "rows.rows", "choice"), "plan_token");
    }

    #[test]
    fn everything_that_is_wrong_with_rows_is_said_at_once() {
        let provider = ProviderId::generate();
        let row = |record: i64, provider: ProviderId, choice: Option<v1::Choice>, etag: &str| v1::ConfirmRow {
            name: names::mapping(Subject::Vendor, provider, RecordId(record)),
            choice,
            etag: etag.to_owned(),
        };
        let choice = |decision: v1::Decision, target: &str| {
            Some(v1::Choice { decision: decision.into(), target: target.to_owned(), on_lookalike: 0 })
        };
        let rows = vec![
            row(1, provider, choice(v1::Decision::Match, ""), ""),
            row(2, provider, choice(v1::Decision::Create, "parties/x"), ""),
            row(2, provider, None, "3"),
            row(3, ProviderId::generate(), choice(v1::Decision::Unspecified, ""), ""),
        ];
        let wanted = Some(Wanted::Rows(v1::ConfirmRows { rows }));
        let Err(Error::Invalid(violations)) = selection(provider, Subject::Vendor, wanted, false) else { panic!("accepted") };
        let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
        let expected = [
            "rows.rows[0].choice.target",
            "rows.rows[1].choice.target",
            "rows.rows[2].name",
            "rows.rows[2].etag",
            "rows.rows[3].name",
            "rows.rows[3].choice.decision",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn a_named_create_creates_and_a_filtered_one_holds_unless_said_otherwise() {
        let provider = ProviderId::generate();
        let name = names::mapping(Subject::Vendor, provider, RecordId(1));
        let choice = v1::Choice { decision: v1::Decision::Create.into(), ..Default::default() };
        let rows = vec![v1::ConfirmRow { name, choice: Some(choice), etag: String::new() }];
        let Ok(Selection::Rows(rows)) = selection(provider, Subject::Vendor, Some(Wanted::Rows(v1::ConfirmRows { rows })), false)
        else {
            panic!("refused")
        };
        assert_eq!(rows[0].choice.map(|choice| choice.on_lookalike), Some(OnLookalike::Create));

        let action = v1::confirm_filter::Action::Create.into();
        let filter = v1::ConfirmFilter { action, ..Default::default() };
        let Ok(Selection::Filter { action, .. }) =
            selection(provider, Subject::Vendor, Some(Wanted::Filter(filter.clone())), true)
        else {
            panic!("refused")
        };
        assert_eq!(action, BulkAction::Create(OnLookalike::Hold));
        assert!(selection(provider, Subject::Vendor, Some(Wanted::Filter(filter)), false).is_err(), "a confirm without a plan");
    }

    #[test]
    fn too_many_rows_are_refused() {
        let provider = ProviderId::generate();
        let update =
            |record| v1::DraftUpdate { name: names::mapping(Subject::Project, provider, RecordId(record)), ..Default::default() };
        let updates: Vec<_> = (1..=1_001).map(update).collect();
        assert!(drafts(provider, Subject::Project, &updates).is_err());
        assert_eq!(drafts(provider, Subject::Project, &updates[1..]).expect("1,000 rows").len(), 1_000);
        assert!(drafts(provider, Subject::Project, &[]).is_err(), "nothing to do is a mistake");
    }
}
