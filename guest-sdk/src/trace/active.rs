//! Which spans this instance has entered, as far as the panic hook needs to know.

use std::cell::{Cell, RefCell};

use crate::backend::{self, NOT_RECORDED, tracer};
use crate::{SpanChanges, Status, notice, panic_hook};

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    /// The innermost of them if it is not recorded; else 0.
    static UNRECORDED: Cell<u64> = const { Cell::new(0) };
}

/// Enters a span, here and on the host.
pub(crate) fn enter(span: u64) {
    notice::take(tracer::enter(span));
    push(span);
}

/// Leaves a span, here and on the host, wherever it sits.
pub(crate) fn exit(span: u64) {
    pop(span);
    notice::take(tracer::exit(span));
}

/// Notes a span that the host has entered by itself (`activate`).
pub(crate) fn push(span: u64) {
    panic_hook::on_panic(record_panic);
    ENTERED.with_borrow_mut(|entered| entered.push(span));
    note_innermost(Some(span));
}

/// Forgets the innermost entry of a span.
pub(crate) fn pop(span: u64) {
    ENTERED.with_borrow_mut(|entered| {
        if let Some(at) = entered.iter().rposition(|&other| other == span) {
            entered.remove(at);
        }
        note_innermost(entered.last().copied());
    });
}

fn note_innermost(span: Option<u64>) {
    let unrecorded = span.filter(|span| span & NOT_RECORDED != 0);
    backend::set(&UNRECORDED, unrecorded.unwrap_or(0));
}

/// Returns the span that this component has entered last and not left, if it is not recorded. The
/// host may take another one for the ambient span: `tracing` spans beneath an unrecorded one are
/// not entered there.
#[inline]
pub(crate) fn unrecorded() -> Option<u64> {
    match UNRECORDED.get() {
        0 => None,
        span => Some(span),
    }
}

/// Gives the span that this component has entered last and not left, whichever door it came by.
#[cfg(any(feature = "opentelemetry", feature = "tracing"))]
pub(crate) fn current() -> Option<u64> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

/// Tells the active span that the program panics.
fn record_panic(panic: &panic_hook::Panic<'_>) {
    let innermost = ENTERED.with(|entered| entered.try_borrow().ok()?.last().copied());
    if let Some(span) = innermost.filter(|span| span & NOT_RECORDED == 0) {
        notice::take(tracer::event(span, "exception", panic.attributes, None));
        notice::take(tracer::update(
            span,
            SpanChanges {
                status: Status::Error(panic.message),
                ..SpanChanges::default()
            },
        ));
    }
}

/// Forgets the spans of an earlier backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    ENTERED.with_borrow_mut(Vec::clear);
    UNRECORDED.set(0);
}
