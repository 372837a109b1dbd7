//! Starts spans, for all APIs.

use std::cell::Cell;

use crate::backend::tracer;
use crate::types::{KeyValue, SpanChanges, SpanHandle, SpanKind, SpanReference, TracerHandle};
use crate::{local, notice};

thread_local! {
    /// Whether the host did not record the last span, and decides that without attributes.
    static LATER: Cell<bool> = const { Cell::new(false) };
}

/// Starts a span.
///
/// Unrecorded spans come in rows: a whole trace, or all of a program. Within a row, attributes are
/// not passed with the start. If a span turns out to be recorded, a call of their own passes them.
pub(crate) fn start(
    tracer: TracerHandle,
    name: &str,
    kind: SpanKind,
    parent: SpanReference<'_>,
    attributes: &[KeyValue<'_>],
    start_time: Option<u64>,
    activate: bool,
) -> SpanHandle {
    let later = LATER.get();
    let given = if later { &[] } else { attributes };
    let span = tracer::start(tracer, name, kind, parent, given, start_time, activate);
    local::set(&LATER, span.takes_attributes_later());
    if !span.is_recorded() {
        notice::take_digest(span);
    } else if later && !attributes.is_empty() {
        let changes = SpanChanges::new().with_attributes(attributes);
        notice::take(tracer::update(span, changes));
    }
    span
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn reset() {
    LATER.set(false);
}
