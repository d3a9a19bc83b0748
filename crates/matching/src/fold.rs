//! Folding: any text becomes lower-case Latin words, whatever script, width, accents and punctuation it came with.
//!
//! NFKC first (so that two encodings of one character are one, and a voiced kana stays itself), then transliteration character by
//! character. Which words mean anything is not decided here.

use unicode_normalization::UnicodeNormalization;

/// The words of a text, as they are collected.
#[derive(Debug, Default)]
pub(crate) struct Words {
    words: Vec<String>,
    /// The parts of the chunk between two spaces: `s`, `p`, `a` of "S.p.A.".
    parts: Vec<String>,
    part: String,
}

impl Words {
    /// Reads `text`.
    pub(crate) fn of(text: &str) -> Self {
        let mut words = Self::default();
        if text.is_ascii() {
            text.bytes().for_each(|byte| words.ascii(byte));
        } else {
            text.nfkc().for_each(|character| words.character(character));
        }
        words.end_chunk();
        words
    }

    /// The words, with letters that stand alone side by side joined: "L L C" is "llc".
    pub(crate) fn into_words(self) -> Vec<String> {
        let mut joined: Vec<String> = Vec::with_capacity(self.words.len());
        let mut letters = false;
        for word in self.words {
            let letter = is_letter(&word);
            match joined.last_mut() {
                Some(last) if letter && letters => last.push_str(&word),
                Some(_) | None => joined.push(word),
            }
            letters = letter;
        }
        joined
    }

    fn character(&mut self, character: char) {
        if character.is_ascii() {
            self.ascii(character as u8);
        } else if character.is_whitespace() {
            self.end_chunk();
        } else if !ignored(character) {
            deunicode::deunicode_char(character).unwrap_or_default().bytes().for_each(|byte| self.ascii(byte));
        }
    }

    fn ascii(&mut self, byte: u8) {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => self.part.push(char::from(byte)),
            b'A'..=b'Z' => self.part.push(char::from(byte.to_ascii_lowercase())),
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => self.end_chunk(),
            b'\'' | b'`' | b'"' | 0..=0x1f | 0x7f => {}
            b'&' | b'+' => {
                self.end_chunk();
                self.words.push("and".to_owned());
            }
            _ => self.end_part(),
        }
    }

    fn end_part(&mut self) {
        if !self.part.is_empty() {
            self.parts.push(std::mem::take(&mut self.part));
        }
    }

    /// "S.A." is one word, "Co.,Ltd" is two.
    fn end_chunk(&mut self) {
        self.end_part();
        if self.parts.len() > 1 && self.parts.iter().all(|part| is_letter(part)) {
            self.words.push(self.parts.concat());
            self.parts.clear();
        } else {
            self.words.append(&mut self.parts);
        }
    }
}

fn is_letter(word: &str) -> bool {
    word.len() == 1 && word.as_bytes()[0].is_ascii_alphabetic()
}

/// What is not spelled: accents without a letter of their own, optional vowel points, marks of direction and joining.
fn ignored(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}'
        | '\u{64b}'..='\u{65f}' | '\u{670}'
        | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2b9}'..='\u{2bf}')
        || invisible(character)
}

fn invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// What can be seen of `text`, in lower case without spaces: the last resort of a name that no word comes out of.
pub(crate) fn visible(text: &str) -> String {
    let seen = text.nfkc().filter(|character| !character.is_whitespace() && !invisible(*character));
    seen.flat_map(char::to_lowercase).collect()
}
