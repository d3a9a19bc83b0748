//! A whole installation of processes on one machine: a private PostgreSQL and a private Redis, the simulator, controls and workers of
//! the real binary. Workers can be killed, frozen and started; with links, a fault proxy stands in every way between them. Dropping it
//! ends everything.

use crate::binary::linkyard;
use crate::checker::Where;
use crate::databases::{PostgresSchema, Sql, open_sql};
use crate::postgres::PrivatePostgres;
use crate::proxy::{Proxy, Target};
use crate::redis::RedisServer;
use anyhow::{Context, Result, ensure};
use linkyard_core::worker::WorkerBeat;
use linkyard_store::{Args, SealingKey, Store};
use serde_json::Value;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
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
    /// The seed of the proxies in all ways; without it there are none, and the database is a schema of the server that tests share.
    pub links: Option<u64>,
}

/// The ways between the processes.
#[derive(Debug)]
pub struct Links {
    /// From controls and workers to PostgreSQL.
    pub postgres: Proxy,
    /// From controls and workers to Redis.
    pub redis: Proxy,
    /// From workers to the simulator.
    pub simulator: Proxy,
    /// From persons to the first control.
    pub api: Proxy,
}

impl Links {
    /// Every one of them.
    #[must_use]
    pub fn all(&self) -> [&Proxy; 4] {
        [&self.postgres, &self.redis, &self.simulator, &self.api]
    }

    /// How many turns met a fault so far, on all of them.
    #[must_use]
    pub fn landed(&self) -> u64 {
        self.all().iter().map(|link| link.landed()).sum()
    }
}

/// Where the tables are.
#[derive(Debug)]
enum Database {
    /// On the server that tests share.
    Schema(PostgresSchema),
    /// On a server that may be killed.
    Private(PrivatePostgres),
}

impl Database {
    fn url(&self) -> &str {
        match self {
            Self::Schema(schema) => schema.url(),
            Self::Private(server) => server.url(),
        }
    }
}

/// What processes are told of where everything is.
#[derive(Clone, Debug)]
struct Ways {
    database: String,
    redis: String,
    simulator: String,
}

/// The running processes.
#[derive(Debug)]
pub struct Installation {
    directory: tempfile::TempDir,
    database: Database,
    /// Its Redis.
    pub redis: RedisServer,
    links: Option<Links>,
    ways: Ways,
    told: Told,
    simulator: Served,
    controls: Vec<Served>,
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
        let database = match told.links {
            None => Database::Schema(PostgresSchema::create().await?),
            Some(_) => Database::Private(tokio::task::spawn_blocking(PrivatePostgres::start).await??),
        };
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
        let direct =
            Ways { database: database.url().to_owned(), redis: redis.url().to_owned(), simulator: simulator.url.clone() };
        let mut installation = Self {
            directory,
            database,
            redis,
            links: None,
            ways: direct,
            told,
            simulator,
            controls: Vec::new(),
            workers: Vec::new(),
        };
        installation.put_links().await?;
        for _ in 0..workers {
            installation.start_worker()?;
        }
        Ok(installation)
    }

    /// Starts the first control, behind links where they are wanted.
    async fn put_links(&mut self) -> Result<()> {
        let (Some(seed), Database::Private(server)) = (self.told.links, &self.database) else {
            return self.start_control().await.map(|_| ());
        };
        let postgres = Proxy::start(Target::Unix(server.socket()), seed).await?;
        let redis = Proxy::start(Target::Unix(self.redis.socket()), seed + 1).await?;
        let simulator = Proxy::start(Target::Tcp(address_of(&self.simulator.url)?), seed + 2).await?;
        self.ways = Ways {
            database: format!("postgres://linkyard@{}/postgres?sslmode=disable", postgres.address()),
            redis: format!("redis://{}", redis.address()),
            simulator: format!("http://{}", simulator.address()),
        };
        let control = self.start_control().await?;
        let api = Proxy::start(Target::Tcp(address_of(&self.controls[control].url)?), seed + 3).await?;
        self.links = Some(Links { postgres, redis, simulator, api });
        Ok(())
    }

    /// Starts another control; answers its number.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start_control(&mut self) -> Result<usize> {
        let path = self.directory.path();
        let mut control = command(path, "control")?;
        control.args(["--listen=127.0.0.1:0", "--approve-claims", "--first-key-file"]).arg(path.join("operator.key"));
        self.tell(&mut control);
        self.controls.push(Served::start(control).await.context("the control")?);
        Ok(self.controls.len() - 1)
    }

    /// What every process of an installation is told by its environment.
    fn tell(&self, command: &mut Command) {
        command.env("LINKYARD_DATABASE_URL", &self.ways.database).env("LINKYARD_REDIS_URL", &self.ways.redis);
        command.env("LINKYARD_SEALING_KEY_FILE", self.directory.path().join("sealing.key"));
    }

    /// Its links.
    ///
    /// # Panics
    /// When it was started without.
    #[must_use]
    pub fn links(&self) -> &Links {
        self.links.as_ref().expect("the installation was started with links")
    }

    /// Its PostgreSQL server.
    ///
    /// # Panics
    /// When it was started without links, on the server that tests share.
    #[must_use]
    pub fn postgres(&self) -> &PrivatePostgres {
        match &self.database {
            Database::Private(server) => server,
            Database::Schema(_) => panic!("the server is shared, nobody kills it"),
        }
    }

    /// Starts another worker; answers its number.
    ///
    /// # Errors
    /// When it can not be started.
    pub fn start_worker(&mut self) -> Result<usize> {
        let path = self.directory.path();
        let mut worker = command(path, "worker")?;
        let url = &self.ways.simulator;
        worker.args(["--procore-login-url", url, "--procore-api-url", url, "--procore-allow-private-hosts"]);
        worker.env("LINKYARD_PROCORE_CLIENT_ID", "simulator-client");
        worker.env("LINKYARD_PROCORE_CLIENT_SECRET", "simulator-secret");
        worker.args(&self.told.worker).arg(format!("--worker-name=worker-{}", self.workers.len()));
        self.tell(&mut worker);
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

    /// Stops a worker from doing anything, until [`Installation::thaw_worker`]; its connections stay.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn freeze_worker(&self, number: usize) -> Result<()> {
        self.signal(number, "-STOP").await
    }

    /// Lets a frozen worker go on.
    ///
    /// # Errors
    /// When it is gone.
    pub async fn thaw_worker(&self, number: usize) -> Result<()> {
        self.signal(number, "-CONT").await
    }

    async fn signal(&self, number: usize, signal: &str) -> Result<()> {
        let process = self.worker_process(number).with_context(|| format!("worker {number} is gone"))?;
        let sent = Command::new("kill").arg(signal).arg(process.to_string()).status().await?;
        ensure!(sent.success(), "{signal} was not delivered to worker {number}");
        Ok(())
    }

    /// The number on this machine of a worker that was not killed or stopped.
    #[must_use]
    pub fn worker_process(&self, number: usize) -> Option<u32> {
        self.workers.get(number).and_then(Option::as_ref).and_then(Child::id)
    }

    /// The number of the worker that says this of itself; `None` when it was killed or stopped, or is none of ours.
    #[must_use]
    pub fn worker_of(&self, beat: &WorkerBeat) -> Option<usize> {
        let number = beat.name.strip_prefix("worker-")?.parse().ok()?;
        (self.worker_process(number) == Some(beat.process)).then_some(number)
    }

    /// The number on this machine of a control.
    #[must_use]
    pub fn control_process(&self, number: usize) -> Option<u32> {
        self.controls.get(number).and_then(|control| control.child.id())
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
        Ok(Where { server: self.controls[0].url.clone(), api_key, simulator: self.simulator.url.clone() })
    }

    /// How a person reaches a control: the first one through its link.
    #[must_use]
    pub fn api(&self, control: usize) -> String {
        match &self.links {
            Some(links) if control == 0 => format!("http://{}", links.api.address()),
            Some(_) | None => self.controls[control].url.clone(),
        }
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
        let controls = self.controls.iter_mut().map(|control| ("control", &mut control.child));
        for (name, child) in controls.chain([("simulator", &mut self.simulator.child)]) {
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
        demo.args(["--exit", "--json", "--at", &self.controls[0].url, "--at-simulator", &self.simulator.url]);
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

    /// Keeps its files, for whoever wants to know why something went wrong: the log of all processes, and the simulator's journal and
    /// state. Answers where they are.
    pub fn keep_files(&mut self) -> PathBuf {
        self.directory.disable_cleanup(true);
        self.directory.path().to_owned()
    }

    /// Ends the workers orderly and everything else at once.
    ///
    /// # Errors
    /// When a worker does not end orderly.
    pub async fn stop(mut self) -> Result<()> {
        for number in self.living() {
            self.stop_worker(number).await?;
        }
        for control in &mut self.controls {
            control.child.kill().await?;
        }
        self.simulator.child.kill().await?;
        match self.database {
            Database::Schema(schema) => schema.drop_all().await,
            Database::Private(_) => Ok(()),
        }
    }
}

/// A process of the real binary that logs into the installation's file and ends with us.
fn command(directory: &Path, name: &str) -> Result<Command> {
    let log = File::options().create(true).append(true).open(directory.join("log"))?;
    let mut command = Command::new(linkyard());
    command.arg(name).current_dir(directory).stdin(Stdio::null()).stderr(log).kill_on_drop(true);
    Ok(command)
}

fn address_of(url: &str) -> Result<SocketAddr> {
    url.trim_start_matches("http://").parse().with_context(|| format!("{url} is no address"))
}
