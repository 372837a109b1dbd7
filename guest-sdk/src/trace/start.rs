//! Starts spans of all APIs.

use std::cell::Cell;

use crate::backend::tracer;
use crate::types::{KeyValue, SpanChanges, SpanHandle, SpanKind, SpanReference, TracerHandle};
use crate::{local, notice};

thread_local! {
    /// Whether the host did not record the last span, and decides without attributes.
    static TAKES_ATTRIBUTES_LATER: Cell<bool> = const { Cell::new(false) };
}

/// Starts a span.
///
/// Unrecorded spans come in sequences: a whole trace, or all spans of a program. Within a sequence,
/// attributes are not passed with the start. If a span is recorded nevertheless, a separate call
/// passes them.
pub(crate) fn start(
    tracer: TracerHandle,
    name: &str,
    kind: SpanKind,
    parent: SpanReference<'_>,
    attributes: &[KeyValue<'_>],
    start_time: Option<u64>,
    activate: bool,
) -> SpanHandle {
    let later = TAKES_ATTRIBUTES_LATER.get();
    let given = if later { &[] } else { attributes };
    let span = tracer::start(tracer, name, kind, parent, given, start_time, activate);
    local::set(&TAKES_ATTRIBUTES_LATER, span.takes_attributes_later());
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
    TAKES_ATTRIBUTES_LATER.set(false);
}
