//! Mappings on the wire.

use super::timestamp;
use crate::etag;
use crate::names;
use linkyard_core::directory::{Address, Details};
use linkyard_core::mapping::{Choice, Decision, Mapping, MappingState, OnLookalike, RowReason, Subject};
use linkyard_core::suggestion::{Band, BandPrecision, Suggestion};
use linkyard_proto::v1;

/// A mapping.
pub(crate) fn mapping(mapping: &Mapping) -> v1::Mapping {
    let targets = names::targets(mapping.subject);
    let (target, target_display_name) = match &mapping.target {
        Some((id, name)) => (targets.name(id), name.clone()),
        None => (String::new(), String::new()),
    };
    v1::Mapping {
        name: names::mapping(mapping.subject, mapping.provider, mapping.record),
        record_id: mapping.record.0,
        display_name: mapping.name.clone(),
        address: Some(address(&mapping.address)),
        details: mapping.details.as_ref().map(details),
        active: mapping.active,
        state: state(mapping.state).into(),
        draft: mapping.draft.map(|draft| choice(mapping.subject, draft)),
        decision: mapping.decision.map(|decision| choice(mapping.subject, decision)),
        target,
        target_display_name,
        link_id: mapping.link.map(|id| id.to_string()).unwrap_or_default(),
        reason: mapping.reason.map(RowReason::as_str).unwrap_or_default().to_owned(),
        reason_message: mapping.reason.map(|reason| explain(reason, &mapping.reason_detail)).unwrap_or_default(),
        suggestions: mapping.suggestions.iter().map(|one| suggestion(mapping.subject, one)).collect(),
        link_time: mapping.linked_at_ms.map(timestamp),
        sync_time: mapping.last_synced_at_ms.map(timestamp),
        etag: etag::of(mapping.revision),
        gone: mapping.gone,
    }
}

/// What a reason means here.
fn explain(reason: RowReason, particulars: &str) -> String {
    let sentence = reason.sentence();
    if particulars.is_empty() { sentence.to_owned() } else { format!("{sentence} ({particulars})") }
}

/// How many mappings are in a state.
pub(crate) fn count(of: MappingState, count: u64) -> v1::MappingStateCount {
    v1::MappingStateCount { state: state(of).into(), count: super::count(count) }
}

/// What became of a band's suggestions.
pub(crate) fn band_precision(of: &BandPrecision) -> v1::BandPrecision {
    v1::BandPrecision {
        band: band(of.band).into(),
        waiting: super::count(of.waiting),
        decided: super::count(of.decided),
        taken: super::count(of.taken),
        accepted_in_bulk: super::count(of.accepted_in_bulk),
        taken_back: super::count(of.taken_back),
    }
}

/// A state.
pub(crate) fn state(state: MappingState) -> v1::MappingState {
    match state {
        MappingState::Unmapped => v1::MappingState::Unmapped,
        MappingState::Suggested => v1::MappingState::Suggested,
        MappingState::Held => v1::MappingState::Held,
        MappingState::Confirmed => v1::MappingState::Confirmed,
        MappingState::Linking => v1::MappingState::Linking,
        MappingState::Linked => v1::MappingState::Linked,
        MappingState::Ignored => v1::MappingState::Ignored,
        MappingState::Failed => v1::MappingState::Failed,
        MappingState::Orphaned => v1::MappingState::Orphaned,
        MappingState::Unlinked => v1::MappingState::Unlinked,
    }
}

fn choice(subject: Subject, choice: Choice) -> v1::Choice {
    let decision = match choice.decision {
        Decision::Match => v1::Decision::Match,
        Decision::Create => v1::Decision::Create,
        Decision::DoNotAdd => v1::Decision::DoNotAdd,
    };
    let on_lookalike = match (choice.decision, choice.on_lookalike) {
        (Decision::Create, OnLookalike::Hold) => v1::OnLookalike::Hold,
        (Decision::Create, OnLookalike::Create) => v1::OnLookalike::Create,
        (Decision::Match | Decision::DoNotAdd, _) => v1::OnLookalike::Unspecified,
    };
    v1::Choice {
        decision: decision.into(),
        target: choice.target.map(|id| names::targets(subject).name(id)).unwrap_or_default(),
        on_lookalike: on_lookalike.into(),
    }
}

fn suggestion(subject: Subject, suggestion: &Suggestion) -> v1::Suggestion {
    v1::Suggestion {
        target: names::targets(subject).name(suggestion.target),
        target_display_name: suggestion.target_name.clone(),
        probability: suggestion.probability,
        reasons: suggestion.reasons.clone(),
        contested: suggestion.contested,
        band: band(suggestion.band).into(),
    }
}

fn band(band: Band) -> v1::Band {
    match band {
        Band::Weak => v1::Band::Weak,
        Band::Likely => v1::Band::Likely,
        Band::Strong => v1::Band::Strong,
    }
}

/// An address; a part that is not known is empty.
pub(crate) fn address(address: &Address) -> v1::Address {
    v1::Address {
        street: text(&address.street),
        city: text(&address.city),
        region: text(&address.region),
        postal_code: text(&address.postal_code),
        country: text(&address.country),
    }
}

fn details(details: &Details) -> v1::RecordDetails {
    v1::RecordDetails {
        phone: text(&details.phone),
        email: text(&details.email),
        website: text(&details.website),
        legal_name: text(&details.legal_name),
        trade_name: text(&details.trade_name),
        trades: details.trades.clone(),
        number: text(&details.number),
    }
}

fn text(field: &Option<String>) -> String {
    field.clone().unwrap_or_default()
}
