//! Which mappings are meant: `state=unmapped|suggested,search=concrete,suggested`.

use super::output::word;
use super::parse_word;
use linkyard_proto::v1::{Band, MappingFilter, MappingState};

/// Every state of a mapping, in the order of the API.
const STATES: [MappingState; 10] = [
    MappingState::Unmapped,
    MappingState::Suggested,
    MappingState::Held,
    MappingState::Confirmed,
    MappingState::Linking,
    MappingState::Linked,
    MappingState::Ignored,
    MappingState::Failed,
    MappingState::Orphaned,
    MappingState::Unlinked,
];

/// Every band of a suggestion.
const BANDS: [Band; 3] = [Band::Strong, Band::Likely, Band::Weak];

/// The help of every `--filter`.
pub(crate) const HELP: &str = "\
Filters are conditions joined by commas, and all must hold:
  all                       every record (a filter of its own)
  state=held                in this state; several as state=held|failed
  search=concrete           names that contain this text, in any case (up to the next comma)
  name=*do not use*         names of this pattern, in any case: * is any text, ? any character
  suggested, unsuggested    with or without a suggestion that is LIKELY or better, or so alike that a creation would be held
  band=strong               whose best suggestion is in this band; several as band=strong|likely
  draft, undrafted          with or without a draft
  associated, unassociated  vendors on some project or on none; projects with or without a vendor
  active, inactive          as the directory calls them
States: unmapped, suggested, held, confirmed, linking, linked, ignored, failed, orphaned, unlinked";

/// Reads a filter.
///
/// # Errors
/// A sentence for the person.
pub(crate) fn parse(text: &str) -> Result<MappingFilter, String> {
    let mut filter = MappingFilter::default();
    let conditions: Vec<&str> = text.split(',').map(str::trim).collect();
    if conditions == ["all"] {
        return Ok(filter);
    }
    for condition in conditions {
        match condition.split_once('=') {
            Some(("state", states)) => {
                for state in states.split('|') {
                    filter.states.push(parse_word(state, &STATES, state_name)?.into());
                }
            }
            Some(("band", bands)) => {
                for band in bands.split('|') {
                    filter.bands.push(parse_word(band, &BANDS, band_name)?.into());
                }
            }
            Some(("search", search)) if filter.search.is_empty() && !search.is_empty() => search.clone_into(&mut filter.search),
            Some(("search", _)) => return Err("search= takes one text".to_owned()),
            Some(("name", pattern)) if filter.name_pattern.is_empty() && !pattern.is_empty() => {
                pattern.clone_into(&mut filter.name_pattern);
            }
            Some(("name", _)) => return Err("name= takes one pattern".to_owned()),
            None => match condition {
                "suggested" => set(&mut filter.has_suggestion, true, condition)?,
                "unsuggested" => set(&mut filter.has_suggestion, false, condition)?,
                "draft" => set(&mut filter.has_draft, true, condition)?,
                "undrafted" => set(&mut filter.has_draft, false, condition)?,
                "associated" => set(&mut filter.has_association, true, condition)?,
                "unassociated" => set(&mut filter.has_association, false, condition)?,
                "active" => set(&mut filter.active, true, condition)?,
                "inactive" => set(&mut filter.active, false, condition)?,
                _ => return Err(unknown(condition)),
            },
            Some(_) => return Err(unknown(condition)),
        }
    }
    Ok(filter)
}

/// The word of a state.
pub(crate) fn state_name(state: &MappingState) -> &'static str {
    word(state.as_str_name(), "MAPPING_STATE_")
}

/// The word of a band.
pub(crate) fn band_name(band: &Band) -> &'static str {
    word(band.as_str_name(), "BAND_")
}

fn set(slot: &mut Option<bool>, value: bool, condition: &str) -> Result<(), String> {
    if slot.is_some_and(|there| there != value) {
        return Err(format!("`{condition}` contradicts the condition before it"));
    }
    *slot = Some(value);
    Ok(())
}

fn unknown(condition: &str) -> String {
    let known = "all, state=.., search=.., name=.., band=.., suggested, unsuggested, draft, undrafted, associated, unassociated, \
        active, inactive";
    format!("`{condition}` is no condition; there are {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_joined_by_commas() {
        let filter = parse("state=unmapped|suggested, search=Acme Steel,suggested,undrafted").expect("a filter");
        assert_eq!(filter.states, [i32::from(MappingState::Unmapped), i32::from(MappingState::Suggested)]);
        assert_eq!(filter.search, "Acme Steel");
        assert_eq!((filter.has_suggestion, filter.has_draft), (Some(true), Some(false)));
        let rule = parse("name=*Do Not Use*,unassociated,inactive").expect("a rule");
        assert_eq!((rule.name_pattern.as_str(), rule.has_association, rule.active), ("*Do Not Use*", Some(false), Some(false)));
        let bands = parse("band=strong|likely").expect("a filter").bands;
        assert_eq!(bands, [i32::from(Band::Strong), i32::from(Band::Likely)]);
        assert_eq!(parse("all"), Ok(MappingFilter::default()));
    }

    #[test]
    fn nothing_is_selected_by_accident() {
        for wrong in [
            "",
            "all,suggested",
            "state=",
            "state=gone",
            "search=",
            "name=",
            "band=",
            "band=good",
            "title=x",
            "suggested,unsuggested",
            "active,inactive",
            "search=a,search=b",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
