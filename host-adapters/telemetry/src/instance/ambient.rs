//! The ambient context: entered spans, the host's span, and baggage.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};

use super::activity::Activity;
use crate::attributes::{Pending, Rules};
use crate::dropped::{Reason, Signal};
use crate::model::{BaggageEntry, BaggageHandle, Notice, RemoteContext, SpanHandle, SpanReference};
use crate::remote;

/// An entry of the stack of entered spans. The innermost is the last.
#[derive(Debug)]
pub(super) enum Entered {
    /// A recorded span. It is exited when it ends, so the span table always has it.
    Recorded(SpanHandle),
    /// An unrecorded span with its context, because its trace may be forgotten.
    Unrecorded(SpanHandle, Context),
    /// An invocation with the context of its host span, or else of its remote parent. `None` if it
    /// has neither.
    Host(Option<Context>),
}

impl Entered {
    fn is(&self, span: SpanHandle) -> bool {
        match self {
            Self::Recorded(handle) | Self::Unrecorded(handle, _) => *handle == span,
            Self::Host(_) => false,
        }
    }
}

/// Baggage that a guest has entered, or the baggage of an invocation.
#[derive(Debug)]
pub(super) struct EnteredBaggage {
    /// The guest's handle; `None` for an invocation's.
    pub(super) scope: Option<BaggageHandle>,
    pub(super) entries: Vec<BaggageEntry>,
}

impl Activity {
    /// Makes a span the ambient span (`tracer.enter`).
    pub(super) fn enter_span(&mut self, span: SpanHandle) -> Notice {
        self.forget_panic();
        if self.ended {
            return self.notice();
        }
        if let Err(reason) = self.enter(span) {
            self.telemetry.0.dropped.add(Signal::Traces, reason, 1);
        }
        self.notice()
    }

    fn enter(&mut self, span: SpanHandle) -> Result<(), Reason> {
        if self.entered.len() - self.invocations.len() >= self.telemetry.0.limits.entered_spans {
            return Err(Reason::EnteredSpans);
        }
        let entered = if !span.is_recorded() {
            let context = self.unrecorded.parent_context(span, &self.mixer);
            Entered::Unrecorded(span, context.ok_or(Reason::WrongHandle)?)
        } else {
            let Some(open) = self.spans.open_mut(span) else {
                return Err(self.not_of_guest(span));
            };
            open.entered += 1;
            Entered::Recorded(span)
        };
        self.entered.push(entered);
        Ok(())
    }

    /// Undoes the innermost `enter_span` of a span (`tracer.exit`).
    pub(super) fn exit_span(&mut self, span: SpanHandle) -> Notice {
        self.forget_panic();
        match self.entered.iter().rposition(|entered| entered.is(span)) {
            Some(at) => {
                self.entered.remove(at);
                if let Some(open) = self.spans.open_mut(span) {
                    open.entered = open.entered.saturating_sub(1);
                }
            }
            None if self.is_of_host(span) => {
                self.telemetry
                    .0
                    .dropped
                    .add(Signal::Traces, Reason::HostSpan, 1)
            }
            // The span's end has already exited it, so nothing is lost.
            None if self.has_ended(span) => {}
            None => self
                .telemetry
                .0
                .dropped
                .add(Signal::Traces, Reason::NotEntered, 1),
        }
        self.notice()
    }

    /// Returns whether the span is known but not open. This includes all unrecorded spans.
    fn has_ended(&mut self, span: SpanHandle) -> bool {
        self.spans.open_mut(span).is_none() && self.context_of(span).is_some()
    }

    /// Removes all entries of a span.
    pub(super) fn exit_all(&mut self, span: SpanHandle) {
        self.entered.retain(|entered| !entered.is(span));
    }

    /// Removes the entries of recorded spans that have ended.
    pub(super) fn exit_ended(&mut self) {
        let spans = &mut self.spans;
        self.entered.retain(|entered| match entered {
            Entered::Recorded(span) => spans.open_mut(*span).is_some(),
            Entered::Unrecorded(..) | Entered::Host(_) => true,
        });
    }

    /// Exits the latest invocation, and all spans and baggage that were entered in it.
    pub(super) fn exit_invocation(&mut self) {
        let host = self
            .entered
            .iter()
            .rposition(|entered| matches!(entered, Entered::Host(_)));
        for left in self.entered.split_off(host.unwrap_or(0)) {
            if let Entered::Recorded(span) = left
                && let Some(open) = self.spans.open_mut(span)
            {
                open.entered = open.entered.saturating_sub(1);
            }
        }
        let host = self
            .baggage
            .iter()
            .rposition(|entered| entered.scope.is_none());
        self.baggage.truncate(host.unwrap_or(0));
    }

    /// Returns the ambient span's context (`context.current`).
    pub(super) fn current_context(&self) -> Option<SpanContext> {
        let context = match self.entered.last()? {
            Entered::Recorded(span) => self.spans.context(*span).cloned(),
            Entered::Unrecorded(_, context) => Some(context.span().span_context().clone()),
            Entered::Host(context) => context
                .as_ref()
                .map(|context| context.span().span_context().clone()),
        };
        context.filter(SpanContext::is_valid)
    }

    /// Returns a handle for the ambient span, or zero if there is none (`tracer.ambient`).
    pub(super) fn ambient_span(&mut self) -> SpanHandle {
        match self.entered.last() {
            Some(Entered::Recorded(span) | Entered::Unrecorded(span, _)) => *span,
            Some(Entered::Host(Some(context))) => {
                let context = context.span().span_context().clone();
                let capacity = self.telemetry.0.limits.unrecorded_traces;
                self.unrecorded
                    .add_with_context(context, capacity, &self.mixer)
            }
            Some(Entered::Host(None)) | None => SpanHandle::NONE,
        }
    }

    /// Returns the parent context for child spans of the ambient span.
    pub(super) fn ambient_context(&mut self) -> Option<Context> {
        match self.entered.last()? {
            Entered::Recorded(span) => self.spans.parent_context(*span),
            Entered::Unrecorded(_, context) => Some(context.clone()),
            Entered::Host(context) => context.clone(),
        }
    }

    /// Returns the parent context for child spans of the referenced span. `None` for a root span.
    pub(super) fn parent_context(&mut self, reference: SpanReference) -> Option<Context> {
        match reference {
            SpanReference::Ambient => self.ambient_context(),
            SpanReference::None => None,
            SpanReference::Span(span) => {
                let context = if !span.is_recorded() {
                    self.unrecorded.parent_context(span, &self.mixer)
                } else {
                    self.spans
                        .parent_context(span)
                        .or_else(|| self.host_parent_context(span))
                };
                if context.is_none() {
                    self.telemetry
                        .0
                        .dropped
                        .add(Signal::Traces, Reason::WrongHandle, 1);
                    return self.ambient_context();
                }
                context
            }
            SpanReference::Remote(context) => self.remote_parent(&context),
        }
    }

    #[cold]
    fn remote_parent(&self, context: &RemoteContext) -> Option<Context> {
        let context = remote::context(context, self.telemetry.0.span_rules())?;
        Some(Context::new().with_remote_span_context(context))
    }

    /// Returns the context of the referenced span, or `None` if there is none. Counts an invalid
    /// reference under `signal`.
    pub(super) fn resolve(&self, reference: SpanReference, signal: Signal) -> Option<SpanContext> {
        let shared = &self.telemetry.0;
        let context = match reference {
            SpanReference::Ambient => self.current_context(),
            SpanReference::None => None,
            SpanReference::Span(span) => self.context_of(span).or_else(|| {
                shared.dropped.add(signal, Reason::WrongHandle, 1);
                self.current_context()
            }),
            SpanReference::Remote(context) => remote::context(
                &context,
                Rules {
                    signal,
                    ..shared.span_rules()
                },
            ),
        };
        context.filter(SpanContext::is_valid)
    }

    /// Returns the current baggage (`context.baggage`).
    pub(super) fn baggage(&self) -> Vec<BaggageEntry> {
        self.baggage
            .last()
            .map(|entered| entered.entries.clone())
            .unwrap_or_default()
    }

    /// Replaces the baggage (`context.enter-baggage`).
    pub(super) fn enter_baggage(&mut self, entries: Vec<BaggageEntry>) -> BaggageHandle {
        let shared = &self.telemetry.0;
        let (rules, left_out) = (shared.span_rules(), Pending::default());
        let given = entries.len().max(1) as u64;
        let entries = remote::baggage(entries, rules.pending(&left_out));
        self.baggage_scopes = self.baggage_scopes.wrapping_add(1);
        let scope = BaggageHandle::from_bits(self.baggage_tag.handle(self.baggage_scopes));
        if self.baggage.len() - self.invocations.len() < shared.limits.baggage_scopes {
            left_out.count(rules);
            self.baggage.push(EnteredBaggage {
                scope: Some(scope),
                entries,
            });
        } else {
            rules.count(Reason::BaggageScopes, given);
        }
        scope
    }

    /// Undoes an `enter_baggage` (`context.exit-baggage`).
    pub(super) fn exit_baggage(&mut self, scope: BaggageHandle) -> Notice {
        match self
            .baggage
            .iter()
            .rposition(|entered| entered.scope == Some(scope))
        {
            Some(at) => drop(self.baggage.remove(at)),
            // It was already exited, alone or with its invocation, or its entry was refused and
            // counted.
            None if self.was_entered(scope) => {}
            None => self
                .telemetry
                .0
                .dropped
                .add(Signal::Traces, Reason::NotEntered, 1),
        }
        self.notice()
    }

    fn was_entered(&self, scope: BaggageHandle) -> bool {
        let number = self.baggage_tag.index(scope.to_bits());
        number.is_some_and(|number| (1..=self.baggage_scopes).contains(&number))
    }
}
