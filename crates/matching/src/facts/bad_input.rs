//! Bad input: no crash, no false STRONG, and work that stays small whatever is repeated. Work is counted in candidates, not in seconds.

use super::{crowd, index_of, named, vendor};
use crate::candidates::{self, Workspace};
use crate::query::Query;
use crate::record::Prepared;
use crate::{Band, Index, Record, Subject, Suggestion, duplicates, match_keys};

/// How many records are compared in detail for `record`.
fn compared(index: &Index, record: &Record) -> usize {
    let prepared = Prepared::of(record, index.subject);
    let query = Query::new(&prepared, &index.names, None);
    candidates::find(index, &query, &mut Workspace::default()).slots.len()
}

fn no_strong(found: &[Suggestion], what: &str) {
    assert!(found.iter().all(|found| found.band < Band::Strong), "{what}: {found:?}");
}

#[test]
fn names_that_say_nothing_are_never_strong() {
    let empty =
        ["", "  ", "LLC", "Inc.", "Co., Ltd.", "The", "A", "X", "&", "-", "1", "N/A", "?", "The Company", "GmbH & Co. KG"];
    let mut records = crowd();
    records.extend(empty.iter().enumerate().map(|(at, name)| named(format!("e{at}"), *name)));
    let index = index_of(&records);
    for name in empty {
        no_strong(&index.suggest(&named("asked", name), 5), name);
    }
}

#[test]
fn ten_thousand_equal_names_cost_as_much_as_a_few() {
    let records: Vec<Record> = (0..10_000).map(|at| named(format!("{at:05}"), "Acme Builders LLC")).collect();
    let mut index = index_of(&records);
    assert!(compared(&index, &named("asked", "Acme Builders")) < 50);
    let found = index.suggest(&named("asked", "Acme Builders"), 5);
    assert_eq!(found.len(), 5);
    no_strong(&found, "which of them?");
    no_strong(&index.suggest(&named("asked", "Acme Bilders"), 5), "nor misspelt");
    assert!(index.remove("04711") && index.len() == 9_999);
}

#[test]
fn what_thousands_share_finds_nobody() {
    let mut records: Vec<Record> = Vec::new();
    for at in 0..3_000 {
        let name = format!("Qu{}ix Works{}", letters(at), at % 7);
        records.push(Record {
            email: "none@none.com".into(),
            ..vendor(
                &format!("{at:04}"),
                &name,
                "1209 Orange Street",
                "Wilmington",
                if at % 2 == 0 { "000-000-0000" } else { "302-658-7581" },
            )
        });
    }
    let index = index_of(&records);
    let stranger = Record {
        email: "none@none.com".into(),
        ..vendor("asked", "Zephyr Tile", "1209 Orange St.", "Wilmington", "302 658 7581")
    };
    assert!(compared(&index, &stranger) < 200);
    no_strong(&index.suggest(&stranger, 5), "a registered agent's address");
    no_strong(&index.suggest(&Record { phone: "0000000000".into(), ..stranger }, 5), "a phone of zeros");
}

#[test]
fn eight_hundred_firms_of_one_registered_agent_are_eight_hundred_firms() {
    let at_the_agent = |id: &str, name: &str| vendor(id, name, "1209 Orange Street", "Wilmington", "302-658-7581");
    let records: Vec<Record> =
        (0..800).map(|at| at_the_agent(&at.to_string(), &format!("Zu{}ex LLC", letters(at * 7)))).collect();
    let index = index_of(&records);
    assert!(duplicates(&index, &records).is_empty());
    for stranger in ["Halcyon Freight", "Oxbow Freight Holdings", "LLC", ""] {
        no_strong(&index.suggest(&at_the_agent("asked", stranger), 5), stranger);
    }
}

#[test]
fn words_that_crowd_one_letter_apart_are_words() {
    let name = |at: usize| format!("Ga{}{}lor Roofing", letters(at % 26), letters(at / 26 % 26));
    let records: Vec<Record> = (0..600).map(|at| named(at, name(at))).collect();
    let index = index_of(&records);
    for at in 600..676 {
        no_strong(&index.suggest(&named("asked", name(at)), 5), &name(at));
        assert!(compared(&index, &named("asked", name(at))) < 50);
    }
    let mut emptied = index;
    records.iter().for_each(|record| assert!(emptied.remove(&record.id)));
    emptied.insert(&named("1", name(7)));
    let fresh = index_of(&[named("1", name(7))]);
    assert_eq!(
        emptied.suggest(&named("asked", name(8)), 5),
        fresh.suggest(&named("asked", name(8)), 5),
        "what is gone crowds nobody"
    );
}

#[test]
fn endless_names_are_read_to_an_end() {
    let mut records = crowd();
    records.push(named("long", "Acme ".repeat(1_000)));
    records.push(named("longer", "é".repeat(5_000)));
    records.push(named("words", (0..1_000).map(letters).collect::<Vec<_>>().join(" ")));
    let index = index_of(&records);
    for record in records.iter().rev().take(3) {
        let found = index.suggest(&Record { id: "asked".into(), ..record.clone() }, 5);
        assert!(found.iter().any(|found| found.id == record.id), "{}", record.id);
        assert!(match_keys(record, Subject::Vendor).len() < 40);
    }
}

#[test]
fn every_script_finds_itself_and_nothing_else() {
    let names = [
        "🦄🦄 Bäckerei",
        "东京建设有限公司",
        "Строймонтаж Север",
        "شركة البناء الحديث",
        "삼성건설",
        "राम निर्माण",
        "Ελληνική Οδοποιία",
        "🙂",
        "\u{202e}evil\u{202c} Corp",
        "ACME 東京 🚀 Ltd",
    ];
    let records: Vec<Record> = names.iter().enumerate().map(|(at, name)| named(at, *name)).collect();
    let index = index_of(&[crowd(), records.clone()].concat());
    for record in &records {
        let found = index.suggest(&Record { id: "asked".into(), ..record.clone() }, 5);
        assert_eq!(found[0].id, record.id, "{}", record.name);
        no_strong(&found[1..], &record.name);
    }
}

#[test]
fn an_empty_index_and_an_empty_record_answer_nothing() {
    assert!(Index::new(Subject::Vendor).suggest(&named("a", "Acme"), 5).is_empty());
    assert!(index_of(&crowd()).suggest(&Record::default(), 5).is_empty());
    assert!(index_of(&crowd()).suggest(&crowd()[0], 0).is_empty());
    assert!(duplicates(&Index::new(Subject::Project), &crowd()).is_empty(), "records that are not in the index are left out");
}

#[test]
fn every_field_survives_noise() {
    let noise = "\u{0}🙂 ' ; -- <b> ٣٤٥ %s \\ ,,, @@ ..".repeat(50);
    let record = Record {
        id: "n".into(),
        name: noise.clone(),
        other_names: vec![noise.clone(), String::new()],
        address: noise.clone(),
        city: noise.clone(),
        state: noise.clone(),
        postcode: noise.clone(),
        phone: noise.clone(),
        email: noise.clone(),
        website: noise.clone(),
        tax_id: noise.clone(),
        number: noise.clone(),
        owner: noise.clone(),
        starts: noise.clone(),
        finishes: noise.clone(),
        vendors: vec![noise],
    };
    let mut index = index_of(&crowd());
    index.insert(&record);
    assert_eq!(index.suggest(&record, 1)[0].id, "n");
    assert!(index.remove("n") && index.len() == crowd().len());
}

/// A number in letters, so that names differ in words and not in numbers.
fn letters(number: usize) -> String {
    let mut rest = number + 26;
    let mut text = String::new();
    while rest > 0 {
        text.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    text
}
