//! Invocations of an instance, and their host spans.

use opentelemetry::trace::TraceContextExt as _;

use super::activity::Activity;
use super::ambient::{Entered, EnteredBaggage};
use crate::host_span::{HostSpan, StartIn};
use crate::invocation::InvocationOptions;
use crate::remote;

/// An invocation that has begun.
#[derive(Debug)]
pub(super) struct ActiveInvocation {
    pub(super) span: HostSpan,
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
    pub(super) fn begin_invocation_in(&mut self, span: HostSpan) -> u32 {
        self.entered.push(Entered::Host(span.parent_context()));
        self.baggage.push(EnteredBaggage {
            scope: None,
            entries: span.baggage().to_vec(),
        });
        self.invocations.push(ActiveInvocation { span });
        self.invocations.len() as u32
    }

    /// Starts a span of the host for an operation that the guest requests from it.
    ///
    /// Its parent is the span in the options' `traceparent` if that belongs to the ambient trace,
    /// else the ambient span.
    pub(super) fn start_child_span(&mut self, mut options: InvocationOptions) -> HostSpan {
        let ambient = self.ambient_context();
        let same_trace = options.traceparent.as_deref().is_some_and(|header| {
            let trace = remote::trace_id(header);
            let ambient = ambient.as_ref();
            trace.is_some()
                && trace == ambient.map(|context| context.span().span_context().trace_id())
        });
        if !same_trace {
            options.traceparent = None;
        }
        options.baggage = None;
        self.start_host_span(options, true)
    }

    fn start_host_span(&mut self, options: InvocationOptions, in_context: bool) -> HostSpan {
        let (parent, baggage) = if in_context {
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
