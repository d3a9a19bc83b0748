//! The metrics of a server process on an address of their own.

use super::yard::listen;
use crate::output_line;
use anyhow::{Context, Result};
use linkyard_store::Store;
use linkyard_telemetry::exposition::{ReadBacklog, Recorder};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A scraper does not wait longer for the backlog than this.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where metrics are served.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct MetricsArgs {
    /// Serve Prometheus metrics under /metrics on this address, without authentication; not served unless given. Port 0 takes a free one.
    #[arg(long, env = "LINKYARD_METRICS_LISTEN", value_name = "ADDRESS")]
    pub metrics_listen: Option<SocketAddr>,
}

/// Metrics that are recorded, and the listener on which they are going to be served.
#[derive(Debug)]
pub(crate) struct Metrics(Option<(Recorder, TcpListener)>);

impl Metrics {
    /// Begins to record, if `args` say so. First thing in a server: what happens before is not counted.
    ///
    /// # Errors
    /// When the address can not be listened on.
    pub(crate) async fn record(args: &MetricsArgs) -> Result<Self> {
        let Some(address) = args.metrics_listen else { return Ok(Self(None)) };
        let listener = listen(address).await?;
        Ok(Self(Some((Recorder::install().context("metrics can not be recorded")?, listener))))
    }

    /// Serves them until `stop`, with the backlog of `store`. Prints where.
    ///
    /// # Errors
    /// When standard output is gone.
    pub(crate) fn serve(self, store: &Store, stop: CancellationToken) -> Result<()> {
        let Some((recorder, listener)) = self.0 else { return Ok(()) };
        output_line(&format!("metrics on http://{}/metrics", listener.local_addr()?))?;
        let read = read_backlog(store.clone());
        tokio::spawn(async move {
            if let Err(error) = recorder.serve(listener, read, stop).await {
                tracing::warn!(%error, "metrics are not served any more");
            }
        });
        Ok(())
    }
}

fn read_backlog(store: Store) -> ReadBacklog {
    Arc::new(move || {
        let store = store.clone();
        Box::pin(async move {
            match tokio::time::timeout(PATIENCE, store.backlog()).await {
                Ok(Ok(backlog)) => Some(backlog),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the backlog can not be read");
                    None
                }
                Err(_) => None,
            }
        })
    })
}
