//! Whether one name can be another one, typed otherwise: the same letters, the same words in another order, a single slip of the pen, one
//! cut off, or a common word more.
//!
//! The score says how probable it is that two records are one firm, and there a wrong letter in a common word ("Forte Plumeing") costs
//! much, because two names that share a word less are usually two firms. Whoever is about to create a record asks something else: could the
//! name that is there have been typed by somebody who meant this one? That is decided here, from the two names alone. What tells firms
//! apart by a letter (numbers, directions, initials, the beginning of a short word) never counts as a slip.

use crate::fold::Words;
use crate::name::{self, Subject};
use crate::words::Kind;
use crate::{clip, legal, name_key, similarity};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The shortest word in which a wrong letter is a slip, in letters: below it every letter makes another word.
const SHORTEST_SLIPPED: usize = 4;
/// The fewest letters of a name that can be the beginning of a longer one that was cut off.
const SHORTEST_CUT: usize = 12;
/// The fewest letters of names that are equal but for their spaces.
const SHORTEST_RESPACED: usize = 4;
/// The longest word that can be initials, which people put in any order.
const LONGEST_INITIALS: usize = 3;

/// How one name can be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nearly {
    /// A letter is wrong in a word by which firms are told apart: there may be two firms of so similar names.
    Slip,
    /// Nothing that tells firms apart is different.
    Typing,
}

/// What kind of word a name has more than another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extra {
    /// A trade or another common word.
    Common,
    /// Any other.
    Telling,
}

/// A record's names, ready to be compared as they were typed: about 150 bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed {
    /// The words as they stand, then without the legal form.
    typed: [Box<str>; 2],
    /// The words of each of its names in their one spelling.
    spelled: Box<[Box<str>]>,
}

impl Typed {
    /// The names of a record.
    pub(crate) fn of(name: &str, other_names: &[String], subject: Subject) -> Self {
        let forms = name::forms(name, other_names, subject).into_iter().filter(|form| !form.blank);
        let mut spelled: Vec<Box<str>> = Vec::new();
        for form in forms {
            // "Flood Company Services": what is no legal form at the end is one to whoever shortens the name.
            let meaning: Vec<&str> = words(&form.key).filter(|word| !legal::is_form(word)).collect();
            let meaning = meaning.join(" ");
            if !meaning.is_empty() && meaning != form.key {
                spelled.push(meaning.into());
            }
            spelled.push(form.key.into());
        }
        let typed = Words::of(clip(name)).into_words().join(" ").into();
        Self { typed: [typed, name_key(name).into()], spelled: spelled.into() }
    }

    /// Keys of which two names that are [`one_typing`] share at least one: they find what the score does not even look at.
    pub(crate) fn keys(&self) -> HashSet<u64> {
        let mut keys = HashSet::new();
        for name in self.typed.iter().chain(&*self.spelled).filter(|name| !name.is_empty()) {
            let letters: Vec<u8> = letters(name).collect();
            // What was cut off begins alike, and may have lost its spaces too.
            keys.extend(letters.get(..SHORTEST_CUT).map(|begin| hash(("begins", begin))));
            keys.insert(hash(("letters", letters)));
            keys.insert(hash(("words", sorted(name))));
            for (at, word) in words(name).enumerate().filter(|(_, word)| word.len() >= SHORTEST_SLIPPED - 1) {
                let others: Vec<&str> = words(name).enumerate().filter(|(other, _)| *other != at).map(|(_, word)| word).collect();
                keys.insert(hash(("slip", &others, at, word.as_bytes()[0])));
            }
        }
        keys
    }

    /// Whether, and how far, one can be the other, typed otherwise.
    pub(crate) fn nearly(&self, other: &Self) -> Option<Nearly> {
        let typed = self.typed.iter().zip(&other.typed).filter_map(|(one, other)| one_typing(one, other));
        let spelled = self.spellings(other).filter_map(|(one, other)| {
            let typing = cut(one, other) || but_a_common_word(one, other);
            if typing { Some(Nearly::Typing) } else { one_typing(one, other) }
        });
        let cut = cut(&self.typed[0], &other.typed[0]).then_some(Nearly::Typing);
        typed.chain(spelled).chain(cut).max()
    }

    /// Whether they are a letter apart, whatever their spaces: two slips, which is too much without anything else that agrees.
    pub(crate) fn nearly_in_letters(&self, other: &Self) -> bool {
        let typed = self.typed.iter().zip(&other.typed).map(|(one, other)| (&**one, &**other));
        typed.chain(self.spellings(other)).any(|(one, other)| {
            let (one, other): (Vec<u8>, Vec<u8>) = (letters(one).collect(), letters(other).collect());
            one.len().min(other.len()) >= SHORTEST_CUT
                && one.iter().chain(&other).all(u8::is_ascii_alphabetic)
                && one.first() == other.first()
                && similarity::distance(&one, &other, 1).is_some()
        })
    }

    /// The word that one of them has more, where they differ in nothing else, whatever word that is; a common one before others.
    pub(crate) fn extra_word<'t>(&'t self, other: &'t Self) -> Option<Extra> {
        let extra = self.spellings(other).filter_map(|(one, other)| extra_word(one, other));
        extra.map(|word| if Kind::of(word) == Kind::Generic { Extra::Common } else { Extra::Telling }).min()
    }

    fn spellings<'t>(&'t self, other: &'t Self) -> impl Iterator<Item = (&'t str, &'t str)> {
        self.spelled.iter().flat_map(|one| other.spelled.iter().map(move |other| (&**one, &**other)))
    }
}

fn one_typing(one: &str, other: &str) -> Option<Nearly> {
    if same_letters(one, other) || reordered(one, other) { Some(Nearly::Typing) } else { slipped(one, other) }
}

fn words(name: &str) -> impl Iterator<Item = &str> + Clone {
    name.split(' ')
}

fn letters(name: &str) -> impl Iterator<Item = u8> + Clone + '_ {
    name.bytes().filter(|byte| *byte != b' ')
}

/// Equal but for spaces.
fn same_letters(one: &str, other: &str) -> bool {
    letters(one).eq(letters(other)) && letters(one).count() >= SHORTEST_RESPACED
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The words in one order, and the letters of initials too.
fn sorted(name: &str) -> Vec<Vec<u8>> {
    let in_order = |word: &str| {
        let mut letters = word.as_bytes().to_vec();
        if letters.len() <= LONGEST_INITIALS && letters.iter().all(u8::is_ascii_alphabetic) && !legal::is_form(word) {
            letters.sort_unstable();
        }
        letters
    };
    let mut words: Vec<Vec<u8>> = words(name).map(in_order).collect();
    words.sort_unstable();
    words
}

fn reordered(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.contains(' ') && sorted(one) == sorted(other)
}

/// The same words but for one, which differs by a letter, though not by its first one: that is what people get right.
fn slipped(one: &str, other: &str) -> Option<Nearly> {
    if one.len().abs_diff(other.len()) > 1 || words(one).count() != words(other).count() {
        return None;
    }
    let mut unlike = words(one).zip(words(other)).filter(|(left, right)| left != right);
    let (Some((left, right)), None) = (unlike.next(), unlike.next()) else { return None };
    let shorter = left.len().min(right.len());
    let begun = left.as_bytes().first() == right.as_bytes().first();
    let can_slip = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphabetic()) && Kind::of(word) != Kind::Number;
    let directions = Kind::of(left) == Kind::Direction && Kind::of(right) == Kind::Direction;
    let slipped = shorter >= SHORTEST_SLIPPED
        && begun
        && can_slip(left)
        && can_slip(right)
        && !directions
        && similarity::distance(left.as_bytes(), right.as_bytes(), 1).is_some();
    let telling = [left, right].iter().all(|word| Kind::of(word) == Kind::Word);
    slipped.then_some(if telling { Nearly::Slip } else { Nearly::Typing })
}

/// One is the other, cut off other than before a number.
fn cut(one: &str, other: &str) -> bool {
    let begins = |short: &str, long: &str| {
        let mut rest = letters(long);
        letters(short).all(|letter| rest.next() == Some(letter))
            && letters(short).count() >= SHORTEST_CUT
            && !rest.next().is_some_and(|letter| letter.is_ascii_digit())
    };
    begins(one, other) || begins(other, one)
}

/// The word that only one of two names has, where they differ in nothing else.
fn extra_word<'n>(one: &'n str, other: &'n str) -> Option<&'n str> {
    let (shorter, longer) = if words(one).count() < words(other).count() { (one, other) } else { (other, one) };
    let mut rest: Vec<&str> = words(shorter).collect();
    let mut extra = None;
    for word in words(longer) {
        match rest.iter().position(|known| *known == word) {
            Some(at) => drop(rest.remove(at)),
            None if extra.is_none() => extra = Some(word),
            None => return None,
        }
    }
    extra.filter(|_| rest.is_empty())
}

/// The same words but for a trade or another common word, beside one that tells firms apart. "Property Management" is such a word more than
/// "Property", though "Holdings" alone makes another firm.
fn but_a_common_word(one: &str, other: &str) -> bool {
    let shared = |is: fn(&str) -> bool| words(one).any(|word| is(word) && words(other).any(|other| other == word));
    let common = extra_word(one, other).is_some_and(|word| match Kind::of(word) {
        Kind::Generic => true,
        Kind::Relation => shared(|word| Kind::of(word) == Kind::Relation),
        Kind::Word | Kind::Place | Kind::Direction | Kind::Number | Kind::Letter => false,
    });
    common && shared(|word| word.len() > 1 && Kind::of(word) == Kind::Word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(name: &str) -> Typed {
        Typed::of(name, &[], Subject::Vendor)
    }

    #[test]
    fn what_can_be_one_name_typed_otherwise() {
        for (one, other) in [
            ("Forte Plumbing Co.", "FORTE PLUMEING CO"),
            ("Dura Heating", "Dura Haeting LLC"),
            ("Always Bright Electric Inc.,", "AlwaysBright Electric Inc."),
            ("The James Group, LLC", "TheJames Group LLC"),
            ("Lupo II, LLC", "LUPO IILLC"),
            ("Collins Construction, Incorporated", "Collins Construction, Incorported"),
            ("Northeast Illinois Heating", "Nrotheast Illinois Heating"),
            ("LP Plumbing, Inc", "Plumbing LP Inc"),
            ("Kass Management Services", "MANAGEMENT KASS SERVICES"),
            ("Capstone Property Management Gaslight Ct.", "Capstone Property Mana"),
            ("A.A. Wells Company, Incorporated", "A.A. WELLS COMPANY, IN"),
            ("Oasis Heating", "Oasis Heating & Cooling, Inc"),
            ("The Flood Company, LLC", "THE FLOOD COMPANY SERVICES LLC"),
            ("J K & S Electrical Co.", "K J & S ELECTRICAL CO."),
            ("Westerndevelopment Company, I", "Western Development Company, Inc."),
            ("MR Property LLC", "MR Property Management LLC"),
        ] {
            assert_eq!(typed(one).nearly(&typed(other)), Some(Nearly::Typing), "{one} {other}");
            assert_eq!(typed(other).nearly(&typed(one)), Some(Nearly::Typing), "{other} {one}");
        }
    }

    #[test]
    fn what_tells_firms_apart_is_no_slip() {
        for (one, other) in [
            ("Local 134 Works", "Local 135 Works"),
            ("Acme II Paving", "Acme III Paving"),
            ("North Shore Paving", "South Shore Paving"),
            ("A & B Electric", "A & C Electric"),
            ("Kohn Plumbing", "John Plumbing"),
            ("100 Main LLC", "100 Main 2 LLC"),
            ("Diaz Electric", "Diaz Plumbing"),
            ("Acme", "Acme Kowalski"),
            ("Heating & Cooling", "Heating"),
            ("", ""),
            ("LLC", "Inc"),
        ] {
            assert_eq!(typed(one).nearly(&typed(other)), None, "{one} {other}");
        }
    }

    #[test]
    fn a_slip_in_what_tells_firms_apart_is_less_than_another_typing() {
        for (one, other) in [("Sparks Electric, Inc.", "SPRAKS ELECTRIC"), ("Kowalski Roofing", "Kowalsky Roofing")] {
            assert_eq!(typed(one).nearly(&typed(other)), Some(Nearly::Slip), "{one} {other}");
        }
    }

    #[test]
    fn a_letter_and_a_space_are_two_slips() {
        let (one, other) = (typed("Kowalczik Brothers Masonry"), typed("Kowalczykbrothers Masonry"));
        assert_eq!(one.nearly(&other), None);
        assert!(one.nearly_in_letters(&other));
        assert!(!typed("Local 134 Electrical Works").nearly_in_letters(&typed("Local 135 Electrical Works")));
    }

    #[test]
    fn one_word_more_is_less_than_another_typing() {
        let extra = |one: &str, other: &str| typed(one).extra_word(&typed(other));
        assert_eq!(extra("700 Green Stronghold LLC", "700 Green LLC"), Some(Extra::Telling));
        assert_eq!(extra("KP Plumbing", "KP Plumbing & HVAC"), Some(Extra::Common));
        assert_eq!(extra("Kowalski", "Kowalski Holdings"), Some(Extra::Telling));
        assert_eq!(extra("Kowalski Paving", "Kowalski Roofing"), None);
        assert_eq!(extra("Kowalski Paving", "Kowalski Paving"), None);
    }

    #[test]
    fn one_typing_shares_a_key() {
        for (one, other) in [
            ("Tech Development", "TECHDEVELOPMENT"),
            ("Invest Corp Group, LLC", "Inevst Corp Group, LLC"),
            ("Sparks Electric, Inc.", "SAPRKS ELECTRIC, INC."),
            ("Quality Heating", "Heating Quality"),
            ("M B Group Development", "B M Group Development"),
            ("Northeast Heating", "Nrotheast Heating"),
            ("Acme", "Acne"),
            ("Westerndevelopment Company, I", "Western Development Company, Inc."),
        ] {
            assert!(!typed(one).keys().is_disjoint(&typed(other).keys()), "{one} {other}");
        }
    }
}
