//! Configuration of the exporters: the builder takes precedence over the environment, which takes
//! precedence over the defaults.
//!
//! Every setting is parsed here, into a type that holds only valid values, and passed to the
//! OpenTelemetry crates explicitly. Variables that those crates would read from the process's
//! environment therefore have no effect. The environment is read only by
//! [`ConfigBuilder::with_env`] and [`ConfigBuilder::with_process_env`].
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//! use wasmscope_otlp::config::{Config, Protocol};
//!
//! let config = Config::builder()
//!     .with_env(|name| (name == "OTEL_EXPORTER_OTLP_TIMEOUT").then(|| "2 seconds".into()))
//!     .endpoint("http://localhost:4317".parse()?)
//!     .protocol(Protocol::Grpc)
//!     .service_name("shop")
//!     .build()?;
//! assert_eq!(
//!     config.warnings()[0].to_string(),
//!     "OTEL_EXPORTER_OTLP_TIMEOUT: expected a whole number of milliseconds, 0 for an hour, found `2 seconds`; \
//!      the setting is ignored"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod endpoint;
mod environment;
mod error;
mod layer;
mod limit_list;
mod percent;
mod resolve;
mod settings;
mod targets;
#[cfg(test)]
mod tests;
mod tls;
mod unsupported;
mod values;
mod variables;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;

use crate::memory::MemoryExporter;

pub use self::builder::ConfigBuilder;
pub use self::endpoint::{Endpoint, Headers};
pub use self::error::{ConfigError, ConfigWarning};
pub(crate) use self::layer::PerSignal;
pub(crate) use self::settings::SETTINGS;
pub use self::settings::{BatchOptions, OtlpOptions};
pub(crate) use self::targets::{Otlp, Target};
pub(crate) use self::tls::Proxies;
pub use self::tls::{Certificates, PrivateKey};
pub use self::values::{
    Compression, Expected, Exporter, HistogramAggregation, Propagators, Protocol, Ratio,
    RequestSize, Sampler, TemporalityPreference,
};
pub use self::variables::{Status, VARIABLES, Variable, markdown};
use wasmscope_telemetry::Runtime;
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::http::KnownMethods;
use wasmscope_telemetry::limits::Limits;
use wasmscope_telemetry::log_level::LogLevels;
pub use wasmscope_telemetry::printable::redacted_url;

/// The valid and complete settings from which a [`crate::pipeline::Pipeline`] is built.
#[derive(Debug, Clone)]
pub struct Config {
    pub(crate) targets: PerSignal<Target>,
    pub(crate) console: Option<MemoryExporter>,
    pub(crate) spans: Batch,
    pub(crate) logs: Batch,
    pub(crate) metric_interval: Duration,
    pub(crate) metric_timeout: Duration,
    pub(crate) temporality: TemporalityPreference,
    pub(crate) histograms: HistogramAggregation,
    pub(crate) sampler: Sampler,
    pub(crate) propagators: Propagators,
    pub(crate) http_known_methods: KnownMethods,
    pub(crate) limits: Limits,
    pub(crate) log_levels: LogLevels,
    pub(crate) resource: Resource,
    pub(crate) runtime: Option<Runtime>,
    pub(crate) on_warning: Option<WarningHook>,
    pub(crate) warnings: Vec<ConfigWarning>,
}

impl Config {
    /// Returns a builder.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// Returns a builder with defaults for hosts with little memory: queues of 256, batches of 64,
    /// sent every 2 s, and exports of at most 5 s. The environment and the builder's other settings
    /// take precedence.
    pub fn small() -> ConfigBuilder {
        ConfigBuilder::default().small()
    }

    /// Returns warnings about the environment. In strict mode, invalid values are errors of
    /// [`ConfigBuilder::build`] instead.
    ///
    /// A [`crate::pipeline::Pipeline`] passes them to [`ConfigBuilder::on_warning`] when it is
    /// built.
    #[must_use]
    pub fn warnings(&self) -> &[ConfigWarning] {
        &self.warnings
    }

    /// Returns the exporter of a signal.
    #[must_use]
    pub fn exporter(&self, signal: Signal) -> Exporter {
        match self.targets.get(signal) {
            Target::Otlp(_) => Exporter::Otlp,
            Target::Console => Exporter::Console,
            Target::None => Exporter::None,
        }
    }

    /// Returns the URL to which a signal is sent over OTLP, or `None` if it is not. Its query may
    /// hold a token: use [`redacted_url`] to show it.
    #[must_use]
    pub fn url(&self, signal: Signal) -> Option<&str> {
        match self.targets.get(signal) {
            Target::Otlp(otlp) => Some(otlp.url.as_str()),
            Target::Console | Target::None => None,
        }
    }

    /// Returns the console that shows the signals whose exporter is [`Exporter::Console`].
    #[must_use]
    pub fn console(&self) -> Option<&MemoryExporter> {
        self.console.as_ref()
    }

    /// Returns which headers propagate context between processes. Use it to begin invocations from
    /// `TRACEPARENT`, `TRACESTATE` and `BAGGAGE`.
    #[must_use]
    pub fn propagators(&self) -> Propagators {
        self.propagators
    }

    /// Returns the limits on guests.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the resource that describes the process in all exports.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Returns the sampler of traces.
    #[must_use]
    pub fn sampler(&self) -> Sampler {
        self.sampler
    }
}

/// How the items of one signal are batched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) queue_size: usize,
    pub(crate) batch_size: usize,
    pub(crate) delay: Duration,
    pub(crate) export_timeout: Duration,
}

/// A program's command-line flags for the builder's settings, keyed by the builder's method.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags(pub(crate) &'static [(&'static str, &'static str)]);

impl Flags {
    /// Returns the flag for a method of the builder.
    pub(crate) fn of(self, method: &str) -> Option<&'static str> {
        let mut flags = self.0.iter();
        flags
            .find(|(known, _)| *known == method)
            .map(|(_, flag)| *flag)
    }
}

/// The embedder's function for warnings while a pipeline runs.
#[derive(Clone)]
pub(crate) struct WarningHook(pub(crate) Arc<dyn Fn(&str) + Send + Sync>);

impl fmt::Debug for WarningHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WarningHook(..)")
    }
}
