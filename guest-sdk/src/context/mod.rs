//! The context of the running code: the ambient span, and baggage.

mod baggage;
mod header;
mod w3c;

use crate::backend;
use crate::trace::active;
use crate::types::SpanContext;

pub use baggage::{BaggageGuard, baggage, enter_baggage, with_baggage_entry};
#[cfg(feature = "opentelemetry")]
pub(crate) use header::write_member;
pub use header::{baggage_from_header, baggage_header};

/// Returns the context of the ambient span, or `None` if there is none. The ambient span is the
/// innermost entered one, or else the host's own span around the call. Asks the host each time.
#[must_use]
pub fn current() -> Option<SpanContext> {
    match active::unrecorded() {
        Some(span) => backend::tracer::context_of(span),
        None => backend::context::current(),
    }
}
