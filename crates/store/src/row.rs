//! Reading columns: the words and ids of a row become domain values, or an error that names the column.
//!
//! Ids are read with [`get`] and their constructor: `ProviderId(get(&row, "provider_id")?)`.

use linkyard_core::{Error, Result};
use sea_orm::{QueryResult, TryGetable};
use serde::de::DeserializeOwned;

/// The value of `column`; `Option<T>` where it may be NULL.
pub(crate) fn get<T: TryGetable>(row: &QueryResult, column: &str) -> Result<T> {
    row.try_get("", column).map_err(|error| Error::internal(format!("column {column} could not be read"), error))
}

/// A count or another number that is never negative.
pub(crate) fn count(row: &QueryResult, column: &str) -> Result<u64> {
    let value: i64 = get(row, column)?;
    u64::try_from(value).map_err(|error| Error::internal(format!("column {column} is negative"), error))
}

/// The word in `column`, read by one of the domain's `parse` functions.
pub(crate) fn word<T>(row: &QueryResult, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
    let word: String = get(row, column)?;
    parse(&word).ok_or_else(|| Error::broken(format!("column {column} has the unknown word {word}")))
}

/// The word in `column`, where there is one.
pub(crate) fn optional_word<T>(row: &QueryResult, column: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    let word: Option<String> = get(row, column)?;
    match word {
        None => Ok(None),
        Some(word) => match parse(&word) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::broken(format!("column {column} has the unknown word {word}"))),
        },
    }
}

/// The JSON in `column`, which is kept as text in both databases.
pub(crate) fn json<T: DeserializeOwned>(row: &QueryResult, column: &str) -> Result<T> {
    let text: String = get(row, column)?;
    serde_json::from_str(&text).map_err(|error| Error::internal(format!("column {column} is not the JSON it should be"), error))
}

/// The JSON in `column`, where there is any.
pub(crate) fn optional_json<T: DeserializeOwned>(row: &QueryResult, column: &str) -> Result<Option<T>> {
    let text: Option<String> = get(row, column)?;
    let value = text.map(|text| serde_json::from_str(&text)).transpose();
    value.map_err(|error| Error::internal(format!("column {column} is not the JSON it should be"), error))
}
