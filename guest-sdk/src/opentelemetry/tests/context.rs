use ::opentelemetry::baggage::BaggageExt;
use ::opentelemetry::trace::noop::NoopTracerProvider;
use ::opentelemetry::trace::{
    FutureExt, Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _, get_active_span, mark_span_as_active,
};
use ::opentelemetry::{Context, KeyValue, global};

use super::{NO_CALLS, installed};
use crate::testing::{RecordedParent, RecordedSpan, Recorder};
use crate::{BaggageEntry, Scope, Tracer};

static DIRECT: Tracer = Tracer::new(Scope::new("direct"));

fn remote(span_id: u64) -> SpanContext {
    SpanContext::new(
        TraceId::from(7),
        SpanId::from(span_id),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    )
}

fn parent_of(recorder: &Recorder, name: &str) -> String {
    let span = recorder.span(name);
    let is_parent = |other: &RecordedSpan| span.is_child_of(other);
    match &span.parent {
        RecordedParent::None => "none".into(),
        RecordedParent::Remote(context) => format!("remote {}", context.span_id),
        RecordedParent::Span(_) => recorder.spans().into_iter().find(is_parent).unwrap().name,
    }
}

#[test]
fn nested_spans_refer_to_parents_by_handle() {
    let recorder = installed();
    let tracer = global::tracer("test");
    tracer.in_span("outer", |_| {
        tracer.in_span("inner", |_| drop(tracer.start("innermost")));
        drop(tracer.start("second"));
    });
    assert_eq!(parent_of(&recorder, "outer"), "none");
    assert_eq!(parent_of(&recorder, "inner"), "outer");
    assert_eq!(parent_of(&recorder, "innermost"), "inner");
    assert_eq!(parent_of(&recorder, "second"), "outer");
    assert!(recorder.spans().iter().all(|span| span.ended));
}

#[test]
fn parent_is_the_span_of_the_context() {
    let recorder = installed();
    recorder.set_host_span(Some(crate::SpanContext {
        span_id: 99,
        trace_id: crate::TraceId { high: 0, low: 9 },
        ..crate::SpanContext::default()
    }));
    let tracer = global::tracer("test");
    let ours = Context::new().with_span(tracer.start("ours"));
    let foreign = NoopTracerProvider::new().tracer("foreign");
    let foreign =
        foreign.start_with_context("x", &Context::new().with_remote_span_context(remote(6)));
    let cases = [
        ("given", ours.clone(), "ours"),
        (
            "remote",
            Context::new().with_remote_span_context(remote(5)),
            "remote 5",
        ),
        (
            "of another tracer",
            Context::new().with_span(foreign),
            "remote 6",
        ),
        ("empty", Context::new(), "remote 99"),
        (
            "invalid",
            Context::new().with_remote_span_context(SpanContext::NONE),
            "none",
        ),
    ];
    for (name, context, _) in &cases {
        drop(tracer.start_with_context(*name, context));
    }
    for (name, _, parent) in cases {
        assert_eq!(parent_of(&recorder, name), parent, "{name}");
    }
}

#[test]
fn ended_parent_is_passed_by_its_context() {
    let recorder = installed();
    let tracer = global::tracer("test");
    let context = Context::new().with_span(tracer.start("ended"));
    context.span().end();
    drop(tracer.start_with_context("child", &context));
    let ended = recorder.span("ended").context;
    let child = recorder.span("child");
    assert_eq!(child.parent, RecordedParent::Remote(ended.clone()));
    assert_eq!(child.context.trace_id, ended.trace_id);
}

#[test]
fn attaching_makes_a_span_ambient_but_starting_does_not() {
    let recorder = installed();
    let tracer = global::tracer("test");
    let span = tracer.start("api");
    drop(DIRECT.start("before"));
    let guard = mark_span_as_active(span);
    drop(DIRECT.start("within"));
    drop(guard);
    drop(DIRECT.start("after"));
    assert_eq!(parent_of(&recorder, "before"), "none");
    assert_eq!(parent_of(&recorder, "within"), "api");
    assert_eq!(parent_of(&recorder, "after"), "none");
}

#[test]
fn context_with_the_same_span_enters_nothing() {
    let recorder = installed();
    let _outer = mark_span_as_active(global::tracer("test").start("x"));
    let _ = recorder.take_calls();
    let guard = Context::current_with_value(1_u8).attach();
    drop(guard);
    assert_eq!(recorder.take_calls(), NO_CALLS);
}

#[test]
fn guards_dropped_out_of_order_leave_nothing_behind() {
    for sampled in [true, false] {
        let recorder = installed();
        recorder.sample(sampled);
        let tracer = global::tracer("test");
        let first = mark_span_as_active(tracer.start("first"));
        let second = mark_span_as_active(tracer.start("second"));
        drop(first);
        drop(second);
        recorder.sample(true);
        drop(DIRECT.start("after"));
        assert_eq!(parent_of(&recorder, "after"), "none");
        assert_eq!(crate::trace::active::current(), None);
    }
}

#[test]
fn span_that_ends_while_attached_is_exited() {
    let recorder = installed();
    for sampled in [true, false] {
        recorder.sample(sampled);
        let guard = mark_span_as_active(global::tracer("test").start("ended"));
        get_active_span(|span| span.end());
        assert_eq!(crate::trace::active::current(), None);
        let _ = recorder.take_calls();
        drop(guard);
        assert_eq!(recorder.take_calls(), NO_CALLS);
    }
    assert_eq!(crate::current(), None);
}

#[test]
fn span_entered_later_by_another_api_is_the_parent() {
    let recorder = installed();
    let tracer = global::tracer("test");
    let outer = Context::new().with_span(tracer.start("outer"));
    let guard = outer.clone().attach();
    let direct = DIRECT.enter("direct");
    drop(tracer.start("implicit"));
    drop(tracer.start_with_context("explicit", &outer));
    tracer.in_span("attached", |_| {
        drop(tracer.start("innermost"));
        drop(DIRECT.start("direct within"));
    });
    drop(direct);
    drop(tracer.start("later"));
    drop(guard);
    assert_eq!(parent_of(&recorder, "direct"), "outer");
    assert_eq!(parent_of(&recorder, "implicit"), "direct");
    assert_eq!(parent_of(&recorder, "explicit"), "outer");
    assert_eq!(parent_of(&recorder, "attached"), "direct");
    assert_eq!(parent_of(&recorder, "innermost"), "attached");
    assert_eq!(parent_of(&recorder, "direct within"), "attached");
    assert_eq!(parent_of(&recorder, "later"), "outer");
}

#[test]
fn empty_context_is_ambient_unless_it_replaces_a_span() {
    let recorder = installed();
    let tracer = global::tracer("test");
    let direct = DIRECT.enter("direct");
    drop(tracer.start("beneath"));
    let attached = mark_span_as_active(tracer.start("attached"));
    drop(tracer.start_with_context("given empty", &Context::new()));
    let empty = Context::new().attach();
    drop(tracer.start("attached empty"));
    drop(empty);
    drop(attached);
    drop(direct);
    assert_eq!(parent_of(&recorder, "beneath"), "direct");
    assert_eq!(parent_of(&recorder, "given empty"), "none");
    assert_eq!(parent_of(&recorder, "attached empty"), "none");
}

#[test]
fn suppressed_telemetry_makes_no_call() {
    let recorder = installed();
    let _suppressed = Context::enter_telemetry_suppressed_scope();
    let tracer = global::tracer("test");
    tracer.in_span("x", |context| {
        assert!(!context.span().is_recording());
        assert!(!context.span().span_context().is_valid());
        context.span().set_attribute(KeyValue::new("n", 1));
    });
    assert_eq!(recorder.take_calls(), NO_CALLS);
}

#[test]
fn interleaved_futures_keep_their_own_parents() {
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::{Poll, Waker};

    let recorder = installed();
    let tracer = global::tracer("test");
    let work = |name: &'static str| {
        let tracer = &tracer;
        let mut polled = false;
        let future = poll_fn(move |_| {
            drop(tracer.start(name));
            drop(DIRECT.start(name));
            if std::mem::replace(&mut polled, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        future.with_context(Context::new().with_span(tracer.start(format!("parent of {name}"))))
    };
    let (mut one, mut two) = (pin!(work("one")), pin!(work("two")));
    let mut context = std::task::Context::from_waker(Waker::noop());
    for ready in [false, true] {
        assert_eq!(one.as_mut().poll(&mut context).is_ready(), ready);
        assert_eq!(two.as_mut().poll(&mut context).is_ready(), ready);
    }
    let spans = recorder.spans();
    for name in ["one", "two"] {
        let parent = recorder.span(&format!("parent of {name}"));
        let children: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
        assert_eq!(children.len(), 4);
        assert!(children.iter().all(|span| span.is_child_of(&parent)));
        assert_eq!(parent.parent, RecordedParent::None);
    }
}

#[test]
fn ended_spans_are_forgotten() {
    let recorder = installed();
    let tracer = global::tracer("test");
    for sampled in [true, false] {
        recorder.sample(sampled);
        for _ in 0..10 {
            tracer.in_span("x", |_| ());
            let _ = tracer.start("y").span_context();
        }
    }
    assert_eq!(super::super::known::len(), 0);
}

#[test]
fn callback_may_use_the_span_whose_end_triggered_it() {
    let recorder = installed();
    let _gauge = global::meter("end of span")
        .u64_observable_gauge("recording")
        .with_callback(|observer| {
            let recording = get_active_span(|span| span.is_recording());
            observer.observe(u64::from(recording), &[]);
        })
        .build();
    let tracer = global::tracer("test");
    tracer.in_span("x", |context| {
        recorder.request_collection();
        context.span().add_event("the notice comes", vec![]);
        context.span().end();
        assert_eq!(recorder.measurements().len(), 0);
    });
    assert_eq!(recorder.measurements().len(), 1);
}

fn entries(recorder: &Recorder) -> Vec<(String, String, String)> {
    let mut entries: Vec<_> = recorder
        .baggage()
        .into_iter()
        .map(|entry| (entry.key, entry.value, entry.metadata))
        .collect();
    entries.sort();
    entries
}

#[test]
fn attached_baggage_reaches_called_components() {
    let recorder = installed();
    recorder.set_host_baggage(vec![BaggageEntry::new("host", "1")]);
    let outer =
        Context::current_with_baggage([KeyValue::new("user", "ada"), KeyValue::new("n", 2)]);
    let one = |key: &str, value: &str| (key.to_owned(), value.to_owned(), String::new());
    {
        let _outer = outer.attach();
        assert_eq!(entries(&recorder), [one("n", "2"), one("user", "ada")]);
        {
            let _same = Context::current_with_value(1_u8).attach();
            let _inner = Context::current_with_baggage([KeyValue::new("inner", true)]).attach();
            assert_eq!(entries(&recorder), [one("inner", "true")]);
            let _cleared = Context::current().with_cleared_baggage().attach();
            assert_eq!(entries(&recorder), []);
        }
        assert_eq!(entries(&recorder), [one("n", "2"), one("user", "ada")]);
    }
    assert_eq!(entries(&recorder), [one("host", "1")]);
    let calls = recorder.take_calls();
    let count = |name| calls.iter().filter(|call| **call == name).count();
    assert_eq!(count("context.enter_baggage"), 3);
    assert_eq!(count("context.exit_baggage"), 3);
}

#[test]
fn baggage_of_an_early_dropped_guard_is_exited_with_the_outer_one() {
    let recorder = installed();
    let mut guards = ["one", "two", "three"]
        .map(|key| Some(Context::current_with_baggage([KeyValue::new(key, 1)]).attach()));
    for dropped in [1, 2, 0] {
        guards[dropped] = None;
    }
    assert_eq!(entries(&recorder), []);
}

#[test]
fn baggage_guards_dropped_out_of_order_need_bounded_memory() {
    let recorder = installed();
    for number in 0..200 {
        let first = Context::current_with_baggage([KeyValue::new("first", number)]).attach();
        let second = Context::current_with_baggage([KeyValue::new("second", number)]).attach();
        drop(first);
        drop(second);
    }
    let calls = recorder.take_calls();
    let count = |name| calls.iter().filter(|call| **call == name).count();
    let left = count("context.enter_baggage") - count("context.exit_baggage");
    assert!(left <= 64, "{left} are still entered");
}

#[cfg(feature = "tracing")]
#[test]
fn spans_of_tracing_and_of_the_api_nest_in_each_other() {
    let recorder = installed();
    let _subscriber = crate::subscriber().set_default();
    let tracer = global::tracer("test");
    let outer = tracing::info_span!("tracing outer").entered();
    tracer.in_span("api", |_| {
        let inner = tracing::info_span!("tracing inner").entered();
        drop(tracer.start("api innermost"));
        drop(inner);
        drop(tracer.start("api second"));
    });
    drop(outer);
    assert_eq!(parent_of(&recorder, "tracing outer"), "none");
    assert_eq!(parent_of(&recorder, "api"), "tracing outer");
    assert_eq!(parent_of(&recorder, "tracing inner"), "api");
    assert_eq!(parent_of(&recorder, "api innermost"), "tracing inner");
    assert_eq!(parent_of(&recorder, "api second"), "api");
}
