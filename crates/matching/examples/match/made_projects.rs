//! Lists of projects that the benchmark makes itself: sites, works and numbers, who owns them and who works there, as a second system
//! would have written them, and the truth about them.
//!
//! One project in five has no counterpart; most of those look like one that is there: another phase, another floor, another year.

use crate::lists::Truth;
use crate::made::{self, Lists, STREETS, TOWNS, pick, slip, surname};
use linkyard_matching::Record;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashSet;

const WORKS: [&str; 14] = [
    "Renovation",
    "Addition",
    "New Construction",
    "Tenant Build-Out",
    "Roof Replacement",
    "Interior Alterations",
    "Parking Garage",
    "Facade Repair",
    "Mechanical Upgrade",
    "Site Improvements",
    "Demolition",
    "Foundation Repair",
    "Elevator Modernization",
    "Lobby Remodel",
];
const SITES: [&str; 12] = [
    "Elementary School",
    "Medical Center",
    "Office Building",
    "Apartments",
    "Fire Station",
    "Library",
    "Hotel",
    "Warehouse",
    "Community College",
    "Water Plant",
    "Senior Living",
    "Shopping Center",
];
const SHORT: [(&str, &str); 10] = [
    ("Renovation", "Reno"),
    ("Elementary School", "ES"),
    ("Medical Center", "Med Ctr"),
    ("Building", "Bldg"),
    ("Apartments", "Apts"),
    ("Construction", "Constr"),
    ("Interior", "Int"),
    ("Replacement", "Repl"),
    ("Tenant Build-Out", "TI"),
    ("Phase", "Ph"),
];

/// Makes `count` projects to suggest to twice as many, from `seed`.
pub(crate) fn lists(count: usize, seed: u64) -> Lists {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut made = Lists { a: Vec::new(), b: Vec::new(), truth: Truth::new() };
    made.b.extend((0..count * 2).map(|at| project(&mut random, at, count)));
    for at in 0..count {
        let original = made.b[at * 2].clone();
        if at % 5 == 0 {
            let other = if at % 25 == 0 { project(&mut random, at, count) } else { lookalike(&mut random, &original) };
            made.a.push(Record { id: format!("n{at}"), ..other });
            continue;
        }
        let copy = Record { id: format!("a{at}"), ..damaged(&mut random, &original, count) };
        made.truth.insert(copy.id.clone(), HashSet::from([original.id.clone()]));
        made.a.push(copy);
    }
    made
}

fn project(random: &mut ChaCha8Rng, at: usize, count: usize) -> Record {
    let (town, postcode) = TOWNS[random.random_range(0..TOWNS.len())];
    let direction = pick(random, &["N", "S", "E", "W"]);
    let house = random.random_range(10..9_000);
    let street = pick(random, &STREETS);
    let (site, work) = (pick(random, &SITES), pick(random, &WORKS));
    let (family, year) = (surname(random), random.random_range(2015..2026));
    let name = match random.random_range(0..6) {
        0 => format!("{house} {direction} {street} - {work}"),
        1 => format!("{house} {direction} {street} Floor {} {work}", random.random_range(1..40)),
        2 => format!("{family} {site} {work} Phase {}", pick(random, &["I", "II", "III", "1", "2"])),
        3 => format!("{town} {site} {year} {work}"),
        _ => format!("{family} {site} {work}"),
    };
    let start = format!("{year}-{:02}-{:02}", random.random_range(1..=12), random.random_range(1..=28));
    let finish = format!("{}-{:02}-{:02}", year + 1, random.random_range(1..=12), random.random_range(1..=28));
    let owner = format!(
        "{} {}",
        surname(random),
        pick(random, &["Properties LLC", "School District 12", "Health", "Development", "Partners LP"])
    );
    let vendors = (0..random.random_range(0..9)).map(|_| vendor(random, count)).collect();
    Record {
        id: format!("b{at}"),
        name,
        number: format!("{:02}-{at:04}", year % 100),
        address: format!("{house} {direction} {street} St"),
        city: town.to_owned(),
        state: "IL".to_owned(),
        postcode: postcode.to_owned(),
        starts: start,
        finishes: finish,
        owner,
        vendors,
        ..Record::default()
    }
}

fn vendor(random: &mut ChaCha8Rng, count: usize) -> String {
    format!("v{}", random.random_range(0..count.div_ceil(2).max(1)))
}

/// The same project as another system has it: its own number more often than not, a name somebody typed, and half of the fields.
fn damaged(random: &mut ChaCha8Rng, original: &Record, count: usize) -> Record {
    let mut project = original.clone();
    project.name = damaged_name(random, original);
    project.number = match random.random_range(0..10) {
        0..=3 => String::new(),
        4 => original.number.replace('-', ""),
        5 => format!("J{}", random.random_range(1_000..99_999)),
        6 => original.number.replace('-', "-00"),
        _ => project.number,
    };
    if random.random_bool(0.35) {
        project.address.clear();
        project.postcode.clear();
    } else {
        project.address = project.address.replace(" St", pick(random, &[" Street", " St.", "", " St, Suite 200"]));
    }
    let days = random.random_range(1..=28);
    project.starts = if random.random_bool(0.4) { String::new() } else { format!("{}{days:02}", &project.starts[..8]) };
    project.finishes = if random.random_bool(0.6) { String::new() } else { project.finishes };
    project.owner = match random.random_range(0..4) {
        0 => String::new(),
        1 => made::slip(random, &project.owner),
        2 => project.owner.replace(" LLC", "").replace("Properties", "Prop."),
        _ => project.owner,
    };
    project.vendors.retain(|_| random.random_bool(0.6));
    project.vendors.extend((0..random.random_range(0..3)).map(|_| vendor(random, count)));
    project
}

fn damaged_name(random: &mut ChaCha8Rng, original: &Record) -> String {
    let name = &original.name;
    match random.random_range(0..9) {
        0 => name.to_uppercase(),
        1 => SHORT.iter().fold(name.clone(), |name, (long, short)| name.replace(long, short)),
        2 => format!("{} {name}", original.number),
        3 => name.chars().take(28).collect(),
        4 => {
            let words: Vec<&str> = name.split(' ').collect();
            let at = (0..words.len()).max_by_key(|at| words[*at].len()).unwrap_or_default();
            let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            words[at] = slip(random, &words[at]);
            words.join(" ")
        }
        5 => format!("{} - {name}", original.city),
        6 => name.replace(" - ", " ").replace("Build-Out", "Buildout"),
        7 => WORKS
            .iter()
            .find_map(|work| name.strip_suffix(work))
            .map_or_else(|| name.clone(), |rest| rest.trim_end_matches([' ', '-']).to_owned()),
        _ => name.clone(),
    }
}

/// Another project that only looks like it: its neighbour, its next phase, the same work in another year.
fn lookalike(random: &mut ChaCha8Rng, original: &Record) -> Record {
    let mut project = original.clone();
    let year = random.random_range(2015..2026);
    project.number = format!("{:02}-9{:04}", year % 100, random.random_range(0..9_999));
    project.vendors.clear();
    match random.random_range(0..3) {
        0 => {
            project.name =
                format!("{} Phase {}", project.name.split(" Phase").next().unwrap_or_default(), random.random_range(4..9))
        }
        1 => {
            let work = pick(random, &WORKS);
            let rest = WORKS.iter().find_map(|known| project.name.strip_suffix(known)).map(str::to_owned);
            project.name = match rest {
                Some(rest) => format!("{rest}{work} {}", random.random_range(2..9)),
                None => format!("{} {work}", surname(random)),
            };
        }
        _ => {
            project.address = format!("{} {} St", random.random_range(10..9_000), pick(random, &STREETS));
            project.name = format!("{} {} {}", surname(random), pick(random, &SITES), pick(random, &WORKS));
        }
    }
    project.starts = format!("{}-{:02}-{:02}", year + 1, random.random_range(1..=12), random.random_range(1..=28));
    project.finishes.clear();
    project
}
