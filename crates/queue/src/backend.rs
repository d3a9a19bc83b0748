//! Our apalis backend: hands out what waits at the doorbell, one id at a time, when a slot is free.
//!
//! It can not fail (its error has no value), so an apalis worker over it ends only when it is told to. It keeps nothing: no prefetch, no
//! acknowledgement, no heartbeat; the ledger's leases are the truth about who runs what. What is not here: how many run at once and what
//! they do, see [`crate::run()`].

use crate::doorbell::{Delivery, Doorbell};
use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use std::convert::Infallible;
use std::task::{Context, Poll};
use tower::layer::util::Identity;
use uuid::Uuid;

/// The deliveries of one doorbell.
#[derive(Debug)]
pub(crate) struct Deliveries {
    doorbell: Doorbell,
}

impl Deliveries {
    pub(crate) fn new(doorbell: Doorbell) -> Self {
        Self { doorbell }
    }
}

impl Backend for Deliveries {
    type Task = Task<Delivery>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.doorbell.poll_delivery(cx).map(|delivery| {
            let id = TaskId::Uuid(delivery.id.0);
            Some(Ok(TaskBuilder::new(delivery).task_id(id).build()))
        })
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Deliveries {
    type Args = Delivery;
    type Id = Uuid;
    type Kind = Ephemeral;
    type Config = ();
    /// None: a delivery gives its id free when it is dropped, which also covers runs that a layer would not see the end of.
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}
