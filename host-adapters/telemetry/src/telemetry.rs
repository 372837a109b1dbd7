//! What all instances of one tenant share: providers, caches, limits and the account of what was
//! dropped.

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
use crate::held::{self, OpenSpans};
use crate::instance::Instance;
use crate::interner::Interner;
use crate::limits::Limits;
use crate::log_level::{CurrentLogLevels, LogLevels};
use crate::loggers::Loggers;
use crate::metrics::HistogramAggregation;
use crate::metrics::{self, Readers, ScopeKey, Warnings};
use crate::model::Notice;
use crate::runtime_metrics::RuntimeMetrics;
use crate::sampler::{Decided, EarlySampler};

/// The scope of what the host itself says.
const HOST_SCOPE: &str = "wasmscope";

/// Makes the scope of what the host itself says.
pub(crate) fn host_scope() -> InstrumentationScope {
    InstrumentationScope::builder(HOST_SCOPE)
        .with_version(env!("CARGO_PKG_VERSION"))
        .build()
}

/// The OpenTelemetry SDK's providers that telemetry goes to. Each is optional.
///
/// They stay their owner's: this crate reads no environment for them, makes none of them global,
/// and shuts none down.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    /// For spans. Without one nothing is recorded, and contexts are passed through.
    pub tracer: Option<SdkTracerProvider>,
    /// For metrics. Without one measurements go nowhere.
    pub meter: Option<SdkMeterProvider>,
    /// For logs. Without one every log is disabled.
    pub logger: Option<SdkLoggerProvider>,
}

/// The WebAssembly runtime that an adapter belongs to, as `process.runtime.name` and
/// `process.runtime.version` say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// Its name, such as `wasmtime`.
    pub name: &'static str,
    /// Its version, such as `48.0.8`.
    pub version: &'static str,
}

/// The telemetry of one tenant; clones share it.
///
/// It is made once for each set of providers, and makes an [`Instance`] for each component
/// instance.
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
    /// Counted only where there is somewhere to export it.
    pub(crate) open_spans: Option<Arc<OpenSpans>>,
    pub(crate) runtime_metrics: RuntimeMetrics,
    pub(crate) runtime: Option<Runtime>,
    /// Makes the host's own spans.
    pub(crate) host_tracer: Option<SdkTracer>,
    /// How many attributes a host span can have: those of an invocation are exempt from the limits
    /// on guests' spans, as far as the SDK holds them.
    pub(crate) host_attributes: usize,
    /// Whether the SDK's span limits equal ours, so that it can be left to count what exceeds
    /// them.
    pub(crate) sdk_counts: bool,
    /// The tracer provider's sampler, if it can be asked before there is a span.
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
    /// Begins to build one on the given providers.
    pub fn builder(providers: Providers) -> TelemetryBuilder {
        TelemetryBuilder {
            providers,
            limits: Limits::default(),
            sdk_counts: false,
            host_provider: None,
            sampler: None,
            readers: Readers {
                temporality: Temporality::Cumulative,
                histograms: HistogramAggregation::ExplicitBuckets,
                series_stay_apart: false,
            },
            log_levels: LogLevels::default(),
            dropped: Dropped::default(),
            runtime: None,
            warnings: Warnings::default(),
        }
    }

    /// Makes the state of a new component instance.
    ///
    /// `component` names the component: it becomes the attribute `wasmscope.component.name` of its
    /// host spans and scopes.
    #[must_use]
    pub fn instance(&self, component: impl Into<Arc<str>>) -> Instance {
        if let Some(open_spans) = &self.0.open_spans {
            open_spans.note_instance();
        }
        Instance::new(self.clone(), component.into())
    }

    /// Returns warnings by the SDKs of guests about uses that lose telemetry: the first few, each
    /// once.
    ///
    /// The texts come from guests.
    #[must_use]
    pub fn guest_warnings(&self) -> Vec<String> {
        self.0.guest_warnings.all()
    }

    /// Returns the account of what was dropped.
    #[must_use]
    pub fn dropped(&self) -> &Dropped {
        &self.0.dropped
    }

    /// Returns the limits that hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Returns the runtime that it was built for.
    #[must_use]
    pub fn runtime(&self) -> Option<&Runtime> {
        self.0.runtime.as_ref()
    }

    /// Replaces the log levels; guests learn of it with their next call.
    pub fn set_log_levels(&self, levels: LogLevels) {
        self.0.log_levels.set(levels);
    }

    /// Returns warnings about what guests do, each once, such as two instruments of one name that
    /// differ. A pipeline of `wasmscope-otlp` passes them to its own hook.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<String> {
        self.0.metrics.warnings().take()
    }

    /// Exports the state of a part of the host's telemetry, such as a queue, as a metric of the
    /// host's own. `value` is called whenever metrics are collected, as long as the meter provider
    /// lives. Before the first instance is made, the metric is not exported.
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
        held::export(meter, metric, attributes, move || {
            open_spans.has_instances().then(&value)
        });
    }

    /// Returns the metrics about the runtime, for adapters to record.
    #[must_use]
    pub fn runtime_metrics(&self) -> &RuntimeMetrics {
        &self.0.runtime_metrics
    }
}

impl Shared {
    /// The rules for what belongs to spans.
    pub(crate) fn span_rules(&self) -> Rules<'_> {
        Rules {
            limits: &self.limits,
            dropped: &self.dropped,
            signal: Signal::Traces,
            value_chars: self.limits.span_value_chars,
            pending: None,
        }
    }

    /// Returns what every call that returns nothing else tells the guest.
    #[inline]
    pub(crate) fn notice(&self) -> Notice {
        let generation = u64::from(self.log_levels.generation());
        let collection = u64::from(self.metrics.next_collection());
        collection << 32 | generation
    }

    /// Returns whether attributes have a part in which spans are recorded.
    pub(crate) fn sampler_sees_attributes(&self) -> bool {
        self.sampler
            .as_ref()
            .is_some_and(EarlySampler::looks_at_attributes)
    }

    /// Asks the sampler about a span without links that is to be started next, if it can be asked:
    /// the context of one that is not recorded, or else what to hold until there is a span.
    /// `attributes` are shown to it, and not set.
    pub(crate) fn decide(
        &self,
        name: &str,
        kind: &SpanKind,
        parent: &Context,
        attributes: &[KeyValue],
    ) -> Result<Option<Decided>, SpanContext> {
        let sampler = self.sampler.as_ref();
        sampler
            .map(|sampler| sampler.decide(name, kind, parent, attributes))
            .transpose()
    }

    /// Returns the tracer of a scope, from the cache where there is room.
    ///
    /// The SDK's provider does not hold on to its tracers, so that one beyond the cache's limit
    /// lasts as long as the instance that it is made for.
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
    pub(crate) fn remembered_tracers(&self) -> usize {
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
    readers: Readers,
    log_levels: LogLevels,
    dropped: Dropped,
    runtime: Option<Runtime>,
    warnings: Warnings,
}

impl TelemetryBuilder {
    /// Sets the limits. Default: [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Tells the span limits that the tracer provider was built with: they replace those in
    /// [`Limits`], and the counts of what a span dropped (`dropped_attributes_count` and its
    /// like in OTLP) become exact.
    ///
    /// Call it after [`TelemetryBuilder::limits`].
    pub fn span_limits(mut self, sdk: SpanLimits) -> Self {
        self.limits.span_attributes = sdk.max_attributes_per_span as usize;
        self.limits.span_events = sdk.max_events_per_span as usize;
        self.limits.span_links = sdk.max_links_per_span as usize;
        self.limits.event_attributes = sdk.max_attributes_per_event as usize;
        self.limits.link_attributes = sdk.max_attributes_per_link as usize;
        self.sdk_counts = true;
        self
    }

    /// Sets the tracer provider of the host's own spans, where that of guests' spans has limits
    /// that are too low for an embedder's attributes: another one with the same processor, for
    /// instance. Default: the one of guests' spans.
    pub fn host_tracer_provider(mut self, provider: SdkTracerProvider) -> Self {
        self.host_provider = Some(provider);
        self
    }

    /// Tells the sampler that the tracer provider was built with ([`EarlySampler::install`]), so
    /// that it is asked before there is a span. A provider with another one asks that too, for
    /// the spans that this one lets pass. Default: the SDK asks, and shows its sampler no
    /// attributes.
    pub fn sampler(mut self, sampler: EarlySampler) -> Self {
        self.sampler = Some(sampler);
        self
    }

    /// Tells the temporality that the meter provider's exporter prefers: where it exports
    /// differences, attribute sets that are not measured any more make room for others.
    /// Default: cumulative, for which they never do.
    pub fn metrics_temporality(mut self, temporality: Temporality) -> Self {
        self.readers.temporality = temporality;
        self
    }

    /// Tells what the meter provider's views make of histograms: exponential ones take more memory
    /// ([`Limits::metric_bytes`]). Default: explicit buckets.
    pub fn histogram_aggregation(mut self, histograms: HistogramAggregation) -> Self {
        self.readers.histograms = histograms;
        self
    }

    /// Tells that the meter provider has no views but [`metrics_view`](crate::metrics_view), which
    /// never joins series. Default: it may have others, and some values are kept longer.
    pub fn series_stay_apart(mut self) -> Self {
        self.readers.series_stay_apart = true;
        self
    }

    /// Sets the log levels. Default: [`LogLevels::default`].
    pub fn log_levels(mut self, levels: LogLevels) -> Self {
        self.log_levels = levels;
        self
    }

    /// Shares an account with others that drop, such as counting processors. Default: a new one.
    pub fn dropped(mut self, dropped: Dropped) -> Self {
        self.dropped = dropped;
        self
    }

    /// Shares the warnings about instruments that do not fit together, for the host to show.
    /// Default: only [`Telemetry::take_warnings`] returns them.
    pub fn warnings(mut self, warnings: Warnings) -> Self {
        self.warnings = warnings;
        self
    }

    /// Names the WebAssembly runtime, for the host's spans.
    pub fn runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }

    /// Builds it.
    ///
    /// The meter provider then exports the account as `wasmscope.dropped`, for as long as it lives:
    /// build one `Telemetry` for each provider.
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
            registry.export_held(meter);
            let texts = Arc::clone(&interner);
            held::export(
                meter,
                &metric::INTERNED,
                Vec::new(),
                held::once_used(move || texts.len()),
            );
            let open = Arc::clone(open_spans.insert(Arc::<OpenSpans>::default()));
            held::export(
                meter,
                &metric::OPEN_SPANS,
                Vec::new(),
                held::once_used(move || open.sum()),
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
            tracer_provider: tracer,
            logger_provider: logger,
            limits: self.limits,
            dropped: self.dropped,
            log_levels: CurrentLogLevels::new(self.log_levels),
            runtime: self.runtime,
            sdk_counts: self.sdk_counts,
            sampler: self.sampler,
            tracers: Mutex::default(),
            guest_warnings: GuestWarnings::default(),
        }))
    }
}
