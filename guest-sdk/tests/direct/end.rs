//! The normal and abnormal end of a program.

use std::panic::catch_unwind;

use wasmscope::testing::{RecordedStatus, Recorder};
use wasmscope::{Scope, Severity, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("shop"));

#[test]
fn a_panic_is_recorded_as_a_log_and_on_the_active_span() {
    let recorder = Recorder::install();
    let _telemetry = wasmscope::init();
    let result = catch_unwind(|| {
        let _outer = TRACER.enter("outer");
        let inner = TRACER.enter("inner");
        inner.set_attribute("order.id", 17);
        // `forget` leaves a span open, as a trap does.
        std::mem::forget(inner);
        let number = 3;
        panic!("order {number} is cursed");
    });
    assert!(result.is_err());

    let inner = recorder.span("inner");
    assert_eq!(
        inner.status,
        RecordedStatus::Error("order 3 is cursed".into())
    );
    assert_eq!(inner.attribute("order.id"), Some(&17.into()));
    assert_eq!(inner.events.len(), 1);
    let event = &inner.events[0];
    assert_eq!(event.name, "exception");
    assert_eq!(event.attribute("exception.type"), Some(&"panic".into()));
    assert_eq!(
        event.attribute("exception.message"),
        Some(&"order 3 is cursed".into())
    );
    assert_eq!(recorder.span("outer").events, []);

    let logs = recorder.logs();
    assert_eq!(logs.len(), 1);
    let log = &logs[0];
    assert_eq!(log.scope.name, "wasmscope");
    assert_eq!(log.severity, Some(Severity::Fatal));
    assert_eq!(log.event_name.as_deref(), Some("exception"));
    assert_eq!(log.body, Some("order 3 is cursed".into()));
    assert_eq!(log.span, Some(inner.context));
    assert_eq!(log.attribute("exception.type"), Some(&"panic".into()));
    assert_eq!(
        log.attribute("exception.message"),
        Some(&"order 3 is cursed".into())
    );
    assert_eq!(log.attribute("code.file.path"), Some(&file!().into()));
    assert!(log.attribute("code.line.number").is_some());
}

#[test]
fn a_panic_in_an_unrecorded_span_is_a_log_too() {
    let recorder = Recorder::install();
    recorder.sample(false);
    let _telemetry = wasmscope::init();
    let context = std::cell::RefCell::new(None);
    let result = catch_unwind(std::panic::AssertUnwindSafe(|| {
        let span = TRACER.enter("unrecorded");
        context.replace(span.context());
        std::mem::forget(span);
        panic!("on purpose");
    }));
    assert!(result.is_err());
    let logs = recorder.logs();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].event_name.as_deref(), Some("exception"));
    assert!(logs[0].span.is_some() && logs[0].span == context.into_inner());
}

#[test]
fn a_panic_outside_of_any_span_is_a_log() {
    let recorder = Recorder::install();
    let _telemetry = wasmscope::init();
    let result = catch_unwind(|| std::panic::panic_any(17));
    assert!(result.is_err());
    assert_eq!(recorder.spans(), []);
    assert_eq!(
        recorder.logs()[0].body,
        Some("a panic without a message".into())
    );
}

#[test]
fn panic_in_an_unrecorded_span_marks_no_other_span() {
    let recorder = Recorder::install();
    let _telemetry = wasmscope::init();
    let result = catch_unwind(|| {
        let _outer = TRACER.enter("outer");
        recorder.sample(false);
        let _inner = TRACER.enter("inner");
        panic!("unseen");
    });
    assert!(result.is_err());
    assert_eq!(recorder.span("outer").events, []);
    assert_eq!(recorder.span("outer").status, RecordedStatus::Unset);
    assert_eq!(recorder.logs().len(), 1);
}

#[test]
fn end_sends_the_changes_of_an_open_span() {
    let recorder = Recorder::install();
    let telemetry = wasmscope::init();
    let span = TRACER.start("left open");
    span.set_attribute("seen", true);
    drop(telemetry);
    let recorded = recorder.span("left open");
    assert_eq!(recorded.attribute("seen"), Some(&true.into()));
    assert!(!recorded.ended);
    drop(span);
}

#[test]
fn dropped_recorder_leaves_no_state() {
    static HEAT: wasmscope::ObservableGauge<u64> = wasmscope::ObservableGauge::new(&METER, "heat");
    static METER: wasmscope::Meter = wasmscope::Meter::new(Scope::new("shop"));
    let first = Recorder::install();
    let leaked = TRACER.enter("leaked");
    leaked.set_attribute("k", 1);
    std::mem::forget(leaked);
    let outlives = TRACER.start("outlives its recorder");
    HEAT.register(|o| o.observe(1, &[]));
    drop(first);

    let second = Recorder::install();
    drop(TRACER.start("fresh"));
    outlives.set_attribute("k", 1);
    outlives.event("e", &[]);
    drop(outlives);
    drop(wasmscope::init());
    assert_eq!(second.spans().len(), 1);
    assert_eq!(second.measurements(), []);
}
