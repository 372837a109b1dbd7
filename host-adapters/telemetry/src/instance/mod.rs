//! The telemetry of one component instance.

mod ambient;
mod logs;
mod metrics;
mod spans;

use std::sync::Arc;

use crate::dropped::{Reason, Signal};
use crate::model::Notice;
use crate::telemetry::Telemetry;

/// The telemetry of one component instance: its spans, instruments, loggers and baggage.
///
/// Adapters keep one beside each Wasm instance (each store), and turn every call of the guest into one of its methods. None
/// of them fails, blocks or panics, whatever the guest passes: what is wrong or too much is dropped and
/// counted in [`Telemetry::dropped`].
///
/// Spans that are open when it is dropped are ended as killed.
#[derive(Debug)]
pub struct Instance {
    telemetry: Telemetry,
    component: Arc<str>,
    metrics: metrics::Metrics,
    logs: logs::Logs,
}

impl Instance {
    pub(crate) fn new(telemetry: Telemetry, component: Arc<str>) -> Self {
        Self {
            telemetry,
            component,
            metrics: metrics::Metrics::default(),
            logs: logs::Logs::default(),
        }
    }

    /// Gives the telemetry that it belongs to.
    #[must_use]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Gives the component's name.
    #[must_use]
    pub fn component(&self) -> &str {
        &self.component
    }

    /// Counts what an adapter left out while it lifted a call, usually by [`crate::limits::Budget`].
    pub fn count_dropped(&mut self, signal: Signal, reason: Reason, items: u64) {
        self.telemetry.0.dropped.add(signal, reason, items);
    }

    /// What every call that returns nothing else tells the guest.
    pub(crate) fn notice(&self) -> Notice {
        let generation = u64::from(self.telemetry.0.log_levels.generation());
        generation | (u64::from(self.metrics.collection_due(&self.telemetry.0)) << 63)
    }
}
