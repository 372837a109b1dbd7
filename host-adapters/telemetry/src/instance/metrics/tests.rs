//! Exported metrics.

mod duplicates;
mod host;
mod limits;
mod model;
mod numbers;
mod observables;
mod random;
mod rounds;
mod threads;

use std::collections::BTreeMap;

use opentelemetry::Value;
use opentelemetry_sdk::metrics::Temporality;

use self::host::{Host, Metric, Point, attributes, descriptor, instrument, observe, scope, text};
use super::*;
use crate::limits::Limits;
use crate::model::InstrumentKind as Kind;
use crate::model::Number::{Float, Signed, Unsigned};
use crate::telemetry::{Providers, Telemetry};

#[test]
fn every_synchronous_kind_is_exported_with_its_value_type_and_identity() {
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
        // The second measurement is by a bound series.
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
fn instances_share_an_instrument_and_scopes_have_the_component_name() {
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
    for (what, bits) in [
        ("zero", 0),
        ("all bits", u64::MAX),
        ("foreign", foreign.to_bits()),
        ("a meter", meter.to_bits()),
        ("next", own.to_bits() + 1),
        ("index alone", own.to_bits() & 0xffff_ffff),
    ] {
        let handle = InstrumentHandle::from_bits(bits);
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
    let made_with_wrong_meter = guest.create_instrument(
        MeterHandle::from_bits(own.to_bits()),
        descriptor("j", Kind::CounterU64),
    );
    guest.measure(made_with_wrong_meter, Unsigned(1), vec![]);
    expect_one_more("wrong meter");
    assert_eq!(host.collect(), BTreeMap::new());
}

#[test]
fn instruments_with_invalid_names_drop_and_count_measurements() {
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
fn nan_attribute_makes_one_series() {
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
fn last_value_of_a_repeated_key_is_kept() {
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
    // The notice has no collection either.
    assert_eq!(
        guest.observe(ObserverHandle::from_bits(0), vec![], false) >> 32,
        0
    );
    observe(&mut guest, observable, Signed(1), vec![]);
    assert!(telemetry.dropped().snapshot().is_empty());
}
