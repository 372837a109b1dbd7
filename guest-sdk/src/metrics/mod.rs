//! Metrics: instruments that the host aggregates, across all instances.

mod instrument;
mod number;
pub(crate) mod observable;
pub(crate) mod types;

pub use instrument::{Counter, Gauge, Histogram, Series, UpDownCounter};
pub use number::{CounterNumber, GaugeNumber, HistogramNumber, Measurement, UpDownCounterNumber};
pub use observable::{ObservableCounter, ObservableGauge, ObservableUpDownCounter, Observer};

use crate::Scope;
use crate::backend::{self, Slot};

/// Makes instruments that carry one instrumentation scope; keep it in a `static`.
#[derive(Debug)]
pub struct Meter {
    scope: Scope,
    slot: Slot,
}

impl Meter {
    /// Makes the meter of a scope.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self {
            scope,
            slot: Slot::new(),
        }
    }

    pub(crate) fn handle(&self) -> u64 {
        self.slot
            .get_or(|| backend::meter::get(self.scope.as_contract()))
    }
}
