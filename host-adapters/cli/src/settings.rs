//! Builds the telemetry configuration from options and environment.

use crate::args::{Format, StdioTo, Telemetry};
use crate::failure::Failure;
use crate::messages::say;
use wasmscope_otlp::config::{Config, Exporter};
use wasmscope_otlp::memory::MemoryExporter;
use wasmscope_telemetry::{Propagation, Runtime, Signal};

/// Builds the configuration. Options override the environment. Invalid values of either are errors.
///
/// Without an endpoint, the telemetry goes to `console`.
pub(crate) fn config(
    options: &Telemetry,
    service: String,
    runtime: Runtime,
    console: &MemoryExporter,
) -> Result<Config, Failure> {
    let mut builder = Config::builder()
        .with_process_env()
        .strict()
        .without_endpoint(Exporter::Console)
        .console(console.clone())
        .default_service_name(service)
        .runtime(runtime)
        .on_warning(|warning| say!("wasmscope: warning: {warning}"));
    if options.small {
        builder = builder.small();
    }
    options
        .apply(builder)
        .build()
        .map_err(|error| Failure::new(error.to_string()))
}

/// Returns the contexts that are read from callers and sent to other services.
pub(crate) fn propagation(config: &Config) -> Propagation {
    let propagators = config.propagators();
    Propagation {
        trace_context: propagators.trace_context,
        baggage: propagators.baggage,
    }
}

/// Warns if lines become log records, and log records go nowhere.
pub(crate) fn warn_of_lost_lines(stdio: StdioTo, config: &Config) {
    if stdio == StdioTo::Logs && config.exporter(Signal::Logs) == Exporter::None {
        say!(
            "wasmscope: warning: what the program prints is lost: --stdio logs makes log records of it, and none are exported"
        );
    }
}

/// Warns if lines become log records of requests, which are shown without their log records.
pub(crate) fn warn_of_hidden_lines(stdio: StdioTo, format: Format, config: &Config) {
    let are_shown_here = config.exporter(Signal::Logs) == Exporter::Console;
    if stdio == StdioTo::Logs && are_shown_here && format == Format::Text {
        say!(
            "wasmscope: warning: what the program prints is only counted here: add --format tree to see it with its request"
        );
    }
}
