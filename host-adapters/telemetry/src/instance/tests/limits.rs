use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::trace::Status;
use opentelemetry::{Array, StringValue};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanExporter;

use super::*;
use crate::model::{BaggageEntry, LinkTarget, SpanLink};

#[test]
fn items_that_are_dropped_whole_are_counted_once() {
    let bench = Bench::limited(|limits| {
        limits.span_attributes = 1;
        limits.span_events = 1;
        limits.span_links = 1;
        limits.value_bytes = 4;
        limits.text_bytes = 8;
        limits.trace_state_bytes = 4;
    });
    let total = || bench.telemetry.dropped().total(Signal::Traces);
    let long = || KeyValue::new("long", "too long");
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let span = instance.start_span(SpanStart {
        attributes: vec![KeyValue::new("short", 1), long()],
        ..start(tracer, "s", SpanReference::None)
    });
    assert_eq!((bench.dropped(Reason::SpanAttributes), total()), (1, 1));
    // The time, the name and an attribute are invalid too.
    let wrong = || SpanEvent {
        time: Some(1),
        ..event("a name that is too long", vec![long()])
    };
    instance.span_event(span, event("e", vec![]));
    instance.span_event(span, wrong());
    assert_eq!((bench.dropped(Reason::SpanEvents), total()), (1, 2));
    let link = || SpanLink {
        target: LinkTarget::Remote(RemoteContext {
            trace_state: "a=1,b=2,c=3".to_owned(),
            ..remote(1)
        }),
        attributes: vec![long()],
    };
    let changes = SpanChanges {
        links: vec![link()],
        ..SpanChanges::default()
    };
    instance.update_span(span, changes.clone());
    let kept = [(Reason::TraceStateBytes, 2), (Reason::ValueBytes, 1)];
    for (reason, items) in kept {
        assert_eq!(bench.dropped(reason), items, "{reason:?}");
    }
    assert_eq!(total(), 5);
    instance.end_span(span, changes, None);
    assert_eq!((bench.dropped(Reason::SpanLinks), total()), (1, 6));
}

#[test]
fn dropped_baggage_is_counted_once() {
    let bench = Bench::limited(|limits| limits.baggage_entries = 1);
    let entry = |key: &str| BaggageEntry {
        key: key.to_owned(),
        value: "v".to_owned(),
        metadata: "a,b".to_owned(),
    };
    let mut instance = bench.instance();
    instance.enter_baggage(vec![entry("kept"), entry("dropped")]);
    let counted = |reason| bench.dropped(reason);
    assert_eq!(counted(Reason::InvalidBaggage), 1);
    assert_eq!(counted(Reason::BaggageEntries), 1);
    assert_eq!(bench.telemetry.dropped().total(Signal::Traces), 2);
}

#[test]
fn items_beyond_a_spans_limits_are_dropped_and_counted_in_otlp_too() {
    let bench = Bench::limited(|limits| {
        limits.span_attributes = 3;
        limits.span_events = 2;
        limits.span_links = 1;
        limits.event_attributes = 2;
        limits.link_attributes = 1;
    });
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let begin = SpanStart {
        attributes: numbered("a", 2),
        ..start(tracer, "s", SpanReference::None)
    };
    let span = instance.start_span(begin);
    instance.set(span, numbered("a", 4));
    instance.set(
        span,
        vec![KeyValue::new("a0", "replaced"), KeyValue::new("more", 1)],
    );
    for n in 0..5 {
        instance.span_event(span, event("e", numbered("k", n)));
    }
    instance.span_event(span, event("e", numbered("k", 5)));
    let link = || SpanLink {
        target: LinkTarget::Remote(remote(1)),
        attributes: numbered("l", 4),
    };
    let changes = SpanChanges {
        links: vec![link(), link(), link()],
        ..SpanChanges::default()
    };
    instance.end_span(span, changes, None);

    let data = bench.span("s");
    let kept = [
        KeyValue::new("a0", "replaced"),
        KeyValue::new("a1", 1),
        KeyValue::new("a2", 2),
    ];
    assert_eq!(data.attributes, kept);
    assert_eq!(data.dropped_attributes_count, 2);
    assert_eq!((data.events.len(), data.events.dropped_count), (2, 4));
    assert_eq!((data.links.len(), data.links.dropped_count), (1, 2));
    assert_eq!(data.links[0].attributes, numbered("l", 1));
    assert_eq!(data.links[0].dropped_attributes_count, 3);
    assert_eq!(bench.dropped(Reason::SpanAttributes), 2);
    assert_eq!(bench.dropped(Reason::LinkAttributes), 3);
    assert_eq!(bench.dropped(Reason::SpanEvents), 4);
    assert_eq!(bench.dropped(Reason::SpanLinks), 2);
}

#[test]
fn an_events_attributes_are_limited_and_counted_in_otlp_too() {
    let bench = Bench::limited(|limits| limits.event_attributes = 2);
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    let mut attributes = numbered("k", 5);
    attributes.push(KeyValue::new("k0", "last"));
    instance.span_event(span, event("e", attributes));
    instance.end(span);
    let data = bench.span("s");
    assert_eq!(
        data.events[0].attributes,
        [KeyValue::new("k0", "last"), KeyValue::new("k1", 1)]
    );
    assert_eq!(data.events[0].dropped_attributes_count, 3);
    assert_eq!(bench.dropped(Reason::EventAttributes), 3);
}

#[test]
fn our_limits_apply_without_the_sdks() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let limits = Limits {
        span_attributes: 1,
        span_events: 1,
        span_links: 1,
        ..Limits::default()
    };
    let providers = Providers {
        tracer: Some(provider),
        ..Providers::default()
    };
    let telemetry = Telemetry::builder(providers).limits(limits).build();
    let mut instance = telemetry.instance("c");
    let span = instance.begin("s", SpanReference::None);
    instance.set(span, numbered("a", 3));
    let link = || SpanLink {
        target: LinkTarget::Remote(remote(1)),
        attributes: Vec::new(),
    };
    for _ in 0..3 {
        instance.span_event(span, event("e", Vec::new()));
        instance.update_span(
            span,
            SpanChanges {
                links: vec![link()],
                ..SpanChanges::default()
            },
        );
    }
    instance.end(span);
    let data = &exporter.get_finished_spans().unwrap()[0];
    assert_eq!(
        (data.attributes.len(), data.events.len(), data.links.len()),
        (1, 1, 1)
    );
}

#[test]
fn keys_and_values_have_limits() {
    let bench = Bench::limited(|limits| {
        limits.key_bytes = 5;
        limits.value_bytes = 4;
        limits.array_elements = 2;
    });
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    let strings = |texts: &[&str]| {
        let texts = texts
            .iter()
            .map(|text| StringValue::from((*text).to_owned()))
            .collect();
        Value::Array(Array::String(texts))
    };
    instance.set(
        span,
        vec![
            KeyValue::new("", 1),
            KeyValue::new("123456", 1),
            KeyValue::new("12345", 1),
            KeyValue::new("text", "abcde"),
            KeyValue::new("edge", "abc\u{e9}"),
            KeyValue::new("ints", Value::Array(Array::I64(vec![1, 2, 3]))),
            KeyValue::new("texts", strings(&["abcdef", "b", "c"])),
        ],
    );
    instance.end(span);
    let expected = [
        KeyValue::new("12345", 1),
        KeyValue::new("text", "abcd"),
        KeyValue::new("edge", "abc"),
        KeyValue::new("ints", Value::Array(Array::I64(vec![1, 2]))),
        KeyValue::new("texts", strings(&["abcd", "b"])),
    ];
    assert_eq!(bench.span("s").attributes, expected);
    assert_eq!(bench.dropped(Reason::EmptyKey), 1);
    assert_eq!(bench.dropped(Reason::KeyBytes), 1);
    assert_eq!(bench.dropped(Reason::ValueBytes), 3);
    assert_eq!(bench.dropped(Reason::ArrayElements), 2);
}

#[test]
fn values_may_be_limited_in_characters() {
    let bench = Bench::limited(|limits| limits.span_value_chars = Some(3));
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    instance.set(
        span,
        vec![
            KeyValue::new("k", "\u{e9}\u{e9}\u{e9}\u{e9}"),
            KeyValue::new("l", "abc"),
        ],
    );
    instance.end(span);
    let data = bench.span("s");
    assert_eq!(value(&data, "k"), text("\u{e9}\u{e9}\u{e9}"));
    assert_eq!(value(&data, "l"), text("abc"));
    assert_eq!(bench.dropped(Reason::SpanValueChars), 1);
}

#[test]
fn names_and_descriptions_have_limits() {
    let bench = Bench::limited(|limits| limits.text_bytes = 3);
    let mut instance = bench.instance();
    let tracer = instance.tracer(
        InstrumentationScope::builder("scope")
            .with_version("1.2.3")
            .build(),
    );
    let span = instance.start_span(start(tracer, "a\u{e9}\u{e9}", SpanReference::None));
    instance.span_event(span, event("event", Vec::new()));
    let changes = SpanChanges {
        status: Status::error("broken"),
        ..SpanChanges::default()
    };
    instance.end_span(span, changes, None);
    let data = bench.span("a\u{e9}");
    assert_eq!(data.events[0].name, "eve");
    assert_eq!(data.status, Status::error("bro"));
    assert_eq!(data.instrumentation_scope.name(), "sco");
    assert_eq!(data.instrumentation_scope.version(), Some("1.2"));
    assert_eq!(bench.dropped(Reason::TextBytes), 5);
}

#[test]
fn spans_beyond_the_limit_on_open_spans_have_the_context_of_their_parent() {
    let bench = Bench::limited(|limits| limits.open_spans = 2);
    let mut instance = bench.instance();
    let one = instance.begin("one", SpanReference::None);
    let two = instance.begin("two", SpanReference::Span(one));
    let three = instance.begin("three", SpanReference::Span(two));
    assert!(!three.is_recorded());
    assert_eq!(instance.span_context(three), instance.span_context(two));
    assert_eq!(bench.dropped(Reason::OpenSpans), 1);
    instance.end(one);
    let four = instance.begin("four", SpanReference::Span(three));
    instance.end(four);
    instance.end(two);
    assert_eq!(
        bench.span("four").parent_span_id,
        bench.span("two").span_context.span_id()
    );
}

#[test]
fn scopes_have_a_limit() {
    let bench = Bench::limited(|limits| limits.scopes = 1);
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("a"));
    let beyond = instance.tracer(scope("b"));
    assert_eq!(instance.tracer(scope("a")), tracer);
    assert_eq!(bench.dropped(Reason::Scopes), 1);
    let unrecorded = instance.start_span(start(beyond, "s", SpanReference::None));
    assert!(!unrecorded.is_recorded());
    assert_eq!(bench.dropped(Reason::Scopes), 2);
}

#[test]
fn a_scopes_attributes_have_a_limit_and_the_component_cannot_be_forged() {
    let bench = Bench::limited(|limits| limits.scope_attributes = 1);
    let mut instance = bench.instance();
    let mut attributes = vec![KeyValue::new("wasmscope.component.name", "another")];
    attributes.extend(numbered("k", 3));
    let tracer = instance.tracer(
        InstrumentationScope::builder("a")
            .with_attributes(attributes)
            .build(),
    );
    let span = instance.start_span(start(tracer, "s", SpanReference::None));
    instance.end(span);
    let data = bench.span("s");
    let kept: Vec<_> = data.instrumentation_scope.attributes().cloned().collect();
    assert_eq!(
        kept,
        [
            KeyValue::new("k0", 0),
            KeyValue::new("wasmscope.component.name", "checkout")
        ]
    );
    assert_eq!(bench.dropped(Reason::ScopeAttributes), 2);
}

#[test]
fn a_spans_bytes_have_a_limit() {
    let bench = Bench::limited(|limits| limits.span_bytes = 1_000);
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    instance.set(span, vec![KeyValue::new("big", "x".repeat(800))]);
    instance.set(
        span,
        vec![
            KeyValue::new("more", "x".repeat(200)),
            KeyValue::new("small", 1),
        ],
    );
    instance.span_event(span, event(&"e".repeat(100), Vec::new()));
    assert_eq!(bench.dropped(Reason::SpanBytes), 2);
    // A smaller value frees bytes.
    instance.set(
        span,
        vec![KeyValue::new("big", "x"), KeyValue::new("more", "y")],
    );
    instance.span_event(
        span,
        event("e", vec![KeyValue::new("big", "x".repeat(1_000))]),
    );
    instance.end(span);
    let data = bench.span("s");
    let expected = [
        KeyValue::new("big", "x"),
        KeyValue::new("small", 1),
        KeyValue::new("more", "y"),
    ];
    assert_eq!(data.attributes, expected);
    assert_eq!((data.events.len(), data.events[0].attributes.len()), (1, 0));
    assert_eq!(bench.dropped(Reason::SpanBytes), 3);
}

#[test]
fn an_instances_bytes_have_a_limit_until_its_spans_end() {
    let bench = Bench::limited(|limits| limits.open_span_bytes = 1_000);
    let mut instance = bench.instance();
    let one = instance.begin("one", SpanReference::None);
    let two = instance.begin("two", SpanReference::None);
    let big = || vec![KeyValue::new("big", "x".repeat(800))];
    instance.set(one, big());
    instance.set(two, big());
    assert_eq!(bench.dropped(Reason::OpenSpanBytes), 1);
    instance.end(one);
    instance.set(two, big());
    instance.end(two);
    assert_eq!(bench.span("two").attributes, big());
    assert_eq!(bench.dropped(Reason::OpenSpanBytes), 1);
}

#[test]
fn memory_for_a_call_is_not_kept_for_a_span() {
    let bench = Bench::limited(|limits| limits.span_attributes = 4);
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    let mut kept = Vec::new();
    let rules = bench.telemetry.0.span_rules();
    rules.merge(
        &mut kept,
        numbered("k", 10_000),
        crate::attributes::CountLimit(4, Reason::SpanAttributes),
        &mut crate::attributes::ByteBudget::unlimited(),
    );
    assert_eq!(kept.len(), 4);
    assert!(kept.capacity() <= 24);
    instance.end(span);
}

#[test]
fn entered_spans_have_a_limit() {
    let bench = Bench::limited(|limits| limits.entered_spans = 2);
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    for _ in 0..3 {
        instance.enter_span(span);
    }
    assert_eq!(bench.dropped(Reason::EnteredSpans), 1);
    for _ in 0..3 {
        instance.exit_span(span);
    }
    assert_eq!(bench.dropped(Reason::NotEntered), 1);
}

#[test]
fn the_tracer_cache_is_bounded_and_tracers_beyond_it_still_record() {
    let bench = Bench::limited(|limits| limits.scopes_per_provider = 10);
    for n in 0..20 {
        let mut instance = bench.telemetry.instance(format!("component {n}"));
        let span = instance.begin("s", SpanReference::None);
        instance.end(span);
    }
    assert_eq!(bench.telemetry.0.cached_tracers(), 10);
    assert_eq!(bench.spans().len(), 20);
}

#[test]
fn ten_thousand_instances_with_fresh_names_leave_bounded_registries() {
    let bench = Bench::with(Sampler::AlwaysOff, Limits::default());
    for n in 0..10_000 {
        let mut instance = bench.telemetry.instance(format!("component {n}"));
        let tracer = instance.tracer(InstrumentationScope::builder(format!("scope {n}")).build());
        instance.start_span(start(tracer, &format!("span {n}"), SpanReference::None));
    }
    assert_eq!(
        bench.telemetry.0.cached_tracers(),
        Limits::default().scopes_per_provider
    );
}

/// Adds up the memory of the attributes of events and links. The SDK's exporter for tests cannot be
/// used, because it copies the attributes into vectors of the exact size.
#[derive(Debug, Clone, Default)]
struct MemoryUsage(Arc<AtomicUsize>);

impl SpanExporter for MemoryUsage {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in batch {
            let events = span.events.iter().map(|event| event.attributes.capacity());
            let links = span.links.iter().map(|link| link.attributes.capacity());
            let capacity = events.chain(links).sum::<usize>();
            self.0
                .fetch_add(capacity * size_of::<KeyValue>(), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn dropped_attributes_keep_no_memory() {
    let usage = MemoryUsage::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(usage.clone())
        .build();
    let providers = Providers {
        tracer: Some(provider),
        ..Providers::default()
    };
    let telemetry = Telemetry::builder(providers)
        .span_limits(SpanLimits::default())
        .build();
    let mut instance = telemetry.instance("checkout");
    let span = instance.begin("s", SpanReference::None);
    for _ in 0..10 {
        instance.span_event(span, event("e", numbered("k", 10_000)));
        let link = SpanLink {
            target: LinkTarget::Remote(remote(1)),
            attributes: numbered("l", 10_000),
        };
        let changes = SpanChanges {
            links: vec![link],
            ..SpanChanges::default()
        };
        instance.update_span(span, changes);
    }
    instance.end(span);
    let bytes = usage.0.load(Ordering::Relaxed);
    // A vector may have twice the capacity that it needs.
    assert!(
        bytes > 0 && bytes <= 2 * telemetry.limits().span_bytes,
        "{bytes}"
    );
}
