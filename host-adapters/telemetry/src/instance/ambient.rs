//! What surrounds the running code: entered spans, and baggage.

use opentelemetry::trace::SpanContext;

use super::Instance;
use crate::dropped::Signal;
use crate::model::{BaggageEntry, Notice, SpanReference};

#[expect(clippy::todo, reason = "being written")]
#[expect(unused_variables, reason = "being written")]
impl Instance {
    /// Makes a span the ambient one (`tracer.enter`).
    pub fn enter_span(&mut self, span: u64) -> Notice {
        todo!()
    }

    /// Undoes the innermost `enter_span` of a span (`tracer.exit`).
    pub fn exit_span(&mut self, span: u64) -> Notice {
        todo!()
    }

    /// Gives the ambient span's context (`context.current`).
    #[must_use]
    pub fn current_context(&self) -> Option<SpanContext> {
        todo!()
    }

    /// Gives the baggage that holds (`context.baggage`).
    #[must_use]
    pub fn baggage(&self) -> Vec<BaggageEntry> {
        todo!()
    }

    /// Replaces the baggage (`context.enter-baggage`).
    pub fn enter_baggage(&mut self, entries: Vec<BaggageEntry>) -> u64 {
        todo!()
    }

    /// Undoes an `enter_baggage` (`context.exit-baggage`).
    pub fn exit_baggage(&mut self, scope: u64) -> Notice {
        todo!()
    }

    /// Gives the context of the span that is meant, `None` for none. What is wrong with it is counted under `signal`.
    #[expect(dead_code, reason = "for logs")]
    pub(crate) fn resolve(&mut self, reference: SpanReference, signal: Signal) -> Option<SpanContext> {
        todo!()
    }
}
