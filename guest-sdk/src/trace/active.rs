//! The spans that this thread has entered.

use std::cell::{Cell, RefCell};

use super::pending;
use crate::backend::tracer;
use crate::types::{KeyValue, SpanChanges, SpanHandle, SpanReference, Status, WireReference};
use crate::{local, notice};

thread_local! {
    static ENTERED: RefCell<Vec<SpanHandle>> = const { RefCell::new(Vec::new()) };
    /// The innermost of them, if it is not recorded.
    static UNRECORDED: Cell<Option<SpanHandle>> = const { Cell::new(None) };
    /// Records a panic. A pointer that the first span sets, so that a component without spans
    /// contains no code for it.
    static ON_PANIC: Cell<Option<fn(&Panic<'_>)>> = const { Cell::new(None) };
}

/// Enters a span, here and on the host.
pub(crate) fn enter(span: SpanHandle) {
    notice::take(tracer::enter(span));
    push(span);
}

/// Exits a span, here and on the host, at any position of the stack.
pub(crate) fn exit(span: SpanHandle) {
    pop(span);
    notice::take(tracer::exit(span));
}

/// Adds a span that the host has already entered (`activate`), or must not enter.
pub(crate) fn push(span: SpanHandle) {
    local::set(&ON_PANIC, Some(record_panic));
    ENTERED.with_borrow_mut(|entered| entered.push(span));
    set_innermost(Some(span));
}

/// Removes the innermost entry of a span.
pub(crate) fn pop(span: SpanHandle) {
    ENTERED.with_borrow_mut(|entered| {
        if let Some(at) = entered.iter().rposition(|&other| other == span) {
            entered.remove(at);
        }
        set_innermost(entered.last().copied());
    });
}

fn set_innermost(span: Option<SpanHandle>) {
    local::set(&UNRECORDED, span.filter(|span| !span.is_recorded()));
}

/// Returns the innermost entered span of this component, if it is not recorded. The host's ambient
/// span may be another one, because it does not enter `tracing` spans within an unrecorded one.
#[inline]
pub(crate) fn unrecorded() -> Option<SpanHandle> {
    UNRECORDED.get()
}

/// Returns the span of a log record in the host's form. The ambient span is the innermost one that
/// this component has entered, or else the host's.
pub(crate) fn log_context(span: SpanReference<'_>) -> WireReference<'_> {
    match (span, unrecorded()) {
        (SpanReference::Ambient, Some(span)) => WireReference::Span(span),
        (span, _) => span.into(),
    }
}

/// Returns the innermost entered span of this component, entered by any API.
#[cfg(any(feature = "opentelemetry", feature = "tracing"))]
pub(crate) fn current() -> Option<SpanHandle> {
    ENTERED.with_borrow(|entered| entered.last().copied())
}

/// The data of a panic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Panic<'a> {
    pub(crate) message: &'a str,
    /// The attributes of the semantic conventions: `exception.*` and `code.*`. WebAssembly has no
    /// backtrace, but the host adds one to the trap.
    pub(crate) attributes: &'a [KeyValue<'a>],
}

/// Sends buffered changes, and records a panic on the active span.
pub(crate) fn before_trap(panic: &Panic<'_>) {
    pending::before_panic();
    if let Some(record) = ON_PANIC.get() {
        record(panic);
    }
}

fn record_panic(panic: &Panic<'_>) {
    let innermost = ENTERED.with(|entered| entered.try_borrow().ok()?.last().copied());
    if let Some(span) = innermost.filter(|span| span.is_recorded()) {
        notice::take(tracer::event(span, "exception", panic.attributes, None));
        let changes = SpanChanges::new().with_status(Status::Error(panic.message));
        notice::take(tracer::update(span, changes));
    }
}

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn reset() {
    ENTERED.with_borrow_mut(Vec::clear);
    UNRECORDED.set(None);
    ON_PANIC.set(None);
}
