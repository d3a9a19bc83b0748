//! The data directory of embedded mode: which files it has, and the lock that keeps a second process out.
//!
//! The lock is the operating system's, so a killed process leaves none behind. Who holds it is written beside it for people only.

use crate::exit::{Exit, ExitCode};
use anyhow::{Context, Result};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file that holds the local API key.
pub const API_KEY_FILE: &str = "api-key";
/// The file that holds the key that seals secrets.
const SEALING_KEY_FILE: &str = "sealing.key";
/// The database.
const DATABASE_FILE: &str = "linkyard.db";
/// The file that is locked.
const LOCK_FILE: &str = "lock";

/// A data directory that is ours until this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Closing it ends the lock.
    _lock: File,
}

impl DataDir {
    /// Makes the directory where it is missing and takes it, readable by its owner alone.
    ///
    /// # Errors
    /// Exit code 5 when another process has it.
    pub fn take(path: &Path) -> Result<Self> {
        make_private(path).with_context(|| format!("the data directory {} can not be made", path.display()))?;
        let lock_path = path.join(LOCK_FILE);
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&lock_path);
        let mut lock = open.with_context(|| format!("{} can not be opened", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(path, &lock_path)),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{} can not be locked", lock_path.display()));
            }
        }
        lock.set_len(0)?;
        writeln!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file with the sealing key of the data directory `path`, whoever has that.
    pub(crate) fn sealing_key_in(path: &Path) -> PathBuf {
        path.join(SEALING_KEY_FILE)
    }

    /// The database of the data directory `path`, whoever has that.
    pub(crate) fn database_in(path: &Path) -> PathBuf {
        path.join(DATABASE_FILE)
    }

    /// The file that holds the local API key.
    pub(crate) fn api_key(&self) -> PathBuf {
        self.path.join(API_KEY_FILE)
    }

    /// The file that holds the key that seals secrets.
    pub(crate) fn sealing_key(&self) -> PathBuf {
        Self::sealing_key_in(&self.path)
    }

    /// The database of embedded mode.
    pub(crate) fn database_url(&self) -> String {
        format!("sqlite:{}", Self::database_in(&self.path).display())
    }
}

fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn taken(path: &Path, lock_path: &Path) -> anyhow::Error {
    let holder = std::fs::read_to_string(lock_path).unwrap_or_default();
    let holder = match holder.trim() {
        "" => "another process".to_owned(),
        pid => format!("another linkyard (process {pid})"),
    };
    let message = format!("{holder} uses the data directory {}; stop it, or give another --data-dir", path.display());
    Exit::error(ExitCode::Precondition, message)
}
