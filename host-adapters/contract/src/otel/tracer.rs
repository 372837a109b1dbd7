//! `wasmscope:otel/tracer`.

use wasmscope_telemetry::Signal;
use wasmscope_telemetry::model::{SpanChanges, SpanEvent, SpanHandle};

use super::results::SpanContext;
use super::{no_handle, no_notice};
use crate::abi::{Interface, Register};

const TRACER: Interface = Interface {
    name: "wasmscope:otel/tracer@0.1.0",
    signal: Signal::Traces,
};

pub(super) fn register<G, E>(registrar: &mut G) -> Result<(), E>
where
    G: Register<u64, Error = E> + Register<Option<SpanContext>, Error = E>,
{
    registrar.function(TRACER.function("get", no_handle, |instance, scope| {
        instance.tracer(scope).to_bits()
    }))?;
    registrar.function(TRACER.function("start", not_recorded, |instance, start| {
        instance.start_span(start).to_bits()
    }))?;
    registrar.function(TRACER.function("now", || 0, |instance, ()| instance.now()))?;
    registrar.function(TRACER.function("ambient", no_handle, |instance, ()| {
        instance.ambient_span().to_bits()
    }))?;
    registrar.function(TRACER.function("invocation", no_handle, |instance, ()| {
        instance.invocation_span().to_bits()
    }))?;
    registrar.function(TRACER.function("enter", no_notice, |instance, (span,)| {
        instance.enter_span(SpanHandle::from_bits(span))
    }))?;
    registrar.function(TRACER.function("exit", no_notice, |instance, (span,)| {
        instance.exit_span(SpanHandle::from_bits(span))
    }))?;
    registrar.function(TRACER.function(
        "update",
        no_notice,
        |instance, (span, changes): (u64, SpanChanges)| {
            instance.update_span(SpanHandle::from_bits(span), changes)
        },
    ))?;
    registrar.function(TRACER.function(
        "event",
        no_notice,
        |instance, (span, event): (u64, SpanEvent)| {
            instance.span_event(SpanHandle::from_bits(span), event)
        },
    ))?;
    registrar.function(TRACER.function(
        "end",
        no_notice,
        |instance, (span, changes, time): (u64, SpanChanges, Option<u64>)| {
            instance.end_span(SpanHandle::from_bits(span), changes, time)
        },
    ))?;
    registrar.function(TRACER.function(
        "context-of",
        || None,
        |instance, (span,)| {
            instance
                .span_context(SpanHandle::from_bits(span))
                .as_ref()
                .map(SpanContext::from)
        },
    ))
}

/// Returns the handle of an unrecorded span. The guest then sends nothing more about it.
fn not_recorded() -> u64 {
    SpanHandle::NOT_RECORDED
}
