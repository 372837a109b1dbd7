//! Builds the SDK's providers, told everything that they would otherwise read in the environment.

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

use super::exporter::Accounted;
use super::io::Io;
use super::ledger::Ledger;
use super::otlp::Connection;
use super::peer::Peer;
use super::processor::{Admitting, Shared};

pub(super) fn build(
    config: &Config,
    io: Option<&Arc<Io>>,
    ledgers: &PerSignal<Arc<Ledger>>,
    sampler: &EarlySampler,
) -> Result<(Providers, Option<SdkTracerProvider>), ConfigError> {
    let peers = Peer::of_signals(config);
    let way = |signal, limit| {
        way(
            config,
            signal,
            limit,
            io,
            ledgers.get(signal),
            peers.get(signal),
        )
    };
    let tracers = tracers(
        config,
        sampler,
        ledgers.get(Signal::Traces),
        way(Signal::Traces, config.spans.export_timeout),
    )?;
    let (tracer, host) = tracers.map_or((None, None), |[guests, host]| (Some(guests), Some(host)));
    let providers = Providers {
        tracer,
        meter: meter(
            config,
            ledgers.get(Signal::Metrics),
            way(Signal::Metrics, config.metric_timeout),
        )?,
        logger: logger(
            config,
            ledgers.get(Signal::Logs),
            way(Signal::Logs, config.logs.export_timeout),
        )?,
    };
    Ok((providers, host))
}

/// Where a signal goes, with what is needed to get there.
enum Way<'a> {
    Otlp(Connection<'a>),
    Console(MemoryExporter),
}

/// Gives the way of a signal; `None` where it goes nowhere.
fn way<'a>(
    config: &'a Config,
    signal: Signal,
    limit: Duration,
    io: Option<&'a Arc<Io>>,
    ledger: &'a Arc<Ledger>,
    peer: &'a Arc<Peer>,
) -> Option<Way<'a>> {
    match config.targets.get(signal) {
        Target::Otlp(otlp) => Some(Way::Otlp(Connection {
            signal,
            otlp,
            io: io?,
            ledger,
            peer,
            limit: limit.min(otlp.timeout),
        })),
        Target::Console => {
            let console = config.console.clone()?;
            console.receives(signal);
            Some(Way::Console(console))
        }
        Target::None => None,
    }
}

/// Makes the tracer provider of guests' spans, and that of the host's own, which has no limits,
/// with one processor.
fn tracers(
    config: &Config,
    sampler: &EarlySampler,
    ledger: &Arc<Ledger>,
    way: Option<Way<'_>>,
) -> Result<Option<[SdkTracerProvider; 2]>, ConfigError> {
    let Some(way) = way else {
        return Ok(None);
    };
    let providers = match way {
        // It only copies into memory: a thread in between would cost more than it saves.
        Way::Console(console) => {
            let exporter = Accounted::new(console, Arc::clone(ledger));
            share(config, sampler, SimpleSpanProcessor::new(exporter))
        }
        Way::Otlp(connection) => {
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
            let processor = Admitting::new(processor, Arc::clone(ledger), queue_size);
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
    ledger: &Arc<Ledger>,
    way: Option<Way<'_>>,
) -> Result<Option<SdkLoggerProvider>, ConfigError> {
    let Some(way) = way else {
        return Ok(None);
    };
    let builder = SdkLoggerProvider::builder().with_resource(config.resource.clone());
    let builder = match way {
        Way::Console(console) => {
            builder.with_simple_exporter(Accounted::new(console, Arc::clone(ledger)))
        }
        Way::Otlp(connection) => {
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
            builder.with_log_processor(Admitting::new(processor, Arc::clone(ledger), queue_size))
        }
    };
    Ok(Some(builder.build()))
}

fn meter(
    config: &Config,
    ledger: &Arc<Ledger>,
    way: Option<Way<'_>>,
) -> Result<Option<SdkMeterProvider>, ConfigError> {
    let Some(way) = way else {
        return Ok(None);
    };
    let builder = SdkMeterProvider::builder()
        .with_resource(config.resource.clone())
        .with_view(wasmscope_telemetry::metrics_view(
            &config.limits,
            config.histograms.into(),
        ));
    let interval = config.metric_interval;
    let builder = match way {
        Way::Console(console) => {
            let exporter = Accounted::new(console, Arc::clone(ledger));
            builder.with_reader(
                PeriodicReader::builder(exporter)
                    .with_interval(interval)
                    .build(),
            )
        }
        Way::Otlp(connection) => {
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

/// What the metrics are exported as. The console shows totals, whatever is set for OTLP.
pub(super) fn temporality(config: &Config) -> Temporality {
    match config.targets.get(Signal::Metrics) {
        Target::Otlp(_) => config.temporality.into(),
        Target::Console | Target::None => Temporality::Cumulative,
    }
}

/// The SDK's limits on spans, which count what exceeds them into the span itself.
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
