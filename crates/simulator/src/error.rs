//! Why the simulator could not start or could not keep its state. Answers to HTTP clients are in `reply.rs`, not here.

use std::path::PathBuf;

/// What stops the simulator, or makes an admin change impossible.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused something: a port, a file, a directory.
    #[error("{context}")]
    Io {
        /// What was being done, with the address or path.
        context: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A CSV input could not be read.
    #[error("cannot read {}", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// The reader's reason, with line and column.
        #[source]
        source: csv::Error,
    },
    /// A stored line of the state directory is not one of ours.
    #[error("{} line {line} is not a stored event", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The parser's reason.
        #[source]
        source: serde_json::Error,
    },
    /// The request names something that does not exist.
    #[error("{0} does not exist")]
    Missing(String),
    /// The request contradicts itself or what is there.
    #[error("{0}")]
    Invalid(String),
}

impl Error {
    /// Wraps an operating-system error with what was being done.
    pub(crate) fn io(context: impl Into<String>, source: std::io::Error) -> Self {
        Self::Io { context: context.into(), source }
    }
}

/// The simulator's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
