//! A private PostgreSQL server for the tests of this process: found on the machine, in a directory of its own, reached by a unix
//! socket only, and gone when the process is, however it ends.
//!
//! One server per process is enough: tests of one binary are threads, and each gets a schema of its own (see [`crate::databases`]).
//! `LINKYARD_TEST_POSTGRES_URL` names a server to use instead. A missing server fails with the command that installs it: a test that is
//! skipped looks green.

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The address of a server that the caller provides.
const GIVEN: &str = "LINKYARD_TEST_POSTGRES_URL";

/// Starts the server, says `ready`, waits until its input ends (that is: until the test process is gone), stops it and cleans up.
const WATCHDOG: &str = r#"
bin=$1 dir=$2 settings=$3
if "$bin/initdb" -D "$dir/data" -U linkyard -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb.log" 2>&1 &&
   "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 -o "-k $dir -c listen_addresses='' -c max_connections=300 \
      $settings" start >"$dir/start.log" 2>&1 </dev/null
then echo ready
else echo failed; cat "$dir"/*.log; rm -rf "$dir"; exit 1
fi
exec >/dev/null
cat >/dev/null
"$bin/pg_ctl" -D "$dir/data" -m immediate -w stop
cd / && rm -rf "$dir"
"#;

/// A test's data need not outlive a power failure.
const FORGETFUL: &str = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c shared_buffers=64MB";

/// A commit that was answered survives a kill of the server, because the kernel has it; a power failure it need not.
const KILLABLE: &str = "-c fsync=off -c full_page_writes=off -c shared_buffers=64MB";

/// As a small installation has it: whatever was committed is on the disk.
const LASTING: &str = "-c shared_buffers=512MB -c max_wal_size=4GB";

static SETTINGS: OnceLock<&str> = OnceLock::new();

/// From now on the server of this process, if it has not started, keeps whatever is committed through a power failure: for whoever
/// measures, because a promise that is not kept costs nothing.
pub fn keep_what_is_committed() {
    SETTINGS.get_or_init(|| LASTING);
}

#[derive(Debug)]
struct Running {
    directory: PathBuf,
    url: String,
    /// Its open input keeps the server alive; closed by the system when this process ends.
    _watchdog: Child,
}

static SERVER: OnceLock<std::result::Result<Running, String>> = OnceLock::new();

/// The address of the server, as a superuser that may make schemas; starts it on the first call (about a second).
///
/// # Errors
/// When there is no PostgreSQL on this machine or it does not start; the message says what to install.
pub fn server_url() -> Result<String> {
    if let Ok(given) = std::env::var(GIVEN) {
        return Ok(given);
    }
    match SERVER.get_or_init(|| start(SETTINGS.get_or_init(|| FORGETFUL)).map_err(|error| format!("{error:#}"))) {
        Ok(server) => Ok(server.url.clone()),
        Err(message) => bail!("{message}"),
    }
}

/// The server, for programs that are not asynchronous themselves (benchmarks, drills); tests use [`crate::databases`].
#[derive(Clone, Debug)]
pub struct Server {
    url: String,
}

impl Server {
    /// The server of this process, started on the first call.
    ///
    /// # Errors
    /// As [`server_url`].
    pub fn start() -> Result<Self> {
        server_url().map(|url| Self { url })
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of an empty schema of its own, which goes when the server goes. Must not be called inside an async runtime.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn fresh_schema_url(&self) -> Result<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let schema = runtime.block_on(crate::databases::PostgresSchema::create())?;
        Ok(schema.url().to_owned())
    }
}

/// A server of its own for one drill, which may kill it. A commit that was answered survives that: the kernel has it.
#[derive(Debug)]
pub struct PrivatePostgres(Running);

impl PrivatePostgres {
    /// Starts one.
    ///
    /// # Errors
    /// As [`server_url`].
    pub fn start() -> Result<Self> {
        start(KILLABLE).map(Self)
    }

    /// Its address, by its unix socket.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Its unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.directory.join(".s.PGSQL.5432")
    }

    /// Kills the server itself by SIGKILL; its backends end when they notice.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self) -> Result<()> {
        let file = fs::read_to_string(self.0.directory.join("data/postmaster.pid")).context("the server does not run")?;
        let process = file.lines().next().context("its file is empty")?.trim();
        ensure!(Command::new("kill").args(["-KILL", process]).status()?.success(), "the server could not be killed");
        Ok(())
    }

    /// Stops it and all backends at once, without a checkpoint.
    ///
    /// # Errors
    /// When it does not run.
    pub fn crash(&self) -> Result<()> {
        ensure!(self.control(&["-m", "immediate", "-w", "stop"])?, "the server could not be stopped");
        Ok(())
    }

    /// Starts it again on what it wrote; waits until it answers.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub fn restart(&self) -> Result<()> {
        let log = self.0.directory.join("server.log");
        let options = format!("-k {} -c listen_addresses='' -c max_connections=300 {KILLABLE}", self.0.directory.display());
        // Backends of a killed server still hold its memory for a moment, and it does not start beside them.
        let began = std::time::Instant::now();
        while !self.control(&["-l", &log.display().to_string(), "-w", "-t", "60", "-o", &options, "start"])? {
            ensure!(began.elapsed().as_secs() < 60, "it does not start:\n{}", fs::read_to_string(&log).unwrap_or_default());
        }
        Ok(())
    }

    fn control(&self, arguments: &[&str]) -> Result<bool> {
        let mut command = Command::new(find_binaries()?.join("pg_ctl"));
        command.arg("-D").arg(self.0.directory.join("data")).args(arguments).current_dir(&self.0.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        if let Some((user, group)) = unprivileged()? {
            command.uid(user).gid(group);
        }
        Ok(command.status().context("pg_ctl could not be started")?.success())
    }
}

fn start(settings: &str) -> Result<Running> {
    let binaries = find_binaries()?;
    // Not the target directory: the path of a unix socket has at most 107 bytes.
    let directory = tempfile::Builder::new().prefix("linkyard-pg-").tempdir().context("no temporary directory")?.keep();
    let mut command = Command::new("sh");
    command.arg("-c").arg(WATCHDOG).arg("watchdog").arg(&binaries).arg(&directory).arg(settings);
    // Out of our process group, so that an interrupted test run does not take the watchdog before it has cleaned up.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).current_dir(&directory);
    if let Some((user, group)) = unprivileged()? {
        chown(&directory, Some(user), Some(group)).context("the directory could not be given to the server's user")?;
        command.uid(user).gid(group);
    }
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).context("the directory could not be closed")?;
    let mut watchdog = command.spawn().context("sh could not be started")?;
    let mut output = BufReader::new(watchdog.stdout.take().context("the watchdog has no output")?);
    let mut first = String::new();
    output.read_line(&mut first).context("the watchdog does not answer")?;
    if first.trim() != "ready" {
        let rest = std::io::read_to_string(output).unwrap_or_default();
        bail!("PostgreSQL from {} did not start:\n{rest}", binaries.display());
    }
    let url = format!("postgres://linkyard@localhost/postgres?host={}", directory.display());
    Ok(Running { directory, url, _watchdog: watchdog })
}

/// The folder with `initdb` and `pg_ctl`: the newest of the system's versions, or what the search path has.
fn find_binaries() -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for entry in fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let version = entry.file_name().to_string_lossy().parse().unwrap_or(0);
        versions.push((version, entry.path().join("bin")));
    }
    versions.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let candidates = versions.into_iter().rev().map(|(_, folder)| folder).chain(std::env::split_paths(&path));
    let found = candidates.into_iter().find(|folder| has_server(folder));
    found.context(format!(
        "no PostgreSQL on this machine: install it (Debian, Ubuntu: sudo apt-get install postgresql; macOS: brew install postgresql), \
         or set {GIVEN} to a server on which the tests may make schemas"
    ))
}

fn has_server(folder: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file())
}

/// As whom the server runs when we are root, which it refuses: its own user, or nobody.
fn unprivileged() -> Result<Option<(u32, u32)>> {
    let me = fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me)).unwrap_or(1);
    if me != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("/etc/passwd could not be read")?;
    for name in ["postgres", "nobody"] {
        let found = users.lines().map(|line| line.split(':').collect::<Vec<&str>>()).find(|fields| fields[0] == name);
        if let Some(fields) = found {
            ensure!(fields.len() > 3, "/etc/passwd has a line without a group");
            return Ok(Some((fields[2].parse()?, fields[3].parse()?)));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
}
