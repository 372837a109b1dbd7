//! Builds the telemetry configuration from options and environment.

use crate::args::{FLAGS, Telemetry};
use crate::failure::Failure;
use crate::messages::say;
use wasmscope_otlp::config::{Config, Exporter, Headers};
use wasmscope_otlp::memory::MemoryExporter;
use wasmscope_telemetry::Runtime;

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
        .flags(FLAGS)
        .on_warning(|warning| say!("wasmscope: warning: {warning}"));
    if options.small {
        builder = builder.small();
    }
    if let Some(endpoint) = &options.otlp_endpoint {
        builder = builder.endpoint(endpoint.clone());
    }
    if let Some(protocol) = options.otlp_protocol {
        builder = builder.protocol(protocol);
    }
    if !options.otlp_headers.is_empty() {
        let mut headers = Headers::default();
        for (name, value) in &options.otlp_headers {
            headers.insert(name, value).map_err(|expected| {
                Failure::new(format!("--otlp-header {name}: expected {expected}"))
            })?;
        }
        builder = builder.headers(headers);
    }
    if let Some(compression) = options.otlp_compression {
        builder = builder.compression(compression);
    }
    if let Some(size) = options.otlp_max_request_size {
        builder = builder.max_request_size(size);
    }
    if let Some(authorities) = &options.otlp_certificate {
        builder = builder.certificate(authorities.clone());
    }
    if let Some(certificate) = &options.otlp_client_certificate {
        builder = builder.client_certificate(certificate.clone());
    }
    if let Some(key) = &options.otlp_client_key {
        builder = builder.client_key(key.clone());
    }
    if let Some(name) = &options.service_name {
        builder = builder.service_name(name);
    }
    if let Some(sampler) = options.sampler {
        builder = builder.sampler(sampler);
    }
    if let Some(levels) = &options.log_level {
        builder = builder.log_levels(levels.clone());
    }
    builder
        .build()
        .map_err(|error| Failure::new(error.to_string()))
}
