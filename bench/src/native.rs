//! The other side of every ratio: the OpenTelemetry SDK, called natively with the same words.

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

/// What is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
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

/// What there is only with providers.
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

    /// Says something so many times.
    ///
    /// # Errors
    ///
    /// Fails when there is no provider for it.
    pub(crate) fn say(&self, said: Said, times: u32) -> Result<()> {
        match (&self.tracer, said) {
            (Some(tracer), Said::Span) => api::span(tracer, times),
            (Some(tracer), Said::Nested) => api::nested(tracer, times),
            (None, Said::Span) => api::span(&NoopTracer::new(), times),
            (None, Said::Nested) => api::nested(&NoopTracer::new(), times),
            (
                _,
                Said::Log
                | Said::LogBelow
                | Said::Counter
                | Said::BoundCounter
                | Said::Histogram
                | Said::BoundHistogram,
            ) => {
                let Some(rest) = &self.rest else {
                    bail!("the native SDK has no provider for {said:?}");
                };
                rest.say(said, times);
            }
        }
        Ok(())
    }
}

impl Rest {
    fn say(&self, said: Said, times: u32) {
        match said {
            Said::Span | Said::Nested => {}
            Said::Log => api::log(&self.logger, times),
            Said::LogBelow => api::log_below(&self.logger, times),
            Said::Counter => api::counter(&self.counter, times),
            Said::BoundCounter => api::repeat(times, |_| self.bound_counter.add(1)),
            Said::Histogram => api::histogram(&self.histogram, times),
            Said::BoundHistogram => {
                api::repeat(times, |number| {
                    self.bound_histogram.record(f64::from(number))
                });
            }
        }
    }
}
