//! What the cases about mappings share: the two lists, filters, and what an answer says.

use linkyard_core::error::ConflictReason;
use linkyard_core::mapping::{MappingFilter, MappingState, Subject};
use linkyard_core::{Error, Result};
use linkyard_tests::build::Side;
use std::fmt::Debug;

/// The list of vendors.
pub(crate) const VENDOR: Subject = Subject::Vendor;
/// The list of projects.
pub(crate) const PROJECT: Subject = Subject::Project;

/// Every mapping.
pub(crate) fn all() -> MappingFilter {
    MappingFilter::default()
}

/// Mappings whose record contains this text.
pub(crate) fn searching(text: &str) -> MappingFilter {
    MappingFilter { search: Some(text.to_owned()), ..all() }
}

/// Mappings in these states.
pub(crate) fn in_states(states: &[MappingState]) -> MappingFilter {
    MappingFilter { states: states.to_vec(), ..all() }
}

/// The fields of every violation.
pub(crate) fn violations<T: Debug>(answer: Result<T>) -> Vec<String> {
    match answer {
        Err(Error::Invalid(violations)) => violations.into_iter().map(|violation| violation.field).collect(),
        other => panic!("expected violations, got {other:?}"),
    }
}

/// Why it is a conflict, and what it says.
pub(crate) fn conflict<T: Debug>(answer: Result<T>) -> (ConflictReason, String) {
    match answer {
        Err(Error::Conflict { reason, message, .. }) => (reason, message),
        other => panic!("expected a conflict, got {other:?}"),
    }
}

/// Checks that it is not there.
pub(crate) fn not_found<T: Debug>(answer: Result<T>) {
    assert!(matches!(answer, Err(Error::NotFound { .. })), "{answer:?}");
}

/// The records of the vendor mappings that a filter selects, in their order.
pub(crate) async fn ids(side: &Side, filter: &MappingFilter) -> Vec<i64> {
    side.mappings(VENDOR, filter).await.iter().map(|row| row.record.0).collect()
}
