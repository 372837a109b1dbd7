//! Every observable kind, and the number of the collection that comes next.

use scenarios::meter::{self, InstrumentDescriptor, InstrumentKind, Number, Observation};
use scenarios::{kv, scope};

fn main() {
    let meter = meter::get(&scope("raw.observables"));
    // What is not reported brings the notice all the same.
    let announced = meter::observe(&[]) >> 32;
    println!("a collection is announced: {}", announced != 0);
    use InstrumentKind as Kind;
    use Number::{Float, Signed, Unsigned};
    let mut first = Vec::new();
    let mut second = Vec::new();
    for (name, kind, numbers) in [
        (
            "observable.counter.u64",
            Kind::ObservableCounterU64,
            [Unsigned(10), Unsigned(15)],
        ),
        (
            "observable.counter.f64",
            Kind::ObservableCounterF64,
            [Float(0.5), Float(1.5)],
        ),
        (
            "observable.up-down.s64",
            Kind::ObservableUpDownCounterS64,
            [Signed(5), Signed(-7)],
        ),
        (
            "observable.up-down.f64",
            Kind::ObservableUpDownCounterF64,
            [Float(5.5), Float(-7.5)],
        ),
        (
            "observable.gauge.u64",
            Kind::ObservableGaugeU64,
            [Unsigned(1), Unsigned(2)],
        ),
        (
            "observable.gauge.s64",
            Kind::ObservableGaugeS64,
            [Signed(-1), Signed(-2)],
        ),
        (
            "observable.gauge.f64",
            Kind::ObservableGaugeF64,
            [Float(21.5), Float(22.5)],
        ),
    ] {
        let instrument = meter::create(
            meter,
            &InstrumentDescriptor {
                name: name.to_owned(),
                kind,
                unit: Some("{thing}".to_owned()),
                description: Some("Read when due".to_owned()),
                boundaries: None,
            },
        );
        let observation = |value, which: &str| Observation {
            instrument,
            value,
            attributes: vec![kv("which", which)],
        };
        // One series is reported once, the other again.
        first.push(observation(numbers[0], "once"));
        first.push(observation(numbers[0], "again"));
        second.push(observation(numbers[1], "again"));
        // The wrong type is dropped and counted.
        let wrong = if matches!(numbers[0], Float(_)) {
            Unsigned(1)
        } else {
            Float(1.0)
        };
        second.push(observation(wrong, "wrong"));
    }
    let notice = meter::observe(&first);
    println!(
        "another one after the report: {}",
        notice >> 32 != announced
    );
    let _ = meter::observe(&second);
    let _ = meter::observe(&[]);
    // A wrong handle is dropped and counted.
    let _ = meter::observe(&[Observation {
        instrument: 77,
        value: Unsigned(1),
        attributes: vec![],
    }]);
}
