//! Providers that count telemetry and drop it, either at once or in batches like an exporter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use opentelemetry::logs::Severity;
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{
    BatchConfigBuilder as LogBatch, BatchLogProcessor, LogProcessor, SdkLogRecord,
    SdkLoggerProvider,
};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData, ResourceMetrics};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder as SpanBatch, BatchSpanProcessor, Sampler, SdkTracerProvider, Span,
    SpanData, SpanExporter, SpanProcessor, TracerProviderBuilder,
};
use wasmscope_telemetry::sampler::EarlySampler;
use wasmscope_telemetry::{Providers, Telemetry};

/// How the providers of a subject process telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Count and drop at once.
    Counting,
    /// Batch, then count and drop on a thread.
    Batch,
    /// Sample no span.
    Unsampled,
    /// There are no providers.
    Disabled,
}

/// Larger than the number of items of a slice of a round, so that no queue overflows before it is
/// flushed.
const QUEUE: usize = 1 << 18;

/// The number of received items.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sink(Arc<Arrived>);

#[derive(Debug, Default)]
struct Arrived {
    spans: AtomicU64,
    logs: AtomicU64,
    /// Measurements, as of the last collection.
    measurements: AtomicU64,
}

/// Returns `times` times each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) spans: u64,
    pub(crate) logs: u64,
    pub(crate) measurements: u64,
}

impl Sink {
    /// Makes providers that end in this sink, as a user of the native SDK would.
    pub(crate) fn providers(&self, kind: Kind) -> Providers {
        let tracer = SdkTracerProvider::builder();
        self.with_tracer(kind, tracer.with_sampler(sampler(kind)))
    }

    /// Makes providers that end in this sink, and a host's telemetry with them, like a pipeline.
    pub(crate) fn telemetry(&self, kind: Kind) -> (Providers, Telemetry) {
        let sampler = EarlySampler::new(sampler(kind));
        let tracer = sampler.install(SdkTracerProvider::builder());
        let providers = self.with_tracer(kind, tracer);
        let telemetry = Telemetry::builder(providers.clone()).sampler(sampler);
        (providers, telemetry.build())
    }

    fn with_tracer(&self, kind: Kind, tracer: TracerProviderBuilder) -> Providers {
        if kind == Kind::Disabled {
            return Providers::default();
        }
        let tracer = match kind {
            Kind::Batch => tracer.with_span_processor(
                BatchSpanProcessor::builder(self.clone())
                    .with_batch_config(SpanBatch::default().with_max_queue_size(QUEUE).build())
                    .build(),
            ),
            Kind::Counting | Kind::Unsampled | Kind::Disabled => {
                tracer.with_span_processor(self.clone())
            }
        };
        let logger = SdkLoggerProvider::builder();
        let logger = match kind {
            Kind::Batch => logger.with_log_processor(
                BatchLogProcessor::builder(self.clone())
                    .with_batch_config(LogBatch::default().with_max_queue_size(QUEUE).build())
                    .build(),
            ),
            Kind::Counting | Kind::Unsampled | Kind::Disabled => {
                logger.with_log_processor(self.clone())
            }
        };
        let reader = PeriodicReader::builder(self.clone())
            // Collected on request.
            .with_interval(Duration::from_secs(3600))
            .build();
        Providers {
            tracer: Some(tracer.build()),
            meter: Some(SdkMeterProvider::builder().with_reader(reader).build()),
            logger: Some(logger.build()),
        }
    }

    /// Waits until everything has arrived, and returns the counts.
    ///
    /// # Errors
    ///
    /// If a provider cannot be flushed.
    pub(crate) fn settled(&self, providers: &Providers) -> Result<Counts> {
        if let Some(tracer) = &providers.tracer {
            tracer.force_flush().context("spans")?;
        }
        if let Some(logger) = &providers.logger {
            logger.force_flush().context("logs")?;
        }
        if let Some(meter) = &providers.meter {
            meter.force_flush().context("metrics")?;
        }
        Ok(Counts {
            spans: self.0.spans.load(Ordering::Relaxed),
            logs: self.0.logs.load(Ordering::Relaxed),
            measurements: self.0.measurements.load(Ordering::Relaxed),
        })
    }
}

fn sampler(kind: Kind) -> Sampler {
    match kind {
        Kind::Unsampled => Sampler::AlwaysOff,
        Kind::Counting | Kind::Batch | Kind::Disabled => Sampler::AlwaysOn,
    }
}

impl Counts {
    /// Checks that exactly the expected items have arrived.
    ///
    /// # Errors
    ///
    /// If items are missing, or if there are too many.
    pub(crate) fn check(self, expected: Self, who: &str) -> Result<()> {
        ensure!(
            self == expected,
            "{who}: {self:?} arrived, and {expected:?} was expected"
        );
        Ok(())
    }
}

impl SpanProcessor for Sink {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {
        self.0.spans.fetch_add(1, Ordering::Relaxed);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl SpanExporter for Sink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0
            .spans
            .fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl LogProcessor for Sink {
    fn emit(&self, _: &mut SdkLogRecord, _: &InstrumentationScope) {
        self.0.logs.fetch_add(1, Ordering::Relaxed);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn event_enabled(&self, level: Severity, _: &str, _: Option<&str>) -> bool {
        // The default level, which guests are told.
        level >= Severity::Info
    }
}

impl opentelemetry_sdk::logs::LogExporter for Sink {
    async fn export(&self, batch: opentelemetry_sdk::logs::LogBatch<'_>) -> OTelSdkResult {
        self.0
            .logs
            .fetch_add(batch.iter().count() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl PushMetricExporter for Sink {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let all = metrics.scope_metrics().flat_map(|scope| scope.metrics());
        let ours = all.filter(|metric| metric.name().starts_with("bench."));
        let measurements = ours.map(|metric| {
            let data = metric.data();
            if let AggregatedMetrics::U64(MetricData::Sum(sum)) = data {
                sum.data_points().map(|point| point.value()).sum()
            } else if let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = data {
                histogram.data_points().map(|point| point.count()).sum()
            } else {
                0
            }
        });
        self.0
            .measurements
            .store(measurements.sum(), Ordering::Relaxed);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
