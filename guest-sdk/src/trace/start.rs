//! Starting spans, by whichever door.

use std::cell::Cell;

use crate::backend::{self, ATTRIBUTES_LATER, NOT_RECORDED, tracer};
use crate::{KeyValue, SpanChanges, SpanKind, SpanReference, notice};

thread_local! {
    /// Whether the last span was not recorded, and the host decides that without looking at attributes.
    static LATER: Cell<bool> = const { Cell::new(false) };
}

/// Starts a span.
///
/// Spans that are not recorded come in rows: a whole trace, or all of a program's. Within such a row attributes are not passed,
/// unless it turns out that they are wanted; then they take a call of their own.
pub(crate) fn start(
    tracer: u64,
    name: &str,
    kind: SpanKind,
    parent: SpanReference<'_>,
    attributes: &[KeyValue<'_>],
    start_time: Option<u64>,
    activate: bool,
) -> u64 {
    let later = LATER.get();
    let given = if later { &[] } else { attributes };
    let span = tracer::start(tracer, name, kind, parent, given, start_time, activate);
    let recorded = span & NOT_RECORDED == 0;
    backend::set(&LATER, !recorded && span & ATTRIBUTES_LATER != 0);
    if !recorded {
        notice::hear(span);
    }
    if later && recorded && !attributes.is_empty() {
        notice::take(tracer::update(
            span,
            SpanChanges {
                attributes,
                ..SpanChanges::default()
            },
        ));
    }
    span
}

/// Forgets what an earlier backend did.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    LATER.set(false);
}
