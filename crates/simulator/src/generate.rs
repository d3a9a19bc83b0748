//! Made-up values: names, addresses, phones, people. Every value is a function of a seed, so rows keep a seed instead of
//! strings and are rendered when somebody asks. Which rows a company has is decided in `build.rs`.

use crate::names;

/// What a value is for. Each purpose has its own stream, so that a new field never shifts the old ones.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Purpose {
    Name = 1,
    Variation,
    Address,
    Phone,
    Fax,
    Flags,
    Person,
    Trades,
    Times,
    Project,
    Associations,
    Parent,
    Activity,
    Texts,
    Fault,
    Insurance,
}

/// A stream of picks (splitmix64): small, fast, and the same on every platform.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    state: u64,
}

impl Pick {
    /// The stream of one purpose under one seed.
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Self {
        Self { state: mix(seed ^ mix(purpose as u64)) }
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.state)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        usize::try_from(self.bits() % bound).unwrap_or_default()
    }

    /// True in `percent` of the cases.
    pub(crate) fn percent(&mut self, percent: u8) -> bool {
        self.below(100) < usize::from(percent)
    }

    /// One element of a list that is not empty.
    pub(crate) fn one<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Scrambles 64 bits.
pub(crate) fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A fresh contractor's name. About 2 % are outside ASCII, 1 % right to left, 2 % end in blanks.
pub(crate) fn vendor_name(seed: u64) -> String {
    let mut pick = Pick::new(seed, Purpose::Name);
    let share = pick.below(100);
    if share < 2 {
        return format!("{} {}", pick.one(names::UNICODE_NAMES), 1 + pick.below(99));
    }
    if share == 2 {
        return format!("{} {}", pick.one(names::RIGHT_TO_LEFT_NAMES), 1 + pick.below(99));
    }
    let (surname, trade) = (pick.one(names::SURNAMES), pick.one(names::TRADE_WORDS));
    let core = match pick.below(8) {
        0 | 1 => format!("{surname} {trade}"),
        2 => format!("{surname} & Sons {trade}"),
        3 => format!("{surname} & {} {trade}", pick.one(names::SURNAMES)),
        4 => format!("{} {trade}", pick.one(names::PLACES)),
        5 => format!("{} {trade} of {}", pick.one(names::PROMISES), pick.one(names::PLACES)),
        6 => format!("{} {} {trade}", pick.one(names::PROMISES), pick.one(names::PLACES)),
        _ => format!("{} {trade}", initials(&mut pick)),
    };
    let blanks = if pick.percent(2) { "  " } else { "" };
    format!("{}{blanks}", with_legal_form(&core, pick.one(names::LEGAL_FORMS)))
}

fn initials(pick: &mut Pick) -> String {
    let letters: Vec<char> = (0..2 + pick.below(2)).map(|_| char::from(b'A' + pick.below(26) as u8)).collect();
    let separator = pick.one(&["", ".", " ", "&"]);
    let joined: Vec<String> = letters.iter().map(char::to_string).collect();
    joined.join(separator)
}

fn with_legal_form(core: &str, legal_form: &str) -> String {
    match legal_form {
        "" => core.to_owned(),
        form if form.starts_with(',') => format!("{core}{form}"),
        form => format!("{core} {form}"),
    }
}

/// A name that a person would read as the same firm as `name`: punctuation, case, legal form, abbreviation or a typo.
pub(crate) fn near_duplicate(name: &str, seed: u64) -> String {
    let mut pick = Pick::new(seed, Purpose::Variation);
    let name = name.trim_end();
    match pick.below(9) {
        0 => name.to_uppercase(),
        1 => name.replace(['.', ','], ""),
        2 if name.contains('&') => name.replace('&', "and"),
        3 if name.contains("Construction") => name.replace("Construction", "Const"),
        4 => with_legal_form(without_legal_form(name), pick.one(names::LEGAL_FORMS)),
        5 => without_legal_form(name).to_owned(),
        6 => typo(name, &mut pick),
        7 => name.replacen(' ', "  ", 1),
        8 => format!("The {name}"),
        _ => name.to_owned(),
    }
}

fn without_legal_form(name: &str) -> &str {
    names::LEGAL_FORMS
        .iter()
        .filter(|form| !form.is_empty())
        .find_map(|form| name.strip_suffix(form))
        .map_or(name, |core| core.trim_end_matches([' ', ',']))
}

fn typo(name: &str, pick: &mut Pick) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    if letters.len() > 4 {
        let at = 1 + pick.below(letters.len() - 3);
        letters.swap(at, at + 1);
    }
    letters.into_iter().collect()
}

/// Where a vendor or project is.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) street: String,
    pub(crate) city: &'static str,
    pub(crate) state_code: &'static str,
    pub(crate) zip: String,
    area_code: &'static str,
}

/// A made-up address.
pub(crate) fn address(seed: u64) -> Address {
    let mut pick = Pick::new(seed, Purpose::Address);
    let (city, state_code, zip, area_code) = names::CITIES[pick.below(names::CITIES.len())];
    let suite = if pick.percent(15) { format!(", Suite {}", 100 + pick.below(900)) } else { String::new() };
    let direction = pick.one(&["", "", "", "N. ", "S ", "W ", "East "]);
    let number = 1 + pick.below(9899);
    let (street, kind) = (pick.one(names::STREETS), pick.one(names::STREET_KINDS));
    Address {
        street: format!("{number} {direction}{street} {kind}{suite}"),
        city,
        state_code,
        zip: format!("{zip}{:02}", pick.below(100)),
        area_code,
    }
}

/// A phone number of the address's area, in one of the spellings that people type.
pub(crate) fn phone(seed: u64, purpose: Purpose) -> String {
    let area = address(seed).area_code;
    let mut pick = Pick::new(seed, purpose);
    let line = pick.below(10_000);
    match pick.below(5) {
        0 | 1 => format!("({area}) 555-{line:04}"),
        2 => format!("{area}-555-{line:04}"),
        3 => format!("+1 {area} 555 {line:04}"),
        _ => format!("{area}555{line:04}"),
    }
}

/// The e-mail domain that a name suggests, under the reserved `.example`.
pub(crate) fn domain(name: &str) -> String {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    if letters.is_empty() { "contractor.example".to_owned() } else { format!("{}.example", letters.to_lowercase()) }
}

/// A made-up project name.
pub(crate) fn project_name(seed: u64) -> String {
    let mut pick = Pick::new(seed, Purpose::Project);
    let place = if pick.percent(50) { pick.one(names::STREETS) } else { pick.one(names::PLACES) };
    let phase = if pick.percent(20) { format!(" Phase {}", 1 + pick.below(4)) } else { String::new() };
    format!("{place} {}{phase}", pick.one(names::BUILDINGS))
}

/// `1013 N CLEVELAND AVE` as `1013 N Cleveland Ave`: a letter is a capital unless a letter or digit stands before it.
pub(crate) fn title_case(text: &str) -> String {
    let mut titled = String::with_capacity(text.len());
    let mut inside = false;
    for letter in text.chars() {
        if inside {
            titled.extend(letter.to_lowercase());
        } else {
            titled.extend(letter.to_uppercase());
        }
        inside = letter.is_alphanumeric();
    }
    titled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_values() {
        assert_eq!(vendor_name(7), vendor_name(7));
        assert_eq!(address(7).street, address(7).street);
        assert_eq!(phone(7, Purpose::Phone), phone(7, Purpose::Phone));
    }

    #[test]
    fn titles_keep_ordinals_and_split_at_signs() {
        assert_eq!(title_case("22 W 3RD ST, RENOVATION/ALTERATION"), "22 W 3rd St, Renovation/Alteration");
    }

    #[test]
    fn names_include_blanks_accents_and_right_to_left() {
        let names: Vec<String> = (0..5_000).map(vendor_name).collect();
        assert!(names.iter().any(|name| name.ends_with(' ')));
        assert!(names.iter().any(|name| name.contains('ü')));
        assert!(names.iter().any(|name| name.chars().any(|letter| ('\u{590}'..'\u{700}').contains(&letter))));
    }

    #[test]
    fn a_near_duplicate_keeps_most_letters() {
        let key = |name: &str| name.chars().filter(|letter| letter.is_alphanumeric()).count();
        for seed in 0..200 {
            let name = vendor_name(seed);
            let other = near_duplicate(&name, seed);
            assert!(key(&other) * 2 > key(&name), "{name} / {other}");
        }
    }
}
