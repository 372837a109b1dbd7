//! Rounds of observers: series that a round leaves out end.

use super::host::{complete, own_observer};
use super::*;

const KINDS: [Kind; 7] = [
    Kind::ObservableCounterU64,
    Kind::ObservableCounterF64,
    Kind::ObservableUpDownCounterS64,
    Kind::ObservableUpDownCounterF64,
    Kind::ObservableGaugeU64,
    Kind::ObservableGaugeS64,
    Kind::ObservableGaugeF64,
];

fn one(kind: Kind) -> Number {
    if matches!(kind, Kind::ObservableCounterU64 | Kind::ObservableGaugeU64) {
        Unsigned(1)
    } else if matches!(
        kind,
        Kind::ObservableUpDownCounterS64 | Kind::ObservableGaugeS64
    ) {
        Signed(1)
    } else {
        Float(1.0)
    }
}

fn keys(host: &Host, name: &str) -> Vec<String> {
    host.points(name).into_keys().collect()
}

fn report(
    guest: &mut Instance,
    observer: ObserverHandle,
    instrument: InstrumentHandle,
    value: Number,
    set: &str,
) {
    let observation = Observation {
        instrument,
        value,
        attributes: attributes(set),
    };
    guest.observe(observer, vec![observation], false);
}

#[test]
fn series_that_a_round_leaves_out_have_no_data() {
    for kind in KINDS {
        let host = Host::new();
        let mut guest = host.telemetry.instance("shop");
        let peers = instrument(&mut guest, "peers", kind);
        let other = instrument(&mut guest, "other", kind);
        for set in ["0", "1"] {
            observe(&mut guest, peers, one(kind), attributes(set));
            observe(&mut guest, other, one(kind), attributes(set));
        }
        complete(&mut guest);
        assert_eq!(keys(&host, "peers"), ["k=0", "k=1"], "{kind:?}");
        observe(&mut guest, peers, one(kind), attributes("0"));
        // Before a round is complete, reports of the last round still apply.
        assert_eq!(keys(&host, "peers"), ["k=0", "k=1"], "{kind:?}");
        complete(&mut guest);
        assert_eq!(keys(&host, "peers"), ["k=0"], "{kind:?}");
        // The round had no report of the other instrument.
        assert_eq!(keys(&host, "other"), [""; 0], "{kind:?}");
        complete(&mut guest);
        assert_eq!(keys(&host, "peers"), [""; 0], "{kind:?}");
        observe(&mut guest, peers, one(kind), attributes("1"));
        assert_eq!(keys(&host, "peers"), ["k=1"], "{kind:?}");
        assert_eq!(host.telemetry.dropped().snapshot(), [], "{kind:?}");
    }
}

#[test]
fn a_refused_value_counts_as_reported() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeF64);
    let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
    observe(&mut guest, gauge, Float(1.0), vec![]);
    observe(&mut guest, counter, Unsigned(5), vec![]);
    for _ in 0..3 {
        complete(&mut guest);
        observe(&mut guest, gauge, Float(f64::NAN), vec![]);
        observe(&mut guest, counter, Unsigned(4), vec![]);
    }
    complete(&mut guest);
    assert_eq!(host.point("g"), Some(Point::F64(1.0)));
    assert_eq!(host.point("c"), Some(Point::U64(5)));
    assert_eq!(host.dropped(Reason::NumberRange), 6);
}

#[test]
fn a_counter_continues_or_restarts_after_a_pause() {
    for temporality in [Temporality::Cumulative, Temporality::Delta] {
        let host = Host::with(Limits::default(), temporality);
        let mut guest = host.telemetry.instance("shop");
        let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
        let floats = instrument(&mut guest, "f", Kind::ObservableCounterF64);
        let mut sum = 0;
        // The reported total, and the expected sum.
        let rounds = [
            (Some(10), Some(10)),
            (None, None),
            (None, None),
            (Some(12), Some(12)),
            (None, None),
            // Restarted.
            (Some(3), Some(15)),
            (Some(4), Some(16)),
            (None, None),
            // Continued with the same total.
            (Some(4), Some(16)),
        ];
        for (reported, expected) in rounds {
            if let Some(total) = reported {
                observe(&mut guest, counter, Unsigned(total), vec![]);
                observe(&mut guest, floats, Float(total as f64), vec![]);
            }
            complete(&mut guest);
            let expected = expected.map(|total: u64| {
                let before = std::mem::replace(&mut sum, total);
                if temporality == Temporality::Delta {
                    total - before
                } else {
                    total
                }
            });
            let metrics = host.collect();
            let point = |name: &str| metrics.get(name).map(|metric| metric.points[""].clone());
            assert_eq!(point("s/c"), expected.map(Point::U64), "{temporality:?}");
            let floats = expected.map(|total| Point::F64(total as f64));
            assert_eq!(point("s/f"), floats, "{temporality:?}");
        }
        assert_eq!(host.telemetry.dropped().snapshot(), []);
    }
}

#[test]
fn the_sum_of_a_counter_does_not_fall_while_another_observer_reports_it() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
    let up_down = instrument(&mut guest, "u", Kind::ObservableUpDownCounterS64);
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeS64);
    let (gateway, pricing) = (guest.create_observer(), guest.create_observer());
    let point = |name| host.points(name).remove("k=a");
    let mut round = |observer, value: Option<i64>| {
        if let Some(value) = value {
            report(&mut guest, observer, counter, Unsigned(value as u64), "a");
            report(&mut guest, observer, up_down, Signed(value), "a");
            report(&mut guest, observer, gauge, Signed(value), "a");
        }
        guest.observe(observer, vec![], true);
    };
    let assert_points = |counter: Option<u64>, up_down: Option<i64>, gauge: Option<i64>| {
        assert_eq!(point("c"), counter.map(Point::U64));
        assert_eq!(point("u"), up_down.map(Point::I64));
        assert_eq!(point("g"), gauge.map(Point::I64));
    };
    // They report the same series: counters are added, gauges keep the last report.
    round(gateway, Some(10));
    round(pricing, Some(100));
    assert_points(Some(110), Some(110), Some(100));
    round(pricing, None);
    assert_points(Some(110), Some(10), Some(10));
    round(gateway, Some(11));
    assert_points(Some(111), Some(11), Some(11));
    round(gateway, None);
    assert_points(None, None, None);
    round(pricing, Some(101));
    assert_points(Some(112), Some(101), Some(101));
    assert_eq!(host.telemetry.dropped().snapshot(), []);
}

#[test]
fn the_last_reports_remain_after_an_end() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
    let up_down = instrument(&mut guest, "u", Kind::ObservableUpDownCounterS64);
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
    for set in ["paused", "last"] {
        observe(&mut guest, counter, Unsigned(5), attributes(set));
        observe(&mut guest, up_down, Signed(5), attributes(set));
        observe(&mut guest, gauge, Unsigned(5), attributes(set));
    }
    complete(&mut guest);
    observe(&mut guest, counter, Unsigned(6), attributes("last"));
    observe(&mut guest, up_down, Signed(6), attributes("last"));
    observe(&mut guest, gauge, Unsigned(6), attributes("last"));
    complete(&mut guest);
    drop(guest);
    let metrics = host.collect();
    for name in ["s/c", "s/u", "s/g"] {
        let keys: Vec<_> = metrics[name].points.keys().collect();
        assert_eq!(keys, ["k=last"], "{name}");
    }
    // The paused series counts again with its next report.
    let mut guest = host.telemetry.instance("shop");
    let counter = instrument(&mut guest, "c", Kind::ObservableCounterU64);
    observe(&mut guest, counter, Unsigned(1), attributes("paused"));
    assert_eq!(host.points("c")["k=paused"], Point::U64(6));
}

#[test]
fn an_end_within_a_round_keeps_reports_of_the_last_round() {
    let host = Host::new();
    let mut guest = host.telemetry.instance("shop");
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
    observe(&mut guest, gauge, Unsigned(1), attributes("a"));
    observe(&mut guest, gauge, Unsigned(1), attributes("b"));
    complete(&mut guest);
    observe(&mut guest, gauge, Unsigned(2), attributes("a"));
    drop(guest);
    let expected = BTreeMap::from([
        (String::from("k=a"), Point::U64(2)),
        (String::from("k=b"), Point::U64(1)),
    ]);
    assert_eq!(host.points("g"), expected);
    assert_eq!(host.points("g"), BTreeMap::new());
}

#[test]
fn changing_attribute_sets_are_accepted_without_growth() {
    for kind in [
        Kind::ObservableGaugeU64,
        Kind::ObservableUpDownCounterS64,
        Kind::ObservableUpDownCounterF64,
    ] {
        let host = Host::new();
        let mut guest = host.telemetry.instance("shop");
        let gauge = instrument(&mut guest, "g", kind);
        for round in 0..20_000_u64 {
            for set in round * 5..round * 5 + 5 {
                observe(&mut guest, gauge, one(kind), attributes(&set.to_string()));
            }
            complete(&mut guest);
            if round % 1_000 == 0 {
                assert_eq!(host.points("g").len(), 5, "{kind:?}");
            }
        }
        assert_eq!(guest.metrics.observers.held(), 5);
        assert_eq!(host.telemetry.dropped().snapshot(), []);
    }
}

#[test]
fn a_round_frees_reports_for_the_provider_limits() {
    let limits = Limits {
        observations: 2,
        observations_per_provider: 2,
        cardinality: 2,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
    for round in 0..10 {
        for set in 0..2 {
            let set = format!("{round}.{set}");
            observe(&mut guest, gauge, Unsigned(1), attributes(&set));
        }
        complete(&mut guest);
        complete(&mut guest);
    }
    assert_eq!(host.telemetry.dropped().snapshot(), []);
}

#[test]
fn wrong_observers_and_observers_beyond_the_limit_drop_and_count() {
    let limits = Limits {
        observers: 2,
        ..Limits::default()
    };
    let host = Host::with(limits, Temporality::Cumulative);
    let mut guest = host.telemetry.instance("shop");
    let gauge = instrument(&mut guest, "g", Kind::ObservableGaugeU64);
    let first = own_observer(&mut guest);
    assert_ne!(guest.create_observer(), first);
    let beyond = guest.create_observer();
    let foreign = host.telemetry.instance("shop").create_observer();
    for (observer, reason) in [
        (beyond, Reason::Observers),
        (foreign, Reason::WrongHandle),
        (ObserverHandle::from_bits(0), Reason::WrongHandle),
    ] {
        let before = host.dropped(reason);
        report(&mut guest, observer, gauge, Unsigned(1), "a");
        guest.observe(observer, vec![], true);
        // An empty call loses nothing, and returns the notice.
        assert_ne!(guest.observe(observer, vec![], false), 0);
        assert_eq!(host.dropped(reason), before + 2);
    }
    assert_eq!(keys(&host, "g"), [""; 0]);
}
