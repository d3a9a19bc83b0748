//! Decision files on the wire.

use super::count;
use crate::service::ImportPreview;
use linkyard_core::decision_file::{ImportedRow, LineReason, RowOutcome};
use linkyard_proto::v1;

/// A line and what became of it.
pub(crate) fn import_row(row: &ImportedRow) -> v1::ImportRow {
    let message = |reason: LineReason| match row.detail.as_str() {
        "" => reason.sentence().to_owned(),
        detail => format!("{} ({detail})", reason.sentence()),
    };
    v1::ImportRow {
        line: count(row.line),
        record_id: row.record.map(|record| record.0),
        outcome: outcome(row.outcome).into(),
        reason: row.reason.map(LineReason::as_str).unwrap_or_default().to_owned(),
        reason_message: row.reason.map(message).unwrap_or_default(),
    }
}

/// An outcome.
pub(crate) fn outcome(outcome: RowOutcome) -> v1::import_row::Outcome {
    match outcome {
        RowOutcome::Applied => v1::import_row::Outcome::Applied,
        RowOutcome::Unchanged => v1::import_row::Outcome::Unchanged,
        RowOutcome::Refused => v1::import_row::Outcome::Refused,
    }
}

/// A preview.
pub(crate) fn import_preview(preview: &ImportPreview) -> v1::ImportPreview {
    let [matches, creates, ignores] = preview.decisions.map(count);
    v1::ImportPreview {
        lines: count(preview.lines),
        applied: count(preview.counts.applied),
        matches,
        creates,
        ignores,
        unchanged: count(preview.counts.unchanged),
        refused: count(preview.counts.refused),
        refusals: preview.refusals.iter().map(import_row).collect(),
    }
}
