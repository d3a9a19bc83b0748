//! Everything that can happen to the state after it was empty. An event is stored as one JSON line and replayed at the next
//! start, so an event carries its own time and never depends on anything but the events before it.

use serde::{Deserialize, Serialize};

use crate::config::{CompanySpec, Installation};
use crate::directory::Fields;

/// One change of the state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// A company appears, with all rows of its spec.
    CompanyCreated {
        /// Its spec; CSV paths point into the state directory.
        spec: Box<CompanySpec>,
    },
    /// A company's own settings change.
    CompanyChanged { company: u64, installation: Option<Installation>, view_vendors: Option<bool> },
    /// Rows are added, each with the fields given and made-up values elsewhere.
    RowsAdded {
        company: u64,
        kind: RowKind,
        rows: Vec<Fields>,
        /// Whether their ids come before all others, so that they land on the first page.
        early: bool,
        at_s: i64,
    },
    /// Made-up rows are added.
    RowsMadeUp { company: u64, kind: RowKind, count: u32, early: bool, at_s: i64 },
    /// Fields of a row change.
    RowChanged { company: u64, kind: RowKind, id: u64, fields: Fields, at_s: i64 },
    /// A row ends: a vendor is merged away, a project is deleted, a person is removed.
    RowRemoved { company: u64, kind: RowKind, id: u64, at_s: i64 },
    /// Vendors join or leave projects. `updated_at` of neither moves.
    Associated {
        company: u64,
        /// (project id, vendor id).
        pairs: Vec<(u64, u64)>,
        /// False: they leave.
        joined: bool,
    },
    /// The clock moves forward.
    ClockAdvanced { by_ms: u64 },
    /// Tokens made before this instant end.
    TokensStopped { before_us: i64 },
    /// One token ends.
    TokenRevoked { token: String },
}

/// The kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowKind {
    Vendor,
    Project,
    Person,
}
