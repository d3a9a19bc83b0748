//! An insurance as Procore lists it and as it is written. The two differ: the insurer is read as `insurance_provider` and written as
//! `name`, and a limit comes back in another spelling than it was sent in.

use super::{Flag, Id, Number, Row, Text};
use chrono::NaiveDate;
use linkyard_core::compliance::{
    FoundInsurance, Insurance, InsuranceStatus, LONGEST_LIMIT_CHARACTERS, RETIRED_NOTE, canonical_limit,
};
use linkyard_core::id::{InsuranceId, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(crate) struct InsuranceRow<'a> {
    id: Id,
    #[serde(default)]
    vendor_id: Number,
    #[serde(borrow, default)]
    origin_id: Text<'a>,
    #[serde(borrow, default)]
    insurance_type: Text<'a>,
    #[serde(borrow, default)]
    insurance_provider: Text<'a>,
    #[serde(borrow, default)]
    policy_number: Text<'a>,
    #[serde(borrow, default)]
    limit: Text<'a>,
    #[serde(borrow, default)]
    effective_date: Text<'a>,
    #[serde(borrow, default)]
    expiration_date: Text<'a>,
    #[serde(borrow, default)]
    status: Text<'a>,
    #[serde(default)]
    enable_expired_insurance_notifications: Flag,
    #[serde(borrow, default)]
    notes: Text<'a>,
}

impl InsuranceRow<'_> {
    /// The row in our words. What has no word among ours is named in `unreadable` and makes the row differ from whatever is wanted,
    /// instead of hiding a page of other rows.
    pub(crate) fn found(self) -> FoundInsurance {
        let mut unreadable = Vec::new();
        let vendor = self.vendor_id.id().unwrap_or_else(|| {
            unreadable.push("vendor_id".to_owned());
            RecordId(0)
        });
        let status = self.status.0.as_deref().and_then(InsuranceStatus::parse).unwrap_or_else(|| {
            unreadable.push("status".to_owned());
            InsuranceStatus::Undecided
        });
        let effective_date = date("effective_date", &self.effective_date, &mut unreadable);
        let expiration_date = date("expiration_date", &self.expiration_date, &mut unreadable);
        let origin_id = self.origin_id.not_blank();
        let limit = self.limit.owned().unwrap_or_default();
        let insurance = Insurance {
            origin_id: origin_id.clone().unwrap_or_default(),
            vendor,
            insurance_type: self.insurance_type.owned().unwrap_or_default(),
            insurer: self.insurance_provider.owned().unwrap_or_default(),
            policy_number: self.policy_number.owned().unwrap_or_default(),
            // A spelling that is no number ("1,000,000") stays as it is: it can not equal one of ours.
            limit: canonical_limit(&limit).unwrap_or(limit),
            effective_date,
            expiration_date,
            status,
            notifies: self.enable_expired_insurance_notifications.is_set(),
            notes: self.notes.owned().unwrap_or_default(),
        };
        FoundInsurance { id: InsuranceId(self.id.0.0), origin_id, insurance, unreadable }
    }
}

/// `YYYY-MM-DD`; null and the empty text are no date.
fn date(field: &str, text: &Text<'_>, unreadable: &mut Vec<String>) -> Option<NaiveDate> {
    let text = text.0.as_deref().map(str::trim).filter(|text| !text.is_empty())?;
    let read = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    if read.is_none() {
        unreadable.push(field.to_owned());
    }
    read
}

/// The body of a sync.
#[derive(Debug, Serialize)]
pub(crate) struct Updates<'a> {
    updates: Vec<Update<'a>>,
}

/// Every field that we decide, each time: a sync changes only what it names.
#[derive(Debug, Serialize)]
struct Update<'a> {
    origin_id: &'a str,
    vendor_id: i64,
    insurance_type: &'a str,
    name: &'a str,
    policy_number: &'a str,
    limit: Option<String>,
    effective_date: Option<NaiveDate>,
    expiration_date: Option<NaiveDate>,
    status: &'static str,
    enable_expired_insurance_notifications: bool,
    notes: &'a str,
}

impl<'a> Updates<'a> {
    pub(crate) fn of(insurances: &'a [Insurance]) -> Self {
        let update = |insurance: &'a Insurance| Update {
            origin_id: &insurance.origin_id,
            vendor_id: insurance.vendor.0,
            insurance_type: &insurance.insurance_type,
            name: &insurance.insurer,
            policy_number: &insurance.policy_number,
            limit: (!insurance.limit.is_empty()).then(|| written_limit(&insurance.limit)),
            effective_date: insurance.effective_date,
            expiration_date: insurance.expiration_date,
            status: insurance.status.as_str(),
            // On by default in Procore, which then mails by itself; the registry chases documents.
            enable_expired_insurance_notifications: false,
            notes: &insurance.notes,
        };
        Self { updates: insurances.iter().map(update).collect() }
    }
}

/// The body of a sync that retires insurances: it names only what is to change.
#[derive(Debug, Serialize)]
pub(crate) struct Retirements<'a> {
    updates: Vec<RetirementRow<'a>>,
}

#[derive(Debug, Serialize)]
struct RetirementRow<'a> {
    id: InsuranceId,
    origin_id: &'a str,
    status: &'static str,
    notes: &'static str,
}

impl<'a> Retirements<'a> {
    pub(crate) fn of(retirements: &'a [(InsuranceId, String)]) -> Self {
        let row = |(id, origin_id): &'a (InsuranceId, String)| RetirementRow {
            id: *id,
            origin_id,
            status: InsuranceStatus::Undecided.as_str(),
            notes: RETIRED_NOTE,
        };
        Self { updates: retirements.iter().map(row).collect() }
    }
}

/// Procore's written form, two digits behind the point (`1000000.00`), where that leaves it within the characters that Procore keeps.
fn written_limit(canonical: &str) -> String {
    let (whole, fraction) = canonical.split_once('.').unwrap_or((canonical, ""));
    let written = format!("{whole}.{fraction:0<2}");
    if written.len() <= LONGEST_LIMIT_CHARACTERS { written } else { canonical.to_owned() }
}

/// What a sync answers. A row may be in either list, in both or in neither, and the order says nothing.
#[derive(Debug, Deserialize)]
pub(crate) struct Synced<'a> {
    #[serde(borrow, default)]
    pub(crate) entities: Vec<Row<InsuranceRow<'a>>>,
    #[serde(borrow, default)]
    pub(crate) errors: Vec<Row<RefusedRow<'a>>>,
}

/// A row that was refused: what was sent, and why not.
#[derive(Debug, Deserialize)]
pub(crate) struct RefusedRow<'a> {
    #[serde(borrow, default)]
    pub(crate) origin_id: Text<'a>,
    #[serde(default)]
    pub(crate) errors: Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::insurances;

    fn one(json: &str) -> FoundInsurance {
        insurances(format!("[{json}]").as_bytes()).expect(json).remove(0)
    }

    const WHOLE: &str = r#"{"id":311823,"vendor_id":598134325000001,"insurance_type":"General Liability","insurance_provider":"GL Inc.",
        "policy_number":"12345GL","limit":"1000000.0","effective_date":"2015-03-03","expiration_date":"2016-03-02",
        "status":"compliant","exempt":false,"info_received":false,"notes":null,"enable_expired_insurance_notifications":false,
        "additional_insured":null,"origin_data":null,"origin_id":"linkyard:a:b"}"#;

    fn wanted() -> Insurance {
        Insurance {
            origin_id: "linkyard:a:b".to_owned(),
            vendor: RecordId(598_134_325_000_001),
            insurance_type: "General Liability".to_owned(),
            insurer: "GL Inc.".to_owned(),
            policy_number: "12345GL".to_owned(),
            limit: "1000000".to_owned(),
            effective_date: NaiveDate::from_ymd_opt(2015, 3, 3),
            expiration_date: NaiveDate::from_ymd_opt(2016, 3, 2),
            status: InsuranceStatus::Compliant,
            notifies: false,
            notes: String::new(),
        }
    }

    #[test]
    fn a_row_that_was_stored_as_sent_says_what_is_wanted() {
        let found = one(WHOLE);
        assert_eq!((found.id, found.origin_id.as_deref()), (InsuranceId(311_823), Some("linkyard:a:b")));
        assert_eq!(found.insurance, wanted());
        assert!(found.says(&wanted()) && found.unreadable.is_empty());
    }

    #[test]
    fn what_has_no_word_among_ours_differs_and_hides_no_other_row() {
        for (from, to, field) in [
            (r#""compliant""#, r#""brand_new""#, "status"),
            (r#""compliant""#, "null", "status"),
            (r#""2015-03-03""#, r#""03/03/2015""#, "effective_date"),
            (r#""2016-03-02""#, r#""2016-13-02""#, "expiration_date"),
            ("598134325000001", "null", "vendor_id"),
        ] {
            let found = one(&WHOLE.replace(from, to));
            assert_eq!(found.unreadable, [field], "{to}");
            assert!(!found.says(&found.insurance.clone()) && !found.says(&wanted()), "{to}");
        }
    }

    #[test]
    fn null_is_the_empty_text_and_a_limit_that_is_no_number_stays() {
        let bare = one(r#"{"id":1,"vendor_id":2,"status":"undecided","limit":null,"policy_number":null,"origin_id":null}"#);
        assert_eq!((bare.origin_id, bare.insurance.limit.as_str(), bare.insurance.policy_number.as_str()), (None, "", ""));
        assert!(!bare.insurance.notifies && bare.insurance.effective_date.is_none());
        let odd = one(&WHOLE.replace("1000000.0", "1,000,000"));
        assert_eq!(odd.insurance.limit, "1,000,000");
        assert!(!odd.says(&wanted()));
        assert!(one(&WHOLE.replace("notifications\":false", "notifications\":true")).insurance.notifies);
    }

    #[test]
    fn a_row_without_an_id_refuses_the_page() {
        assert!(insurances(format!(r#"[{WHOLE},{{"vendor_id":1}}]"#).as_bytes()).is_err());
        assert!(insurances(b"{}").is_err() && insurances(b"").is_err());
    }

    #[test]
    fn a_limit_is_written_as_procore_writes_it_while_that_fits() {
        assert_eq!(written_limit("1000000"), "1000000.00");
        assert_eq!(written_limit("2500.5"), "2500.50");
        assert_eq!(written_limit("0.05"), "0.05");
        assert_eq!(written_limit("99999999999999"), "99999999999999.00");
        assert_eq!(written_limit("999999999999999"), "999999999999999");
    }

    #[test]
    fn an_update_names_every_field_that_we_decide() {
        let bare = Insurance { limit: String::new(), effective_date: None, notifies: true, ..wanted() };
        let sent = serde_json::to_value(Updates::of(&[wanted(), bare])).expect("JSON");
        let expected = serde_json::json!({
            "origin_id": "linkyard:a:b", "vendor_id": 598_134_325_000_001_i64, "insurance_type": "General Liability", "name": "GL Inc.",
            "policy_number": "12345GL", "limit": "1000000.00", "effective_date": "2015-03-03", "expiration_date": "2016-03-02",
            "status": "compliant", "enable_expired_insurance_notifications": false, "notes": ""
        });
        assert_eq!(sent["updates"][0], expected);
        let bare = &sent["updates"][1];
        assert!(bare["limit"].is_null() && bare["effective_date"].is_null());
        assert_eq!(bare["enable_expired_insurance_notifications"], false);
    }
}
