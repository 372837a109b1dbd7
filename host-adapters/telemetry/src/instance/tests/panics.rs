//! The traps that a reported panic explains.

use opentelemetry::Key;
use opentelemetry::logs::Severity;
use opentelemetry::trace::Status;

use super::*;
use crate::invocation::Outcome;
use crate::model::{LogRecord, LogValue, LoggerHandle};

fn trap(code: &str) -> Outcome {
    Outcome::Trap {
        code: code.to_owned(),
        message: "the engine's message\nframe 1".to_owned(),
    }
}

/// The record that the SDK's hook emits.
fn record() -> LogRecord {
    LogRecord {
        body: Some(LogValue::String("left: 1\nright: 2".to_owned())),
        severity: Some(Severity::Fatal),
        event_name: Some("exception".into()),
        attributes: vec![(
            Key::from_static_str("exception.type"),
            LogValue::String("panic".to_owned()),
        )],
        ..LogRecord::default()
    }
}

/// Runs a call that ends with an outcome and leaves a span open. Returns `error.type` and status of
/// that span and of the host's.
fn ended(
    outcome: Outcome,
    act: impl FnOnce(&mut Instance, SpanHandle),
) -> [(Option<String>, Status); 2] {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
    let span = invocation.begin("open", SpanReference::Ambient);
    act(&mut invocation, span);
    invocation.finish(outcome);
    ["open", "run checkout"].map(|name| {
        let span = bench.span(name);
        let error_type = span
            .attributes
            .iter()
            .find(|attribute| attribute.key.as_str() == "error.type")
            .map(|attribute| attribute.value.to_string());
        (error_type, span.status)
    })
}

fn report(instance: &mut Instance, record: LogRecord) {
    // The logger does not exist, but the report still counts.
    instance.emit_logs(LoggerHandle::from_bits(0), vec![record]);
}

#[test]
fn a_panic_is_the_status_of_all_open_spans_and_of_the_hosts() {
    let panic = (
        Some("panic".to_owned()),
        Status::error("left: 1\nright: 2".to_owned()),
    );
    let found = ended(trap("unreachable"), |instance, span| {
        report(instance, record());
        // A panic hook may still make these calls.
        instance.update_span(span, SpanChanges::default());
        instance.emit_logs(LoggerHandle::from_bits(0), vec![LogRecord::default()]);
    });
    assert_eq!(found, [panic.clone(), panic]);
}

#[test]
fn the_first_of_several_panics_is_kept() {
    let [(_, status), _] = ended(trap("unreachable"), |instance, _| {
        report(instance, record());
        report(
            instance,
            LogRecord {
                body: Some(LogValue::String(
                    "panic in a function that cannot unwind".to_owned(),
                )),
                ..record()
            },
        );
    });
    assert_eq!(status, Status::error("left: 1\nright: 2".to_owned()));
}

#[test]
fn a_panic_without_a_body_has_the_message_of_its_attribute() {
    let [(_, status), _] = ended(trap("unreachable"), |instance, _| {
        let mut record = LogRecord {
            body: None,
            ..record()
        };
        record.attributes.push((
            Key::from_static_str("exception.message"),
            LogValue::String("gone".to_owned()),
        ));
        report(instance, record);
    });
    assert_eq!(status, Status::error("gone".to_owned()));
}

#[test]
fn a_panic_with_an_empty_message_is_still_described() {
    let [(_, status), _] = ended(trap("unreachable"), |instance, _| {
        report(
            instance,
            LogRecord {
                body: Some(LogValue::String(String::new())),
                ..record()
            },
        );
    });
    assert_eq!(
        status,
        Status::error("a panic without a message".to_owned())
    );
}

#[test]
fn other_outcomes_and_records_are_unchanged() {
    type Act = fn(&mut Instance, SpanHandle);
    let table: [(&str, Outcome, Act, Option<&str>); 9] = [
        (
            "no panic",
            trap("unreachable"),
            |_, _| {},
            Some("unreachable"),
        ),
        (
            "a trap of another kind",
            trap("memory_out_of_bounds"),
            |instance, _| report(instance, record()),
            Some("memory_out_of_bounds"),
        ),
        (
            "caught, and the span is exited",
            trap("unreachable"),
            |instance, span| {
                instance.enter_span(span);
                report(instance, record());
                instance.exit_span(span);
            },
            Some("unreachable"),
        ),
        (
            "caught, and a span follows",
            trap("unreachable"),
            |instance, _| {
                report(instance, record());
                let span = instance.begin("next", SpanReference::Ambient);
                instance.end_span(span, SpanChanges::default(), None);
            },
            Some("unreachable"),
        ),
        (
            "caught, and the span is entered",
            trap("unreachable"),
            |instance, span| {
                report(instance, record());
                instance.enter_span(span);
            },
            Some("unreachable"),
        ),
        (
            "caught, and the call returns",
            Outcome::Ok,
            |instance, _| report(instance, record()),
            None,
        ),
        (
            "a hook exits",
            Outcome::Exit { code: 3 },
            |instance, _| report(instance, record()),
            Some("exit"),
        ),
        (
            "an exception that is not a panic",
            trap("unreachable"),
            |instance, _| {
                let mut record = record();
                record.attributes[0].1 = LogValue::String("Error".to_owned());
                report(instance, record);
            },
            Some("unreachable"),
        ),
        (
            "a panic that is not fatal",
            trap("unreachable"),
            |instance, _| {
                report(
                    instance,
                    LogRecord {
                        severity: Some(Severity::Error),
                        ..record()
                    },
                );
            },
            Some("unreachable"),
        ),
    ];
    for (name, outcome, act, expected) in table {
        let [(guest, _), (host, _)] = ended(outcome, act);
        assert_eq!(guest.as_deref(), expected, "{name}");
        assert_eq!(host.as_deref(), expected, "{name}");
    }
}

#[test]
fn a_panic_of_an_earlier_call_is_not_the_cause() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let mut first = Invocation::begin(&mut instance, InvocationOptions::default());
    report(&mut first, record());
    let outcome = trap("unreachable");
    assert_eq!(
        first.panic_behind(&outcome).as_deref(),
        Some("left: 1\nright: 2")
    );
    first.finish(Outcome::Ok);
    let second = Invocation::begin(&mut instance, InvocationOptions::default());
    assert_eq!(second.panic_behind(&outcome), None);
    second.finish(outcome);
}
