//! Keys for a database: what two records that may be one have in common, as strings that SQL can compare for equality.
//!
//! The gate looks up who shares a key and scores only those. One slip of the pen, a missing word, other spaces or another legal form leaves at
//! least one key: a slip cannot be at both ends of a name. Keys are written with the record, and computed again when it changes.

use crate::name::{self, Subject};
use crate::phone::Phone;
use crate::record::Record;
use crate::words::Kind;
use crate::{address::Address, ids, web};

/// How many letters of a name's beginning and end make a key.
const END_LETTERS: usize = 5;
/// How many words of a name make keys.
const WORDS: usize = 6;
/// How long a key may be, in bytes.
const LONGEST: usize = 120;

/// The keys of a record, in order and each once; at most a few dozen. Empty for a record without anything to compare.
#[must_use]
pub fn match_keys(record: &Record, subject: Subject) -> Vec<String> {
    let mut keys = Vec::new();
    for form in name::forms(&record.name, &record.other_names, subject) {
        let letters = form.key.replace(' ', "");
        keys.push(format!("name:{letters}"));
        let telling: Vec<&str> = form.words.iter().map(String::as_str).filter(|word| tells_apart(word)).collect();
        let told = if telling.is_empty() { letters } else { telling.concat() };
        if told.is_ascii() && told.len() > END_LETTERS {
            keys.push(format!("head:{}", &told[..END_LETTERS]));
            keys.push(format!("tail:{}", &told[told.len() - END_LETTERS..]));
        }
        keys.extend(telling.iter().filter(|word| word.len() > 3).take(WORDS).map(|word| format!("word:{word}")));
    }
    keys.extend(Phone::read(&record.phone).into_iter().map(|phone| format!("phone:{:07}", phone.key())));
    keys.extend(web::email(&record.email).map(|email| format!("email:{email}")));
    keys.extend(
        web::domain(&record.website)
            .or_else(|| web::domain(&record.email).filter(|_| record.email.contains('@')))
            .map(|domain| format!("domain:{domain}")),
    );
    keys.extend(ids::tax_id(&record.tax_id).map(|id| format!("tax:{id}")));
    keys.extend(ids::number(&record.number).filter(|_| subject == Subject::Project).map(|number| format!("number:{number}")));
    keys.extend(Address::read(&record.address).and_then(|address| address.key()).map(|key| format!("house:{key}")));
    keys.iter_mut().for_each(clip);
    keys.sort();
    keys.dedup();
    keys
}

fn tells_apart(word: &str) -> bool {
    match Kind::of(word) {
        Kind::Word | Kind::Number => true,
        Kind::Generic | Kind::Place | Kind::Relation | Kind::Direction | Kind::Letter => false,
    }
}

fn clip(key: &mut String) {
    let mut end = LONGEST.min(key.len());
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    key.truncate(end);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str) -> Vec<String> {
        match_keys(&Record { name: name.into(), ..Record::default() }, Subject::Vendor)
    }

    fn meet(left: &str, right: &str) -> bool {
        let others = keys(right);
        keys(left).iter().any(|key| others.contains(key))
    }

    #[test]
    fn a_damaged_name_keeps_a_key() {
        let name = "Kowalski Brothers Masonry LLC";
        for damaged in [
            "KOWALSKI BROS MASONRY",
            "Kowalsky Brothers Masonry",
            "Kowalski Masonry",
            "Kowalskibrothers masonry",
            "Masonry Kowalski",
            "Kowalski Brothers Masnry Inc",
            "Xowalski Brothers Masonry",
        ] {
            assert!(meet(name, damaged), "{damaged}");
        }
        assert!(meet("Crystalord", "Cristalord"));
        assert!(!meet(name, "Zimmer Brothers Masonry LLC"), "what all have in common is no key");
    }

    #[test]
    fn other_fields_make_keys() {
        let record = Record {
            phone: "(312) 285-9902".into(),
            email: "a@acme.com".into(),
            address: "12 Main St".into(),
            tax_id: "36-4012345".into(),
            ..Record::default()
        };
        assert_eq!(
            match_keys(&record, Subject::Vendor),
            ["domain:acme.com", "email:a@acme.com", "house:12 main", "phone:2859902", "tax:364012345"]
        );
    }

    #[test]
    fn keys_are_few_and_short() {
        assert_eq!(keys(""), Vec::<String>::new());
        let long = keys(&"wörd 😀 ".repeat(1_000));
        assert!(long.len() < 12 && long.iter().all(|key| key.len() <= LONGEST), "{long:?}");
    }
}
