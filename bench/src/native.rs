//! The reference of all ratios: the native OpenTelemetry SDK, which records the same telemetry.

use anyhow::{Result, bail};
use opentelemetry::logs::LoggerProvider as _;
use opentelemetry::metrics::{
    BoundCounter, BoundHistogram, Counter, Histogram, MeterProvider as _,
};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::trace::noop::NoopTracer;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::logs::SdkLogger;
use opentelemetry_sdk::trace::SdkTracer;
use wasmscope_telemetry::Providers;

#[path = "../guests/rows/src/api.rs"]
mod api;

/// An operation to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Span,
    Nested,
    Log,
    LogBelow,
    Counter,
    BoundCounter,
    Histogram,
    BoundHistogram,
}

/// The native SDK's tracer, logger and instruments.
pub(crate) struct Native {
    tracer: Option<SdkTracer>,
    rest: Option<Rest>,
}

/// Exists only with providers.
struct Rest {
    logger: SdkLogger,
    counter: Counter<u64>,
    bound_counter: BoundCounter<u64>,
    histogram: Histogram<f64>,
    bound_histogram: BoundHistogram<f64>,
}

impl Native {
    pub(crate) fn new(providers: &Providers) -> Self {
        let scope = || InstrumentationScope::builder("bench").build();
        let tracer = providers.tracer.as_ref();
        let rest = providers.logger.as_ref().zip(providers.meter.as_ref());
        Self {
            tracer: tracer.map(|provider| provider.tracer_with_scope(scope())),
            rest: rest.map(|(logger, meter)| {
                let meter = meter.meter_with_scope(scope());
                let counter = meter.u64_counter("bench.requests").build();
                let histogram = meter.f64_histogram("bench.sizes").build();
                let bound = [KeyValue::new("http.route", "/orders/{id}")];
                Rest {
                    logger: logger.logger_with_scope(scope()),
                    bound_counter: counter.bind(&bound),
                    counter,
                    bound_histogram: histogram.bind(&bound),
                    histogram,
                }
            }),
        }
    }

    /// Performs an operation `times` times.
    ///
    /// # Errors
    ///
    /// If there is no provider for it.
    pub(crate) fn run(&self, operation: Operation, times: u32) -> Result<()> {
        match (&self.tracer, operation) {
            (Some(tracer), Operation::Span) => api::span(tracer, times),
            (Some(tracer), Operation::Nested) => api::nested(tracer, times),
            (None, Operation::Span) => api::span(&NoopTracer::new(), times),
            (None, Operation::Nested) => api::nested(&NoopTracer::new(), times),
            (
                _,
                Operation::Log
                | Operation::LogBelow
                | Operation::Counter
                | Operation::BoundCounter
                | Operation::Histogram
                | Operation::BoundHistogram,
            ) => {
                let Some(rest) = &self.rest else {
                    bail!("the native SDK has no provider for {operation:?}");
                };
                rest.run(operation, times);
            }
        }
        Ok(())
    }
}

impl Rest {
    fn run(&self, operation: Operation, times: u32) {
        match operation {
            Operation::Span | Operation::Nested => {}
            Operation::Log => api::log(&self.logger, times),
            Operation::LogBelow => api::log_below(&self.logger, times),
            Operation::Counter => api::counter(&self.counter, times),
            Operation::BoundCounter => api::repeat(times, |_| self.bound_counter.add(1)),
            Operation::Histogram => api::histogram(&self.histogram, times),
            Operation::BoundHistogram => {
                api::repeat(times, |number| {
                    self.bound_histogram.record(f64::from(number))
                });
            }
        }
    }
}
