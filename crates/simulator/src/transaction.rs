//! A write of the API as one step: what it does is decided on the state, changed, stored and read back under one lock, so
//! that of two calls with the same new `origin_id` one finds the other's row.

use std::sync::MutexGuard;

use crate::change::World;
use crate::clock::Clock;
use crate::config::Settings;
use crate::error::Error;
use crate::event::Event;
use crate::insurance::Moment;
use crate::locks::{lock, write};
use crate::persist::Store;
use crate::reply::{Reply, Shape};
use crate::shared::{Shared, replay};

/// The state, held by one write.
#[derive(Debug)]
pub(crate) struct Transaction<'a> {
    world: &'a mut World,
    store: MutexGuard<'a, Option<Store>>,
    clock: &'a Clock,
}

impl Shared {
    /// Lets one write work on the state alone.
    pub(crate) fn transact(&self, work: impl FnOnce(&mut Transaction<'_>) -> Reply) -> Reply {
        let mut world = write(&self.world);
        let mut transaction = Transaction { world: &mut world, store: lock(&self.store), clock: &self.clock };
        work(&mut transaction)
    }
}

impl Transaction<'_> {
    /// The state as it is.
    pub(crate) fn world(&self) -> &World {
        self.world
    }

    /// Changes the state; once this returned, the change survives the process.
    pub(crate) fn commit(&mut self, event: &Event) -> Result<Vec<u64>, Reply> {
        let made = replay(self.world, self.clock, event).map_err(|error| refusal(&error))?;
        if let Some(store) = self.store.as_mut() {
            store.append(event).map_err(|error| refusal(&error))?;
        }
        Ok(made)
    }
}

/// When a write through the API happens, and from when lists show it.
pub(crate) fn moment(settings: &Settings, now_ms: i64) -> Moment {
    let lag_ms = i64::try_from(settings.read_lag_ms).unwrap_or(i64::MAX);
    Moment { at_ms: now_ms, listed_from_ms: (lag_ms > 0).then(|| now_ms.saturating_add(lag_ms)) }
}

/// Endpoints check before they commit; what is left is answered as a Rails application would.
fn refusal(error: &Error) -> Reply {
    match error {
        Error::Missing(_) => Reply::not_found(),
        Error::Invalid(problem) => Reply::shaped(hyper::StatusCode::UNPROCESSABLE_ENTITY, Shape::ErrorsFields, problem),
        Error::Io { .. } | Error::Csv { .. } | Error::State { .. } => {
            tracing::error!(%error, "a write was not stored");
            Reply::html(hyper::StatusCode::INTERNAL_SERVER_ERROR, "nginx")
        }
    }
}
