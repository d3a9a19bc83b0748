//! Postal addresses: house number, street, unit, box and postcode, read for comparing. Places on a map do not live here.

use crate::fold::Words;
use crate::{clip, words};

/// A street address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Address {
    /// The house number, or the number of a post box; 0 when there is none.
    pub(crate) number: u32,
    /// Whether the number is that of a post box.
    pub(crate) is_box: bool,
    /// The words of the street's name, without direction and kind of street, in one string.
    pub(crate) street: String,
    /// Its direction, north to northwest, as first letters (`n`, `sw`); empty when there is none.
    pub(crate) direction: String,
    /// Suite, floor, flat; empty when there is none.
    pub(crate) unit: String,
    /// A postcode found at the end of the line.
    pub(crate) postcode: String,
}

/// How two addresses compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nearness {
    /// One house.
    Same,
    /// One house, and the units differ.
    OtherUnit,
    /// One street, a few numbers apart.
    Near,
    /// One street.
    SameStreet,
    /// Neither.
    Different,
}

/// Kinds of streets, which are left out as often as they are written.
#[rustfmt::skip]
const KINDS: [&str; 46] = [
    "al", "aly", "av", "ave", "aven", "avenue", "avn", "blvd", "boul", "boulevard", "cir", "circle", "court", "cres", "crescent", "ct",
    "dr", "drive", "drv", "expressway", "expy", "highway", "hwy", "lane", "ln", "parkway", "pkwy", "pky", "pl", "place", "plaza", "plz",
    "rd", "road", "route", "rte", "square", "sq", "st", "str", "street", "ter", "terr", "terrace", "trl", "way",
];

/// Words in front of a unit.
const UNITS: [&str; 14] =
    ["apartment", "apt", "bldg", "building", "fl", "floor", "lot", "no", "rm", "room", "ste", "suite", "unit", "flat"];

/// How far two house numbers of one street may be apart to be taken for one place written twice (a range, a corner house).
const NEAR: u32 = 12;

impl Address {
    /// Reads an address; nothing when there is neither number nor street.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = clip(text).replace('#', " unit ");
        let mut words = Words::of(&text).into_words();
        join_ordinals(&mut words);
        let mut address = Self { postcode: take_postcode(&mut words), ..Self::default() };
        if let Some(number) = post_box(&words) {
            address.number = number;
            address.is_box = true;
            return Some(address);
        }
        address.unit = take_unit(&mut words);
        address.number = take_number(&mut words);
        let mut street = Vec::new();
        for word in &words {
            match direction(word) {
                Some(direction) if address.direction.is_empty() && (street.is_empty() || word.len() > 1) => {
                    address.direction = direction.to_owned()
                }
                Some(_) | None if KINDS.contains(&word.as_str()) && !street.is_empty() => {}
                Some(_) | None => street.push(street_word(word)),
            }
        }
        if street.is_empty() && !address.direction.is_empty() {
            street.push(std::mem::take(&mut address.direction));
        }
        if street.iter().any(|word| word == "mlk" || word == "luther") {
            // Written in a dozen ways in every American town: "Dr Martin Luther King Jr", "M L King", "King".
            street = vec!["king".to_owned()];
        }
        if street.iter().all(|word| UNITS.contains(&word.as_str())) {
            street.clear();
        }
        address.street = street.join(" ");
        (address.number > 0 || !address.street.is_empty()).then_some(address)
    }

    /// What addresses of one house have in common: the number and the first word of the street.
    pub(crate) fn key(&self) -> Option<String> {
        if self.is_box {
            return Some(format!("box {}", self.number));
        }
        let first = self.street.split(' ').next().unwrap_or_default();
        (self.number > 0 && !first.is_empty()).then(|| format!("{} {first}", self.number))
    }

    /// How the two compare; nothing when one says too little.
    pub(crate) fn compare(&self, other: &Self) -> Option<Nearness> {
        if self.is_box || other.is_box {
            let same = self.number == other.number && (self.number > 0);
            // A post box beside a house says nothing: most firms have both.
            return (self.is_box == other.is_box).then_some(if same { Nearness::Same } else { Nearness::Different });
        }
        if self.street.is_empty() || other.street.is_empty() {
            return None;
        }
        let one_street = same_street(&self.street, &other.street) && !self.other_side(other);
        if self.number == 0 || other.number == 0 {
            // Without a house ("see contract", a village) only agreement means something.
            return one_street.then_some(Nearness::SameStreet);
        }
        Some(match (one_street, self.number.abs_diff(other.number)) {
            (true, 0) if !self.unit.is_empty() && !other.unit.is_empty() && self.unit != other.unit => Nearness::OtherUnit,
            (true, 0) => Nearness::Same,
            (true, apart) if apart <= NEAR => Nearness::Near,
            (true, _) => Nearness::SameStreet,
            (false, _) => Nearness::Different,
        })
    }

    fn other_side(&self, other: &Self) -> bool {
        !self.direction.is_empty() && !other.direction.is_empty() && self.direction != other.direction
    }
}

/// Whether the words of one street are the words of the other, up to what follows the name (a town) and a slip of the pen.
fn same_street(left: &str, right: &str) -> bool {
    let mut pairs = left.split(' ').zip(right.split(' '));
    let numbered = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    let one = |(left, right): (&str, &str)| left == right || (!numbered(left) && crate::similarity::is_slip(left, right));
    let first = pairs.next().is_some_and(one);
    let second = pairs.next().is_none_or(one);
    let letters = |street: &str| street.replace(' ', "");
    letters(left) == letters(right) || first && (second || left.split(' ').count() != right.split(' ').count())
}

fn direction(word: &str) -> Option<&'static str> {
    Some(match word {
        "n" | "north" | "no" => "n",
        "s" | "south" | "so" => "s",
        "e" | "east" => "e",
        "w" | "west" => "w",
        "ne" | "northeast" => "ne",
        "nw" | "northwest" => "nw",
        "se" | "southeast" => "se",
        "sw" | "southwest" => "sw",
        _ => return None,
    })
}

/// A five-digit word at the end (and four more), when something stands in front of it.
fn take_postcode(words: &mut Vec<String>) -> String {
    let digits = |word: &String, count: usize| word.len() == count && word.bytes().all(|byte| byte.is_ascii_digit());
    if words.len() > 3 && words.last().is_some_and(|word| digits(word, 4)) && digits(&words[words.len() - 2], 5) {
        words.pop();
    }
    if words.len() > 2 && words.last().is_some_and(|word| digits(word, 5)) {
        return words.pop().unwrap_or_default();
    }
    String::new()
}

/// The one spelling of a street's word: "51st" and "51" are one street, so the ending goes.
fn street_word(word: &str) -> String {
    let word = words::canonical(without_glued_kind(word));
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && words::Kind::of(&word) == words::Kind::Number { word[..digits].to_owned() } else { word }
}

/// "Hauptstrasse" is "Haupt", "Elmstreet" is "Elm".
fn without_glued_kind(word: &str) -> &str {
    const GLUED: [&str; 9] = ["strasse", "street", "avenue", "road", "drive", "court", "place", "crescent", "str"];
    let rest = GLUED.iter().find_map(|kind| word.strip_suffix(kind)).filter(|rest| rest.len() > 2);
    rest.unwrap_or(word)
}

/// "24 th" is "24th".
fn join_ordinals(words: &mut Vec<String>) {
    let Some(at) = words.iter().position(|word| matches!(word.as_str(), "th" | "nd")).filter(|at| *at > 1) else { return };
    if words[at - 1].bytes().all(|byte| byte.is_ascii_digit()) {
        let ending = words.remove(at);
        words[at - 1].push_str(&ending);
    }
}

fn post_box(words: &[String]) -> Option<u32> {
    let at = words.iter().position(|word| word == "box")?;
    let in_front = at.checked_sub(1).map(|before| words[before].as_str());
    let is_post = matches!(in_front, Some("po" | "office" | "pob" | "p") | None);
    words.get(at + 1).filter(|_| is_post)?.parse().ok()
}

/// Removes "suite 4" from anywhere behind the first word.
fn take_unit(words: &mut Vec<String>) -> String {
    let Some(at) = words.iter().skip(1).position(|word| UNITS.contains(&word.as_str())).map(|at| at + 1) else {
        return String::new();
    };
    let mut removed = words.drain(at..(at + 2).min(words.len()));
    removed.next();
    let mut unit = removed.next().unwrap_or_default();
    drop(removed);
    if UNITS.contains(&unit.as_str()) && at < words.len() {
        unit = words.remove(at);
    }
    unit
}

/// Removes the house number: the first word that begins with a digit and is no ordinal ("51st"); of a range its beginning.
fn take_number(words: &mut Vec<String>) -> u32 {
    let is_number =
        |word: &String| word.starts_with(|first: char| first.is_ascii_digit()) && words::Kind::of(word) != words::Kind::Word;
    let ordinal = |word: &String| word.ends_with("st") || word.ends_with("nd") || word.ends_with("rd") || word.ends_with("th");
    let lettered = |word: &String| word[..word.len().saturating_sub(1)].parse::<u32>().is_ok();
    let Some(at) = words.iter().position(|word| (is_number(word) || lettered(word)) && !ordinal(word)) else {
        return 0;
    };
    let word = words.remove(at);
    if at == 0 && words.len() > 2 && words[0].bytes().all(|byte| byte.is_ascii_digit()) {
        // The end of a range: "8225-29 S Kedzie".
        words.remove(0);
    }
    let digits: String = word.chars().take_while(char::is_ascii_digit).take(9).collect();
    digits.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(left: &str, right: &str) -> Option<Nearness> {
        Address::read(left)?.compare(&Address::read(right)?)
    }

    #[test]
    fn the_way_an_address_is_written_does_not_matter() {
        for written in
            ["1507 W Sunnyside", "1507 West Sunnyside Ave., Chicago IL 60640", "1507-09 W. SUNNYSIDE AV", "1507 w sunyside ave"]
        {
            assert_eq!(compare("1507 W. Sunnyside Avenue", written), Some(Nearness::Same), "{written}");
        }
        assert_eq!(compare("221 E. 51st St.", "221 East 51st Street Suite 4"), Some(Nearness::Same));
        assert_eq!(compare("P.O. Box 12", "PO BOX 12"), Some(Nearness::Same));
        assert_eq!(compare("1900 W VanBuren", "1900 W. Van Buren St"), Some(Nearness::Same));
        assert_eq!(compare("4910 S King Dr", "4910 S Dr. Martin Luther King Jr Drive"), Some(Nearness::Same));
        assert_eq!(compare("Hauptstr. 12", "Hauptstr 12"), Some(Nearness::Same));
    }

    #[test]
    fn what_tells_places_apart_is_kept() {
        assert_eq!(compare("1507 W Sunnyside", "1507 E Sunnyside"), Some(Nearness::Different));
        assert_eq!(compare("1507 W Sunnyside", "1511 W Sunnyside"), Some(Nearness::Near));
        assert_eq!(compare("1507 W Sunnyside", "4400 W Sunnyside"), Some(Nearness::SameStreet));
        assert_eq!(compare("10 Main St Suite 4", "10 Main St Ste 5"), Some(Nearness::OtherUnit));
        assert_eq!(compare("10 51st St", "10 53rd St"), Some(Nearness::Different));
        assert_eq!(compare("PO Box 12", "10 Main St"), None);
        assert_eq!(compare("PO Box 12", "PO Box 13"), Some(Nearness::Different));
    }

    #[test]
    fn what_is_no_address_compares_to_nothing() {
        for text in ["", "  ", "#", "suite", "😀", "see contract"] {
            assert_eq!(compare(text, "10 Main St"), None, "{text}");
        }
        assert!(Address::read(&"1 ".repeat(5_000)).is_some());
    }
}
