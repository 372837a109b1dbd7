//! Tracers.

use crate::backend::{Slot, tracer};
use crate::scope::Scope;
use crate::types::TracerHandle;

/// Starts spans of one instrumentation scope.
///
/// It is constant: keep it in a `static`. The first span asks the host for its handle.
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
    handle: Slot<TracerHandle>,
}

impl Tracer {
    /// Creates the tracer of a scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            handle: Slot::new(),
        }
    }

    pub(crate) fn handle(&self) -> TracerHandle {
        self.handle.get_or(|| tracer::get(self.scope.as_contract()))
    }
}
