//! Choices as they are saved: one row's, those of all ticked rows, and the way to the plan. They become drafts; nothing is confirmed here.

use super::super::Console;
use super::super::failure::Failure;
use super::super::form::Submission;
use super::super::shell::Visitor;
use super::super::words::number;
use super::Place;
use super::list;
use super::view::{self, Ticked, View};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use linkyard_core::Error;
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::mapping::{Choice, Decision, Mapping, OnLookalike};
use linkyard_store::RequestKey;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write;

/// A row as a form names it: its record, and the revision that the person saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) record: RecordId,
    pub(super) revision: i64,
}

impl Pick {
    /// Reads `RECORD.REVISION`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (record, revision) = text.split_once('.')?;
        Some(Self { record: record.parse().ok()?, revision: revision.parse().ok()? })
    }
}

type Draft = (RecordId, Option<Choice>, Option<i64>);

/// What one row's control asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    /// A choice; `None` takes the present one back.
    Choice(Option<Choice>),
    /// The link is taken away.
    Unlink,
}

/// Saves what was chosen on the list, or leads to the plan.
pub(crate) async fn act(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    form: Submission,
) -> Result<Response, Failure> {
    let view = View::back(form.get("back"));
    let picks: Vec<Pick> =
        form.fields().iter().filter(|(name, _)| name == "pick").filter_map(|(_, pick)| Pick::read(pick)).collect();
    if !form.get("confirm").is_empty() {
        return Ok(Redirect::to(&plan_address(&place, &view, &picks)).into_response());
    }
    if !form.get("set").is_empty() {
        let Some((pick, set)) = set(form.get("set")) else { return Err(Failure::unreadable()) };
        let ticked: HashSet<RecordId> = picks.iter().map(|pick| pick.record).collect();
        let view = if ticked.is_empty() { view } else { view.ticking(Ticked::Rows(ticked)) };
        return match set {
            Set::Choice(choice) => {
                let drafts = [(pick.record, choice, Some(pick.revision))];
                saved(&console, &visitor, &place, &view, &drafts, &form, Some(pick.record)).await
            }
            Set::Unlink => unlinked(&console, &visitor, &place, &view, pick, &form).await,
        };
    }
    if picks.is_empty() {
        let message = "No row is ticked: tick the rows that are meant, then choose again.".to_owned();
        return list::said(&console, &visitor, &place, &view, StatusCode::UNPROCESSABLE_ENTITY, message).await;
    }
    let records: Vec<RecordId> = picks.iter().map(|pick| pick.record).collect();
    let mappings = console.service.mapping_several(visitor.scope(), place.provider, place.subject, &records).await?;
    let drafts = bulk(form.get("bulk"), &picks, &mappings)?;
    let view = view.ticking(Ticked::Rows(records.into_iter().collect()));
    if drafts.is_empty() {
        let message = format!("Nothing to save: none of the {} ticked rows takes this choice now.", number(picks.len()));
        return list::said(&console, &visitor, &place, &view, StatusCode::UNPROCESSABLE_ENTITY, message).await;
    }
    saved(&console, &visitor, &place, &view, &drafts, &form, None).await
}

/// Where the plan of the ticked rows is; without any, of every choice that is not confirmed.
fn plan_address(place: &Place, view: &View, picks: &[Pick]) -> String {
    let path = place.page("plan");
    if view.ticked == Ticked::All {
        return view::with(&path, &view.selecting());
    }
    if picks.is_empty() {
        return path;
    }
    let mut rows = String::new();
    for pick in picks {
        // Writing into a text can not fail.
        let _ = write!(rows, "{}{}.{}", if rows.is_empty() { "" } else { "_" }, pick.record, pick.revision);
    }
    let mut words = view.selecting();
    words.push(("rows", rows));
    view::with(&path, &words)
}

/// Reads `RECORD.REVISION.CHOICE`.
fn set(text: &str) -> Option<(Pick, Set)> {
    let (pick, word) = text.rsplit_once('.')?;
    let pick = Pick::read(pick)?;
    let choice = |decision, target, on_lookalike| Some(Choice { decision, target, on_lookalike });
    let choice = match word {
        "unlink" => return Some((pick, Set::Unlink)),
        "undo" => None,
        // A person looked at this very row: it is created whatever it is like.
        "create" => choice(Decision::Create, None, OnLookalike::Create),
        "ignore" => choice(Decision::DoNotAdd, None, OnLookalike::Hold),
        target => choice(Decision::Match, Some(target.parse::<TargetId>().ok()?), OnLookalike::Hold),
    };
    Some((pick, Set::Choice(choice)))
}

/// What `word` makes of the ticked rows: those that take no decision, or have nothing to match with, are left as they are.
fn bulk(word: &str, picks: &[Pick], mappings: &[Mapping]) -> Result<Vec<Draft>, Failure> {
    let mut drafts = Vec::new();
    for mapping in mappings.iter().filter(|mapping| mapping.state.decidable()) {
        let seen = picks.iter().find(|pick| pick.record == mapping.record).map(|pick| pick.revision);
        let of = |decision, target| Some(Choice { decision, target, on_lookalike: OnLookalike::Hold });
        let choice = match word {
            "match" => match mapping.suggestions.first() {
                Some(best) => of(Decision::Match, Some(best.target)),
                None => continue,
            },
            "create" => of(Decision::Create, None),
            "ignore" => of(Decision::DoNotAdd, None),
            "undo" if mapping.draft.is_none() => continue,
            "undo" => None,
            _ => return Err(Failure::unreadable()),
        };
        drafts.push((mapping.record, choice, seen));
    }
    Ok(drafts)
}

async fn saved(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    view: &View,
    drafts: &[Draft],
    form: &Submission,
    at: Option<RecordId>,
) -> Result<Response, Failure> {
    let key = choice_key(form)?;
    match console.service.mapping_drafts_save(visitor.scope(), place.provider, place.subject, drafts, Some(&key)).await {
        Ok(_) => {
            let at = at.map(|record| format!("#row-{record}")).unwrap_or_default();
            Ok(Redirect::to(&format!("{}{at}", view.address(&place.path()))).into_response())
        }
        Err(error) => not_saved(console, visitor, place, view, drafts, error).await,
    }
}

/// Takes the link of a row away.
async fn unlinked(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    view: &View,
    pick: Pick,
    form: &Submission,
) -> Result<Response, Failure> {
    let (key, rows) = (choice_key(form)?, [(pick.record, Some(pick.revision))]);
    match console.service.mapping_unlink(visitor.scope(), place.provider, place.subject, &rows, Some(&key)).await {
        Ok(_) => Ok(Redirect::to(&format!("{}#row-{}", view.address(&place.path()), pick.record)).into_response()),
        Err(error) => not_saved(console, visitor, place, view, &[(pick.record, None, Some(pick.revision))], error).await,
    }
}

/// One page saves many choices, one after the other: each is a request of its own, and the same one twice is one.
fn choice_key(form: &Submission) -> Result<RequestKey, Failure> {
    let key = form.request_key()?;
    let mut id = Sha256::new_with_prefix(key.request_id.as_bytes());
    id.update(key.body_sha256);
    let id: String = id.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(RequestKey { request_id: id, ..key })
}

/// The list as it is now, and in words whose choice was in the way.
async fn not_saved(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    view: &View,
    drafts: &[Draft],
    error: Error,
) -> Result<Response, Failure> {
    let Error::Conflict { reason: ConflictReason::Version | ConflictReason::State, .. } = error else {
        return list::refused(console, visitor, place, view, error).await;
    };
    let records: Vec<RecordId> = drafts.iter().map(|(record, ..)| *record).collect();
    let now = console.service.mapping_several(visitor.scope(), place.provider, place.subject, &records).await?;
    let changed = now.iter().filter(|mapping| {
        let seen = drafts.iter().find(|(record, ..)| *record == mapping.record).and_then(|(_, _, seen)| *seen);
        seen != Some(mapping.revision) || !mapping.state.decidable()
    });
    let names: Vec<String> = changed.map(|mapping| super::row::shown_name(&mapping.name)).collect();
    let message = match names.as_slice() {
        [one] => format!("{} changed since you saw it. It is shown as it is now; look at it and choose again.", shortened(one)),
        several => format!(
            "{} of these rows changed since you saw them. They are shown as they are now; nothing of yours was saved. Look at them and \
             choose again.",
            number(several.len())
        ),
    };
    list::said(console, visitor, place, view, StatusCode::CONFLICT, message).await
}

/// A name in a sentence: not more of it than tells it from others.
pub(super) fn shortened(name: &str) -> String {
    const LONGEST: usize = 80;
    let shown: String = name.chars().take(LONGEST).collect();
    let more = if name.chars().nth(LONGEST).is_some() { ".." } else { "" };
    format!("\u{201c}{shown}{more}\u{201d}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_the_page_wrote_it() {
        let target = TargetId::generate();
        let read = |text: &str| match set(text) {
            Some((pick, Set::Choice(choice))) => (pick, choice),
            other => panic!("{other:?}"),
        };
        let (pick, choice) = read(&format!("-7.3.{target}"));
        assert_eq!(pick, Pick { record: RecordId(-7), revision: 3 });
        assert_eq!(choice.and_then(|choice| choice.target), Some(target));
        assert_eq!(read("7.3.undo").1, None);
        assert_eq!(read("7.3.create").1.expect("one").on_lookalike, OnLookalike::Create);
        assert_eq!(set("7.3.unlink"), Some((Pick { record: RecordId(7), revision: 3 }, Set::Unlink)));
        for wrong in ["", "7", "7.3", "7.3.", "7.x.create", "x.3.create", "7.3.destroy"] {
            assert!(set(wrong).is_none(), "{wrong}");
        }
    }
}
