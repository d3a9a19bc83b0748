//! A whole installation of processes on one machine: a private PostgreSQL and a private Redis, the simulator, one control and some workers of
//! the real binary. Workers can be killed and started; dropping it ends everything.

use crate::binary::linkyard;
use crate::checker::Where;
use crate::databases::{PostgresSchema, Sql, open_sql};
use crate::redis::RedisServer;
use anyhow::{Context, Result, ensure};
use linkyard_store::{Args, SealingKey, Store};
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The company that the demo works for.
const COMPANY: &str = "4242";

/// What its processes are told beyond where everything is.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Arguments of `linkyard simulator`.
    pub simulator: Vec<String>,
    /// Arguments of each `linkyard worker`.
    pub worker: Vec<String>,
}

/// The running processes.
#[derive(Debug)]
pub struct Installation {
    directory: tempfile::TempDir,
    database: PostgresSchema,
    /// Its Redis.
    pub redis: RedisServer,
    told: Told,
    simulator: Served,
    control: Served,
    workers: Vec<Option<Child>>,
}

/// A process that said where it listens.
#[derive(Debug)]
struct Served {
    url: String,
    child: Child,
    /// Kept so that it may go on writing.
    _lines: Lines<BufReader<ChildStdout>>,
}

impl Served {
    async fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("linkyard can be started")?;
        let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(url) = line.strip_prefix("listening on ") {
                return Ok(Self { url: url.trim().to_owned(), child, _lines: lines });
            }
        }
        anyhow::bail!("it ended before it listened: {}", child.wait().await?)
    }
}

impl Installation {
    /// Starts one with so many workers, on an empty database.
    ///
    /// # Errors
    /// When a process does not start; what it said is in the error where it is known.
    pub async fn start(workers: usize, told: Told) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let database = PostgresSchema::create().await?;
        let redis = tokio::task::spawn_blocking(RedisServer::start).await?;
        let path = directory.path();
        std::fs::write(path.join("sealing.key"), "0123456789abcdef".repeat(4))?;
        let mut simulator = command(path, "simulator")?;
        simulator.args(["--listen=127.0.0.1:0", "--company", COMPANY, "--data-dir"]).arg(path.join("simulator"));
        simulator.args(&told.simulator);
        let simulator = Served::start(simulator).await.context("the simulator")?;
        let mut migrate = command(path, "migrate")?;
        let migrated = migrate.arg("up").env("LINKYARD_DATABASE_URL", database.url()).stdout(Stdio::null()).status().await?;
        ensure!(migrated.success(), "linkyard migrate up ended with {migrated}");
        let mut control = command(path, "control")?;
        control.args(["--listen=127.0.0.1:0", "--approve-claims", "--first-key-file"]).arg(path.join("operator.key"));
        shared(&mut control, &database, &redis, path);
        let control = Served::start(control).await.context("the control")?;
        let mut installation = Self { directory, database, redis, told, simulator, control, workers: Vec::new() };
        for _ in 0..workers {
            installation.start_worker()?;
        }
        Ok(installation)
    }

    /// Starts another worker; answers its number.
    ///
    /// # Errors
    /// When it can not be started.
    pub fn start_worker(&mut self) -> Result<usize> {
        let path = self.directory.path();
        let mut worker = command(path, "worker")?;
        let url = &self.simulator.url;
        worker.args(["--procore-login-url", url, "--procore-api-url", url, "--procore-allow-private-hosts"]);
        worker.env("LINKYARD_PROCORE_CLIENT_ID", "simulator-client");
        worker.env("LINKYARD_PROCORE_CLIENT_SECRET", "simulator-secret");
        worker.args(&self.told.worker).arg(format!("--worker-name=worker-{}", self.workers.len()));
        shared(&mut worker, &self.database, &self.redis, path);
        self.workers.push(Some(worker.stdout(Stdio::null()).spawn()?));
        Ok(self.workers.len() - 1)
    }

    /// Kills a worker, as a crash would.
    ///
    /// # Errors
    /// When it can not be killed.
    pub async fn kill_worker(&mut self, number: usize) -> Result<()> {
        if let Some(mut worker) = self.workers.get_mut(number).and_then(Option::take) {
            worker.kill().await?;
        }
        Ok(())
    }

    /// Asks a worker to stop by SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// When it ends other than orderly.
    pub async fn stop_worker(&mut self, number: usize) -> Result<()> {
        let Some(mut worker) = self.workers.get_mut(number).and_then(Option::take) else { return Ok(()) };
        let process = worker.id().context("it ended before")?;
        Command::new("kill").arg("-TERM").arg(process.to_string()).status().await?;
        let status = worker.wait().await?;
        ensure!(status.success(), "worker {number} ended with {status}");
        Ok(())
    }

    /// The number on this machine of a worker that was not killed or stopped.
    #[must_use]
    pub fn worker_process(&self, number: usize) -> Option<u32> {
        self.workers.get(number).and_then(Option::as_ref).and_then(Child::id)
    }

    /// Numbers of the workers that were neither killed nor stopped.
    #[must_use]
    pub fn living(&self) -> Vec<usize> {
        let numbered = self.workers.iter().enumerate();
        numbered.filter(|(_, worker)| worker.is_some()).map(|(number, _)| number).collect()
    }

    /// Where its API and its simulator are.
    ///
    /// # Errors
    /// When there is no key.
    pub fn place(&self) -> Result<Where> {
        let api_key = std::fs::read_to_string(self.directory.path().join("operator.key"))?.trim().to_owned();
        Ok(Where { server: self.control.url.clone(), api_key, simulator: self.simulator.url.clone() })
    }

    /// Its store, seen from outside.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn store(&self) -> Result<Store> {
        let args = Args { database_url: self.database.url().to_owned(), connections: 2 };
        Ok(Store::connect(&args, SealingKey::generate()).await?)
    }

    /// Its database, for what the store does not offer.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn sql(&self) -> Sql {
        open_sql(self.database.url()).await
    }

    /// The processes that have to live through everything: none of them has ended.
    ///
    /// # Errors
    /// Names one that has.
    pub fn check_alive(&mut self) -> Result<()> {
        let served = [("control", &mut self.control.child), ("simulator", &mut self.simulator.child)];
        for (name, child) in served {
            ensure!(child.try_wait()?.is_none(), "the {name} ended by itself");
        }
        for (number, worker) in self.workers.iter_mut().enumerate() {
            if let Some(worker) = worker {
                let ended = worker.try_wait()?;
                ensure!(ended.is_none(), "worker {number} ended by itself: {ended:?}");
            }
        }
        Ok(())
    }

    /// The demo as a person at this installation: the main job through its API. Its last line of output is the report.
    ///
    /// # Errors
    /// When it can not be set up.
    pub fn demo(&self) -> Result<Command> {
        let path = self.directory.path();
        let mut demo = command(path, "demo")?;
        demo.args(["--exit", "--json", "--at", &self.control.url, "--at-simulator", &self.simulator.url]);
        demo.arg("--at-key-file").arg(path.join("operator.key")).arg("--data-dir").arg(path.join("demo"));
        Ok(demo)
    }

    /// Runs the demo to its end; answers its report.
    ///
    /// # Errors
    /// When it ends with something else than a report that adds up.
    pub async fn run_demo(&self) -> Result<Value> {
        let output = self.demo()?.stdout(Stdio::piped()).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "the demo ended with {}: {text}\n{}", output.status, self.log());
        serde_json::from_str(text.lines().last().unwrap_or_default()).context("the report")
    }

    /// What its processes logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Ends the workers orderly and everything else at once.
    ///
    /// # Errors
    /// When a worker does not end orderly.
    pub async fn stop(mut self) -> Result<()> {
        for number in self.living() {
            self.stop_worker(number).await?;
        }
        self.control.child.kill().await?;
        self.simulator.child.kill().await?;
        self.database.drop_all().await
    }
}

/// A process of the real binary that logs into the installation's file and ends with us.
fn command(directory: &Path, name: &str) -> Result<Command> {
    let log = File::options().create(true).append(true).open(directory.join("log"))?;
    let mut command = Command::new(linkyard());
    command.arg(name).current_dir(directory).stdin(Stdio::null()).stderr(log).kill_on_drop(true);
    Ok(command)
}

/// What every process of an installation is told by its environment.
fn shared(command: &mut Command, database: &PostgresSchema, redis: &RedisServer, directory: &Path) {
    command.env("LINKYARD_DATABASE_URL", database.url()).env("LINKYARD_REDIS_URL", redis.url());
    command.env("LINKYARD_SEALING_KEY_FILE", directory.join("sealing.key"));
}
