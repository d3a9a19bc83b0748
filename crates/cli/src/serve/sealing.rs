//! Where the key that seals secrets comes from: a file of the data directory in embedded mode; the environment or a file in scaled mode,
//! where every process must be given the same one and none is ever made up.

use crate::exit::{Exit, ExitCode};
use anyhow::{Context, Result};
use linkyard_store::SealingKey;
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};

/// The key of scaled mode. Without one the process does not start.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct SealingArgs {
    /// File with the key that seals secrets in the database: 64 hexadecimal digits, the same for every process. Without it the variable
    /// `LINKYARD_SEALING_KEY` must hold the key. Make one with: openssl rand -hex 32
    #[arg(long, env = "LINKYARD_SEALING_KEY_FILE", value_name = "FILE")]
    pub sealing_key_file: Option<PathBuf>,
}

/// The key, and bytes that all processes with this key have in common.
pub(crate) struct Sealing {
    /// For the store.
    pub(crate) key: SealingKey,
    /// For what the control processes of one installation must agree on.
    pub(crate) shared: SecretString,
}

impl SealingArgs {
    /// The key from the file or the environment.
    ///
    /// # Errors
    /// Exit code 5 when there is none or it is not 64 hexadecimal digits.
    pub(crate) fn load(&self) -> Result<Sealing> {
        let text = match &self.sealing_key_file {
            Some(path) => std::fs::read_to_string(path).map_err(|error| {
                Exit::error(ExitCode::Precondition, format!("--sealing-key-file {}: {error}", path.display()))
            })?,
            None => std::env::var("LINKYARD_SEALING_KEY").map_err(|_| {
                let message =
                    "no sealing key: set LINKYARD_SEALING_KEY or give --sealing-key-file (openssl rand -hex 32 makes one)";
                Exit::error(ExitCode::Precondition, message)
            })?,
        };
        let shared = SecretString::from(text.trim().to_owned());
        let key = SealingKey::from_hex(&shared).context("the sealing key can not be used")?;
        Ok(Sealing { key, shared })
    }
}

/// The key of embedded mode: made on the first start, mode 0600.
///
/// # Errors
/// When the file can not be read or made.
pub(crate) fn embedded(path: &Path) -> Result<Sealing> {
    let key = SealingKey::load_or_create(path)?;
    let shared = std::fs::read_to_string(path).with_context(|| format!("{} can not be read", path.display()))?;
    Ok(Sealing { key, shared: SecretString::from(shared.trim().to_owned()) })
}

impl Sealing {
    /// The bytes that all processes with this key have in common.
    pub(crate) fn shared_bytes(&self) -> &[u8] {
        self.shared.expose_secret().as_bytes()
    }
}
