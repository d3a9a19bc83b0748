//! The console on a port of this machine, over a bench: the real control and worker of this process, and a simulator.

use crate::browser::Browser;
use crate::control::settings;
use crate::jobs::{Bench, Worker};
use anyhow::{Context, Result};
use linkyard_core::scope::{Access, Scope};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A console that browsers can open. Dropping it stops serving.
#[derive(Debug)]
pub struct Site {
    /// What it stands on.
    pub bench: Bench,
    /// Where it is, `http://127.0.0.1:PORT`.
    pub url: String,
    worker: Worker,
    serving: Serving,
}

/// A control that serves.
#[derive(Debug)]
struct Serving {
    task: JoinHandle<linkyard_core::Result<()>>,
    stop: CancellationToken,
    _guard: DropGuard,
}

impl Serving {
    fn start(bench: &Bench, worker: &Worker, listener: TcpListener) -> Self {
        let doorbell = worker.doorbell.clone();
        let ring = Arc::new(move || doorbell.ring());
        let mut config = settings();
        config.approve_claims = true;
        let stop = CancellationToken::new();
        let task = tokio::spawn(linkyard_control::serve(bench.store.clone(), ring, config, listener, stop.clone()));
        Self { task, _guard: stop.clone().drop_guard(), stop }
    }
}

impl Site {
    /// Serves the console over `bench`, with a worker.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn over(bench: Bench) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let worker = bench.work();
        let serving = Serving::start(&bench, &worker, listener);
        Ok(Self { bench, url, worker, serving })
    }

    /// Ends the control as a restart does, lets `meanwhile` happen, and serves again at the same address.
    ///
    /// # Errors
    /// When it does not end orderly, when the address can not be had again, or what `meanwhile` says.
    pub async fn restarted(&mut self, meanwhile: impl AsyncFnOnce(&Self) -> Result<()>) -> Result<()> {
        self.serving.stop.cancel();
        (&mut self.serving.task).await??;
        meanwhile(self).await?;
        let listener = TcpListener::bind(self.url.trim_start_matches("http://")).await?;
        self.serving = Serving::start(&self.bench, &self.worker, listener);
        Ok(())
    }

    /// A key of the bench's tenant.
    ///
    /// # Errors
    /// When it can not be made.
    pub async fn key(&self, access: Access) -> Result<SecretString> {
        self.key_of(&self.bench.scope, access).await
    }

    /// A key of another tenant.
    ///
    /// # Errors
    /// When it can not be made.
    pub async fn key_of(&self, scope: &Scope, access: Access) -> Result<SecretString> {
        Ok(self.bench.store.api_key_create(scope, access.as_str(), access, None, None).await?.1)
    }

    /// Signs a browser in as a person with `access` does, who has a key.
    ///
    /// # Errors
    /// When the console does not let it in.
    pub async fn sign_in(&self, browser: &Browser, access: Access) -> Result<()> {
        let key = self.key(access).await?;
        browser.open(&format!("{}/sign-in", self.url)).await?;
        browser.fill("#key", key.expose_secret()).await?;
        browser.click("main button").await?;
        browser.find("main h1").await.map(|_| ())?;
        browser.says("h1", "Overview").await
    }

    /// Opens a page of it.
    ///
    /// # Errors
    /// When it can not be reached.
    pub async fn open(&self, browser: &Browser, path: &str) -> Result<()> {
        browser.open(&format!("{}{path}", self.url)).await
    }

    /// Stops working and waits until the worker has ended.
    pub async fn stop(self) {
        self.worker.stop().await;
    }

    /// The link that signs in once, as `up` prints it.
    ///
    /// # Errors
    /// When there is no such key.
    pub async fn sign_in_link(&self, key: &SecretString) -> Result<String> {
        let link = self.bench.store.sign_in_link_create(key).await?.context("a key that opens nothing")?;
        Ok(format!("{}/sign-in?link={}", self.url, link.expose_secret()))
    }
}
