//! Metrics about the runtime, recorded by adapters.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider, UpDownCounter};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_semantic_conventions::attribute::ERROR_TYPE;

use crate::telemetry::host_scope;

/// The upper bounds of the buckets of instantiation times, in seconds: from a pooled instance to one whose start function works.
const INSTANTIATION_BOUNDS: [f64; 12] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.25,
    1.0,
];

/// The runtime's metrics, on the scope `wasmscope`. Without a meter provider they go nowhere.
///
/// | metric | instrument | unit | attributes |
/// |---|---|---|---|
/// | `wasmscope.runtime.memory` | up-down counter | `By` | |
/// | `wasmscope.runtime.instances` | up-down counter | `{instance}` | |
/// | `wasmscope.runtime.traps` | counter | `{trap}` | `error.type` |
/// | `wasmscope.runtime.instantiation.duration` | histogram | `s` | `error.type`, where it failed |
/// | `wasmscope.runtime.fuel` | counter | `{fuel}` | |
///
/// None of them carries the component's name: the number of series does not grow with what is run.
#[derive(Debug)]
pub struct RuntimeMetrics(Option<Instruments>);

#[derive(Debug)]
struct Instruments {
    memory: UpDownCounter<i64>,
    instances: UpDownCounter<i64>,
    traps: Counter<u64>,
    instantiation: Histogram<f64>,
    fuel: Counter<u64>,
}

impl RuntimeMetrics {
    pub(crate) fn new(provider: Option<&SdkMeterProvider>) -> Self {
        Self(provider.map(|provider| {
            let meter = provider.meter_with_scope(host_scope());
            Instruments {
                memory: meter
                    .i64_up_down_counter("wasmscope.runtime.memory")
                    .with_unit("By")
                    .with_description("Linear memory that instances have")
                    .build(),
                instances: meter
                    .i64_up_down_counter("wasmscope.runtime.instances")
                    .with_unit("{instance}")
                    .with_description("Component instances that exist")
                    .build(),
                traps: meter
                    .u64_counter("wasmscope.runtime.traps")
                    .with_unit("{trap}")
                    .with_description("Calls that ended by a trap")
                    .build(),
                instantiation: meter
                    .f64_histogram("wasmscope.runtime.instantiation.duration")
                    .with_unit("s")
                    .with_description(
                        "Time to instantiate a component, its start functions included",
                    )
                    .with_boundaries(INSTANTIATION_BOUNDS.to_vec())
                    .build(),
                fuel: meter
                    .u64_counter("wasmscope.runtime.fuel")
                    .with_unit("{fuel}")
                    .with_description("Fuel that calls have consumed, where the engine meters it")
                    .build(),
            }
        }))
    }

    /// Notes that linear memory has grown by `delta` bytes, or shrunk where that is negative.
    pub fn memory(&self, delta: i64) {
        if let Some(instruments) = &self.0 {
            instruments.memory.add(delta, &[]);
        }
    }

    /// Notes that there are `delta` more instances, or fewer where that is negative.
    pub fn instances(&self, delta: i64) {
        if let Some(instruments) = &self.0 {
            instruments.instances.add(delta, &[]);
        }
    }

    /// Counts a trap by its kind, such as `unreachable`.
    pub fn trap(&self, kind: &str) {
        if let Some(instruments) = &self.0 {
            instruments.traps.add(1, &[error_type(kind)]);
        }
    }

    /// Records how long an instantiation took, and if it failed by what kind of error.
    pub fn instantiation(&self, duration: Duration, error: Option<&str>) {
        if let Some(instruments) = &self.0 {
            let error = error.map(error_type);
            instruments
                .instantiation
                .record(duration.as_secs_f64(), error.as_slice());
        }
    }

    /// Counts consumed fuel, in the engine's own unit.
    pub fn fuel(&self, consumed: u64) {
        // An engine's counter may have been set meanwhile: whatever comes of it must not overflow a sum.
        let consumed = consumed.min(1 << 53);
        if let Some(instruments) = self.0.as_ref().filter(|_| consumed > 0) {
            instruments.fuel.add(consumed, &[]);
        }
    }
}

fn error_type(kind: &str) -> KeyValue {
    KeyValue::new(ERROR_TYPE, kind.to_owned())
}
