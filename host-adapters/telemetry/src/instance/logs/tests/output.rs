//! Lines that a guest prints, as log records.

use super::*;
use crate::invocation::{Invocation, InvocationOptions, Outcome};
use crate::model::{SpanStart, TracerHandle};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn called(instance: Instance) -> Invocation<Instance> {
    let options = InvocationOptions::default().with_traceparent(CALLER);
    Invocation::begin(instance, options)
}

fn span_id(record: &SdkLogRecord) -> Option<String> {
    record.trace_context().map(|of| of.span_id.to_string())
}

#[test]
fn lines_have_a_scope_a_stream_and_the_ambient_span() {
    let host = Host::new();
    let instance = host.telemetry.instance("shop");
    let output = instance.output();
    output.log(StandardStream::Stdout, "starting");
    let call = called(instance);
    output.log(StandardStream::Stdout, "serving");
    output.log(StandardStream::Stderr, "failing");
    call.finish(Outcome::Ok);

    let logs = host.exporter.get_emitted_logs().unwrap();
    let records = host.records();
    assert_eq!(bodies(&records), ["starting", "serving", "failing"]);
    for (log, stream, severity, span) in [
        (0, "stdout", Some(Severity::Info), None),
        (1, "stdout", Some(Severity::Info), Some("b7ad6b7169203331")),
        (2, "stderr", None, Some("b7ad6b7169203331")),
    ] {
        let record = &records[log];
        let expected = ("log.iostream", AnyValue::from(stream.to_owned()));
        assert_eq!(attributes(record), [expected]);
        assert_eq!(record.severity_number(), severity);
        assert_eq!(span_id(record).as_deref(), span);
        let scope = &logs[log].instrumentation;
        assert_eq!(scope.name(), "wasmscope.stdio");
        let component = KeyValue::new("wasmscope.component.name", "shop");
        assert_eq!(scope.attributes().collect::<Vec<_>>(), [&component]);
    }
}

#[test]
fn the_trace_is_that_of_the_call_whatever_the_guest_enters() {
    let host = Host::new();
    let instance = host.telemetry.instance("shop");
    let output = instance.output();
    assert_eq!(output.trace_id(), None);
    let mut call = called(instance);
    let trace = call.current_context().unwrap().trace_id();
    call.start_span(SpanStart {
        tracer: TracerHandle::from_bits(0),
        name: "elsewhere".into(),
        kind: opentelemetry::trace::SpanKind::Internal,
        parent: SpanReference::Remote(RemoteContext {
            trace_id: (1, 2),
            span_id: 3,
            trace_flags: 1,
            trace_state: String::new(),
        }),
        attributes: Vec::new(),
        start_time: None,
        activate: true,
    });
    assert_ne!(call.current_context().unwrap().trace_id(), trace);
    assert_eq!(output.trace_id(), Some(trace));
    // Within a nested call as well.
    let nested = Invocation::begin(&mut *call, InvocationOptions::default());
    assert_eq!(output.trace_id(), Some(trace));
    nested.finish(Outcome::Ok);
    call.finish(Outcome::Ok);
    assert_eq!(output.trace_id(), None);
}

#[test]
fn log_levels_apply_to_lines_and_may_change() {
    for (levels, expected) in [
        ("trace", &["out", "err"][..]),
        ("warn", &["err"]),
        ("off", &[]),
        ("wasmscope.stdio=off", &[]),
    ] {
        let host = Host::with(Limits::default(), levels);
        let output = host.telemetry.instance("shop").output();
        output.log(StandardStream::Stdout, "out");
        output.log(StandardStream::Stderr, "err");
        assert_eq!(bodies(&host.records()), expected, "{levels}");
    }
    let host = Host::with(Limits::default(), "off");
    let output = host.telemetry.instance("shop").output();
    host.telemetry.set_log_levels("info".parse().unwrap());
    output.log(StandardStream::Stdout, "now");
    assert_eq!(bodies(&host.records()), ["now"]);
}

#[test]
fn limits_apply_to_lines() {
    let limits = Limits {
        value_bytes: 4,
        ..Limits::default()
    };
    let host = Host::with(limits, "trace");
    let output = host.telemetry.instance("shop").output();
    output.log(StandardStream::Stdout, "a long line");
    assert_eq!(bodies(&host.records()), ["a lo"]);
    // The line, and the name of the stream.
    assert_eq!(host.dropped(Reason::ValueBytes), 2);
}

#[test]
fn late_lines_are_counted() {
    let host = Host::new();
    let instance = host.telemetry.instance("shop");
    let output = instance.output();
    instance.ender().end(&Outcome::Timeout);
    output.log(StandardStream::Stdout, "late");
    assert!(host.records().is_empty());
    assert_eq!(host.dropped(Reason::Shutdown), 1);
    assert_eq!(output.trace_id(), None);
}
