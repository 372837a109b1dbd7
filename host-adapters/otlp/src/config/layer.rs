//! The settings of one source, each of which may be missing: the builder's calls, or the environment.

use std::time::Duration;

use opentelemetry::KeyValue;
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::log_level::LogLevels;

use super::endpoint::{Endpoint, Headers, Scope};
use super::tls::{Certificates, PrivateKey, Proxies};
use super::values::{
    Compression, Exporter, HistogramAggregation, Propagators, Protocol, RequestSize, Sampler,
    TemporalityPreference,
};

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

/// The settings of an OTLP exporter; what is `None` is left to the next source.
#[derive(Debug, Clone, Default)]
pub struct OtlpOptions {
    /// Where to send. For all signals, HTTP puts `v1/traces` and the like after it; for one signal it is taken as it
    /// stands. Default `http://localhost:4318`, for gRPC `http://localhost:4317`.
    pub endpoint: Option<Endpoint>,
    /// Headers of every request; they are put over those of the environment, name by name.
    pub headers: Option<Headers>,
    /// How long one export may take, with its retries. Default 10 s.
    pub timeout: Option<Duration>,
    /// Default none.
    pub compression: Option<Compression>,
    /// The most bytes of a request, before compression. Larger batches are sent as several
    /// requests. Default 4,000,000.
    pub max_request_size: Option<RequestSize>,
    /// Default `http/protobuf`.
    pub protocol: Option<Protocol>,
    /// The authorities to trust in place of the system's.
    pub certificate: Option<Certificates>,
    /// The host's own certificate, with its chain; needs `client_key`.
    pub client_certificate: Option<Certificates>,
    /// The key of `client_certificate`.
    pub client_key: Option<PrivateKey>,
    /// For gRPC and an endpoint without scheme: whether to do without TLS. Default false.
    pub insecure: Option<bool>,
}

/// How a signal's items are gathered before they are exported; what is `None` is left to the next source.
#[derive(Debug, Clone, Copy, Default)]
pub struct BatchOptions {
    /// How many items wait at most, from 1 to 1,000,000; what comes on top is dropped. Default 2,048.
    pub queue_size: Option<usize>,
    /// How many are sent at once, from 1 to `queue_size`. Default 512.
    pub batch_size: Option<usize>,
    /// How long they wait at most. Default 5 s for spans, 1 s for logs.
    pub delay: Option<Duration>,
    /// How long the export of a batch may take. Default 30 s; the exporter's timeout usually ends it before.
    pub export_timeout: Option<Duration>,
}

/// All settings of one source.
#[derive(Debug, Clone, Default)]
pub(super) struct Layer {
    pub(super) disabled: Option<bool>,
    pub(super) service_name: Option<String>,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) sampler: Option<Sampler>,
    pub(super) propagators: Option<Propagators>,
    pub(super) log_levels: Option<LogLevels>,
    pub(super) spans: BatchOptions,
    pub(super) logs: BatchOptions,
    pub(super) metric_interval: Option<Duration>,
    pub(super) metric_timeout: Option<Duration>,
    pub(super) temporality: Option<TemporalityPreference>,
    pub(super) histograms: Option<HistogramAggregation>,
    pub(super) exporters: PerSignal<Option<Exporter>>,
    pub(super) otlp: OtlpOptions,
    pub(super) signals: PerSignal<OtlpOptions>,
    pub(super) proxies: Option<Proxies>,
}

impl Layer {
    /// Returns the signal's own setting, or else that of all signals, and which of the two it is.
    pub(super) fn otlp<T>(
        &self,
        signal: Signal,
        setting: impl Fn(&OtlpOptions) -> Option<T>,
    ) -> Option<(T, Scope)> {
        let own = setting(self.signals.get(signal)).map(|value| (value, Scope::One));
        own.or_else(|| setting(&self.otlp).map(|value| (value, Scope::All)))
    }

    /// Returns whether it names any endpoint.
    pub(super) fn has_endpoint(&self) -> bool {
        self.otlp.endpoint.is_some() || self.signals.iter().any(|signal| signal.endpoint.is_some())
    }
}
