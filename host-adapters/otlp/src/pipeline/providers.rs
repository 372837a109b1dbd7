//! Builds the SDK's providers with explicit settings for everything that they would otherwise read
//! from the environment.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::logs::{
    BatchConfigBuilder as LogBatches, BatchLogProcessor, SdkLoggerProvider,
};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder as SpanBatches, BatchSpanProcessor, SdkTracerProvider, SimpleSpanProcessor,
    SpanLimits, SpanProcessor,
};
use wasmscope_telemetry::Providers;
use wasmscope_telemetry::Signal;
use wasmscope_telemetry::limits::Limits;
use wasmscope_telemetry::sampler::EarlySampler;

use crate::config::{Batch, Config, ConfigError, PerSignal, Target};
use crate::memory::MemoryExporter;

use super::collector::Collector;
use super::export_stats::ExportStats;
use super::io::Io;
use super::otlp::Connection;
use super::processor::{BoundedProcessor, Shared};
use super::tracked_exporter::TrackedExporter;

pub(super) fn build(
    config: &Config,
    io: Option<&Arc<Io>>,
    stats: &PerSignal<Arc<ExportStats>>,
    sampler: &EarlySampler,
) -> Result<(Providers, Option<SdkTracerProvider>), ConfigError> {
    let collectors = Collector::of_signals(config);
    let destination = |signal, limit| {
        destination(
            config,
            signal,
            limit,
            io,
            stats.get(signal),
            collectors.get(signal),
        )
    };
    let tracers = tracers(
        config,
        sampler,
        stats.get(Signal::Traces),
        destination(Signal::Traces, config.spans.export_timeout),
    )?;
    let (tracer, host) = tracers.map_or((None, None), |[guests, host]| (Some(guests), Some(host)));
    let providers = Providers {
        tracer,
        meter: meter(
            config,
            stats.get(Signal::Metrics),
            destination(Signal::Metrics, config.metric_timeout),
        )?,
        logger: logger(
            config,
            stats.get(Signal::Logs),
            destination(Signal::Logs, config.logs.export_timeout),
        )?,
    };
    Ok((providers, host))
}

/// The destination of a signal, with the data for a connection.
enum Destination<'a> {
    Otlp(Connection<'a>),
    Console(MemoryExporter),
}

/// Returns the destination of a signal, or `None` if it is not exported.
fn destination<'a>(
    config: &'a Config,
    signal: Signal,
    limit: Duration,
    io: Option<&'a Arc<Io>>,
    stats: &'a Arc<ExportStats>,
    collector: &'a Arc<Collector>,
) -> Option<Destination<'a>> {
    match config.targets.get(signal) {
        Target::Otlp(otlp) => Some(Destination::Otlp(Connection {
            signal,
            otlp,
            io: io?,
            stats,
            collector,
            limit: limit.min(otlp.timeout),
        })),
        Target::Console => {
            let console = config.console.clone()?;
            console.receives(signal);
            Some(Destination::Console(console))
        }
        Target::None => None,
    }
}

/// Makes the tracer provider for guests' spans and, on the same processor, one without limits for
/// the host's own spans.
fn tracers(
    config: &Config,
    sampler: &EarlySampler,
    stats: &Arc<ExportStats>,
    destination: Option<Destination<'_>>,
) -> Result<Option<[SdkTracerProvider; 2]>, ConfigError> {
    let Some(destination) = destination else {
        return Ok(None);
    };
    let providers = match destination {
        // The console exporter only copies into memory, so a thread in between would cost more than
        // it saves.
        Destination::Console(console) => {
            let exporter = TrackedExporter::new(console, Arc::clone(stats));
            share(config, sampler, SimpleSpanProcessor::new(exporter))
        }
        Destination::Otlp(connection) => {
            let Batch {
                queue_size,
                batch_size,
                delay,
                ..
            } = config.spans;
            let batches = SpanBatches::default()
                .with_max_queue_size(queue_size)
                .with_max_export_batch_size(batch_size)
                .with_scheduled_delay(delay)
                .build();
            let processor = BatchSpanProcessor::builder(connection.spans()?)
                .with_batch_config(batches)
                .build();
            let processor = BoundedProcessor::new(processor, Arc::clone(stats), queue_size);
            share(config, sampler, processor)
        }
    };
    Ok(Some(providers))
}

fn share<P: SpanProcessor + 'static>(
    config: &Config,
    sampler: &EarlySampler,
    mut processor: P,
) -> [SdkTracerProvider; 2] {
    processor.set_resource(&config.resource);
    let [guests, host] = Shared::pair(processor);
    let build = |processor, limits| {
        sampler
            .install(SdkTracerProvider::builder())
            .with_span_limits(limits)
            .with_resource(config.resource.clone())
            .with_span_processor(processor)
            .build()
    };
    let unlimited = SpanLimits {
        max_events_per_span: u32::MAX,
        max_attributes_per_span: u32::MAX,
        max_links_per_span: u32::MAX,
        max_attributes_per_event: u32::MAX,
        max_attributes_per_link: u32::MAX,
    };
    [
        build(guests, span_limits(&config.limits)),
        build(host, unlimited),
    ]
}

fn logger(
    config: &Config,
    stats: &Arc<ExportStats>,
    destination: Option<Destination<'_>>,
) -> Result<Option<SdkLoggerProvider>, ConfigError> {
    let Some(destination) = destination else {
        return Ok(None);
    };
    let builder = SdkLoggerProvider::builder().with_resource(config.resource.clone());
    let builder = match destination {
        Destination::Console(console) => {
            builder.with_simple_exporter(TrackedExporter::new(console, Arc::clone(stats)))
        }
        Destination::Otlp(connection) => {
            let Batch {
                queue_size,
                batch_size,
                delay,
                ..
            } = config.logs;
            let batches = LogBatches::default()
                .with_max_queue_size(queue_size)
                .with_max_export_batch_size(batch_size)
                .with_scheduled_delay(delay)
                .build();
            let processor = BatchLogProcessor::builder(connection.logs()?)
                .with_batch_config(batches)
                .build();
            builder.with_log_processor(BoundedProcessor::new(
                processor,
                Arc::clone(stats),
                queue_size,
            ))
        }
    };
    Ok(Some(builder.build()))
}

fn meter(
    config: &Config,
    stats: &Arc<ExportStats>,
    destination: Option<Destination<'_>>,
) -> Result<Option<SdkMeterProvider>, ConfigError> {
    let Some(destination) = destination else {
        return Ok(None);
    };
    let builder = SdkMeterProvider::builder()
        .with_resource(config.resource.clone())
        .with_view(wasmscope_telemetry::metrics_view(
            &config.limits,
            config.histograms.into(),
        ));
    let interval = config.metric_interval;
    let builder = match destination {
        Destination::Console(console) => {
            let exporter = TrackedExporter::new(console, Arc::clone(stats));
            builder.with_reader(
                PeriodicReader::builder(exporter)
                    .with_interval(interval)
                    .build(),
            )
        }
        Destination::Otlp(connection) => {
            let exporter = connection.metrics(temporality(config))?;
            builder.with_reader(
                PeriodicReader::builder(exporter)
                    .with_interval(interval)
                    .build(),
            )
        }
    };
    Ok(Some(builder.build()))
}

/// Returns the temporality of exported metrics. The console always shows totals, independently of
/// the setting for OTLP.
pub(super) fn temporality(config: &Config) -> Temporality {
    match config.targets.get(Signal::Metrics) {
        Target::Otlp(_) => config.temporality.into(),
        Target::Console | Target::None => Temporality::Cumulative,
    }
}

/// Returns the SDK's span limits. The SDK counts the excess in the span itself.
pub(super) fn span_limits(limits: &Limits) -> SpanLimits {
    let count = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
    SpanLimits {
        max_events_per_span: count(limits.span_events),
        max_attributes_per_span: count(limits.span_attributes),
        max_links_per_span: count(limits.span_links),
        max_attributes_per_event: count(limits.event_attributes),
        max_attributes_per_link: count(limits.link_attributes),
    }
}
