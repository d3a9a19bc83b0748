//! Foreign text on its way into a column: what a database refuses is taken out, what would not fit an index is cut, what a person
//! searches for means itself.

use linkyard_core::{Error, Result};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The longest name that is kept, in characters. Longer than any name that can be linked, so a name that is too long stays too long.
pub(crate) const LONGEST_KEPT_NAME: usize = 10_000;

/// How much of a name can be searched, in characters; also the longest search.
const SEARCHED_CHARACTERS: usize = 1_000;

/// The longest key, in bytes: PostgreSQL refuses index rows of more than 2,704.
const LONGEST_KEY: usize = 1_000;

/// `text` without U+0000, which PostgreSQL refuses in any text.
pub(crate) fn kept(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { Cow::Borrowed(text) }
}

/// The first `characters` of `text`.
pub(crate) fn clipped(text: &str, characters: usize) -> &str {
    match text.char_indices().nth(characters) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

/// The form of a name in which it is searched: lower case of every script, which neither database's `lower` promises.
pub(crate) fn searched(name: &str) -> String {
    clipped(name, SEARCHED_CHARACTERS).to_lowercase()
}

/// The pattern (for `like .. escape '\'`) of names that contain `search`, in which no character is special.
///
/// # Errors
/// `Invalid` for a search of more than 1,000 characters.
pub(crate) fn containing(search: &str) -> Result<String> {
    let search = short("filter.search", search)?;
    Ok(format!("%{}%", search.chars().map(literal).collect::<String>()))
}

/// The pattern (for `like .. escape '\'`) of names that `glob` describes as a whole: `*` is any text, `?` any character, all others are
/// themselves.
///
/// # Errors
/// `Invalid` for more than 1,000 characters.
pub(crate) fn described(glob: &str) -> Result<String> {
    let glob = short("filter.name_pattern", glob)?;
    let spelled = glob.chars().map(|character| match character {
        '*' => "%".to_owned(),
        '?' => "_".to_owned(),
        other => literal(other),
    });
    Ok(spelled.collect())
}

/// What a person searches for, in the form of [`searched`].
fn short(field: &str, text: &str) -> Result<String> {
    if text.chars().nth(SEARCHED_CHARACTERS).is_some() {
        return Err(Error::invalid(field, "is longer than 1,000 characters"));
    }
    Ok(kept(text).to_lowercase())
}

/// A character that means itself in a pattern.
fn literal(character: char) -> String {
    if matches!(character, '%' | '_' | '\\') { format!("\\{character}") } else { character.to_string() }
}

/// `key` in a form that fits an index: a longer one keeps its identity by a hash.
pub(crate) fn key(key: &str) -> Cow<'_, str> {
    if key.len() <= LONGEST_KEY {
        return kept(key);
    }
    let hash = Sha256::digest(key.as_bytes());
    let hash = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Cow::Owned(format!("{} {hash}", kept(clipped(key, 100))))
}

/// The first eight bytes of the SHA-256 of `bytes`, as a number: the same in every process and release.
pub(crate) fn stable_hash(bytes: &[u8]) -> i64 {
    let digest = Sha256::digest(bytes);
    let mut first = [0_u8; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_means_itself() {
        assert_eq!(containing("100%_\\ Ä").expect("short"), "%100\\%\\_\\\\ ä%");
        assert!(containing(&"x".repeat(1_001)).is_err());
    }

    #[test]
    fn a_pattern_has_two_special_characters() {
        assert_eq!(described("*Test?_100%*\\").expect("short"), "%test_\\_100\\%%\\\\");
        assert!(described(&"*".repeat(1_001)).is_err());
    }

    #[test]
    fn a_long_key_fits_an_index_and_stays_itself() {
        let (left, right) = (format!("{}a", "ж".repeat(3_000)), format!("{}b", "ж".repeat(3_000)));
        assert!(key(&left).len() < LONGEST_KEY);
        assert_ne!(key(&left), key(&right));
        assert_eq!(key("acme"), "acme");
    }

    #[test]
    fn nothing_with_a_nul_is_kept() {
        assert_eq!(kept("a\0b\0"), "ab");
        assert_eq!(clipped("äöü", 2), "äö");
    }
}
