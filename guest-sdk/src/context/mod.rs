//! What surrounds the running code: the ambient span, and baggage.

mod baggage;
mod header;
mod w3c;

pub use baggage::{BaggageEntry, BaggageGuard, baggage, enter_baggage, with_baggage_entry};
#[cfg(feature = "opentelemetry")]
pub(crate) use header::write_member;
pub use header::{baggage_from_header, baggage_header};

use crate::SpanContext;
use crate::backend;
use crate::trace::active;

/// Gives the context of the ambient span: the innermost entered one, or beneath those the host's own span around the
/// call; `None` where there is neither. Asks the host each time.
#[must_use]
pub fn current() -> Option<SpanContext> {
    match active::unrecorded() {
        Some(span) => backend::tracer::context_of(span),
        None => backend::context::current(),
    }
}
