//! Which rows of a mapping screen are meant, as SQL over `m` (mapping), `r` (its record) and `j` (its link job, while it is confirmed).

use super::suggest::COUNTS;
use crate::text;
use linkyard_core::Result;
use linkyard_core::mapping::{MappingFilter, MappingState, Subject};
use sea_orm::Value;

/// Whether `j`, the job of a confirmed row, is linking it. LINKING is not written on rows: a confirmed row is being linked while its link
/// job runs (an import that has confirmed it hands it over to one).
pub(super) const JOB: &str = "j.state = 'running' and j.kind <> 'import_decisions'";

/// Whether `r` is the record of `m`.
pub(super) const RECORD_OF_ROW: &str = "r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id";

/// What filters read from.
pub(super) const FROM: &str = "mapping m
    join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
    left join job j on j.id = m.job_id and m.state = 'confirmed' and j.state = 'running' and j.kind <> 'import_decisions'";

/// The state as it is shown.
pub(super) const STATE: &str = "case when j.id is not null then 'linking' else m.state end";

/// The suggestions of a row.
const SUGGESTION_OF_ROW: &str =
    "suggestion s where s.provider_id = m.provider_id and s.subject = m.subject and s.record_id = m.record_id";

/// `and ..` for everything that `filter` asks of the list of `subject`, with its parameters, the first of which is `$first`.
///
/// # Errors
/// `Invalid` for a search or a pattern that is too long.
pub(super) fn condition(filter: &MappingFilter, subject: Subject, first: usize) -> Result<(String, Vec<Value>)> {
    let mut sql = String::new();
    let mut values: Vec<Value> = Vec::new();
    if !filter.states.is_empty() {
        sql.push_str(&states(&filter.states));
    }
    if let Some(pattern) = pattern(filter)? {
        sql.push_str(&format!(" and r.name_search like ${first} escape '\\'"));
        values.push(pattern.into());
    }
    if let Some(pattern) = filter.name_pattern.as_deref().filter(|pattern| !pattern.is_empty()) {
        sql.push_str(&format!(" and r.name_search like ${} escape '\\'", first + values.len()));
        values.push(text::described(pattern)?.into());
    }
    if let Some(wanted) = filter.has_suggestion {
        sql.push_str(if wanted { " and exists" } else { " and not exists" });
        sql.push_str(&format!(" (select 1 from {SUGGESTION_OF_ROW} and {COUNTS})"));
    }
    if !filter.bands.is_empty() {
        let bands: Vec<String> = filter.bands.iter().map(|band| format!("'{}'", band.as_str())).collect();
        sql.push_str(&format!(
            " and exists (select 1 from {SUGGESTION_OF_ROW} and s.rank = 1 and s.band in ({}))",
            bands.join(", ")
        ));
    }
    if let Some(wanted) = filter.has_draft {
        sql.push_str(if wanted { " and m.draft_decision is not null" } else { " and m.draft_decision is null" });
    }
    if let Some(wanted) = filter.has_association {
        let side = match subject {
            Subject::Vendor => "vendor_record_id",
            Subject::Project => "project_record_id",
        };
        sql.push_str(if wanted { " and exists" } else { " and not exists" });
        sql.push_str(&format!(
            " (select 1 from directory_association a where a.provider_id = m.provider_id and a.{side} = m.record_id)"
        ));
    }
    if let Some(wanted) = filter.active {
        sql.push_str(if wanted { " and r.active" } else { " and not r.active" });
    }
    Ok((sql, values))
}

/// The pattern of names that a search looks for; `None` without one.
///
/// # Errors
/// `Invalid` for a search that is too long.
pub(super) fn pattern(filter: &MappingFilter) -> Result<Option<String>> {
    filter.search.as_deref().filter(|search| !search.is_empty()).map(text::containing).transpose()
}

/// The words of a closed enum are part of the text; only what a person typed is a parameter.
fn states(states: &[MappingState]) -> String {
    let stored: Vec<String> = states.iter().map(|state| format!("'{}'", state.as_str())).collect();
    let mut choices = vec![format!("m.state in ({}) and j.id is null", stored.join(", "))];
    if states.contains(&MappingState::Linking) {
        choices.push("j.id is not null or m.state = 'linking'".to_owned());
    }
    format!(" and (({}))", choices.join(") or ("))
}
