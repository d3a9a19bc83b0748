//! The test kit (private servers, a whole yard in one process) and the integration tests.

pub mod binary;
pub mod browser;
pub mod build;
pub mod checker;
pub mod control;
pub mod databases;
pub mod dice;
pub mod drill;
pub mod furnished;
pub mod ground;
pub mod harm;
pub mod installation;
pub mod jobs;
pub mod postgres;
pub mod proxy;
pub mod redis;
pub mod sheet;
pub mod site;
pub mod wire;
pub mod zero;

/// A client for plain HTTP on this machine. It trusts no certificate: to read those of the machine costs more than many calls do.
///
/// # Panics
/// When there can be none.
#[must_use]
pub fn plain_http() -> reqwest::Client {
    cryptography();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client without certificates")
}

/// Installs the cryptography without which an HTTP client of this process panics, even for plain HTTP.
pub fn cryptography() {
    // Whoever was first in this process has done it; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
