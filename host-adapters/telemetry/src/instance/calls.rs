//! Methods of an instance for spans, baggage and invocations.

use opentelemetry::trace::SpanContext;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::activity::Ender;
use super::panic::Panic;
use super::{Activity, Instance};
use crate::dropped::{Reason, Signal};
use crate::host_span::HostSpan;
use crate::invocation::{InvocationOptions, Outcome};
use crate::model::{
    BaggageEntry, BaggageHandle, LogRecord, Notice, Scope, SpanChanges, SpanEvent, SpanHandle,
    SpanReference, SpanStart, TracerHandle,
};

/// Defines methods that take the lock and call the method of [`Activity`] of the same name.
macro_rules! locked {
    ($($(#[$attr:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $output:ty;)*) => {
        impl Instance {
            $(
                $(#[$attr])*
                #[inline]
                $vis fn $name(&mut self, $($arg: $ty),*) -> $output {
                    Activity::$name(&mut self.activity.lock(), $($arg),*)
                }
            )*
        }
    };
}

locked! {
    /// Returns the tracer of a scope (`tracer.get`). Equal scopes have the same tracer.
    pub fn tracer(scope: Scope) -> TracerHandle;

    /// Starts a span (`tracer.start`). Bits of the handle say that the span is not recorded
    /// ([`SpanHandle::NOT_RECORDED`]), and that attributes cannot change this decision
    /// ([`SpanHandle::ATTRIBUTES_LATER`]).
    pub fn start_span(start: SpanStart) -> SpanHandle;

    /// Changes a span (`tracer.update`).
    pub fn update_span(span: SpanHandle, changes: SpanChanges) -> Notice;

    /// Adds an event to a span (`tracer.event`).
    pub fn span_event(span: SpanHandle, event: SpanEvent) -> Notice;

    /// Ends a span (`tracer.end`). `time` is in nanoseconds since the Unix epoch; `None` means now.
    pub fn end_span(span: SpanHandle, changes: SpanChanges, time: Option<u64>) -> Notice;

    /// Returns a span's context (`tracer.context-of`).
    pub fn span_context(span: SpanHandle) -> Option<SpanContext>;

    /// Makes a span the ambient span (`tracer.enter`).
    pub fn enter_span(span: SpanHandle) -> Notice;

    /// Undoes the innermost `enter_span` of a span (`tracer.exit`).
    pub fn exit_span(span: SpanHandle) -> Notice;

    /// Returns a handle for the ambient span, or zero if there is none (`tracer.ambient`).
    pub fn ambient_span() -> SpanHandle;

    /// Returns a handle for the host's span around the current call, or zero (`tracer.invocation`).
    pub fn invocation_span() -> SpanHandle;

    /// Replaces the baggage (`context.enter-baggage`).
    pub fn enter_baggage(entries: Vec<BaggageEntry>) -> BaggageHandle;

    /// Undoes an `enter_baggage` (`context.exit-baggage`).
    pub fn exit_baggage(scope: BaggageHandle) -> Notice;

    /// Begins an invocation. Returns its depth, which is 1 for the outermost.
    pub(crate) fn begin_invocation(options: InvocationOptions) -> u32;

    /// Begins an invocation in a span that has started already. Returns its depth.
    pub(crate) fn begin_invocation_in(span: HostSpan) -> u32;

    /// Starts a span of the host for an operation that the guest requests from it, such as an
    /// outgoing request. Its parent is the ambient span, or the span in the options' `traceparent`
    /// if that belongs to the same trace. Its baggage is the current one.
    pub fn start_child_span(options: InvocationOptions) -> HostSpan;

    /// Ends an invocation as `finish_invocation` does, but not its host span. `None` if an
    /// [`Ender`] has ended it.
    pub(crate) fn hand_over_invocation(depth: u32, outcome: &Outcome) -> Option<HostSpan>;

    /// Ends the invocation at a depth, those within it, and all spans that the guest started in
    /// them and left open.
    ///
    /// If the guest itself has ended, all its open spans end.
    pub(crate) fn finish_invocation(depth: u32, outcome: &Outcome) -> ();
}

impl Instance {
    /// Returns the time, in nanoseconds since the Unix epoch (`tracer.now`).
    #[must_use]
    pub fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
            })
    }

    /// Returns the ambient span's context (`context.current`).
    #[inline]
    #[must_use]
    pub fn current_context(&self) -> Option<SpanContext> {
        self.activity.lock().current_context()
    }

    /// Returns the current baggage (`context.baggage`).
    #[must_use]
    pub fn baggage(&self) -> Vec<BaggageEntry> {
        self.activity.lock().baggage()
    }

    /// Returns the context of the referenced span, or `None` if there is none. Counts an invalid
    /// reference under `signal`.
    pub(super) fn resolve(&self, reference: SpanReference, signal: Signal) -> Option<SpanContext> {
        self.activity.lock().resolve(reference, signal)
    }

    /// Stores a panic if one of the records reports it. Takes the lock only then.
    #[inline]
    pub(super) fn note_panic(&self, records: &[LogRecord]) {
        if let Some(panic) = records.iter().find_map(Panic::of) {
            self.activity.lock().note_panic(panic);
        }
    }

    /// Returns the message of the guest's panic, if the panic caused the outcome.
    ///
    /// It did if the outcome is the trap `unreachable`, and the guest reported the panic shortly
    /// before and has not started, entered, exited or ended a span since. A guest that catches a
    /// panic does one of these, or returns. Call this before
    /// [`Invocation::finish`](crate::Invocation::finish), which removes the panic.
    #[must_use]
    pub fn panic_behind(&self, outcome: &Outcome) -> Option<String> {
        self.activity.lock().panic_behind(outcome)
    }

    /// Returns whether an invocation is in progress. Its end then records the outcome.
    #[must_use]
    pub fn is_invoked(&self) -> bool {
        !self.activity.lock().invocations.is_empty()
    }

    /// Records the duration of an instantiation in the runtime's metrics, and the outcome if it
    /// failed. Within an invocation, a trap is counted when the invocation ends.
    pub fn instantiated(&self, duration: Duration, failure: Option<&Outcome>) {
        let metrics = self.telemetry.runtime_metrics();
        let kind = failure.and_then(Outcome::failure);
        metrics.instantiation(duration, kind);
        if let Some(kind) = kind.filter(|_| !self.is_invoked()) {
            metrics.trap(kind);
        }
    }

    /// Returns an [`Ender`], which ends the instance's telemetry from another thread.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender::new(&self.activity)
    }

    /// Returns whether an [`Ender`] has ended it.
    #[inline]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.activity.has_ended()
    }

    /// Returns an error if an [`Ender`] has ended it.
    #[inline]
    pub(super) fn still_open(&self) -> Result<(), Reason> {
        if self.has_ended() {
            Err(Reason::Shutdown)
        } else {
            Ok(())
        }
    }
}
