use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::opentelemetry::metrics::{Meter, MeterProvider as _};
use ::opentelemetry::{InstrumentationScope, KeyValue, global};

use super::{installed, recorded};
use crate::opentelemetry::MeterProvider;
use crate::testing::{MeasurementKind as Kind, RecordedNumber, Recorder};

fn meter(name: &'static str) -> Meter {
    MeterProvider::new().meter(name)
}

#[test]
fn synchronous_instruments_measure_with_their_kind_and_number() {
    let recorder = Recorder::install();
    let meter = meter("sync");
    meter.u64_counter("u").build().add(1, &[]);
    meter.f64_counter("f").build().add(1.5, &[]);
    meter.i64_up_down_counter("i").build().add(-1, &[]);
    meter.f64_up_down_counter("f").build().add(-1.5, &[]);
    meter.u64_histogram("u").build().record(u64::MAX, &[]);
    meter.f64_histogram("f").build().record(2.5, &[]);
    meter.u64_gauge("u").build().record(3, &[]);
    meter.i64_gauge("i").build().record(-3, &[]);
    meter.f64_gauge("f").build().record(3.5, &[]);
    let measured: Vec<_> = recorder
        .measurements()
        .into_iter()
        .map(|one| (one.kind, one.value))
        .collect();
    assert_eq!(
        measured,
        [
            (Kind::Counter, RecordedNumber::U64(1)),
            (Kind::Counter, RecordedNumber::F64(1.5)),
            (Kind::UpDownCounter, RecordedNumber::I64(-1)),
            (Kind::UpDownCounter, RecordedNumber::F64(-1.5)),
            (Kind::Histogram, RecordedNumber::U64(u64::MAX)),
            (Kind::Histogram, RecordedNumber::F64(2.5)),
            (Kind::Gauge, RecordedNumber::U64(3)),
            (Kind::Gauge, RecordedNumber::I64(-3)),
            (Kind::Gauge, RecordedNumber::F64(3.5)),
        ]
    );
}

#[test]
fn observable_instruments_observe_with_their_kind_and_number() {
    let recorder = Recorder::install();
    let meter = meter("observable");
    macro_rules! observe {
        ($($build:ident($value:expr)),*) => {$(
            let _ = meter
                .$build(stringify!($build))
                .with_unit("{x}")
                .with_description("what it is")
                .with_callback(|observer| observer.observe($value, &[KeyValue::new("a", 1)]))
                .build();
        )*};
    }
    observe![
        u64_observable_counter(1),
        f64_observable_counter(1.5),
        i64_observable_up_down_counter(-1),
        f64_observable_up_down_counter(-1.5),
        u64_observable_gauge(2),
        i64_observable_gauge(-2),
        f64_observable_gauge(2.5)
    ];
    drop(crate::init());
    let measurements = recorder.measurements();
    for one in &measurements {
        assert_eq!(one.unit.as_deref(), Some("{x}"));
        assert_eq!(one.description.as_deref(), Some("what it is"));
        assert_eq!(one.attributes, recorded!["a" => 1]);
    }
    let observed: Vec<_> = measurements
        .iter()
        .map(|one| (one.instrument.as_str(), one.kind, one.value))
        .collect();
    assert_eq!(
        observed,
        [
            (
                "u64_observable_counter",
                Kind::ObservableCounter,
                RecordedNumber::U64(1)
            ),
            (
                "f64_observable_counter",
                Kind::ObservableCounter,
                RecordedNumber::F64(1.5)
            ),
            (
                "i64_observable_up_down_counter",
                Kind::ObservableUpDownCounter,
                RecordedNumber::I64(-1)
            ),
            (
                "f64_observable_up_down_counter",
                Kind::ObservableUpDownCounter,
                RecordedNumber::F64(-1.5)
            ),
            (
                "u64_observable_gauge",
                Kind::ObservableGauge,
                RecordedNumber::U64(2)
            ),
            (
                "i64_observable_gauge",
                Kind::ObservableGauge,
                RecordedNumber::I64(-2)
            ),
            (
                "f64_observable_gauge",
                Kind::ObservableGauge,
                RecordedNumber::F64(2.5)
            ),
        ]
    );
}

#[test]
fn callbacks_run_when_a_collection_is_due_and_at_the_end() {
    let recorder = installed();
    let guard = crate::init();
    let value = Arc::new(AtomicU64::new(1));
    let seen = Arc::clone(&value);
    let _ = global::meter("due")
        .u64_observable_counter("seen")
        .with_callback(move |observer| observer.observe(seen.load(Ordering::Relaxed), &[]))
        .with_callback(|observer| observer.observe(100, &[KeyValue::new("second", true)]))
        .build();
    let values = || -> Vec<_> {
        recorder
            .measurements()
            .into_iter()
            .map(|one| one.value)
            .collect()
    };
    crate::collect();
    assert_eq!(values(), []);
    recorder.request_collection();
    crate::collect();
    let first = [1, 100].map(RecordedNumber::U64);
    assert_eq!(values(), first);
    crate::collect();
    assert_eq!(values(), first);
    value.store(2, Ordering::Relaxed);
    drop(guard);
    assert_eq!(values(), [1, 100, 2, 100].map(RecordedNumber::U64));
}

#[test]
fn callbacks_run_when_an_unrecorded_span_is_dropped() {
    use ::opentelemetry::trace::{Tracer as _, TracerProvider as _};
    let recorder = installed();
    recorder.sample(false);
    let _ = meter("unrecorded")
        .u64_observable_gauge("seen")
        .with_callback(|observer| observer.observe(1, &[]))
        .build();
    let tracer = crate::opentelemetry::TracerProvider::new().tracer("unrecorded");
    for round in 1..=3 {
        recorder.request_collection();
        meter("unrecorded").u64_counter("any").build().add(1, &[]);
        tracer.in_span("work", |_| {});
        assert_eq!(recorder.measurements().len(), round * 2);
    }
}

#[test]
fn instrument_has_the_settings_of_its_builder() {
    let recorder = Recorder::install();
    let scope = InstrumentationScope::builder("described")
        .with_version("3")
        .build();
    let meter = MeterProvider::new().meter_with_scope(scope);
    meter
        .f64_histogram("latency")
        .with_unit("s")
        .with_description("how long it takes")
        .with_boundaries(vec![0.1, 1.0])
        .build()
        .record(0.3, &[KeyValue::new("route", "/")]);
    meter.u64_histogram("plain").build().record(1, &[]);
    let [latency, plain] = <[_; 2]>::try_from(recorder.measurements()).unwrap();
    assert_eq!(latency.scope.name, "described");
    assert_eq!(latency.scope.version.as_deref(), Some("3"));
    assert_eq!(latency.instrument, "latency");
    assert_eq!(latency.unit.as_deref(), Some("s"));
    assert_eq!(latency.description.as_deref(), Some("how long it takes"));
    assert_eq!(latency.boundaries, Some(vec![0.1, 1.0]));
    assert_eq!(latency.attributes, recorded!["route" => "/"]);
    assert_eq!(
        (plain.unit, plain.description, plain.boundaries),
        (None, None, None)
    );
}

#[test]
fn instrument_built_at_each_use_is_created_once() {
    let recorder = installed();
    let count = || {
        global::meter("each use")
            .u64_counter(String::from("calls"))
            .with_unit("{call}")
            .build()
    };
    for _ in 0..100 {
        count().add(1, &[]);
    }
    // Another unit is another instrument.
    global::meter("each use")
        .u64_counter("calls")
        .build()
        .add(1, &[]);
    let calls = recorder.take_calls();
    let times = |name| calls.iter().filter(|call| **call == name).count();
    assert_eq!(times("meter.get"), 1);
    assert_eq!(times("meter.create"), 2);
    assert_eq!(times("meter.measure"), 101);
    let scope = super::super::scope::Scope::of(InstrumentationScope::builder("each use").build());
    assert_eq!(scope.instruments.lock().unwrap().len(), 2);
}

#[test]
fn kept_instruments_are_bounded() {
    let recorder = Recorder::install();
    for number in 0..1000 {
        meter("endless")
            .u64_counter(format!("c{number}"))
            .build()
            .add(1, &[]);
    }
    assert_eq!(recorder.measurements().len(), 1000);
    let scope = super::super::scope::Scope::of(InstrumentationScope::builder("endless").build());
    assert!(scope.instruments.lock().unwrap().len() <= 256);
}

#[test]
fn kept_callbacks_are_bounded() {
    let recorder = Recorder::install();
    for _ in 0..1000 {
        let _ = meter("endless callbacks")
            .u64_observable_gauge("g")
            .with_callback(|observer| observer.observe(1, &[]))
            .build();
    }
    drop(crate::init());
    assert_eq!(recorder.measurements().len(), 256);
}

#[test]
fn instrument_works_with_a_new_recorder() {
    let counter = meter("twice").u64_counter("c").build();
    for _ in 0..2 {
        let recorder = Recorder::install();
        counter.add(1, &[]);
        assert_eq!(recorder.measurements()[0].scope.name, "twice");
    }
}
