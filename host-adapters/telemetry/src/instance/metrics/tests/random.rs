//! Guests with random calls.

use proptest::prelude::*;

use super::*;

/// A call of a random guest.
#[derive(Debug, Clone)]
enum Op {
    Measure(usize, Number, u8),
    MeasureBound(usize, Number, u8),
    /// By one of two observers.
    Observe(usize, Number, u8, usize),
    Complete(usize),
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
        6 => (9..KINDS.len(), number(), sets, 0..2_usize).prop_map(|(i, n, s, o)| Op::Observe(i, n, s, o)),
        3 => (0..2_usize).prop_map(Op::Complete),
        1 => Just(Op::Collect),
        1 => Just(Op::NewInstance),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In a dev build an overflow panics.
    #[test]
    fn random_guests_export_nothing_out_of_range(
        ops in proptest::collection::vec(op(), 1..200),
        delta in any::<bool>(),
        exponential in any::<bool>(),
    ) {
        let limits = Limits {
            cardinality: 3,
            observations: 5,
            ..Limits::default()
        };
        let temporality = if delta { Temporality::Delta } else { Temporality::Cumulative };
        let host = if exponential { Host::exponential(limits, temporality) } else { Host::with(limits, temporality) };
        let fresh = || {
            let mut guest = host.telemetry.instance("shop");
            let handles = KINDS.map(|kind| instrument(&mut guest, &format!("{kind:?}"), kind));
            let observers = [(); 2].map(|()| guest.create_observer());
            (guest, handles, observers)
        };
        let (mut guest, mut handles, mut observers) = fresh();
        for op in ops {
            let attributes = |set: u8| if set == 0 { vec![] } else { attributes(&set.to_string()) };
            match op {
                Op::Measure(index, number, set) => {
                    guest.measure(handles[index], number, attributes(set));
                }
                Op::MeasureBound(index, number, set) => {
                    let series = guest.bind(handles[index], attributes(set));
                    guest.measure_series(series, number);
                }
                Op::Observe(index, value, set, by) => {
                    let observation = Observation {
                        instrument: handles[index],
                        value,
                        attributes: attributes(set),
                    };
                    guest.observe(observers[by], vec![observation], false);
                }
                Op::Complete(by) => {
                    guest.observe(observers[by], vec![], true);
                }
                Op::Collect => check(&host.collect())?,
                Op::NewInstance => (guest, handles, observers) = fresh(),
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
