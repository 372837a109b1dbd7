//! The rows by the direct API.

use wasmscope::{
    Counter, EnteredSpan, Histogram, Logger, Meter, Severity, SpanKind, Tracer, attributes, fields,
};

use crate::api::{owned, repeat};

static TRACER: Tracer = wasmscope::tracer!();
static METER: Meter = wasmscope::meter!();
static LOGGER: Logger = wasmscope::logger!();
static REQUESTS: Counter<u64> = Counter::new(&METER, "bench.requests");
static SIZES: Histogram<f64> = Histogram::new(&METER, "bench.sizes");

pub(super) fn span(times: u32) {
    repeat(times, |number| {
        let user = owned(number);
        let span = TRACER
            .span("handle request")
            .with_kind(SpanKind::Server)
            .with_attributes(attributes![
                "http.route" => "/orders/{id}",
                "user.name" => &*user,
                "http.request.body.size" => i64::from(number),
                "cached" => false,
            ])
            .start();
        span.event("priced", &[]);
    });
}

pub(super) fn nested(times: u32) {
    repeat(times, |number| {
        let _request = entered("handle request", number);
        let _order = entered("price order", number);
        let _item = entered("price item", number);
    });
}

fn entered(name: &str, number: u32) -> EnteredSpan {
    let user = owned(number);
    let span = TRACER
        .span(name)
        .with_kind(SpanKind::Server)
        .with_attributes(attributes![
            "http.route" => "/orders/{id}",
            "user.name" => &*user,
            "http.request.body.size" => i64::from(number),
            "cached" => false,
        ])
        .enter();
    span.event("priced", &[]);
    span
}

pub(super) fn log(times: u32) {
    log_as(Severity::Info, times);
}

pub(super) fn log_below(times: u32) {
    log_as(Severity::Debug, times);
}

fn log_as(severity: Severity, times: u32) {
    repeat(times, |number| {
        LOGGER
            .record(severity)
            .with_body("order priced")
            .with_attributes(fields![
                "order.id" => i64::from(number),
                "order.currency" => "EUR",
                "order.new" => true,
            ])
            .emit();
    });
}

pub(super) fn counter(times: u32) {
    repeat(times, |_| {
        REQUESTS.add(
            1,
            attributes!["http.route" => "/orders/{id}", "http.response.status_code" => 200i64, "cached" => false],
        );
    });
}

pub(super) fn bound_counter(times: u32) {
    let series = REQUESTS.bind(
        attributes!["http.route" => "/orders/{id}", "http.response.status_code" => 200i64, "cached" => false],
    );
    repeat(times, |_| series.add(1));
}

pub(super) fn histogram(times: u32) {
    repeat(times, |number| {
        SIZES.record(
            f64::from(number),
            attributes!["http.route" => "/orders/{id}", "http.response.status_code" => 200i64, "cached" => false],
        );
    });
}

pub(super) fn bound_histogram(times: u32) {
    let series = SIZES.bind(
        attributes!["http.route" => "/orders/{id}", "http.response.status_code" => 200i64, "cached" => false],
    );
    repeat(times, |number| series.record(f64::from(number)));
}
