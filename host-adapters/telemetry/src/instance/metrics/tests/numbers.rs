//! The numbers that instruments accept.

use std::collections::HashMap;

use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};

use super::*;

/// A kind, and numbers with the reason if they are refused.
type Case = (Kind, Vec<(Number, Option<Reason>)>);

#[test]
fn invalid_numbers_are_dropped_and_counted() {
    let max = i64::MAX as u64;
    let table: Vec<Case> = vec![
        (
            Kind::CounterU64,
            vec![
                (Signed(1), Some(Reason::NumberType)),
                (Float(1.0), Some(Reason::NumberType)),
                (Unsigned(max + 1), Some(Reason::NumberRange)),
                (Unsigned(u64::MAX), Some(Reason::NumberRange)),
                (Unsigned(max), None),
                (Unsigned(1), Some(Reason::NumberRange)),
            ],
        ),
        (
            Kind::CounterF64,
            vec![
                (Unsigned(1), Some(Reason::NumberType)),
                (Float(-1.0), Some(Reason::NumberRange)),
                (Float(f64::NAN), Some(Reason::NumberRange)),
                (Float(f64::INFINITY), Some(Reason::NumberRange)),
                (Float(f64::MAX), None),
                (Float(f64::MAX), Some(Reason::NumberRange)),
            ],
        ),
        (
            Kind::UpDownCounterS64,
            vec![
                (Unsigned(1), Some(Reason::NumberType)),
                (Signed(i64::MIN), None),
                (Signed(-1), Some(Reason::NumberRange)),
                (Signed(i64::MAX), None),
            ],
        ),
        (
            Kind::UpDownCounterF64,
            vec![
                (Signed(1), Some(Reason::NumberType)),
                (Float(f64::NEG_INFINITY), Some(Reason::NumberRange)),
                (Float(-f64::MAX), None),
                (Float(-f64::MAX), Some(Reason::NumberRange)),
            ],
        ),
        (
            Kind::HistogramU64,
            vec![
                (Float(1.0), Some(Reason::NumberType)),
                (Unsigned(u64::MAX), Some(Reason::NumberRange)),
                (Unsigned(max), None),
                (Unsigned(max), Some(Reason::NumberRange)),
            ],
        ),
        (
            Kind::HistogramF64,
            vec![
                (Unsigned(1), Some(Reason::NumberType)),
                (Float(f64::NAN), Some(Reason::NumberRange)),
                (Float(f64::MAX), None),
                (Float(f64::MAX), Some(Reason::NumberRange)),
            ],
        ),
        (
            Kind::GaugeU64,
            vec![
                (Signed(1), Some(Reason::NumberType)),
                (Unsigned(max + 1), Some(Reason::NumberRange)),
                (Unsigned(max), None),
                (Unsigned(max), None),
            ],
        ),
        (
            Kind::GaugeS64,
            vec![
                (Unsigned(1), Some(Reason::NumberType)),
                (Signed(i64::MIN), None),
            ],
        ),
        (
            Kind::GaugeF64,
            vec![
                (Float(f64::NAN), Some(Reason::NumberRange)),
                (Float(-1.0), None),
            ],
        ),
    ];
    for bound in [false, true] {
        for (kind, numbers) in &table {
            let host = Host::new();
            let mut guest = host.telemetry.instance("shop");
            let handle = instrument(&mut guest, "i", *kind);
            let series = guest.bind(handle, vec![]);
            let mut expected: HashMap<Reason, u64> = HashMap::new();
            for (number, refused) in numbers {
                if bound {
                    guest.measure_series(series, *number);
                } else {
                    guest.measure(handle, *number, vec![]);
                }
                if let Some(reason) = refused {
                    *expected.entry(*reason).or_default() += 1;
                }
                for reason in [Reason::NumberType, Reason::NumberRange] {
                    let count = expected.get(&reason).copied().unwrap_or(0);
                    assert_eq!(
                        host.dropped(reason),
                        count,
                        "{kind:?} {number:?} {reason:?}"
                    );
                }
            }
            assert!(host.point("i").is_some(), "{kind:?}");
        }
    }
}

#[test]
fn full_sum_does_not_affect_other_series() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    for (name, kind) in [("c", Kind::CounterU64), ("h", Kind::HistogramU64)] {
        let handle = instrument(&mut guest, name, kind);
        guest.measure(handle, Unsigned(i64::MAX as u64), attributes("full"));
        guest.measure(handle, Unsigned(5), attributes("full"));
        guest.measure(handle, Unsigned(5), attributes("other"));
    }
    assert_eq!(host.dropped(Reason::NumberRange), 2);
    assert_eq!(host.points("c")["k=full"], Point::U64(i64::MAX as u64));
    assert_eq!(host.points("c")["k=other"], Point::U64(5));
    let Point::HistogramU64 { sum, count, .. } = host.points("h")["k=other"].clone() else {
        panic!()
    };
    assert_eq!((sum, count), (5, 1));
}

#[test]
fn views_that_merge_series_cannot_make_a_histograms_sum_overflow() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .with_view(|_: &opentelemetry_sdk::metrics::Instrument| {
            opentelemetry_sdk::metrics::Stream::builder()
                .with_cardinality_limit(1)
                .build()
                .ok()
        })
        .build();
    let host = Host::on(
        provider,
        exporter,
        Limits::default(),
        Temporality::Cumulative,
    );
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "h", Kind::HistogramU64);
    for set in ["a", "b", "c", "d", "e"] {
        guest.measure(handle, Unsigned(i64::MAX as u64), attributes(set));
    }
    assert_eq!(host.dropped(Reason::NumberRange), 3);
    assert_eq!(host.points("h").len(), 2);
}

#[test]
fn only_series_that_the_sdk_may_merge_share_a_histograms_sum() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .build();
    let limits = Limits::default();
    let host = Host::configured(provider, exporter, limits, |telemetry| {
        telemetry.no_merging_views()
    });
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "h", Kind::HistogramU64);
    let mut measure = |value: Value| {
        let attributes = vec![KeyValue::new("k", value)];
        guest.measure(handle, Unsigned(i64::MAX as u64), attributes);
    };
    for set in 0..5 {
        measure(set.into());
        measure(f64::from(set as u8 + 1).into());
    }
    measure(f64::NAN.into());
    assert_eq!(host.dropped(Reason::NumberRange), 0);
    // They have different bits, but are equal.
    let array = |numbers| Value::Array(opentelemetry::Array::F64(numbers));
    for zeros in [
        0.0.into(),
        (-0.0).into(),
        array(vec![0.0, 0.0]),
        array(vec![-0.0, 0.0]),
        array(vec![1.0, -0.0]),
    ] {
        measure(zeros);
    }
    assert_eq!(host.dropped(Reason::NumberRange), 3);
}

#[test]
fn the_smallest_and_the_largest_numbers_fit_into_one_exponential_histogram() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(exporter.clone())
        .with_view(|_: &opentelemetry_sdk::metrics::Instrument| {
            let aggregation = opentelemetry_sdk::metrics::Aggregation::Base2ExponentialHistogram {
                max_size: 160,
                max_scale: 20,
                record_min_max: true,
            };
            opentelemetry_sdk::metrics::Stream::builder()
                .with_aggregation(aggregation)
                .build()
                .ok()
        })
        .build();
    let host = Host::on(
        provider.clone(),
        exporter.clone(),
        Limits::default(),
        Temporality::Cumulative,
    );
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "h", Kind::HistogramF64);
    // The smallest number, the largest subnormal and the smallest normal number, in both orders and
    // with both signs.
    let smallest = [
        f64::from_bits(1),
        f64::MIN_POSITIVE.next_down(),
        f64::MIN_POSITIVE,
    ];
    let mut sets = 0;
    for small in smallest.into_iter().chain(smallest.map(|small| -small)) {
        let large = f64::MAX.copysign(small);
        for (first, second) in [(small, large), (large, small)] {
            sets += 1;
            let set = format!("{sets}");
            guest.measure(handle, Float(first), attributes(&set));
            guest.measure(handle, Float(second), attributes(&set));
        }
    }
    assert!(host.telemetry.dropped().snapshot().is_empty());
    provider.force_flush().unwrap();
    let exported = exporter.get_finished_metrics().unwrap();
    let metrics = exported
        .iter()
        .flat_map(|resource| resource.scope_metrics());
    let counts: Vec<_> = metrics
        .flat_map(|scope| scope.metrics())
        .filter_map(|metric| {
            let AggregatedMetrics::F64(MetricData::ExponentialHistogram(histogram)) = metric.data()
            else {
                return None;
            };
            Some(histogram)
        })
        .flat_map(|histogram| histogram.data_points())
        .map(|point| (point.count(), point.zero_count()))
        .collect();
    assert_eq!(counts, vec![(2, 0); sets]);
}

#[test]
fn bound_series_without_measurements_is_not_exported() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    for (name, kind) in [
        ("c", Kind::CounterU64),
        ("g", Kind::GaugeF64),
        ("h", Kind::HistogramF64),
    ] {
        let handle = instrument(&mut guest, name, kind);
        let series = guest.bind(handle, attributes("a"));
        guest.measure_series(series, Signed(1));
        guest.measure(handle, Signed(1), attributes("b"));
    }
    assert_eq!(host.collect(), BTreeMap::new());
}
