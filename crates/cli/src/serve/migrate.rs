//! `linkyard migrate`: the schema of a database, brought up to this release on purpose. `up` does this by itself; the processes of an
//! installation refuse to start on an older schema instead, so that a release is rolled out in one known order.

use crate::exit::{Exit, ExitCode};
use crate::output_line;
use anyhow::{Context, Result};
use clap::Subcommand;
use linkyard_store::{SealingKey, Store};

/// Look at the schema of a database or bring it up to this release.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct MigrateArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: MigrateCommand,
}

/// What to do with the schema.
#[derive(Clone, Debug, Subcommand)]
pub enum MigrateCommand {
    /// Apply the changes that are missing. Safe to call from several processes and while older ones run.
    Up {
        /// The database.
        #[command(flatten)]
        database: linkyard_store::Args,
    },

    /// List the changes that are missing; exit code 5 when there are any.
    Status {
        /// The database.
        #[command(flatten)]
        database: linkyard_store::Args,
    },
}

/// Carries the command out.
///
/// # Errors
/// The store's; exit code 5 when changes are missing.
pub async fn run(args: MigrateArgs) -> Result<()> {
    match args.command {
        MigrateCommand::Up { database } => {
            let store = open(&database).await?;
            store.migrate().await.context("the database can not be brought up to date")?;
            output_line("up to date")
        }
        MigrateCommand::Status { database } => status(&database).await,
    }
}

async fn status(database: &linkyard_store::Args) -> Result<()> {
    let missing = open(database).await?.migrations_missing().await?;
    if missing.is_empty() {
        return output_line("up to date");
    }
    for name in &missing {
        output_line(&format!("missing {name}"))?;
    }
    Err(Exit::error(ExitCode::Precondition, format!("{} changes are missing; linkyard migrate up applies them", missing.len())))
}

/// The schema holds no secret, so any key does.
async fn open(database: &linkyard_store::Args) -> Result<Store> {
    Store::connect(database, SealingKey::generate()).await.context("the database can not be opened")
}

/// Opens a database whose schema is this release's.
///
/// # Errors
/// Exit code 5 when changes are missing; the store's errors.
pub(crate) async fn open_current(database: &linkyard_store::Args, key: SealingKey) -> Result<Store> {
    let store = Store::connect(database, key).await.context("the database can not be opened")?;
    let missing = store.migrations_missing().await?;
    if missing.is_empty() {
        return Ok(store);
    }
    let message = format!("the database is older than this release ({} changes are missing): linkyard migrate up", missing.len());
    Err(Exit::error(ExitCode::Precondition, message))
}
