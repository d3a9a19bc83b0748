//! `linkyard worker list` and `linkyard worker drain`: who runs the jobs, and stopping one of them.

use super::names;
use super::output::{Row, say, text, time};
use super::session::{Session, call};
use anyhow::Result;
use clap::Subcommand;
use comfy_table::Cell;
use linkyard_proto::v1::worker_service_client::WorkerServiceClient;
use linkyard_proto::v1::{DrainWorkerRequest, ListWorkersRequest, Worker};

/// What to do with workers. Needs a key with operator access.
#[derive(Clone, Debug, Subcommand)]
pub enum WorkerCommand {
    /// The workers that are there, with their release and load.
    List,

    /// Let one worker take no more jobs and end when those that it runs have reached a checkpoint.
    Drain {
        /// `workers/ID` or ID.
        name: String,
    },
}

impl Row for Worker {
    const HEADER: &'static [&'static str] =
        &["NAME", "WHERE", "PROCESS", "VERSION", "RUNNING", "SLOTS", "DRAINING", "STARTED", "SEEN"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::new(&self.name),
            Cell::new(text(&self.display_name)),
            Cell::new(self.process_id),
            Cell::new(text(&self.version)),
            Cell::new(self.running),
            Cell::new(self.slots),
            Cell::new(if self.draining { "yes" } else { "" }),
            Cell::new(time(self.start_time.as_ref())),
            Cell::new(time(self.seen_time.as_ref())),
        ]
    }
}

impl WorkerCommand {
    /// Carries the command out.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        match self {
            Self::List => {
                let answer = call!(session, WorkerServiceClient, list_workers, ListWorkersRequest {}).await?;
                session.output.list(&answer.workers)
            }
            Self::Drain { name } => {
                let request = DrainWorkerRequest { name: names::resource("workers", name)? };
                call!(session, WorkerServiceClient, drain_worker, request).await?;
                say("asked; it ends when what it runs has reached a checkpoint");
                Ok(())
            }
        }
    }
}
