//! Serving the metrics: `GET /metrics` in Prometheus' text format, on an address of its own.
//!
//! Without authentication, as scrapers expect: nothing in the answer belongs to a customer, and the address is one that only the
//! operator's network reaches. What lies in SQL (the backlog) is read when it is scraped, at most every two seconds.

use crate::measure;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use linkyard_core::job::Backlog;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Two scrapes within this time see the same backlog: a scraper can not load the database.
const FRESH: Duration = Duration::from_secs(2);

/// How often recorded times are moved into their buckets when nobody scrapes, so that memory stays bounded.
const UPKEEP: Duration = Duration::from_secs(5);

/// Reads the backlog; `None` when the database does not answer (the last one is shown on).
pub type ReadBacklog = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Option<Backlog>> + Send>> + Send + Sync>;

/// The recorder of this process. Everything measured before it was made is lost.
#[derive(Clone)]
pub struct Recorder(PrometheusHandle);

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recorder")
    }
}

impl Recorder {
    /// Starts recording for the whole process.
    ///
    /// # Errors
    /// When this process records already.
    pub fn install() -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new().set_buckets(&measure::SECONDS)?.install_recorder()?;
        measure::describe();
        Ok(Self(handle))
    }

    /// Serves what is recorded on `listener` until `stop`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener, read: ReadBacklog, stop: CancellationToken) -> io::Result<()> {
        let handle = self.0.clone();
        let page = Page { handle: self.0, read, shown: Arc::default() };
        let router = Router::new().route("/metrics", get(metrics)).with_state(page);
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        let upkeep = async {
            loop {
                tokio::time::sleep(UPKEEP).await;
                handle.run_upkeep();
            }
        };
        tokio::select! {
            ended = serving => ended,
            () = upkeep => Ok(()),
        }
    }
}

#[derive(Clone)]
struct Page {
    handle: PrometheusHandle,
    read: ReadBacklog,
    shown: Arc<Mutex<(Option<Instant>, Backlog)>>,
}

async fn metrics(State(page): State<Page>) -> Response {
    let mut shown = page.shown.lock().await;
    if shown.0.is_none_or(|read| read.elapsed() >= FRESH)
        && let Some(backlog) = (page.read)().await
    {
        measure::backlog(&shown.1, &backlog);
        *shown = (Some(Instant::now()), backlog);
    }
    drop(shown);
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (StatusCode::OK, text, page.handle.render()).into_response()
}
