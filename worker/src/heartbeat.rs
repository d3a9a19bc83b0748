//! What this process says of itself: that it is there, its release, its load and the calls it made. The feeder counts slots by it, people
//! look at it, and the answer to it is how a person asks one process to stop.

use crate::args::WorkerArgs;
use crate::calls::Calls;
use crate::running::Running;
use linkyard_core::id::WorkerId;
use linkyard_core::worker::WorkerBeat;
use linkyard_store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often it is noted how far the linking is.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// Where Linux keeps the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The word of one process.
pub(crate) struct Heartbeat {
    store: Store,
    running: Arc<Running>,
    calls: Arc<Calls>,
    beat: WorkerBeat,
    every: Duration,
    /// Stops the process, orderly.
    stop: CancellationToken,
    /// When it was noted last how far the linking is.
    noted: Option<Instant>,
}

impl Heartbeat {
    pub(crate) fn new(
        id: WorkerId,
        store: Store,
        (running, calls): (Arc<Running>, Arc<Calls>),
        args: &WorkerArgs,
        every: Duration,
        stop: CancellationToken,
    ) -> Self {
        let beat = WorkerBeat {
            id,
            name: args.worker_name.clone().unwrap_or_else(machine),
            process: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            slots: u32::try_from(args.concurrency).unwrap_or(u32::MAX),
            running: 0,
            draining: false,
        };
        Self { store, running, calls, beat, every, stop, noted: None }
    }

    /// Gives word until `ended`, then takes its row away.
    pub(crate) async fn beat_until(mut self, ended: CancellationToken) {
        while !ended.is_cancelled() {
            self.give_word().await;
            self.calls.write(&self.store).await;
            self.note_progress().await;
            tokio::select! {
                () = ended.cancelled() => {}
                // Everybody should see soon that it stops.
                () = self.stop.cancelled(), if !self.beat.draining => {}
                () = tokio::time::sleep(self.every) => {}
            }
        }
        self.calls.write(&self.store).await;
        if let Err(error) = self.store.worker_gone(self.beat.id).await {
            tracing::debug!(%error, "the row of this worker stays until it is old");
        }
    }

    /// How far every list is, for the pictures of it; not with every word, because it counts rows.
    async fn note_progress(&mut self) {
        if self.noted.is_some_and(|noted| noted.elapsed() < NOTE_EVERY) {
            return;
        }
        self.noted = Some(Instant::now());
        if let Err(error) = self.store.progress_note().await {
            tracing::debug!(%error, "how far the linking is was not noted");
        }
    }

    async fn give_word(&mut self) {
        self.beat.running = u32::try_from(self.running.count()).unwrap_or(u32::MAX);
        self.beat.draining = self.stop.is_cancelled();
        match self.store.worker_beat(&self.beat).await {
            Ok(true) if !self.beat.draining => {
                tracing::info!("asked to drain: no more jobs are taken, and the process ends");
                self.stop.cancel();
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "no word was given of this worker"),
        }
    }
}

fn machine() -> String {
    let told = std::fs::read_to_string(HOST_NAME).ok().map(|name| name.trim().to_owned());
    let told = told.filter(|name| !name.is_empty()).or_else(|| std::env::var("HOSTNAME").ok());
    told.unwrap_or_else(|| "worker".to_owned())
}
