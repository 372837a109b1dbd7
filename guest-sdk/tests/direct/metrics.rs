use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasmscope::testing::{MeasurementKind, RecordedNumber, Recorder};
use wasmscope::{
    Counter, Gauge, Histogram, Meter, ObservableCounter, ObservableGauge, ObservableUpDownCounter,
    Scope, Tracer, UpDownCounter, attributes,
};

static METER: Meter = Meter::new(Scope::new("shop").with_version("1.2.3"));
static TRACER: Tracer = Tracer::new(Scope::new("shop"));

#[test]
fn each_instrument_measures_with_its_type() {
    static ORDERS: Counter<u64> = Counter::new(&METER, "orders")
        .with_unit("{order}")
        .with_description("accepted orders");
    static REVENUE: Counter<f64> = Counter::new(&METER, "revenue");
    static OPEN: UpDownCounter<i64> = UpDownCounter::new(&METER, "open");
    static SIZES: Histogram<u64> = Histogram::new(&METER, "sizes").with_boundaries(&[1.0, 10.0]);
    static LEVEL: Gauge<f64> = Gauge::new(&METER, "level");

    let recorder = Recorder::install();
    ORDERS.add(2, attributes!["region" => "eu"]);
    REVENUE.add(9.5, &[]);
    OPEN.add(-1, &[]);
    SIZES.record(7, &[]);
    LEVEL.record(0.5, &[]);

    let measured = recorder.measurements();
    let kinds: Vec<_> = measured
        .iter()
        .map(|m| (m.instrument.as_str(), m.kind, m.value))
        .collect();
    assert_eq!(
        kinds,
        [
            ("orders", MeasurementKind::Counter, RecordedNumber::U64(2)),
            (
                "revenue",
                MeasurementKind::Counter,
                RecordedNumber::F64(9.5)
            ),
            (
                "open",
                MeasurementKind::UpDownCounter,
                RecordedNumber::I64(-1)
            ),
            ("sizes", MeasurementKind::Histogram, RecordedNumber::U64(7)),
            ("level", MeasurementKind::Gauge, RecordedNumber::F64(0.5)),
        ]
    );
    assert_eq!(measured[0].scope.version.as_deref(), Some("1.2.3"));
    assert_eq!(measured[0].unit.as_deref(), Some("{order}"));
    assert_eq!(measured[0].description.as_deref(), Some("accepted orders"));
    assert_eq!(measured[0].attribute("region"), Some(&"eu".into()));
    assert_eq!(measured[3].boundaries, Some(vec![1.0, 10.0]));
    assert_eq!(measured[0].boundaries, None);
}

#[test]
fn series_passes_only_numbers() {
    static ORDERS: Counter<u64> = Counter::new(&METER, "orders");
    let recorder = Recorder::install();
    let europe = ORDERS.bind(attributes!["region" => "eu"]);
    let _ = recorder.take_calls();
    europe.add(1);
    europe.add(2);
    assert_eq!(
        recorder.take_calls(),
        ["meter.measure_series", "meter.measure_series"]
    );
    let measured = recorder.measurements();
    assert_eq!(measured.len(), 2);
    assert!(measured.iter().all(|m| m.bound));
    assert_eq!(measured[1].value, RecordedNumber::U64(2));
    assert_eq!(measured[1].attribute("region"), Some(&"eu".into()));
}

#[test]
fn instrument_is_created_once() {
    static ORDERS: Counter<u64> = Counter::new(&METER, "once");
    let recorder = Recorder::install();
    ORDERS.add(1, &[]);
    let first = recorder.take_calls();
    ORDERS.add(1, &[]);
    assert_eq!(first, ["meter.get", "meter.create", "meter.measure"]);
    assert_eq!(recorder.take_calls(), ["meter.measure"]);
}

#[test]
fn observables_are_read_once_at_the_end() {
    static FAULTS: ObservableCounter<u64> = ObservableCounter::new(&METER, "faults");
    static QUEUE: ObservableUpDownCounter<i64> = ObservableUpDownCounter::new(&METER, "queue");
    static HEAT: ObservableGauge<f64> = ObservableGauge::new(&METER, "heat").with_unit("Cel");

    let recorder = Recorder::install();
    {
        let _outer = wasmscope::init();
        let _inner = wasmscope::init();
        FAULTS.register(|o| o.observe(3, attributes!["kind" => "minor"]));
        QUEUE.register(|o| o.observe(-2, &[]));
        HEAT.register(|o| o.observe(21.5, &[]));
        assert_eq!(recorder.measurements(), []);
    }
    let observed: Vec<_> = recorder
        .measurements()
        .into_iter()
        .map(|m| (m.instrument, m.kind, m.value))
        .collect();
    assert_eq!(
        observed,
        [
            (
                "faults".to_owned(),
                MeasurementKind::ObservableCounter,
                RecordedNumber::U64(3)
            ),
            (
                "queue".to_owned(),
                MeasurementKind::ObservableUpDownCounter,
                RecordedNumber::I64(-2)
            ),
            (
                "heat".to_owned(),
                MeasurementKind::ObservableGauge,
                RecordedNumber::F64(21.5)
            ),
        ]
    );
}

#[test]
fn observables_are_read_when_the_host_asks_and_a_span_has_ended() {
    static HEAT: ObservableGauge<f64> = ObservableGauge::new(&METER, "heat");
    static ORDERS: Counter<u64> = Counter::new(&METER, "orders");
    let recorder = Recorder::install();
    let state = Rc::new(RefCell::new(21.5));
    let read = Rc::clone(&state);
    HEAT.register(move |o| o.observe(*read.borrow(), &[]));

    drop(TRACER.start("before"));
    assert_eq!(recorder.measurements(), [], "no collection is due");

    recorder.request_collection();
    {
        // The measurement brings the request. The callback must not run while the author's data is
        // borrowed.
        let mut held = state.borrow_mut();
        ORDERS.add(1, &[]);
        *held = 30.0;
    }
    assert_eq!(recorder.measurements().len(), 1);
    drop(TRACER.start("after"));
    let measured = recorder.measurements();
    assert_eq!(measured.len(), 2);
    assert_eq!(measured[1].value, RecordedNumber::F64(30.0));

    // The host repeats the notice until it has collected, because other components may not have
    // received it.
    drop(TRACER.start("answered"));
    assert_eq!(recorder.measurements().len(), 2);

    recorder.request_collection();
    drop(TRACER.start("brings the next request"));
    assert_eq!(recorder.measurements().len(), 3);
}

#[test]
fn program_without_spans_collects_explicitly() {
    static HEAT: ObservableGauge<f64> = ObservableGauge::new(&METER, "heat");
    static ORDERS: Counter<u64> = Counter::new(&METER, "orders");
    let recorder = Recorder::install();
    HEAT.register(|o| o.observe(1.0, &[]));
    wasmscope::collect();
    recorder.request_collection();
    ORDERS.add(1, &[]);
    wasmscope::collect();
    wasmscope::collect();
    let observed = recorder
        .measurements()
        .into_iter()
        .filter(|m| m.instrument == "heat");
    assert_eq!(observed.count(), 1);
}

#[test]
fn collecting_asks_whether_a_collection_is_due() {
    static HEAT: ObservableGauge<f64> = ObservableGauge::new(&METER, "heat");
    let recorder = Recorder::install();
    wasmscope::collect();
    assert!(recorder.take_calls().is_empty());
    HEAT.register(|o| o.observe(1.0, &[]));
    for round in 1..=3 {
        recorder.request_collection();
        wasmscope::collect();
        wasmscope::collect();
        assert_eq!(recorder.measurements().len(), round);
    }
}

#[test]
#[cfg(feature = "tracing")]
fn callbacks_run_at_the_end_of_an_unrecorded_span() {
    static HEAT: ObservableGauge<f64> = ObservableGauge::new(&METER, "heat");
    static ORDERS: Counter<u64> = Counter::new(&METER, "orders");
    let recorder = Recorder::install();
    recorder.sample(false);
    HEAT.register(|o| o.observe(1.0, &[]));
    let ways: [fn(); 6] = [
        || drop(TRACER.start("dropped")),
        || TRACER.start("ended").end(),
        || TRACER.start("ended at a time").end_at(7),
        || drop(TRACER.enter("entered")),
        || drop(TRACER.enter("exited").exit()),
        || tracing::info_span!("by tracing").in_scope(|| {}),
    ];
    let _telemetry = wasmscope::init();
    for (round, way) in ways.into_iter().enumerate() {
        recorder.request_collection();
        ORDERS.add(1, &[]);
        way();
        let heat = recorder.measurements().into_iter();
        let heat = heat.filter(|measured| measured.instrument == "heat");
        assert_eq!(heat.count(), round + 1);
    }
}

#[test]
fn unrecorded_spans_announce_a_collection() {
    static HEAT: ObservableGauge<f64> = ObservableGauge::new(&METER, "heat");
    let recorder = Recorder::install();
    recorder.sample(false);
    HEAT.register(|o| o.observe(1.0, &[]));
    for round in 1..=100 {
        recorder.request_collection();
        let _ = recorder.take_calls();
        for _ in 0..3 {
            drop(TRACER.start("work"));
        }
        assert_eq!(recorder.measurements().len(), round);
        // Three calls: for the notice, of which the span's handle has only a part, for the report,
        // and for the end of the round.
        let calls = recorder.take_calls();
        let own = |call: &&&str| **call != "tracer.start" && !call.ends_with(".get");
        let own: Vec<_> = calls.iter().filter(own).collect();
        let first = if round == 1 {
            "meter.create_observer"
        } else {
            "meter.observe"
        };
        assert_eq!(*own[0], first);
        assert_eq!(own.len(), if round == 1 { 4 } else { 3 });
    }
    // Many collections at once count as one.
    for _ in 0..40 {
        recorder.request_collection();
    }
    drop(TRACER.start("work"));
    drop(TRACER.start("work"));
    assert_eq!(recorder.measurements().len(), 101);
}

#[test]
fn series_left_out_by_callbacks_are_no_longer_observed() {
    static PEERS: ObservableGauge<u64> = ObservableGauge::new(&METER, "peers");
    static HEAT: ObservableGauge<u64> = ObservableGauge::new(&METER, "heat");
    let recorder = Recorder::install();
    let peers = Rc::new(Cell::new(2));
    let counted = Rc::clone(&peers);
    PEERS.register(move |o| {
        for peer in 0..counted.get() {
            o.observe(1, attributes!["peer" => peer]);
        }
    });
    HEAT.register(|o| o.observe(20, &[]));
    for (count, observed) in [(2, 3), (1, 2), (0, 1), (3, 4)] {
        peers.set(count);
        recorder.request_collection();
        wasmscope::collect();
        assert_eq!(recorder.observations().len(), observed);
    }
}

#[test]
fn callback_that_ends_a_span_does_not_recurse() {
    static HEAT: ObservableGauge<u64> = ObservableGauge::new(&METER, "heat");
    let recorder = Recorder::install();
    let runs = Rc::new(Cell::new(0));
    let counted = Rc::clone(&runs);
    HEAT.register(move |o| {
        counted.set(counted.get() + 1);
        drop(TRACER.start("in a callback"));
        o.observe(counted.get(), &[]);
    });
    recorder.request_collection();
    drop(TRACER.start("work"));
    recorder.request_collection();
    assert_eq!(runs.get(), 1);
    drop(TRACER.start("work"));
    assert_eq!(runs.get(), 2);
}

#[test]
fn panicking_callback_does_not_prevent_later_rounds() {
    static HEAT: ObservableGauge<u64> = ObservableGauge::new(&METER, "heat");
    let recorder = Recorder::install();
    let fail = Rc::new(Cell::new(true));
    let failing = Rc::clone(&fail);
    HEAT.register(move |o| {
        assert!(!failing.get(), "on purpose");
        o.observe(1, &[]);
    });
    recorder.request_collection();
    let result = std::panic::catch_unwind(|| drop(TRACER.start("work")));
    assert!(result.is_err());
    fail.set(false);
    recorder.request_collection();
    drop(TRACER.start("work"));
    assert_eq!(recorder.measurements().len(), 1);
}

#[test]
fn without_observables_nothing_is_observed() {
    let recorder = Recorder::install();
    recorder.request_collection();
    drop(TRACER.start("work"));
    drop(wasmscope::init());
    assert!(!recorder.take_calls().contains(&"meter.observe"));
}

#[test]
fn callbacks_are_not_run_while_a_panic_unwinds() {
    static HEAT: ObservableGauge<u64> = ObservableGauge::new(&METER, "heat");
    let recorder = Recorder::install();
    HEAT.register(|_| panic!("a second panic, which would abort"));
    recorder.request_collection();
    let result = std::panic::catch_unwind(|| {
        let _telemetry = wasmscope::init();
        let span = TRACER.start("work");
        span.event("brings the request", &[]);
        panic!("on purpose");
    });
    assert!(result.is_err());
    assert_eq!(recorder.measurements(), []);
}
