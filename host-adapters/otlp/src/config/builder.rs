//! The builder's own settings.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, Value};
use wasmscope_telemetry::Runtime;
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::limits::Limits;
use wasmscope_telemetry::log_level::LogLevels;

use crate::memory::MemoryExporter;

use super::endpoint::{Endpoint, Headers};
use super::environment::Environment;
use super::error::{ConfigError, ConfigWarning};
use super::layer::{BatchOptions, Layer, OtlpOptions};
use super::tls::{Certificates, PrivateKey};
use super::values::{
    Compression, Exporter, HistogramAggregation, Propagators, Protocol, RequestSize, Sampler,
    TemporalityPreference,
};
use super::{Config, Flags, WarningHook, resolve};

/// Builds a [`Config`].
///
/// Whatever is set here wins over the environment, whichever is named first; command-line flags are set here. What is set for
/// one signal wins over what is set for all, and either wins over the environment.
#[derive(Default)]
#[must_use = "it does nothing until `build`"]
pub struct ConfigBuilder {
    pub(super) layer: Layer,
    pub(super) environment: Environment,
    pub(super) strict: bool,
    pub(super) small: bool,
    pub(super) without_endpoint: Option<Exporter>,
    pub(super) console: Option<MemoryExporter>,
    pub(super) default_service_name: Option<String>,
    pub(super) limits: Vec<LimitEdit>,
    pub(super) runtime: Option<Runtime>,
    pub(super) on_warning: Option<WarningHook>,
    pub(super) flags: Flags,
}

/// A change to the limits, made after the environment's.
type LimitEdit = Box<dyn FnOnce(&mut Limits)>;

impl fmt::Debug for ConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder")
            .field("layer", &self.layer)
            .field("environment", &self.environment)
            .field("strict", &self.strict)
            .field("small", &self.small)
            .finish_non_exhaustive()
    }
}

impl ConfigBuilder {
    /// Reads the environment through `lookup`, which gives a variable's value by its name. [`super::VARIABLES`] says which
    /// are read.
    pub fn with_env(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        self.environment = Environment::read(&lookup);
        self
    }

    /// Reads the environment of the process, and warns of names in it that were probably meant to be others.
    pub fn with_process_env(self) -> Self {
        let names = std::env::vars_os()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, _)| name.into_string().ok());
        let mut builder = self.with_env(|name| std::env::var_os(name));
        builder.environment.warn_of_unknown(names);
        builder
    }

    /// Makes a bad value in the environment an error of [`ConfigBuilder::build`], not a warning.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Takes the defaults of [`Config::small`].
    pub fn small(mut self) -> Self {
        self.small = true;
        self
    }

    /// Switches all three signals off, or on whatever `OTEL_SDK_DISABLED` says.
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.layer.disabled = Some(disabled);
        self
    }

    /// Sets where a signal goes.
    pub fn exporter(mut self, signal: Signal, exporter: Exporter) -> Self {
        *self.layer.exporters.get_mut(signal) = Some(exporter);
        self
    }

    /// Sets where signals go for which neither an exporter nor any endpoint is set. Default: [`Exporter::Otlp`], to the
    /// standard's endpoint on this machine.
    pub fn without_endpoint(mut self, exporter: Exporter) -> Self {
        self.without_endpoint = Some(exporter);
        self
    }

    /// Sets the console for signals whose exporter is [`Exporter::Console`]. Without a console,
    /// that exporter is an error if it is set here. If the environment sets it, a warning says that
    /// the signal is not exported.
    pub fn console(mut self, console: MemoryExporter) -> Self {
        self.console = Some(console);
        self
    }

    /// Sets the collector's address for all signals.
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.layer.otlp.endpoint = Some(endpoint);
        self
    }

    /// Sets the protocol for all signals.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.layer.otlp.protocol = Some(protocol);
        self
    }

    /// Sets headers for all signals. They are put over those of the environment, name by name.
    pub fn headers(mut self, headers: Headers) -> Self {
        self.layer.otlp.headers = Some(headers);
        self
    }

    /// Sets how long an export may take for all signals, from 1 ms to an hour.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.layer.otlp.timeout = Some(timeout);
        self
    }

    /// Sets the compression for all signals.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.layer.otlp.compression = Some(compression);
        self
    }

    /// Sets the most bytes of a request, before compression, for all signals. Larger batches are
    /// sent as several requests. An item that is larger by itself is dropped and counted.
    pub fn max_request_size(mut self, size: RequestSize) -> Self {
        self.layer.otlp.max_request_size = Some(size);
        self
    }

    /// Sets the authorities to trust for all signals, in place of the system's.
    pub fn certificate(mut self, authorities: Certificates) -> Self {
        self.layer.otlp.certificate = Some(authorities);
        self
    }

    /// Sets the host's own certificate and key for all signals.
    pub fn client_identity(mut self, certificate: Certificates, key: PrivateKey) -> Self {
        self.layer.otlp.client_certificate = Some(certificate);
        self.layer.otlp.client_key = Some(key);
        self
    }

    /// Sets the host's own certificate for all signals; its key may come from the environment.
    pub fn client_certificate(mut self, certificate: Certificates) -> Self {
        self.layer.otlp.client_certificate = Some(certificate);
        self
    }

    /// Sets the key of the host's own certificate for all signals; the certificate may come from
    /// the environment.
    pub fn client_key(mut self, key: PrivateKey) -> Self {
        self.layer.otlp.client_key = Some(key);
        self
    }

    /// Sets whether to do without TLS for gRPC endpoints without a scheme, for all signals.
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.layer.otlp.insecure = Some(insecure);
        self
    }

    /// Sets how one signal is sent; what is `None` is left to the settings for all.
    pub fn otlp(mut self, signal: Signal, options: OtlpOptions) -> Self {
        *self.layer.signals.get_mut(signal) = options;
        self
    }

    /// Sets how spans are gathered.
    pub fn span_batches(mut self, options: BatchOptions) -> Self {
        self.layer.spans = options;
        self
    }

    /// Sets how log records are gathered.
    pub fn log_batches(mut self, options: BatchOptions) -> Self {
        self.layer.logs = options;
        self
    }

    /// Sets how often metrics are exported, from 1 ms to a day.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.layer.metric_interval = Some(interval);
        self
    }

    /// Sets how long that may take, from 1 ms to an hour; the shorter of this and the exporter's timeout holds.
    pub fn metric_timeout(mut self, timeout: Duration) -> Self {
        self.layer.metric_timeout = Some(timeout);
        self
    }

    /// Sets over which time sums and histograms are exported.
    pub fn temporality(mut self, temporality: TemporalityPreference) -> Self {
        self.layer.temporality = Some(temporality);
        self
    }

    /// Sets how histograms are aggregated.
    pub fn histogram_aggregation(mut self, aggregation: HistogramAggregation) -> Self {
        self.layer.histograms = Some(aggregation);
        self
    }

    /// Sets which traces are recorded.
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.layer.sampler = Some(sampler);
        self
    }

    /// Sets which headers carry context from one process to the next.
    pub fn propagators(mut self, propagators: Propagators) -> Self {
        self.layer.propagators = Some(propagators);
        self
    }

    /// Sets which of the guests' logs are kept.
    pub fn log_levels(mut self, levels: LogLevels) -> Self {
        self.layer.log_levels = Some(levels);
        self
    }

    /// Changes limits on what guests can grow; made after the environment's changes, in the order of the calls.
    pub fn limits(mut self, edit: impl FnOnce(&mut Limits) + 'static) -> Self {
        self.limits.push(Box::new(edit));
        self
    }

    /// Sets the resource attribute `service.name`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.layer.service_name = Some(name.into());
        self
    }

    /// Sets `service.name` for when nothing else does, such as to the component's name. Default
    /// `unknown_service:wasmscope`.
    pub fn default_service_name(mut self, name: impl Into<String>) -> Self {
        self.default_service_name = Some(name.into());
        self
    }

    /// Adds a resource attribute, over those of the environment.
    pub fn resource_attribute(
        mut self,
        key: impl Into<opentelemetry::Key>,
        value: impl Into<Value>,
    ) -> Self {
        self.layer.attributes.push(KeyValue::new(key, value));
        self
    }

    /// Names the WebAssembly runtime: `process.runtime.name` and `process.runtime.version` of the resource.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets a function that is called with each warning: once for every [`Config::warnings`], when
    /// a pipeline is built, and once when one of its exports fails for the first time. The latter
    /// is called on a thread of the pipeline's and never on a guest's; it must not block. Default:
    /// none.
    pub fn on_warning(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_warning = Some(WarningHook(Arc::new(hook)));
        self
    }

    /// Sets the names of a program's command-line flags for these settings, by the name of the
    /// method: `("endpoint", "--otlp-endpoint")`. Errors and warnings then name the flag.
    pub fn flags(mut self, flags: &'static [(&'static str, &'static str)]) -> Self {
        self.flags = Flags(flags);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting of this builder cannot be used: it is out of its range, or
    /// does not go with the rest. In strict mode, also if a variable's value cannot be used.
    pub fn build(self) -> Result<Config, ConfigError> {
        if self.strict {
            for warning in &self.environment.warnings {
                if let ConfigWarning::Unusable(error) = warning {
                    return Err(error.clone());
                }
            }
        }
        resolve::resolve(self)
    }
}
