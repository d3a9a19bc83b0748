//! Worker processes on the wire.

use super::timestamp;
use crate::names::WORKERS;
use linkyard_core::worker;
use linkyard_proto::v1;

/// A worker.
pub(crate) fn worker(worker: &worker::Worker) -> v1::Worker {
    let beat = &worker.beat;
    let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    v1::Worker {
        name: WORKERS.name(beat.id),
        display_name: beat.name.clone(),
        process_id: beat.process.into(),
        version: beat.version.clone(),
        slots: number(beat.slots),
        running: number(beat.running),
        draining: beat.draining,
        start_time: Some(timestamp(worker.started_at_ms)),
        seen_time: Some(timestamp(worker.seen_at_ms)),
    }
}
