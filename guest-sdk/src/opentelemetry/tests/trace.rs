use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, SpanKind as ApiKind, Status, TraceFlags, TraceId,
    TraceState, Tracer as _, TracerProvider as _,
};
use ::opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value, global};

use super::{NO_CALLS, installed, recorded};
use crate::testing::{
    RecordedEvent, RecordedLink, RecordedParent, RecordedStatus, RecordedValue, Recorder,
};
use crate::{SpanKind, opentelemetry::TracerProvider};

fn tracer() -> crate::opentelemetry::Tracer {
    TracerProvider::new().tracer("test")
}

fn remote() -> SpanContext {
    SpanContext::new(
        TraceId::from(0x0123_4567_89ab_cdef_0011_2233_4455_6677),
        SpanId::from(0x8899),
        TraceFlags::new(3),
        true,
        TraceState::from_key_value([("vendor", "a"), ("other", "b")]).unwrap(),
    )
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn span_has_all_settings_of_the_builder() {
    let recorder = Recorder::install();
    let mut event = Event::new("queued", at(2), vec![KeyValue::new("depth", 3)], 0);
    event.attributes.push(KeyValue::new("full", false));
    let span = tracer()
        .span_builder("charge")
        .with_kind(ApiKind::Client)
        .with_start_time(at(1))
        .with_attributes([KeyValue::new("card", "visa")])
        .with_events(vec![event, Event::new("sent", at(3), vec![], 0)])
        .with_links(vec![Link::new(
            remote(),
            vec![KeyValue::new("why", "retry")],
            0,
        )])
        .start(&tracer());
    assert_eq!(
        recorder.take_calls(),
        [
            "tracer.get",
            "tracer.start",
            "tracer.update",
            "tracer.event",
            "tracer.event"
        ]
    );
    drop(span);
    let span = recorder.span("charge");
    assert_eq!(span.scope.name, "test");
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!(span.start_time, Some(1_000_000_000));
    assert_eq!(span.attributes, recorded!["card" => "visa"]);
    assert_eq!(
        span.events,
        [
            RecordedEvent {
                name: "queued".into(),
                attributes: recorded!["depth" => 3, "full" => false],
                time: Some(2_000_000_000),
            },
            RecordedEvent {
                name: "sent".into(),
                attributes: vec![],
                time: Some(3_000_000_000),
            },
        ]
    );
    let context = crate::SpanContext::from_traceparent(
        "00-0123456789abcdef0011223344556677-0000000000008899-03",
        "vendor=a,other=b",
    );
    assert_eq!(
        span.links,
        [RecordedLink {
            context: context.unwrap(),
            attributes: recorded!["why" => "retry"],
        }]
    );
    assert!(span.ended);
    assert_eq!(span.end_time, None);
}

#[test]
fn kinds_are_those_of_the_api() {
    let recorder = Recorder::install();
    let kinds = [
        (None, SpanKind::Internal),
        (Some(ApiKind::Internal), SpanKind::Internal),
        (Some(ApiKind::Server), SpanKind::Server),
        (Some(ApiKind::Client), SpanKind::Client),
        (Some(ApiKind::Producer), SpanKind::Producer),
        (Some(ApiKind::Consumer), SpanKind::Consumer),
    ];
    for (kind, _) in &kinds {
        let mut builder = tracer().span_builder("x");
        builder.span_kind = kind.clone();
        drop(builder.start(&tracer()));
    }
    let recorded: Vec<_> = recorder.spans().into_iter().map(|span| span.kind).collect();
    assert_eq!(recorded, kinds.map(|(_, kind)| kind));
}

#[test]
fn values_keep_their_types() {
    let texts =
        |texts: [&'static str; 2]| Value::Array(Array::String(texts.map(StringValue::from).into()));
    let attributes = || {
        vec![
            KeyValue::new("text", "Ada"),
            KeyValue::new("bool", true),
            KeyValue::new("int", i64::MIN),
            KeyValue::new("float", 0.5),
            KeyValue::new("first texts", texts(["a", "b"])),
            KeyValue::new("bools", Value::Array(vec![true, false].into())),
            KeyValue::new("ints", Value::Array(vec![1_i64, -1].into())),
            KeyValue::new("floats", Value::Array(vec![1.5, -1.5].into())),
            KeyValue::new("second texts", texts(["c", "d"])),
        ]
    };
    let expected = recorded![
        "text" => "Ada",
        "bool" => true,
        "int" => i64::MIN,
        "float" => 0.5,
        "first texts" => vec!["a", "b"],
        "bools" => vec![true, false],
        "ints" => vec![1_i64, -1],
        "floats" => vec![1.5, -1.5],
        "second texts" => vec!["c", "d"],
    ];
    let recorder = Recorder::install();
    drop(
        tracer()
            .span_builder("at start")
            .with_attributes(attributes())
            .start(&tracer()),
    );
    let mut later = tracer().start("later");
    later.set_attributes(attributes());
    later.add_event("event", attributes());
    later.add_link(remote(), attributes());
    drop(later);
    assert_eq!(recorder.span("at start").attributes, expected);
    let later = recorder.span("later");
    let mut set = later.attributes.clone();
    set.sort_by_key(|(key, _)| expected.iter().position(|(other, _)| other == key));
    assert_eq!(set, expected);
    assert_eq!(later.events[0].attributes, expected);
    assert_eq!(later.links[0].attributes, expected);
}

#[test]
fn changes_of_a_span_arrive() {
    let recorder = Recorder::install();
    let mut span = tracer().start("old name");
    span.update_name("new name");
    span.set_attribute(KeyValue::new("n", 1));
    span.set_attribute(KeyValue::new("n", 2));
    span.add_event("now", vec![]);
    span.add_event_with_timestamp("then", at(7), vec![KeyValue::new("k", "v")]);
    span.record_error(&std::fmt::Error);
    span.end_with_timestamp(at(9));
    drop(span);
    let span = recorder.span("new name");
    assert_eq!(span.attributes, recorded!["n" => 2]);
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| (event.name.as_str(), event.time))
        .collect();
    assert_eq!(
        events,
        [
            ("now", None),
            ("then", Some(7_000_000_000)),
            ("exception", None)
        ]
    );
    let message: RecordedValue = std::fmt::Error.to_string().into();
    assert_eq!(
        span.events[2].attribute("exception.message"),
        Some(&message)
    );
    assert_eq!(span.end_time, Some(9_000_000_000));
}

#[test]
fn ok_is_final_and_an_error_replaces_an_error() {
    let cases: [(&[Status], RecordedStatus); 5] = [
        (&[Status::Unset], RecordedStatus::Unset),
        (
            &[Status::error("x"), Status::Unset],
            RecordedStatus::Error("x".into()),
        ),
        (
            &[Status::error("x"), Status::error("a")],
            RecordedStatus::Error("a".into()),
        ),
        (&[Status::error("x"), Status::Ok], RecordedStatus::Ok),
        (
            &[Status::Ok, Status::error("x"), Status::Unset],
            RecordedStatus::Ok,
        ),
    ];
    for (said, expected) in cases {
        let recorder = Recorder::install();
        let mut span = tracer().start("x");
        for status in said {
            span.set_status(status.clone());
        }
        drop(span);
        assert_eq!(recorder.span("x").status, expected, "{said:?}");
    }
}

#[test]
fn times_are_clamped_to_the_contracts_range() {
    let recorder = Recorder::install();
    let mut span = tracer()
        .span_builder("x")
        .with_start_time(UNIX_EPOCH - Duration::from_secs(1))
        .start(&tracer());
    span.end_with_timestamp(UNIX_EPOCH + Duration::from_secs(u64::MAX / 1_000_000_000 + 1));
    let span = recorder.span("x");
    assert_eq!(span.start_time, Some(0));
    assert_eq!(span.end_time, Some(u64::MAX));
}

#[test]
fn span_ends_only_once() {
    let recorder = Recorder::install();
    let mut span = tracer().start("x");
    span.end();
    let _ = recorder.take_calls();
    span.end_with_timestamp(at(1));
    span.set_attribute(KeyValue::new("late", true));
    span.set_status(Status::Ok);
    span.update_name("late");
    span.add_event("late", vec![]);
    span.add_link(remote(), vec![]);
    assert!(!span.is_recording());
    drop(span);
    assert_eq!(recorder.take_calls(), NO_CALLS);
    assert!(recorder.span("x").ended);
}

#[test]
fn unrecorded_span_makes_no_call() {
    let recorder = Recorder::install();
    recorder.sample(false);
    let mut span = tracer()
        .span_builder("x")
        .with_events(vec![Event::with_name("e")])
        .with_links(vec![Link::with_context(remote())])
        .start(&tracer());
    assert_eq!(recorder.take_calls(), ["tracer.get", "tracer.start"]);
    assert!(!span.is_recording());
    span.set_attribute(KeyValue::new("n", 1));
    span.set_attributes([KeyValue::new("n", 1)]);
    span.set_status(Status::Ok);
    span.update_name("y");
    span.add_event("e", vec![]);
    span.add_event_with_timestamp("e", at(1), vec![]);
    span.record_error(&std::fmt::Error);
    span.add_link(remote(), vec![]);
    span.end();
    drop(span);
    assert_eq!(recorder.take_calls(), NO_CALLS);
}

#[test]
fn context_is_requested_once_and_lazily() {
    let recorder = Recorder::install();
    recorder.sample(false);
    let span = tracer().start("x");
    let _ = recorder.take_calls();
    let first = span.span_context().clone();
    assert_eq!(recorder.take_calls(), ["tracer.context_of"]);
    assert_eq!(span.span_context(), &first);
    assert_eq!(recorder.take_calls(), NO_CALLS);
    assert!(first.is_valid());
    assert!(!first.is_sampled());
    assert!(!first.is_remote());
}

#[test]
fn context_keeps_all_fields_of_the_host() {
    let recorder = Recorder::install();
    let host = crate::SpanContext::from_traceparent(
        "00-0123456789abcdef0011223344556677-0000000000008899-01",
        "vendor=a,other=b",
    );
    recorder.set_host_span(host);
    let span = tracer().start("x");
    let context = span.span_context();
    assert_eq!(
        context.trace_id().to_string(),
        "0123456789abcdef0011223344556677"
    );
    assert_eq!(context.trace_state().header(), "vendor=a,other=b");
    assert!(context.is_sampled());
}

#[test]
fn tracer_with_an_equal_scope_is_shared() {
    let recorder = installed();
    let scope = || {
        InstrumentationScope::builder("scoped")
            .with_version("1.2")
            .with_schema_url("https://example.com/schema")
            .with_attributes([KeyValue::new("team", "shop")])
            .build()
    };
    for _ in 0..3 {
        drop(global::tracer_with_scope(scope()).start("x"));
    }
    let calls = recorder.take_calls();
    assert_eq!(
        calls.iter().filter(|call| **call == "tracer.get").count(),
        1
    );
    let spans = recorder.spans();
    assert_eq!(spans.len(), 3);
    for span in spans {
        assert_eq!(span.scope.name, "scoped");
        assert_eq!(span.scope.version.as_deref(), Some("1.2"));
        assert_eq!(
            span.scope.schema_url.as_deref(),
            Some("https://example.com/schema")
        );
        assert_eq!(span.scope.attributes, recorded!["team" => "shop"]);
        assert_eq!(span.parent, RecordedParent::None);
    }
}

#[test]
fn kept_scopes_are_bounded() {
    let recorder = Recorder::install();
    for number in 0..1000 {
        let tracer = TracerProvider::new().tracer(format!("endless {number}"));
        drop(tracer.start("x"));
    }
    assert_eq!(recorder.spans().len(), 1000);
    assert!(super::super::scope::kept() <= 64);
}

#[test]
fn links_to_invalid_contexts_are_left_out() {
    let recorder = Recorder::install();
    let mut span = tracer().start("x");
    let _ = recorder.take_calls();
    span.add_link(SpanContext::NONE, vec![KeyValue::new("k", 1)]);
    assert_eq!(recorder.take_calls(), NO_CALLS);
    drop(span);
    assert_eq!(recorder.span("x").links, []);
}

#[test]
fn link_to_a_span_of_the_program_uses_its_handle() {
    let recorder = Recorder::install();
    let first = tracer().start("first");
    let mut second = tracer().start("second");
    second.add_link(first.span_context().clone(), vec![]);
    drop(second);
    assert_eq!(
        recorder.span("second").links[0].context,
        recorder.span("first").context
    );
}
