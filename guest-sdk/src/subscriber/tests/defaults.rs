//! Tests each line of the table of defaults.

use tracing::{Level, info, info_span};

use super::{defaults, keys, setup};
use crate::subscriber::Events;
use crate::testing::RecordedValue;
use crate::{Scope, Severity, SpanKind};

#[test]
fn spans_have_location_and_target_and_nothing_else() {
    let telemetry = defaults();
    drop(info_span!("plain"));
    let line = i64::from(line!()) - 1;
    let span = telemetry.span("plain");
    assert_eq!(
        keys(&span),
        [
            "code.file.path",
            "code.module.name",
            "code.line.number",
            "target"
        ]
    );
    assert_eq!(span.attribute("code.file.path"), Some(&file!().into()));
    assert_eq!(span.attribute("code.line.number"), Some(&line.into()));
    assert_eq!(
        span.attribute("code.module.name"),
        Some(&module_path!().into())
    );
    assert_eq!(span.attribute("target"), Some(&module_path!().into()));
}

#[test]
fn location_and_target_can_be_left_out() {
    let telemetry = setup(|builder| builder.with_location(false).with_target(false));
    drop(info_span!("plain"));
    info!("said");
    assert_eq!(keys(&telemetry.span("plain")), [""; 0]);
    assert_eq!(telemetry.logs()[0].attributes, []);
}

#[test]
fn level_is_an_attribute_on_request() {
    let telemetry = setup(|builder| builder.with_level(true));
    drop(info_span!("plain"));
    assert_eq!(
        telemetry.span("plain").attribute("level"),
        Some(&"INFO".into())
    );
}

#[test]
fn thread_is_an_attribute_on_request() {
    let telemetry = setup(|builder| builder.with_threads(true));
    drop(info_span!("plain"));
    let span = telemetry.span("plain");
    assert!(matches!(
        span.attribute("thread.id"),
        Some(RecordedValue::Int(1..))
    ));
    assert_eq!(
        span.attribute("thread.name"),
        std::thread::current()
            .name()
            .map(RecordedValue::from)
            .as_ref()
    );
}

#[test]
fn busy_and_idle_time_are_attributes_on_request() {
    let telemetry = setup(|builder| builder.with_tracked_inactivity(true));
    let span = info_span!("timed");
    for _ in 0..2 {
        let _outer = span.enter();
        let _inner = span.enter();
        busy_wait();
    }
    drop(span);
    let span = telemetry.span("timed");
    let nanoseconds = |key| match span.attribute(key) {
        Some(RecordedValue::Int(value)) => *value,
        other => panic!("{key}: {other:?}"),
    };
    assert!(nanoseconds("busy_ns") >= 2_000_000, "{span:?}");
    assert!(nanoseconds("idle_ns") > 0, "{span:?}");
    assert!(
        nanoseconds("idle_ns") < nanoseconds("busy_ns"),
        "time within two entries is not idle: {span:?}"
    );
}

fn busy_wait() {
    let start = std::time::Instant::now();
    while start.elapsed().as_millis() < 1 {
        core::hint::spin_loop();
    }
}

#[test]
fn spans_have_the_scope_of_their_crate() {
    let telemetry = defaults();
    drop(info_span!("plain"));
    drop(info_span!(target: "some::library", "foreign target"));
    assert_eq!(telemetry.span("plain").scope.name, "wasmscope");
    assert_eq!(telemetry.span("foreign target").scope.name, "wasmscope");
}

#[test]
fn one_scope_can_be_set_for_all_spans() {
    let scope = Scope::new("shop").with_version("1.2.3");
    let telemetry = setup(|builder| builder.with_scope(scope));
    drop(info_span!("plain"));
    let span = telemetry.span("plain");
    assert_eq!(span.scope.name, "shop");
    assert_eq!(span.scope.version.as_deref(), Some("1.2.3"));
}

#[test]
fn fields_keep_their_types() {
    let telemetry = setup(|builder| builder.with_location(false).with_target(false));
    let bytes: &[u8] = &[1, 0xab];
    drop(info_span!(
        "typed",
        int = -5_i64,
        small = 7_u8,
        large = u64::MAX,
        wide = 9_u128,
        wider = i128::MIN,
        float = 0.5,
        yes = true,
        text = "tea",
        debug = ?Some(1),
        display = %"cup",
        bytes = bytes,
        empty = tracing::field::Empty,
    ));
    let attributes = telemetry.span("typed").attributes;
    let expected: Vec<(String, RecordedValue)> = vec![
        ("int".into(), (-5_i64).into()),
        ("small".into(), 7_i64.into()),
        ("large".into(), "18446744073709551615".into()),
        ("wide".into(), 9_i64.into()),
        (
            "wider".into(),
            "-170141183460469231731687303715884105728".into(),
        ),
        ("float".into(), 0.5.into()),
        ("yes".into(), true.into()),
        ("text".into(), "tea".into()),
        ("debug".into(), "Some(1)".into()),
        ("display".into(), "cup".into()),
        ("bytes".into(), "[01 ab]".into()),
    ];
    assert_eq!(attributes, expected);
}

#[test]
fn otel_fields_are_not_attributes() {
    let telemetry = setup(|builder| builder.with_location(false).with_target(false));
    let name = String::from("GET /orders");
    drop(info_span!(
        "request",
        otel.name = name.as_str(),
        otel.kind = ?SpanKind::Server,
        otel.status_code = "OK",
    ));
    let span = telemetry.span("GET /orders");
    assert_eq!(span.kind, SpanKind::Server);
    assert_eq!(span.status, crate::testing::RecordedStatus::Ok);
    assert_eq!(span.attributes, []);
}

#[test]
fn every_kind_is_recognised_in_any_case() {
    let telemetry = defaults();
    for (text, kind) in [
        ("server", SpanKind::Server),
        ("CLIENT", SpanKind::Client),
        ("Producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
        ("else", SpanKind::Internal),
    ] {
        drop(info_span!("any", otel.name = text, otel.kind = text));
        assert_eq!(telemetry.span(text).kind, kind, "{text}");
    }
}

#[test]
fn events_become_logs_with_severity_body_and_attributes() {
    let telemetry = setup(|builder| builder.with_location(false));
    let bytes: &[u8] = &[1, 2];
    let count = 3;
    info!(target: "shop::till", items = 2, bytes, "sold {count}");
    let [log] = &telemetry.logs()[..] else {
        panic!("{:?}", telemetry.logs());
    };
    assert_eq!(log.scope.name, "shop::till");
    assert_eq!(log.body, Some("sold 3".into()));
    assert_eq!(log.severity, Some(Severity::Info));
    assert_eq!(log.severity_text.as_deref(), Some("INFO"));
    assert_eq!(log.event_name, None);
    assert_eq!(
        log.attributes,
        [("items".into(), 2.into()), ("bytes".into(), bytes.into())]
    );
    assert_eq!(log.span, None);
}

#[test]
fn logs_have_their_location() {
    let telemetry = defaults();
    info!("said");
    let log = &telemetry.logs()[0];
    assert_eq!(log.attribute("code.file.path"), Some(&file!().into()));
    assert!(matches!(
        log.attribute("code.line.number"),
        Some(RecordedValue::Int(1..))
    ));
    assert_eq!(
        log.attribute("code.module.name"),
        Some(&module_path!().into())
    );
}

#[test]
fn each_level_has_its_severity() {
    let telemetry = defaults();
    tracing::trace!("t");
    tracing::debug!("d");
    tracing::info!("i");
    tracing::warn!("w");
    tracing::error!("e");
    let severities: Vec<_> = telemetry.logs().iter().map(|log| log.severity).collect();
    assert_eq!(
        severities,
        [
            Severity::Trace,
            Severity::Debug,
            Severity::Info,
            Severity::Warn,
            Severity::Error
        ]
        .map(Some)
    );
}

#[test]
fn events_become_span_events_on_request() {
    let telemetry = setup(|builder| builder.with_events(Events::SpanEvents));
    info!("outside of any span");
    info_span!("around").in_scope(|| {
        tracing::event!(name: "sale", Level::INFO, items = 2);
        info!(items = 3, "sold");
        info!(items = 4);
    });
    assert_eq!(telemetry.logs(), []);
    let span = telemetry.span("around");
    let names: Vec<_> = span
        .events
        .iter()
        .map(|event| event.name.as_str())
        .collect();
    assert_eq!(names[..2], ["sale", "sold"]);
    assert!(names[2].starts_with("event "), "{names:?}");
    let sold = &span.events[1];
    assert_eq!(sold.attribute("level"), Some(&"INFO".into()));
    assert_eq!(sold.attribute("target"), Some(&module_path!().into()));
    assert_eq!(sold.attribute("items"), Some(&3.into()));
    assert!(sold.attribute("code.line.number").is_some());
}

#[test]
fn events_become_both_on_request() {
    let telemetry = setup(|builder| builder.with_events(Events::Both));
    info_span!("around").in_scope(|| info!(items = 3, "sold"));
    assert_eq!(telemetry.logs()[0].body, Some("sold".into()));
    assert_eq!(telemetry.span("around").events[0].name, "sold");
}
