//! The optional settings of one source: the builder or the environment.

use opentelemetry::KeyValue;
use wasmscope_telemetry::Signal;

use super::endpoint::Scope;
use super::settings::{BatchOptions, GeneralOptions, OtlpOptions, Setting};
use super::tls::Proxies;
use super::values::Exporter;

/// One value for each signal.
#[derive(Debug, Clone, Default)]
pub(crate) struct PerSignal<T>([T; 3]);

impl<T> PerSignal<T> {
    pub(crate) fn new(mut make: impl FnMut(Signal) -> T) -> Self {
        Self(Signal::ALL.map(&mut make))
    }

    pub(crate) fn try_new<E>(mut make: impl FnMut(Signal) -> Result<T, E>) -> Result<Self, E> {
        let [traces, metrics, logs] = Signal::ALL;
        Ok(Self([make(traces)?, make(metrics)?, make(logs)?]))
    }

    pub(crate) fn get(&self, signal: Signal) -> &T {
        let Self([traces, metrics, logs]) = self;
        match signal {
            Signal::Traces => traces,
            Signal::Metrics => metrics,
            Signal::Logs => logs,
        }
    }

    pub(crate) fn get_mut(&mut self, signal: Signal) -> &mut T {
        let Self([traces, metrics, logs]) = self;
        match signal {
            Signal::Traces => traces,
            Signal::Metrics => metrics,
            Signal::Logs => logs,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }
}

/// All settings of one source.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) general: GeneralOptions,
    pub(super) service_name: Option<String>,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) spans: BatchOptions,
    pub(super) logs: BatchOptions,
    pub(super) exporters: PerSignal<Option<Exporter>>,
    pub(super) otlp: OtlpOptions,
    pub(super) signals: PerSignal<OtlpOptions>,
    pub(super) proxies: Option<Proxies>,
}

impl Layer {
    /// Returns the signal's own setting, or else that for all signals, and which of the two it is.
    pub(super) fn otlp<T>(&self, signal: Signal, setting: &Setting<T>) -> Option<(&T, Scope)> {
        let own = (setting.get)(self.signals.get(signal)).map(|value| (value, Scope::One));
        own.or_else(|| (setting.get)(&self.otlp).map(|value| (value, Scope::All)))
    }

    /// Returns whether an endpoint is set for any signal.
    pub(super) fn has_endpoint(&self) -> bool {
        self.otlp.endpoint.is_some() || self.signals.iter().any(|signal| signal.endpoint.is_some())
    }
}
