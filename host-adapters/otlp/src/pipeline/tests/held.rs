//! The memory that telemetry itself holds is exported.

use std::collections::BTreeMap;

use opentelemetry::logs::Severity;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::SdkTracerProvider;
use wasmscope_telemetry::emitted::{METRICS, is_of_telemetry};
use wasmscope_telemetry::model::{
    InstrumentDescriptor, InstrumentKind, LogRecord, Number, Observation, SpanChanges,
    SpanReference, SpanStart,
};
use wasmscope_telemetry::{Providers, Telemetry};

use super::*;
use crate::pipeline::Flushed;

/// Returns the latest values of the metrics about telemetry, by name.
fn values(provider: &SdkMeterProvider, exporter: &InMemoryMetricExporter) -> BTreeMap<String, i64> {
    exporter.reset();
    provider.force_flush().unwrap();
    let finished = exporter.get_finished_metrics().unwrap();
    let scopes = finished.iter().flat_map(|metrics| metrics.scope_metrics());
    let host = scopes.filter(|scope| scope.scope().name() == "wasmscope");
    let metrics = host.flat_map(|scope| scope.metrics());
    let mut values = BTreeMap::new();
    for metric in metrics {
        let listed = METRICS.iter().find(|listed| listed.name == metric.name());
        let listed = listed.unwrap_or_else(|| panic!("{} is not listed", metric.name()));
        assert_eq!(
            (listed.unit, listed.description),
            (metric.unit(), metric.description())
        );
        if let AggregatedMetrics::I64(MetricData::Sum(sum)) = metric.data()
            && is_of_telemetry(metric.name())
        {
            let value = sum.data_points().map(|point| point.value()).sum();
            values.insert(metric.name().to_owned(), value);
        }
    }
    values
}

#[test]
fn held_memory_of_instances_is_exported_while_they_live() {
    let exporter = InMemoryMetricExporter::default();
    let meter = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    let telemetry = Telemetry::builder(Providers {
        tracer: Some(SdkTracerProvider::builder().build()),
        meter: Some(meter.clone()),
        logger: Some(
            SdkLoggerProvider::builder()
                .with_simple_exporter(InMemoryLogExporter::default())
                .build(),
        ),
    })
    .build();
    let held = |name: &str| values(&meter, &exporter)[&format!("wasmscope.telemetry.{name}")];
    assert_eq!(values(&meter, &exporter), BTreeMap::new());

    let scope = || opentelemetry::InstrumentationScope::builder("s").build();
    let mut guest = telemetry.instance("shop");
    let tracer = guest.tracer(scope());
    let mut spans = Vec::new();
    for _ in 0..3 {
        spans.push(guest.start_span(SpanStart {
            tracer,
            name: "span".into(),
            kind: opentelemetry::trace::SpanKind::Internal,
            parent: SpanReference::None,
            attributes: Vec::new(),
            start_time: None,
            activate: false,
        }));
    }
    assert_eq!(held("open_spans"), 3);
    guest.end_span(spans[0], SpanChanges::default(), None);
    assert_eq!(held("open_spans"), 2);

    let meter_handle = guest.meter(scope());
    let mut make = |name: &str, kind| {
        let descriptor = InstrumentDescriptor {
            name: name.to_owned(),
            kind,
            unit: None,
            description: None,
            boundaries: None,
        };
        guest.create_instrument(meter_handle, descriptor)
    };
    let counter = make("counter", InstrumentKind::CounterU64);
    let gauge = make("gauge", InstrumentKind::ObservableGaugeU64);
    for set in 0..4 {
        guest.measure(counter, Number::Unsigned(1), vec![KeyValue::new("k", set)]);
    }
    let observer = guest.create_observer();
    let observation = Observation {
        instrument: gauge,
        value: Number::Unsigned(1),
        attributes: Vec::new(),
    };
    guest.observe(observer, vec![observation], true);
    let logger = guest.logger(scope());
    let record = LogRecord {
        event_name: Some("held.once".into()),
        severity: Some(Severity::Error),
        ..LogRecord::default()
    };
    guest.emit_logs(logger, vec![record]);
    assert_eq!(held("instruments"), 2);
    assert_eq!(held("attribute_sets"), 5);
    assert!(held("metric_bytes") > 5 * 256);
    assert_eq!(held("observations"), 1);
    assert_eq!(held("interned"), 1);

    drop(guest);
    assert_eq!(held("open_spans"), 0);
    assert_eq!(held("observations"), 0);
}

#[test]
fn queues_are_exported_with_their_capacity() {
    let collector = Collector::start();
    let pipeline = build(to(&collector, Protocol::HttpProtobuf));
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered);
    assert_eq!(collector.attempts(), 0, "an idle pipeline sends nothing");
    let _instance = pipeline.telemetry().instance("shop");
    span(&pipeline, "a span");
    log(&pipeline, "a log");
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered);
    for name in [
        "otel.sdk.processor.span.queue.size",
        "otel.sdk.processor.span.queue.capacity",
        "otel.sdk.processor.log.queue.size",
        "otel.sdk.processor.log.queue.capacity",
    ] {
        assert_eq!(collector.metric(name).scope.name, "wasmscope", "{name}");
    }
    assert_eq!(pipeline.shutdown(PATIENCE).lost(), 0);
}
