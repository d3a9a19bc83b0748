//! Listening, connections, stopping. What a request means is in `service.rs`.

use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, HeaderCase};
use crate::error::{Error, Result};
use crate::locks::read;
use crate::service;
use crate::shared::Shared;

/// A running simulator. Dropping it ends it without waiting; `stop` waits.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Builds the state (blocking: about a second per million rows) and listens. Needs a tokio runtime.
    ///
    /// # Errors
    /// `Io` for the port or the data directory, `Csv` and `Invalid` for inputs, `State` for a stored event that cannot be
    /// read.
    pub async fn start(config: Config) -> Result<Self> {
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|source| Error::io(format!("cannot listen on {}", config.listen), source))?;
        let address = listener.local_addr().map_err(|source| Error::io("cannot read the own address", source))?;
        let shared = tokio::task::spawn_blocking(move || Shared::open(&config))
            .await
            .map_err(|source| Error::Invalid(format!("building the state failed: {source}")))??;
        let (stopping, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(accept(listener, Arc::new(shared), stopping.clone(), tasks.clone()));
        tasks.close();
        Ok(Self { address, stopping, tasks })
    }

    /// `http://127.0.0.1:PORT`, for login, API and admin alike.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends every connection and waits until the port is free and the journal is complete.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stopping: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                tasks.spawn(connection(stream, Arc::clone(&shared), stopping.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, stopping: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let title_case = read(&shared.settings).header_case == HeaderCase::Title;
    let service = service_fn(move |request| service::serve(Arc::clone(&shared), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .title_case_headers(title_case)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection ended early");
            }
        }
        () = stopping.cancelled() => {}
    }
}
