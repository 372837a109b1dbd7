//! The rows by the OpenTelemetry API. The guest uses it with the SDK's `opentelemetry` feature, and
//! the benchmark compiles this same file for the native SDK.

use std::hint::black_box;

use opentelemetry::logs::{LogRecord as _, Logger, Severity};
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::trace::{Span as _, SpanKind, TraceContextExt as _, Tracer};
use opentelemetry::{Context, KeyValue};

/// Calls a function `times` times, with numbers that the compiler does not know.
pub(crate) fn repeat(times: u32, mut once: impl FnMut(u32)) {
    for number in 0..times {
        once(black_box(number));
    }
}

/// A text that is made at run time.
pub(crate) fn owned(number: u32) -> String {
    let mut user = String::from("user-4711-");
    // One digit is enough to make it no constant, and costs little compared with the copy.
    user.push(char::from(b'0' + (number % 10) as u8));
    user
}

pub(crate) fn span<T: Tracer>(tracer: &T, times: u32) {
    repeat(times, |number| {
        let mut span = started(tracer, "handle request", number);
        span.end();
    });
}

pub(crate) fn nested<T>(tracer: &T, times: u32)
where
    T: Tracer,
    T::Span: Send + Sync + 'static,
{
    repeat(times, |number| {
        let request = Context::current_with_span(started(tracer, "handle request", number));
        let _request = request.attach();
        let order = Context::current_with_span(started(tracer, "price order", number));
        let _order = order.attach();
        let item = Context::current_with_span(started(tracer, "price item", number));
        let _item = item.attach();
    });
}

fn started<T: Tracer>(tracer: &T, name: &'static str, number: u32) -> T::Span {
    let mut span = tracer
        .span_builder(name)
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.route", "/orders/{id}"),
            KeyValue::new("user.name", owned(number)),
            KeyValue::new("http.request.body.size", i64::from(number)),
            KeyValue::new("cached", false),
        ])
        .start(tracer);
    span.add_event("priced", Vec::new());
    span
}

pub(crate) fn log<L: Logger>(logger: &L, times: u32) {
    repeat(times, |number| emit(logger, Severity::Info, number));
}

pub(crate) fn log_below<L: Logger>(logger: &L, times: u32) {
    repeat(times, |number| {
        if logger.event_enabled(Severity::Debug, "bench", None) {
            emit(logger, Severity::Debug, number);
        }
    });
}

fn emit<L: Logger>(logger: &L, severity: Severity, number: u32) {
    let mut record = logger.create_log_record();
    record.set_severity_number(severity);
    record.set_body("order priced".into());
    record.add_attribute("order.id", i64::from(number));
    record.add_attribute("order.currency", "EUR");
    record.add_attribute("order.new", true);
    logger.emit(record);
}

/// The attributes of a measurement.
fn route() -> [KeyValue; 3] {
    [
        KeyValue::new("http.route", "/orders/{id}"),
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new("cached", false),
    ]
}

pub(crate) fn counter(counter: &Counter<u64>, times: u32) {
    repeat(times, |_| counter.add(1, &route()));
}

pub(crate) fn histogram(histogram: &Histogram<f64>, times: u32) {
    repeat(times, |number| {
        histogram.record(f64::from(number), &route())
    });
}
