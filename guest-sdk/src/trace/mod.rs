//! Traces: tracers, spans, and the guards that end and exit them.

pub(crate) mod active;
mod builder;
mod invocation;
pub(crate) mod pending;
mod span;
pub(crate) mod start;
mod tracer;

pub(crate) use active::{Panic, log_context};
pub use builder::SpanBuilder;
pub use invocation::{Invocation, invocation, route};
pub use span::{Entered, EnteredSpan, Span};
pub use tracer::Tracer;

/// Resets the state for another backend.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn reset() {
    active::reset();
    pending::reset();
    start::reset();
}
