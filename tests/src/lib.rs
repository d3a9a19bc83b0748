//! The test kit (private servers, a whole yard in one process) and the integration tests.

pub mod binary;
pub mod browser;
pub mod build;
pub mod checker;
pub mod control;
pub mod databases;
pub mod dice;
pub mod drill;
pub mod ground;
pub mod installation;
pub mod jobs;
pub mod postgres;
pub mod proxy;
pub mod redis;
pub mod sheet;
pub mod site;
pub mod zero;

/// Installs the cryptography without which an HTTP client of this process panics, even for plain HTTP.
pub fn cryptography() {
    // Whoever was first in this process has done it; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
