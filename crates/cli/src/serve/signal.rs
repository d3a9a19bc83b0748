//! How a server process is told to stop: SIGINT or SIGTERM once for an orderly stop, once more for an end at once.

use crate::exit::ExitCode;
use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT or SIGTERM. A second one ends the process at once with exit code 130: whatever was under
/// way is found again by leases and request ids.
///
/// # Errors
/// When the handlers can not be installed.
pub fn stop_token() -> Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can not be handled")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can not be handled")?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                std::process::exit(i32::from(ExitCode::Interrupted as u8));
            }
            tracing::info!("stopping; once more ends at once");
            stop.cancel();
        }
    });
    Ok(token)
}
