//! How far a job has come: reading where an earlier run stopped, and making the checkpoints that are written with each effect.

use crate::context::Context;
use linkyard_core::job::{Checkpoint, RowCounts};
use linkyard_core::{Error, Result};
use linkyard_telemetry::measure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Where a job is. A job reads its position once, and from then on saves each step before it takes the next.
#[derive(Debug)]
pub struct Progress {
    /// Where this run began.
    begun_at: Value,
    position: Value,
    phase: String,
}

impl Progress {
    /// The progress of a run that goes on at `checkpoint`; `None` on the first run.
    #[must_use]
    pub fn new(checkpoint: Option<Value>) -> Self {
        let position = checkpoint.unwrap_or(Value::Null);
        Self { begun_at: position.clone(), position, phase: String::new() }
    }

    /// Whether this run got further than the one before it.
    pub(crate) fn moved(&self) -> bool {
        self.position != self.begun_at
    }

    /// Where an earlier run stopped; `None` on the first run. A position that this release can not read (written by another one) is
    /// `None` as well: every job may run again from its beginning.
    #[must_use]
    pub fn position<T: DeserializeOwned>(&self) -> Option<T> {
        if self.position.is_null() {
            return None;
        }
        match serde_json::from_value(self.position.clone()) {
            Ok(position) => Some(position),
            Err(error) => {
                tracing::warn!(%error, "the checkpoint is not readable here; the job begins again");
                None
            }
        }
    }

    /// A checkpoint to be written together with an effect: go on at `position`; `done` since the last one, without `calls`, which are
    /// filled in. Hand it to [`Progress::saved`] once it is written.
    ///
    /// # Errors
    /// `Internal` when the position can not be written as JSON, which is a defect.
    pub fn checkpoint(&self, cx: &Context, position: &impl Serialize, phase: &str, done: RowCounts) -> Result<Checkpoint> {
        let position =
            serde_json::to_value(position).map_err(|error| Error::internal("a position could not be written as JSON", error))?;
        Ok(Checkpoint { position, phase: phase.to_owned(), done: RowCounts { calls: cx.unreported_calls(), ..done } })
    }

    /// Notes that `checkpoint` is written.
    pub fn saved(&mut self, cx: &Context, checkpoint: Checkpoint) {
        cx.note_reported(checkpoint.done.calls);
        cx.note_progress();
        measure_rows(cx, checkpoint.done);
        self.position = checkpoint.position;
        self.phase = checkpoint.phase;
    }

    /// Writes a checkpoint without another effect.
    ///
    /// # Errors
    /// `Conflict(Fenced)` when the lease is lost; `Unavailable`.
    pub async fn save(&mut self, cx: &Context, position: &impl Serialize, phase: &str, done: RowCounts) -> Result<()> {
        let checkpoint = self.checkpoint(cx, position, phase, done)?;
        cx.store.job_checkpoint(&cx.fence, &checkpoint).await?;
        self.saved(cx, checkpoint);
        Ok(())
    }

    /// Writes the calls that no checkpoint has carried yet: those of a run that failed, or that saves nothing.
    pub(crate) async fn save_calls(&mut self, cx: &Context) -> Result<()> {
        if cx.unreported_calls() == 0 {
            return Ok(());
        }
        let (position, phase) = (self.position.clone(), self.phase.clone());
        self.save(cx, &position, &phase, RowCounts::default()).await
    }
}

fn measure_rows(cx: &Context, done: RowCounts) {
    let kind = cx.kind.as_str();
    let outcomes = [("succeeded", done.succeeded), ("held", done.held), ("failed", done.failed), ("skipped", done.skipped)];
    for (outcome, count) in outcomes {
        measure::rows(kind, outcome, count);
    }
}
