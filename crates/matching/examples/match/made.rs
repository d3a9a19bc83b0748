//! Lists that the benchmark makes itself: real-looking firms from word lists, copies damaged in a dozen ways, and the truth about them.
//!
//! The same seed gives the same lists on every machine. One record in five of the first list has no counterpart; half of those look like one
//! that is there.

use crate::lists::Truth;
use linkyard_matching::Record;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;

const STARTS: [&str; 48] = [
    "Ar", "Bel", "Bran", "Cal", "Cor", "Dal", "Dor", "El", "Fen", "Gar", "Hal", "Ing", "Kel", "Kow", "Lam", "Mar", "Mon", "Nor",
    "Pal", "Ros", "Sal", "Tor", "Val", "Wen", "Ab", "Am", "Bar", "Cas", "Chi", "Cus", "Del", "Drag", "Er", "Fitz", "Gol", "Gra",
    "Hol", "Jan", "Kra", "Lind", "Mur", "Ol", "Pet", "Quin", "Sch", "Stan", "Vas", "Zam",
];
const MIDDLES: [&str; 16] = ["a", "al", "an", "ber", "de", "e", "en", "i", "in", "li", "man", "o", "ra", "ri", "ta", "vi"];
const ENDS: [&str; 28] = [
    "ston", "ski", "ton", "man", "field", "berg", "dale", "ez", "er", "ini", "sen", "wood", "ford", "ley", "ic", "ano", "well",
    "stein", "mont", "hurst", "acker", "cott", "dorf", "gard", "lund", "quist", "ulos", "vich",
];
const FIRST_NAMES: [&str; 12] =
    ["James", "Maria", "Robert", "Linda", "Carlos", "Anna", "David", "Elena", "Peter", "Grace", "Omar", "Susan"];
const TRADES: [&str; 24] = [
    "Construction",
    "Electric",
    "Plumbing",
    "Roofing",
    "Masonry",
    "Mechanical",
    "Heating & Cooling",
    "Concrete",
    "Painting",
    "Builders",
    "Paving",
    "Demolition",
    "Flooring",
    "Glass",
    "Steel",
    "Excavating",
    "Drywall",
    "Landscaping",
    "Fire Protection",
    "Elevator",
    "Carpentry",
    "Tile",
    "Fence",
    "Insulation",
];
const TAILS: [&str; 8] = ["", "", "", " Services", " Contractors", " Group", " Company", " Associates"];
const FORMS: [&str; 8] = ["", " LLC", ", LLC", " Inc", ", Inc.", " Corp.", " Co.", " Ltd."];
pub(crate) const STREETS: [&str; 16] = [
    "Main",
    "Oak",
    "Elm",
    "Lincoln",
    "Washington",
    "Cedar",
    "Halsted",
    "Ashland",
    "Pulaski",
    "Western",
    "Lake",
    "Hill",
    "Park",
    "51st",
    "Division",
    "Cermak",
];
pub(crate) const TOWNS: [(&str, &str); 8] = [
    ("Chicago", "60601"),
    ("Joliet", "60432"),
    ("Aurora", "60502"),
    ("Elgin", "60120"),
    ("Skokie", "60076"),
    ("Cicero", "60804"),
    ("Gary", "46402"),
    ("Evanston", "60201"),
];
const SHORT: [(&str, &str); 12] = [
    ("Construction", "Constr"),
    ("Electric", "Elec"),
    ("Plumbing", "Plbg"),
    ("Mechanical", "Mech"),
    ("Services", "Svcs"),
    ("Contractors", "Contr"),
    ("Group", "Grp"),
    ("Heating", "Htg"),
    ("Builders", "Bldrs"),
    ("Associates", "Assoc"),
    ("Company", "Co"),
    ("Brothers", "Bros"),
];

/// Two lists and which records of the first are which of the second.
pub(crate) struct Lists {
    pub(crate) a: Vec<Record>,
    pub(crate) b: Vec<Record>,
    pub(crate) truth: Truth,
}

/// Makes `count` records to suggest to twice as many, from `seed`.
pub(crate) fn lists(count: usize, seed: u64) -> Lists {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut names = HashSet::new();
    let mut firms: Vec<Record> = Vec::new();
    while firms.len() < count * 2 + count / 10 {
        let firm = firm(&mut random, firms.len());
        // Firms that differ in their legal form or a tail only would be one firm to anybody.
        if names.insert(firm.name.split([' ', ',']).take(2).collect::<String>().to_lowercase()) {
            firms.push(firm);
        }
    }
    let absent = firms.split_off(count * 2);
    let mut made = Lists { a: Vec::new(), b: firms, truth: Truth::new() };
    let partnered = count - count / 5;
    for at in 0..partnered {
        let original = &made.b[at * 2];
        let copy = Record { id: format!("a{at}"), ..damaged(&mut random, original) };
        made.truth.insert(copy.id.clone(), HashSet::from([original.id.clone()]));
        made.a.push(copy);
    }
    for (at, firm) in absent.iter().enumerate().take(count / 10) {
        made.a.push(Record { id: format!("n{at}"), ..damaged(&mut random, firm) });
        let lookalike = lookalike(&mut random, &made.b[at * 2 + 1]);
        if names.insert(lookalike.to_lowercase()) {
            let phone = format!("(312) 4{:02}-{:04}", random.random_range(10..99), random.random_range(0..9_999));
            made.a.push(Record { id: format!("l{at}"), name: lookalike, phone, ..Record::default() });
        }
    }
    made
}

pub(crate) fn pick<'l>(random: &mut ChaCha8Rng, list: &[&'l str]) -> &'l str {
    list.choose(random).copied().unwrap_or_default()
}

/// A family's name, as rare as in a real market: of 10,000 contractors of one city (one spelling each) half have a word in their name that no
/// other has, 72 of 100 one that at most three have, and 14 of 100 none that fewer than ten have. So it is with these.
pub(crate) fn surname(random: &mut ChaCha8Rng) -> String {
    if random.random_bool(0.18) {
        return format!("{}{}", pick(random, &STARTS[..20]), pick(random, &ENDS[..3]));
    }
    let middle = if random.random_bool(0.6) { pick(random, &MIDDLES) } else { "" };
    format!("{}{middle}{}", pick(random, &STARTS), pick(random, &ENDS))
}

fn firm(random: &mut ChaCha8Rng, at: usize) -> Record {
    let (one, other) = (surname(random), surname(random));
    let (trade, tail) = (pick(random, &TRADES), pick(random, &TAILS));
    let letter = |random: &mut ChaCha8Rng| char::from(b'A' + random.random_range(0..26_u8));
    let core = match random.random_range(0..10) {
        0..=4 => format!("{one} {trade}{tail}"),
        5 => format!("{one} & {other} {trade}"),
        6 => format!("{one} Brothers {trade}"),
        7 => format!("{}{}{} {trade}{tail}", letter(random), letter(random), letter(random)),
        8 => format!("{} {one}", pick(random, &FIRST_NAMES)),
        _ => format!("{one} {other}{tail}"),
    };
    let (town, postcode) = TOWNS[random.random_range(0..TOWNS.len())];
    let direction = pick(random, &["N", "S", "E", "W"]);
    let mut record = Record { id: format!("b{at}"), name: format!("{core}{}", pick(random, &FORMS)), ..Record::default() };
    if random.random_bool(0.7) {
        record.address = format!("{} {direction} {} St", random.random_range(10..9_000), pick(random, &STREETS));
        record.city = town.to_owned();
        record.postcode = postcode.to_owned();
    }
    if random.random_bool(0.6) {
        record.phone = format!("(773) {:03}-{:04}", random.random_range(200..999), random.random_range(0..9_999));
    }
    record
}

/// The same firm as somebody else wrote it: one to three kinds of damage to the name, and fields that are missing or older.
fn damaged(random: &mut ChaCha8Rng, original: &Record) -> Record {
    let mut record = original.clone();
    for _ in 0..random.random_range(1..=2) {
        record.name = damaged_name(random, &record.name);
    }
    record.address = match random.random_range(0..10) {
        0..=3 => String::new(),
        4 => format!("{} {} Ave", random.random_range(10..9_000), pick(random, &STREETS)),
        5..=7 => record.address.replace(" St", " Street Suite 2").replace(" N ", " North "),
        _ => record.address,
    };
    record.phone = match random.random_range(0..10) {
        0..=3 => String::new(),
        4 => format!("312 {:03} {:04}", random.random_range(200..999), random.random_range(0..9_999)),
        5 => "000-000-0000".to_owned(),
        _ => record.phone.chars().filter(char::is_ascii_digit).collect(),
    };
    record
}

fn damaged_name(random: &mut ChaCha8Rng, name: &str) -> String {
    let mut words: Vec<String> = name.split(' ').map(str::to_owned).collect();
    let longest = (0..words.len()).max_by_key(|at| words[*at].len()).unwrap_or_default();
    match random.random_range(0..13) {
        0 => return name.to_uppercase(),
        1 => return name.replace(" & ", " and ").replace(['.', ','], ""),
        2 => {
            return FORMS.iter().rev().find_map(|form| name.strip_suffix(form)).unwrap_or(name).to_owned() + pick(random, &FORMS);
        }
        3 => words[longest] = slip(random, &words[longest]),
        4 => words.iter_mut().for_each(|word| {
            if let Some((_, short)) = SHORT.iter().find(|(long, _)| word.trim_end_matches(',') == *long) {
                (*short).clone_into(word);
            }
        }),
        5 if words.len() > 2 => {
            let last = words
                .iter()
                .rposition(|word| ["Services", "Contractors", "Group", "Company"].contains(&word.trim_end_matches(',')))
                .unwrap_or(words.len());
            words.truncate(last.max(2));
        }
        6 => words.push(pick(random, &["of Chicago", "Illinois", "USA", "Midwest"]).to_owned()),
        7 if words.len() > 1 => {
            let second = words.remove(1);
            words[0].push_str(&second.to_lowercase());
        }
        8 => words.insert(0, "The".to_owned()),
        9 => return format!("{} d/b/a {name}", surname(random) + " Ventures"),
        10 => return name.chars().take(26).collect(),
        11 if words.len() == 2 => words.swap(0, 1),
        _ => return name.to_lowercase(),
    }
    words.join(" ")
}

/// One letter left out, doubled, swapped or replaced, not the first.
pub(crate) fn slip(random: &mut ChaCha8Rng, word: &str) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    if letters.len() < 5 {
        return word.to_owned();
    }
    let at = random.random_range(1..letters.len() - 1);
    match random.random_range(0..4) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        2 => letters.swap(at, at + 1),
        _ => letters[at] = pick(random, &["a", "e", "r", "n"]).chars().next().unwrap_or('e'),
    }
    letters.into_iter().collect()
}

/// A firm that is another one although most of its name is the same.
fn lookalike(random: &mut ChaCha8Rng, record: &Record) -> String {
    let first = record.name.split(' ').next().unwrap_or_default();
    match random.random_range(0..4) {
        0 => format!("{first} {}", pick(random, &["Holdings", "Properties", "Realty", "Capital"])),
        1 => format!("{first} {} {}", pick(random, &["North", "South", "East", "West"]), random.random_range(2..90)),
        2 => format!("{first} & {} {}", surname(random), pick(random, &TRADES)),
        _ => format!("{} {first} {}", pick(random, &FIRST_NAMES), pick(random, &["Bakery", "Dental", "Cafe", "Law Office"])),
    }
}
