//! `wasmscope:otel/tracer`.

use wasmscope_telemetry::model::{SpanChanges, SpanEvent};
use wasmscope_telemetry::{Instance, Signal};

use super::{Interface, Register, no_handle, no_notice};
use crate::results::SpanContext;

const TRACER: Interface = Interface {
    name: "wasmscope:otel/tracer@0.1.0",
    signal: Signal::Traces,
};

pub(super) fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E> + Register<Option<SpanContext>, Error = E>,
{
    registrar.function(TRACER.function("get", no_handle, Instance::tracer))?;
    registrar.function(TRACER.function("start", not_recorded, Instance::start_span))?;
    registrar.function(TRACER.function("now", || 0, |instance, ()| instance.now()))?;
    registrar
        .function(TRACER.function("ambient", no_handle, |instance, ()| instance.ambient_span()))?;
    registrar.function(TRACER.function("enter", no_notice, |instance, (span,)| {
        instance.enter_span(span)
    }))?;
    registrar.function(TRACER.function("exit", no_notice, |instance, (span,)| {
        instance.exit_span(span)
    }))?;
    registrar.function(TRACER.function(
        "update",
        no_notice,
        |instance, (span, changes): (u64, SpanChanges)| instance.update_span(span, changes),
    ))?;
    registrar.function(TRACER.function(
        "event",
        no_notice,
        |instance, (span, event): (u64, SpanEvent)| instance.span_event(span, event),
    ))?;
    registrar.function(TRACER.function(
        "end",
        no_notice,
        |instance, (span, changes, time): (u64, SpanChanges, Option<u64>)| {
            instance.end_span(span, changes, time)
        },
    ))?;
    registrar.function(TRACER.function(
        "context-of",
        || None,
        |instance, (span,)| instance.span_context(span).as_ref().map(SpanContext::from),
    ))
}

/// The handle of a span that is not recorded, so that the guest says no more about it.
fn not_recorded() -> u64 {
    Instance::NOT_RECORDED
}
