//! The simulator alone, without the rest of linkyard: what `linkyard simulator` serves, built in seconds. It ends when it
//! is killed; the command of the binary is in `crates/cli`.

use clap::Parser;

/// The simulator's own arguments.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    simulator: linkyard_simulator::Args,
}

#[tokio::main]
async fn main() -> linkyard_simulator::Result<()> {
    linkyard_simulator::run(Cli::parse().simulator, std::future::pending()).await
}
