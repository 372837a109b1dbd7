//! Meters.

use crate::backend::{Slot, meter};
use crate::scope::Scope;
use crate::types::MeterHandle;

/// Creates instruments of one instrumentation scope. It is constant: keep it in a `static`.
#[derive(Debug)]
pub struct Meter {
    scope: Scope,
    handle: Slot<MeterHandle>,
}

impl Meter {
    /// Creates the meter of a scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            handle: Slot::new(),
        }
    }

    pub(super) fn handle(&self) -> MeterHandle {
        self.handle.get_or(|| meter::get(self.scope.as_contract()))
    }
}
