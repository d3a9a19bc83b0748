//! Facts about the engine as its callers see it: which records are suggested, how surely, and why. One file for each subject.

mod bad_input;
mod fields;
mod lists;
mod names;
mod updates;

use crate::{Band, Index, Record, Subject, Suggestion};

/// A record with a name only.
fn named(id: impl ToString, name: impl Into<String>) -> Record {
    Record { id: id.to_string(), name: name.into(), ..Record::default() }
}

/// A vendor with everything.
fn vendor(id: &str, name: &str, address: &str, city: &str, phone: &str) -> Record {
    Record { address: address.into(), city: city.into(), phone: phone.into(), ..named(id, name) }
}

fn index_of(records: &[Record]) -> Index {
    let mut index = Index::new(Subject::Vendor);
    records.iter().for_each(|record| index.insert(record));
    index
}

/// Firms that have nothing to do with any test, so that words have a frequency.
fn crowd() -> Vec<Record> {
    const FIRST: [&str; 20] = [
        "Adler",
        "Bremer",
        "Castell",
        "Dunmore",
        "Eberle",
        "Fontaine",
        "Garrison",
        "Hollis",
        "Ingram",
        "Jasper",
        "Keller",
        "Lombard",
        "Mercer",
        "Norwood",
        "Osborne",
        "Prescott",
        "Quimby",
        "Redmond",
        "Sheffield",
        "Thornton",
    ];
    const TRADE: [&str; 15] = [
        "Plumbing",
        "Electric",
        "Roofing",
        "Construction",
        "Masonry",
        "Painting",
        "Concrete",
        "Heating",
        "Flooring",
        "Builders",
        "Steel",
        "Glass",
        "Paving",
        "Demolition",
        "Landscaping",
    ];
    let names = FIRST.iter().flat_map(|first| TRADE.iter().map(move |trade| format!("{first} {trade} Inc")));
    names.enumerate().map(|(at, name)| named(format!("crowd-{at:03}"), name)).collect()
}

/// The suggestions for `record` among the crowd and `others`.
fn suggest(others: &[Record], record: &Record) -> Vec<Suggestion> {
    let mut all = crowd();
    all.extend_from_slice(others);
    index_of(&all).suggest(record, 5)
}

/// The best suggestion for a name among names.
fn best(others: &[&str], name: &str) -> Option<Suggestion> {
    let others: Vec<Record> = others.iter().enumerate().map(|(at, name)| named(at, *name)).collect();
    suggest(&others, &named("asked", name)).into_iter().next()
}

fn band(others: &[&str], name: &str) -> Option<Band> {
    best(others, name).map(|suggestion| suggestion.band)
}
