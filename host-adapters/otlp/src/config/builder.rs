//! The builder for [`Config`].

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use opentelemetry::{KeyValue, Value};
use wasmscope_telemetry::Runtime;
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::limits::Limits;

use crate::memory::MemoryExporter;

use super::environment::Environment;
use super::error::{ConfigError, ConfigWarning};
use super::layer::Layer;
use super::settings::{BatchOptions, OtlpOptions};
use super::values::Exporter;
use super::{Config, Flags, WarningHook, resolve};

/// Builds a [`Config`].
///
/// A setting of the builder takes precedence over the environment, in any order of the calls; use
/// it for command-line flags. A setting for one signal takes precedence over the same setting for
/// all signals.
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

/// An edit of the limits, applied after the environment's.
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

// Methods that set one setting of the table are in `settings.rs`.
impl ConfigBuilder {
    /// Reads the environment through `lookup`, which returns a variable's value by its name.
    /// [`super::VARIABLES`] lists the variables that are read.
    pub fn with_env(mut self, lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        self.environment = Environment::read(&lookup);
        self
    }

    /// Reads the environment of the process, and warns of names in it that look like misspelt ones.
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

    /// Uses the defaults of [`Config::small`].
    pub fn small(mut self) -> Self {
        self.small = true;
        self
    }

    /// Sets the exporter of a signal.
    pub fn exporter(mut self, signal: Signal, exporter: Exporter) -> Self {
        *self.layer.exporters.get_mut(signal) = Some(exporter);
        self
    }

    /// Sets the exporter of signals for which neither an exporter nor an endpoint is set. Default:
    /// [`Exporter::Otlp`], to the specification's default endpoint on this machine.
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

    /// Sets how one signal is sent. `None` falls back to the setting for all signals.
    pub fn otlp(mut self, signal: Signal, options: OtlpOptions) -> Self {
        *self.layer.signals.get_mut(signal) = options;
        self
    }

    /// Sets how spans are batched.
    pub fn span_batches(mut self, options: BatchOptions) -> Self {
        self.layer.spans = options;
        self
    }

    /// Sets how log records are batched.
    pub fn log_batches(mut self, options: BatchOptions) -> Self {
        self.layer.logs = options;
        self
    }

    /// Edits the limits on guests. Edits are applied after the environment's, in the order of the
    /// calls.
    pub fn limits(mut self, edit: impl FnOnce(&mut Limits) + 'static) -> Self {
        self.limits.push(Box::new(edit));
        self
    }

    /// Sets the resource attribute `service.name`.
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.layer.service_name = Some(name.into());
        self
    }

    /// Sets the default `service.name`, such as the component's name. Without it, the default is
    /// `unknown_service:wasmscope`.
    pub fn default_service_name(mut self, name: impl Into<String>) -> Self {
        self.default_service_name = Some(name.into());
        self
    }

    /// Adds a resource attribute. It replaces one of the environment with the same key.
    pub fn resource_attribute(
        mut self,
        key: impl Into<opentelemetry::Key>,
        value: impl Into<Value>,
    ) -> Self {
        self.layer.attributes.push(KeyValue::new(key, value));
        self
    }

    /// Sets the WebAssembly runtime: `process.runtime.name` and `process.runtime.version` of the
    /// resource.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Sets a function that is called with each warning: once for each of [`Config::warnings`] when
    /// a pipeline is built, and once when an export fails for the first time. The latter call is on
    /// a thread of the pipeline, never on a guest's. The function must not block. Default: none.
    pub fn on_warning(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_warning = Some(WarningHook(Arc::new(hook)));
        self
    }

    /// Sets the names of a program's command-line flags for these settings, keyed by the builder's
    /// method: `("endpoint", "--otlp-endpoint")`. Errors and warnings then name the flag.
    pub fn flags(mut self, flags: &'static [(&'static str, &'static str)]) -> Self {
        self.flags = Flags(flags);
        self
    }

    /// Builds the configuration.
    ///
    /// # Errors
    ///
    /// Returns an error if a setting of this builder is out of range or contradicts another. In
    /// strict mode, also if a variable has an invalid value.
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
