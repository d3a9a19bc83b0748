//! What the demo remembers between two starts on one data directory, so that the second goes on where the first was killed.
//!
//! Everything that matters is in linkyard's own ledger; this file holds only what the demo itself chose: the tokens of the plans that
//! it confirms (a confirm sent again must be the same request), and what it measured.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How good the first suggestions of vendors were, against the truth that the demo knows because it made the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Suggestions {
    /// Firms of the directory that were in the registry already, under damaged names.
    pub(super) existing: u64,
    /// Firms of the registry that only look like one of the directory.
    pub(super) lookalikes: u64,
    /// STRONG and LIKELY suggestions that are right.
    pub(super) right: u64,
    /// STRONG and LIKELY suggestions that are wrong.
    pub(super) wrong: u64,
    /// Existing firms whose vendor has no right suggestion that is STRONG or LIKELY.
    pub(super) missed: u64,
    /// The STRONG ones.
    pub(super) strong: OfBand,
    /// The LIKELY ones.
    pub(super) likely: OfBand,
    /// The WEAK ones: no more than a hint for a person who searches.
    pub(super) weak: OfBand,
    /// Look-alikes that were suggested as STRONG.
    pub(super) lookalikes_strong: u64,
}

/// The first suggestions of one band.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OfBand {
    /// How many are right.
    pub(super) right: u64,
    /// How many are wrong.
    pub(super) wrong: u64,
    /// Existing firms whose vendor has no right first suggestion of this band or a better one.
    pub(super) missed: u64,
}

/// What became of the firms that were in the registry already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Existing {
    /// Vendors linked to the firm that they are.
    pub(super) linked_right: u64,
    /// Vendors linked to another firm that was there.
    pub(super) linked_wrong: u64,
    /// Vendors that were created although their firm was there: true duplicates.
    pub(super) created_again: u64,
    /// The first of them, each with what was there.
    #[serde(default)]
    pub(super) created_again_records: Vec<CreatedAgain>,
    /// Vendors that wait for a person, held or undecided.
    pub(super) waiting: u64,
    /// Vendors that were left out.
    pub(super) left_out: u64,
}

/// A vendor that was created although its firm was there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CreatedAgain {
    /// The directory's id of the vendor.
    pub(super) record_id: i64,
    /// Its name in the directory.
    pub(super) name: String,
    /// The party that its firm was, as `parties/..`.
    pub(super) was_there: String,
    /// The party that was created, as `parties/..`.
    pub(super) created: String,
}

/// What the vendors without a counterpart had to wait for, although nothing in the directory or the registry is the same firm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Holding {
    /// Vendors that nothing in the directory or the registry is.
    pub(super) without_counterpart: u64,
    /// Those that the gate held for a firm that is another one.
    pub(super) held: u64,
    /// Those that wait because a suggestion is more likely right than wrong, and is wrong.
    pub(super) suggested: u64,
    /// Those that were held, or wait, for one of the look-alikes that were made to mislead.
    pub(super) for_lookalikes: u64,
}

/// One line of the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Phase {
    /// What was done.
    pub(super) name: String,
    /// Rows that it was done to.
    pub(super) rows: u64,
    /// Calls to Procore.
    pub(super) calls: u64,
    /// Seconds from start to end, waiting included.
    pub(super) seconds: f64,
}

/// The file `demo.json` in the data directory.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Memory {
    #[serde(skip)]
    path: PathBuf,
    /// Tokens of the plans that were confirmed, by step.
    pub(super) plan_tokens: BTreeMap<String, String>,
    /// Suggestions of vendors, once they were looked at.
    pub(super) suggestions: Option<Suggestions>,
    /// What became of the firms that were there, once everything was linked.
    pub(super) existing: Option<Existing>,
    /// What was kept back without need, once everything was linked.
    pub(super) holding: Option<Holding>,
    /// Phases that are finished.
    pub(super) phases: Vec<Phase>,
}

impl Memory {
    /// Reads the file of `data_dir`, or begins an empty one.
    ///
    /// # Errors
    /// When the file is there and can not be read.
    pub(super) fn open(data_dir: &Path) -> Result<Self> {
        let path = data_dir.join("demo.json");
        let mut memory = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error).with_context(|| format!("{} can not be read", path.display())),
        };
        memory.path = path;
        Ok(memory)
    }

    /// Writes the file so that a crash leaves the old or the new one, never half of one.
    ///
    /// # Errors
    /// When the directory can not be written.
    pub(super) fn save(&self) -> Result<()> {
        let fresh = self.path.with_extension("json.new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(self)?)?;
        std::fs::rename(&fresh, &self.path).with_context(|| format!("{} can not be written", self.path.display()))
    }

    /// Whether a phase was finished before.
    #[must_use]
    pub(super) fn finished(&self, name: &str) -> bool {
        self.phases.iter().any(|phase| phase.name == name)
    }

    /// Notes a finished phase, once.
    ///
    /// # Errors
    /// As [`Memory::save`].
    pub(super) fn finish(&mut self, phase: Phase) -> Result<()> {
        if !self.finished(&phase.name) {
            self.phases.push(phase);
        }
        self.save()
    }
}
