//! Tests pipelines against a collector in the test process that can misbehave.

mod absurd;
mod authorities;
mod deadlines;
mod delivery;
mod environment;
mod held;
mod losses;
mod mismatch;
mod sizes;
mod unreachable;
mod values;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity};
use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use wasmscope_telemetry::Signal;
use wasmscope_test_support::Collector;

use super::Pipeline;
use crate::config::{BatchOptions, Config, ConfigBuilder, Protocol};

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

const PROTOCOLS: [Protocol; 3] = [Protocol::HttpProtobuf, Protocol::HttpJson, Protocol::Grpc];

/// Returns settings that send to `collector`, and only on a flush or when a batch is full.
fn to(collector: &Collector, protocol: Protocol) -> ConfigBuilder {
    let endpoint = match protocol {
        Protocol::Grpc => collector.endpoint_grpc(),
        Protocol::HttpProtobuf | Protocol::HttpJson => collector.endpoint_http(),
    };
    let patient = |queue_size, batch_size| BatchOptions {
        queue_size: Some(queue_size),
        batch_size: Some(batch_size),
        delay: Some(Duration::from_secs(3_600)),
        ..BatchOptions::default()
    };
    Config::builder()
        .endpoint(endpoint.parse().unwrap())
        .protocol(protocol)
        .timeout(Duration::from_secs(10))
        .span_batches(patient(1_000, 500))
        .log_batches(patient(1_000, 500))
        .metric_interval(Duration::from_secs(3_600))
}

fn build(config: ConfigBuilder) -> Pipeline {
    Pipeline::build(config.build().unwrap()).unwrap()
}

fn span(pipeline: &Pipeline, name: &'static str) {
    let provider = pipeline.providers.tracer.as_ref().unwrap();
    provider.tracer("test").start(name).end();
}

fn log(pipeline: &Pipeline, body: &'static str) {
    let logger = pipeline.providers.logger.as_ref().unwrap().logger("test");
    let mut record = logger.create_log_record();
    record.set_body(body.into());
    record.set_severity_number(Severity::Warn);
    logger.emit(record);
}

fn count(pipeline: &Pipeline, name: &'static str, value: u64) {
    let meter = pipeline.providers.meter.as_ref().unwrap().meter("test");
    meter
        .u64_counter(name)
        .build()
        .add(value, &[KeyValue::new("k", "v")]);
}

fn one_of_each(pipeline: &Pipeline) {
    span(pipeline, "a span");
    log(pipeline, "a log");
    count(pipeline, "a.counter", 3);
}

fn assert_one_of_each(collector: &Collector) {
    assert_eq!(collector.span("a span").name, "a span");
    assert_eq!(
        collector.log("a log").severity_number,
        Severity::Warn as i32
    );
    assert_eq!(collector.metric("a.counter").name, "a.counter");
}

/// Collects warnings as they arrive.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn hook(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let warnings = self.clone();
        move |warning| warnings.0.lock().unwrap().push(String::from(warning))
    }

    fn get(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "timed out: {what}");
        std::thread::yield_now();
    }
}

fn support_signal(signal: Signal) -> wasmscope_test_support::Signal {
    match signal {
        Signal::Traces => wasmscope_test_support::Signal::Traces,
        Signal::Metrics => wasmscope_test_support::Signal::Metrics,
        Signal::Logs => wasmscope_test_support::Signal::Logs,
    }
}
