//! The words of all names in the index, how many names have each, and so what it is worth that two names share it.
//!
//! What a word is worth is learned from the directory at hand, starting from the prior of `words.rs`: a word that one name in ten has tells
//! little, a word that no other name has tells nearly everything.

use crate::similarity;
use crate::words::{self, Kind};
use std::collections::HashMap;

/// How many names the prior weighs as much as; a directory of more names overrules it.
const PRIOR_NAMES: f32 = 500.0;

/// How long a word is whose slips are looked up, in letters: in a longer one enough letter groups stay whole.
const SLIPS_FOUND: std::ops::RangeInclusive<usize> = 4..=MOST_LETTERS;
const MOST_LETTERS: usize = 12;

/// How many words are that near, by length, before a list has said anything; it counts as so many words.
const CROWD_BEFORE: [f32; MOST_LETTERS + 1] = [3.0, 3.0, 3.0, 3.0, 2.0, 0.8, 0.4, 0.2, 0.12, 0.1, 0.08, 0.06, 0.05];
const CROWD_OF_LONG_WORDS: f32 = 0.05;
const CROWD_WORDS: f32 = 60.0;

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
    /// Words by what is left of them without one letter: words a slip apart meet there.
    shortened: HashMap<u64, Vec<u32>>,
    /// How many words of each length are so noted, and how many neighbours they have together.
    crowds: [(u32, u32); MOST_LETTERS + 1],
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
            let text = word.text.clone();
            for key in shortened(&text) {
                let list = self.shortened.entry(key).or_default();
                list.retain(|known| *known != number);
                if list.is_empty() {
                    self.shortened.remove(&key);
                }
            }
            self.count_crowd(&text, false);
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
        self.count_crowd(text, true);
        for key in shortened(text) {
            self.shortened.entry(key).or_default().push(number);
        }
        number
    }

    /// Counts a word that comes or goes, and each neighbour in both directions.
    fn count_crowd(&mut self, text: &str, comes: bool) {
        if shortened(text).is_empty() {
            return;
        }
        let count = |value: &mut u32, by: u32| *value = if comes { *value + by } else { value.saturating_sub(by) };
        let near = self.misspelt(text);
        let (words, neighbours) = &mut self.crowds[text.len()];
        count(words, 1);
        count(neighbours, u32::try_from(near.len()).unwrap_or_default());
        for other in near {
            let length = self.word(other).text.len();
            count(&mut self.crowds[length].1, 1);
        }
    }

    /// How many words of the list stand one slip away from a word of this length by chance: where words crowd, a slip says little.
    pub(crate) fn crowd(&self, letters: usize) -> f32 {
        let before = CROWD_BEFORE.get(letters).copied().unwrap_or(CROWD_OF_LONG_WORDS);
        let (words, neighbours) = self.crowds.get(letters).copied().unwrap_or_default();
        (neighbours as f32 + before * CROWD_WORDS) / (words as f32 + CROWD_WORDS)
    }

    /// The words that are one slip away from `text`, in the order of their texts; what comes out does not depend on the order they came in.
    pub(crate) fn misspelt(&self, text: &str) -> Vec<u32> {
        let mut found: Vec<u32> = shortened(text).iter().filter_map(|key| self.shortened.get(key)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found.retain(|number| {
            let other = &*self.word(*number).text;
            other != text && similarity::distance(text.as_bytes(), other.as_bytes(), 1).is_some()
        });
        found.sort_by(|one, other| self.word(*one).text.cmp(&self.word(*other).text));
        found
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

/// The hashes of a word and of what is left of it without one letter; nothing for a word that is no name, or so long that its groups of letters
/// find it anyway.
fn shortened(text: &str) -> Vec<u64> {
    if !SLIPS_FOUND.contains(&text.len()) || !text.is_ascii() || Kind::of(text) != Kind::Word {
        return Vec::new();
    }
    let without =
        |at: usize| crate::record::hash_of(text.bytes().enumerate().filter(|(place, _)| *place != at).map(|(_, letter)| letter));
    let mut keys: Vec<u64> = (0..=text.len()).map(without).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
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
