//! Coverages and insurances on the wire.

use super::{count, timestamp};
use crate::etag;
use crate::names::{COVERAGES, PARTIES};
use linkyard_core::compliance::{Coverage, CoverageStatus, InsuranceStatus, origin_id};
use linkyard_proto::v1;
use linkyard_store::{InsuranceLine, LineCounts, LineState};

/// A coverage.
pub(crate) fn coverage(coverage: &Coverage) -> v1::Coverage {
    let stated = &coverage.stated;
    v1::Coverage {
        name: COVERAGES.name(coverage.id),
        party: PARTIES.name(coverage.party),
        insurance_type: stated.insurance_type.clone(),
        insurer: stated.insurer.clone().unwrap_or_default(),
        policy_number: stated.policy_number.clone().unwrap_or_default(),
        limit: stated.limit.clone().unwrap_or_default(),
        effective_date: stated.effective_date.map(|day| day.to_string()).unwrap_or_default(),
        expiration_date: stated.expiration_date.map(|day| day.to_string()).unwrap_or_default(),
        status: coverage_status(stated.status).into(),
        waived: stated.waived,
        notes: stated.notes.clone().unwrap_or_default(),
        etag: etag::of(coverage.revision),
        create_time: Some(timestamp(coverage.created_at_ms)),
        update_time: Some(timestamp(coverage.updated_at_ms)),
    }
}

/// The status of a coverage.
pub(crate) fn coverage_status(status: CoverageStatus) -> v1::coverage::Status {
    match status {
        CoverageStatus::Compliant => v1::coverage::Status::Compliant,
        CoverageStatus::NonCompliant => v1::coverage::Status::NonCompliant,
        CoverageStatus::UnderReview => v1::coverage::Status::UnderReview,
        CoverageStatus::Missing => v1::coverage::Status::Missing,
        CoverageStatus::NotTracked => v1::coverage::Status::NotTracked,
    }
}

/// One line.
pub(crate) fn insurance(line: &InsuranceLine) -> v1::Insurance {
    v1::Insurance {
        origin_id: origin_id(line.link, line.coverage),
        vendor_id: line.vendor.0,
        external_id: line.insurance_id.map_or(0, |id| id.0),
        coverage: COVERAGES.name(line.coverage),
        party: line.party.map(|party| PARTIES.name(party)).unwrap_or_default(),
        insurance_type: line.insurance_type.clone().unwrap_or_default(),
        state: line_state(line.state).into(),
        retiring: line.retiring,
        pushed_status: line.pushed_status.map(InsuranceStatus::as_str).unwrap_or_default().to_owned(),
        push_time: line.pushed_at_ms.map(timestamp),
        refusal: line.refusal.clone(),
    }
}

/// The state of a line.
pub(crate) fn line_state(state: LineState) -> v1::insurance::State {
    match state {
        LineState::Due => v1::insurance::State::Due,
        LineState::Pushed => v1::insurance::State::Pushed,
        LineState::Refused => v1::insurance::State::Refused,
    }
}

/// How many lines are in each state.
pub(crate) fn insurance_counts(counts: &LineCounts) -> v1::InsuranceCounts {
    v1::InsuranceCounts { due: count(counts.due), pushed: count(counts.pushed), refused: count(counts.refused) }
}
