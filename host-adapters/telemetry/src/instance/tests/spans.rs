use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::Status;

use super::*;
use crate::model::{LinkTarget, SpanLink};

/// The earliest time that is accepted from a guest.
const EARLIEST: u64 = 946_684_800_000_000_000;

#[test]
fn all_fields_of_a_span_are_exported() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let tracer = instance.tracer(
        InstrumentationScope::builder("lib")
            .with_version("1.0")
            .with_schema_url("https://example.com/schema")
            .with_attributes([KeyValue::new("own", true)])
            .build(),
    );
    let span = instance.start_span(SpanStart {
        kind: SpanKind::Client,
        attributes: vec![KeyValue::new("a", 1), KeyValue::new("b", "x")],
        start_time: Some(EARLIEST + 1_000),
        ..start(tracer, "first", SpanReference::None)
    });
    assert_eq!(span.is_recorded(), RECORDED);
    instance.span_event(
        span,
        SpanEvent {
            name: "e".into(),
            attributes: numbered("k", 2),
            time: Some(EARLIEST + 1_500),
        },
    );
    instance.update_span(
        span,
        SpanChanges {
            name: Some("second".to_owned()),
            ..SpanChanges::default()
        },
    );
    let link = SpanLink {
        target: LinkTarget::Remote(remote(1)),
        attributes: numbered("l", 1),
    };
    let changes = SpanChanges {
        status: Status::error("broken"),
        attributes: vec![KeyValue::new("c", 2.5)],
        links: vec![link],
        ..SpanChanges::default()
    };
    let context = instance.span_context(span).unwrap();
    instance.end_span(span, changes, Some(EARLIEST + 2_000));

    let data = bench.span("second");
    assert_eq!(data.span_context, context);
    assert_eq!(data.parent_span_id, SpanId::INVALID);
    assert_eq!(data.span_kind, SpanKind::Client);
    assert_eq!(
        data.start_time,
        UNIX_EPOCH + Duration::from_nanos(EARLIEST + 1_000)
    );
    assert_eq!(
        data.end_time,
        UNIX_EPOCH + Duration::from_nanos(EARLIEST + 2_000)
    );
    assert_eq!(data.status, Status::error("broken"));
    let expected = [
        KeyValue::new("a", 1),
        KeyValue::new("b", "x"),
        KeyValue::new("c", 2.5),
    ];
    assert_eq!(data.attributes, expected);
    assert_eq!(data.events.len(), 1);
    assert_eq!(data.events[0].name, "e");
    assert_eq!(data.events[0].attributes, numbered("k", 2));
    assert_eq!(
        data.events[0].timestamp,
        UNIX_EPOCH + Duration::from_nanos(EARLIEST + 1_500)
    );
    assert_eq!(data.links.len(), 1);
    assert_eq!(
        data.links[0].span_context.trace_id().to_string(),
        "00000000000000010000000000000002"
    );
    assert_eq!(data.links[0].span_context.trace_state().header(), "a=1");
    assert_eq!(data.links[0].attributes, numbered("l", 1));
    let scope = &data.instrumentation_scope;
    assert_eq!((scope.name(), scope.version()), ("lib", Some("1.0")));
    assert_eq!(scope.schema_url(), Some("https://example.com/schema"));
    let of_scope: Vec<_> = scope.attributes().cloned().collect();
    assert_eq!(
        of_scope,
        [
            KeyValue::new("own", true),
            KeyValue::new("wasmscope.component.name", "checkout")
        ]
    );
    assert_eq!(bench.all_dropped(), []);
}

#[test]
fn equal_scopes_give_the_same_tracer() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let one = instance.tracer(scope("a"));
    assert_eq!(instance.tracer(scope("a")), one);
    assert_ne!(instance.tracer(scope("b")), one);
}

#[test]
fn a_scope_with_nan_is_equal_to_itself() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let scope = || {
        InstrumentationScope::builder("a")
            .with_attributes([KeyValue::new("nan", f64::NAN)])
            .build()
    };
    let remembered = bench.telemetry.0.cached_tracers();
    let one = instance.tracer(scope());
    assert_eq!(instance.tracer(scope()), one);
    let _ = bench.instance().tracer(scope());
    assert_eq!(bench.telemetry.0.cached_tracers(), remembered + 1);
}

#[test]
fn the_last_value_of_an_attribute_wins() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let span = instance.start_span(SpanStart {
        attributes: vec![
            KeyValue::new("a", 1),
            KeyValue::new("b", 1),
            KeyValue::new("a", 2),
        ],
        ..start(tracer, "s", SpanReference::None)
    });
    instance.set(
        span,
        vec![
            KeyValue::new("b", "two"),
            KeyValue::new("c", 1),
            KeyValue::new("c", 2),
        ],
    );
    let changes = SpanChanges {
        attributes: vec![KeyValue::new("c", 3)],
        ..SpanChanges::default()
    };
    instance.end_span(span, changes, None);
    let expected = [
        KeyValue::new("a", 2),
        KeyValue::new("b", "two"),
        KeyValue::new("c", 3),
    ];
    assert_eq!(bench.span("s").attributes, expected);
    assert_eq!(bench.all_dropped(), []);
}

#[test]
fn ok_is_final_and_later_errors_override_earlier_ones() {
    let error = Status::error;
    for (set, kept) in [
        (vec![], Status::Unset),
        (vec![Status::Ok], Status::Ok),
        (vec![error("a"), Status::Unset], error("a")),
        (vec![error("a"), error("b")], error("b")),
        (vec![error("a"), Status::Ok], Status::Ok),
        (vec![Status::Ok, error("a"), Status::Unset], Status::Ok),
    ] {
        let bench = Bench::new();
        let mut instance = bench.instance();
        let span = instance.begin("s", SpanReference::None);
        for status in set.clone() {
            instance.update_span(
                span,
                SpanChanges {
                    status,
                    ..SpanChanges::default()
                },
            );
        }
        instance.end(span);
        assert_eq!(bench.span("s").status, kept, "{set:?}");
    }
}

#[test]
fn a_parent_is_ambient_none_a_span_or_remote() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let outer = instance.begin("outer", SpanReference::None);
    instance.enter_span(outer);
    let inner = instance.begin("inner", SpanReference::Ambient);
    let given = instance.begin("given", SpanReference::Span(inner));
    let alone = instance.begin("alone", SpanReference::None);
    let far = instance.begin("far", SpanReference::Remote(remote(3)));
    for span in [far, alone, given, inner, outer] {
        instance.end(span);
    }
    let id = |name| bench.span(name).span_context.span_id();
    assert_eq!(bench.span("inner").parent_span_id, id("outer"));
    assert_eq!(bench.span("given").parent_span_id, id("inner"));
    assert_eq!(bench.span("alone").parent_span_id, SpanId::INVALID);
    assert_ne!(
        bench.span("alone").span_context.trace_id(),
        bench.span("outer").span_context.trace_id()
    );
    let far = bench.span("far");
    assert_eq!(far.parent_span_id, SpanId::from(3));
    assert!(far.parent_span_is_remote);
    assert!(!bench.span("inner").parent_span_is_remote);
    assert_eq!(
        far.span_context.trace_id().to_string(),
        "00000000000000010000000000000002"
    );
    assert_eq!(far.span_context.trace_flags().to_u8(), 3);
    assert_eq!(far.span_context.trace_state().header(), "a=1");
    assert_eq!(bench.all_dropped(), []);
}

#[test]
fn an_invalid_remote_parent_counts_as_none() {
    for (trace_id, span_id) in [((0, 0), 3), ((1, 2), 0)] {
        let bench = Bench::new();
        let mut instance = bench.instance();
        let outer = instance.begin("outer", SpanReference::None);
        instance.enter_span(outer);
        let context = RemoteContext {
            trace_id,
            span_id,
            ..remote(1)
        };
        let span = instance.begin("s", SpanReference::Remote(context));
        instance.end(span);
        assert_eq!(bench.span("s").parent_span_id, SpanId::INVALID);
        assert_eq!(bench.dropped(Reason::InvalidContext), 1);
    }
}

#[test]
fn a_wrong_parent_counts_as_ambient() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let outer = instance.begin("outer", SpanReference::None);
    instance.enter_span(outer);
    let context = instance.span_context(outer).unwrap();
    for wrong in [0, outer.to_bits() ^ 1 << 40, u64::MAX] {
        let wrong = SpanReference::Span(SpanHandle::from_bits(wrong));
        let span = instance.begin("s", wrong);
        instance.end(span);
    }
    assert!(
        bench
            .spans()
            .iter()
            .all(|span| span.parent_span_id == context.span_id())
    );
    assert_eq!(bench.dropped(Reason::WrongHandle), 3);
}

#[test]
fn an_ended_span_can_only_be_a_parent_and_for_64_further_spans() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let first = instance.begin("first", SpanReference::None);
    let context = instance.span_context(first).unwrap();
    instance.end(first);
    for _ in 0..64 {
        let child = instance.begin("child", SpanReference::Span(first));
        instance.end(child);
    }
    assert!(
        bench.spans()[1..]
            .iter()
            .all(|span| span.parent_span_id == context.span_id())
    );
    assert_eq!(bench.all_dropped(), []);
    instance.end(first);
    instance.span_event(first, event("e", Vec::new()));
    instance.set(first, numbered("k", 1));
    instance.enter_span(first);
    assert_eq!(bench.dropped(Reason::WrongHandle), 3);
    instance.begin("late", SpanReference::None);
    assert_eq!(instance.span_context(first), None);
    assert!(instance.activity.lock().spans.sizes().0 <= 66);
}

#[test]
fn handles_of_other_instances_are_wrong() {
    let bench = Bench::new();
    let (mut one, mut other) = (bench.instance(), bench.instance());
    let span = one.begin("one", SpanReference::None);
    other.begin("other", SpanReference::None);
    assert_eq!(other.span_context(span), None);
    other.end(span);
    let tracer = one.tracer(scope("x"));
    let unrecorded = other.start_span(start(tracer, "s", SpanReference::None));
    assert_eq!(unrecorded.is_recorded(), UNRECORDED);
    assert_eq!(bench.dropped(Reason::WrongHandle), 3);
    assert_eq!(bench.spans().len(), 0);
}

#[test]
fn an_end_before_the_start_is_replaced_by_the_start() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let in_an_hour = from_now(HOUR);
    for (start_time, end) in [
        (EARLIEST + 2_000, Some(EARLIEST + 1_999)),
        (in_an_hour, Some(EARLIEST)),
        (in_an_hour, None),
        (EARLIEST + 7, Some(EARLIEST + 7)),
    ] {
        let begin = SpanStart {
            start_time: Some(start_time),
            ..start(tracer, "s", SpanReference::None)
        };
        let span = instance.start_span(begin);
        instance.end_span(span, SpanChanges::default(), end);
    }
    assert!(
        bench
            .spans()
            .iter()
            .all(|span| span.start_time == span.end_time)
    );
    assert_eq!(bench.dropped(Reason::EndBeforeStart), 3);
}

#[test]
fn implausible_times_are_counted_and_replaced_by_now() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let milliseconds = from_now(0) / 1_000_000;
    let before = SystemTime::now();
    for time in [0, milliseconds, EARLIEST - 1, from_now(25 * HOUR), u64::MAX] {
        let span = instance.start_span(SpanStart {
            start_time: Some(time),
            ..start(tracer, "s", SpanReference::None)
        });
        let event = SpanEvent {
            time: Some(time),
            ..event("e", Vec::new())
        };
        instance.span_event(span, event);
        instance.end_span(span, SpanChanges::default(), Some(time));
    }
    let now = before..SystemTime::now();
    for span in bench.spans() {
        assert!(now.contains(&span.start_time) && now.contains(&span.end_time));
        assert!(now.contains(&span.events[0].timestamp));
    }
    assert_eq!(bench.dropped(Reason::Timestamp), 15);
    assert_eq!(bench.dropped(Reason::EndBeforeStart), 0);
    // Times at the limits are accepted.
    for time in [EARLIEST, from_now(23 * HOUR)] {
        let span = instance.start_span(SpanStart {
            start_time: Some(time),
            ..start(tracer, "edge", SpanReference::None)
        });
        instance.end_span(span, SpanChanges::default(), Some(time));
    }
    assert_eq!(bench.dropped(Reason::Timestamp), 15);
}

#[test]
fn only_lost_changes_are_counted_after_the_end() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    instance.enter_span(span);
    instance.end(span);
    // The order of `startActiveSpan(name, span => { ...; span.end() })`.
    instance.exit_span(span);
    instance.exit_span(span);
    instance.end(span);
    instance.update_span(span, SpanChanges::default());
    assert_eq!(bench.all_dropped(), []);
    instance.set(span, numbered("lost", 1));
    instance.span_event(span, event("lost", Vec::new()));
    instance.enter_span(span);
    let changes = SpanChanges {
        status: Status::error("lost"),
        ..SpanChanges::default()
    };
    instance.end_span(span, changes, None);
    assert_eq!(bench.dropped(Reason::WrongHandle), 4);
    assert_eq!(bench.dropped(Reason::NotEntered), 0);
    // A span that is open but not entered.
    let span = instance.begin("open", SpanReference::None);
    instance.exit_span(span);
    assert_eq!(bench.dropped(Reason::NotEntered), 1);
}

#[test]
fn links_with_wrong_targets_are_dropped() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let other = instance.begin("other", SpanReference::None);
    let span = instance.begin("s", SpanReference::None);
    let link = |target| SpanLink {
        target,
        attributes: Vec::new(),
    };
    // The span of a wrong tracer has the context of its parent, and here there is none.
    let nothing = instance.start_span(start(
        TracerHandle::from_bits(7),
        "nothing",
        SpanReference::None,
    ));
    let links = vec![
        link(LinkTarget::Span(other)),
        link(LinkTarget::Span(nothing)),
        link(LinkTarget::Span(SpanHandle::from_bits(7))),
        link(LinkTarget::Remote(RemoteContext::default())),
    ];
    instance.end_span(
        span,
        SpanChanges {
            links,
            ..SpanChanges::default()
        },
        None,
    );
    let context = instance.span_context(other).unwrap();
    let data = bench.span("s");
    assert_eq!(
        data.links
            .iter()
            .map(|link| link.span_context.clone())
            .collect::<Vec<_>>(),
        [context]
    );
    // The tracer handle and the span handle.
    assert_eq!(bench.dropped(Reason::WrongHandle), 2);
    assert_eq!(bench.dropped(Reason::InvalidContext), 2);
}

#[test]
fn spans_end_in_any_order() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let outer = instance.begin("outer", SpanReference::None);
    let inner = instance.begin("inner", SpanReference::Span(outer));
    instance.end(outer);
    let late = instance.begin("late", SpanReference::Span(inner));
    instance.end(inner);
    instance.end(late);
    assert_eq!(
        bench.span("late").parent_span_id,
        bench.span("inner").span_context.span_id()
    );
    assert_eq!(bench.all_dropped(), []);
}

#[test]
fn after_the_providers_shutdown_nothing_is_recorded_and_contexts_pass_through() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let open = instance.begin("open", SpanReference::None);
    bench.provider.shutdown().unwrap();
    let span = instance.begin("s", SpanReference::Span(open));
    assert_eq!(span.is_recorded(), UNRECORDED);
    assert_eq!(instance.span_context(span), instance.span_context(open));
    assert_eq!(bench.dropped(Reason::Shutdown), 1);
    instance.end(open);
    let mut fresh = bench.instance();
    fresh.begin("s", SpanReference::None);
}

#[test]
fn without_a_provider_nothing_is_recorded_and_contexts_pass_through() {
    let telemetry = Telemetry::builder(Providers::default()).build();
    let mut instance = telemetry.instance("c");
    let alone = instance.begin("s", SpanReference::None);
    assert_eq!(
        (alone.is_recorded(), instance.span_context(alone)),
        (UNRECORDED, None)
    );
    let span = instance.begin("s", SpanReference::Remote(remote(1)));
    instance.enter_span(span);
    let inner = instance.begin("s", SpanReference::Ambient);
    assert_eq!(inner.is_recorded(), UNRECORDED);
    let context = instance.span_context(inner).unwrap();
    assert_eq!(context.span_id(), SpanId::from(3));
    assert!(context.is_sampled());
    assert_eq!(instance.current_context(), Some(context));
    assert_eq!(telemetry.dropped().snapshot(), []);
}

#[test]
fn the_host_threads_own_span_is_not_a_parent() {
    use opentelemetry::Context;
    use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};

    let bench = Bench::new();
    let embedder = bench.provider.tracer("embedder").start("request");
    let _active = Context::current_with_span(embedder).attach();
    let mut instance = bench.instance();
    assert_eq!(instance.current_context(), None);
    let mut invocation = Invocation::begin(&mut instance, InvocationOptions::default());
    let span = invocation.begin("alone", SpanReference::None);
    invocation.end(span);
    invocation.finish(crate::Outcome::Ok);
    assert_eq!(bench.span("run checkout").parent_span_id, SpanId::INVALID);
    assert_eq!(bench.span("alone").parent_span_id, SpanId::INVALID);
}
