//! Log lines on standard error, so that standard output is the command's answer alone; and spans to a collector, where one is named.

use crate::args::LogFormat;
use anyhow::{Context, Result};
use linkyard_telemetry::trace::Tracing;
use std::io::IsTerminal;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// The variable that says what is logged.
const VARIABLE: &str = "LINKYARD_LOG";

/// Starts logging; `default` holds unless `LINKYARD_LOG` says otherwise. Started twice (tests), the first start holds. What is answered
/// sends spans until it is dropped.
///
/// # Errors
/// When the environment names a collector that can not be one.
pub(crate) fn start(format: LogFormat, default: &str) -> Result<Option<Tracing>> {
    let given = std::env::var(VARIABLE).unwrap_or_else(|_| default.to_owned());
    // A filter that can not be read must not silence a server: the readable part of it is used.
    let filter = EnvFilter::builder().parse_lossy(given);
    let colors = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(colors);
    let lines = match format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let tracing = Tracing::from_environment().context("OTEL_EXPORTER_OTLP_ENDPOINT names no collector that can be used")?;
    let spans = tracing.as_ref().map(Tracing::layer);
    let _ = tracing_subscriber::registry().with(spans).with(lines.with_filter(filter)).try_init();
    Ok(tracing)
}
