use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use ::opentelemetry::logs::{
    AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity as ApiSeverity,
};
use ::opentelemetry::trace::{TraceContextExt, Tracer as _, mark_span_as_active};
use ::opentelemetry::{
    Context, InstrumentationScope, Key, KeyValue, SpanId, TraceFlags, TraceId, global,
};

use super::{NO_CALLS, installed, recorded};
use crate::logs::arena::{self, Parts};
use crate::opentelemetry::{LogRecord, Logger, LoggerProvider};
use crate::testing::{RecordedValue, Recorder};
use crate::types::LoggerHandle;
use crate::{Scope, Severity, SpanReference, Tracer};

fn logger() -> Logger {
    LoggerProvider::new().logger("logs")
}

/// Emits a record that `fill` has filled.
fn emit(fill: impl FnOnce(&mut LogRecord)) {
    let mut record = logger().create_log_record();
    fill(&mut record);
    logger().emit(record);
}

#[test]
fn record_arrives_with_all_fields() {
    let recorder = Recorder::install();
    let scope = InstrumentationScope::builder("scoped")
        .with_version("1")
        .with_attributes([KeyValue::new("team", "shop")])
        .build();
    let logger = LoggerProvider::new().logger_with_scope(scope);
    let mut record = logger.create_log_record();
    record.set_event_name("order.accepted");
    record.set_timestamp(UNIX_EPOCH + Duration::from_nanos(17));
    record.set_observed_timestamp(UNIX_EPOCH + Duration::from_nanos(18));
    record.set_severity_text("INFORMATION");
    record.set_severity_number(ApiSeverity::Info2);
    record.set_body("accepted".into());
    record.add_attribute("id", 17);
    record.add_attributes([("a", 0.5), ("b", 1.5)]);
    logger.emit(record);
    let log = &recorder.logs()[0];
    assert_eq!(log.scope.name, "scoped");
    assert_eq!(log.scope.version.as_deref(), Some("1"));
    assert_eq!(log.scope.attributes, recorded!["team" => "shop"]);
    assert_eq!(log.event_name.as_deref(), Some("order.accepted"));
    assert_eq!(log.time, Some(17));
    assert_eq!(log.severity, Some(Severity::Info2));
    assert_eq!(log.severity_text.as_deref(), Some("INFORMATION"));
    assert_eq!(log.body, Some("accepted".into()));
    assert_eq!(
        log.attributes,
        recorded!["id" => 17, "a" => 0.5, "b" => 1.5]
    );
}

#[test]
fn unset_fields_stay_unset() {
    let recorder = Recorder::install();
    emit(|_| ());
    let log = &recorder.logs()[0];
    assert_eq!(log.scope.name, "logs");
    assert_eq!((&log.body, log.severity, log.time), (&None, None, None));
    assert_eq!(
        (&log.severity_text, &log.event_name, &log.span),
        (&None, &None, &None)
    );
    assert_eq!(log.attributes, []);
}

#[test]
fn every_severity_keeps_its_number() {
    use ApiSeverity::*;
    let severities = [
        Trace, Trace2, Trace3, Trace4, Debug, Debug2, Debug3, Debug4, Info, Info2, Info3, Info4,
        Warn, Warn2, Warn3, Warn4, Error, Error2, Error3, Error4, Fatal, Fatal2, Fatal3, Fatal4,
    ];
    let recorder = Recorder::install();
    for severity in severities {
        emit(|record| record.set_severity_number(severity));
    }
    let numbers: Vec<_> = recorder
        .logs()
        .iter()
        .map(|log| log.severity.map_or(0, Severity::number))
        .collect();
    assert_eq!(numbers, (1..=24).collect::<Vec<u8>>());
}

fn sorted(value: &RecordedValue) -> RecordedValue {
    match value {
        RecordedValue::Map(entries) => {
            let mut entries: Vec<_> = entries
                .iter()
                .map(|(key, value)| (key.clone(), sorted(value)))
                .collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            RecordedValue::Map(entries)
        }
        RecordedValue::Array(values) => RecordedValue::Array(values.iter().map(sorted).collect()),
        RecordedValue::String(_)
        | RecordedValue::Bool(_)
        | RecordedValue::Int(_)
        | RecordedValue::Double(_)
        | RecordedValue::Bytes(_) => value.clone(),
    }
}

#[test]
fn nested_values_arrive_unchanged() {
    let map =
        |entries: Vec<(&'static str, AnyValue)>| -> AnyValue { entries.into_iter().collect() };
    let list = |values: Vec<AnyValue>| AnyValue::ListAny(Box::new(values));
    let order = || {
        map(vec![
            ("id", 17.into()),
            (
                "items",
                list(vec![
                    map(vec![("sku", "tea".into()), ("price", 4.5.into())]),
                    list(vec![true.into(), list(vec![])]),
                ]),
            ),
            ("raw", AnyValue::Bytes(Box::new(vec![0, 255]))),
            ("none", AnyValue::Map(Box::default())),
        ])
    };
    let expected = RecordedValue::Map(recorded![
        "id" => 17,
        "items" => vec![
            RecordedValue::Map(recorded!["price" => 4.5, "sku" => "tea"]),
            RecordedValue::Array(vec![true.into(), RecordedValue::Array(vec![])]),
        ],
        "none" => RecordedValue::Map(vec![]),
        "raw" => &[0_u8, 255][..],
    ]);
    let recorder = Recorder::install();
    emit(|record| {
        record.add_attribute("flat", 1);
        record.add_attribute("order", order());
        record.set_body("replaced".into());
        record.set_body(order());
    });
    let log = &recorder.logs()[0];
    assert_eq!(log.body.as_ref().map(sorted), Some(expected.clone()));
    assert_eq!(log.attribute("flat"), Some(&1.into()));
    assert_eq!(log.attribute("order").map(sorted), Some(expected));
}

/// A value in a list in a map in a list, and so on.
fn deep(levels: usize) -> AnyValue {
    (0..levels).fold(AnyValue::Int(1), |inner, level| {
        if level % 2 == 0 {
            AnyValue::ListAny(Box::new(vec![inner]))
        } else {
            AnyValue::Map(Box::new(HashMap::from([(Key::new("k"), inner)])))
        }
    })
}

#[test]
fn deep_values_do_not_overflow_the_stack() {
    let mut record = logger().create_log_record();
    record.set_body(deep(200_000));
    record.add_attribute("deep", deep(200_000));
    arena::emit(
        LoggerHandle::default(),
        &Parts {
            body: record.body(),
            severity: None,
            severity_text: None,
            event_name: None,
            attributes: &[],
            time: None,
            context: SpanReference::None,
        },
    );
    record.set_body("the body before is dropped".into());
    // Without a recorder all logs are disabled, so the record is dropped.
    logger().emit(record);
}

#[test]
fn disabled_record_makes_no_call() {
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Warn));
    emit(|record| record.set_severity_number(ApiSeverity::Warn));
    assert_eq!(
        recorder.take_calls(),
        ["logger.get", "logger.threshold", "logger.emit"]
    );
    emit(|record| record.set_severity_number(ApiSeverity::Info4));
    assert!(!logger().event_enabled(ApiSeverity::Info, "", Some("name")));
    assert!(!logger().event_enabled(ApiSeverity::Info, "logs", None));
    assert!(logger().event_enabled(ApiSeverity::Error, "", None));
    assert_eq!(recorder.take_calls(), NO_CALLS);
    assert!(logger().event_enabled(ApiSeverity::Error, "", Some("name")));
    assert_eq!(recorder.take_calls(), ["logger.enabled"]);
    assert_eq!(recorder.logs().len(), 1);
}

#[test]
fn without_a_threshold_nothing_is_enabled() {
    let recorder = Recorder::install();
    recorder.set_log_threshold(None);
    assert!(!logger().event_enabled(ApiSeverity::Fatal4, "", None));
    emit(|_| ());
    assert_eq!(recorder.logs(), []);
}

#[test]
fn suppressed_telemetry_logs_nothing() {
    let recorder = Recorder::install();
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    emit(|record| record.set_severity_number(ApiSeverity::Fatal));
    assert!(!logger().event_enabled(ApiSeverity::Fatal, "", None));
    assert_eq!(recorder.take_calls(), NO_CALLS);
}

#[test]
fn record_belongs_to_the_current_span() {
    static DIRECT: Tracer = Tracer::new(Scope::new("direct"));
    let recorder = installed();
    let direct = DIRECT.enter("direct");
    emit(|_| ());
    let tracer = global::tracer("test");
    let attached = mark_span_as_active(tracer.start("attached"));
    emit(|_| ());
    let inner = DIRECT.enter("inner");
    emit(|_| ());
    drop(inner);
    let empty = Context::new().attach();
    emit(|_| ());
    drop(empty);
    drop(attached);
    drop(direct);
    let spans: Vec<_> = recorder.logs().into_iter().map(|log| log.span).collect();
    let context = |name| Some(recorder.span(name).context);
    assert_eq!(
        spans,
        [
            context("direct"),
            context("attached"),
            context("inner"),
            None
        ]
    );
}

#[test]
fn explicit_trace_context_is_used() {
    let recorder = installed();
    let tracer = global::tracer("test");
    let other = Context::new().with_span(tracer.start("other"));
    let _attached = mark_span_as_active(tracer.start("attached"));
    emit(|record| {
        record.set_trace_context(TraceId::from(7), SpanId::from(8), Some(TraceFlags::SAMPLED))
    });
    emit(|record| record.set_trace_context(TraceId::from(7), SpanId::from(8), None));
    emit(|record| record.set_trace_context(TraceId::INVALID, SpanId::INVALID, None));
    let ours = other.span().span_context().clone();
    emit(|record| {
        record.set_trace_context(ours.trace_id(), ours.span_id(), Some(ours.trace_flags()))
    });
    let logs = recorder.logs();
    let parents: Vec<_> = logs
        .iter()
        .map(|log| log.span.as_ref().map(crate::SpanContext::traceparent))
        .collect();
    assert_eq!(
        parents,
        [
            Some("00-00000000000000000000000000000007-0000000000000008-01".to_owned()),
            Some("00-00000000000000000000000000000007-0000000000000008-00".to_owned()),
            None,
            Some(recorder.span("other").context.traceparent()),
        ]
    );
}

#[test]
fn target_is_the_scope_up_to_the_maximum() {
    let recorder = Recorder::install();
    for number in 0..200 {
        emit(|record| record.set_target(format!("target {number}")));
    }
    emit(|record| record.set_target("logs"));
    let logs = recorder.logs();
    let mut scopes: Vec<_> = logs.iter().map(|log| log.scope.name.clone()).collect();
    scopes.sort();
    scopes.dedup();
    assert!(scopes.len() <= 41, "{scopes:?}");
    for (number, log) in logs.iter().take(200).enumerate() {
        let target = format!("target {number}");
        if log.scope.name == "logs" {
            assert_eq!(log.attribute("log.target"), Some(&target.into()));
        } else {
            assert_eq!(
                (&log.scope.name, log.attribute("log.target")),
                (&target, None)
            );
        }
    }
    assert_eq!(logs[200].attribute("log.target"), None);
}
