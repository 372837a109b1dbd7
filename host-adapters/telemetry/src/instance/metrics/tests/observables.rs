//! Observable instruments, across instances and collections.

use super::*;

#[test]
fn every_observable_kind_is_exported_with_its_type() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let table = [
        (
            "cu",
            Kind::ObservableCounterU64,
            Unsigned(5),
            Point::U64(5),
            Some(true),
        ),
        (
            "cf",
            Kind::ObservableCounterF64,
            Float(1.5),
            Point::F64(1.5),
            Some(true),
        ),
        (
            "us",
            Kind::ObservableUpDownCounterS64,
            Signed(-3),
            Point::I64(-3),
            Some(false),
        ),
        (
            "uf",
            Kind::ObservableUpDownCounterF64,
            Float(-2.5),
            Point::F64(-2.5),
            Some(false),
        ),
        (
            "gu",
            Kind::ObservableGaugeU64,
            Unsigned(3),
            Point::U64(3),
            None,
        ),
        (
            "gs",
            Kind::ObservableGaugeS64,
            Signed(-3),
            Point::I64(-3),
            None,
        ),
        (
            "gf",
            Kind::ObservableGaugeF64,
            Float(-3.5),
            Point::F64(-3.5),
            None,
        ),
    ];
    for (name, kind, number, _, _) in &table {
        let handle = instrument(&mut guest, name, *kind);
        observe(&mut guest, handle, *number, attributes("a"));
    }
    // A report is kept until the next one.
    for _ in 0..2 {
        let metrics = host.collect();
        for (name, _, _, point, monotonic) in &table {
            let metric = &metrics[&format!("s/{name}")];
            assert_eq!(
                metric.points,
                BTreeMap::from([(String::from("k=a"), point.clone())]),
                "{name}"
            );
            assert_eq!(metric.monotonic, *monotonic, "{name}");
        }
    }
    assert!(host.telemetry.dropped().snapshot().is_empty());
}

#[test]
fn sums_add_up_over_instances_and_gauges_take_the_last_report() {
    let host = Host::new();
    let mut one = host.telemetry.instance("shop");
    let mut two = host.telemetry.instance("shop");
    for (guest, numbers) in [(&mut one, (3, -3)), (&mut two, (4, -4))] {
        let counter = instrument(guest, "c", Kind::ObservableCounterU64);
        let up_down = instrument(guest, "u", Kind::ObservableUpDownCounterS64);
        let gauge = instrument(guest, "g", Kind::ObservableGaugeS64);
        observe(guest, counter, Unsigned(numbers.0), vec![]);
        observe(guest, up_down, Signed(numbers.1), vec![]);
        observe(guest, gauge, Signed(numbers.1), vec![]);
    }
    assert_eq!(host.point("c"), Some(Point::U64(7)));
    assert_eq!(host.point("u"), Some(Point::I64(-7)));
    assert_eq!(host.point("g"), Some(Point::I64(-4)));
    let gauge = instrument(&mut one, "g", Kind::ObservableGaugeS64);
    observe(&mut one, gauge, Signed(9), vec![]);
    assert_eq!(host.point("g"), Some(Point::I64(9)));
}

#[test]
fn reports_replace_earlier_ones_of_the_same_instance() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
    let up_down = instrument(&mut guest, "u", Kind::ObservableUpDownCounterS64);
    for value in [1, 5] {
        observe(&mut guest, counter, Unsigned(value), vec![]);
        observe(&mut guest, up_down, Signed(-(value as i64)), vec![]);
    }
    assert_eq!(host.point("c"), Some(Point::U64(5)));
    assert_eq!(host.point("u"), Some(Point::I64(-5)));
}

#[test]
fn counters_keep_totals_of_ended_instances_and_others_are_collected_once() {
    let host = Host::new();
    for _ in 0..3 {
        let mut guest = host.telemetry.instance("shop");
        let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
        let up_down = instrument(&mut guest, "u", Kind::ObservableUpDownCounterS64);
        let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeF64);
        observe(&mut guest, counter, Unsigned(2), vec![]);
        observe(&mut guest, up_down, Signed(2), vec![]);
        observe(&mut guest, gauge, Float(0.5), vec![]);
    }
    let metrics = host.collect();
    assert_eq!(metrics["s/c"].points[""], Point::U64(6));
    assert_eq!(metrics["s/u"].points[""], Point::I64(6));
    assert_eq!(metrics["s/g"].points[""], Point::F64(0.5));
    let metrics = host.collect();
    assert_eq!(metrics["s/c"].points[""], Point::U64(6));
    assert_eq!(metrics.len(), 1);
}

#[test]
fn last_reports_are_collected_even_after_the_telemetry_is_dropped() {
    let Host {
        telemetry,
        provider,
        exporter,
    } = Host::new();
    let mut guest = telemetry.instance("shop");
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
    observe(&mut guest, gauge, Unsigned(7), vec![]);
    drop((guest, telemetry));
    provider.force_flush().unwrap();
    let finished = exporter.get_finished_metrics().unwrap();
    let names: Vec<_> = finished
        .iter()
        .flat_map(|r| r.scope_metrics())
        .filter(|s| s.scope().name() != "wasmscope")
        .flat_map(|s| s.metrics())
        .map(|m| m.name().to_owned())
        .collect();
    assert_eq!(names, ["g"]);
}

#[test]
fn gauge_falls_back_to_a_live_instance() {
    let host = Host::new();
    let mut live = host.telemetry.instance("shop");
    let gauge = instrument(&mut live, "g", Kind::ObservableGaugeU64);
    observe(&mut live, gauge, Unsigned(1), vec![]);
    let mut ended = host.telemetry.instance("shop");
    let gauge = instrument(&mut ended, "g", Kind::ObservableGaugeU64);
    observe(&mut ended, gauge, Unsigned(2), vec![]);
    drop(ended);
    assert_eq!(host.point("g"), Some(Point::U64(2)));
    assert_eq!(host.point("g"), Some(Point::U64(1)));
}

#[test]
fn differences_after_a_pause_do_not_count_twice() {
    let host = Host::with(Limits::default(), Temporality::Delta);
    let mut guest = host.telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
    let mut differences = Vec::new();
    for value in [Some(10), None, Some(12), None] {
        if let Some(value) = value {
            observe(&mut guest, counter, Unsigned(value), vec![]);
        }
        differences.push(host.point("c"));
    }
    drop(guest);
    differences.push(host.point("c"));
    assert_eq!(
        differences,
        [10, 0, 2, 0, 0].map(|difference| Some(Point::U64(difference)))
    );
}

#[test]
fn invalid_values_are_dropped_and_earlier_reports_are_kept() {
    let max = i64::MAX as u64;
    let table = [
        (
            Kind::ObservableCounterU64,
            Unsigned(5),
            Unsigned(4),
            Reason::NumberRange,
        ),
        (
            Kind::ObservableCounterU64,
            Unsigned(5),
            Unsigned(max + 1),
            Reason::NumberRange,
        ),
        (
            Kind::ObservableCounterU64,
            Unsigned(5),
            Signed(6),
            Reason::NumberType,
        ),
        (
            Kind::ObservableCounterF64,
            Float(5.0),
            Float(4.9),
            Reason::NumberRange,
        ),
        (
            Kind::ObservableCounterF64,
            Float(5.0),
            Float(f64::NAN),
            Reason::NumberRange,
        ),
        (
            Kind::ObservableUpDownCounterF64,
            Float(5.0),
            Float(f64::INFINITY),
            Reason::NumberRange,
        ),
        (
            Kind::ObservableUpDownCounterS64,
            Signed(5),
            Float(1.0),
            Reason::NumberType,
        ),
        (
            Kind::ObservableGaugeU64,
            Unsigned(5),
            Unsigned(u64::MAX),
            Reason::NumberRange,
        ),
        (
            Kind::ObservableGaugeF64,
            Float(5.0),
            Float(f64::NEG_INFINITY),
            Reason::NumberRange,
        ),
    ];
    for (kind, kept, refused, reason) in table {
        let host = Host::new();
        let mut guest = host.telemetry.instance("shop");
        let handle = instrument(&mut guest, "o", kind);
        observe(&mut guest, handle, kept, vec![]);
        observe(&mut guest, handle, refused, vec![]);
        let expected = match kept {
            Unsigned(value) => Point::U64(value),
            Signed(value) => Point::I64(value),
            Float(value) => Point::F64(value),
        };
        assert_eq!(host.point("o"), Some(expected), "{kind:?} {refused:?}");
        assert_eq!(host.dropped(reason), 1, "{kind:?} {refused:?}");
    }
}

#[test]
fn reports_that_would_overflow_the_sum_over_instances_are_refused() {
    let host = Host::new();
    let mut one = host.telemetry.instance("shop");
    let mut two = host.telemetry.instance("shop");
    let max = i64::MAX;
    for (name, kind, first, second) in [
        (
            "c",
            Kind::ObservableCounterU64,
            Unsigned(max as u64),
            Unsigned(1),
        ),
        (
            "u",
            Kind::ObservableUpDownCounterS64,
            Signed(i64::MIN),
            Signed(-1),
        ),
        (
            "f",
            Kind::ObservableCounterF64,
            Float(f64::MAX),
            Float(f64::MAX),
        ),
    ] {
        let handle = instrument(&mut one, name, kind);
        observe(&mut one, handle, first, vec![]);
        let handle = instrument(&mut two, name, kind);
        observe(&mut two, handle, second, vec![]);
    }
    assert_eq!(host.dropped(Reason::NumberRange), 3);
    // The totals of ended instances are part of the sum.
    drop(one);
    let counter = instrument(&mut two, "c", Kind::ObservableCounterU64);
    observe(&mut two, counter, Unsigned(1), vec![]);
    assert_eq!(host.dropped(Reason::NumberRange), 4);
    assert_eq!(host.point("c"), Some(Point::U64(max as u64)));
}

#[test]
fn limits_on_reports_are_counted_and_recover() {
    let limits = Limits {
        observations: 2,
        observations_per_provider: 3,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    let mut one = host.telemetry.instance("shop");
    let mut two = host.telemetry.instance("shop");
    let report = |guest: &mut Instance, set: &str| {
        let gauge = instrument(guest, "g", Kind::ObservableGaugeU64);
        observe(guest, gauge, Unsigned(1), attributes(set));
    };
    for set in ["a", "b", "c"] {
        report(&mut one, set);
    }
    assert_eq!(host.dropped(Reason::Observations), 1);
    report(&mut two, "a");
    report(&mut two, "d");
    assert_eq!(host.dropped(Reason::ObservationsPerProvider), 1);
    // A report that replaces another one does not count.
    report(&mut one, "a");
    assert_eq!(host.dropped(Reason::ObservationsPerProvider), 1);
    drop(one);
    report(&mut two, "d");
    assert_eq!(host.dropped(Reason::ObservationsPerProvider), 1);
    assert_eq!(host.dropped(Reason::Observations), 1);
    assert_eq!(
        host.points("g").into_keys().collect::<Vec<_>>(),
        ["k=a", "k=b", "k=d"]
    );
}

#[test]
fn cardinality_of_observables_is_limited_and_recovers() {
    let limits = Limits {
        cardinality: 2,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    for (set, dropped) in [("a", 0), ("b", 0), ("c", 1)] {
        let mut guest = host.telemetry.instance("shop");
        let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
        observe(&mut guest, gauge, Unsigned(1), attributes(set));
        assert_eq!(host.dropped(Reason::Cardinality), dropped, "{set}");
    }
    assert_eq!(host.points("g").len(), 2);
    let mut guest = host.telemetry.instance("shop");
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
    observe(&mut guest, gauge, Unsigned(1), attributes("c"));
    assert_eq!(host.points("g").into_keys().collect::<Vec<_>>(), ["k=c"]);
}

#[test]
fn every_notice_has_the_number_of_the_next_collection() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::CounterU64);
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
    let mut last = 0;
    for round in 1..=3 {
        let number = guest.measure(counter, Unsigned(1), vec![]) >> 32;
        assert_ne!(number, last, "a new number in round {round}");
        last = number;
        // A report does not change it: the instance may have several components, and the others
        // have not reported.
        observe(&mut guest, gauge, Unsigned(1), vec![]);
        assert_eq!(
            guest.observe(ObserverHandle::from_bits(0), vec![], false) >> 32,
            number
        );
        // All instances have the same number, also new ones.
        let mut other = host.telemetry.instance("shop");
        assert_eq!(
            other.observe(ObserverHandle::from_bits(0), vec![], false) >> 32,
            number
        );
        host.collect();
    }
}

#[test]
fn both_components_of_a_composition_report_for_each_collection() {
    /// Works like a guest SDK. Each component has its own, without knowledge of the others.
    struct Component {
        gauge: InstrumentHandle,
        /// The last collection that it reported for.
        reported: u64,
        reports: u64,
    }

    impl Component {
        fn new(guest: &mut Instance, scope_name: &str) -> Self {
            let meter = guest.meter(scope(scope_name));
            Self {
                gauge: guest
                    .create_instrument(meter, descriptor("reports", Kind::ObservableGaugeU64)),
                reported: 0,
                reports: 0,
            }
        }

        fn take(&mut self, guest: &mut Instance, notice: u64) {
            if notice >> 32 != self.reported {
                self.reported = notice >> 32;
                self.reports += 1;
                observe(guest, self.gauge, Unsigned(self.reports), vec![]);
            }
        }
    }

    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let mut gateway = Component::new(&mut guest, "gateway");
    let mut pricing = Component::new(&mut guest, "pricing");
    for round in 1..=3 {
        // There are many calls between two collections, but each component reports once.
        for _ in 0..5 {
            let notice = guest.observe(ObserverHandle::from_bits(0), vec![], false);
            gateway.take(&mut guest, notice);
            let notice = guest.observe(ObserverHandle::from_bits(0), vec![], false);
            pricing.take(&mut guest, notice);
        }
        let metrics = host.collect();
        for name in ["gateway/reports", "pricing/reports"] {
            let points = &metrics[name].points;
            assert_eq!(points[""], Point::U64(round), "{name}");
        }
    }
}

#[test]
fn counter_of_fractions_never_falls() {
    let host = Host::new();
    let mut guests: Vec<_> = (1..=40_u32)
        .map(|index| {
            let mut guest = host.telemetry.instance("shop");
            let counter = instrument(&mut guest, "c", Kind::ObservableCounterF64);
            observe(&mut guest, counter, Float(0.1 * f64::from(index)), vec![]);
            guest
        })
        .collect();
    // Each instance that ends changes the order of the addition.
    let mut last = 0.0;
    loop {
        let Some(Point::F64(total)) = host.point("c") else {
            panic!("no total")
        };
        assert!(total >= last, "{total} after {last}");
        last = total;
        if guests.pop().is_none() {
            break;
        }
    }
    assert!((last - 82.0).abs() < 1e-9, "{last}");
}
