//! Telemetry with fixed times and ids, as the SDK hands it to the exporter.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use wasmscope_otlp::memory::MemoryExporter;

/// 2026-11-01T12:00:00Z.
const EPOCH: Duration = Duration::from_secs(1_793_534_400);

/// Returns the time this many microseconds after the start of the fixtures.
pub(super) fn at(microseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + EPOCH + Duration::from_micros(microseconds)
}

pub(super) fn trace_id(number: u128) -> TraceId {
    TraceId::from(0x4bf9_2f35_77b3_4da6_0000_0000_0000_0000 + number)
}

pub(super) fn context(trace: u128, span: u64) -> SpanContext {
    SpanContext::new(
        trace_id(trace),
        SpanId::from(span),
        TraceFlags::SAMPLED,
        false,
        TraceState::default(),
    )
}

pub(super) fn scope(name: &'static str, version: &'static str) -> InstrumentationScope {
    let mut builder = InstrumentationScope::builder(name);
    if !version.is_empty() {
        builder = builder.with_version(version);
    }
    builder.build()
}

pub(super) fn guest_scope(name: &'static str, component: &'static str) -> InstrumentationScope {
    InstrumentationScope::builder(name)
        .with_version("0.1.0")
        .with_attributes([KeyValue::new("wasmscope.component.name", component)])
        .build()
}

/// Returns a span of trace 1, with its start and end in microseconds.
pub(super) fn span(id: u64, parent: u64, name: &'static str, from: u64, to: u64) -> SpanData {
    SpanData {
        span_context: context(1, id),
        parent_span_id: SpanId::from(parent),
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: at(from),
        end_time: at(to),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: scope("checkout", "0.1.0"),
    }
}

pub(super) fn event(span: &mut SpanData, name: &'static str, time: u64, attributes: Vec<KeyValue>) {
    let event = Event::new(name, at(time), attributes, 0);
    span.events.events.push(event);
}

pub(super) fn link(span: &mut SpanData, target: SpanContext, attributes: Vec<KeyValue>) {
    span.links.links.push(Link::new(target, attributes, 0));
}

pub(super) fn resource() -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "shop"),
            KeyValue::new("process.runtime.name", "wasmtime"),
            KeyValue::new("process.runtime.version", "48.0.8"),
            KeyValue::new("telemetry.sdk.name", "opentelemetry"),
        ])
        .build()
}

/// Returns an exporter that has received these spans.
pub(super) fn received(spans: Vec<SpanData>) -> MemoryExporter {
    let collector = MemoryExporter::default();
    export(&collector, spans);
    collector
}

pub(super) fn export(collector: &MemoryExporter, spans: Vec<SpanData>) {
    let mut exporter = collector.clone();
    SpanExporter::set_resource(&mut exporter, &resource());
    ready(SpanExporter::export(&exporter, spans)).expect("the collector takes everything");
}

/// Polls an export of the memory exporter, which is always ready.
pub(super) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("an export waited"),
    }
}

/// Emits a log record to the exporter as the SDK does.
pub(super) fn emit(
    collector: &MemoryExporter,
    scope: InstrumentationScope,
    time: u64,
    severity: Severity,
    fill: impl FnOnce(&mut SdkLogRecord),
) {
    let provider = SdkLoggerProvider::builder()
        .with_resource(resource())
        .with_simple_exporter(collector.clone())
        .build();
    let logger = provider.logger_with_scope(scope);
    let mut record = logger.create_log_record();
    record.set_timestamp(at(time));
    record.set_observed_timestamp(at(time));
    record.set_severity_number(severity);
    fill(&mut record);
    logger.emit(record);
}

pub(super) fn text(text: impl Into<String>) -> AnyValue {
    AnyValue::String(text.into().into())
}
