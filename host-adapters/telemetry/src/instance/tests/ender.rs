//! Ends an instance from another thread.

use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry::logs::Severity;
use opentelemetry::trace::Status;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{InMemoryLogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, SdkMeterProvider};
use opentelemetry_sdk::trace::{Span, SpanProcessor};

use super::*;
use crate::invocation::Outcome;
use crate::model::{InstrumentDescriptor, InstrumentKind, LogRecord, LogValue, Number};

#[test]
fn a_stuck_guests_spans_are_ended_from_another_thread_and_only_once() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let ender = instance.ender();
    let (stuck, is_stuck) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let guest = thread::spawn(move || {
        let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
        let outer = invocation.begin("outer", SpanReference::Ambient);
        invocation.enter_span(outer);
        let inner = invocation.begin("inner", SpanReference::Ambient);
        stuck.send(()).unwrap();
        goes_on.recv().unwrap();
        // Calls after the end.
        let late = invocation.begin("late", SpanReference::Ambient);
        assert!(!late.is_recorded());
        invocation.enter_span(late);
        invocation.exit_span(late);
        invocation.update_span(
            inner,
            SpanChanges {
                name: Some("renamed".into()),
                ..SpanChanges::default()
            },
        );
        invocation.end(inner);
        invocation.end(outer);
        assert_eq!(invocation.current_context(), None);
        invocation.finish(Outcome::Ok);
        let again = Invocation::begin(&mut instance, InvocationOptions::default());
        again.finish(Outcome::Ok);
    });
    is_stuck.recv().unwrap();
    assert!(ender.end(&Outcome::Timeout));
    let check = || {
        assert_eq!(bench.spans().len(), 3);
        for (name, reason) in [("inner", true), ("outer", true), ("run checkout", false)] {
            let span = bench.span(name);
            let description = "stopped because its time was over";
            assert_eq!(span.status, Status::error(description), "{name}");
            let ended = KeyValue::new("wasmscope.end_reason", "timeout");
            assert_eq!(span.attributes.contains(&ended), reason, "{name}");
        }
        let outcome = KeyValue::new("wasmscope.outcome", "timeout");
        assert!(bench.span("run checkout").attributes.contains(&outcome));
    };
    check();
    assert!(!ender.end(&Outcome::Killed), "already ended");
    go_on.send(()).unwrap();
    guest.join().unwrap();
    check();
    // The late span, the change and the second call.
    assert_eq!(bench.dropped(Reason::Shutdown), 3);
    assert_eq!(bench.telemetry.dropped().total(Signal::Traces), 3);
}

#[test]
fn spans_outside_of_a_call_are_ended_as_well() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    instance.begin("s", SpanReference::None);
    assert!(instance.ender().end(&Outcome::Killed));
    let killed = KeyValue::new("wasmscope.end_reason", "killed");
    assert!(bench.span("s").attributes.contains(&killed));
    drop(instance);
    assert_eq!(bench.spans().len(), 1);
}

#[test]
fn an_ender_has_no_effect_after_its_instance_is_dropped() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let ender = instance.ender();
    instance.begin("s", SpanReference::None);
    drop(instance);
    assert!(!ender.end(&Outcome::Timeout));
    assert_eq!(bench.spans().len(), 1);
}

#[test]
fn late_measurements_and_logs_are_dropped_and_counted() {
    let logs = InMemoryLogExporter::default();
    let metrics = InMemoryMetricExporter::default();
    let meter = SdkMeterProvider::builder()
        .with_periodic_exporter(metrics.clone())
        .build();
    let telemetry = Telemetry::builder(Providers {
        tracer: None,
        meter: Some(meter.clone()),
        logger: Some(
            SdkLoggerProvider::builder()
                .with_simple_exporter(logs.clone())
                .build(),
        ),
    })
    .build();
    let mut instance = telemetry.instance("checkout");
    let scope = || InstrumentationScope::builder("guest").build();
    let logger = instance.logger(scope());
    let meter_of_guest = instance.meter(scope());
    let counter = instance.create_instrument(
        meter_of_guest,
        InstrumentDescriptor {
            name: String::from("counter"),
            kind: InstrumentKind::CounterU64,
            unit: None,
            description: None,
            boundaries: None,
        },
    );
    let series = instance.bind(counter, Vec::new());
    let emit =
        |instance: &mut Instance| {
            instance.measure(counter, Number::Unsigned(1), Vec::new());
            let mut measure =
                |key| {
                    instance.measure_with(counter, Number::Unsigned(1), key, || {
                        Ok::<_, ()>(Vec::new())
                    })
                };
            measure(Some(b"key")).unwrap();
            measure(Some(b"key")).unwrap();
            instance.measure_series(series, Number::Unsigned(1));
            let record = || LogRecord {
                body: Some(LogValue::String("said".into())),
                severity: Some(Severity::Info),
                ..LogRecord::default()
            };
            instance.emit_logs(logger, vec![record(), record()]);
        };
    emit(&mut instance);
    assert!(instance.ender().end(&Outcome::Killed));
    assert!(instance.has_ended());
    emit(&mut instance);
    let dropped = |signal| telemetry.dropped().get(signal, Reason::Shutdown);
    assert_eq!((dropped(Signal::Metrics), dropped(Signal::Logs)), (4, 2));
    assert_eq!(logs.get_emitted_logs().unwrap().len(), 2);
}

/// A processor that reports each end, and waits.
#[derive(Debug)]
struct Waiting {
    ends: mpsc::Sender<String>,
    goes_on: Mutex<mpsc::Receiver<()>>,
}

impl SpanProcessor for Waiting {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.ends.send(span.name.into_owned()).unwrap();
        let _ = self.goes_on.lock().unwrap().recv();
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_guest_does_not_wait_for_the_export_of_its_spans() {
    let (ends, end) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let goes_on = Mutex::new(goes_on);
    let tracer = SdkTracerProvider::builder()
        .with_span_processor(Waiting { ends, goes_on })
        .build();
    let telemetry = Telemetry::builder(Providers {
        tracer: Some(tracer),
        ..Providers::default()
    });
    let telemetry = telemetry.build();
    let mut instance = telemetry.instance("checkout");
    let depth = instance.begin_invocation(InvocationOptions::default());
    let outer = instance.begin("outer", SpanReference::Ambient);
    instance.enter_span(outer);
    let inner = instance.begin("inner", SpanReference::Ambient);
    let ender = instance.ender();
    let ending = thread::spawn(move || ender.end(&Outcome::Timeout));
    let soon = Duration::from_secs(30);
    assert_eq!(end.recv_timeout(soon).unwrap(), "inner");
    // The processor holds one of the spans. Meanwhile the guest's thread continues.
    let (back, is_back) = mpsc::channel();
    let guest = thread::spawn(move || {
        let late = instance.begin("late", SpanReference::Ambient);
        instance.end(inner);
        instance.end(outer);
        instance.finish_invocation(depth, &Outcome::Ok);
        drop(instance);
        back.send(late).unwrap();
    });
    let late = is_back.recv_timeout(soon);
    // Releases the other threads in any case, so that a failed test ends.
    drop(go_on);
    assert!(
        !late
            .expect("the guest's thread does not wait")
            .is_recorded()
    );
    guest.join().unwrap();
    assert!(ending.join().unwrap());
    assert_eq!(
        end.try_iter().collect::<Vec<_>>(),
        ["outer", "run checkout"]
    );
    let dropped = telemetry.dropped();
    assert_eq!(dropped.get(Signal::Traces, Reason::Shutdown), 1);
    assert_eq!(dropped.total(Signal::Traces), 1);
}

#[test]
fn many_entered_spans_are_removed_fast() {
    let bench = Bench::limited(|limits| {
        limits.open_spans = 20_000;
        limits.entered_spans = 20_000;
    });
    let mut instance = bench.instance();
    for _ in 0..20_000 {
        let span = instance.begin("s", SpanReference::Ambient);
        instance.enter_span(span);
    }
    let start = Instant::now();
    let all = instance.activity.lock().take_all(&Outcome::Killed);
    let took = start.elapsed();
    drop(all);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(instance.activity.lock().entered.len(), 0);
}
