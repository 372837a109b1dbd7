//! Ends calls, and the spans that a guest has left open in them.
//!
//! Spans are first removed from their instance, then ended. The end of a span runs the span
//! processors, which may be slow. An [`Ender`](super::Ender) must not hold the instance's lock for
//! that time.

use std::borrow::Cow;
use std::time::SystemTime;

use super::activity::Activity;
use super::host::ActiveInvocation;
use super::invocation_span::take_over_route;
use super::open_span::{ForcedEnd, OpenSpan};
use super::panic::{Cause, Panic};
use crate::host_span::HostSpan;
use crate::invocation::Outcome;
use crate::refusals::Refused;
use crate::telemetry::Telemetry;

/// A span that was removed from its instance and is not ended yet.
#[derive(Debug)]
pub(super) enum TakenSpan {
    /// A guest's span.
    Guest(OpenSpan),
    /// An invocation's host span, with the memory that was refused during the invocation.
    Host(HostSpan, Option<Refused>),
}

/// Ends spans that were removed from an instance.
pub(super) struct Closing<'a> {
    telemetry: &'a Telemetry,
    outcome: &'a Outcome,
    cause: Cause<'a>,
    /// The error's type and description.
    error: Option<(Cow<'a, str>, Cow<'a, str>)>,
    time: SystemTime,
}

impl<'a> Closing<'a> {
    pub(super) fn new(
        telemetry: &'a Telemetry,
        outcome: &'a Outcome,
        panic: Option<&'a Panic>,
    ) -> Self {
        let cause = Cause::new(outcome, panic);
        let error = cause.error();
        Self {
            telemetry,
            outcome,
            cause,
            error,
            time: SystemTime::now(),
        }
    }

    pub(super) fn end(&self, taken: TakenSpan) {
        let reason = self.outcome.end_reason();
        let shared = &self.telemetry.0;
        match taken {
            TakenSpan::Guest(mut open) => {
                let error = self.error().map(|(error_type, description)| {
                    (error_type, self.cause.of_guest(description))
                });
                let end = ForcedEnd { reason, error };
                open.end_forced(&end, self.time, shared.sdk_counts, shared.span_rules());
            }
            TakenSpan::Host(mut span, refused) => {
                self.set_outcome(&mut span, refused);
                span.end_at(self.time);
            }
        }
    }

    /// Records the outcome on a host span, which stays open.
    fn set_outcome(&self, span: &mut HostSpan, refused: Option<Refused>) {
        span.set_outcome(self.outcome, self.error(), refused);
    }

    fn error(&self) -> Option<(&str, &str)> {
        let error = self.error.as_ref();
        error.map(|(error_type, description)| (&**error_type, &**description))
    }

    /// Counts the failure of a call, if it failed.
    pub(super) fn count_failure(&self) {
        if let Some(kind) = self.cause.failure() {
            self.telemetry.runtime_metrics().trap(kind);
        }
    }
}

impl Activity {
    /// Ends the invocation at a depth, those within it, and all spans that the guest started in
    /// them and left open.
    ///
    /// If the guest itself has ended, all its open spans end.
    pub(super) fn finish_invocation(&mut self, depth: u32, outcome: &Outcome) {
        if let Some((span, time)) = self.close_invocation(depth, outcome) {
            span.end_at(time);
        }
    }

    /// Ends an invocation as [`finish_invocation`](Self::finish_invocation) does, but not its host
    /// span. Returns `None` if an [`Ender`](super::Ender) has ended it.
    pub(super) fn hand_over_invocation(
        &mut self,
        depth: u32,
        outcome: &Outcome,
    ) -> Option<HostSpan> {
        self.close_invocation(depth, outcome).map(|(span, _)| span)
    }

    /// Ends the invocation at a depth but for its host span, which it returns with the time of the
    /// end.
    fn close_invocation(
        &mut self,
        depth: u32,
        outcome: &Outcome,
    ) -> Option<(HostSpan, SystemTime)> {
        let telemetry = self.telemetry.clone();
        let panic = self.panic.take();
        let closing = Closing::new(&telemetry, outcome, panic.as_deref());
        // The last host span is that of the depth.
        let mut last: Option<HostSpan> = None;
        let found = self.take_invocations(depth, outcome, &mut |taken| match taken {
            TakenSpan::Host(mut span, refused) => {
                closing.set_outcome(&mut span, refused);
                if let Some(inner) = last.replace(span) {
                    inner.end_at(closing.time);
                }
            }
            TakenSpan::Guest(_) => closing.end(taken),
        });
        if found {
            closing.count_failure();
        }
        last.map(|span| (span, closing.time))
    }

    /// Removes the host spans of the invocation at a depth and of those within it, and the spans
    /// that the guest has left open in them. The latest are removed first. Returns false if there
    /// is no such invocation.
    fn take_invocations(
        &mut self,
        depth: u32,
        outcome: &Outcome,
        take: &mut impl FnMut(TakenSpan),
    ) -> bool {
        let mut found = false;
        while self.invocations.len() as u32 >= depth.max(1) {
            self.take_spans(self.invocations.len() as u32, take);
            self.exit_invocation();
            let refused = self.refusals.take();
            if let Some(ActiveInvocation { mut span, .. }) = self.invocations.pop() {
                if let Some(open) = span.open_mut() {
                    self.spans.release_host(open);
                }
                take(TakenSpan::Host(span, refused));
            }
            found = true;
        }
        if found && outcome.ends_the_guest() && self.invocations.is_empty() {
            self.take_spans(0, take);
        }
        found
    }

    /// Removes the open spans that started at an invocation depth of at least `depth`. The latest
    /// are removed first.
    fn take_spans(&mut self, depth: u32, take: &mut impl FnMut(TakenSpan)) {
        let mut are_entered = false;
        for span in self.spans.open_from(depth) {
            if let Some(open) = self.spans.take(span) {
                are_entered |= open.entered > 0;
                take_over_route(&mut self.invocations, &open, self.telemetry.0.span_rules());
                take(TakenSpan::Guest(open));
            }
        }
        if are_entered {
            self.exit_ended();
        }
    }

    /// Removes all host spans and open spans, and a reported panic. Nothing is recorded after this.
    pub(super) fn take_all(&mut self, outcome: &Outcome) -> TakenSpans {
        self.ended = true;
        let mut taken = Vec::new();
        let mut take = |one| taken.push(one);
        let was_called = self.take_invocations(1, outcome, &mut take);
        self.take_spans(0, &mut take);
        TakenSpans {
            telemetry: self.telemetry.clone(),
            panic: self.panic.take(),
            taken,
            was_called,
        }
    }
}

/// All spans and calls that were open in an instance.
pub(super) struct TakenSpans {
    telemetry: Telemetry,
    panic: Option<Box<Panic>>,
    taken: Vec<TakenSpan>,
    /// Whether an invocation was active.
    was_called: bool,
}

impl TakenSpans {
    pub(super) fn end(self, outcome: &Outcome) {
        let closing = Closing::new(&self.telemetry, outcome, self.panic.as_deref());
        for taken in self.taken {
            closing.end(taken);
        }
        if self.was_called {
            closing.count_failure();
        }
    }
}
