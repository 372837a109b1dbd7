//! The state that all instances of one tenant share: providers, caches, limits and counts of
//! dropped telemetry.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::trace::{SpanContext, SpanKind, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::{SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanLimits};

use crate::attributes::Rules;
use crate::dropped::{Dropped, Signal};
use crate::emitted::{MetricInfo, metric};
use crate::guest_warnings::GuestWarnings;
use crate::http::{HttpMetrics, KnownMethods};
use crate::instance::Instance;
use crate::interner::Interner;
use crate::limits::Limits;
use crate::log_level::{CurrentLogLevels, LogLevels};
use crate::loggers::Loggers;
use crate::metrics::HistogramAggregation;
use crate::metrics::{self, ReaderConfig, ScopeKey, Warnings};
use crate::model::Notice;
use crate::runtime_metrics::RuntimeMetrics;
use crate::sampler::{EarlySampler, PendingDecision};
use crate::state_metrics::{self, OpenSpans};

/// The name of the scope of the host's own telemetry.
const HOST_SCOPE: &str = "wasmscope";

/// Makes the scope of the host's own telemetry.
pub(crate) fn host_scope() -> InstrumentationScope {
    InstrumentationScope::builder(HOST_SCOPE)
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}

/// The OpenTelemetry SDK's providers that receive the telemetry. Each is optional.
///
/// The embedder owns them: this crate reads no environment variables for them, makes none of them
/// global, and shuts none down.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    /// For spans. Without it, no span is recorded, and contexts are passed through.
    pub tracer: Option<SdkTracerProvider>,
    /// For metrics. Without it, measurements are ignored.
    pub meter: Option<SdkMeterProvider>,
    /// For logs. Without it, all logs are disabled.
    pub logger: Option<SdkLoggerProvider>,
}

/// The WebAssembly runtime of an adapter, for `process.runtime.name` and `process.runtime.version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name, such as `wasmtime`.
    pub name: &'static str,
    /// Its version, such as `48.0.8`.
    pub version: &'static str,
}

/// The telemetry of one tenant. Clones share it.
///
/// Make one for each set of providers. It makes an [`Instance`] for each component instance.
#[derive(Clone)]
pub struct Telemetry(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) tracer_provider: Option<SdkTracerProvider>,
    pub(crate) logger_provider: Option<SdkLoggerProvider>,
    pub(crate) limits: Limits,
    pub(crate) dropped: Dropped,
    pub(crate) log_levels: CurrentLogLevels,
    pub(crate) metrics: metrics::Registry,
    pub(crate) loggers: Loggers,
    pub(crate) interner: Arc<Interner>,
    /// `None` without a meter provider that exports it.
    pub(crate) open_spans: Option<Arc<OpenSpans>>,
    pub(crate) runtime_metrics: RuntimeMetrics,
    /// `None` without a meter provider.
    pub(crate) http_metrics: Option<HttpMetrics>,
    pub(crate) http_methods: KnownMethods,
    pub(crate) runtime: Option<Runtime>,
    /// Makes the host's own spans.
    pub(crate) host_tracer: Option<SdkTracer>,
    /// The largest number of attributes of a host span. The limits on guests' spans do not apply
    /// to it, but those of the SDK do.
    pub(crate) host_attributes: usize,
    /// True if the SDK's span limits equal ours. Then the SDK counts dropped items of a span.
    pub(crate) sdk_counts: bool,
    /// The same for host spans, which may have a provider with other limits.
    pub(crate) host_sdk_counts: bool,
    /// The tracer provider's sampler, if it can decide before a span is made.
    pub(crate) sampler: Option<EarlySampler>,
    tracers: Mutex<HashMap<ScopeKey, SdkTracer>>,
    pub(crate) guest_warnings: GuestWarnings,
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("limits", &self.0.limits)
            .field("dropped", &self.0.dropped)
            .field("runtime", &self.0.runtime)
            .finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Returns a builder with the given providers.
    pub fn builder(providers: Providers) -> TelemetryBuilder {
        TelemetryBuilder {
            providers,
            limits: Limits::default(),
            sdk_counts: false,
            host_provider: None,
            sampler: None,
            readers: ReaderConfig {
                temporality: Temporality::Cumulative,
                histograms: HistogramAggregation::ExplicitBuckets,
                no_merging_views: false,
            },
            log_levels: LogLevels::default(),
            dropped: Dropped::default(),
            runtime: None,
            warnings: Warnings::default(),
            http_methods: KnownMethods::default(),
        }
    }

    /// Makes the telemetry of a new component instance.
    ///
    /// `component` is the component's name. It becomes the attribute `wasmscope.component.name` of
    /// its host spans and scopes.
    #[must_use]
    pub fn instance(&self, component: impl Into<Arc<str>>) -> Instance {
        if let Some(open_spans) = &self.0.open_spans {
            open_spans.note_instance();
        }
        Instance::new(self.clone(), component.into())
    }

    /// Returns the warnings of guest SDKs about uses that lose telemetry: the first few, without
    /// duplicates.
    ///
    /// The texts come from guests, so do not trust them.
    #[must_use]
    pub fn guest_warnings(&self) -> Vec<String> {
        self.0.guest_warnings.all()
    }

    /// Returns the counts of dropped telemetry.
    #[must_use]
    pub fn dropped(&self) -> &Dropped {
        &self.0.dropped
    }

    /// Returns the limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Returns the WebAssembly runtime, if the builder has set it.
    #[must_use]
    pub fn runtime(&self) -> Option<&Runtime> {
        self.0.runtime.as_ref()
    }

    /// Replaces the log levels. Guests get the new levels with their next call.
    pub fn set_log_levels(&self, levels: LogLevels) {
        self.0.log_levels.set(levels);
    }

    /// Removes and returns warnings about instruments, such as two different instruments with the
    /// same name. A pipeline of `wasmscope-otlp` passes them to its own hook.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        self.0.metrics.warnings().take()
    }

    /// Exports the state of a part of the host, such as the size of a queue, as a metric. `value`
    /// is called at each collection, for the meter provider's lifetime. The metric is not exported
    /// before the first instance is made.
    pub fn export_state(
        &self,
        metric: &MetricInfo,
        attributes: Vec<KeyValue>,
        value: impl Fn() -> usize + Send + Sync + 'static,
    ) {
        let Some((meter, open_spans)) = self.0.metrics.provider().zip(self.0.open_spans.clone())
        else {
            return;
        };
        state_metrics::export(meter, metric, attributes, move || {
            open_spans.has_instances().then(&value)
        });
    }

    /// Returns the metrics about the runtime. Adapters record them.
    #[must_use]
    pub fn runtime_metrics(&self) -> &RuntimeMetrics {
        &self.0.runtime_metrics
    }
}

impl Shared {
    /// Returns the rules for spans.
    pub(crate) fn span_rules(&self) -> Rules<'_> {
        Rules {
            limits: &self.limits,
            dropped: &self.dropped,
            signal: Signal::Traces,
            value_chars: self.limits.span_value_chars,
            pending: None,
        }
    }

    /// Returns the notice: the result of every call that has no other result.
    #[inline]
    pub(crate) fn notice(&self) -> Notice {
        let generation = u64::from(self.log_levels.generation());
        let collection = u64::from(self.metrics.next_collection());
        collection << 32 | generation
    }

    /// Returns whether the sampler's decision can depend on attributes.
    pub(crate) fn sampler_sees_attributes(&self) -> bool {
        self.sampler
            .as_ref()
            .is_some_and(EarlySampler::uses_attributes)
    }

    /// Asks the sampler, if there is one, about the next span, which has no links. Keep the
    /// returned guard until the span is made. The error is the context of an unrecorded span. Only
    /// the sampler sees `attributes`: they are not set on the span.
    pub(crate) fn decide(
        &self,
        name: &str,
        kind: &SpanKind,
        parent: &Context,
        attributes: &[KeyValue],
    ) -> Result<Option<PendingDecision>, SpanContext> {
        let sampler = self.sampler.as_ref();
        sampler
            .map(|sampler| sampler.decide(name, kind, parent, attributes))
            .transpose()
    }

    /// Returns the tracer of a scope. `None` without a provider.
    ///
    /// Tracers beyond the limit are not cached. The SDK's provider keeps no tracers, so such a
    /// tracer is freed with its instance.
    pub(crate) fn tracer(&self, scope: &ScopeKey) -> Option<SdkTracer> {
        let provider = self.tracer_provider.as_ref()?;
        let mut tracers = self.tracers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tracer) = tracers.get(scope) {
            return Some(tracer.clone());
        }
        let tracer = provider.tracer_with_scope(scope.0.clone());
        if tracers.len() < self.limits.scopes_per_provider {
            tracers.insert(scope.clone(), tracer.clone());
        }
        Some(tracer)
    }

    #[cfg(test)]
    pub(crate) fn cached_tracers(&self) -> usize {
        self.tracers.lock().unwrap().len()
    }
}

/// Builds a [`Telemetry`].
#[derive(Debug)]
#[must_use = "it does nothing until `build`"]
pub struct TelemetryBuilder {
    providers: Providers,
    limits: Limits,
    sdk_counts: bool,
    host_provider: Option<SdkTracerProvider>,
    sampler: Option<EarlySampler>,
    readers: ReaderConfig,
    log_levels: LogLevels,
    dropped: Dropped,
    runtime: Option<Runtime>,
    warnings: Warnings,
    http_methods: KnownMethods,
}

impl TelemetryBuilder {
    /// Sets the methods of HTTP that spans and metrics name. Default: [`KnownMethods::default`].
    pub fn http_known_methods(mut self, methods: KnownMethods) -> Self {
        self.http_methods = methods;
        self
    }

    /// Sets the limits. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the span limits that the tracer provider was built with. They replace those in
    /// [`Limits`], so call this after [`TelemetryBuilder::limits`]. The counts of dropped items in
    /// a span, such as OTLP's `dropped_attributes_count`, are exact only with it.
    pub fn span_limits(mut self, sdk: SpanLimits) -> Self {
        self.limits.span_attributes = sdk.max_attributes_per_span as usize;
        self.limits.span_events = sdk.max_events_per_span as usize;
        self.limits.span_links = sdk.max_links_per_span as usize;
        self.limits.event_attributes = sdk.max_attributes_per_event as usize;
        self.limits.link_attributes = sdk.max_attributes_per_link as usize;
        self.sdk_counts = true;
        self
    }

    /// Sets another tracer provider for the host's own spans. Use it if the limits of the guests'
    /// provider are too low for the embedder's attributes. It can have the same processor. Default:
    /// the provider of guests' spans.
    pub fn host_tracer_provider(mut self, provider: SdkTracerProvider) -> Self {
        self.host_provider = Some(provider);
        self
    }

    /// Sets the sampler that the tracer provider was built with ([`EarlySampler::install`]), so
    /// that it decides before a span is made. If the provider has a different sampler, both must
    /// record a span. Default: the SDK calls the provider's sampler, without attributes.
    pub fn sampler(mut self, sampler: EarlySampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Sets the temporality that the meter provider's exporter prefers. With delta temporality,
    /// attribute sets that are no longer measured are removed. Default: cumulative, which keeps
    /// them.
    pub fn metrics_temporality(mut self, temporality: Temporality) -> Self {
        self.readers.temporality = temporality;
        self
    }

    /// Sets the aggregation of histograms in the meter provider's views, to compute their memory
    /// ([`Limits::metric_bytes`]). Exponential histograms take more. Default: explicit buckets.
    pub fn histogram_aggregation(mut self, histograms: HistogramAggregation) -> Self {
        self.readers.histograms = histograms;
        self
    }

    /// Declares that no view of the meter provider merges series.
    /// [`metrics_view`](crate::metrics_view) merges none. Default: there may be such views, so the
    /// range of a `u64` histogram's sum is shared by all its series.
    pub fn no_merging_views(mut self) -> Self {
        self.readers.no_merging_views = true;
        self
    }

    /// Sets the log levels. Default: [`LogLevels::default`].
    pub fn log_levels(mut self, levels: LogLevels) -> Self {
        self.log_levels = levels;
        self
    }

    /// Sets the counters of dropped telemetry, to share them with other parts that drop, such as
    /// processors. Default: new counters.
    pub fn dropped(mut self, dropped: Dropped) -> Self {
        self.dropped = dropped;
        self
    }

    /// Sets where warnings about instruments are stored, to share them with the part of the host
    /// that reports them. Default: only [`Telemetry::take_warnings`] returns them.
    pub fn warnings(mut self, warnings: Warnings) -> Self {
        self.warnings = warnings;
        self
    }

    /// Sets the WebAssembly runtime for the attributes of the host's spans.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Builds the telemetry.
    ///
    /// The meter provider exports the counts as `wasmscope.dropped` for its lifetime. So build only
    /// one `Telemetry` for each provider.
    #[must_use]
    pub fn build(self) -> Telemetry {
        let Providers {
            tracer,
            meter,
            logger,
        } = self.providers;
        let registry =
            metrics::Registry::new(meter.as_ref(), self.readers, &self.limits, self.warnings);
        let loggers = Loggers::new(logger.as_ref(), &self.limits);
        let interner = Arc::new(Interner::new(&self.limits));
        let mut open_spans = None;
        if let Some(meter) = &meter {
            self.dropped.export_to(meter);
            registry.export_state_metrics(meter);
            let texts = Arc::clone(&interner);
            state_metrics::export(
                meter,
                &metric::INTERNED,
                Vec::new(),
                state_metrics::after_first_use(move || texts.len()),
            );
            let open = Arc::clone(open_spans.insert(Arc::<OpenSpans>::default()));
            state_metrics::export(
                meter,
                &metric::OPEN_SPANS,
                Vec::new(),
                state_metrics::after_first_use(move || open.sum()),
            );
        }
        let has_own_limits = self.host_provider.is_some() || !self.sdk_counts;
        let host_provider = self.host_provider.as_ref().or(tracer.as_ref());
        Telemetry(Arc::new(Shared {
            host_attributes: if has_own_limits {
                usize::MAX
            } else {
                self.limits.span_attributes
            },
            host_tracer: host_provider.map(|provider| provider.tracer_with_scope(host_scope())),
            metrics: registry,
            loggers,
            interner,
            open_spans,
            runtime_metrics: RuntimeMetrics::new(meter.as_ref()),
            http_metrics: meter.as_ref().map(HttpMetrics::new),
            http_methods: self.http_methods,
            tracer_provider: tracer,
            logger_provider: logger,
            limits: self.limits,
            dropped: self.dropped,
            log_levels: CurrentLogLevels::new(self.log_levels),
            runtime: self.runtime,
            sdk_counts: self.sdk_counts,
            host_sdk_counts: !has_own_limits,
            sampler: self.sampler,
            tracers: Mutex::default(),
            guest_warnings: GuestWarnings::default(),
        }))
    }
}
