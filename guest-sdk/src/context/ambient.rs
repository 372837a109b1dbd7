//! The ambient span.

use crate::backend;
use crate::trace::active;
use crate::types::SpanContext;

/// Returns the context of the ambient span: the innermost entered one, or else the host's own span
/// around the call, or `None` if there is neither. Asks the host each time.
#[must_use]
pub fn current() -> Option<SpanContext> {
    match active::unrecorded() {
        Some(span) => backend::tracer::context_of(span),
        None => backend::context::current(),
    }
}
