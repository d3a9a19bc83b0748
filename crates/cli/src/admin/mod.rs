//! Admin commands: everything a person does with a running linkyard, over its gRPC API alone. No store, no worker, no secret of the
//! server is known here; what a command may do is what its API key may do.

mod address;
mod audit;
mod budget;
mod compliance;
mod confirm;
mod contact;
mod duplicate;
mod filter;
mod job;
mod mapping;
mod mapping_file;
mod names;
mod organization;
pub(crate) mod output;
mod party;
mod party_change;
mod project;
mod provider;
mod provider_change;
pub(crate) mod session;
pub(crate) mod side;
pub(crate) mod watch;
mod wire;
mod worker;

#[cfg(test)]
mod outage;

pub use audit::AuditCommand;
pub use compliance::{CoverageCommand, InsuranceCommand};
pub use duplicate::DuplicateCommand;
pub use job::JobCommand;
pub use mapping::MappingGroup;
pub use organization::{KeyCommand, OrganizationCommand};
pub use party::PartyCommand;
pub use project::ProjectCommand;
pub use provider::ProviderCommand;
pub use session::SessionArgs;
pub use side::Side;
pub use worker::WorkerCommand;

use crate::exit::{Exit, ExitCode};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use linkyard_proto::v1::IntegrationMark;
use session::Session;
use std::future::Future;
use tokio::signal::unix::{SignalKind, signal};

/// A group of admin commands and the connection that they share.
#[derive(Clone, Debug, Args)]
pub struct Group<C: Subcommand> {
    /// What to do.
    #[command(subcommand)]
    pub command: C,

    /// The connection.
    #[command(flatten)]
    pub session: SessionArgs,
}

impl<C: Subcommand> Group<C> {
    /// Runs `command` on a fresh session, within `--timeout` and until interrupted.
    ///
    /// # Errors
    /// Whatever the command ends with; exit code 7 when the time is up, 130 when interrupted.
    pub(crate) async fn run(&self, command: impl AsyncFnOnce(&C, &Session) -> Result<()>) -> Result<()> {
        let session = Session::open(&self.session)?;
        // From here on an interruption has words and a code of its own.
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can not be handled")?;
        let limited = async {
            match self.session.timeout {
                None => command(&self.command, &session).await,
                Some(limit) => within(limit, command(&self.command, &session)).await,
            }
        };
        tokio::select! {
            biased;
            ended = limited => ended,
            _ = interrupt.recv() => Err(Exit::error(ExitCode::Interrupted, session.interruption())),
        }
    }
}

impl Group<MappingGroup> {
    /// Runs the mapping commands of one side.
    ///
    /// # Errors
    /// As [`Group::run`].
    pub(crate) async fn run_mapping(&self, side: Side) -> Result<()> {
        self.run(async |MappingGroup::Mapping { command }, session| command.run(session, side).await).await
    }
}

async fn within(limit: std::time::Duration, command: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::time::timeout(limit, command).await.unwrap_or_else(|_| {
        Err(Exit::error(ExitCode::Timeout, format!("the time is up ({} s); what was started goes on", limit.as_secs_f64())))
    })
}

/// One word of `known`, in any case, with dashes or underscores.
fn parse_word<T: Copy>(text: &str, known: &[T], word: impl Fn(&T) -> &'static str) -> std::result::Result<T, String> {
    let wanted = text.trim().replace('-', "_");
    known.iter().find(|one| word(one).eq_ignore_ascii_case(&wanted)).copied().ok_or_else(|| {
        let words: Vec<String> = known.iter().map(|one| word(one).to_ascii_lowercase()).collect();
        format!("`{text}` is none of {}", words.join(", "))
    })
}

/// An integration mark for a table: whom it follows and how.
fn mark(mark: &IntegrationMark) -> String {
    let orphaned = if mark.orphaned { " (gone)" } else { "" };
    format!("{}{orphaned}", mark.external_id)
}
