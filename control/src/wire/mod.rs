//! From the domain to the wire: one file per resource. The other direction is parsed where it can be refused, in the adapters.

mod budget;
mod compliance;
mod contact;
mod decision_file;
mod duplicate;
mod job;
mod mapping;
mod organization;
mod plan;
mod provider;
mod registry;
mod time;
mod worker;

pub(crate) use budget::budget;
pub(crate) use compliance::{coverage, coverage_status, insurance, insurance_counts, line_state};
pub(crate) use contact::contact;
pub(crate) use decision_file::{import_preview, import_row, outcome as import_outcome};
pub(crate) use duplicate::duplicate_group;
pub(crate) use job::{job, state as job_state};
pub(crate) use mapping::{address, band_precision, count as mapping_count, mapping, state as mapping_state};
pub(crate) use organization::{access, api_key, audit_entry, organization};
pub(crate) use plan::plan;
pub(crate) use provider::{contacts_mode, provider, report, retire_by};
pub(crate) use registry::{compliance_profile, party, party_on_project, party_type, project};
pub(crate) use time::{from_timestamp, timestamp};
pub(crate) use worker::worker;

/// A count as the wire has it: no count of ours comes near the bound.
pub(crate) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
