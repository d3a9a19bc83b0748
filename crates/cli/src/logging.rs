//! Log lines on standard error, so that standard output is the command's answer alone.

use crate::args::LogFormat;
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The variable that says what is logged.
const VARIABLE: &str = "LINKYARD_LOG";

/// Starts logging; `default` holds unless `LINKYARD_LOG` says otherwise. Started twice (tests), the first start holds.
pub(crate) fn start(format: LogFormat, default: &str) {
    let given = std::env::var(VARIABLE).unwrap_or_else(|_| default.to_owned());
    // A filter that can not be read must not silence a server: the readable part of it is used.
    let filter = EnvFilter::builder().parse_lossy(given);
    let colors = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colors);
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
