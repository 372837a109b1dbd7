//! Traces: tracers, spans and the guards that end and leave them.

pub(crate) mod active;
mod builder;
pub(crate) mod pending;
mod span;
pub(crate) mod start;
pub(crate) mod types;

pub use builder::SpanBuilder;
pub use span::{Entered, EnteredSpan, Span};

use crate::Scope;
use crate::backend::{self, Slot};

/// Makes spans that carry one instrumentation scope.
///
/// A tracer is cheap and constant: keep it in a `static`. The host is asked for its handle with the first span.
///
/// ```
/// use wasmscope::Tracer;
///
/// static TRACER: Tracer = wasmscope::tracer!();
///
/// let span = TRACER.start("price order");
/// span.set_attribute("order.id", 17);
/// drop(span); // ended here
/// ```
#[derive(Debug)]
pub struct Tracer {
    scope: Scope,
    slot: Slot,
}

impl Tracer {
    /// Makes the tracer of a scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            slot: Slot::new(),
        }
    }

    /// Starts building a span.
    pub fn span<'a>(&'a self, name: &'a str) -> SpanBuilder<'a> {
        SpanBuilder::new(self, name)
    }

    /// Starts a span whose parent is the ambient one, without entering it.
    pub fn start(&self, name: &str) -> Span {
        self.span(name).start()
    }

    /// Starts a span whose parent is the ambient one, and enters it: spans that are started until it ends become its children.
    pub fn enter(&self, name: &str) -> EnteredSpan {
        self.span(name).enter()
    }

    pub(crate) fn handle(&self) -> u64 {
        self.slot
            .get_or(|| backend::tracer::get(self.scope.as_contract()))
    }
}
