//! The fault drills: what goes wrong on purpose, and the judge who says whether anything was lost, doubled, made stale, leaked, stuck or
//! lied about. `./run drill` runs them by name; the test suite runs each at the fast pace.
//!
//! A drill is a function from settings to an outcome, and a line of [`DRILLS`]. Most of them are an installation of processes
//! ([`yard::Yard`]) at whose API two tenants work ([`person::Person`]) while the drill's own part does the damage.

pub mod changes;
pub mod crowd;
pub mod drift;
pub mod every_change;
pub mod journal;
pub mod judge;
pub mod person;
pub mod together;
pub mod watch;
pub mod yard;

mod d01_kill;
mod d02_drain;
mod d03_freeze;
mod d09_backlog;
mod d16_cuts;
mod d17_latency;
mod d18_lost_replies;
mod d19_refused;
mod d20_broken;
mod d24_drift;
mod d25_tokens;
mod d28_two_controls;
mod d29_claim_race;
mod d30_poison;
mod d31_noise;
mod d34_repeats;
mod d35_auto_add;
mod postgres_gone;
mod redis_gone;

use crate::zero::{Problems, Zero};
use anyhow::{Context, Result};
use futures_util::future::LocalBoxFuture;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How fast a drill goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Pace {
    /// Leases and outages last a tenth: the pace of the test suite.
    Fast,
    /// Everything lasts as long as it does.
    Full,
}

/// What a drill is told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Vendors of the larger tenant.
    pub items: u32,
    /// What everything random depends on.
    pub seed: u64,
    /// How fast it goes.
    pub pace: Pace,
}

impl Settings {
    /// Those of the test suite.
    #[must_use]
    pub fn fast() -> Self {
        Self { items: 500, seed: 1, pace: Pace::Fast }
    }

    /// This time at the full pace, or a tenth of it.
    #[must_use]
    pub fn time(&self, full: Duration) -> Duration {
        match self.pace {
            Pace::Fast => full / 10,
            Pace::Full => full,
        }
    }

    /// How many faults have to land: `fast` up to 500 items, `full` from 10,000 on, and in between in proportion.
    #[must_use]
    pub fn quota(&self, fast: u64, full: u64) -> u64 {
        (fast + (full - fast) * u64::from(self.items.saturating_sub(500)) / 9_500).min(full)
    }

    /// The longest that anything is waited for, before it counts as stuck.
    #[must_use]
    pub fn patience(&self) -> Duration {
        match self.pace {
            Pace::Fast => Duration::from_secs(90),
            Pace::Full => Duration::from_secs(900),
        }
    }
}

/// How a drill ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What the judge found.
    pub problems: Problems,
    /// Faults that hit something under way.
    pub faults_landed: u64,
    /// How many had to.
    pub quota: u64,
    /// What of the drill's own criterion does not hold, as sentences.
    pub missed: Vec<String>,
    /// What was measured.
    pub figures: BTreeMap<&'static str, f64>,
}

impl Outcome {
    /// Notes what the drill's own criterion asks for, where it does not hold.
    pub fn require(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.missed.push(otherwise());
        }
    }

    /// Whether all is well.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.problems.is_empty() && self.missed.is_empty() && self.faults_landed >= self.quota
    }

    /// The object that `--json` prints.
    #[must_use]
    pub fn json(&self, drill: &str, settings: Settings) -> Value {
        let mut object = json!({
            "drill": drill,
            "items": settings.items,
            "seed": settings.seed,
            "faults_landed": self.faults_landed,
            "pass": self.passes(),
            "figures": self.figures,
        });
        for zero in Zero::SIX {
            object[zero.as_str()] = self.problems.count(zero).into();
        }
        object
    }

    /// Why it does not pass, for people; empty when it does.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.problems.sentences.clone();
        complaints.extend(self.missed.iter().cloned());
        if self.faults_landed < self.quota {
            complaints.push(format!("only {} of {} faults landed", self.faults_landed, self.quota));
        }
        complaints
    }
}

/// A drill.
#[derive(Clone, Copy, Debug)]
pub struct Drill {
    /// Its number, like `D18`.
    pub name: &'static str,
    /// What goes wrong, in a line.
    pub about: &'static str,
    /// About how many seconds it takes at the fast pace with 500 items, on two cores and beside others; a drill that takes much longer
    /// wants looking at.
    pub budget_s: u64,
    /// Does it.
    run: fn(Settings) -> LocalBoxFuture<'static, Result<Outcome>>,
}

impl Drill {
    /// Runs it.
    ///
    /// # Errors
    /// When it could not be run to its end; what the judge finds is not an error but in the outcome.
    pub async fn run(&self, settings: Settings) -> Result<Outcome> {
        crate::cryptography();
        (self.run)(settings).await.with_context(|| format!("{} with seed {}", self.name, settings.seed))
    }
}

/// The line of a drill.
macro_rules! drill {
    ($name:literal, $budget_s:literal, $about:literal, $run:path) => {
        Drill { name: $name, about: $about, budget_s: $budget_s, run: |settings| Box::pin($run(settings)) }
    };
}

/// Every drill, in the order of their numbers.
pub const DRILLS: &[Drill] = &[
    drill!("D1", 30, "workers are killed in the middle of chunks", d01_kill::run),
    drill!("D2", 30, "workers are told to stop while they have jobs", d02_drain::run),
    drill!("D3", 40, "workers freeze for longer than their lease", d03_freeze::run),
    drill!("D4", 40, "Redis is killed ten times", redis_gone::killed),
    drill!("D5", 40, "Redis loses power and its last writes", redis_gone::without_power),
    drill!("D6", 40, "Redis is emptied, and replaced by an empty one", redis_gone::emptied),
    drill!("D9", 50, "a mountain of jobs waits for the first worker", d09_backlog::run),
    drill!("D10", 50, "PostgreSQL is killed ten times", postgres_gone::killed),
    drill!("D11", 30, "answers to commits are lost", postgres_gone::commits_unknown),
    drill!("D16", 40, "ways are cut, reset and silent", d16_cuts::run),
    drill!("D17", 160, "every way has a long latency", d17_latency::run),
    drill!("D18", 40, "answers are lost on every link, their requests are not", d18_lost_replies::run),
    drill!("D19", 40, "half of the calls are refused for their rate, in every form", d19_refused::run),
    drill!("D20", 50, "the directory is broken, wholly and in part", d20_broken::run),
    drill!("D24", 30, "the directory moves while it is walked", d24_drift::run),
    drill!("D25", 60, "tokens end, fail and are refused", d25_tokens::run),
    drill!("D28", 30, "two controls decide the same vendor at once", d28_two_controls::run),
    drill!("D29", 15, "several workers claim the same jobs at once", d29_claim_race::run),
    drill!("D30", 40, "jobs kill whoever runs them", d30_poison::run),
    drill!("D31", 60, "one tenant is noisy", d31_noise::run),
    drill!("D34", 50, "every change is asked for three times", d34_repeats::run),
    drill!("D35", 60, "automatic adding is on while pages drift and workers are killed", d35_auto_add::run),
];

/// The drill of this name, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Drill> {
    DRILLS.iter().find(|drill| drill.name.eq_ignore_ascii_case(name))
}
