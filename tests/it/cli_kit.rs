//! A person at a terminal: starts `linkyard up --simulator` in a directory of its own and types admin commands beside it.

use linkyard_tests::binary::linkyard;
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};

/// A running `linkyard up --simulator`. Dropping it kills it; its simulator stops with it.
pub(crate) struct Up {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where the API listens.
    pub(crate) url: String,
    /// Where its simulator is.
    pub(crate) simulator_url: String,
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

/// The executable with an empty environment, so that nothing of the machine's leaks in.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new(linkyard());
    command.env_clear().current_dir(directory).stdin(Stdio::null());
    command
}

/// Runs `arguments` in `directory` to their end.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Done {
    let output = command(directory).args(arguments).output().expect("linkyard can be started");
    Done::from(output)
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Done {
    /// Its one JSON document; panics with everything it said unless it ended well.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("not one JSON document ({error}): {self:?}"))
    }

    /// Its rows; panics unless it answered an array.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.json().as_array().unwrap_or_else(|| panic!("not an array: {self:?}")).clone()
    }

    /// Itself, checked to have ended with `code`.
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

impl Up {
    /// Starts it in `directory` with a simulator of 200 vendors and 20 projects without limits, and waits until it listens.
    pub(crate) fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[], &[])
    }

    /// The same with more arguments and variables.
    pub(crate) fn start_with(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = command(directory)
            .args(["up", "--simulator", "--listen=127.0.0.1:0", "--simulator-listen=127.0.0.1:0"])
            .args(["--simulator-arg=--vendors=200", "--simulator-arg=--projects=20", "--simulator-arg=--limits=off"])
            .args(arguments)
            .env("LINKYARD_LOG", "warn")
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .expect("linkyard can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        let mut line = |start: &str| {
            let line = lines.next().expect("up says where it is before it ends").expect("UTF-8");
            line.strip_prefix(start).unwrap_or_else(|| panic!("`{line}` does not begin with `{start}`")).to_owned()
        };
        let url = line("listening on ");
        let simulator_url = line("simulator on ");
        line("API key ");
        Self { child, lines, url, simulator_url }
    }

    /// The next line that it prints, without its beginning `start`.
    pub(crate) fn says(&mut self, start: &str) -> String {
        let line = self.lines.next().expect("up says more").expect("UTF-8");
        line.strip_prefix(start).unwrap_or_else(|| panic!("`{line}` does not begin with `{start}`")).to_owned()
    }

    /// Runs an admin command in `directory` against it.
    pub(crate) fn admin(&self, directory: &Path, arguments: &[&str]) -> Done {
        let output = command(directory).args(arguments).env("LINKYARD_SERVER", &self.url).output();
        Done::from(output.expect("linkyard can be started"))
    }

    /// Sends it a signal by number.
    pub(crate) fn signal(&self, number: i32) {
        signal(&self.child, number);
    }

    /// Waits for its end; answers its status and what it still printed.
    pub(crate) fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let rest = self.lines.by_ref().map(|line| line.expect("UTF-8")).collect();
        (self.child.wait().expect("it can be waited for"), rest)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `child` a signal by number.
pub(crate) fn signal(child: &Child, number: i32) {
    let kill = Command::new("kill").arg(format!("-{number}")).arg(child.id().to_string()).status();
    assert!(kill.expect("kill can be started").success(), "signal {number} was not delivered");
}
