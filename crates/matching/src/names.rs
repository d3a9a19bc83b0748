//! All different names of the index: one node each, however many records bear it, found by their words and by groups of three letters.
//!
//! Nodes instead of records make 10,000 equal names cost as much as one. A name that is nearly the same shares rare letter groups, wherever
//! the slip is and whether the words are written together or apart, because the groups are taken without spaces.

use crate::name::Form;
use crate::vocabulary::Vocabulary;
use std::collections::HashMap;

/// How much of a name gives letter groups, in letters.
const LETTERS_GROUPED: usize = 64;

/// Letters, digits and the beginning of the name.
const SYMBOLS: usize = 37;

/// One name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) key: Box<str>,
    pub(crate) words: Box<[u32]>,
    /// How many letter groups it has.
    pub(crate) groups: u16,
    /// The records that bear it, in the order of their ids.
    pub(crate) members: Vec<u32>,
}

/// All names.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) vocabulary: Vocabulary,
    nodes: Vec<Node>,
    numbers: HashMap<Box<str>, u32>,
    free: Vec<u32>,
    groups: Vec<Vec<u32>>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            vocabulary: Vocabulary::default(),
            nodes: Vec::new(),
            numbers: HashMap::new(),
            free: Vec::new(),
            groups: vec![Vec::new(); SYMBOLS * SYMBOLS * SYMBOLS],
        }
    }
}

impl Names {
    /// How many different names there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// One more than the highest number of a node.
    pub(crate) fn numbers_used(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    pub(crate) fn members_mut(&mut self, number: u32) -> &mut Vec<u32> {
        &mut self.nodes[number as usize].members
    }

    pub(crate) fn find(&self, key: &str) -> Option<u32> {
        self.numbers.get(key).copied()
    }

    /// The names that have a letter group.
    pub(crate) fn with_group(&self, group: u16) -> &[u32] {
        &self.groups[usize::from(group)]
    }

    /// The node of a name, made when it is new.
    pub(crate) fn add(&mut self, form: &Form) -> u32 {
        if let Some(number) = self.find(&form.key) {
            return number;
        }
        let number = self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::default());
            u32::try_from(self.nodes.len() - 1).expect("fewer than four billion names")
        });
        let words = distinct(&form.words).into_iter().map(|word| self.vocabulary.add(word, number)).collect();
        let groups = groups(&form.key);
        for group in &groups {
            self.groups[usize::from(*group)].push(number);
        }
        let count = u16::try_from(groups.len()).unwrap_or(u16::MAX);
        self.nodes[number as usize] = Node { key: form.key.as_str().into(), words, groups: count, members: Vec::new() };
        self.numbers.insert(form.key.as_str().into(), number);
        number
    }

    /// Forgets a name that no record bears any more.
    pub(crate) fn remove_unborne(&mut self, number: u32) {
        if !self.nodes[number as usize].members.is_empty() {
            return;
        }
        let node = std::mem::take(&mut self.nodes[number as usize]);
        for word in &node.words {
            self.vocabulary.remove(*word, number);
        }
        for group in groups(&node.key) {
            let list = &mut self.groups[usize::from(group)];
            if let Some(at) = list.iter().position(|known| *known == number) {
                list.swap_remove(at);
            }
        }
        self.numbers.remove(&node.key);
        self.free.push(number);
    }
}

/// The words in their order, each once: "J and J" has one J.
pub(crate) fn distinct(words: &[String]) -> Vec<&str> {
    let mut seen: Vec<&str> = Vec::with_capacity(words.len());
    for word in words {
        if !seen.contains(&word.as_str()) {
            seen.push(word);
        }
    }
    seen
}

/// The groups of three letters of a key without its spaces, each once; the first two letters make one with the beginning.
pub(crate) fn groups(key: &str) -> Vec<u16> {
    let symbols: Vec<usize> = std::iter::once(0).chain(key.bytes().filter_map(symbol)).take(LETTERS_GROUPED).collect();
    let mut groups: Vec<u16> = symbols.windows(3).map(group).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn symbol(byte: u8) -> Option<usize> {
    match byte {
        b'a'..=b'z' => Some(usize::from(byte - b'a') + 1),
        b'0'..=b'9' => Some(usize::from(byte - b'0') + 27),
        _ => None,
    }
}

fn group(symbols: &[usize]) -> u16 {
    let code = symbols.iter().fold(0, |code, symbol| code * SYMBOLS + symbol);
    u16::try_from(code).expect("37 symbols to the third power are fewer than 65,536")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{Subject, forms};

    fn form(name: &str) -> Form {
        forms(name, &[], Subject::Vendor).remove(0)
    }

    #[test]
    fn spaces_do_not_change_the_letter_groups() {
        assert_eq!(groups("good will"), groups("goodwill"));
        assert_eq!(groups(&"x".repeat(5_000)).len(), 2);
        assert_eq!(groups("!!!"), Vec::<u16>::new());
    }

    #[test]
    fn a_name_without_records_leaves_nothing_behind() {
        let mut names = Names::default();
        let number = names.add(&form("Kowalski Paving"));
        names.members_mut(number).push(7);
        names.remove_unborne(number);
        assert_eq!(names.len(), 1, "a record still bears it");
        names.members_mut(number).clear();
        names.remove_unborne(number);
        assert_eq!(names.len(), 0);
        assert!(names.groups.iter().all(Vec::is_empty));
        assert_eq!(names.vocabulary.find("kowalski"), None);
    }
}
