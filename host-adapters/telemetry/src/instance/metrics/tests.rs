use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use opentelemetry::Value;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{
    InMemoryMetricExporter, InMemoryMetricExporterBuilder, PeriodicReader, SdkMeterProvider,
    Temporality,
};
use proptest::prelude::*;

use super::*;
use crate::cardinality_view;
use crate::limits::Limits;
use crate::model::InstrumentKind as Kind;
use crate::telemetry::{Providers, Telemetry};

/// A value as it is exported.
#[derive(Debug, Clone, PartialEq)]
enum Point {
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
struct Metric {
    unit: String,
    description: String,
    monotonic: Option<bool>,
    /// By attributes as text, such as `a=1,b=x`.
    points: BTreeMap<String, Point>,
}

struct Host {
    telemetry: Telemetry,
    provider: SdkMeterProvider,
    exporter: InMemoryMetricExporter,
}

impl Host {
    fn new() -> Self {
        Self::with(Limits::default(), Temporality::Cumulative)
    }

    fn with(limits: Limits, temporality: Temporality) -> Self {
        let exporter = InMemoryMetricExporterBuilder::new()
            .with_temporality(temporality)
            .build();
        let reader = PeriodicReader::builder(exporter.clone())
            .with_interval(Duration::from_secs(3_600))
            .build();
        let provider = SdkMeterProvider::builder()
            .with_reader(reader)
            .with_view(cardinality_view(&limits))
            .build();
        Self::on(provider, exporter, limits)
    }

    fn on(provider: SdkMeterProvider, exporter: InMemoryMetricExporter, limits: Limits) -> Self {
        let providers = Providers {
            meter: Some(provider.clone()),
            ..Providers::default()
        };
        let telemetry = Telemetry::builder(providers).limits(limits).build();
        Self {
            telemetry,
            provider,
            exporter,
        }
    }

    fn dropped(&self, reason: Reason) -> u64 {
        self.telemetry.dropped().get(Signal::Metrics, reason)
    }

    /// Collects, and gives what guests measured, by `scope/name`; where there are several of a name, the last.
    fn collect(&self) -> BTreeMap<String, Metric> {
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

    /// Collects, and gives the points of one metric of the scope `s`.
    fn points(&self, name: &str) -> BTreeMap<String, Point> {
        self.collect()
            .remove(&format!("s/{name}"))
            .map(|metric| metric.points)
            .unwrap_or_default()
    }

    fn point(&self, name: &str) -> Option<Point> {
        self.points(name).remove("")
    }
}

fn text<'a>(attributes: impl Iterator<Item = &'a KeyValue>) -> String {
    let mut attributes: Vec<_> = attributes
        .map(|kv| format!("{}={}", kv.key, kv.value))
        .collect();
    attributes.sort();
    attributes.join(",")
}

fn points(data: &AggregatedMetrics) -> (Option<bool>, BTreeMap<String, Point>) {
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
                MetricData::ExponentialHistogram(_) => panic!("unexpected exponential histogram"),
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

fn scope(name: &str) -> Scope {
    Scope::builder(String::from(name)).build()
}

fn descriptor(name: &str, kind: Kind) -> InstrumentDescriptor {
    InstrumentDescriptor {
        name: String::from(name),
        kind,
        unit: None,
        description: None,
        boundaries: None,
    }
}

fn attributes(value: &str) -> Vec<KeyValue> {
    vec![KeyValue::new("k", String::from(value))]
}

/// Makes an instrument in the scope `s`.
fn instrument(instance: &mut Instance, name: &str, kind: Kind) -> u64 {
    let meter = instance.meter(scope("s"));
    instance.create_instrument(meter, descriptor(name, kind))
}

fn observe(instance: &mut Instance, instrument: u64, value: Number, attributes: Vec<KeyValue>) {
    instance.observe(vec![Observation {
        instrument,
        value,
        attributes,
    }]);
}

use Number::{Float, Signed, Unsigned};

#[test]
fn every_synchronous_kind_arrives_with_its_value_type_and_identity() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let histogram_u64 = Point::HistogramU64 {
        count: 2,
        sum: 12,
        buckets: vec![1, 1],
    };
    let histogram_f64 = Point::HistogramF64 {
        count: 2,
        sum: 10.5,
        buckets: vec![1, 1],
    };
    let table = [
        (
            "cu",
            Kind::CounterU64,
            [Unsigned(2), Unsigned(3)],
            Point::U64(5),
            Some(true),
        ),
        (
            "cf",
            Kind::CounterF64,
            [Float(0.5), Float(1.0)],
            Point::F64(1.5),
            Some(true),
        ),
        (
            "us",
            Kind::UpDownCounterS64,
            [Signed(-5), Signed(2)],
            Point::I64(-3),
            Some(false),
        ),
        (
            "uf",
            Kind::UpDownCounterF64,
            [Float(-5.0), Float(2.5)],
            Point::F64(-2.5),
            Some(false),
        ),
        (
            "hu",
            Kind::HistogramU64,
            [Unsigned(5), Unsigned(7)],
            histogram_u64,
            None,
        ),
        (
            "hf",
            Kind::HistogramF64,
            [Float(5.0), Float(5.5)],
            histogram_f64,
            None,
        ),
        (
            "gu",
            Kind::GaugeU64,
            [Unsigned(2), Unsigned(3)],
            Point::U64(3),
            None,
        ),
        (
            "gs",
            Kind::GaugeS64,
            [Signed(2), Signed(-3)],
            Point::I64(-3),
            None,
        ),
        (
            "gf",
            Kind::GaugeF64,
            [Float(2.0), Float(-3.0)],
            Point::F64(-3.0),
            None,
        ),
    ];
    let meter = guest.meter(scope("s"));
    for (name, kind, numbers, _, _) in &table {
        let handle = guest.create_instrument(
            meter,
            InstrumentDescriptor {
                unit: Some(String::from("By")),
                description: Some(String::from("what it is")),
                boundaries: Some(vec![5.0]),
                ..descriptor(name, *kind)
            },
        );
        guest.measure(handle, numbers[0], attributes("a"));
        // The second by a bound series.
        let series = guest.bind(handle, attributes("a"));
        guest.measure_series(series, numbers[1]);
    }
    let metrics = host.collect();
    assert_eq!(metrics.len(), table.len());
    for (name, _, _, point, monotonic) in table {
        let expected = Metric {
            unit: String::from("By"),
            description: String::from("what it is"),
            monotonic,
            points: BTreeMap::from([(String::from("k=a"), point)]),
        };
        assert_eq!(metrics[&format!("s/{name}")], expected, "{name}");
    }
    assert!(host.telemetry.dropped().snapshot().is_empty());
}

#[test]
fn instances_share_an_instrument_and_scopes_carry_the_component() {
    let host = Host::new();
    for _ in 0..3 {
        let mut guest = host.telemetry.instance("shop");
        let counter = instrument(&mut guest, "c", Kind::CounterU64);
        guest.measure(counter, Unsigned(1), vec![]);
    }
    assert_eq!(host.point("c"), Some(Point::U64(3)));
    let finished = host.exporter.get_finished_metrics().unwrap();
    let scopes: Vec<_> = finished.iter().flat_map(|r| r.scope_metrics()).collect();
    let scope = scopes
        .iter()
        .find(|scope| scope.scope().name() == "s")
        .unwrap();
    assert_eq!(
        text(scope.scope().attributes()),
        "wasmscope.component.name=shop"
    );
}

#[test]
fn equal_scopes_and_descriptors_give_equal_handles() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let meter = guest.meter(scope("s"));
    assert_eq!(guest.meter(scope("s")), meter);
    assert_ne!(guest.meter(scope("t")), meter);
    let one = guest.create_instrument(meter, descriptor("c", Kind::CounterU64));
    assert_eq!(
        guest.create_instrument(meter, descriptor("C", Kind::CounterU64)),
        one
    );
    assert_ne!(
        guest.create_instrument(meter, descriptor("c", Kind::CounterF64)),
        one
    );
    let series = guest.bind(one, vec![KeyValue::new("a", 1), KeyValue::new("b", 2)]);
    assert_eq!(
        guest.bind(one, vec![KeyValue::new("b", 2), KeyValue::new("a", 1)]),
        series
    );
    assert_ne!(guest.bind(one, vec![]), series);
}

#[test]
fn numbers_that_an_instrument_cannot_take_are_dropped_and_counted() {
    let max = i64::MAX as u64;
    let table: Vec<(Kind, Vec<(Number, Option<Reason>)>)> = vec![
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
fn sum_that_is_full_leaves_other_series_alone() {
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
    let host = Host::on(provider, exporter, Limits::default());
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "h", Kind::HistogramU64);
    for set in ["a", "b", "c", "d", "e"] {
        guest.measure(handle, Unsigned(i64::MAX as u64), attributes(set));
    }
    assert_eq!(host.dropped(Reason::NumberRange), 3);
    assert_eq!(host.points("h").len(), 2);
}

#[test]
fn bound_series_that_was_never_measured_is_not_exported() {
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

#[test]
fn wrong_handles_are_dropped_and_counted() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let mut other = host.telemetry.instance("shop");
    let foreign = instrument(&mut other, "i", Kind::CounterU64);
    let foreign_series = other.bind(foreign, vec![]);
    let meter = guest.meter(scope("s"));
    let own = guest.create_instrument(meter, descriptor("i", Kind::CounterU64));
    let mut count = 0;
    let mut expect_one_more = |what: &str| {
        count += 1;
        assert_eq!(host.dropped(Reason::WrongHandle), count, "{what}");
    };
    for (what, handle) in [
        ("zero", 0),
        ("all bits", u64::MAX),
        ("foreign", foreign),
        ("a meter", meter),
        ("next", own + 1),
        ("index alone", own & 0xffff_ffff),
    ] {
        guest.measure(handle, Unsigned(1), vec![]);
        expect_one_more(what);
        let series = guest.bind(handle, vec![]);
        guest.measure_series(series, Unsigned(1));
        expect_one_more(what);
        observe(&mut guest, handle, Unsigned(1), vec![]);
        expect_one_more(what);
    }
    guest.measure_series(foreign_series, Unsigned(1));
    expect_one_more("foreign series");
    let made_with_wrong_meter = guest.create_instrument(own, descriptor("j", Kind::CounterU64));
    guest.measure(made_with_wrong_meter, Unsigned(1), vec![]);
    expect_one_more("wrong meter");
    assert_eq!(host.collect(), BTreeMap::new());
}

#[test]
fn instruments_with_invalid_names_drop_and_count_what_they_measure() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "1st", Kind::CounterU64);
    guest.measure(handle, Unsigned(1), vec![]);
    let series = guest.bind(handle, vec![]);
    guest.measure_series(series, Unsigned(1));
    assert_eq!(host.dropped(Reason::InstrumentName), 2);
    assert_eq!(host.collect(), BTreeMap::new());
}

#[test]
fn wrong_kind_of_instrument_is_counted() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::CounterU64);
    let observable = instrument(&mut guest, "o", Kind::ObservableCounterU64);
    guest.measure(observable, Unsigned(1), vec![]);
    let series = guest.bind(observable, vec![]);
    guest.measure_series(series, Unsigned(1));
    observe(&mut guest, counter, Unsigned(1), vec![]);
    assert_eq!(host.dropped(Reason::NumberType), 3);
    assert_eq!(host.collect(), BTreeMap::new());
}

#[test]
fn limits_of_an_instance_hold_and_are_counted() {
    let mut limits = Limits::default();
    limits.scopes = 2;
    limits.instruments = 3;
    limits.series = 2;
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    guest.meter(scope("s"));
    guest.meter(scope("t"));
    let beyond = guest.meter(scope("u"));
    let lost = guest.create_instrument(beyond, descriptor("lost", Kind::CounterU64));
    guest.measure(lost, Unsigned(1), vec![]);
    assert_eq!(host.dropped(Reason::Scopes), 1);

    let handles: Vec<_> = (0..4)
        .map(|i| instrument(&mut guest, &format!("i{i}"), Kind::CounterU64))
        .collect();
    for handle in &handles {
        guest.measure(*handle, Unsigned(1), vec![]);
    }
    assert_eq!(host.dropped(Reason::Instruments), 1);
    // One that is known needs no place.
    assert_eq!(instrument(&mut guest, "i0", Kind::CounterU64), handles[0]);

    let series: Vec<_> = ["a", "b", "c", "a"]
        .map(|set| guest.bind(handles[0], attributes(set)))
        .to_vec();
    assert_eq!(series[0], series[3]);
    for series in series {
        guest.measure_series(series, Unsigned(1));
    }
    assert_eq!(host.dropped(Reason::Series), 1);
    assert_eq!(host.collect().len(), 3);
}

#[test]
fn cardinality_beyond_the_limit_is_put_together_and_counted() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let mut limits = Limits::default();
        limits.cardinality = 2;
        let host = Host::with(limits, temporality);
        let mut guest = host.telemetry.instance("shop");
        let handle = instrument(&mut guest, "c", Kind::CounterU64);
        for set in ["a", "b", "c", "d", "a"] {
            guest.measure(handle, Unsigned(1), attributes(set));
        }
        let series = guest.bind(handle, attributes("e"));
        guest.measure_series(series, Unsigned(5));
        let expected = BTreeMap::from([
            (String::from("k=a"), Point::U64(2)),
            (String::from("k=b"), Point::U64(1)),
            (String::from("otel.metric.overflow=true"), Point::U64(7)),
        ]);
        assert_eq!(host.points("c"), expected);
        assert_eq!(host.dropped(Reason::Cardinality), 3);
    }
}

#[test]
fn bytes_of_attribute_sets_are_limited() {
    let mut limits = Limits::default();
    limits.metric_bytes = 10_000;
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "c", Kind::CounterU64);
    for set in 0..50 {
        guest.measure(handle, Unsigned(1), attributes(&format!("{set:0500}")));
    }
    let points = host.points("c");
    assert!(points.len() > 2 && points.len() < 10, "{}", points.len());
    assert_eq!(
        host.dropped(Reason::Cardinality),
        50 - (points.len() as u64 - 1)
    );
}

#[test]
fn ten_thousand_instances_with_fresh_names_stay_bounded() {
    let host = Host::new();
    let limits = host.telemetry.limits().clone();
    for round in 0..10_000 {
        let mut guest = host.telemetry.instance("shop");
        let meter = guest.meter(scope(&format!("scope{}", round / 2)));
        let counter =
            guest.create_instrument(meter, descriptor(&format!("c{round}"), Kind::CounterU64));
        guest.measure(counter, Unsigned(1), attributes(&round.to_string()));
        let shared_meter = guest.meter(scope("s"));
        let shared = guest.create_instrument(shared_meter, descriptor("shared", Kind::CounterU64));
        guest.measure(shared, Unsigned(1), attributes(&round.to_string()));
        let gauge =
            guest.create_instrument(shared_meter, descriptor("gauge", Kind::ObservableGaugeU64));
        observe(
            &mut guest,
            gauge,
            Unsigned(1),
            attributes(&round.to_string()),
        );
    }
    let metrics = host.collect();
    assert_eq!(metrics.len(), limits.instruments_per_provider);
    assert_eq!(metrics["s/shared"].points.len(), limits.cardinality + 1);
    assert_eq!(
        metrics["s/shared"].points["otel.metric.overflow=true"],
        Point::U64(10_000 - 2_000)
    );
    assert_eq!(metrics["s/gauge"].points.len(), limits.cardinality);
    // The instruments `shared` and `gauge` are two of those that fit.
    assert_eq!(host.dropped(Reason::Instruments), 10_000 - (1_024 - 2));
    assert_eq!(host.dropped(Reason::Cardinality), 8_000 + 8_000);
    // What ended instances have left of the gauge is gone when it has been collected.
    assert!(!host.collect().contains_key("s/gauge"));
}

#[test]
fn scopes_of_a_provider_are_limited() {
    let mut limits = Limits::default();
    limits.scopes_per_provider = 2;
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    for name in ["a", "b", "c"] {
        let meter = guest.meter(scope(name));
        let counter = guest.create_instrument(meter, descriptor("n", Kind::CounterU64));
        guest.measure(counter, Unsigned(1), vec![]);
    }
    assert_eq!(host.dropped(Reason::Scopes), 1);
    assert_eq!(
        host.collect().into_keys().collect::<Vec<_>>(),
        ["a/n", "b/n"]
    );
}

#[test]
fn attribute_that_is_not_a_number_makes_one_series() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "c", Kind::CounterU64);
    for _ in 0..3 {
        guest.measure(handle, Unsigned(1), vec![KeyValue::new("k", f64::NAN)]);
    }
    assert_eq!(
        host.points("c"),
        BTreeMap::from([(String::from("k=NaN"), Point::U64(3))])
    );
}

#[test]
fn last_value_of_a_repeated_key_holds() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "c", Kind::CounterU64);
    guest.measure(
        handle,
        Unsigned(1),
        vec![KeyValue::new("k", 1), KeyValue::new("k", Value::from("x"))],
    );
    assert_eq!(
        host.points("c"),
        BTreeMap::from([(String::from("k=x"), Point::U64(1))])
    );
}

#[test]
fn without_a_provider_nothing_is_kept_and_nothing_counted() {
    let telemetry = Telemetry::builder(Providers::default()).build();
    let mut guest = telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::CounterU64);
    guest.measure(counter, Unsigned(1), vec![]);
    let series = guest.bind(counter, vec![]);
    guest.measure_series(series, Unsigned(1));
    let observable = instrument(&mut guest, "o", Kind::ObservableGaugeS64);
    observe(&mut guest, observable, Signed(1), vec![]);
    assert!(!guest.collection_due());
    assert!(telemetry.dropped().snapshot().is_empty());
}

mod observables;

/// What a random guest does.
#[derive(Debug, Clone)]
enum Op {
    Measure(usize, Number, u8),
    MeasureBound(usize, Number, u8),
    Observe(usize, Number, u8),
    Collect,
    NewInstance,
}

const KINDS: [Kind; 16] = [
    Kind::CounterU64,
    Kind::CounterF64,
    Kind::UpDownCounterS64,
    Kind::UpDownCounterF64,
    Kind::HistogramU64,
    Kind::HistogramF64,
    Kind::GaugeU64,
    Kind::GaugeS64,
    Kind::GaugeF64,
    Kind::ObservableCounterU64,
    Kind::ObservableCounterF64,
    Kind::ObservableUpDownCounterS64,
    Kind::ObservableUpDownCounterF64,
    Kind::ObservableGaugeU64,
    Kind::ObservableGaugeS64,
    Kind::ObservableGaugeF64,
];

fn number() -> impl Strategy<Value = Number> {
    let max = i64::MAX as u64;
    prop_oneof![
        prop_oneof![
            Just(0),
            Just(1),
            Just(max),
            Just(max - 1),
            Just(max + 1),
            Just(u64::MAX),
            any::<u64>()
        ]
        .prop_map(Unsigned),
        prop_oneof![
            Just(0),
            Just(i64::MIN),
            Just(i64::MAX),
            Just(-1),
            any::<i64>()
        ]
        .prop_map(Signed),
        prop_oneof![
            Just(f64::NAN),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX),
            Just(f64::MIN),
            Just(-0.0),
            Just(f64::MIN_POSITIVE),
            any::<f64>()
        ]
        .prop_map(Float),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let sets = 0..4_u8;
    prop_oneof![
        4 => (0..KINDS.len(), number(), sets.clone()).prop_map(|(i, n, s)| Op::Measure(i, n, s)),
        4 => (0..KINDS.len(), number(), sets.clone()).prop_map(|(i, n, s)| Op::MeasureBound(i, n, s)),
        6 => (9..KINDS.len(), number(), sets).prop_map(|(i, n, s)| Op::Observe(i, n, s)),
        1 => Just(Op::Collect),
        1 => Just(Op::NewInstance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Runs in a dev build, where an overflow panics.
    #[test]
    fn random_guests_export_nothing_out_of_range(
        ops in proptest::collection::vec(op(), 1..200),
        delta in any::<bool>(),
    ) {
        let mut limits = Limits::default();
        limits.cardinality = 3;
        limits.observations = 5;
        let host = Host::with(limits, if delta { Temporality::Delta } else { Temporality::Cumulative });
        let fresh = || {
            let mut guest = host.telemetry.instance("shop");
            let handles = KINDS.map(|kind| instrument(&mut guest, &format!("{kind:?}"), kind));
            (guest, handles)
        };
        let (mut guest, mut handles) = fresh();
        let mut given: BTreeMap<&str, u64> = BTreeMap::new();
        for op in ops {
            let attributes = |set: u8| if set == 0 { vec![] } else { attributes(&set.to_string()) };
            match op {
                Op::Measure(index, number, set) => {
                    guest.measure(handles[index], number, attributes(set));
                    *given.entry("measured").or_default() += 1;
                }
                Op::MeasureBound(index, number, set) => {
                    let series = guest.bind(handles[index], attributes(set));
                    guest.measure_series(series, number);
                }
                Op::Observe(index, number, set) => observe(&mut guest, handles[index], number, attributes(set)),
                Op::Collect => check(&host.collect())?,
                Op::NewInstance => (guest, handles) = fresh(),
            }
        }
        check(&host.collect())?;
        drop(guest);
        check(&host.collect())?;
    }
}

fn check(metrics: &BTreeMap<String, Metric>) -> Result<(), TestCaseError> {
    for (name, metric) in metrics {
        prop_assert!(
            metric.points.len() <= 4,
            "{} has {} series",
            name,
            metric.points.len()
        );
        for point in metric.points.values() {
            let in_range = match point {
                Point::U64(value) | Point::HistogramU64 { sum: value, .. } => {
                    i64::try_from(*value).is_ok()
                }
                Point::I64(_) => true,
                Point::F64(value) | Point::HistogramF64 { sum: value, .. } => value.is_finite(),
            };
            prop_assert!(in_range, "{name}: {point:?}");
            if metric.monotonic == Some(true) {
                prop_assert!(
                    !matches!(point, Point::F64(value) if *value < 0.0),
                    "{name}: {point:?}"
                );
            }
        }
    }
    Ok(())
}
