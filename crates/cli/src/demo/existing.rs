//! The registry that is there before the integration: some firms and projects of the directory, under slightly different names.
//!
//! They are made from the simulator's own directory, so the demo knows which record each of them is and can judge the suggestions.
//! The choice and the changes depend on the position in the directory alone: a second start makes the same registry.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// Every how many-th record has a counterpart in the registry.
const ONE_IN: usize = 7;

/// A record of the simulator's directory, as its admin API tells it.
#[derive(Debug, Deserialize)]
pub(super) struct TrueRecord {
    /// The directory's id.
    pub(super) id: i64,
    /// The name.
    pub(super) name: String,
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

/// A registry record to be made, and the directory record it is.
#[derive(Debug)]
pub(super) struct Counterpart {
    /// The directory's id.
    pub(super) record: i64,
    /// The name in the registry.
    pub(super) name: String,
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

/// Chooses the records that are in the registry already and changes their names a little.
#[must_use]
pub(super) fn counterparts(records: &[TrueRecord]) -> Vec<Counterpart> {
    let mut keys = HashSet::new();
    let mut chosen = Vec::new();
    let mappable = records.iter().filter(|record| !(record.company_vendor || record.is_demo || record.template));
    for (position, record) in mappable.enumerate().filter(|(position, _)| position % ONE_IN == 3) {
        let name = changed(record.name.trim(), position / ONE_IN);
        let fits = (1..=200).contains(&name.chars().count());
        if fits && keys.insert(linkyard_matching::name_key(&name)) {
            chosen.push(Counterpart { record: record.id, name });
        }
    }
    chosen
}

/// The vendors that nothing is like: no other vendor of the directory and nothing of the registry has a name with their key.
#[must_use]
pub(super) fn without_counterpart(records: &[TrueRecord], registry: &Truth) -> HashSet<i64> {
    let mappable: Vec<&TrueRecord> = records.iter().filter(|record| !record.company_vendor).collect();
    let mut keys: HashMap<String, u64> = HashMap::new();
    for record in &mappable {
        *keys.entry(linkyard_matching::name_key(&record.name)).or_default() += 1;
    }
    for counterpart in counterparts(records) {
        *keys.entry(linkyard_matching::name_key(&counterpart.name)).or_default() += 1;
    }
    let alone = |record: &&TrueRecord| {
        let key = linkyard_matching::name_key(&record.name);
        !key.is_empty() && keys.get(&key) == Some(&1) && !registry.contains_key(&record.id)
    };
    mappable.into_iter().filter(alone).map(|record| record.id).collect()
}

/// The registry's id of each counterpart, by the directory's id.
pub(super) type Truth = HashMap<i64, String>;

/// A name as somebody else would have typed it. One in ten is changed so much that only more than a name could tell.
fn changed(name: &str, turn: usize) -> String {
    match turn % 10 {
        0 => name.to_lowercase(),
        1 => name.replace(", ", " ").replace('.', ""),
        2 => name.replace('&', "and"),
        3 => format!("{name}, LLC").replace(" LLC, LLC", ", L.L.C.").replace(" INC, LLC", ", Inc."),
        4 => name.split_whitespace().map(capitalised).collect::<Vec<_>>().join(" "),
        5 => name.replace(" CO", " Company").replace(" Companyn", " Con").replace(" Companym", " Com"),
        6 => name.replace(' ', "  "),
        7 => name.replace('-', " ").replace('\'', ""),
        8 => name.to_owned(),
        _ => name.split_whitespace().map(shortened).collect::<Vec<_>>().join(" "),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    first + &letters.as_str().to_lowercase()
}

fn shortened(word: &str) -> String {
    if word.chars().count() > 6 { word.chars().take(4).chain(['.']).collect() } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: i64) -> TrueRecord {
        TrueRecord { id, name: format!("FIRM {id} & SONS INC"), company_vendor: false, is_demo: false, template: false }
    }

    #[test]
    fn the_same_directory_makes_the_same_registry() {
        let records: Vec<TrueRecord> = (0..100).map(record).collect();
        let first: Vec<String> = counterparts(&records).into_iter().map(|counterpart| counterpart.name).collect();
        let again: Vec<String> = counterparts(&records).into_iter().map(|counterpart| counterpart.name).collect();
        assert_eq!(first, again);
        assert!(first.len() >= 10);
        assert!(first.iter().any(|name| name.contains("and SONS")), "{first:?}");
    }
}
