//! Field types that tell absent, null and present apart where that matters, and take a value of the wrong type for "not said"
//! instead of refusing the page. All of them read any JSON value; only [`Id`] and [`Name`] insist.

use linkyard_core::id::RecordId;
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// Writes the visits that a type answers with `Ok(None)`-like nothing, draining what must be drained.
macro_rules! otherwise {
    ($nothing:expr; $($visit:ident),+) => { $( otherwise!(@ $visit, $nothing); )+ };
    (@ bool, $nothing:expr) => { fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> { Ok($nothing) } };
    (@ i64, $nothing:expr) => { fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> { Ok($nothing) } };
    (@ u64, $nothing:expr) => { fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> { Ok($nothing) } };
    (@ f64, $nothing:expr) => { fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> { Ok($nothing) } };
    (@ str, $nothing:expr) => { fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Self::Value, E> { Ok($nothing) } };
    (@ null, $nothing:expr) => { fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> { Ok($nothing) } };
    (@ seq, $nothing:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok($nothing)
        }
    };
    (@ map, $nothing:expr) => {
        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
            while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($nothing)
        }
    };
}

/// Says what a visitor reads, and reads it.
macro_rules! read_any {
    ($type:ty, $visitor:expr, [$($generics:tt)*]) => {
        impl<'de $($generics)*> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($visitor)
            }
        }
    };
}

/// A text; numbers are taken as their digits. Null, absent and other types are `None`.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text as it was sent, the empty one included.
    pub(crate) fn owned(self) -> Option<String> {
        self.0.map(storable)
    }

    /// The text, unless it is blank.
    pub(crate) fn not_blank(self) -> Option<String> {
        self.0.filter(|text| !text.trim().is_empty()).map(storable)
    }
}

/// NUL is the one character that a JSON text may hold and a PostgreSQL text may not.
fn storable(text: Cow<'_, str>) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text.into_owned() }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    otherwise!(Text(None); bool, f64, null, seq, map);
}

read_any!(Text<'a>, TextVisitor, [: 'a, 'a]);

/// The name of a record: it must be there. Null is the empty name; a number is its digits; anything else refuses the page.
#[derive(Debug)]
pub(crate) struct Name<'a>(Text<'a>);

impl Name<'_> {
    /// The name as it was sent.
    pub(crate) fn owned(self) -> String {
        self.0.owned().unwrap_or_default()
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        TextVisitor.visit_borrowed_str(text).map(Name)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        TextVisitor.visit_str(text).map(Name)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Self::Value, E> {
        TextVisitor.visit_i64(number).map(Name)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Self::Value, E> {
        TextVisitor.visit_u64(number).map(Name)
    }

    otherwise!(Name(Text(None)); null);
}

read_any!(Name<'a>, NameVisitor, [: 'a, 'a]);

/// The id of a record: a positive integer of 64 bits, anything else refuses the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id(pub(crate) RecordId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = i64::deserialize(deserializer)?;
        if id > 0 { Ok(Self(RecordId(id))) } else { Err(D::Error::custom("an id is positive")) }
    }
}

/// Yes, no, or not said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flag(pub(crate) Option<bool>);

impl Flag {
    /// Whether it was said to be so.
    pub(crate) fn is_set(self) -> bool {
        self.0 == Some(true)
    }
}

struct FlagVisitor;

impl<'de> Visitor<'de> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Flag(Some(flag)))
    }

    otherwise!(Flag(None); i64, u64, f64, str, null, seq, map);
}

read_any!(Flag, FlagVisitor, []);

/// A whole number, or not said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Number(Option<i64>);

impl Number {
    /// The number, if it is above zero.
    pub(crate) fn positive(self) -> Option<u64> {
        self.0.and_then(|number| u64::try_from(number).ok()).filter(|number| *number > 0)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Number(Some(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Number(i64::try_from(number).ok()))
    }

    otherwise!(Number(None); bool, f64, str, null, seq, map);
}

read_any!(Number, NumberVisitor, []);

/// A list of ids; `None` unless every element is one, because half a list of associations is worse than none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids(pub(crate) Option<Vec<RecordId>>);

struct IdsVisitor;

impl<'de> Visitor<'de> for IdsVisitor {
    type Value = Ids;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut ids = Some(Vec::with_capacity(items.size_hint().unwrap_or_default().min(1024)));
        while let Some(number) = items.next_element::<Number>()? {
            match (number.0, &mut ids) {
                (Some(id), Some(ids)) if id > 0 => ids.push(RecordId(id)),
                (Some(_) | None, _) => ids = None,
            }
        }
        Ok(Ids(ids))
    }

    otherwise!(Ids(None); bool, i64, u64, f64, str, null, map);
}

read_any!(Ids, IdsVisitor, []);

/// An object, or not said.
#[derive(Clone, Debug)]
pub(crate) struct Object<T>(pub(crate) Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Self {
        Self(None)
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(|value| Object(Some(value)))
    }

    otherwise!(Object(None); bool, i64, u64, f64, str, null, seq);
}

read_any!(Object<T>, ObjectVisitor(PhantomData), [, T: Deserialize<'de>]);

/// A row of a page: an object, or the page is refused. (A derived struct alone would also read itself from a list.)
#[derive(Clone, Debug)]
pub(crate) struct Row<T>(pub(crate) T);

struct RowVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for RowVisitor<T> {
    type Value = Row<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields)).map(Row)
    }
}

read_any!(Row<T>, RowVisitor(PhantomData), [, T: Deserialize<'de>]);

/// A list; anything else is the empty list.
#[derive(Clone, Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(List)
    }

    otherwise!(List(Vec::new()); bool, i64, u64, f64, str, null, map);
}

read_any!(List<T>, ListVisitor(PhantomData), [, T: Deserialize<'de>]);
