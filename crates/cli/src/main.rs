//! The `linkyard` binary: reads the command line, runs the command, and turns how it ended into words and an exit code.

use clap::Parser;
use linkyard::args::Cli;
use linkyard::exit::{ExitCode, code_of, words};
use std::io::Write;

/// The system's allocator keeps a heap per thread and gives little back: pages that are parsed on one thread after another left a process
/// twice as large after a directory twice as long.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    linkyard::install_cryptography();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return ended(&anyhow::Error::new(error).context("the runtime can not be started")),
    };
    let result = runtime.block_on(linkyard::run(cli));
    // Not waited for: a read of standard input that was given up must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::Ok.into(),
        Err(error) => ended(&error),
    }
}

fn ended(error: &anyhow::Error) -> std::process::ExitCode {
    let code = code_of(error);
    if code != ExitCode::Ok {
        // When standard error is gone there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{}", words(error));
    }
    code.into()
}
