//! A private Redis server for one case: in a directory of its own, with an append-only file, gone when the case is, however it ends. It can
//! be killed, started again with what it kept, emptied and frozen.
//!
//! It is asked by its own command line client, so the kit needs no client of its own. A missing server fails with the command that
//! installs it.

use anyhow::{Context, Result, ensure};
use linkyard_queue::RedisArgs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the server and says its process id; kills it when the input ends (that is: when the test is gone) and cleans up, unless a line
/// came that says that the directory is still needed.
const WATCHDOG: &str = r#"
dir=$1; shift
cd "$dir" || exit 1
redis-server "$@" --dir "$dir" >>"$dir/server.log" 2>&1 &
pid=$!
echo $pid
exec >/dev/null
read -r keep
kill -9 $pid 2>/dev/null
[ "$keep" = keep ] || { cd / && rm -rf "$dir"; }
"#;

/// A server that does not answer in this time is not going to.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A running (or killed) server.
#[derive(Debug)]
pub struct RedisServer {
    directory: PathBuf,
    arguments: Vec<String>,
    /// How its client reaches it.
    reach: Vec<String>,
    url: String,
    watchdog: Child,
    process: u32,
}

impl RedisServer {
    /// Starts one on a unix socket.
    ///
    /// # Panics
    /// When there is no Redis on this machine, or it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&["--appendonly", "yes", "--appendfsync", "everysec"])
    }

    /// Starts one on a unix socket with these settings.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let directory = directory();
        let socket = directory.join("redis.sock").display().to_string();
        let url = format!("unix://{socket}");
        let own = ["--port", "0", "--save", "", "--unixsocket", &socket];
        Self::launch(directory, [&own, settings].concat(), vec!["-s".to_owned(), socket.clone()], url)
    }

    /// Starts one on this port of 127.0.0.1, for what speaks of hosts and ports: clusters, Sentinels.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    #[must_use]
    pub fn start_on(port: u16, settings: &[&str]) -> Self {
        let text = port.to_string();
        let own = ["--port", &text, "--bind", "127.0.0.1", "--save", ""];
        let url = format!("redis://127.0.0.1:{port}");
        Self::launch(directory(), [&own, settings].concat(), vec!["-p".to_owned(), text.clone()], url)
    }

    /// Starts a Sentinel on this port that knows the master `main` at another one, and finds it dead in half a second.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    #[must_use]
    pub fn sentinel(port: u16, master: u16) -> Self {
        let directory = directory();
        let file = directory.join("sentinel.conf");
        let words = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        );
        std::fs::write(&file, words).expect("the Sentinel's file is written");
        let url = format!("redis+sentinel://127.0.0.1:{port}/main");
        Self::launch(directory, vec![&file.display().to_string(), "--sentinel"], vec!["-p".to_owned(), port.to_string()], url)
    }

    fn launch(directory: PathBuf, arguments: Vec<&str>, reach: Vec<String>, url: String) -> Self {
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let (watchdog, process) = watched(&directory, &arguments).expect("Redis can be started");
        let server = Self { directory, arguments, reach, url, watchdog, process };
        server.ready();
        server
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its unix socket, where it was started on one.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("redis.sock")
    }

    /// The length of its append-only file now, bytes: what a loss of power would leave of it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn log_length(&self) -> u64 {
        std::fs::metadata(self.log_file()).expect("the append-only file").len()
    }

    /// Kills it and cuts its append-only file to `length`, as a loss of power would.
    ///
    /// # Panics
    /// When there is no such file.
    pub fn lose_power(&mut self, length: u64) {
        self.kill();
        let file = std::fs::File::options().write(true).open(self.log_file()).expect("the append-only file");
        let length = length.min(file.metadata().expect("its length").len());
        file.set_len(length).expect("it is cut");
    }

    fn log_file(&self) -> PathBuf {
        let files = std::fs::read_dir(self.directory.join("appendonlydir")).expect("the append-only directory");
        let mut files = files.flatten().map(|file| file.path());
        files
            .find(|path| path.extension().is_some_and(|ending| ending == "aof") && path.to_string_lossy().contains(".incr."))
            .expect("a file")
    }

    /// How a process is told of it.
    #[must_use]
    pub fn args(&self) -> RedisArgs {
        RedisArgs { redis_url: self.url.clone(), redis_tag: "ly".to_owned() }
    }

    /// Asks it, and answers what it said.
    ///
    /// # Panics
    /// When it does not answer, or refuses.
    pub fn ask(&self, words: &[&str]) -> String {
        self.try_ask(words).unwrap_or_else(|error| panic!("{words:?}: {error:#}"))
    }

    fn try_ask(&self, words: &[&str]) -> Result<String> {
        let output = Command::new("redis-cli").arg("-e").args(&self.reach).args(words).stdin(Stdio::null()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        ensure!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
        Ok(text)
    }

    /// How many entries a list has. Asked without starting a client, so that it can be asked often.
    ///
    /// # Errors
    /// When the server does not answer on its socket.
    pub fn length(&self, list: &str) -> Result<u64> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.set_read_timeout(Some(READY_WITHIN))?;
        write!(stream, "*2\r\n$4\r\nLLEN\r\n${}\r\n{list}\r\n", list.len())?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer)?;
        answer.trim().trim_start_matches(':').parse().with_context(|| format!("{list}: {answer}"))
    }

    /// Drops everything in it.
    pub fn flush(&self) {
        self.ask(&["FLUSHALL"]);
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.signal("-KILL");
        self.release();
    }

    /// Starts it again where it was, with what it had written to its file.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        (self.watchdog, self.process) = watched(&self.directory, &self.arguments).expect("Redis can be started again");
        self.ready();
    }

    /// Stops it from doing anything; its connections stay.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").arg(signal).arg(self.process.to_string()).status();
        assert!(sent.expect("kill can be started").success(), "{signal} was not delivered");
    }

    /// Ends the watchdog without the directory.
    fn release(&mut self) {
        if let Some(mut input) = self.watchdog.stdin.take() {
            // When it is gone already there is nothing to tell.
            let _ = writeln!(input, "keep");
        }
        let _ = self.watchdog.wait();
    }

    fn ready(&self) {
        let began = Instant::now();
        // Each turn starts a client, which takes its time.
        while self.try_ask(&["PING"]).is_err() {
            let log = || std::fs::read_to_string(self.directory.join("server.log")).unwrap_or_default();
            assert!(began.elapsed() < READY_WITHIN, "Redis does not answer:\n{}", log());
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
        // After a kill the watchdog is gone already.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A port that is free now.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Not the target directory: the path of a unix socket has at most 107 bytes.
fn directory() -> PathBuf {
    tempfile::Builder::new().prefix("linkyard-redis-").tempdir().expect("a temporary directory").keep()
}

fn watched(directory: &PathBuf, arguments: &[String]) -> Result<(Child, u32)> {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    ensure!(
        found.is_ok_and(|status| status.success()),
        "no Redis on this machine: install it (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis)"
    );
    let mut command = Command::new("sh");
    command.arg("-c").arg(WATCHDOG).arg("watchdog").arg(directory).args(arguments);
    // Out of our process group, so that an interrupted test run does not take the watchdog before it has cleaned up.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
    let mut watchdog = command.spawn().context("sh could not be started")?;
    let mut first = String::new();
    BufReader::new(watchdog.stdout.take().context("the watchdog has no output")?).read_line(&mut first)?;
    let process = first.trim().parse().context("the watchdog says no process id")?;
    Ok((watchdog, process))
}
