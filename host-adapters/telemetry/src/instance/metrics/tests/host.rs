//! A host with readable metrics, and helpers for guests.

use std::time::Duration;

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{
    Aggregation, InMemoryMetricExporter, InMemoryMetricExporterBuilder, Instrument, InstrumentKind,
    PeriodicReader, SdkMeterProvider, Stream,
};

use super::{BTreeMap, KeyValue, Limits, Reason, Scope, Signal, Temporality};
use super::{InstrumentDescriptor, Kind, Number, Observation, Telemetry};
use crate::instance::Instance;
use crate::metrics::HistogramAggregation;
use crate::metrics_view;
use crate::model::{InstrumentHandle, ObserverHandle};
use crate::telemetry::{Providers, TelemetryBuilder};

/// An exported value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Point {
    U64(u64),
    I64(i64),
    F64(f64),
    HistogramU64 {
        count: u64,
        sum: u64,
        buckets: Vec<u64>,
    },
    HistogramF64 {
        count: u64,
        sum: f64,
        buckets: Vec<u64>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metric {
    pub(super) unit: String,
    pub(super) description: String,
    pub(super) monotonic: Option<bool>,
    /// By attributes as text, such as `a=1,b=x`.
    pub(super) points: BTreeMap<String, Point>,
}

pub(super) struct Host {
    pub(super) telemetry: Telemetry,
    pub(super) provider: SdkMeterProvider,
    pub(super) exporter: InMemoryMetricExporter,
}

impl Host {
    pub(super) fn new() -> Self {
        Self::with(Limits::default(), Temporality::Cumulative)
    }

    pub(super) fn with(limits: Limits, temporality: Temporality) -> Self {
        let view = metrics_view(&limits, HistogramAggregation::ExplicitBuckets);
        Self::with_view(
            limits,
            temporality,
            view,
            HistogramAggregation::ExplicitBuckets,
        )
    }

    /// Like [`Self::with`], with exponential histograms.
    pub(super) fn exponential(limits: Limits, temporality: Temporality) -> Self {
        let limit = limits.cardinality + 1;
        let view = move |instrument: &Instrument| {
            let stream = Stream::builder().with_cardinality_limit(limit);
            let stream = if instrument.kind() == InstrumentKind::Histogram {
                stream.with_aggregation(Aggregation::Base2ExponentialHistogram {
                    max_size: 160,
                    max_scale: 20,
                    record_min_max: true,
                })
            } else {
                stream
            };
            stream.build().ok()
        };
        Self::with_view(
            limits,
            temporality,
            view,
            HistogramAggregation::Base2Exponential,
        )
    }

    fn with_view(
        limits: Limits,
        temporality: Temporality,
        view: impl Fn(&Instrument) -> Option<Stream> + Send + Sync + 'static,
        histograms: HistogramAggregation,
    ) -> Self {
        let exporter = InMemoryMetricExporterBuilder::new()
            .with_temporality(temporality)
            .build();
        let reader = PeriodicReader::builder(exporter.clone())
            .with_interval(Duration::from_secs(3_600))
            .build();
        let provider = SdkMeterProvider::builder()
            .with_reader(reader)
            .with_view(view)
            .build();
        Self::configured(provider, exporter, limits, |telemetry| {
            telemetry
                .metrics_temporality(temporality)
                .histogram_aggregation(histograms)
        })
    }

    pub(super) fn on(
        provider: SdkMeterProvider,
        exporter: InMemoryMetricExporter,
        limits: Limits,
        temporality: Temporality,
    ) -> Self {
        Self::configured(provider, exporter, limits, |telemetry| {
            telemetry.metrics_temporality(temporality)
        })
    }

    /// Makes a host. `configure` sets the configuration of the provider's readers and views.
    pub(super) fn configured(
        provider: SdkMeterProvider,
        exporter: InMemoryMetricExporter,
        limits: Limits,
        configure: impl FnOnce(TelemetryBuilder) -> TelemetryBuilder,
    ) -> Self {
        let providers = Providers {
            meter: Some(provider.clone()),
            ..Providers::default()
        };
        let telemetry = configure(Telemetry::builder(providers).limits(limits)).build();
        Self {
            telemetry,
            provider,
            exporter,
        }
    }

    pub(super) fn dropped(&self, reason: Reason) -> u64 {
        self.telemetry.dropped().get(Signal::Metrics, reason)
    }

    /// Collects, and returns the guests' metrics by `scope/name`. If there are several of one name,
    /// the last.
    pub(super) fn collect(&self) -> BTreeMap<String, Metric> {
        self.exporter.reset();
        self.provider.force_flush().unwrap();
        let mut metrics = BTreeMap::new();
        for resource in self.exporter.get_finished_metrics().unwrap() {
            for scope in resource
                .scope_metrics()
                .filter(|scope| scope.scope().name() != "wasmscope")
            {
                for metric in scope.metrics() {
                    let (monotonic, points) = points(metric.data());
                    metrics.insert(
                        format!("{}/{}", scope.scope().name(), metric.name()),
                        Metric {
                            unit: String::from(metric.unit()),
                            description: String::from(metric.description()),
                            monotonic,
                            points,
                        },
                    );
                }
            }
        }
        metrics
    }

    /// Collects, and returns the points of one metric of the scope `s`.
    pub(super) fn points(&self, name: &str) -> BTreeMap<String, Point> {
        self.collect()
            .remove(&format!("s/{name}"))
            .map(|metric| metric.points)
            .unwrap_or_default()
    }

    pub(super) fn point(&self, name: &str) -> Option<Point> {
        self.points(name).remove("")
    }
}

pub(super) fn text<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut attributes: Vec<_> = attributes
        .map(|kv| format!("{}={}", kv.key, kv.value))
        .collect();
    attributes.sort();
    attributes.join(",")
}

pub(super) fn points(data: &AggregatedMetrics) -> (Option<bool>, BTreeMap<String, Point>) {
    macro_rules! numbers {
        ($data:expr, $point:expr, $histogram:expr) => {
            match $data {
                MetricData::Sum(sum) => (
                    Some(sum.is_monotonic()),
                    sum.data_points()
                        .map(|p| (text(p.attributes()), $point(p.value())))
                        .collect(),
                ),
                MetricData::Gauge(gauge) => (
                    None,
                    gauge
                        .data_points()
                        .map(|p| (text(p.attributes()), $point(p.value())))
                        .collect(),
                ),
                MetricData::Histogram(histogram) => (
                    None,
                    histogram
                        .data_points()
                        .map(|p| {
                            (
                                text(p.attributes()),
                                $histogram(p.count(), p.sum(), p.bucket_counts().collect()),
                            )
                        })
                        .collect(),
                ),
                MetricData::ExponentialHistogram(histogram) => (
                    None,
                    histogram
                        .data_points()
                        .map(|p| {
                            (
                                text(p.attributes()),
                                $histogram(p.count() as u64, p.sum(), vec![]),
                            )
                        })
                        .collect(),
                ),
            }
        };
    }
    match data {
        AggregatedMetrics::U64(data) => numbers!(data, Point::U64, |count, sum, buckets| {
            Point::HistogramU64 {
                count,
                sum,
                buckets,
            }
        }),
        AggregatedMetrics::I64(data) => {
            numbers!(data, Point::I64, |_, _, _: Vec<u64>| unreachable!())
        }
        AggregatedMetrics::F64(data) => numbers!(data, Point::F64, |count, sum, buckets| {
            Point::HistogramF64 {
                count,
                sum,
                buckets,
            }
        }),
    }
}

pub(super) fn scope(name: &str) -> Scope {
    Scope::builder(String::from(name)).build()
}

pub(super) fn descriptor(name: &str, kind: Kind) -> InstrumentDescriptor {
    InstrumentDescriptor {
        name: String::from(name),
        kind,
        unit: None,
        description: None,
        boundaries: None,
    }
}

pub(super) fn attributes(value: &str) -> Vec<KeyValue> {
    vec![KeyValue::new("k", String::from(value))]
}

/// Makes an instrument in the scope `s`.
pub(super) fn instrument(instance: &mut Instance, name: &str, kind: Kind) -> InstrumentHandle {
    let meter = instance.meter(scope("s"));
    instance.create_instrument(meter, descriptor(name, kind))
}

/// Returns the first observer of an instance.
pub(super) fn own_observer(instance: &mut Instance) -> ObserverHandle {
    match instance.metrics.observers.first() {
        Some(observer) => observer,
        None => instance.create_observer(),
    }
}

/// Completes a round of the instance's first observer.
pub(super) fn complete(instance: &mut Instance) {
    let observer = own_observer(instance);
    instance.observe(observer, vec![], true);
}

/// Reports a value with the instance's first observer.
pub(super) fn observe(
    instance: &mut Instance,
    instrument: InstrumentHandle,
    value: Number,
    attributes: Vec<KeyValue>,
) {
    let observer = own_observer(instance);
    let observation = Observation {
        instrument,
        value,
        attributes,
    };
    instance.observe(observer, vec![observation], false);
}
