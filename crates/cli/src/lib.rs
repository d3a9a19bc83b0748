//! The `linkyard` program as a library: the command line, the assembly of servers, and the admin commands.
//!
//! `main.rs` only calls [`run`]; the demo and the end-to-end tests use [`serve::yard::Yard`]. Server commands may use every crate, because
//! they start it; admin commands know the API (`linkyard-proto`) and nothing else. No business rule lives here.

#![forbid(unsafe_code)]

pub mod admin;
pub mod args;
pub mod demo;
pub mod exit;
pub mod serve;

mod duration;
mod logging;
mod secret;

use anyhow::Result;
use args::{Cli, Command};

/// Carries out what the command line says.
///
/// # Errors
/// Whatever the command ends with; [`exit::code_of`] gives the exit code and [`exit::words`] the words.
pub async fn run(cli: Cli) -> Result<()> {
    let _tracing = logging::start(cli.log_format, cli.command.default_log_filter())?;
    match cli.command {
        Command::Up(args) => serve::up::run(*args).await,
        Command::Control(args) => serve::control::run(*args).await,
        Command::Worker(args) => serve::worker::run(*args).await,
        Command::Health(args) => serve::health::run(args).await,
        Command::Migrate(args) => serve::migrate::run(args).await,
        Command::Doctor(args) => serve::doctor::run(*args).await,
        Command::Demo(args) => demo::run(*args).await,
        Command::Simulator(args) => serve::simulator::run(*args).await,
        Command::Provider(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Parties(group) => Box::pin(group.run_mapping(admin::Side::Parties)).await,
        Command::Projects(group) => Box::pin(group.run_mapping(admin::Side::Projects)).await,
        Command::Duplicates(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Party(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Project(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Coverage(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Insurance(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Job(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Workers(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Organization(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Key(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
        Command::Audit(group) => Box::pin(group.run(async |command, session| command.run(session).await)).await,
    }
}

/// Makes ring the cryptography of every TLS connection of this process. First thing in every program and test that may make one: the HTTP
/// client panics without it.
pub fn install_cryptography() {
    // Already installed is as good: tests of one process share it.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Prints one line to standard output and flushes it.
pub(crate) fn output_line(text: &str) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}
