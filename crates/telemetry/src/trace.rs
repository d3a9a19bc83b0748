//! Traces: one from a call of the API over the jobs that it wrote to the calls that they make.
//!
//! A trace travels as a W3C `traceparent`: into the API in a header, over the database in the job's row, and so to whichever worker takes
//! the job, days later if need be. Spans go to a collector by OTLP over gRPC when `OTEL_EXPORTER_OTLP_ENDPOINT` (or its variable for
//! traces) is set; the standard `OTEL_` variables say the rest (service name, headers, sampler). Otherwise nothing is recorded and
//! [`parent_of_current`] has nothing to hand on. Only spans of linkyard's own packages are sent: what a library notes for itself, such as
//! the text of a statement, stays here.

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::collections::HashMap;
use std::time::Duration;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The header's and the column's name.
const TRACE_PARENT: &str = "traceparent";

/// The longest value that is taken over; the standard's is 55 bytes.
const LONGEST: usize = 64;

/// How long the last spans may take to be sent when the process ends.
const FLUSH: Duration = Duration::from_secs(3);

/// The way to the collector. Dropping it sends what is left.
#[derive(Debug)]
pub struct Tracing(SdkTracerProvider);

impl Tracing {
    /// The way that the environment names; `None` without one.
    ///
    /// # Errors
    /// When what the environment says can not be used, such as an address that is none.
    pub fn from_environment() -> Result<Option<Self>, ExporterBuildError> {
        let set = |name| std::env::var(name).is_ok_and(|value| !value.is_empty());
        if !set("OTEL_EXPORTER_OTLP_ENDPOINT") && !set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            return Ok(None);
        }
        let mut resource = Resource::builder();
        if !set("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name("linkyard");
        }
        let exporter = SpanExporter::builder().with_tonic().build()?;
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
        Ok(Some(Self(provider)))
    }

    /// The layer of the process's subscriber that records spans.
    pub fn layer<S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync>(&self) -> impl Layer<S> + Send + Sync + use<S> {
        let ours = filter_fn(|metadata| metadata.target().starts_with("linkyard") && *metadata.level() <= tracing::Level::INFO);
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("linkyard")).with_filter(ours)
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}

/// What the current span hands on: the `traceparent` to write into a row. `None` when nothing is recorded.
#[must_use]
pub fn parent_of_current() -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut carrier);
    carrier.remove(TRACE_PARENT)
}

/// Makes `span` a child of what `parent` names; anything that is no `traceparent` is as good as none. Call it before the span is entered.
pub fn follow(span: &Span, parent: Option<&str>) {
    let Some(parent) = parent.filter(|parent| parent.len() <= LONGEST) else { return };
    let carrier = HashMap::from([(TRACE_PARENT.to_owned(), parent.to_owned())]);
    // Refused when nothing is recorded: then there is no parent to have.
    let _ = span.set_parent(TraceContextPropagator::new().extract(&carrier));
}
