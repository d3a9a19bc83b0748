//! Writing rows straight into bytes: one object at a time, no tree in between, hand-set values in place of made-up ones.

use bytes::Bytes;
use serde::Serialize;
use serde::ser::SerializeMap;

use crate::directory::Fields;

/// An object being written; hand-set fields win over the value that is offered.
pub(crate) struct Row<'a, M> {
    map: M,
    fields: Option<&'a Fields>,
}

impl<'a, M: SerializeMap> Row<'a, M> {
    /// Starts an object.
    pub(crate) fn new(map: M, fields: Option<&'a Fields>) -> Self {
        Self { map, fields }
    }

    /// Writes one field.
    pub(crate) fn put<T: Serialize>(&mut self, key: &'static str, value: T) -> Result<(), M::Error> {
        match self.fields.and_then(|fields| fields.get(key)) {
            Some(set) => self.map.serialize_entry(key, set),
            None => self.map.serialize_entry(key, &value),
        }
    }

    /// Writes several fields that are null unless set by hand.
    pub(crate) fn nulls(&mut self, keys: &[&'static str]) -> Result<(), M::Error> {
        keys.iter().try_for_each(|key| self.put(key, ()))
    }

    /// Ends the object.
    pub(crate) fn end(self) -> Result<M::Ok, M::Error> {
        self.map.end()
    }
}

/// `{id, name}`.
#[derive(Debug, Serialize)]
pub(crate) struct Named<'a> {
    pub(crate) id: u64,
    pub(crate) name: &'a str,
}

/// One JSON value.
pub(crate) fn json<T: Serialize>(value: &T) -> Bytes {
    serde_json::to_vec(value).expect("views have string keys and no failing serializers").into()
}

/// A JSON array of rows.
pub(crate) fn array<T: Serialize>(rows: impl Iterator<Item = T>) -> Bytes {
    let mut bytes = vec![b'['];
    for (number, row) in rows.enumerate() {
        if number > 0 {
            bytes.push(b',');
        }
        serde_json::to_writer(&mut bytes, &row).expect("views have string keys and no failing serializers");
    }
    bytes.push(b']');
    bytes.into()
}

/// Rows as JSON lines.
pub(crate) fn lines<T: Serialize>(rows: impl Iterator<Item = T>) -> Bytes {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, &row).expect("views have string keys and no failing serializers");
        bytes.push(b'\n');
    }
    bytes.into()
}
