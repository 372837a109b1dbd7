//! `wasmscope:otel/tracer`.

use wasmscope_telemetry::Instance;
use wasmscope_telemetry::model::{Scope, SpanChanges, SpanEvent, SpanStart};
use wasmtime::Result;

use super::{lower_context, no_handle, no_notice};
use crate::host::Interface;

pub(crate) fn add<T, G>(mut interface: Interface<'_, T, G>) -> Result<()>
where
    T: 'static,
    G: Fn(&mut T) -> &mut Instance + Copy + Send + Sync + 'static,
{
    interface.lifted::<Scope, 10, _>("get", no_handle, Instance::tracer)?;
    interface.lifted::<SpanStart, 16, _>("start", not_recorded, Instance::start_span)?;
    interface.scalar("enter", no_notice, |instance, (span,)| {
        instance.enter_span(span)
    })?;
    interface.scalar("exit", no_notice, |instance, (span,)| {
        instance.exit_span(span)
    })?;
    interface.lifted::<(u64, SpanChanges), 11, _>(
        "update",
        no_notice,
        |instance, (span, changes)| instance.update_span(span, changes),
    )?;
    interface.lifted::<(u64, SpanEvent), 7, _>("event", no_notice, |instance, (span, event)| {
        instance.span_event(span, event)
    })?;
    interface.lifted::<(u64, SpanChanges, Option<u64>), 13, _>(
        "end",
        no_notice,
        |instance, (span, changes, time)| instance.end_span(span, changes, time),
    )?;
    interface.scalar(
        "context-of",
        || None,
        |instance, (span,)| instance.span_context(span).as_ref().map(lower_context),
    )
}

/// The handle of a span that is not recorded, so that the guest says no more about it.
fn not_recorded() -> u64 {
    1 << 63
}
