//! The last state of each metric series.

use std::collections::BTreeMap;
use std::mem::size_of;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};

use super::size;
use super::{MAX_BYTES, MAX_ITEMS, ResourceInfo, ScopeInfo};

/// The metrics of all collections, each series with its last data point.
///
/// Collections are cumulative, but a series may be missing from a later one: that of an observable
/// gauge disappears when its instance ends. Its last data point is kept here, so that it is still
/// shown.
#[derive(Debug, Clone, Default)]
pub(super) struct MergedMetrics {
    groups: Vec<Group>,
    series: usize,
    bytes: usize,
}

/// The metrics of one scope of one resource.
#[derive(Debug, Clone)]
pub struct Group {
    /// The resource.
    pub resource: Arc<ResourceInfo>,
    /// The scope.
    pub scope: Arc<ScopeInfo>,
    /// The metrics, by name, unit and kind.
    pub streams: BTreeMap<StreamKey, Stream>,
}

/// Identifies a metric within a scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamKey {
    /// The name.
    pub name: String,
    /// The unit in UCUM notation. May be empty.
    pub unit: String,
    /// The kind.
    pub kind: Kind,
}

/// The kind of a metric, as OTLP distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A monotonic sum.
    Counter,
    /// A sum that may decrease.
    UpDownCounter,
    /// A current value.
    Gauge,
    /// A distribution with explicit bucket boundaries.
    Histogram,
    /// A distribution with exponential buckets.
    ExponentialHistogram,
}

/// A metric with its series.
#[derive(Debug, Clone)]
pub struct Stream {
    /// The description. May be empty.
    pub description: String,
    temporality: i32,
    /// The last data point of each series, keyed by its attributes as text.
    pub points: BTreeMap<String, Point>,
}

/// A data point of any kind.
#[derive(Debug, Clone)]
pub enum Point {
    /// A data point of a sum or gauge.
    Number(NumberDataPoint),
    /// A data point of a histogram.
    Histogram(HistogramDataPoint),
    /// A data point of an exponential histogram.
    Exponential(ExponentialHistogramDataPoint),
}

impl Point {
    /// Returns the attributes of the series, sorted.
    #[must_use]
    pub fn attributes(&self) -> &[KeyValue] {
        match self {
            Self::Number(point) => &point.attributes,
            Self::Histogram(point) => &point.attributes,
            Self::Exponential(point) => &point.attributes,
        }
    }

    /// Sorts the attributes. The SDK's order is arbitrary.
    fn sort_attributes(&mut self) {
        let attributes = match self {
            Self::Number(point) => &mut point.attributes,
            Self::Histogram(point) => &mut point.attributes,
            Self::Exponential(point) => &mut point.attributes,
        };
        attributes.sort_by(|one, other| one.key.cmp(&other.key));
    }

    fn size(&self) -> usize {
        let buckets = match self {
            Self::Number(_) => 0,
            Self::Histogram(point) => point.bucket_counts.len() + point.explicit_bounds.len(),
            Self::Exponential(point) => [&point.positive, &point.negative]
                .into_iter()
                .flatten()
                .map(|buckets| buckets.bucket_counts.len())
                .sum(),
        };
        // The attributes count twice, because they are also the key.
        size_of::<Self>() + buckets * size_of::<u64>() + 2 * size::of_attributes(self.attributes())
    }
}

impl MergedMetrics {
    pub(super) fn is_empty(&self) -> bool {
        self.series == 0
    }

    /// Returns the scopes with metrics, by name.
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Merges a collection. Returns how many data points exceeded the limits.
    pub(super) fn merge(&mut self, metrics: Vec<ResourceMetrics>) -> u64 {
        let mut refused = 0;
        for resource_metrics in metrics {
            let resource = resource_metrics.resource.unwrap_or_default();
            let resource = Arc::new(ResourceInfo::new(resource, resource_metrics.schema_url));
            for scope_metrics in resource_metrics.scope_metrics {
                let scope = ScopeInfo {
                    scope: scope_metrics.scope.unwrap_or_default(),
                    schema_url: scope_metrics.schema_url,
                };
                let group = self.group(&resource, &scope);
                for metric in scope_metrics.metrics {
                    for (key, stream, point) in split(metric) {
                        refused += u64::from(!self.put(group, key, stream, point));
                    }
                }
                // Remove a scope of which no data point was kept.
                self.groups.retain(|group| !group.streams.is_empty());
            }
        }
        // The SDK has the scopes in the order of a hash map. Streams and series are in sorted maps.
        self.groups.sort_by(|one, other| {
            let (one, other) = (&one.scope.scope, &other.scope.scope);
            (&one.name, &one.version).cmp(&(&other.name, &other.version))
        });
        refused
    }

    fn group(&mut self, resource: &Arc<ResourceInfo>, scope: &ScopeInfo) -> usize {
        let known = self
            .groups
            .iter()
            .position(|group| *group.scope == *scope && group.resource == *resource);
        known.unwrap_or_else(|| {
            self.groups.push(Group {
                resource: Arc::clone(resource),
                scope: Arc::new(scope.clone()),
                streams: BTreeMap::new(),
            });
            self.groups.len() - 1
        })
    }

    fn put(&mut self, group: usize, key: StreamKey, stream: Stream, point: Point) -> bool {
        let Some(group) = self.groups.get_mut(group) else {
            return false;
        };
        let by_attributes = attributes_key(point.attributes());
        let old = group
            .streams
            .get(&key)
            .and_then(|stream| stream.points.get(&by_attributes));
        let names = key.name.len() + key.unit.len();
        let size = names + point.size();
        let freed = old.map(|old| names + old.size());
        let total = self.bytes.saturating_sub(freed.unwrap_or(0)) + size;
        if total > MAX_BYTES || (freed.is_none() && self.series >= MAX_ITEMS) {
            return false;
        }
        self.bytes = total;
        self.series += usize::from(freed.is_none());
        let kept = group.streams.entry(key).or_insert(stream);
        kept.points.insert(by_attributes, point);
        true
    }
}

/// Returns metrics as OTLP messages.
pub(super) fn to_proto(groups: &[Group]) -> Vec<ResourceMetrics> {
    let mut result: Vec<(Arc<ResourceInfo>, ResourceMetrics)> = Vec::new();
    for group in groups {
        let scope_metrics = ScopeMetrics {
            scope: Some(group.scope.scope.clone()),
            schema_url: group.scope.schema_url.clone(),
            metrics: group
                .streams
                .iter()
                .map(|(key, stream)| join(key, stream))
                .collect(),
        };
        if let Some((_, known)) = result
            .iter_mut()
            .find(|(resource, _)| *resource == group.resource)
        {
            known.scope_metrics.push(scope_metrics);
        } else {
            let metrics = ResourceMetrics {
                resource: Some(group.resource.resource.clone()),
                scope_metrics: vec![scope_metrics],
                schema_url: group.resource.schema_url.clone(),
            };
            result.push((Arc::clone(&group.resource), metrics));
        }
    }
    result.into_iter().map(|(_, metrics)| metrics).collect()
}

/// Formats sorted attributes as a key, which defines the order of series.
fn attributes_key(attributes: &[KeyValue]) -> String {
    let mut key = String::new();
    for attribute in attributes {
        let value = attribute
            .value
            .as_ref()
            .and_then(|value| value.value.as_ref());
        key.push_str(&format!("{:?}={value:?},", attribute.key));
    }
    key
}

fn split(metric: Metric) -> Vec<(StreamKey, Stream, Point)> {
    let Some(data) = metric.data else {
        return Vec::new();
    };
    let (kind, temporality, points): (_, _, Vec<Point>) = match data {
        Data::Gauge(gauge) => (Kind::Gauge, 0, numbers(gauge.data_points)),
        Data::Sum(sum) => {
            let kind = if sum.is_monotonic {
                Kind::Counter
            } else {
                Kind::UpDownCounter
            };
            (kind, sum.aggregation_temporality, numbers(sum.data_points))
        }
        Data::Histogram(histogram) => (
            Kind::Histogram,
            histogram.aggregation_temporality,
            histogram
                .data_points
                .into_iter()
                .map(Point::Histogram)
                .collect(),
        ),
        Data::ExponentialHistogram(histogram) => (
            Kind::ExponentialHistogram,
            histogram.aggregation_temporality,
            histogram
                .data_points
                .into_iter()
                .map(Point::Exponential)
                .collect(),
        ),
        // The SDK produces no summaries, and lines of others that have some are rare.
        Data::Summary(_) => return Vec::new(),
    };
    let key = StreamKey {
        name: metric.name,
        unit: metric.unit,
        kind,
    };
    let stream = Stream {
        description: metric.description,
        temporality,
        points: BTreeMap::new(),
    };
    points
        .into_iter()
        .map(|mut point| {
            point.sort_attributes();
            (key.clone(), stream.clone(), point)
        })
        .collect()
}

fn numbers(points: Vec<NumberDataPoint>) -> Vec<Point> {
    points.into_iter().map(Point::Number).collect()
}

fn join(key: &StreamKey, stream: &Stream) -> Metric {
    let mut numbers = Vec::new();
    let mut histograms = Vec::new();
    let mut exponentials = Vec::new();
    for point in stream.points.values().cloned() {
        match point {
            Point::Number(point) => numbers.push(point),
            Point::Histogram(point) => histograms.push(point),
            Point::Exponential(point) => exponentials.push(point),
        }
    }
    let aggregation_temporality = stream.temporality;
    let data = match key.kind {
        Kind::Gauge => Data::Gauge(Gauge {
            data_points: numbers,
        }),
        Kind::Counter | Kind::UpDownCounter => Data::Sum(Sum {
            data_points: numbers,
            aggregation_temporality,
            is_monotonic: key.kind == Kind::Counter,
        }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: histograms,
            aggregation_temporality,
        }),
        Kind::ExponentialHistogram => Data::ExponentialHistogram(ExponentialHistogram {
            data_points: exponentials,
            aggregation_temporality,
        }),
    };
    Metric {
        name: key.name.clone(),
        description: stream.description.clone(),
        unit: key.unit.clone(),
        metadata: Vec::new(),
        data: Some(data),
    }
}
