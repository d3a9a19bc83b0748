//! The registry that is there before the integration: firms of the directory under damaged names, firms that only look like one of them,
//! and some of the projects.
//!
//! All is made from the simulator's own directory, so the demo knows which record each of them is and can judge the suggestions. The choice
//! and the changes depend on the directory alone: a second start makes the same registry.

use super::damage;
use super::lookalike;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// The most firms of the directory that are in the registry already.
const MOST_FIRMS: usize = 5_000;

/// At least so many records of the directory come on each one that is there already.
const RECORDS_PER_FIRM: usize = 6;

/// So many firms that are there already come on each look-alike.
const FIRMS_PER_LOOKALIKE: usize = 5;

/// A record of the simulator's directory, as its admin API tells it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct TrueRecord {
    /// The directory's id.
    pub(super) id: i64,
    /// The name.
    pub(super) name: String,
    /// A vendor's telephone.
    #[serde(default)]
    business_phone: Option<String>,
    /// The customer's own company.
    #[serde(default)]
    company_vendor: bool,
    /// A demo project.
    #[serde(default)]
    is_demo: bool,
    /// A project template.
    #[serde(default)]
    template: bool,
}

impl TrueRecord {
    fn mappable(&self) -> bool {
        !(self.company_vendor || self.is_demo || self.template)
    }

    /// The digits of its telephone; `None` where it has none.
    fn phone(&self) -> Option<String> {
        let digits: String = self.business_phone.as_deref()?.chars().filter(char::is_ascii_digit).collect();
        (digits.len() >= 7).then_some(digits)
    }
}

/// A registry record to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Registered {
    /// The directory's records that it is: the one that it was made from, then others in which the directory has the same firm again.
    /// Empty for a look-alike.
    pub(super) records: Vec<i64>,
    /// The name in the registry.
    pub(super) name: String,
    /// The telephone in the registry; empty where it has none.
    pub(super) phone: String,
    /// The town, where the registry knows it.
    pub(super) city: String,
}

/// Which records of the registry are which of the directory.
#[derive(Debug, Default)]
pub(super) struct Truth {
    /// The registry's name of the firm that a record is.
    of_record: HashMap<i64, String>,
    /// The records from which firms were made; only those are owed a suggestion.
    owed: HashSet<i64>,
    /// The registry's names of the look-alikes.
    lookalikes: HashSet<String>,
}

impl Truth {
    /// Notes that the registry calls `registered` by `name`.
    pub(super) fn note(&mut self, registered: &Registered, name: String) {
        match registered.records.first() {
            Some(original) => {
                self.owed.insert(*original);
                self.of_record.extend(registered.records.iter().map(|record| (*record, name.clone())));
            }
            None => {
                self.lookalikes.insert(name);
            }
        }
    }

    /// The registry's name of the firm that `record` is, where it is there.
    pub(super) fn of(&self, record: i64) -> Option<&str> {
        self.of_record.get(&record).map(String::as_str)
    }

    /// Whether a firm of the registry was made from `record`, so that a good matcher suggests it.
    pub(super) fn owed(&self, record: i64) -> bool {
        self.owed.contains(&record)
    }

    /// Whether the registry's `name` is a firm that only looks like one of the directory.
    pub(super) fn is_lookalike(&self, name: &str) -> bool {
        self.lookalikes.contains(name)
    }

    /// How many firms, and how many look-alikes, are in the registry.
    pub(super) fn sizes(&self) -> (u64, u64) {
        (self.owed.len() as u64, self.lookalikes.len() as u64)
    }
}

/// Reads the names of a company's directory from the simulator.
///
/// # Errors
/// When the simulator does not answer.
pub(super) async fn directory(simulator: &str, company: i64, resource: &str) -> Result<Vec<TrueRecord>> {
    let url = format!("{simulator}/admin/companies/{company}/directory?resource={resource}");
    let client = reqwest::Client::builder().no_proxy().build()?;
    let mut answer = client.get(&url).send().await?.error_for_status()?;
    let (mut records, mut rest) = (Vec::new(), Vec::new());
    // A piece at a time: the rows tell much more than the names.
    while let Some(piece) = answer.chunk().await? {
        rest.extend_from_slice(&piece);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
        for line in rest[..end].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            records.push(serde_json::from_slice(line).context("a row of the simulator's directory")?);
        }
        rest.drain(..=end);
    }
    Ok(records)
}

/// The firms of the registry: damaged ones spread over the whole directory, then look-alikes of others.
#[must_use]
pub(super) fn firms(records: &[TrueRecord]) -> Vec<Registered> {
    let mappable: Vec<&TrueRecord> = records.iter().filter(|record| record.mappable()).collect();
    let directory = Directory::of(&mappable);
    let number = MOST_FIRMS.min(mappable.len() / RECORDS_PER_FIRM);
    let mut made = Made::default();
    for (turn, stretch) in stretches(&mappable, number).enumerate() {
        stretch.iter().any(|record| made.firm(record, turn, &directory));
    }
    for (turn, stretch) in stretches(&mappable, number / FIRMS_PER_LOOKALIKE).enumerate() {
        stretch.iter().rev().any(|record| made.lookalike(record, turn, &directory));
    }
    made.registered
}

/// `records` in so many stretches of about the same length.
fn stretches<'r, 'a>(records: &'r [&'a TrueRecord], number: usize) -> impl Iterator<Item = &'r [&'a TrueRecord]> {
    (0..number).map(move |turn| &records[turn * records.len() / number..(turn + 1) * records.len() / number])
}

/// Whether `short` is `long` cut off, other than before a number: that would be another firm.
fn is_cut(short: &str, long: &str) -> bool {
    long.strip_prefix(short).is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
}

/// What the directory has under one name and under one telephone.
struct Directory<'a> {
    by_key: HashMap<String, Vec<&'a TrueRecord>>,
    by_phone: HashMap<String, Vec<&'a TrueRecord>>,
    by_letters: HashMap<String, Vec<&'a TrueRecord>>,
    by_word: HashMap<String, Vec<&'a TrueRecord>>,
}

/// So many first letters of two names must be equal before one can be the other, cut off.
const TELLING_LETTERS: usize = 12;

/// The letters of a name, whatever its spaces, abbreviations, plurals and legal form: the directory's own records with the same ones are
/// one firm to anybody who reads them.
fn letters(name: &str) -> String {
    let key = linkyard_matching::name_key(name);
    let words = key.split(' ').filter(|word| !matches!(*word, "the" | "and"));
    words.map(|word| damage::in_full(word).trim_end_matches('s').to_owned()).collect()
}

impl<'a> Directory<'a> {
    fn of(records: &[&'a TrueRecord]) -> Self {
        let mut directory =
            Self { by_key: HashMap::new(), by_phone: HashMap::new(), by_letters: HashMap::new(), by_word: HashMap::new() };
        for record in records {
            for word in words(&record.name) {
                directory.by_word.entry(word).or_default().push(*record);
            }
            directory.by_key.entry(linkyard_matching::name_key(&record.name)).or_default().push(*record);
            let first: String = letters(&record.name).chars().take(TELLING_LETTERS).collect();
            directory.by_letters.entry(first).or_default().push(*record);
            if let Some(phone) = record.phone() {
                directory.by_phone.entry(phone).or_default().push(*record);
            }
        }
        directory
    }

    /// The records in which the directory has the firm of `record`: itself, those whose name differs in spelling only or is the same cut off,
    /// and those with its telephone whose name begins with the same word.
    fn same_firm(&self, record: &TrueRecord) -> Vec<i64> {
        let first_word = |name: &str| linkyard_matching::project_key(name).split(' ').next().map(str::to_owned);
        let named = self.by_key.get(&linkyard_matching::name_key(&record.name)).into_iter().flatten();
        let called = record.phone().and_then(|phone| self.by_phone.get(&phone)).into_iter().flatten();
        let called = called.filter(|other| first_word(&other.name) == first_word(&record.name));
        let mine = letters(&record.name);
        let first: String = mine.chars().take(TELLING_LETTERS).collect();
        let spelled = self.by_letters.get(&first).into_iter().flatten().filter(|other| {
            let theirs = letters(&other.name);
            theirs == mine || first.chars().count() == TELLING_LETTERS && (is_cut(&mine, &theirs) || is_cut(&theirs, &mine))
        });
        let mut same = vec![record.id];
        for other in named.chain(called).chain(spelled) {
            if !same.contains(&other.id) {
                same.push(other.id);
            }
        }
        same
    }

    /// Whether so much of `name` was lost that what is left of it ("A & L") names another firm as well as this one, whose records
    /// these are.
    fn names_others(&self, name: &str, damaged: &str, records: &[i64]) -> bool {
        let (before, left) = (words(name), words(damaged));
        if left.len() >= before.len() || !left.is_subset(&before) {
            return false;
        }
        let with = |word: &String| self.by_word.get(word).map_or(&[][..], Vec::as_slice);
        let rarest = left.iter().map(with).min_by_key(|records| records.len()).unwrap_or_default();
        rarest.iter().any(|other| !records.contains(&other.id) && left.is_subset(&words(&other.name)))
    }
}

/// The words of a name without its legal form.
fn words(name: &str) -> HashSet<String> {
    linkyard_matching::name_key(name).split(' ').map(str::to_owned).collect()
}

/// The firms made so far; no two of them have the same key.
#[derive(Default)]
struct Made {
    registered: Vec<Registered>,
    keys: HashSet<String>,
    records: HashSet<i64>,
}

impl Made {
    /// Makes `record` a firm of the registry, unless that firm is there already; answers whether it did. The name is damaged in the first
    /// way, from the `turn`-th on, that changes it and makes it nobody else's.
    fn firm(&mut self, record: &TrueRecord, turn: usize, directory: &Directory<'_>) -> bool {
        let records = directory.same_firm(record);
        if records.iter().any(|record| self.records.contains(record)) {
            return false;
        }
        let name = record.name.trim();
        let fits = |damaged: &String| {
            let theirs = directory.by_key.get(&linkyard_matching::name_key(damaged));
            damaged != name
                && theirs.is_none_or(|theirs| theirs.iter().all(|other| records.contains(&other.id)))
                && !directory.names_others(name, damaged, &records)
        };
        let mut damaged = (0..damage::KINDS).map(|next| damage::damaged(name, turn + next));
        let Some(name) = damaged.find(|damaged| fits(damaged) && self.takes(damaged)) else { return false };
        let phone = match (turn % 10, record.phone()) {
            (0..6, Some(phone)) => phone,
            (8.., Some(phone)) => another_phone(&phone, turn),
            (_, Some(_) | None) => String::new(),
        };
        self.records.extend(&records);
        self.registered.push(Registered { records, name, phone, city: String::new() });
        true
    }

    /// Makes a firm that looks like `record` and is another one; answers whether it did.
    fn lookalike(&mut self, record: &TrueRecord, turn: usize, directory: &Directory<'_>) -> bool {
        let name = lookalike::lookalike(record.name.trim(), turn);
        if directory.by_key.contains_key(&linkyard_matching::name_key(&name)) || !self.takes(&name) {
            return false;
        }
        let phone =
            record.phone().filter(|_| turn.is_multiple_of(2)).map(|phone| another_phone(&phone, turn)).unwrap_or_default();
        let city = if lookalike::is_branch(turn) { lookalike::BRANCH_TOWN.to_owned() } else { String::new() };
        self.registered.push(Registered { records: Vec::new(), name, phone, city });
        true
    }

    /// Whether the registry can have one more firm of this name.
    fn takes(&mut self, name: &str) -> bool {
        let key = linkyard_matching::name_key(name);
        (1..=200).contains(&name.chars().count()) && !key.is_empty() && self.keys.insert(key)
    }
}

/// The telephone of somebody else.
fn another_phone(phone: &str, turn: usize) -> String {
    let (area, _) = phone.split_at(phone.len().min(3));
    format!("{area}{:07}", 2_340_000 + (turn * 7_919) % 7_650_000)
}

/// The projects that are in the registry: some of the directory's, their names written another way.
#[must_use]
pub(super) fn projects(records: &[TrueRecord]) -> Vec<Registered> {
    let mut keys = HashSet::new();
    let mut chosen = Vec::new();
    let mappable = records.iter().filter(|record| record.mappable());
    for (position, record) in mappable.enumerate().filter(|(position, _)| position % RECORDS_PER_FIRM == 3) {
        let name = respelled(record.name.trim(), position / RECORDS_PER_FIRM);
        if (1..=200).contains(&name.chars().count()) && keys.insert(linkyard_matching::project_key(&name)) {
            chosen.push(Registered { records: vec![record.id], name, ..Registered::default() });
        }
    }
    chosen
}

fn respelled(name: &str, turn: usize) -> String {
    match turn % 4 {
        0 => name.to_lowercase(),
        1 => name.replace(", ", " ").replace('.', ""),
        2 => name.replace('&', "and"),
        _ => name.replace(' ', "  "),
    }
}

/// The vendors that nothing is like: no other vendor of the directory and nothing of the registry has a name with their key.
#[must_use]
pub(super) fn without_counterpart(records: &[TrueRecord], truth: &Truth) -> HashSet<i64> {
    let mappable: Vec<&TrueRecord> = records.iter().filter(|record| record.mappable()).collect();
    let directory = Directory::of(&mappable);
    let alone = |record: &&TrueRecord| {
        let key = linkyard_matching::name_key(&record.name);
        !key.is_empty() && truth.of(record.id).is_none() && directory.same_firm(record).len() == 1
    };
    mappable.into_iter().filter(alone).map(|record| record.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Vec<TrueRecord> {
        let record = |id: i64| TrueRecord {
            id,
            name: format!("{} & SONS CONSTRUCTION SERVICES {id} INC", ["ACME", "BOLT", "CRANE"][id as usize % 3]),
            business_phone: Some(format!("312555{id:04}")),
            ..TrueRecord::default()
        };
        (0..600).map(record).collect()
    }

    #[test]
    fn the_same_directory_makes_the_same_registry() {
        let records = directory();
        let first = firms(&records);
        assert_eq!(first, firms(&records));
        let (firms, lookalikes): (Vec<_>, Vec<_>) = first.iter().partition(|firm| !firm.records.is_empty());
        assert!(firms.len() > 90 && lookalikes.len() >= 15, "{} firms, {} look-alikes", firms.len(), lookalikes.len());
        let names: HashSet<&str> = records.iter().map(|record| record.name.as_str()).collect();
        assert!(firms.iter().all(|firm| !names.contains(firm.name.as_str())), "every name is damaged");
        let with_phone = firms.iter().filter(|firm| !firm.phone.is_empty()).count();
        assert!(with_phone > firms.len() / 2 && with_phone < firms.len(), "some telephones are missing: {with_phone}");
    }

    #[test]
    fn what_is_left_of_a_name_must_not_name_others() {
        let record = |id: i64, name: &str| TrueRecord { id, name: name.to_owned(), ..TrueRecord::default() };
        let records = [record(1, "NORTH STAR ELECTRIC"), record(2, "North Star Roofing LLC"), record(3, "SWORD AND STONE")];
        let directory = Directory::of(&records.iter().collect::<Vec<_>>());
        assert!(directory.names_others("NORTH STAR ELECTRIC", "NORTH STAR", &[1]));
        assert!(!directory.names_others("NORTH STAR ELECTRIC", "NORTH STAR", &[1, 2]), "one firm has both records");
        assert!(!directory.names_others("SWORD AND STONE", "SWORD AND", &[3]));
        assert!(!directory.names_others("NORTH STAR ELECTRIC", "STAR NORTH ELECTRIC INC", &[1]), "nothing is lost");
    }

    #[test]
    fn a_firm_that_the_directory_has_twice_is_one_firm() {
        let mut records = directory();
        let twice = |id: i64, name: &str| TrueRecord {
            id,
            name: name.to_owned(),
            business_phone: Some("(312) 555-0000".to_owned()),
            ..TrueRecord::default()
        };
        records.push(twice(9_001, "Acme and Sons Construction Services 0, LLC"));
        records.push(twice(9_002, "ACME ROOFING"));
        records.push(twice(9_003, "ZENITH ROOFING"));
        let first = firms(&records).remove(0);
        assert_eq!(
            first.records,
            [0, 9_001, 9_002],
            "the same name spelled otherwise, and the same telephone under the same first word"
        );
        let mut truth = Truth::default();
        truth.note(&first, "parties/1".to_owned());
        assert_eq!((truth.of(9_001), truth.of(9_003)), (Some("parties/1"), None));
        assert!(truth.owed(0) && !truth.owed(9_001));
        assert!(!without_counterpart(&records, &truth).contains(&0));
    }
}
