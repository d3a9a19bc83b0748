//! D24: the directory moves while it is walked, at its first import and afterwards. Whatever was there before and after a walk is imported
//! once, and nobody is called gone on the evidence of one walk.

use super::drift;
use super::person::Person;
use super::yard::{Plan, Yard};
use super::{Outcome, Settings};
use crate::databases::Sql;
use crate::dice::Dice;
use crate::zero::Zero;
use anyhow::{Context, Result, ensure};
use linkyard_proto::v1::confirm_filter::Action;
use std::collections::BTreeMap;

/// Rows of a page: a fetch of the fewest vendors still turns many.
const PAGE: u32 = 25;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let mut yard = Yard::start(settings, Plan { workers: 1, latency_ms: 0, page: PAGE, ..Plan::default() }).await?;
    // Nobody works beside this one: nothing is acknowledged to the neighbour.
    yard.people.truncate(1);
    let mut outcome = Outcome { quota: settings.quota(40, 400), ..Outcome::default() };
    let mut dice = Dice::of(settings.seed, 24);
    let person = yard.people.first_mut().context("a tenant")?;
    person.connect().await?;
    // The first import: what a walk misses now nobody has ever seen.
    walk_adrift(person, &yard.sql, &mut dice, settings, &mut outcome).await?;
    person.fetch(false).await?;
    for action in [Action::AcceptSuggestions, Action::Create] {
        person.confirm_vendors(action).await?;
        person.confirm_projects(action).await?;
    }
    let mut walks = 1;
    while walks < 2 || outcome.faults_landed < outcome.quota {
        walk_adrift(person, &yard.sql, &mut dice, settings, &mut outcome).await?;
        walks += 1;
        ensure!(walks < 50, "fewer faults landed than pages were turned");
    }
    // Two walks that nothing disturbs: now it may be said who is gone.
    person.fetch(false).await?;
    person.fetch(false).await?;
    names_are_known(person, &yard.sql, &mut outcome).await?;
    for action in [Action::AcceptSuggestions, Action::Create] {
        person.confirm_vendors(action).await?;
    }
    person.state_coverages().await?;
    person.push().await?;
    outcome.figures.insert("walks_adrift", f64::from(walks));
    outcome.figures.insert("gone", known(person, &yard.sql, "gone_at_ms is not null").await?.len() as f64);
    yard.judge(outcome).await
}

/// One fetch of everything while everything moves.
async fn walk_adrift(person: &mut Person, sql: &Sql, dice: &mut Dice, settings: Settings, outcome: &mut Outcome) -> Result<()> {
    let before = there(person).await?;
    // Each list is walked twice at most, and asked for its changes.
    drift::set_adrift(person, dice, u64::from(settings.items / PAGE) * 3).await?;
    person.fetch(false).await?;
    outcome.faults_landed += drift::calm(person).await?;
    let after = there(person).await?;
    let (imported, gone) = (known(person, sql, "true").await?, known(person, sql, "gone_at_ms is not null").await?);
    for (id, name) in before.iter().filter(|(id, _)| after.contains_key(id)) {
        if !imported.contains_key(id) {
            outcome.problems.note(Zero::Lost, format!("vendor {id} ({name}) was there all the time and was not imported"));
        }
    }
    for (id, name) in gone.iter().filter(|(id, _)| before.contains_key(id)) {
        let went = if after.contains_key(id) { "is there" } else { "went during this one walk" };
        outcome.missed.push(format!("vendor {id} ({name}) is called gone and {went}"));
    }
    Ok(())
}

/// The vendors that are in the directory, with their names.
async fn there(person: &Person) -> Result<BTreeMap<i64, String>> {
    Ok(person.true_vendors().await?.into_iter().map(|vendor| (vendor.id, vendor.name)).collect())
}

/// The vendors of which we know, with their names, where `condition` holds.
async fn known(person: &Person, sql: &Sql, condition: &str) -> Result<BTreeMap<i64, String>> {
    let provider = person.provider.trim_start_matches("providers/");
    let rows = sql
        .texts(&format!(
            "select record_id || ' ' || name from directory_record
             where provider_id = '{provider}' and subject = 'vendor' and exclusion is null and {condition}"
        ))
        .await?;
    rows.iter()
        .map(|row| {
            let (id, name) = row.split_once(' ').context("a record and its name")?;
            Ok((id.parse()?, name.to_owned()))
        })
        .collect()
}

/// When nothing moves any more, everybody who is there is known by the name that it has, and everybody else is gone.
async fn names_are_known(person: &Person, sql: &Sql, outcome: &mut Outcome) -> Result<()> {
    let (there, known) = (there(person).await?, known(person, sql, "gone_at_ms is null").await?);
    for (id, name) in &there {
        match known.get(id) {
            None => outcome.problems.note(Zero::Lost, format!("vendor {id} ({name}) is there and not known")),
            Some(found) if found != name => {
                outcome.problems.note(Zero::Stale, format!("vendor {id} is called {name}, and known as {found}"));
            }
            Some(_) => {}
        }
    }
    for (id, name) in known.iter().filter(|(id, _)| !there.contains_key(id)) {
        outcome.problems.note(Zero::Stale, format!("vendor {id} ({name}) went, and two walks did not notice"));
    }
    Ok(())
}
