//! Metrics about the runtime, recorded by adapters.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Histogram, MeterProvider, UpDownCounter};
use opentelemetry_sdk::metrics::SdkMeterProvider;

use crate::emitted::{attribute, metric};
use crate::telemetry::host_scope;

/// The upper bounds of the buckets of instantiation times, in seconds: from a pooled instance to an
/// instance with a slow start function.
const INSTANTIATION_BOUNDS: [f64; 12] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.25,
    1.0,
];

/// The runtime's metrics, on the scope `wasmscope`. Without a meter provider they are ignored.
///
/// [`crate::emitted::METRICS`] lists them. None has the component's name as an attribute, so the
/// number of series does not grow with the number of components.
#[derive(Debug)]
pub struct RuntimeMetrics(Option<Instruments>);

#[derive(Debug)]
struct Instruments {
    memory: UpDownCounter<i64>,
    memory_refusals: Counter<u64>,
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
                    .i64_up_down_counter(metric::MEMORY.name)
                    .with_unit(metric::MEMORY.unit)
                    .with_description(metric::MEMORY.description)
                    .build(),
                memory_refusals: meter
                    .u64_counter(metric::MEMORY_REFUSALS.name)
                    .with_unit(metric::MEMORY_REFUSALS.unit)
                    .with_description(metric::MEMORY_REFUSALS.description)
                    .build(),
                instances: meter
                    .i64_up_down_counter(metric::INSTANCES.name)
                    .with_unit(metric::INSTANCES.unit)
                    .with_description(metric::INSTANCES.description)
                    .build(),
                traps: meter
                    .u64_counter(metric::TRAPS.name)
                    .with_unit(metric::TRAPS.unit)
                    .with_description(metric::TRAPS.description)
                    .build(),
                instantiation: meter
                    .f64_histogram(metric::INSTANTIATION.name)
                    .with_unit(metric::INSTANTIATION.unit)
                    .with_description(metric::INSTANTIATION.description)
                    .with_boundaries(INSTANTIATION_BOUNDS.to_vec())
                    .build(),
                fuel: meter
                    .u64_counter(metric::FUEL.name)
                    .with_unit(metric::FUEL.unit)
                    .with_description(metric::FUEL.description)
                    .build(),
            }
        }))
    }

    /// Adds `delta` to the bytes of linear memory. A negative number means that memory was freed.
    pub fn memory(&self, delta: i64) {
        if let Some(instruments) = &self.0 {
            instruments.memory.add(delta, &[]);
        }
    }

    /// Counts a growth of a memory or table that a limiter refused.
    pub fn memory_refused(&self) {
        if let Some(instruments) = &self.0 {
            instruments.memory_refusals.add(1, &[]);
        }
    }

    /// Adds `delta` to the number of instances. A negative number means that instances have ended.
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

    /// Records the duration of an instantiation. `error` is the kind of error if it failed.
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
        // The embedder may have set the engine's counter meanwhile. A wrong difference must not
        // overflow the sum.
        let consumed = consumed.min(1 << 53);
        if let Some(instruments) = self.0.as_ref().filter(|_| consumed > 0) {
            instruments.fuel.add(consumed, &[]);
        }
    }
}

fn error_type(kind: &str) -> KeyValue {
    KeyValue::new(attribute::ERROR_TYPE.key, kind.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use opentelemetry_sdk::metrics::InMemoryMetricExporter;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};

    use super::*;

    /// Returns each point as text: `name{attributes} unit kind value`.
    fn exported(record: impl FnOnce(&RuntimeMetrics)) -> BTreeMap<String, String> {
        let exporter = InMemoryMetricExporter::default();
        let provider = SdkMeterProvider::builder()
            .with_periodic_exporter(exporter.clone())
            .build();
        record(&RuntimeMetrics::new(Some(&provider)));
        provider.force_flush().unwrap();
        let finished = exporter.get_finished_metrics().unwrap();
        let metrics = finished
            .iter()
            .flat_map(|resource| resource.scope_metrics())
            .filter(|scope| scope.scope().name() == "wasmscope")
            .flat_map(|scope| scope.metrics());
        let mut points = BTreeMap::new();
        for metric in metrics {
            let mut add = |attributes: Vec<String>, value: String| {
                let key = format!(
                    "{}{{{}}} {}",
                    metric.name(),
                    attributes.join(","),
                    metric.unit()
                );
                points.insert(key, value);
            };
            fn text<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> Vec<String> {
                attributes
                    .map(|kv| format!("{}={}", kv.key, kv.value))
                    .collect()
            }
            match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) if sum.is_monotonic() => {
                    sum.data_points()
                        .for_each(|p| add(text(p.attributes()), format!("counter {}", p.value())));
                }
                AggregatedMetrics::I64(MetricData::Sum(sum)) if !sum.is_monotonic() => {
                    sum.data_points()
                        .for_each(|p| add(text(p.attributes()), format!("up-down {}", p.value())));
                }
                AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                    histogram.data_points().for_each(|p| {
                        add(
                            text(p.attributes()),
                            format!("histogram {} {}", p.count(), p.sum()),
                        );
                    });
                }
                AggregatedMetrics::U64(other) => panic!("unexpected {other:?}"),
                AggregatedMetrics::I64(other) => panic!("unexpected {other:?}"),
                AggregatedMetrics::F64(other) => panic!("unexpected {other:?}"),
            }
        }
        points
    }

    #[test]
    fn every_metric_has_the_name_unit_kind_and_attributes_of_the_table() {
        let points = exported(|metrics| {
            metrics.memory(65_536);
            metrics.memory(65_536);
            metrics.memory(-65_536);
            metrics.memory_refused();
            metrics.instances(1);
            metrics.trap("unreachable");
            metrics.trap("unreachable");
            metrics.trap("out_of_fuel");
            metrics.instantiation(Duration::from_millis(250), None);
            metrics.instantiation(Duration::from_millis(500), Some("link"));
            metrics.fuel(7);
            metrics.fuel(0);
        });
        let expected = [
            ("wasmscope.runtime.memory{} By", "up-down 65536"),
            ("wasmscope.runtime.memory_refusals{} {refusal}", "counter 1"),
            ("wasmscope.runtime.instances{} {instance}", "up-down 1"),
            (
                "wasmscope.runtime.traps{error.type=unreachable} {trap}",
                "counter 2",
            ),
            (
                "wasmscope.runtime.traps{error.type=out_of_fuel} {trap}",
                "counter 1",
            ),
            (
                "wasmscope.runtime.instantiation.duration{} s",
                "histogram 1 0.25",
            ),
            (
                "wasmscope.runtime.instantiation.duration{error.type=link} s",
                "histogram 1 0.5",
            ),
            ("wasmscope.runtime.fuel{} {fuel}", "counter 7"),
        ];
        let expected: BTreeMap<_, _> = expected
            .into_iter()
            .map(|(key, value)| (String::from(key), String::from(value)))
            .collect();
        assert_eq!(points, expected);
    }

    #[test]
    fn unused_metrics_are_not_exported() {
        assert!(exported(|metrics| metrics.fuel(0)).is_empty());
    }

    #[test]
    fn calls_without_a_provider_do_not_panic() {
        let metrics = RuntimeMetrics::new(None);
        metrics.memory(i64::MIN);
        metrics.trap("unreachable");
    }
}
