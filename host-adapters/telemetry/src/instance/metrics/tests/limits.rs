//! The limits on metrics of an instance and of a provider.

use super::*;

#[test]
fn limits_of_an_instance_are_applied_and_counted() {
    let limits = Limits {
        scopes: 2,
        instruments: 3,
        series: 2,
        ..Limits::default()
    };
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
    // An existing instrument does not count again.
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
fn measurement_with_several_errors_is_counted_once() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let limits = Limits {
            cardinality: 1,
            measurement_attributes: 1,
            value_bytes: 4,
            ..Limits::default()
        };
        let host = Host::with(limits, temporality);
        let total = || host.telemetry.dropped().total(Signal::Metrics);
        let mut guest = host.telemetry.instance("shop");
        let counter = instrument(&mut guest, "c", Kind::CounterF64);
        let too_many = || {
            vec![
                KeyValue::new("a", "too long"),
                KeyValue::new("b", "too many"),
            ]
        };
        guest.measure(counter, Float(1.0), attributes("a"));
        assert_eq!(total(), 0);
        // The number is invalid, and the cardinality is exceeded.
        guest.measure(counter, Float(-1.0), attributes("b"));
        assert_eq!((host.dropped(Reason::NumberRange), total()), (1, 1));
        // The number, the cardinality, the number of attributes and the length of a value.
        guest.measure(counter, Float(-1.0), too_many());
        assert_eq!((host.dropped(Reason::NumberRange), total()), (2, 2));
        guest.measure(counter, Unsigned(1), too_many());
        assert_eq!((host.dropped(Reason::NumberType), total()), (1, 3));
        // The cardinality, which loses all attributes.
        guest.measure(counter, Float(1.0), too_many());
        assert_eq!((host.dropped(Reason::Cardinality), total()), (1, 4));
        guest.bind(counter, too_many());
        assert_eq!((host.dropped(Reason::Cardinality), total()), (2, 5));
        let observable = instrument(&mut guest, "o", Kind::ObservableGaugeF64);
        let observer = guest.create_observer();
        let observation = |value, attributes| Observation {
            instrument: observable,
            value,
            attributes,
        };
        let all = vec![
            observation(Float(1.0), attributes("a")),
            observation(Float(f64::NAN), too_many()),
            observation(Float(1.0), too_many()),
        ];
        guest.observe(observer, all, true);
        assert_eq!(total(), 7, "one for each");
    }
}

#[test]
fn refused_instrument_does_not_count_its_other_errors() {
    let limits = Limits {
        instruments: 0,
        scopes: 1,
        text_bytes: 4,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    let meter = guest.meter(scope("s"));
    guest.meter(scope("a name that is too long"));
    let total = || host.telemetry.dropped().total(Signal::Metrics);
    assert_eq!(total(), 0, "its instruments are counted");
    let mut wrong = descriptor("c", Kind::CounterU64);
    wrong.unit = Some(String::from("\u{e4}"));
    wrong.description = Some(String::from("too long"));
    let handle = guest.create_instrument(meter, wrong);
    guest.measure(handle, Unsigned(1), vec![]);
    assert_eq!((host.dropped(Reason::Instruments), total()), (1, 1));
}

#[test]
fn cardinality_beyond_the_limit_overflows_and_is_counted() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let limits = Limits {
            cardinality: 2,
            ..Limits::default()
        };
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
    let limits = Limits {
        metric_bytes: 10_000,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "c", Kind::CounterU64);
    for set in 0..50 {
        guest.measure(handle, Unsigned(1), attributes(&format!("{set:0500}")));
    }
    let points = host.points("c");
    assert!(points.len() > 2 && points.len() < 10, "{}", points.len());
    assert_eq!(
        host.dropped(Reason::MetricBytes),
        50 - (points.len() as u64 - 1)
    );
}

#[test]
fn exponential_histograms_count_with_their_largest_size() {
    const SET: usize = 1_000;
    let metric_bytes = 100_000;
    // Vectors of up to twice the 160 buckets of 8 bytes. Floating-point numbers have two of them,
    // one for each side of zero.
    for (kind, number, buckets) in [
        (Kind::HistogramU64, Unsigned(1), 2 * 160 * 8),
        (Kind::HistogramF64, Float(1.0), 2 * 2 * 160 * 8),
    ] {
        let limits = Limits {
            metric_bytes,
            ..Limits::default()
        };
        let host = Host::exponential(limits, Temporality::Cumulative);
        let mut guest = host.telemetry.instance("shop");
        let handle = instrument(&mut guest, "h", kind);
        for set in 0..SET {
            guest.measure(handle, number, attributes(&set.to_string()));
        }
        let kept = SET - host.dropped(Reason::MetricBytes) as usize;
        assert!(
            kept > 2 && kept * buckets < metric_bytes,
            "{kind:?}: {kept}"
        );
        // The rest of each series is small.
        assert!(
            kept * (buckets + 1_000) > metric_bytes / 2,
            "{kind:?}: {kept}"
        );
    }
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
    // Two of the instruments within the limit are `shared` and `gauge`.
    assert_eq!(
        host.dropped(Reason::InstrumentsPerProvider),
        10_000 - (1_024 - 2)
    );
    assert_eq!(host.dropped(Reason::Cardinality), 8_000 + 8_000);
    // The gauge's reports of ended instances are forgotten after a collection.
    assert!(!host.collect().contains_key("s/gauge"));
}

#[test]
fn scopes_of_a_provider_are_limited() {
    let limits = Limits {
        scopes_per_provider: 2,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    for name in ["a", "b", "c"] {
        let meter = guest.meter(scope(name));
        let counter = guest.create_instrument(meter, descriptor("n", Kind::CounterU64));
        guest.measure(counter, Unsigned(1), vec![]);
    }
    assert_eq!(host.dropped(Reason::ScopesPerProvider), 1);
    assert_eq!(
        host.collect().into_keys().collect::<Vec<_>>(),
        ["a/n", "b/n"]
    );
}

#[test]
fn idle_sets_are_removed_with_delta_temporality() {
    let limits = Limits {
        cardinality: 2,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Delta);
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "c", Kind::CounterU64);
    let bound = guest.bind(handle, attributes("bound"));
    guest.measure(handle, Unsigned(1), attributes("once"));
    let mut collections = 0;
    loop {
        guest.measure_series(bound, Unsigned(1));
        guest.measure(handle, Unsigned(1), attributes("new"));
        let points = host.points("c");
        assert_eq!(points["k=bound"], Point::U64(1));
        if points.get("k=new") == Some(&Point::U64(1)) {
            break;
        }
        assert_eq!(points["otel.metric.overflow=true"], Point::U64(1));
        collections += 1;
        assert!(collections < 10);
    }
    // There were never three sets at a time.
    assert!(collections > 2);
    guest.measure(handle, Unsigned(1), attributes("once"));
    guest.measure_series(bound, Unsigned(1));
    assert_eq!(host.points("c")["otel.metric.overflow=true"], Point::U64(1));
}

#[test]
fn idle_sets_are_kept_with_cumulative_temporality() {
    let limits = Limits {
        cardinality: 1,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "c", Kind::CounterU64);
    guest.measure(handle, Unsigned(1), attributes("once"));
    for _ in 0..10 {
        guest.measure(handle, Unsigned(1), attributes("new"));
        host.collect();
    }
    assert_eq!(host.points("c")["k=once"], Point::U64(1));
    assert_eq!(
        host.points("c")["otel.metric.overflow=true"],
        Point::U64(10)
    );
}

#[test]
fn bound_sets_are_never_removed() {
    let limits = Limits {
        cardinality: 1,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Delta);
    let mut guest = host.telemetry.instance("shop");
    let handle = instrument(&mut guest, "c", Kind::CounterU64);
    let bound = guest.bind(handle, attributes("bound"));
    for _ in 0..10 {
        guest.measure(handle, Unsigned(1), attributes("new"));
        assert_eq!(
            host.points("c").into_keys().collect::<Vec<_>>(),
            ["otel.metric.overflow=true"]
        );
    }
    assert_eq!(guest.bind(handle, attributes("bound")), bound);
}
