//! Insurances as they are read: the provider under its reading name, every field there, null where there is nothing.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::insurance::{Insurance, Slot};

/// One insurance as the API shows it; Procore documents no difference between its two project views.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InsuranceView<'a>(pub(crate) &'a Insurance);

/// One insurance as a checker wants it: with its project, whether it is gone, and how often the API wrote it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InsuranceTruth<'a>(pub(crate) &'a Slot);

impl Serialize for InsuranceView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        fields(&mut map, self.0)?;
        map.end()
    }
}

impl Serialize for InsuranceTruth<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        fields(&mut map, &self.0.row)?;
        map.serialize_entry("project_id", &self.0.row.project_id)?;
        map.serialize_entry("gone", &self.0.gone)?;
        map.serialize_entry("api_writes", &self.0.api_writes)?;
        map.end()
    }
}

fn fields<M: SerializeMap>(map: &mut M, row: &Insurance) -> Result<(), M::Error> {
    map.serialize_entry("id", &row.id)?;
    map.serialize_entry("additional_insured", &row.additional_insured)?;
    map.serialize_entry("division_template", &row.division_template)?;
    map.serialize_entry("effective_date", &row.effective_date)?;
    map.serialize_entry("enable_expired_insurance_notifications", &row.notifications)?;
    map.serialize_entry("exempt", &row.exempt)?;
    map.serialize_entry("expiration_date", &row.expiration_date)?;
    map.serialize_entry("info_received", &row.info_received)?;
    map.serialize_entry("insurance_provider", &row.provider)?;
    map.serialize_entry("insurance_sets", &row.insurance_sets)?;
    map.serialize_entry("insurance_type", &row.insurance_type)?;
    map.serialize_entry("limit", &row.limit)?;
    map.serialize_entry("notes", &row.notes)?;
    map.serialize_entry("origin_data", &row.origin_data)?;
    map.serialize_entry("origin_id", &row.origin_id)?;
    map.serialize_entry("policy_number", &row.policy_number)?;
    map.serialize_entry("status", &row.status)?;
    map.serialize_entry("vendor_id", &row.vendor_id)
}
