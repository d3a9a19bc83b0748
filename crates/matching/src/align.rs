//! Which word of one name stands for which word of the other: the same, misspelt, cut short, an initial, written together or apart.
//!
//! The result says what is shared and what each side has alone; what that is worth is added up in `name_score.rs`.

use crate::names::{Names, Node};
use crate::query::{QueryForm, QueryWord};
use crate::similarity;
use crate::vocabulary::Word;
use crate::weights;
use crate::words::Kind;

/// The letters that a misspelt word may have and the other not, per slip.
const LETTERS_PER_SLIP: u32 = 2;

/// The fewest letters of a trade that nothing but a slip makes another word of.
const LETTERS_OF_A_TRADE: usize = 6;

/// How equal two names are as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    /// The same words in the same order.
    Equal,
    /// The same words in another order.
    Reordered,
    /// The same letters, other spaces.
    Respaced,
    /// Something differs.
    Different,
}

/// Two words (or runs of words) that stand for each other without being equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pair {
    /// Which words of the query, one bit each.
    pub(crate) left: u32,
    /// Which words of the candidate, one bit each.
    pub(crate) right: u32,
    pub(crate) kind: PairKind,
    /// What the pair is worth, less what the difference costs.
    pub(crate) gain: f32,
    /// What the difference costs.
    pub(crate) cost: f32,
}

/// How the two stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PairKind {
    Misspelt,
    CutShort,
    OtherEnding,
    Initial,
    Joined,
    Acronym,
}

/// What two names share and what not; bits number the words of each side.
#[derive(Debug)]
pub(crate) struct Alignment {
    pub(crate) whole: Whole,
    /// Words of the query that the candidate has.
    pub(crate) shared: u32,
    pub(crate) pairs: Vec<Pair>,
    /// Whether both have the same initials in another order: "J & M" and "M & J" are two families.
    pub(crate) swapped: bool,
    /// Words of the query that nothing stands for.
    pub(crate) left: u32,
    /// Words of the candidate that nothing stands for.
    pub(crate) right: u32,
}

/// The query's name against the name of `node`.
pub(crate) fn align(query: &QueryForm<'_>, node: &Node, names: &Names) -> Alignment {
    let mut alignment = Alignment { whole: Whole::Different, shared: 0, pairs: Vec::new(), swapped: false, left: 0, right: 0 };
    let mut right_shared = 0_u32;
    let mut last_letter = None;
    for (at, word) in query.words.iter().enumerate() {
        let found = word.number.and_then(|number| node.words.iter().position(|known| *known == number));
        if let Some(other) = found {
            alignment.shared |= 1 << at;
            right_shared |= 1 << other;
            if word.kind == Kind::Letter {
                alignment.swapped |= last_letter.is_some_and(|last| other < last);
                last_letter = Some(other);
            }
        }
    }
    alignment.left = all(query.words.len()) & !alignment.shared;
    alignment.right = all(node.words.len()) & !right_shared;
    if *query.form.key == *node.key {
        alignment.whole = Whole::Equal;
    } else if alignment.left == 0 && alignment.right == 0 && query.form.key.len() == node.key.len() {
        alignment.whole = Whole::Reordered;
    } else if same_letters(&query.form.key, &node.key) {
        alignment.whole = Whole::Respaced;
    }
    if alignment.whole == Whole::Different && alignment.left != 0 && alignment.right != 0 {
        let right: Vec<&Word> = node.words.iter().map(|number| names.vocabulary.word(*number)).collect();
        Pairing { left: &query.words, right: &right, node, names }.run(&mut alignment);
    }
    alignment
}

fn all(words: usize) -> u32 {
    (1_u32 << words.min(crate::name::WORDS_COMPARED)) - 1
}

fn same_letters(left: &str, right: &str) -> bool {
    let letters = |text: &str| text.len() - text.bytes().filter(|byte| *byte == b' ').count();
    letters(left) == letters(right) && left.bytes().filter(|byte| *byte != b' ').eq(right.bytes().filter(|byte| *byte != b' '))
}

/// The bits of a set, one by one.
pub(crate) fn bits(mut set: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (bit < 32).then_some(bit as usize)
    })
}

/// Finds pairs among what is left over, the most valuable first.
struct Pairing<'a> {
    left: &'a [QueryWord<'a>],
    right: &'a [&'a Word],
    node: &'a Node,
    names: &'a Names,
}

impl Pairing<'_> {
    fn run(&self, alignment: &mut Alignment) {
        self.joins(alignment);
        let mut found: Vec<Pair> = Vec::new();
        for left in bits(alignment.left) {
            for right in bits(alignment.right) {
                found.extend(self.pair(left, right));
            }
        }
        found.sort_by(|one, other| other.gain.total_cmp(&one.gain));
        for pair in found {
            if alignment.left & pair.left == pair.left && alignment.right & pair.right == pair.right {
                take(alignment, pair);
            }
        }
        self.acronyms(alignment);
    }

    fn worth(&self, right: usize) -> f32 {
        self.names.vocabulary.worth(self.node.words[right], self.names.len())
    }

    /// One word against one word.
    fn pair(&self, left: usize, right: usize) -> Option<Pair> {
        let (one, other) = (&self.left[left], self.right[right]);
        let last = left + 1 == self.left.len() && right + 1 == self.right.len();
        let (kind, cost) = relation(one, other, last)?;
        // A misspelling of a common word is rare, and says no more than the common word.
        let worth = if kind == PairKind::Initial { 3.0 } else { self.worth(right).min(one.worth) };
        let cut_is_last =
            if one.text.len() < other.text.len() { left + 1 == self.left.len() } else { right + 1 == self.right.len() };
        let inside = kind == PairKind::CutShort && other.kind == Kind::Word && !cut_is_last;
        let cost = if inside { cost + weights::CUT_INSIDE } else { cost };
        Some(Pair { left: 1 << left, right: 1 << right, kind, gain: worth - cost, cost })
    }

    /// Two or three words of one side that the other writes as one.
    fn joins(&self, alignment: &mut Alignment) {
        for length in [2, 3] {
            for start in 0..self.left.len().saturating_sub(length - 1) {
                let run = run_bits(start, length);
                if alignment.left & run == run {
                    let joined: String = self.left[start..start + length].iter().map(|word| word.text).collect();
                    let found = bits(alignment.right).find(|right| *self.right[*right].text == joined);
                    if let Some(right) = found {
                        take(
                            alignment,
                            Pair {
                                left: run,
                                right: 1 << right,
                                kind: PairKind::Joined,
                                gain: self.worth(right) - weights::JOINED,
                                cost: weights::JOINED,
                            },
                        );
                    }
                }
            }
            for start in 0..self.right.len().saturating_sub(length - 1) {
                let run = run_bits(start, length);
                if alignment.right & run == run {
                    let joined: String = self.right[start..start + length].iter().map(|word| &*word.text).collect();
                    let found = bits(alignment.left).find(|left| self.left[*left].text == joined);
                    if let Some(left) = found {
                        let worth: f32 = bits(run).map(|right| self.worth(right)).fold(0.0, f32::max);
                        take(
                            alignment,
                            Pair {
                                left: 1 << left,
                                right: run,
                                kind: PairKind::Joined,
                                gain: worth - weights::JOINED,
                                cost: weights::JOINED,
                            },
                        );
                    }
                }
            }
        }
    }

    /// One word of one side that is made of the first letters of the other's.
    fn acronyms(&self, alignment: &mut Alignment) {
        for left in bits(alignment.left) {
            let length = self.left[left].text.len();
            for start in 0..self.right.len().saturating_sub(length - 1) {
                let run = run_bits(start, length);
                let first = |at: usize| self.right[at].text.as_bytes().first().copied();
                if (3..=6).contains(&length)
                    && alignment.right & run == run
                    && self.left[left].text.bytes().enumerate().all(|(at, letter)| first(start + at) == Some(letter))
                {
                    take(
                        alignment,
                        Pair {
                            left: 1 << left,
                            right: run,
                            kind: PairKind::Acronym,
                            gain: self.left[left].worth.min(7.0) - weights::ACRONYM,
                            cost: weights::ACRONYM,
                        },
                    );
                    break;
                }
            }
        }
        for right in bits(alignment.right) {
            let length = self.right[right].text.len();
            for start in 0..self.left.len().saturating_sub(length.max(1) - 1) {
                let run = run_bits(start, length);
                let first = |at: usize| self.left[at].text.as_bytes().first().copied();
                if (3..=6).contains(&length)
                    && alignment.left & run == run
                    && self.right[right].text.bytes().enumerate().all(|(at, letter)| first(start + at) == Some(letter))
                {
                    take(
                        alignment,
                        Pair {
                            left: run,
                            right: 1 << right,
                            kind: PairKind::Acronym,
                            gain: self.worth(right).min(7.0) - weights::ACRONYM,
                            cost: weights::ACRONYM,
                        },
                    );
                    break;
                }
            }
        }
    }
}

fn take(alignment: &mut Alignment, pair: Pair) {
    alignment.left &= !pair.left;
    alignment.right &= !pair.right;
    alignment.pairs.push(pair);
}

fn run_bits(start: usize, length: usize) -> u32 {
    if length == 0 || start + length > 31 { 0 } else { ((1_u32 << length) - 1) << start }
}

/// How two different words can stand for each other, and what the difference costs.
fn relation(left: &QueryWord<'_>, right: &Word, last: bool) -> Option<(PairKind, f32)> {
    let comparable = |kind: Kind| !matches!(kind, Kind::Number | Kind::Direction);
    if !comparable(left.kind) || !comparable(right.kind) {
        return None;
    }
    let (one, other) = (left.text.as_bytes(), right.text.as_bytes());
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if short.len() == 1 {
        return (long.len() > 1 && short[0] == long[0] && !long[0].is_ascii_digit())
            .then_some((PairKind::Initial, weights::INITIAL));
    }
    if similarity::same_sound(left.text, &right.text) {
        return Some((PairKind::Misspelt, weights::SAME_SOUND + weights::crowded(left.crowd) * weights::CROWD_OF_SOUNDS));
    }
    let ending = if right.kind == Kind::Word { weights::OTHER_ENDING } else { weights::OTHER_ENDING_OF_A_TRADE };
    let known = if left.number.is_some_and(|_| left.worth < 8.0) && right.names.len() > 2 { weights::BOTH_KNOWN } else { 0.0 };
    let common = one.iter().zip(other).take_while(|(left, right)| left == right).count();
    if common == short.len() && (short.len() >= 3 || (last && short.len() == 2 && right.kind == Kind::Generic)) {
        if is_ending(&long[common..]) {
            return Some((PairKind::OtherEnding, ending + known * 0.5));
        }
        let little = if short.len() < 6 && right.kind == Kind::Word { weights::CUT_TO_LITTLE } else { 0.0 };
        let cut = weights::CUT_LETTER * (long.len() - common).min(8) as f32 + little;
        return Some((PairKind::CutShort, weights::CUT_SHORT + cut + known * 0.5));
    }
    let stem = if right.kind == Kind::Word { 6 } else { 4 };
    if common >= stem && is_ending(&one[common..]) && is_ending(&other[common..]) {
        return Some((PairKind::OtherEnding, ending + known * 0.5));
    }
    let allowed = similarity::slips_allowed(short.len());
    let foreign = (left.letters ^ right.letters).count_ones();
    if allowed > 0
        && foreign <= LETTERS_PER_SLIP * allowed as u32
        && let Some(slips) = similarity::distance(one, other, allowed)
    {
        let first = if common == 0 { weights::FIRST_LETTER } else { 0.0 };
        let cost = weights::SLIP
            + weights::FURTHER_SLIP * (slips as f32 - 1.0)
            + first
            + known
            + weights::crowded(left.crowd) * slips as f32;
        // "constructiion" is no word, whichever side has it.
        let no_word = short.len() >= LETTERS_OF_A_TRADE
            && ((left.number.is_none() && right.kind == Kind::Generic)
                || (right.kind == Kind::Word && right.names.len() <= 1 && left.kind == Kind::Generic));
        let cost = if no_word { cost * weights::NO_WORD } else { cost };
        return Some((PairKind::Misspelt, cost));
    }
    let cost = if right.kind == Kind::Word { weights::RARE_ABBREVIATION } else { weights::CUT_SHORT + 1.0 };
    is_abbreviation(short, long).then_some((PairKind::CutShort, cost))
}

/// Whether the letters are an ending that makes another form of one word.
fn is_ending(letters: &[u8]) -> bool {
    #[rustfmt::skip]
    const ENDINGS: [&str; 22] = [
        "", "al", "ation", "e", "ed", "er", "ery", "es", "ian", "ic", "ical", "ing", "ion", "ist", "ive", "ment", "or", "ors", "ory", "ry", "s", "y",
    ];
    ENDINGS.iter().any(|ending| ending.as_bytes() == letters)
}

/// Whether the short word is the long one without some of its letters, and mostly without vowels ("mgmt").
fn is_abbreviation(short: &[u8], long: &[u8]) -> bool {
    let vowel = |letter: &u8| matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u');
    if short.len() < 3 || short.len() + 2 > long.len() || short[0] != long[0] || short.iter().skip(1).any(vowel) {
        return false;
    }
    let mut rest = long.iter();
    short.iter().all(|letter| rest.any(|other| other == letter))
}
