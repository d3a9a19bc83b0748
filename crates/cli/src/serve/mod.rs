//! Server commands: everything in one process (`up`), the processes of an installation (`control`, `worker`), the schema (`migrate`) and
//! the fake Procore (`simulator`). Only assembly lives here: which parts run together, on which files, and how they stop.

pub mod control;
pub mod doctor;
pub mod health;
pub mod migrate;
pub mod signal;
pub mod simulator;
pub mod up;
pub mod worker;
pub mod yard;

mod data_dir;
mod first_key;
mod metrics;
mod sealing;

pub use data_dir::{API_KEY_FILE, DataDir};
pub use metrics::MetricsArgs;
