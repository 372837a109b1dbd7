//! The functions. Each calls a function of the telemetry core.

use wasmscope_telemetry::model::{
    BaggageHandle, InstrumentHandle, LoggerHandle, MeterHandle, ObserverHandle, SeriesHandle,
    SpanEvent, SpanHandle, SpanStart, TracerHandle,
};
use wasmscope_telemetry::{Instance, Signal, catch_panic};

use super::bindings::wasmscope::otel::{context, logger, meter, tracer, types};
use super::convert::all;

/// Calls the core. If it panics, the guest gets `neutral`: see [`catch_panic`].
fn guarded<R>(
    instance: &mut Instance,
    signal: Signal,
    neutral: R,
    call: impl FnOnce(&mut Instance) -> R,
) -> R {
    catch_panic(instance, |instance| instance, signal, call).unwrap_or(neutral)
}

impl types::Host for Instance {}

impl context::Host for Instance {
    fn current(&mut self) -> Option<types::SpanContext> {
        guarded(self, Signal::Traces, None, |instance| {
            instance.current_context().as_ref().map(Into::into)
        })
    }

    fn baggage(&mut self) -> Vec<context::BaggageEntry> {
        guarded(self, Signal::Traces, Vec::new(), |instance| {
            all(Self::baggage(instance))
        })
    }

    fn enter_baggage(&mut self, entries: Vec<context::BaggageEntry>) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.enter_baggage(all(entries)).to_bits()
        })
    }

    fn exit_baggage(&mut self, scope: u64) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.exit_baggage(BaggageHandle::from_bits(scope))
        })
    }
}

impl tracer::Host for Instance {
    fn get(&mut self, scope: types::InstrumentationScope) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.tracer(scope.into()).to_bits()
        })
    }

    fn start(
        &mut self,
        tracer: u64,
        name: String,
        kind: tracer::SpanKind,
        parent: types::SpanReference,
        attributes: Vec<types::KeyValue>,
        start_time: Option<u64>,
        activate: bool,
    ) -> u64 {
        guarded(self, Signal::Traces, SpanHandle::NOT_RECORDED, |instance| {
            let start = SpanStart {
                tracer: TracerHandle::from_bits(tracer),
                name: name.into(),
                kind: kind.into(),
                parent: parent.into(),
                attributes: all(attributes),
                start_time,
                activate,
            };
            instance.start_span(start).to_bits()
        })
    }

    fn now(&mut self) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| Self::now(instance))
    }

    fn ambient(&mut self) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.ambient_span().to_bits()
        })
    }

    fn invocation(&mut self) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.invocation_span().to_bits()
        })
    }

    fn enter(&mut self, span: u64) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.enter_span(SpanHandle::from_bits(span))
        })
    }

    fn exit(&mut self, span: u64) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.exit_span(SpanHandle::from_bits(span))
        })
    }

    fn update(&mut self, span: u64, changes: tracer::SpanChanges) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.update_span(SpanHandle::from_bits(span), changes.into())
        })
    }

    fn event(
        &mut self,
        span: u64,
        name: String,
        attributes: Vec<types::KeyValue>,
        time: Option<u64>,
    ) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            let event = SpanEvent {
                name: name.into(),
                attributes: all(attributes),
                time,
            };
            instance.span_event(SpanHandle::from_bits(span), event)
        })
    }

    fn end(&mut self, span: u64, changes: tracer::SpanChanges, time: Option<u64>) -> u64 {
        guarded(self, Signal::Traces, 0, |instance| {
            instance.end_span(SpanHandle::from_bits(span), changes.into(), time)
        })
    }

    fn context_of(&mut self, span: u64) -> Option<types::SpanContext> {
        guarded(self, Signal::Traces, None, |instance| {
            instance
                .span_context(SpanHandle::from_bits(span))
                .as_ref()
                .map(Into::into)
        })
    }
}

impl meter::Host for Instance {
    fn get(&mut self, scope: types::InstrumentationScope) -> u64 {
        guarded(self, Signal::Metrics, 0, |instance| {
            instance.meter(scope.into()).to_bits()
        })
    }

    fn create(&mut self, meter: u64, descriptor: meter::InstrumentDescriptor) -> u64 {
        guarded(self, Signal::Metrics, 0, |instance| {
            instance
                .create_instrument(MeterHandle::from_bits(meter), descriptor.into())
                .to_bits()
        })
    }

    fn measure(
        &mut self,
        instrument: u64,
        value: meter::Number,
        attributes: Vec<types::KeyValue>,
    ) -> u64 {
        guarded(self, Signal::Metrics, 0, |instance| {
            let instrument = InstrumentHandle::from_bits(instrument);
            Self::measure(instance, instrument, value.into(), all(attributes))
        })
    }

    fn bind(&mut self, instrument: u64, attributes: Vec<types::KeyValue>) -> u64 {
        guarded(self, Signal::Metrics, 0, |instance| {
            let instrument = InstrumentHandle::from_bits(instrument);
            Self::bind(instance, instrument, all(attributes)).to_bits()
        })
    }

    fn measure_series(&mut self, series: u64, value: meter::Number) -> u64 {
        guarded(self, Signal::Metrics, 0, |instance| {
            Self::measure_series(instance, SeriesHandle::from_bits(series), value.into())
        })
    }

    fn create_observer(&mut self) -> u64 {
        guarded(self, Signal::Metrics, 0, |instance| {
            Self::create_observer(instance).to_bits()
        })
    }

    fn observe(
        &mut self,
        observer: u64,
        observations: Vec<meter::Observation>,
        complete: bool,
    ) -> u64 {
        guarded(self, Signal::Metrics, 0, |instance| {
            let observer = ObserverHandle::from_bits(observer);
            Self::observe(instance, observer, all(observations), complete)
        })
    }
}

impl logger::Host for Instance {
    fn get(&mut self, scope: types::InstrumentationScope) -> u64 {
        guarded(self, Signal::Logs, 0, |instance| {
            instance.logger(scope.into()).to_bits()
        })
    }

    fn threshold(&mut self, logger: u64) -> logger::LogThreshold {
        let neutral = logger::LogThreshold {
            severity: None,
            generation: 0,
        };
        guarded(self, Signal::Logs, neutral, |instance| {
            instance
                .log_threshold(LoggerHandle::from_bits(logger))
                .into()
        })
    }

    fn enabled(
        &mut self,
        logger: u64,
        severity: Option<logger::Severity>,
        event_name: Option<String>,
    ) -> bool {
        guarded(self, Signal::Logs, false, |instance| {
            let logger = LoggerHandle::from_bits(logger);
            instance.log_enabled(logger, severity.map(Into::into), event_name.as_deref())
        })
    }

    fn emit(&mut self, logger: u64, records: Vec<logger::LogRecord>) -> u64 {
        guarded(self, Signal::Logs, 0, |instance| {
            instance.emit_logs(LoggerHandle::from_bits(logger), all(records))
        })
    }
}
