//! Every observable kind in rounds, and the number of the next collection.

use scenarios::meter::{self, InstrumentDescriptor, InstrumentKind, Number, Observation};
use scenarios::{kv, scope};

fn main() {
    let meter = meter::get(&scope("raw.observables"));
    // A call without observations returns the notice too.
    let observer = meter::create_observer();
    let announced = meter::observe(observer, &[], false) >> 32;
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
        // One series is reported in the first round only, one in both, and one in the second round
        // only.
        first.push(observation(numbers[0], "first round"));
        first.push(observation(numbers[0], "both rounds"));
        second.push(observation(numbers[1], "both rounds"));
        second.push(observation(numbers[1], "second round"));
        // The wrong type is dropped and counted.
        let wrong = if matches!(numbers[0], Float(_)) {
            Unsigned(1)
        } else {
            Float(1.0)
        };
        second.push(observation(wrong, "wrong"));
    }
    let notice = meter::observe(observer, &first, true);
    println!(
        "another one after the report: {}",
        notice >> 32 != announced
    );
    // A round may take several calls.
    for observation in second {
        let _ = meter::observe(observer, &[observation], false);
    }
    let _ = meter::observe(observer, &[], true);
    pauses(meter);
    // Wrong handles are dropped and counted.
    let wrong = || Observation {
        instrument: 77,
        value: Unsigned(1),
        attributes: vec![],
    };
    let _ = meter::observe(observer, &[wrong()], false);
    let _ = meter::observe(77, &[wrong(), wrong()], true);
    let _ = meter::observe(77, &[], false);
}

/// After a round without a report, a counter continues if its total is higher, and has restarted if
/// it is lower. Another observer's reports of the same series are added, and end with its rounds.
fn pauses(meter: u64) {
    let counter = meter::create(
        meter,
        &InstrumentDescriptor {
            name: "pauses".to_owned(),
            kind: InstrumentKind::ObservableCounterU64,
            unit: None,
            description: None,
            boundaries: None,
        },
    );
    let [observer, other] = [(); 2].map(|()| meter::create_observer());
    let report = |observer, which: &str, total| Observation {
        instrument: counter,
        value: Number::Unsigned(total),
        attributes: vec![kv("which", which), kv("observer", observer)],
    };
    let _ = meter::observe(
        observer,
        &[report("any", "goes on", 10), report("any", "restarts", 10)],
        true,
    );
    let _ = meter::observe(
        other,
        &[report("any", "goes on", 100), report("other", "stops", 1)],
        true,
    );
    let _ = meter::observe(observer, &[], true);
    let _ = meter::observe(
        observer,
        &[report("any", "goes on", 12), report("any", "restarts", 3)],
        true,
    );
    let _ = meter::observe(other, &[], true);
}
