//! How far two words are apart in single letters: the optimal string alignment distance, and which letters a word has.

/// The longest word that is compared letter by letter, in bytes; longer ones only for being equal.
const LONGEST: usize = 32;

/// Which of the 36 letters and digits the word has, one bit each.
pub(crate) fn letters(word: &str) -> u64 {
    word.bytes().fold(0, |mask, byte| {
        mask | match byte {
            b'a'..=b'z' => 1 << (byte - b'a'),
            b'0'..=b'9' => 1 << (26 + byte - b'0'),
            _ => 1 << 36,
        }
    })
}

/// How many letters may be wrong in a word of this length before it is another word.
pub(crate) fn slips_allowed(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=6 => 1,
        7..=11 => 2,
        _ => 3,
    }
}

/// Whether one is the other with a slip of the pen.
pub(crate) fn is_slip(left: &str, right: &str) -> bool {
    let allowed = slips_allowed(left.len().min(right.len())).min(2);
    allowed > 0 && distance(left.as_bytes(), right.as_bytes(), allowed).is_some()
}

/// Whether both write one sound in two ways: an umlaut spelled out, a letter doubled, `w` for `v`, `k` for `c`.
pub(crate) fn same_sound(left: &str, right: &str) -> bool {
    left.len().min(right.len()) > 3
        && left.len().abs_diff(right.len()) < 4
        && left.as_bytes()[0] == right.as_bytes()[0]
        && sounds(left).eq(sounds(right))
}

/// The letters of a word as they sound, one after the other.
fn sounds(word: &str) -> impl Iterator<Item = u8> + '_ {
    let bytes = word.as_bytes();
    let mut last = 0;
    let mut skip = 0;
    (0..bytes.len()).filter_map(move |at| {
        if skip > 0 {
            skip -= 1;
            return None;
        }
        let next = bytes.get(at + 1).copied().unwrap_or_default();
        if next == bytes[at] && !next.is_ascii_digit() {
            return None;
        }
        let (sound, more) = match (bytes[at], next) {
            (vowel @ (b'a' | b'o' | b'u'), b'e') => (vowel, 1),
            (b'p', b'h') => (b'f', 1),
            (b'c', b'k') | (b'k', b'h') => (b'k', 1),
            (b't', b'z') => (b'z', 1),
            (b'i', b'j') | (b'y', _) => (b'i', usize::from(next == b'j')),
            (b'c', b'e' | b'i' | b'h') => (b'c', 0),
            (b'c', _) => (b'k', 0),
            (b'w', _) => (b'v', 0),
            (letter, _) => (letter, 0),
        };
        skip = more;
        let repeated = sound == last && !sound.is_ascii_digit();
        last = sound;
        (!repeated).then_some(sound)
    })
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour; nothing when it is more than `most`.
pub(crate) fn distance(left: &[u8], right: &[u8], most: usize) -> Option<usize> {
    if left.len() > LONGEST || right.len() > LONGEST || left.len().abs_diff(right.len()) > most {
        return (left == right).then_some(0);
    }
    let mut before = [0_u8; LONGEST + 1];
    let mut above = [0_u8; LONGEST + 1];
    let mut current = [0_u8; LONGEST + 1];
    for (column, cell) in above.iter_mut().enumerate().take(right.len() + 1) {
        *cell = column as u8;
    }
    for row in 1..=left.len() {
        current[0] = row as u8;
        let mut least = current[0];
        for column in 1..=right.len() {
            let other = u8::from(left[row - 1] != right[column - 1]);
            let mut cell = (above[column] + 1).min(current[column - 1] + 1).min(above[column - 1] + other);
            if row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1] {
                cell = cell.min(before[column - 2] + 1);
            }
            current[column] = cell;
            least = least.min(cell);
        }
        if usize::from(least) > most {
            return None;
        }
        before = above;
        above = current;
    }
    let distance = usize::from(above[right.len()]);
    (distance <= most).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_wrong_are_counted() {
        for (left, right, apart) in
            [("acme", "acme", 0), ("acme", "amce", 1), ("acme", "acne", 1), ("acme", "acm", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(distance(left.as_bytes(), right.as_bytes(), 3), Some(apart), "{left} {right}");
        }
        assert_eq!(distance(b"acme", b"zzzz", 2), None);
        let long = "x".repeat(5_000);
        assert_eq!(distance(long.as_bytes(), long.as_bytes(), 1), Some(0));
    }

    #[test]
    fn one_sound_has_several_spellings() {
        for (left, right) in [
            ("luders", "lueders"),
            ("lilymac", "lillymac"),
            ("schroder", "schroeder"),
            ("viktor", "victor"),
            ("stephan", "stefan"),
        ] {
            assert!(same_sound(left, right), "{left} {right}");
        }
        for (left, right) in [("luders", "landers"), ("cole", "kole"), ("1100", "110"), ("meyer", "mayer"), ("ab", "abb")] {
            assert!(!same_sound(left, right), "{left} {right}");
        }
    }

    #[test]
    fn short_words_allow_no_slip() {
        assert!(!is_slip("abc", "abd"));
        assert!(is_slip("sunnyside", "sunyside"));
    }
}
