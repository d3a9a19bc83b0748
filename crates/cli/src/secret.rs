//! Secrets from a file or standard input, and keys written to a file that only its owner reads. Never from an argument or to a log.

use crate::exit::Exit;
use anyhow::{Context, Result};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The secret in `path`, or on standard input for `-`, without surrounding white space.
///
/// # Errors
/// Exit code 2 when it can not be read or is empty.
pub(crate) fn read(path: &str) -> Result<String> {
    let mut text = String::new();
    let read = if path == "-" {
        std::io::stdin().lock().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(path).map(|content| text = content)
    };
    read.map_err(|error| Exit::usage(format!("the secret in {path} can not be read: {error}")))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(Exit::usage(format!("the secret in {path} is empty")));
    }
    Ok(text.to_owned())
}

/// Writes a secret with mode 0600. An existing file is replaced as a whole, never left half written.
///
/// # Errors
/// When the file can not be written.
pub(crate) fn write(path: &Path, secret: &str) -> Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".new");
    let written = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
        writeln!(file, "{secret}")?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    written().with_context(|| format!("{} can not be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_written_secret_is_read_back_and_is_its_owners_alone() {
        let directory = std::env::temp_dir().join(format!("linkyard-secret-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let path = directory.join("key");
        write(&path, "first").expect("written");
        write(&path, "second").expect("replaced");
        assert_eq!(read(path.to_str().expect("utf-8")).expect("read"), "second");
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_dir_all(directory).expect("removed");
    }
}
