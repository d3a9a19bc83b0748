//! One record as a question to the index: its names with every word looked up once.

use crate::name::Form;
use crate::names::{self, Names};
use crate::record::{Fields, Prepared};
use crate::similarity;
use crate::words::Kind;

/// A record that looks for its counterpart.
#[derive(Debug)]
pub(crate) struct Query<'r> {
    pub(crate) forms: Vec<QueryForm<'r>>,
    pub(crate) fields: &'r Fields,
    /// The entry that is the record itself, when it looks among its own.
    pub(crate) itself: Option<u32>,
}

/// One of its names.
#[derive(Debug)]
pub(crate) struct QueryForm<'r> {
    pub(crate) form: &'r Form,
    pub(crate) words: Vec<QueryWord<'r>>,
    pub(crate) node: Option<u32>,
}

/// One word of it.
#[derive(Debug)]
pub(crate) struct QueryWord<'r> {
    pub(crate) text: &'r str,
    pub(crate) number: Option<u32>,
    pub(crate) letters: u64,
    pub(crate) kind: Kind,
    /// What it is worth that another name has it too.
    pub(crate) worth: f32,
    /// The words of the index that are one slip away, where they were looked up.
    pub(crate) near: Vec<u32>,
    /// How many words are that near to one of its length by chance.
    pub(crate) crowd: f32,
}

impl<'r> Query<'r> {
    pub(crate) fn new(prepared: &'r Prepared, names: &Names, itself: Option<u32>) -> Self {
        let mut forms: Vec<QueryForm<'_>> = prepared.forms.iter().map(|form| QueryForm::new(form, names)).collect();
        for word in forms.iter_mut().flat_map(|form| &mut form.words) {
            word.near = names.vocabulary.misspelt(word.text);
            word.crowd = word.crowd.max(word.near.len() as f32 - 1.0);
        }
        Self { forms, fields: &prepared.fields, itself }
    }
}

impl<'r> QueryForm<'r> {
    /// Looks up every word of `form`.
    pub(crate) fn new(form: &'r Form, names: &Names) -> Self {
        let words = names::distinct(&form.words).into_iter().map(|text| QueryWord::new(text, names)).collect();
        Self { form, words, node: names.find(&form.key) }
    }
}

impl<'r> QueryWord<'r> {
    fn new(text: &'r str, names: &Names) -> Self {
        match names.vocabulary.find(text) {
            Some(number) => {
                let word = names.vocabulary.word(number);
                let worth = names.vocabulary.worth(number, names.len());
                Self {
                    text,
                    number: Some(number),
                    letters: word.letters,
                    kind: word.kind,
                    worth,
                    near: Vec::new(),
                    crowd: names.vocabulary.crowd(text.len()),
                }
            }
            None => {
                let worth = names.vocabulary.worth_of_unknown(text, names.len());
                Self {
                    text,
                    number: None,
                    letters: similarity::letters(text),
                    kind: Kind::of(text),
                    worth,
                    near: Vec::new(),
                    crowd: names.vocabulary.crowd(text.len()),
                }
            }
        }
    }
}
