//! The rows by the SDK's `opentelemetry` API.

use std::sync::LazyLock;

use opentelemetry::logs::LoggerProvider as _;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use wasmscope::opentelemetry::{Logger, LoggerProvider, MeterProvider, Tracer, TracerProvider};

use crate::api;

static TRACER: LazyLock<Tracer> = LazyLock::new(|| TracerProvider::default().tracer("bench"));
static LOGGER: LazyLock<Logger> = LazyLock::new(|| LoggerProvider::default().logger("bench"));
static REQUESTS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let meter = MeterProvider::default().meter("bench");
    meter.u64_counter("bench.requests").build()
});
static SIZES: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    let meter = MeterProvider::default().meter("bench");
    meter.f64_histogram("bench.sizes").build()
});

pub(super) fn span(times: u32) {
    api::span(&*TRACER, times);
}

pub(super) fn nested(times: u32) {
    api::nested(&*TRACER, times);
}

pub(super) fn log(times: u32) {
    api::log(&*LOGGER, times);
}

pub(super) fn log_below(times: u32) {
    api::log_below(&*LOGGER, times);
}

pub(super) fn counter(times: u32) {
    api::counter(&REQUESTS, times);
}

pub(super) fn histogram(times: u32) {
    api::histogram(&SIZES, times);
}
