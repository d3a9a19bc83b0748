//! The fake Procore: as a command of its own, and as a child process of `up` and of the demo.
//!
//! It is a process of its own because its state and its journal must outlive a killed linkyard, and because nothing is shared with it but
//! HTTP. Its standard input is a pipe that we hold: when we die, however that happens, the pipe closes and it stops.

use super::signal::stop_token;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Client id that opens every company of the simulator.
pub const CLIENT_ID: &str = "simulator-client";
/// Its secret. It guards invented data only.
pub const CLIENT_SECRET: &str = "simulator-secret";

/// Making up (or replaying) a large directory takes a while.
const START_WITHIN: Duration = Duration::from_secs(120);
/// How long it may take to stop when asked to.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Runs the simulator in this process until it is told to stop.
///
/// # Errors
/// The simulator's.
pub async fn run(args: linkyard_simulator::Args) -> Result<()> {
    let stop = stop_token()?;
    linkyard_simulator::run(args, stop.cancelled_owned()).await.context("the simulator ended")
}

/// How to start a simulator as a child process.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// The `linkyard` executable; `std::env::current_exe()` inside the binary itself.
    pub program: PathBuf,
    /// Where its state and journal live.
    pub data_dir: PathBuf,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Further arguments of `linkyard simulator`, e.g. `--vendors=200`.
    pub arguments: Vec<String>,
}

/// A simulator that runs as a child process. Dropping it kills the process; [`SimulatorProcess::stop`] lets it end orderly.
#[derive(Debug)]
pub struct SimulatorProcess {
    url: String,
    child: Child,
    stdin: Option<ChildStdin>,
    /// Kept so that the child may go on writing.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl SimulatorProcess {
    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// When it can not be started, ends before it listens, or takes longer than two minutes.
    pub async fn start(config: &SimulatorConfig) -> Result<Self> {
        let mut child = Command::new(&config.program)
            .arg("simulator")
            .arg("--exit-when-stdin-closes")
            .arg(format!("--listen={}", config.listen))
            .arg("--data-dir")
            .arg(&config.data_dir)
            .arg(format!("--client-id={CLIENT_ID}"))
            .arg(format!("--client-secret={CLIENT_SECRET}"))
            .args(&config.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            // Ctrl-C on the terminal reaches our whole group; the simulator must outlive our drain.
            .process_group(0)
            .spawn()
            .with_context(|| format!("{} simulator can not be started", config.program.display()))?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the simulator has no standard output")?;
        let mut stdout = BufReader::new(stdout).lines();
        let url = match tokio::time::timeout(START_WITHIN, listening_on(&mut stdout)).await {
            Ok(Ok(Some(url))) => url,
            Ok(Ok(None)) => bail!("the simulator ended before it listened ({}); its words are above", child.wait().await?),
            Ok(Err(error)) => return Err(error).context("the simulator's output can not be read"),
            Err(_) => bail!("the simulator does not listen after {} s", START_WITHIN.as_secs()),
        };
        Ok(Self { url, child, stdin, _stdout: stdout })
    }

    /// Where it listens, `http://127.0.0.1:PORT`: login, API and admin.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How linkyard reaches it, based on `base` for what is not about reaching it.
    #[must_use]
    pub fn procore_args(&self, base: &linkyard_procore::Args) -> linkyard_procore::Args {
        linkyard_procore::Args {
            vendors_per_page: base.vendors_per_page,
            projects_per_page: base.projects_per_page,
            people_per_page: base.people_per_page,
            insurances_per_page: base.insurances_per_page,
            ..linkyard_procore::Args::simulator(&self.url, CLIENT_ID, CLIENT_SECRET)
        }
    }

    /// Waits until the process ends by itself.
    ///
    /// # Errors
    /// When it can not be waited for.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        self.child.wait().await.context("the simulator can not be waited for")
    }

    /// Lets it end orderly, its journal written; kills it after ten seconds.
    ///
    /// # Errors
    /// When it can not be waited for.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.stdin.take());
        match tokio::time::timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(status) => {
                status.context("the simulator can not be waited for")?;
            }
            Err(_) => {
                tracing::warn!("the simulator did not stop in time; killing it");
                self.child.kill().await.context("the simulator can not be killed")?;
            }
        }
        Ok(())
    }
}

async fn listening_on(stdout: &mut Lines<BufReader<ChildStdout>>) -> std::io::Result<Option<String>> {
    while let Some(line) = stdout.next_line().await? {
        if let Some(url) = line.strip_prefix("listening on ") {
            return Ok(Some(url.trim().to_owned()));
        }
    }
    Ok(None)
}
