//! What is done without being asked for, and when. Runs beside the feeder, in the process that has the feeder's role; should two believe
//! to have it, the rows see to it that each thing is started once.
//!
//! Work by the clock begins in the time zone of the organization. A provider that was just set up waits for its first time: a person
//! fetches first. Times come from the database's clock.

use crate::args::SchedulePace;
use linkyard_core::Result;
use linkyard_core::calendar::next_at_hour;
use linkyard_core::job::{CHANGES, JobKind, Lane};
use linkyard_queue::Doorbell;
use linkyard_store::{Schedule, ScheduleDue, ScheduleOwner, Store};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// When a schedule is due again.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// After this time, milliseconds.
    After(i64),
    /// At this hour on the organization's clock.
    AtHour(i64),
}

impl Next {
    fn at_ms(self, due: &ScheduleDue) -> i64 {
        match self {
            Self::After(every_ms) => due.now_ms + every_ms,
            Self::AtHour(hour) => next_at_hour(&due.time_zone, due.now_ms, hour),
        }
    }
}

/// Every schedule. The hourly fetch reads what changed; the nightly one everything, which alone shows what is gone. A provider that needs
/// attention is tested again and again, so that it works by itself once it is mended.
fn schedules(pace: SchedulePace) -> Vec<(Schedule, Next)> {
    let fetch = Schedule {
        name: "fetch_nightly",
        owner: ScheduleOwner::Provider,
        kind: JobKind::FetchDirectory,
        lane: Lane::Background,
        payload: json!({}),
        key: "",
        alone: false,
    };
    // Under a key of its own: a person who asks for everything meanwhile must not be given it. It waits while everything is fetched.
    let changes = Schedule { name: "fetch_hourly", payload: json!({ "changes": true }), key: CHANGES, alone: true, ..fetch };
    let mut all = vec![
        (fetch, Next::AtHour(2)),
        (
            // Right after midnight: what expired yesterday is expired today.
            Schedule {
                name: "compare_daily",
                owner: ScheduleOwner::PushingProvider,
                kind: JobKind::PushCompliance,
                lane: Lane::Push,
                payload: json!({ "compare": true }),
                key: "",
                alone: true,
            },
            Next::AtHour(0),
        ),
        (
            Schedule {
                name: "retention_daily",
                owner: ScheduleOwner::Organization,
                kind: JobKind::Retention,
                lane: Lane::Background,
                payload: json!({}),
                key: "",
                alone: false,
            },
            Next::AtHour(3),
        ),
    ];
    let test = Schedule {
        name: "test_failing",
        owner: ScheduleOwner::FailingProvider,
        kind: JobKind::TestConnection,
        lane: Lane::Background,
        payload: json!({}),
        key: "",
        alone: false,
    };
    all.extend(pace.test_every_ms.map(|every_ms| (test, Next::After(every_ms))));
    all.extend(pace.fetch_every_ms.map(|every_ms| (changes, Next::After(every_ms))));
    all
}

/// Looks at the schedules every tick until `shutdown`, while this process has the feeder's role.
pub(crate) async fn keep(
    store: Store,
    role: Arc<AtomicBool>,
    doorbell: Doorbell,
    pace: SchedulePace,
    shutdown: CancellationToken,
) {
    let schedules = schedules(pace);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pace.tick) => {}
        }
        if !role.load(Ordering::Relaxed) {
            continue;
        }
        match pass(&store, &schedules, pace).await {
            Ok(0) => {}
            Ok(_) => doorbell.ring(),
            Err(error) => tracing::warn!(%error, "the schedules can not be looked at now"),
        }
    }
}

/// Starts what is due; answers how many jobs that were.
async fn pass(store: &Store, schedules: &[(Schedule, Next)], pace: SchedulePace) -> Result<u64> {
    let mut started = store.push_jobs_ask().await?;
    if let Some(quiet_ms) = pace.suggest_after_ms {
        started += store.suggest_jobs_ask(quiet_ms).await?;
    }
    for (schedule, next) in schedules {
        for due in store.schedule_due(schedule).await? {
            if store.schedule_start(schedule, &due, next.at_ms(&due)).await? {
                tracing::info!(schedule = schedule.name, "scheduled work begins");
                started += 1;
            }
        }
    }
    Ok(started)
}
