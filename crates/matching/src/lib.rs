//! Matching: which vendor is which party and which project is which, how surely, and why. Pure: no I/O, no clock, no model file.
//!
//! An [`Index`] holds the records of one list and is updated record by record; [`Index::suggest`] answers with the best candidates, a
//! probability, a band and reasons; [`Index::suggest_all`] does a whole directory and tells its conflicts; [`duplicates()`] groups the records
//! of one list that are one; [`match_keys`] gives what SQL can compare. `docs/matching.md` explains the score. The files in reading order:
//!
//! - reading: `fold`, `legal`, `words`, `name`, `address`, `phone`, `web`, `ids`, `record`
//! - finding: `vocabulary`, `names`, `index`, `query`, `candidates`
//! - weighing: `weights`, `similarity`, `align`, `name_score`, `evidence`, `learn`
//! - answering: `score`, `reason`, `suggestion`, `batch`, `duplicates`, `keys`
//! - in the product's own words: `product`, `gatekeeper`, `nearly`
//!
//! [`name_key`] and [`project_key`] are compared for equality and nothing else; they are written to the database and computed again
//! whenever a name is stored, so a better rule only takes effect name by name. What a look-alike means for a decision, and storage, do not
//! live here.

#![forbid(unsafe_code)]

mod address;
mod align;
mod batch;
mod candidates;
mod duplicates;
mod evidence;
#[cfg(test)]
mod facts;
mod fold;
mod gatekeeper;
mod ids;
mod index;
mod keys;
mod learn;
mod legal;
mod name;
mod name_score;
mod names;
mod nearly;
mod phone;
mod product;
mod query;
mod reason;
mod record;
mod score;
mod similarity;
mod suggestion;
mod vocabulary;
mod web;
mod weights;
mod words;

pub use batch::{Batch, Conflict};
pub use duplicates::{DuplicateGroup, duplicates};
pub use gatekeeper::Gatekeeper;
pub use index::Index;
pub use keys::match_keys;
pub use name::Subject;
pub use reason::{Compared, Partly, Reason, Similarity};
pub use record::Record;
pub use suggestion::{Band, LIKELY_FROM, STRONG_FROM, Searcher, Suggestion, WEAK_FROM};

use fold::Words;

/// How much of a name is looked at, in characters: a name of five million characters costs no more than one of a thousand.
pub const CHARACTERS_CONSIDERED: usize = 1_000;

/// The key of a firm's name: case, accents, script, punctuation, spaces, `&`/and and the legal form at the end do not matter.
///
/// Empty for a name of nothing but spaces and invisible characters; never empty otherwise. Only the first
/// [`CHARACTERS_CONSIDERED`] characters count.
#[must_use]
pub fn name_key(name: &str) -> String {
    key(name, |words| {
        legal::strip_leading(words);
        legal::strip_trailing(words);
    })
}

/// The key of a project's name: as [`name_key`], but every word counts. A project is often called by its address, and neither
/// `Plaza Co` nor a number is a legal form there.
///
/// Empty for a name of nothing but spaces and invisible characters; never empty otherwise.
#[must_use]
pub fn project_key(name: &str) -> String {
    key(name, |_| {})
}

fn key(name: &str, shorten: impl FnOnce(&mut Vec<String>)) -> String {
    let clipped = clip(name);
    let mut words = Words::of(clipped).into_words();
    if words.is_empty() {
        // Nothing that can be spelled ("!!!", a private-use logo): the name as it stands is still better than no key.
        return fold::visible(clipped);
    }
    shorten(&mut words);
    words.join(" ")
}

fn clip(name: &str) -> &str {
    match name.char_indices().nth(CHARACTERS_CONSIDERED) {
        Some((end, _)) => &name[..end],
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(names: &[&str]) {
        let keys: Vec<String> = names.iter().map(|name| name_key(name)).collect();
        for (name, key) in names.iter().zip(&keys) {
            assert_eq!(*key, keys[0], "{name:?} and {:?}", names[0]);
            assert!(!key.is_empty(), "{name:?}");
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        same(&["Acme Builders, LLC", "ACME BUILDERS L.L.C.", "acme  builders", "Acme Builders, Inc.", "ACME-Builders Co., Ltd."]);
        same(&["Smith & Sons", "Smith and Sons", "SMITH + SONS", "Smith&Sons Inc"]);
        same(&["O'Brien Masonry", "O’Brien Masonry", "OBrien Masonry", "O`Brien Masonry Ltd."]);
        same(&["J.P. Morgan Paving", "JP Morgan Paving", "J P Morgan Paving", "J.P.Morgan Paving"]);
        same(&["Plan B S.A.", "Plan B SA", "plan b"]);
        same(&["Ｆｕｌｌ　Ｗｉｄｔｈ", "Full Width"]);
        same(&["ﬁrst choice", "First Choice"]);
    }

    #[test]
    fn accents_and_their_spelling_do_not_matter() {
        same(&["Café Müller GmbH", "Cafe\u{301} Mu\u{308}ller", "CAFE MULLER"]);
        same(&["Åkesson Bygg AB", "Akesson Bygg", "A\u{30a}kesson Bygg"]);
        same(&["Łódź Beton Sp. z o.o.", "Lodz Beton", "Łódź Beton spółka z ograniczoną odpowiedzialnością"]);
        same(&["Straße Bau", "Strasse Bau", "STRASSE BAU"]);
    }

    #[rustfmt::skip]
    const FORMS: [&str; 64] = [
        "LLC", "L.L.C.", "LLP", "LP", "PLLC", "PC", "Inc", "Inc.", "Incorporated", "Corp.", "Corporation", "Co.", "Company",
        "Ltd", "Limited", "PLC", "Pty Ltd", "Pte. Ltd.", "Pvt. Ltd.", "Private Limited", "Sdn. Bhd.", "GmbH", "GmbH & Co. KG",
        "AG", "KG", "OHG", "UG (haftungsbeschränkt)", "SE", "S.A.", "SA", "S.A.S.", "SARL", "S.à r.l.", "EURL", "S.r.l.",
        "S.p.A.", "S.L.", "S.A. de C.V.", "S. de R.L. de C.V.", "Ltda.", "Lda", "B.V.", "N.V.", "BVBA", "A/S", "ApS", "AB",
        "AS", "Oy", "Oyj", "s.r.o.", "a.s.", "Sp. z o.o.", "Kft.", "d.o.o.", "OOO", "ООО", "JSC", "K.K.", "Co., Ltd.", "ULC",
        "Ltée", "FZE", "W.L.L.",
    ];

    #[test]
    fn the_legal_forms_of_many_countries_are_removed_at_the_end() {
        for form in FORMS {
            assert_eq!(name_key(&format!("Northgate Paving {form}")), "northgate paving", "{form}");
        }
        assert_eq!(name_key("ООО Ромашка"), name_key("Ромашка"));
        assert_eq!(name_key("株式会社山田"), name_key("山田株式会社"));
        assert_eq!(name_key("上海建工有限公司"), name_key("上海建工"));
    }

    #[test]
    fn a_legal_form_is_never_removed_to_nothing() {
        for (name, key) in [("LLC", "llc"), ("The Company", "the"), ("Co. Ltd.", "co"), ("Inc & Co", "inc"), ("AG", "ag")] {
            assert_eq!(name_key(name), key, "{name}");
        }
    }

    #[test]
    fn different_firms_keep_different_keys() {
        let names = ["Acme 1", "Acme 2", "Acme", "Acme East", "Acme Land", "Co-op Acme", "Company of Acme"];
        for (index, left) in names.iter().enumerate() {
            for right in &names[index + 1..] {
                assert_ne!(name_key(left), name_key(right), "{left} {right}");
            }
        }
    }

    #[test]
    fn every_script_gives_a_key() {
        let names = [
            "שלום בנייה",
            "شركة البناء",
            "Строймонтаж",
            "東京建設",
            "サクラ工業",
            "삼성건설",
            "राम निर्माण",
            "Ελληνική",
            "🦄",
            "!!!",
            "\u{e000}",
        ];
        for (index, name) in names.iter().enumerate() {
            assert!(!name_key(name).is_empty(), "{name}");
            assert!(!project_key(name).is_empty(), "{name}");
            for other in &names[index + 1..] {
                assert_ne!(name_key(name), name_key(other));
            }
        }
        assert_ne!(name_key("が"), name_key("か"), "a voiced sound is another one");
    }

    #[test]
    fn nothing_visible_gives_no_key() {
        for name in ["", "   ", "\t\n", "\u{200f}\u{202e}", "\u{0}", "\u{feff} \u{200b}"] {
            assert_eq!(name_key(name), "", "{name:?}");
            assert_eq!(project_key(name), "", "{name:?}");
        }
    }

    #[test]
    fn marks_of_direction_do_not_matter() {
        same(&["\u{200f}שלום\u{200e}", "שלום"]);
        same(&["Ac\u{200b}me", "Acme"]);
    }

    #[test]
    fn a_projects_words_and_digits_all_count() {
        assert_eq!(project_key("  12 Main St. – Phase 2 "), "12 main st phase 2");
        assert_ne!(project_key("Plaza Co"), project_key("Plaza"));
        assert_ne!(project_key("100 Main"), project_key("101 Main"));
        assert_eq!(project_key("Tower A & B"), project_key("tower a and b"));
    }

    #[test]
    fn only_the_beginning_of_an_endless_name_counts() {
        let endless = "x".repeat(5_000_000);
        assert_eq!(name_key(&endless).len(), CHARACTERS_CONSIDERED);
        let accents = "a".to_owned() + &"\u{301}".repeat(2_000_000);
        assert!(!name_key(&accents).is_empty());
    }
}
