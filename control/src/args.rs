//! What a control process can be told: its part of the command line, and the settings that the server is made from.

use crate::console::Origin;
use crate::watch::WatchPace;
use linkyard_core::budget::Budget;
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// The control's part of the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the gRPC API and the console listen. Whoever reaches it still needs an API key; there is no encryption on this port.
    #[arg(long, env = "LINKYARD_LISTEN", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,

    /// Tell callers the shape of the API (gRPC reflection), without an API key.
    #[arg(long, env = "LINKYARD_REFLECTION")]
    pub reflection: bool,

    /// Let the first claim on a company id through without an operator. For an installation with one customer.
    #[arg(long, env = "LINKYARD_APPROVE_CLAIMS")]
    pub approve_claims: bool,

    /// The address under which browsers reach the console, when something that speaks TLS stands in front, like
    /// `https://linkyard.example.com`. Without it the console answers at loopback addresses alone.
    #[arg(long, env = "LINKYARD_CONSOLE_ORIGIN", value_name = "URL", value_parser = Origin::parse)]
    pub console_origin: Option<Origin>,

    /// Serve the API alone, without the console.
    #[arg(long, env = "LINKYARD_NO_CONSOLE")]
    pub no_console: bool,
}

/// What the server is made from.
#[derive(Clone)]
pub struct Config {
    /// Whether reflection is served.
    pub reflection: bool,
    /// Whether a claim on a company id needs no operator.
    pub approve_claims: bool,
    /// For how long a key that was right is not looked up again: a key that was revoked elsewhere is refused no later than this.
    pub trust_keys: Duration,
    /// How jobs are watched.
    pub watch: WatchPace,
    /// Whether the console is served.
    pub console: bool,
    /// Where browsers find it, when not at a loopback address.
    pub console_origin: Option<Origin>,
    /// How often an open page of the console looks for changes.
    pub console_every: Duration,
    /// How often the database is asked whether it answers.
    pub health_every: Duration,
    /// How long calls in flight may take after the shutdown was asked for.
    pub drain: Duration,
    /// Whoever counts the calls to directories, to be read; without it budgets are told as jobs kept them.
    pub budget: Option<Arc<dyn Budget>>,
    pub(crate) page_key: [u8; 32],
}

impl Config {
    /// The settings for `args`. Page tokens are bound to `shared_secret`: all control processes of an installation must be given the same
    /// bytes, and again the same after a restart, or pages that a client is reading end with an error.
    #[must_use]
    pub fn new(args: &Args, shared_secret: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"linkyard page tokens\0");
        hash.update(shared_secret);
        Self {
            reflection: args.reflection,
            approve_claims: args.approve_claims,
            trust_keys: Duration::from_secs(5),
            watch: WatchPace::default(),
            console: !args.no_console,
            console_origin: args.console_origin.clone(),
            console_every: Duration::from_secs(1),
            health_every: Duration::from_secs(5),
            drain: Duration::from_secs(30),
            budget: None,
            page_key: hash.finalize().into(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("reflection", &self.reflection)
            .field("approve_claims", &self.approve_claims)
            .field("trust_keys", &self.trust_keys)
            .field("watch", &self.watch)
            .field("console", &self.console)
            .field("console_origin", &self.console_origin)
            .field("console_every", &self.console_every)
            .field("health_every", &self.health_every)
            .field("drain", &self.drain)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
