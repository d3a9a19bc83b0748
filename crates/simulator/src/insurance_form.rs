//! An insurance as it is sent: which fields are read, how each is checked, and what becomes of it. Fields that Procore does
//! not list are ignored, also `insurance_provider`: the provider is written as `name`. Whether the row may be written at all
//! is `insurance_draft.rs`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::insurance::{Insurance, Status};

/// What is wrong, by field: the form of `errors` in a 422 and in the rows of a sync.
pub(crate) type Problems = BTreeMap<String, Vec<String>>;

/// Characters that Procore's own form takes for a limit.
const LONGEST_LIMIT: usize = 17;

/// One problem of one field.
pub(crate) fn problem(field: &str, text: &str) -> Problems {
    Problems::from([(field.to_owned(), vec![text.to_owned()])])
}

/// Writes the fields that were sent into a row. On problems the row is half written and must not be used.
pub(crate) fn fill(row: &mut Insurance, sent: &Map<String, Value>) -> Result<(), Problems> {
    let mut problems = Problems::new();
    let texts: [(&str, &mut Option<Box<str>>, Check); 12] = [
        ("insurance_type", &mut row.insurance_type, text),
        ("name", &mut row.provider, text),
        ("policy_number", &mut row.policy_number, text),
        ("limit", &mut row.limit, amount),
        ("effective_date", &mut row.effective_date, date),
        ("expiration_date", &mut row.expiration_date, date),
        ("notes", &mut row.notes, text),
        ("additional_insured", &mut row.additional_insured, text),
        ("division_template", &mut row.division_template, text),
        ("insurance_sets", &mut row.insurance_sets, text),
        ("origin_id", &mut row.origin_id, text),
        ("origin_data", &mut row.origin_data, text),
    ];
    for (key, field, check) in texts {
        match sent.get(key).map(|value| nonempty(value).map(check).transpose()) {
            None => {}
            Some(Ok(value)) => *field = value,
            Some(Err(text)) => note(&mut problems, key, text),
        }
    }
    let flags = [
        ("enable_expired_insurance_notifications", &mut row.notifications),
        ("exempt", &mut row.exempt),
        ("info_received", &mut row.info_received),
    ];
    for (key, field) in flags {
        match sent.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(value)) => *field = *value,
            Some(_) => note(&mut problems, key, "is not true or false"),
        }
    }
    match sent.get("status").map(|value| nonempty(value).map(status).transpose()) {
        None => {}
        Some(Ok(value)) => row.status = value,
        Some(Err(text)) => note(&mut problems, "status", text),
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Reads a field's value, or says what is wrong with it.
type Check = fn(&Value) -> Result<Box<str>, &'static str>;

fn note(problems: &mut Problems, field: &str, text: &str) {
    problems.entry(field.to_owned()).or_default().push(text.to_owned());
}

/// Null and the empty text both empty a field.
fn nonempty(value: &Value) -> Option<&Value> {
    (!value.is_null() && value.as_str() != Some("")).then_some(value)
}

fn text(value: &Value) -> Result<Box<str>, &'static str> {
    value.as_str().map(Box::from).ok_or("is not a string")
}

fn date(value: &Value) -> Result<Box<str>, &'static str> {
    const WRONG: &str = "is not a date like 2026-01-31";
    let text = value.as_str().filter(|text| text.len() == 10).ok_or(WRONG)?;
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|_| text.into()).map_err(|_| WRONG)
}

fn status(value: &Value) -> Result<Status, &'static str> {
    Status::deserialize(value).map_err(|_| "is not included in the list")
}

/// A decimal number as Procore gives it back: `1000000.00` as `1000000.0`, `5` as `5.0`, `1.250` as `1.25`.
fn amount(value: &Value) -> Result<Box<str>, &'static str> {
    let text = value.as_str().ok_or("is not a string")?.trim();
    if text.chars().count() > LONGEST_LIMIT {
        return Err("is too long (maximum is 17 characters)");
    }
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.chars().all(|character| character.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || whole.is_empty() {
        return Err("is not a number");
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let fraction = match fraction.trim_end_matches('0') {
        "" => "0",
        fraction => fraction,
    };
    Ok(format!("{sign}{whole}.{fraction}").into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(sent: &Value) -> Result<Insurance, Problems> {
        let mut row = Insurance::default();
        fill(&mut row, sent.as_object().expect("an object")).map(|()| row)
    }

    #[test]
    fn limits_come_back_with_one_decimal_at_least() {
        let limit = |text: &str| filled(&json!({"limit": text})).map(|row| row.limit.unwrap_or_default().into_string());
        let pairs = [
            ("1000000.00", "1000000.0"),
            ("5", "5.0"),
            ("007.250", "7.25"),
            ("0", "0.0"),
            ("12345678901234.00", "12345678901234.0"),
        ];
        for (written, read) in pairs {
            assert_eq!(limit(written), Ok(read.to_owned()), "{written}");
        }
        for wrong in ["123456789012345.00", "1,000", "$5", "1e6", ".5"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates_and_statuses_are_checked_and_empty_texts_are_null() {
        for wrong in ["2026-02-30", "2026-1-1", "31.01.2026"] {
            assert!(filled(&json!({"expiration_date": wrong})).is_err(), "{wrong}");
        }
        let row = filled(&json!({"notes": "", "status": "expired", "expiration_date": null, "insurance_provider": "Unread"}));
        let row = row.expect("a row");
        assert_eq!((row.notes, row.status, row.expiration_date, row.provider), (None, Some(Status::Expired), None, None));
        let problems = filled(&json!({"status": "fine", "exempt": "no"})).expect_err("two problems");
        assert_eq!(problems.keys().collect::<Vec<_>>(), ["exempt", "status"]);
    }
}
