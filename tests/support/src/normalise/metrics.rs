//! Renders metrics as text, and merges collections of a metric.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
    SummaryDataPoint,
};

use super::Normaliser;
use super::text::{self, Lines};
use crate::views::MetricView;

/// `DataPointFlags`: the point has no value.
const NO_RECORDED_VALUE: u32 = 1;

/// Merges all collections of a metric, data point by data point. For cumulative metrics and gauges
/// the last point is kept. Delta sums and delta histograms are added. Delta exponential histograms,
/// and histograms with different buckets, are kept as separate points.
///
/// Metrics are the same if their resource, scope, name, kind, unit, description and temporality are
/// equal. Data points are the same if their attributes are equal.
#[must_use]
pub fn merge_metrics(metrics: &[MetricView]) -> Vec<MetricView> {
    let nothing_hidden = BTreeSet::new();
    let mut merged: Vec<(String, MetricView)> = Vec::new();
    for metric in metrics {
        let resource = text::resource(&metric.resource, &nothing_hidden);
        let identity = format!("{resource}{}", head(metric, &nothing_hidden));
        match merged.iter_mut().find(|(known, _)| *known == identity) {
            None => merged.push((identity, metric.clone())),
            Some((_, known)) => {
                if let (Some(known), Some(new)) = (&mut known.item.data, &metric.item.data) {
                    merge_data(known, new);
                }
            }
        }
    }
    merged.into_iter().map(|(_, metric)| metric).collect()
}

fn merge_data(known: &mut Data, new: &Data) {
    match (known, new) {
        (Data::Gauge(known), Data::Gauge(new)) => {
            merge_points(&mut known.data_points, &new.data_points, replace);
        }
        (Data::Sum(known), Data::Sum(new)) => {
            let merge = if is_delta(new.aggregation_temporality) {
                add_numbers
            } else {
                replace
            };
            merge_points(&mut known.data_points, &new.data_points, merge);
        }
        (Data::Histogram(known), Data::Histogram(new)) => {
            let merge = if is_delta(new.aggregation_temporality) {
                add_histograms
            } else {
                replace
            };
            merge_points(&mut known.data_points, &new.data_points, merge);
        }
        (Data::ExponentialHistogram(known), Data::ExponentialHistogram(new)) => {
            let merge = if is_delta(new.aggregation_temporality) {
                keep_both
            } else {
                replace
            };
            merge_points(&mut known.data_points, &new.data_points, merge);
        }
        (Data::Summary(known), Data::Summary(new)) => {
            merge_points(&mut known.data_points, &new.data_points, replace);
        }
        _ => unreachable!("metrics of one identity are of one kind"),
    }
}

/// Merges each new point into the known point with the same attributes. Adds it if there is none,
/// or if `merge` returns false.
fn merge_points<P: Point + Clone>(
    known: &mut Vec<P>,
    new: &[P],
    merge: fn(known: &mut P, new: &P) -> bool,
) {
    let set = |point: &P| text::attribute_set(point.attributes(), &BTreeSet::new());
    for point in new {
        let attributes = set(point);
        let merged = known
            .iter_mut()
            .find(|known| set(known) == attributes)
            .is_some_and(|known| merge(known, point));
        if !merged {
            known.push(point.clone());
        }
    }
}

trait Point {
    fn attributes(&self) -> &[KeyValue];
}

macro_rules! point {
    ($($point:ty),*) => {$(
        impl Point for $point {
            fn attributes(&self) -> &[KeyValue] {
                &self.attributes
            }
        }
    )*};
}

point!(
    NumberDataPoint,
    HistogramDataPoint,
    ExponentialHistogramDataPoint,
    SummaryDataPoint
);

fn replace<P: Clone>(known: &mut P, new: &P) -> bool {
    known.clone_from(new);
    true
}

fn keep_both<P>(_: &mut P, _: &P) -> bool {
    false
}

fn add_numbers(known: &mut NumberDataPoint, new: &NumberDataPoint) -> bool {
    let sum = match (known.value, new.value) {
        (Some(Number::AsInt(a)), Some(Number::AsInt(b))) => Number::AsInt(a + b),
        (Some(Number::AsDouble(a)), Some(Number::AsDouble(b))) => Number::AsDouble(a + b),
        _ => return false,
    };
    *known = NumberDataPoint {
        start_time_unix_nano: known.start_time_unix_nano,
        value: Some(sum),
        ..new.clone()
    };
    true
}

fn add_histograms(known: &mut HistogramDataPoint, new: &HistogramDataPoint) -> bool {
    if known.explicit_bounds != new.explicit_bounds
        || known.bucket_counts.len() != new.bucket_counts.len()
    {
        return false;
    }
    let both = |a: Option<f64>, b: Option<f64>, f: fn(f64, f64) -> f64| Some(f(a?, b?));
    let counts = known.bucket_counts.iter().zip(&new.bucket_counts);
    *known = HistogramDataPoint {
        start_time_unix_nano: known.start_time_unix_nano,
        count: known.count + new.count,
        sum: both(known.sum, new.sum, |a, b| a + b),
        min: both(known.min, new.min, f64::min),
        max: both(known.max, new.max, f64::max),
        bucket_counts: counts.map(|(a, b)| a + b).collect(),
        ..new.clone()
    };
    true
}

fn is_delta(temporality: i32) -> bool {
    temporality == AggregationTemporality::Delta as i32
}

pub(super) fn render(normaliser: &mut Normaliser, metrics: &[MetricView]) -> String {
    let mut metrics: Vec<_> = merge_metrics(metrics)
        .into_iter()
        .map(|metric| (head(&metric, &normaliser.hidden), metric))
        .collect();
    metrics.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut lines = Lines::default();
    for (head, metric) in metrics {
        let (first, scope) = head.split_once('\n').unwrap_or((&head, ""));
        lines.line(
            0,
            format!("{first} {}", normaliser.resource_label(&metric.resource)),
        );
        lines.line(1, scope);
        let mut points = metric
            .data
            .as_ref()
            .map_or_else(Vec::new, |data| points(normaliser, data));
        points.sort();
        for point in points {
            lines.line(1, point);
        }
    }
    lines.finish()
}

/// Renders a metric without its data: one line for the metric, one for its scope.
fn head(metric: &MetricView, hidden: &BTreeSet<String>) -> String {
    let mut text = format!("metric {}", text::name(&metric.name));
    text += &match &metric.data {
        None => " without data".to_owned(),
        Some(Data::Gauge(_)) => " gauge".to_owned(),
        Some(Data::Sum(sum)) => {
            let monotonic = if sum.is_monotonic { " monotonic" } else { "" };
            format!(
                " sum{monotonic} {}",
                temporality(sum.aggregation_temporality)
            )
        }
        Some(Data::Histogram(data)) => {
            format!(" histogram {}", temporality(data.aggregation_temporality))
        }
        Some(Data::ExponentialHistogram(data)) => {
            format!(
                " exponential histogram {}",
                temporality(data.aggregation_temporality)
            )
        }
        Some(Data::Summary(_)) => " summary".to_owned(),
    };
    if !metric.unit.is_empty() {
        text += &format!(" unit {:?}", metric.unit);
    }
    if !metric.description.is_empty() {
        text += &format!(" description {:?}", metric.description);
    }
    if !metric.metadata.is_empty() {
        text += &format!(
            " metadata {}",
            text::attribute_set(&metric.metadata, hidden)
        );
    }
    format!("{text}\n{}", text::scope(&metric.scope, hidden))
}

fn temporality(temporality: i32) -> String {
    match AggregationTemporality::try_from(temporality) {
        Ok(known) => known
            .as_str_name()
            .trim_start_matches("AGGREGATION_TEMPORALITY_")
            .to_lowercase(),
        Err(_) => format!("temporality-{temporality}"),
    }
}

fn points(normaliser: &Normaliser, data: &Data) -> Vec<String> {
    let set = |attributes: &[KeyValue]| text::attribute_set(attributes, &normaliser.hidden);
    match data {
        Data::Gauge(gauge) => gauge
            .data_points
            .iter()
            .map(|p| set(&p.attributes) + &number(p))
            .collect(),
        Data::Sum(sum) => sum
            .data_points
            .iter()
            .map(|p| set(&p.attributes) + &number(p))
            .collect(),
        Data::Histogram(data) => data
            .data_points
            .iter()
            .map(|p| set(&p.attributes) + &histogram(p))
            .collect(),
        Data::ExponentialHistogram(data) => data
            .data_points
            .iter()
            .map(|p| set(&p.attributes) + &exponential(p))
            .collect(),
        Data::Summary(data) => data
            .data_points
            .iter()
            .map(|p| set(&p.attributes) + &summary(p))
            .collect(),
    }
}

fn number(point: &NumberDataPoint) -> String {
    let value = match point.value {
        Some(Number::AsInt(value)) => format!(" = {value}"),
        Some(Number::AsDouble(value)) => format!(" = {value:?}"),
        None => " = nothing".to_owned(),
    };
    value + &tail(point.flags, point.exemplars.len())
}

fn histogram(point: &HistogramDataPoint) -> String {
    let mut text = format!(" count {}", point.count);
    text += &extremes(point.sum, point.min, point.max);
    let bound = |index: usize| point.explicit_bounds.get(index);
    for (index, count) in point.bucket_counts.iter().enumerate() {
        let low = index.checked_sub(1).and_then(bound);
        let low = low.map_or_else(|| "(-inf".to_owned(), |low| format!("({low:?}"));
        let high = bound(index).map_or_else(|| "inf)".to_owned(), |high| format!("{high:?}]"));
        text += &format!(" {low}, {high}: {count}");
    }
    if !point.bucket_counts.is_empty()
        && point.bucket_counts.len() != point.explicit_bounds.len() + 1
    {
        text += &format!(
            " with the bounds {:?}, which do not fit",
            point.explicit_bounds
        );
    }
    text + &tail(point.flags, point.exemplars.len())
}

fn exponential(point: &ExponentialHistogramDataPoint) -> String {
    let mut text = format!(" count {}", point.count);
    text += &extremes(point.sum, point.min, point.max);
    text += &format!(" scale {} zeros {}", point.scale, point.zero_count);
    if point.zero_threshold != 0.0 {
        text += &format!(" zero threshold {:?}", point.zero_threshold);
    }
    let buckets = |sign: &str, buckets: &Option<Buckets>| match buckets {
        Some(Buckets {
            offset,
            bucket_counts,
        }) if !bucket_counts.is_empty() => {
            format!(" {sign} from {offset}: {bucket_counts:?}")
        }
        _ => String::new(),
    };
    text += &buckets("positive", &point.positive);
    text += &buckets("negative", &point.negative);
    text + &tail(point.flags, point.exemplars.len())
}

fn summary(point: &SummaryDataPoint) -> String {
    let mut text = format!(" count {} sum {:?}", point.count, point.sum);
    for quantile in &point.quantile_values {
        text += &format!(" {:?}: {:?}", quantile.quantile, quantile.value);
    }
    text + &tail(point.flags, 0)
}

fn extremes(sum: Option<f64>, min: Option<f64>, max: Option<f64>) -> String {
    let named = [("sum", sum), ("min", min), ("max", max)];
    let text = |(name, value): (&str, Option<f64>)| value.map(|value| format!(" {name} {value:?}"));
    named.into_iter().filter_map(text).collect()
}

fn tail(flags: u32, exemplars: usize) -> String {
    let mut text = String::new();
    if flags & NO_RECORDED_VALUE != 0 {
        text += ", no recorded value";
    }
    if exemplars > 0 {
        text += &format!(", {exemplars} exemplars");
    }
    text
}
