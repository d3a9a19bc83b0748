//! The data directory: `state/events.jsonl` (every change, in order), `state/secret` (signs tokens), `state/inputs/*.csv`
//! (copies of CSV inputs, named by content) and `journal.jsonl`.
//!
//! State is rebuilt by replaying the events. A line is complete when its newline is there; a torn last line belongs to a
//! change whose answer was never sent, and is cut off. What a change does is in `change.rs`.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::config::{CompanySpec, Source};
use crate::error::{Error, Result};
use crate::event::Event;

/// The open state directory.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    events: File,
}

impl Store {
    /// Opens or creates the state under a data directory and reads its events.
    pub(crate) fn open(data_dir: &Path) -> Result<(Self, Vec<Event>)> {
        let directory = data_dir.join("state");
        let inputs = directory.join("inputs");
        fs::create_dir_all(&inputs).map_err(|source| Error::io(format!("cannot create {}", inputs.display()), source))?;
        let path = directory.join("events.jsonl");
        let stored = read_lines(&path)?;
        let events = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|source| Error::io(format!("cannot open {}", path.display()), source))?;
        Ok((Self { directory, events }, stored))
    }

    /// Where relative paths of stored specs start.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes one event; when this returns it survives the death of the process.
    pub(crate) fn append(&mut self, event: &Event) -> Result<()> {
        let mut line = serde_json::to_vec(event).map_err(|source| Error::Invalid(source.to_string()))?;
        line.push(b'\n');
        self.events.write_all(&line).map_err(|source| Error::io("cannot append to the state", source))
    }

    /// The secret that signs tokens, so that tokens outlive a restart.
    pub(crate) fn secret(&self, fresh: &str) -> Result<String> {
        let path = self.directory.join("secret");
        match fs::read_to_string(&path) {
            Ok(secret) if !secret.is_empty() => Ok(secret),
            Ok(_) | Err(_) => {
                fs::write(&path, fresh).map_err(|source| Error::io(format!("cannot write {}", path.display()), source))?;
                Ok(fresh.to_owned())
            }
        }
    }

    /// Copies a spec's CSV files into the state and points the spec at the copies.
    pub(crate) fn adopt(&self, mut spec: CompanySpec) -> Result<CompanySpec> {
        for source in [&mut spec.vendors, &mut spec.projects] {
            if let Source::Csv(path) = source {
                *path = self.adopt_file(path)?;
            }
        }
        if let Some(path) = &mut spec.project_vendors {
            *path = self.adopt_file(path)?;
        }
        Ok(spec)
    }

    fn adopt_file(&self, path: &Path) -> Result<PathBuf> {
        let io = |source| Error::io(format!("cannot copy {}", path.display()), source);
        let content = fs::read(path).map_err(io)?;
        let name = PathBuf::from("inputs").join(format!("{}.csv", hex(&Sha256::digest(&content))));
        let copy = self.directory.join(&name);
        if !copy.exists() {
            let partial = copy.with_extension("partial");
            fs::write(&partial, &content).map_err(io)?;
            fs::rename(&partial, &copy).map_err(io)?;
        }
        Ok(name)
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads JSON lines; cuts a torn last line off the file. A missing file has no lines.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let io = |source| Error::io(format!("cannot read {}", path.display()), source);
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(io)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64).map_err(io)?;
    }
    let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let parsed = lines.enumerate().map(|(number, line)| {
        serde_json::from_slice(line).map_err(|source| Error::State { path: path.to_owned(), line: number + 1, source })
    });
    parsed.collect()
}
