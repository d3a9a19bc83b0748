//! A vendor as it is sent: which fields are written, how they are checked, and what a vendor made through the API starts
//! with: only what was sent, nothing made up.
//!
//! The lists of ids (`trade_ids`, `standard_cost_code_ids`, `bidding_distribution_ids`), `vendor_group_id` and
//! `primary_contact_id` are taken and not applied: nobody reads them back here.

use serde_json::{Map, Value, json};

use crate::directory::{Company, Fields};
use crate::insurance_draft::UNKNOWN_ID;
use crate::insurance_form::{Problems, problem};

const TEXTS: &[&str] = &[
    "name",
    "address",
    "city",
    "zip",
    "business_phone",
    "mobile_phone",
    "fax_number",
    "email_address",
    "state_code",
    "country_code",
    "labor_union",
    "license_number",
    "website",
    "abbreviated_name",
    "notes",
    "origin_id",
    "origin_data",
    "origin_code",
    "trade_name",
];
const FLAGS: &[&str] = &["is_active", "authorized_bidder", "prequalified", "union_member", "non_union_prevailing_wage"];

/// The fields that a vendor gets from what was sent for it; `id` is that of a vendor that exists.
pub(crate) fn read(company: &Company, id: Option<u64>, sent: &Map<String, Value>) -> Result<Fields, Problems> {
    let mut fields = Fields::new();
    let mut problems = Problems::new();
    let mut note = |field: &str, text: &str| problems.entry(field.to_owned()).or_default().push(text.to_owned());
    for (key, value) in sent {
        let (text, flag) = (TEXTS.contains(&key.as_str()), FLAGS.contains(&key.as_str()));
        if key == "name" && value.as_str().is_none_or(|name| name.trim().is_empty()) {
            note(key, "can't be blank");
        } else if key.ends_with("_code") && text && key != "origin_code" && !code(value) {
            note(key, "is not an ISO-3166 code");
        } else if text && !(value.is_string() || value.is_null()) {
            note(key, "is not a string");
        } else if flag && !value.is_boolean() {
            note(key, "is not true or false");
        } else if text || flag {
            fields.insert(key.clone(), value.clone());
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    if let Some(parent) = sent.get("parent_id") {
        check_parent(company, id, parent)?;
        fields.insert("parent_id".to_owned(), parent.clone());
    }
    if let Some(bidding) = sent.get("bidding").and_then(Value::as_object) {
        fields.insert("bidding".to_owned(), Value::Object(bidding.clone()));
    }
    if let Some(given) = sent.get("business_register").or_else(|| sent.get("business_register_attributes")) {
        fields.insert("business_register".to_owned(), register(id.unwrap_or_default(), given)?);
    }
    Ok(fields)
}

/// What a new vendor has where nothing was sent.
pub(crate) fn blank(fields: &mut Fields) {
    let nothing = [
        "address",
        "business_id",
        "business_phone",
        "city",
        "country_code",
        "country_name",
        "email_address",
        "fax_number",
        "license_number",
        "primary_contact",
        "state_code",
        "state_name",
        "website",
        "zip",
    ];
    let no = ["authorized_bidder", "non_union_prevailing_wage", "prequalified", "union_member"];
    for (keys, value) in [(nothing.as_slice(), Value::Null), (no.as_slice(), Value::Bool(false)), (&["trades"], json!([]))] {
        for key in keys {
            fields.entry((*key).to_owned()).or_insert_with(|| value.clone());
        }
    }
}

/// A business register entry; both of its fields must be there and fit.
pub(crate) fn register(vendor_id: u64, given: &Value) -> Result<Value, Problems> {
    let text = |key: &str| given.get(key).and_then(Value::as_str).unwrap_or_default();
    let (kind, identifier) = (text("type"), text("identifier"));
    let digits = match kind.to_lowercase().as_str() {
        "ein" => 9,
        "abn" => 11,
        _ => return Err(problem("type", "is not abn or ein")),
    };
    let found = identifier.chars().filter(char::is_ascii_digit).count();
    if found != digits || identifier.chars().any(|sign| !(sign.is_ascii_digit() || sign == '-' || sign == ' ')) {
        return Err(problem("identifier", "is invalid"));
    }
    Ok(json!({
        "id": vendor_id, "type": kind.to_lowercase(), "identifier": identifier, "verified_at": null, "verification_status": null,
    }))
}

/// Two levels at most: a parent has no parent, and a vendor with branches gets none.
fn check_parent(company: &Company, id: Option<u64>, parent: &Value) -> Result<(), Problems> {
    if parent.is_null() {
        return Ok(());
    }
    let position = parent.as_u64().and_then(|id| company.existing_vendor(id));
    let position = position.ok_or_else(|| problem("parent_id", UNKNOWN_ID))?;
    let own = id.and_then(|id| company.existing_vendor(id));
    let has_branches = own.is_some_and(|own| company.vendor(own).children > 0);
    if company.vendor(position).parent.is_some() || has_branches || own == Some(position) {
        return Err(problem("parent_id", "would make more than two levels"));
    }
    Ok(())
}

/// Two letters, or up to three letters or digits after a country's.
fn code(value: &Value) -> bool {
    value.is_null()
        || value.as_str().is_some_and(|text| {
            text.is_empty() || text.len() <= 3 && text.chars().all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit())
        })
}
