//! Draws metrics: values, and histograms as bars.

use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
};
use wasmscope_otlp::memory::{Group, Kind, Point, Snapshot, Stream, StreamKey};
use wasmscope_telemetry::emitted::is_of_telemetry;

use super::layout::{Page, Piece, glued, spaced, width, words};
use super::style::{Paint, Style};
use super::text::{NAME, VALUE, attributes, clean, count, number, scope_label, service};

/// The most bars of a series. Further buckets are merged.
const BARS: usize = 24;

/// The most series of a metric.
const SERIES: usize = 20;

/// The most histograms of a metric that are drawn as bars.
const HISTOGRAMS: usize = 8;

/// The longest bar, in columns.
const LONGEST: usize = 40;

/// Draws all metrics, the host's own last.
pub(super) fn draw(page: &mut Page<'_>, snapshot: &Snapshot) {
    if snapshot.metrics.is_empty() {
        return;
    }
    page.blank();
    page.text(0, vec![glued("Metrics", Paint::Title)]);
    let mut groups: Vec<&Group> = snapshot.metrics.iter().collect();
    let are_several = groups
        .windows(2)
        .any(|pair| pair[0].resource != pair[1].resource);
    groups.sort_by_key(|group| (super::is_host_scope(&group.scope), &group.scope.scope.name));
    for (index, group) in groups.into_iter().enumerate() {
        let style = page.style();
        if index > 0 {
            page.blank();
        }
        let scope = scope_label(style, &group.scope);
        let service = are_several.then(|| service(style, &group.resource));
        let service = service
            .flatten()
            .map_or(String::new(), |name| format!("{name}: "));
        page.text(2, vec![glued(format!("[{service}{scope}]"), Paint::Faint)]);
        let of_host = super::is_host_scope(&group.scope);
        for (key, stream) in &group.streams {
            if of_host && is_of_telemetry(&key.name) {
                continue;
            }
            metric(page, key, stream);
        }
    }
}

fn metric(page: &mut Page<'_>, key: &StreamKey, stream: &Stream) {
    let style = page.style();
    let kind = match key.kind {
        Kind::Counter => "counter",
        Kind::UpDownCounter => "up-down counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
        Kind::ExponentialHistogram => "exponential histogram",
    };
    let mut pieces = vec![glued(clean(style, &key.name, VALUE), Paint::Strong)];
    if !key.unit.is_empty() {
        let unit = clean(style, &key.unit, NAME);
        pieces.push(spaced(1, format!("({unit})"), Paint::Plain));
    }
    pieces.extend(words(2, kind, Paint::Faint));
    if !stream.description.is_empty() {
        let description = clean(style, &stream.description, VALUE);
        pieces.push(glued(":", Paint::Faint));
        pieces.extend(words(1, &description, Paint::Faint));
    }
    page.text(2, pieces);

    let limit = match (style.repeats, key.kind) {
        (None, _) => usize::MAX,
        (Some(_), Kind::Histogram | Kind::ExponentialHistogram) => HISTOGRAMS,
        (Some(_), Kind::Counter | Kind::UpDownCounter | Kind::Gauge) => SERIES,
    };
    let values: Vec<String> = stream.points.values().take(limit).map(value).collect();
    let column = values.iter().map(|value| width(value)).max().unwrap_or(0);
    for (point, value) in stream.points.values().zip(values) {
        match point {
            Point::Number(_) => {
                let blank = " ".repeat(column.saturating_sub(width(&value)));
                let mut pieces = vec![glued(blank, Paint::Plain), glued(value, Paint::Good)];
                pieces.extend(attributes(style, point.attributes(), 2));
                page.text(6, pieces);
            }
            Point::Histogram(histogram) => {
                summary(page, point, histogram_summary(histogram));
                bars(page, explicit_buckets(histogram));
            }
            Point::Exponential(histogram) => {
                summary(page, point, exponential_summary(histogram));
                bars(page, exponential_buckets(histogram));
            }
        }
    }
    let more = stream.points.len().saturating_sub(limit);
    if more > 0 {
        let ellipsis = page.fold();
        let text = format!(
            "{ellipsis} {more} more of {}",
            count(stream.points.len(), "attribute set")
        );
        page.text(6, words(0, &text, Paint::Faint));
    }
}

fn value(point: &Point) -> String {
    match point {
        Point::Number(NumberDataPoint { value, .. }) => match value {
            Some(Value::AsInt(value)) => value.to_string(),
            Some(Value::AsDouble(value)) => number(*value),
            None => "no value".to_owned(),
        },
        Point::Histogram(_) | Point::Exponential(_) => String::new(),
    }
}

/// The numbers that summarise a histogram.
struct HistogramSummary {
    count: u64,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
}

fn histogram_summary(point: &HistogramDataPoint) -> HistogramSummary {
    HistogramSummary {
        count: point.count,
        sum: point.sum,
        min: point.min,
        max: point.max,
    }
}

fn exponential_summary(point: &ExponentialHistogramDataPoint) -> HistogramSummary {
    HistogramSummary {
        count: point.count,
        sum: point.sum,
        min: point.min,
        max: point.max,
    }
}

fn summary(page: &mut Page<'_>, point: &Point, numbers: HistogramSummary) {
    let mut pieces = Vec::new();
    let mut fact = |name: &str, value: String| {
        let gap = if pieces.is_empty() { 0 } else { 2 };
        pieces.push(spaced(gap, format!("{name} "), Paint::Faint));
        pieces.push(glued(value, Paint::Good));
    };
    fact("count", numbers.count.to_string());
    for (name, value) in [
        ("sum", numbers.sum),
        ("min", numbers.min),
        ("max", numbers.max),
    ] {
        if let Some(value) = value {
            fact(name, number(value));
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean of more than 2^53 measurements need not be exact"
    )]
    if let Some(sum) = numbers.sum.filter(|_| numbers.count > 0) {
        fact("mean", rounded(sum / numbers.count as f64));
    }
    pieces.extend(attributes(page.style(), point.attributes(), 2));
    page.text(6, pieces);
}

/// Formats a computed number with four significant digits, or one decimal place.
fn rounded(value: f64) -> String {
    let text = if (1000.0..1e16).contains(&value.abs()) {
        format!("{value:.1}")
    } else {
        format!("{value:.3e}")
    };
    number(text.parse().unwrap_or(value))
}

/// A bucket: its upper bound, which the last one lacks, and its count.
type Bucket = (Option<f64>, u64);

fn explicit_buckets(point: &HistogramDataPoint) -> Vec<Bucket> {
    point
        .bucket_counts
        .iter()
        .enumerate()
        .map(|(index, &count)| (point.explicit_bounds.get(index).copied(), count))
        .collect()
}

fn exponential_buckets(point: &ExponentialHistogramDataPoint) -> Vec<Bucket> {
    // base = 2^(2^-scale); bucket i is (base^i, base^(i+1)].
    let bound = |index: i64| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "bounds that are drawn need not be exact"
        )]
        let exponent = index as f64 * f64::from(point.scale.saturating_neg()).exp2();
        exponent.exp2()
    };
    let counts = |buckets: &Option<Buckets>| -> Vec<(i64, u64)> {
        let Some(buckets) = buckets else {
            return Vec::new();
        };
        (i64::from(buckets.offset)..)
            .zip(buckets.bucket_counts.iter().copied())
            .collect()
    };
    let negative = counts(&point.negative)
        .into_iter()
        .rev()
        .map(|(index, count)| (Some(-bound(index)), count));
    let zero = (point.zero_count > 0).then_some((Some(point.zero_threshold), point.zero_count));
    let positive = counts(&point.positive)
        .into_iter()
        .map(|(index, count)| (Some(bound(index + 1)), count));
    negative.chain(zero).chain(positive).collect()
}

fn bars(page: &mut Page<'_>, buckets: Vec<Bucket>) {
    let style = page.style();
    let Some(first) = buckets.iter().position(|(_, count)| *count > 0) else {
        return;
    };
    let last = buckets
        .iter()
        .rposition(|(_, count)| *count > 0)
        .unwrap_or(first);
    if buckets.len() == 1 {
        return;
    }
    let shown = &buckets[first..=last];
    let joined: Vec<Bucket> = shown
        .chunks(shown.len().div_ceil(BARS))
        .map(|chunk| {
            let bound = chunk.last().and_then(|(bound, _)| *bound);
            let count = chunk
                .iter()
                .fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
            (bound, count)
        })
        .collect();
    // The overflow bucket starts at the bound of the bar before it, or at the last bound if there
    // is none.
    let before = |index: usize| match index.checked_sub(1) {
        Some(previous) => joined.get(previous).and_then(|(bound, _)| *bound),
        None => buckets.iter().rev().find_map(|(bound, _)| *bound),
    };
    let labels: Vec<String> = joined
        .iter()
        .enumerate()
        .map(|(index, (bound, _))| match (bound, before(index)) {
            (Some(bound), _) => format!("{} {}", style.pick("≤", "<="), short(*bound)),
            (None, Some(before)) => format!("> {}", short(before)),
            (None, None) => String::new(),
        })
        .collect();
    let label_column = labels.iter().map(|label| width(label)).max().unwrap_or(0);
    let most = joined.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let count_column = most.to_string().len();
    let columns = style
        .columns()
        .saturating_sub(8 + label_column + count_column + 4)
        .clamp(4, LONGEST);
    for ((_, number), label) in joined.iter().zip(&labels) {
        let blank = " ".repeat(label_column.saturating_sub(width(label)));
        let mut pieces: Vec<Piece> = vec![
            glued(format!("{blank}{label} "), Paint::Faint),
            glued(format!("{number:>count_column$} "), Paint::Plain),
        ];
        pieces.push(glued(bar(style, *number, most, columns), Paint::Bar));
        page.text(8, pieces);
    }
}

/// Formats a bound: a guest's own exactly, a computed one rounded.
fn short(bound: f64) -> String {
    let exact = number(bound);
    if exact.len() > 10 {
        rounded(bound)
    } else {
        exact
    }
}

fn bar(style: &Style, count: u64, most: u64, columns: usize) -> String {
    // In eighths of a column, rounded up so that a non-zero count is visible.
    let eighths = u128::from(count) * (columns as u128) * 8;
    let eighths = usize::try_from(eighths.div_ceil(u128::from(most.max(1)))).unwrap_or(0);
    if !style.unicode {
        return "#".repeat(eighths.div_ceil(8));
    }
    let mut bar = "█".repeat(eighths / 8);
    bar.push_str(["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]);
    bar
}
