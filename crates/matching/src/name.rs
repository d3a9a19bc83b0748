//! A firm's or a project's name, read for comparing: its words, its legal form, and the other names written into it.
//!
//! One written name may hold several ("Kowalski Inc. d/b/a Blue Door", "Foo (formerly Bar)", "Foo (Chicago)"); each becomes a [`Form`].
//! Whether two forms mean the same firm is decided in `align.rs`; the keys that are stored in SQL are in `lib.rs`.

use crate::fold::Words;
use crate::{clip, fold, legal, words};

/// How many words of a name take part in comparing; the rest of a longer name only counts for being equal.
pub(crate) const WORDS_COMPARED: usize = 24;

/// How many forms of one record are kept.
const FORMS_KEPT: usize = 6;

/// What a record's name is the name of; it decides which words mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A firm, a school, a person: legal forms mean little.
    Vendor,
    /// A project: every word counts.
    Project,
}

/// One way in which a record is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// The words in their one spelling, without legal forms, articles and joining words; at most [`WORDS_COMPARED`].
    pub(crate) words: Vec<String>,
    /// All words in one string: equal for names that are the same.
    pub(crate) key: String,
    /// The legal forms that were removed, `|` between them; empty when there were none.
    pub(crate) legal: String,
    /// Whether it says nothing: a legal form, a letter, "n/a".
    pub(crate) blank: bool,
    /// A second name (trading as, formerly, what stands before a bracket).
    pub(crate) alias: bool,
    /// The name without what stands in its brackets, or without its town.
    pub(crate) bare: bool,
}

/// Words that introduce another name.
const OTHER_NAME: [&[&str]; 13] = [
    &["doing", "business", "as"],
    &["also", "known", "as"],
    &["formerly", "known", "as"],
    &["now", "known", "as"],
    &["trading", "as"],
    &["formerly"],
    &["previously"],
    &["dba"],
    &["aka"],
    &["fka"],
    &["nka"],
    &["ta"],
    &["fna"],
];

/// Reads a name and the record's other names. The first form is the name itself; without any word there is none.
pub(crate) fn forms(name: &str, others: &[String], subject: Subject) -> Vec<Form> {
    let mut forms = Vec::new();
    read(name, subject, false, &mut forms);
    for other in others {
        read(other, subject, true, &mut forms);
    }
    forms
}

fn read(name: &str, subject: Subject, alias: bool, forms: &mut Vec<Form>) {
    let name = clip(name);
    let words = Words::of(name).into_words();
    if words.is_empty() {
        push(forms, Form { words: Vec::new(), key: fold::visible(name), legal: String::new(), blank: true, alias, bare: false });
        return;
    }
    let parts = parts(&words);
    push(forms, form(words, subject, alias));
    if subject == Subject::Vendor && parts.len() > 1 {
        // The whole stays the first form, so that a name that merely contains such a word still equals itself.
        parts.into_iter().for_each(|part| push(forms, form(part, subject, true)));
    }
    if let Some(open) = name.find('(').filter(|open| *open > 0) {
        let rest = name[open..].find(')').map_or("", |close| &name[open + close + 1..]);
        let words = Words::of(&format!("{} {rest}", &name[..open])).into_words();
        if !words.is_empty() {
            push(forms, Form { bare: true, ..form(words, subject, true) });
        }
    }
}

/// Adds the name without the town that it ends in ("Blue Door of Houston", in Houston), where more than a trade remains.
pub(crate) fn add_without_town(name: &str, town: &str, forms: &mut Vec<Form>) {
    let town = Words::of(clip(town)).into_words();
    let mut words = Words::of(clip(name)).into_words();
    legal::strip_trailing(&mut words);
    if town.is_empty() || words.len() <= town.len() || !words.ends_with(&town) {
        return;
    }
    words.truncate(words.len() - town.len());
    if words.len() > 1 && words.last().is_some_and(|word| matches!(word.as_str(), "of" | "in")) {
        words.pop();
    }
    let form = form(words, Subject::Vendor, true);
    if form.words.iter().any(|word| words::Kind::of(word) == words::Kind::Word && word.len() > 2) {
        push(forms, Form { bare: true, ..form });
    }
}

fn push(forms: &mut Vec<Form>, form: Form) {
    if forms.len() < FORMS_KEPT && !form.key.is_empty() && !forms.iter().any(|known| known.key == form.key) {
        forms.push(form);
    }
}

/// The names between the words that introduce another name.
fn parts(words: &[String]) -> Vec<Vec<String>> {
    let mut parts = vec![Vec::new()];
    let mut at = 0;
    while at < words.len() {
        let rest = &words[at..];
        let introduced = OTHER_NAME
            .iter()
            .find(|phrase| rest.len() > phrase.len() && rest.iter().zip(**phrase).all(|(word, part)| word == part));
        match introduced {
            Some(phrase) if at > 0 => {
                parts.push(Vec::new());
                at += phrase.len();
            }
            Some(_) | None => {
                parts.last_mut().expect("there is always a part").push(words[at].clone());
                at += 1;
            }
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// Words that are no name, alone or with each other.
fn says_nothing(word: &str) -> bool {
    const NOTHING: [&str; 14] =
        ["and", "company", "firm", "na", "name", "no", "none", "of", "supplier", "tba", "tbd", "test", "the", "vendor"];
    let letter_or_number = matches!(words::Kind::of(word), words::Kind::Letter | words::Kind::Number);
    letter_or_number || word == "unknown" || NOTHING.contains(&word) || legal::is_form(word)
}

fn form(mut words: Vec<String>, subject: Subject, alias: bool) -> Form {
    let legal = match subject {
        Subject::Vendor => {
            legal::mend(&mut words);
            legal::unglue(&mut words);
            legal::take(&mut words)
        }
        Subject::Project => String::new(),
    };
    let meaning: Vec<&String> = words.iter().filter(|word| !matches!(word.as_str(), "and" | "the" | "of")).collect();
    let kept = if meaning.is_empty() { words.iter().collect() } else { meaning };
    let spelled: Vec<String> = kept.into_iter().map(|word| words::canonical(word)).collect();
    let key = spelled.join(" ");
    // One letter or digit says nothing, "A & T" and "1008 W 18th" do.
    let signs: usize = spelled
        .iter()
        .filter(|word| matches!(words::Kind::of(word), words::Kind::Letter | words::Kind::Number))
        .map(String::len)
        .sum();
    let blank = spelled.iter().all(|word| says_nothing(word)) && signs < 2;
    let words = spelled.into_iter().take(WORDS_COMPARED).collect();
    Form { words, key, legal, blank, alias, bare: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(name: &str) -> Vec<String> {
        forms(name, &[], Subject::Vendor).into_iter().map(|form| form.key).collect()
    }

    #[test]
    fn a_trading_name_is_a_name_of_its_own() {
        assert!(keys("Kowalski Holdings Inc. d/b/a Blue Door Cafe").contains(&"blue door cafe".to_owned()));
        assert!(keys("Kowalski Holdings Inc. d/b/a Blue Door Cafe").contains(&"kowalski holding".to_owned()));
        assert!(keys("Acme Paving (formerly Bolt Roads LLC)").contains(&"bolt road".to_owned()));
        assert!(keys("Acme Paving (Chicago)").contains(&"acme paving".to_owned()));
        assert_eq!(keys("Acme Paving"), ["acme paving"]);
    }

    #[test]
    fn legal_forms_and_joining_words_are_not_words_of_the_name() {
        assert_eq!(keys("The Smith & Sons Co., LLC"), keys("SMITH AND SON"));
        assert_eq!(keys("Bank of Elm"), keys("Elm Bank".split(' ').rev().collect::<Vec<_>>().join(" ").as_str()));
        let form = &forms("Acme Paving, L.L.C.", &[], Subject::Vendor)[0];
        assert_eq!(form.legal, "llc");
        let project = &forms("Plaza Co", &[], Subject::Project)[0];
        assert_eq!(project.words, ["plaza", "co"]);
    }

    #[test]
    fn a_name_without_words_has_a_key_or_no_form() {
        assert_eq!(keys(""), Vec::<String>::new());
        assert_eq!(keys(" \u{200b} "), Vec::<String>::new());
        assert_eq!(keys("!!!"), ["!!!"]);
        assert_eq!(keys("LLC"), ["llc"]);
    }

    #[test]
    fn an_endless_name_has_few_words() {
        let form = &forms(&"word ".repeat(5_000), &[], Subject::Vendor)[0];
        assert_eq!(form.words.len(), WORDS_COMPARED);
    }
}
