//! Metrics about the runtime, recorded by adapters.

use opentelemetry_sdk::metrics::SdkMeterProvider;

/// The runtime's metrics.
#[derive(Debug)]
pub struct RuntimeMetrics {}

impl RuntimeMetrics {
    pub(crate) fn new(_provider: Option<&SdkMeterProvider>) -> Self {
        Self {}
    }

    /// Counts a trap by its kind, such as `unreachable`.
    pub fn trap(&self, _kind: &str) {}
}
