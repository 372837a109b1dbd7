//! Spans.

use opentelemetry::trace::SpanContext;

use super::Instance;
use crate::model::{Notice, Scope, SpanChanges, SpanEvent, SpanStart};

#[expect(clippy::todo, reason = "being written")]
#[expect(unused_variables, reason = "being written")]
impl Instance {
    /// Gives the tracer of a scope, the same for equal scopes (`tracer.get`).
    pub fn tracer(&mut self, scope: Scope) -> u64 {
        todo!()
    }

    /// Starts a span (`tracer.start`). The highest bit of the result says that it is not recorded.
    pub fn start_span(&mut self, start: SpanStart) -> u64 {
        todo!()
    }

    /// Notes what has been learnt about a span (`tracer.update`).
    pub fn update_span(&mut self, span: u64, changes: SpanChanges) -> Notice {
        todo!()
    }

    /// Adds an event to a span (`tracer.event`).
    pub fn span_event(&mut self, span: u64, event: SpanEvent) -> Notice {
        todo!()
    }

    /// Ends a span (`tracer.end`); `time` is in nanoseconds since the Unix epoch, `None` means now.
    pub fn end_span(&mut self, span: u64, changes: SpanChanges, time: Option<u64>) -> Notice {
        todo!()
    }

    /// Gives a span's context (`tracer.context-of`).
    pub fn span_context(&mut self, span: u64) -> Option<SpanContext> {
        todo!()
    }
}
