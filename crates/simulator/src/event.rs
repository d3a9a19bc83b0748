//! Everything that can happen to the state after it was empty. An event is stored as one JSON line and replayed at the next
//! start, so an event carries its own time and never depends on anything but the events before it.

use serde::{Deserialize, Serialize};

use crate::config::{Access, CompanySpec, Installation};
use crate::directory::Fields;
use crate::insurance::Insurance;

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
    CompanyChanged {
        company: u64,
        installation: Option<Installation>,
        view_vendors: Option<bool>,
        #[serde(default)]
        insurances: Option<Access>,
    },
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
    /// The API writes vendors.
    VendorsWritten {
        company: u64,
        writes: Vec<VendorWrite>,
        at_ms: i64,
        /// From when lists show it; absent: at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed_from_ms: Option<i64>,
    },
    /// Vendors are merged into another one, which takes over their projects and branches.
    VendorsMerged { company: u64, master: u64, sources: Vec<u64>, at_s: i64 },
    /// Insurances are made or replaced, each as it is afterwards.
    InsurancesWritten {
        company: u64,
        rows: Vec<Insurance>,
        /// False: a person or another system did it, through the admin API.
        by_api: bool,
        at_ms: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed_from_ms: Option<i64>,
    },
    /// Insurances end.
    InsurancesRemoved {
        company: u64,
        ids: Vec<u64>,
        at_ms: i64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        listed_from_ms: Option<i64>,
    },
    /// Made-up insurances are added, without `origin_id`.
    InsurancesMadeUp { company: u64, count: u32 },
    /// The clock moves forward.
    ClockAdvanced { by_ms: u64 },
    /// Tokens made before this instant end.
    TokensStopped { before_us: i64 },
    /// One token ends.
    TokenRevoked { token: String },
}

/// One vendor as the API writes it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct VendorWrite {
    /// `None` makes a new one.
    pub(crate) id: Option<u64>,
    /// Without fields `updated_at` does not move.
    pub(crate) fields: Fields,
    /// A project that it joins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) joins: Option<u64>,
    /// A project that it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) leaves: Option<u64>,
}

/// The kinds of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowKind {
    Vendor,
    Project,
    Person,
}
