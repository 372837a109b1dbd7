//! Every synchronous instrument kind, measured and bound.

use scenarios::meter::{self, InstrumentDescriptor, InstrumentKind, Number};
use scenarios::types::InstrumentationScope;
use scenarios::{every_value, kv, scope};

fn main() {
    let full = InstrumentationScope {
        name: "raw".to_owned(),
        version: Some("1.2.3".to_owned()),
        schema_url: Some("https://example.com/schema/1".to_owned()),
        attributes: vec![kv("team", "metrics")],
    };
    let meter = meter::get(&full);
    println!("equal scopes, equal meters: {}", meter == meter::get(&full));
    println!(
        "other scopes, other meters: {}",
        meter != meter::get(&scope("raw.other"))
    );

    every_kind(meter);
    attributes(meter);
    histograms(meter);
    what_no_instrument_takes(meter);
    names(meter);
}

fn descriptor(name: &str, kind: InstrumentKind) -> InstrumentDescriptor {
    InstrumentDescriptor {
        name: name.to_owned(),
        kind,
        unit: None,
        description: None,
        boundaries: None,
    }
}

fn every_kind(meter: u64) {
    use InstrumentKind as Kind;
    use Number::{Float, Signed, Unsigned};
    for (name, kind, numbers) in [
        ("counter.u64", Kind::CounterU64, [Unsigned(1), Unsigned(41)]),
        ("counter.f64", Kind::CounterF64, [Float(0.5), Float(1.25)]),
        (
            "up-down.s64",
            Kind::UpDownCounterS64,
            [Signed(5), Signed(-12)],
        ),
        (
            "up-down.f64",
            Kind::UpDownCounterF64,
            [Float(-0.5), Float(0.25)],
        ),
        (
            "histogram.u64",
            Kind::HistogramU64,
            [Unsigned(7), Unsigned(300)],
        ),
        (
            "histogram.f64",
            Kind::HistogramF64,
            [Float(-1.5), Float(9.75)],
        ),
        (
            "gauge.u64",
            Kind::GaugeU64,
            [Unsigned(3), Unsigned(9_223_372_036_854_775_807)],
        ),
        ("gauge.s64", Kind::GaugeS64, [Signed(1), Signed(i64::MIN)]),
        ("gauge.f64", Kind::GaugeF64, [Float(1.0), Float(-273.15)]),
    ] {
        let descriptor = InstrumentDescriptor {
            unit: Some("{thing}".to_owned()),
            description: Some(format!("A {name}, for people")),
            ..descriptor(name, kind)
        };
        let instrument = meter::create(meter, &descriptor);
        let again = meter::create(meter, &descriptor);
        println!(
            "{name}: equal descriptors, equal instruments: {}",
            instrument == again
        );
        let series = meter::bind(instrument, &[kv("how", "bound")]);
        for number in numbers {
            let _ = meter::measure(instrument, number, &[kv("how", "unbound")]);
            let _ = meter::measure_series(series, number);
        }
    }
}

fn attributes(meter: u64) {
    let counter = meter::create(meter, &descriptor("values", InstrumentKind::CounterU64));
    let _ = meter::measure(counter, Number::Unsigned(1), &every_value());
    let _ = meter::measure(counter, Number::Unsigned(1), &[]);
    // One series: the order of attributes does not matter, and the last value of a duplicate key
    // wins.
    let _ = meter::measure(counter, Number::Unsigned(10), &[kv("a", 1), kv("b", 2)]);
    let _ = meter::measure(
        counter,
        Number::Unsigned(100),
        &[kv("b", 2), kv("a", 0), kv("a", 1)],
    );
    let bound = meter::bind(counter, &[kv("b", 2), kv("a", 1)]);
    let _ = meter::measure_series(bound, Number::Unsigned(1_000));
    // A value of another type makes another series.
    let _ = meter::measure(counter, Number::Unsigned(1), &[kv("a", 1.0), kv("b", 2)]);
}

fn histograms(meter: u64) {
    let with = |name: &str, boundaries: Option<Vec<f64>>| {
        let descriptor = InstrumentDescriptor {
            boundaries,
            ..descriptor(name, InstrumentKind::HistogramF64)
        };
        let histogram = meter::create(meter, &descriptor);
        for value in [-1.0, 0.5, 1.0, 1.5, 10.0, 99.0] {
            let _ = meter::measure(histogram, Number::Float(value), &[]);
        }
    };
    with("histogram.bounds", Some(vec![0.0, 1.0, 10.0]));
    with("histogram.no-buckets", Some(vec![]));
    with("histogram.bounds.descending", Some(vec![10.0, 1.0]));
    with("histogram.bounds.nan", Some(vec![0.0, f64::NAN]));
    // Other kinds ignore the field.
    let counter = InstrumentDescriptor {
        boundaries: Some(vec![5.0]),
        ..descriptor("counter.with-bounds", InstrumentKind::CounterU64)
    };
    let _ = meter::measure(meter::create(meter, &counter), Number::Unsigned(1), &[]);
}

fn what_no_instrument_takes(meter: u64) {
    let counter = meter::create(
        meter,
        &descriptor("refusing.u64", InstrumentKind::CounterU64),
    );
    let _ = meter::measure(counter, Number::Unsigned(1), &[]);
    let _ = meter::measure(counter, Number::Signed(2), &[]);
    let _ = meter::measure(counter, Number::Float(2.0), &[]);
    let _ = meter::measure(counter, Number::Unsigned(u64::MAX), &[]);
    let _ = meter::measure(counter, Number::Unsigned(i64::MAX as u64), &[]);
    let float = meter::create(
        meter,
        &descriptor("refusing.f64", InstrumentKind::CounterF64),
    );
    let _ = meter::measure(float, Number::Float(1.5), &[]);
    for number in [-1.0, f64::NAN, f64::INFINITY] {
        let _ = meter::measure(float, Number::Float(number), &[]);
    }
    let observable = meter::create(
        meter,
        &descriptor("refusing.observable", InstrumentKind::ObservableGaugeU64),
    );
    let _ = meter::measure(observable, Number::Unsigned(1), &[]);
}

fn names(meter: u64) {
    // 255 characters are allowed, 256 are not; a letter comes first.
    for name in ["9lives", "", "with space", &"x".repeat(256)] {
        let counter = meter::create(meter, &descriptor(name, InstrumentKind::CounterU64));
        let _ = meter::measure(counter, Number::Unsigned(1), &[]);
    }
    let longest = format!("longest_{}", "y".repeat(247));
    let counter = meter::create(meter, &descriptor(&longest, InstrumentKind::CounterU64));
    let _ = meter::measure(counter, Number::Unsigned(1), &[]);
    let unit = InstrumentDescriptor {
        unit: Some("u".repeat(64)),
        ..descriptor("unit.too-long", InstrumentKind::CounterU64)
    };
    let _ = meter::measure(meter::create(meter, &unit), Number::Unsigned(1), &[]);
    // Names are case-insensitive, so this is one instrument.
    for name in ["Case.Of.Names", "case.of.names"] {
        let counter = meter::create(meter, &descriptor(name, InstrumentKind::CounterU64));
        let _ = meter::measure(counter, Number::Unsigned(1), &[]);
    }
}
