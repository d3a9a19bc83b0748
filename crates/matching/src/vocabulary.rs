//! The words of all names in the index, how many names have each, and so what it is worth that two names share it.
//!
//! What a word is worth is learned from the directory at hand, starting from the prior of `words.rs`: a word that one name in ten has tells
//! little, a word that no other name has tells nearly everything.

use crate::similarity;
use crate::words::{self, Kind};
use std::collections::HashMap;

/// How many names the prior weighs as much as; a directory of more names overrules it.
const PRIOR_NAMES: f32 = 500.0;

/// One word.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) text: Box<str>,
    pub(crate) letters: u64,
    pub(crate) kind: Kind,
    /// The names that have it.
    pub(crate) names: Vec<u32>,
    background: f32,
    /// The share of the names that have it among those that look for a counterpart.
    asked: f32,
}

/// All words; freed numbers are used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vocabulary {
    words: Vec<Word>,
    numbers: HashMap<Box<str>, u32>,
    free: Vec<u32>,
    /// The words that are common among the names that look for a counterpart, with their share.
    asked: HashMap<Box<str>, f32>,
}

impl Vocabulary {
    pub(crate) fn word(&self, number: u32) -> &Word {
        &self.words[number as usize]
    }

    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        self.numbers.get(text).copied()
    }

    /// Notes that a name has the word.
    pub(crate) fn add(&mut self, text: &str, name: u32) -> u32 {
        let number = match self.find(text) {
            Some(number) => number,
            None => self.create(text),
        };
        self.words[number as usize].names.push(name);
        number
    }

    /// Notes that a name no longer has the word.
    pub(crate) fn remove(&mut self, number: u32, name: u32) {
        let word = &mut self.words[number as usize];
        if let Some(at) = word.names.iter().position(|known| *known == name) {
            word.names.swap_remove(at);
        }
        if word.names.is_empty() {
            self.numbers.remove(&word.text);
            self.free.push(number);
        }
    }

    fn create(&mut self, text: &str) -> u32 {
        let word = Word {
            text: text.into(),
            letters: similarity::letters(text),
            kind: Kind::of(text),
            names: Vec::new(),
            background: background(text),
            asked: self.asked(text),
        };
        let number = match self.free.pop() {
            Some(number) => {
                self.words[number as usize] = word;
                number
            }
            None => {
                self.words.push(word);
                u32::try_from(self.words.len() - 1).expect("fewer than four billion words")
            }
        };
        self.numbers.insert(text.into(), number);
        number
    }

    /// What it is worth, in nats, that a second name has the word too: `-ln` of how likely any name has it.
    pub(crate) fn worth(&self, number: u32, names: usize) -> f32 {
        let word = self.word(number);
        worth(word.names.len().saturating_sub(1), word.background, word.asked, names)
    }

    /// What a word that no name has would be worth.
    pub(crate) fn worth_of_unknown(&self, text: &str, names: usize) -> f32 {
        worth(0, background(text), self.asked(text), names)
    }

    /// Learns which words are common among the names that look for a counterpart: what one list appends to every name ("NHS Trust",
    /// "INACTIVE") is rare in the other and tells nothing all the same.
    pub(crate) fn hear(&mut self, asked: HashMap<Box<str>, f32>) {
        self.asked = asked;
        for word in &mut self.words {
            word.asked = self.asked.get(&word.text).copied().unwrap_or_default();
        }
    }

    fn asked(&self, text: &str) -> f32 {
        self.asked.get(text).copied().unwrap_or_default()
    }
}

fn worth(others: usize, background: f32, asked: f32, names: usize) -> f32 {
    let names = names as f32;
    ((names + PRIOR_NAMES) / ((others as f32).max(asked * names) + background)).ln()
}

/// How many of [`PRIOR_NAMES`] names have the word before any is seen.
fn background(text: &str) -> f32 {
    let known = f32::from(words::common_per_mille(text)) / 1_000.0;
    let share = match Kind::of(text) {
        Kind::Generic | Kind::Relation => known.max(0.002),
        Kind::Place => known.max(0.003),
        Kind::Direction => 0.01,
        Kind::Letter => 0.01,
        Kind::Number => 0.004,
        Kind::Word => match text.len() {
            0..=2 => 0.003,
            3 => 0.001,
            _ => 0.0004,
        },
    };
    share * PRIOR_NAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rare_word_is_worth_more_than_a_common_one() {
        let mut vocabulary = Vocabulary::default();
        let rare = vocabulary.add("kowalski", 0);
        for name in 0..500 {
            vocabulary.add("zimmer", name);
        }
        let common = vocabulary.find("zimmer").expect("added");
        assert!(vocabulary.worth(rare, 1_000) > vocabulary.worth(common, 1_000) + 4.0);
        let unknown = |word: &str| vocabulary.worth_of_unknown(word, 10);
        assert!(unknown("construction") + 3.0 < unknown("kowalski"), "known before any data");
    }

    #[test]
    fn a_word_that_no_name_has_is_forgotten() {
        let mut vocabulary = Vocabulary::default();
        let first = vocabulary.add("acme", 1);
        vocabulary.remove(first, 1);
        assert_eq!(vocabulary.find("acme"), None);
        assert_eq!(vocabulary.add("bolt", 2), first, "its number is used again");
    }
}
