//! What the drills through the whole product share: the demo as a process of the real binary, on the database of its data directory or
//! on another one, and the checker's look at what it serves.

use anyhow::{Context, Result, ensure};
use linkyard_store::{Args, SealingKey, Store};
use linkyard_tests::binary::linkyard;
use linkyard_tests::checker::{Where, check};
use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The file in the data directory with what a demo said.
const WORDS: &str = "words";

/// One data directory and what a demo on it is told.
pub(crate) struct Demo {
    directory: tempfile::TempDir,
    /// Another database than the file in the data directory.
    database_url: Option<String>,
    arguments: &'static [&'static str],
}

/// A demo that goes on serving. Dropping it kills it.
pub(crate) struct Serving {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Demo {
    /// A demo in a data directory of its own.
    pub(crate) fn new(database_url: Option<String>, arguments: &'static [&'static str]) -> Result<Self> {
        Ok(Self { directory: tempfile::tempdir()?, database_url, arguments })
    }

    /// Whether it is on another database than the file in its data directory.
    pub(crate) fn elsewhere(&self) -> bool {
        self.database_url.is_some()
    }

    /// Its store for somebody outside; `None` before there is one.
    pub(crate) async fn store(&self) -> Result<Option<Store>> {
        let database_url = match &self.database_url {
            Some(url) => url.clone(),
            None => {
                let file = self.path().join("linkyard.db");
                if !file.exists() {
                    return Ok(None);
                }
                format!("sqlite:{}", file.display())
            }
        };
        Ok(Some(Store::connect(&Args { database_url, connections: 2 }, SealingKey::generate()).await?))
    }

    /// Starts it; it ends with its report, and what it has to say is in [`Demo::words`].
    pub(crate) fn spawn(&self) -> Result<Child> {
        let words = File::create(self.path().join(WORDS))?;
        Ok(self.command().arg("--exit").stderr(words).spawn()?)
    }

    /// What the last one that was started by [`Demo::spawn`] has said.
    pub(crate) fn words(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.path().join(WORDS))?)
    }

    /// Runs it to its end; answers its report.
    pub(crate) async fn run(&self) -> Result<Value> {
        let output = self.command().arg("--exit").stderr(Stdio::piped()).output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the demo ended with {}: {text}\n{words}", output.status);
        serde_json::from_str(text.lines().last().unwrap_or_default()).context("the report")
    }

    /// Starts it; it goes on serving after its report.
    pub(crate) fn serve(&self) -> Result<Serving> {
        let mut child = self.command().spawn()?;
        let lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
        Ok(Serving { child, lines })
    }

    /// Where a demo that serves is. Call it when there are `endpoints.json` of this start.
    pub(crate) fn place(&self) -> Result<Where> {
        let endpoints: Value = serde_json::from_slice(&std::fs::read(self.path().join("endpoints.json"))?)?;
        let text = |name: &str| endpoints[name].as_str().map(str::to_owned).with_context(|| name.to_owned());
        let api_key = std::fs::read_to_string(self.path().join("api-key"))?.trim().to_owned();
        Ok(Where { server: text("server")?, api_key, simulator: text("simulator")? })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(linkyard());
        command.arg("demo").arg("--data-dir").arg(self.path()).args(self.arguments).args(["--pace", "fast", "--json"]);
        if let Some(url) = &self.database_url {
            command.args(["--database-url", url]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        command
    }
}

impl Serving {
    /// Waits for the report.
    pub(crate) async fn report(&mut self) -> Result<Value> {
        while let Some(line) = self.lines.next_line().await? {
            if line.starts_with('{') {
                return serde_json::from_str(&line).context("the report");
            }
        }
        anyhow::bail!("the demo ended without a report: {}", self.child.wait().await?)
    }

    /// Ends it at once.
    pub(crate) async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Lets the checker look at a demo that serves.
pub(crate) async fn agrees_with_the_simulator(place: &Where) -> Result<()> {
    let findings = check(place).await?;
    assert_eq!(findings.problems.sentences, Vec::<String>::new());
    Ok(())
}
