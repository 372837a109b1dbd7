//! The methods of an instance about spans, baggage and invocations.

use opentelemetry::trace::SpanContext;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::activity::Ender;
use super::panic::Panic;
use super::{Activity, Instance};
use crate::dropped::{Reason, Signal};
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
    /// Returns the tracer of a scope, the same for equal scopes (`tracer.get`).
    pub fn tracer(scope: Scope) -> TracerHandle;

    /// Starts a span (`tracer.start`). The highest bit of the result says that it is not recorded,
    /// and the one beside it that attributes have no part in that.
    pub fn start_span(start: SpanStart) -> SpanHandle;

    /// Notes what has been learnt about a span (`tracer.update`).
    pub fn update_span(span: SpanHandle, changes: SpanChanges) -> Notice;

    /// Adds an event to a span (`tracer.event`).
    pub fn span_event(span: SpanHandle, event: SpanEvent) -> Notice;

    /// Ends a span (`tracer.end`); `time` is in nanoseconds since the Unix epoch, `None` means now.
    pub fn end_span(span: SpanHandle, changes: SpanChanges, time: Option<u64>) -> Notice;

    /// Returns a span's context (`tracer.context-of`).
    pub fn span_context(span: SpanHandle) -> Option<SpanContext>;

    /// Makes a span the ambient one (`tracer.enter`).
    pub fn enter_span(span: SpanHandle) -> Notice;

    /// Undoes the innermost `enter_span` of a span (`tracer.exit`).
    pub fn exit_span(span: SpanHandle) -> Notice;

    /// Returns a handle that stands for the ambient span, zero for none (`tracer.ambient`).
    pub fn ambient_span() -> SpanHandle;

    /// Replaces the baggage (`context.enter-baggage`).
    pub fn enter_baggage(entries: Vec<BaggageEntry>) -> BaggageHandle;

    /// Undoes an `enter_baggage` (`context.exit-baggage`).
    pub fn exit_baggage(scope: BaggageHandle) -> Notice;

    /// Begins an invocation, and gives its depth: 1 for the outermost.
    pub(crate) fn begin_invocation(options: InvocationOptions) -> u32;

    /// Ends the invocation of a depth, those within it, and every span that the guest started in
    /// them and left open.
    ///
    /// Where the guest cannot go on, all that is open ends.
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

    /// Returns the baggage that holds (`context.baggage`).
    #[must_use]
    pub fn baggage(&self) -> Vec<BaggageEntry> {
        self.activity.lock().baggage()
    }

    /// Returns the context of the span that is meant, `None` for none. What is wrong with it is
    /// counted under `signal`.
    pub(super) fn resolve(&self, reference: SpanReference, signal: Signal) -> Option<SpanContext> {
        self.activity.lock().resolve(reference, signal)
    }

    /// Notes a panic if one of the records reports it. Takes the lock only then.
    #[inline]
    pub(super) fn note_panic(&self, records: &[LogRecord]) {
        if let Some(panic) = records.iter().find_map(Panic::of) {
            self.activity.lock().note_panic(panic);
        }
    }

    /// Returns the message of the guest's panic, if the panic caused the outcome.
    ///
    /// It did if the outcome is the trap `unreachable`, the guest reported the panic shortly
    /// before, and it has not started, entered, exited or ended a span since. A guest that caught
    /// the panic and goes on does one of these, or returns. Ask before
    /// [`Invocation::finish`](crate::Invocation::finish), which forgets the panic.
    #[must_use]
    pub fn panic_behind(&self, outcome: &Outcome) -> Option<String> {
        self.activity.lock().panic_behind(outcome)
    }

    /// Returns whether an invocation is under way, which then accounts for how what happens ends.
    #[must_use]
    pub fn is_invoked(&self) -> bool {
        !self.activity.lock().invocations.is_empty()
    }

    /// Records that a component was instantiated, or has failed to be, for the runtime's metrics:
    /// how long it took, and its end if it was no good one. Within an invocation, a trap is counted
    /// when that ends.
    pub fn instantiated(&self, duration: Duration, failure: Option<&Outcome>) {
        let metrics = self.telemetry.runtime_metrics();
        let kind = failure.and_then(Outcome::failure);
        metrics.instantiation(duration, kind);
        if let Some(kind) = kind.filter(|_| !self.is_invoked()) {
            metrics.trap(kind);
        }
    }

    /// Returns what ends the instance's telemetry from another thread.
    #[must_use]
    pub fn ender(&self) -> Ender {
        Ender::new(&self.activity)
    }

    /// Returns true once an [`Ender`] has ended it.
    #[inline]
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.activity.has_ended()
    }

    /// Returns why nothing is recorded any more, if so.
    #[inline]
    pub(super) fn still_open(&self) -> Result<(), Reason> {
        if self.has_ended() {
            Err(Reason::Shutdown)
        } else {
            Ok(())
        }
    }
}
