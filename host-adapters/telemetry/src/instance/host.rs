//! Invocations of an instance, and their host spans.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};

use super::activity::Activity;
use super::ambient::{Entered, EnteredBaggage};
use crate::host_span::{HostSpan, StartIn};
use crate::invocation::InvocationOptions;
use crate::model::SpanHandle;
use crate::remote;

/// An invocation that has begun.
#[derive(Debug)]
pub(super) struct ActiveInvocation {
    pub(super) span: HostSpan,
    /// The guest's handle for the span. [`SpanHandle::NONE`] until the guest asks for it.
    pub(super) handle: SpanHandle,
    /// Whether the guest has started a span of kind server, from which the route is taken.
    pub(super) has_server_span: bool,
}

impl Activity {
    /// Begins an invocation. Returns its depth, which is 1 for the outermost.
    pub(super) fn begin_invocation(&mut self, options: InvocationOptions) -> u32 {
        // Without an enclosing invocation there is no parent: a span that the guest left entered
        // after an earlier call is not one.
        let is_nested = !self.invocations.is_empty();
        let span = self.start_host_span(options, is_nested);
        self.begin_invocation_in(span)
    }

    /// Begins an invocation in a span that has started already. Returns its depth.
    pub(super) fn begin_invocation_in(&mut self, mut span: HostSpan) -> u32 {
        if let Some(open) = span.open_mut() {
            self.spans.adopt_host(open);
        }
        self.entered.push(Entered::Host(span.parent_context()));
        self.baggage.push(EnteredBaggage {
            scope: None,
            entries: span.baggage().to_vec(),
        });
        self.invocations.push(ActiveInvocation {
            span,
            handle: SpanHandle::NONE,
            has_server_span: false,
        });
        self.invocations.len() as u32
    }

    /// Starts a span of the host for an operation that the guest requests from it.
    ///
    /// Its parent is the span in the options' `traceparent` if that belongs to the ambient trace,
    /// else the ambient span. The span of the caller does not count, because guests pass their
    /// incoming headers on. The decision of the sampler stays that of the ambient span.
    pub(super) fn start_child_span(&mut self, mut options: InvocationOptions) -> HostSpan {
        let own = options.traceparent.take().and_then(|traceparent| {
            let state = options.tracestate.take().unwrap_or_default();
            self.parent_in_trace(&traceparent, &state)
        });
        options.baggage = None;
        let parent = own.or_else(|| self.ambient_context());
        let start = StartIn {
            component: &self.component,
            parent,
            baggage: self.baggage(),
            is_open: !self.ended,
        };
        HostSpan::start(&self.telemetry, options, start)
    }

    /// Returns the span of a `traceparent` as a parent, if it belongs to the ambient trace.
    fn parent_in_trace(&self, traceparent: &str, tracestate: &str) -> Option<Context> {
        let ambient = self.current_context()?;
        if remote::trace_id(traceparent)? != ambient.trace_id() {
            return None;
        }
        let rules = self.telemetry.0.span_rules();
        let own = remote::headers(traceparent, tracestate, rules)?;
        let mut invocations = self.invocations.iter();
        if invocations.any(|active| active.span.remote_parent() == Some(own.span_id())) {
            return None;
        }
        let (trace, flags) = (ambient.trace_id(), ambient.trace_flags());
        let state = own.trace_state().clone();
        let parent = SpanContext::new(trace, own.span_id(), flags, true, state);
        Some(Context::new().with_remote_span_context(parent))
    }

    fn start_host_span(&mut self, options: InvocationOptions, is_nested: bool) -> HostSpan {
        let (parent, baggage) = if is_nested {
            (self.ambient_context(), self.baggage())
        } else {
            (None, Vec::new())
        };
        let start = StartIn {
            component: &self.component,
            parent,
            baggage,
            is_open: !self.ended,
        };
        HostSpan::start(&self.telemetry, options, start)
    }
}
