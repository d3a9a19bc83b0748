//! What all sync endpoints share: the list of updates, at most 1,000 of them, and the answer that is always a 200: rows that
//! worked in `entities`, rows that did not in `errors`, as they were sent.

use hyper::StatusCode;
use serde_json::{Map, Value};

use crate::config::Settings;
use crate::generate::{Pick, Purpose, mix};
use crate::insurance_form::Problems;
use crate::reply::{Reply, Shape};

/// Most updates of one call; more are a 400 here, because what Procore answers is not known.
const MOST_UPDATES: usize = 1_000;

/// The rows of a sync's body.
pub(crate) fn updates(body: &Map<String, Value>) -> Result<&[Value], Reply> {
    let Some(updates) = body.get("updates").and_then(Value::as_array) else {
        return Err(Reply::bad_field("updates", "is required"));
    };
    if updates.len() > MOST_UPDATES {
        let text = format!("The maximum number of updates is {MOST_UPDATES}.");
        return Err(Reply::shaped(StatusCode::BAD_REQUEST, Shape::ErrorsArray, &text));
    }
    Ok(updates)
}

/// A row of `errors`: what was sent, plus why it did not work.
pub(crate) fn error_row(sent: &Value, problems: &Problems) -> Value {
    let mut row = sent.as_object().cloned().unwrap_or_default();
    let errors = problems.iter().map(|(field, texts)| (field.clone(), Value::from(texts.clone()))).collect();
    row.insert("errors".to_owned(), Value::Object(errors));
    Value::Object(row)
}

/// The answer; `entities` come in the order of the updates and leave as the settings say.
pub(crate) fn answer(settings: &Settings, entities: Vec<bytes::Bytes>, errors: &[Value]) -> Reply {
    let entities = arranged(settings, entities);
    let mut body = Vec::with_capacity(entities.iter().map(|row| row.len() + 1).sum::<usize>() + 32);
    body.extend_from_slice(b"{\"entities\":[");
    for (number, row) in entities.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        body.extend_from_slice(row);
    }
    body.extend_from_slice(b"],\"errors\":");
    body.extend_from_slice(&crate::render::array(errors.iter()));
    body.push(b'}');
    Reply::json(StatusCode::OK, body.into())
}

fn arranged<T: Clone>(settings: &Settings, rows: Vec<T>) -> Vec<T> {
    let count = rows.len();
    let mut arranged = Vec::with_capacity(count);
    for (number, row) in rows.into_iter().enumerate() {
        let omitted = settings.sync_omits_rows && (count - 1 - number).is_multiple_of(10);
        let repeated = settings.sync_repeats_rows && number.is_multiple_of(10);
        if repeated && !omitted {
            arranged.push(row.clone());
        }
        if !omitted {
            arranged.push(row);
        }
    }
    if settings.shuffle_entities && arranged.len() > 1 {
        let mut pick = Pick::new(mix(count as u64), Purpose::Fault);
        // Sattolo's shuffle: no row stays where it was.
        for last in (1..arranged.len()).rev() {
            arranged.swap(last, pick.below(last));
        }
    }
    arranged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrange(settings: Settings, count: usize) -> Vec<usize> {
        arranged(&settings, (0..count).collect())
    }

    #[test]
    fn entities_are_shuffled_repeated_and_omitted_as_asked() {
        assert_eq!(arrange(Settings::default(), 3), [0, 1, 2]);
        let shuffled = arrange(Settings { shuffle_entities: true, ..Settings::default() }, 50);
        assert!(shuffled.iter().enumerate().all(|(place, row)| place != *row));
        assert_eq!(arrange(Settings { sync_repeats_rows: true, ..Settings::default() }, 12).len(), 14);
        assert_eq!(arrange(Settings { sync_omits_rows: true, ..Settings::default() }, 11), (1..10).collect::<Vec<_>>());
        assert_eq!(arrange(Settings { sync_omits_rows: true, ..Settings::default() }, 1), [] as [usize; 0]);
    }
}
