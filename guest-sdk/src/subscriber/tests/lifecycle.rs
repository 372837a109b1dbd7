//! The start, the end and the parents of spans, and the calls that they make.

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

use tracing::{Instrument, Span, info, info_span, instrument};

use super::{defaults, setup};
use crate::SpanKind;
use crate::subscriber::dispatch::core_of;
use crate::testing::{RecordedParent, RecordedStatus};

#[test]
fn span_costs_four_calls_or_three_on_request() {
    for deferred in [false, true] {
        let telemetry = setup(|builder| builder.with_deferred_start(deferred));
        info_span!("first").in_scope(|| {
            let _ = telemetry.take_calls();
            let span = info_span!("second", items = 2);
            span.in_scope(|| span.record("items", 3));
            drop(span);
            let calls = telemetry.take_calls();
            let made = if deferred {
                &[][..]
            } else {
                &["tracer.now"][..]
            };
            let others = ["tracer.start", "tracer.exit", "tracer.end"];
            assert_eq!(calls, [made, &others].concat());
        });
        assert_eq!(telemetry.span("second").attribute("items"), Some(&3.into()));
    }
}

#[test]
fn outermost_span_costs_one_more_call_that_fixes_its_parent() {
    let telemetry = defaults();
    let _ = telemetry.take_calls();
    drop(info_span!("one"));
    let calls = telemetry.take_calls();
    let expected = [
        "tracer.ambient",
        "tracer.now",
        "tracer.get",
        "tracer.start",
        "tracer.end",
    ];
    assert_eq!(calls, expected);
}

/// Returns the nanoseconds since the Unix epoch.
fn now() -> u64 {
    let since = std::time::UNIX_EPOCH
        .elapsed()
        .expect("the clock is set to a time after 1970");
    u64::try_from(since.as_nanos()).expect("before the year 2554")
}

#[test]
fn span_lasts_from_its_creation_however_it_is_used() {
    type Use = fn(Span);
    let table: [(&str, Use); 8] = [
        ("dropped", drop),
        ("entered", |span| span.in_scope(|| {})),
        ("recorded", |span| {
            span.record("items", 1);
            span.in_scope(|| {});
        }),
        ("polled", |span| {
            let future = pin!(core::future::ready(()).instrument(span));
            let _ = future.poll(&mut Context::from_waker(Waker::noop()));
        }),
        ("a parent", |span| drop(info_span!(parent: &span, "child"))),
        ("followed", |span| {
            let other = info_span!("other");
            other.follows_from(&span);
        }),
        ("asked for its context", |span| {
            let _ = crate::subscriber::SpanExt::context(&span);
        }),
        ("an event's", |span| info!(parent: &span, "said")),
    ];
    for within in [false, true] {
        for (name, act) in table {
            let telemetry = defaults();
            let outer = within.then(|| info_span!("outer").entered());
            let span = info_span!("one", items = tracing::field::Empty);
            let made = now();
            // Time passes between creation and use.
            std::thread::sleep(std::time::Duration::from_millis(2));
            act(span);
            drop(outer);
            let span = telemetry.span("one");
            let start = span.start_time.expect("the time of its creation");
            assert!(start <= made, "{name}: {start} > {made}");
            assert!(span.ended && span.end_time.is_none(), "{name}");
            match within {
                true => assert!(span.is_child_of(&telemetry.span("outer")), "{name}"),
                false => assert_eq!(span.parent, RecordedParent::None, "{name}"),
            }
        }
    }
}

#[test]
fn deferred_span_begins_when_it_is_first_used() {
    let telemetry = setup(|builder| builder.with_deferred_start(true));
    info_span!("one").in_scope(|| {});
    assert_eq!(telemetry.span("one").start_time, None);
}

#[test]
fn spans_nested_before_any_entry_begin_in_order_of_creation() {
    let telemetry = defaults();
    let outer = info_span!("outer");
    let inner = info_span!(parent: &outer, "inner");
    let innermost = info_span!(parent: &inner, "innermost");
    innermost.in_scope(|| {});
    drop((innermost, inner, outer));
    let [outer, inner, innermost] =
        ["outer", "inner", "innermost"].map(|name| telemetry.span(name));
    assert!(inner.is_child_of(&outer) && innermost.is_child_of(&inner));
    assert!(outer.start_time <= inner.start_time && inner.start_time <= innermost.start_time);
}

#[test]
fn waiting_span_keeps_its_parent_if_the_ambient_span_changes() {
    static TRACER: crate::Tracer = crate::tracer!();
    let telemetry = defaults();
    let waiting = {
        let _around = TRACER.enter("around");
        info_span!("waiting")
    };
    let outside = info_span!("outside");
    let _elsewhere = TRACER.enter("elsewhere");
    waiting.in_scope(|| {});
    outside.in_scope(|| {});
    drop((waiting, outside));
    let waiting = telemetry.span("waiting");
    assert!(waiting.is_child_of(&telemetry.span("around")));
    assert_eq!(telemetry.span("outside").parent, RecordedParent::None);
}

#[test]
fn span_within_an_unrecorded_one_does_not_request_the_time() {
    let telemetry = defaults();
    telemetry.sample(false);
    info_span!("outer").in_scope(|| {
        let _ = telemetry.take_calls();
        info_span!("inner").in_scope(|| {});
        assert_eq!(telemetry.take_calls(), ["tracer.start"]);
    });
}

#[test]
fn span_without_activation_costs_three_calls_for_any_number_of_entries() {
    let telemetry = setup(|builder| builder.with_context_activation(false));
    info_span!("first").in_scope(|| {});
    let span = info_span!("second");
    let _ = telemetry.take_calls();
    for _ in 0..3 {
        span.in_scope(|| info_span!("child").in_scope(|| {}));
    }
    drop(span);
    let calls = telemetry.take_calls();
    assert_eq!(calls.len(), 2 + 3 * 3, "{calls:?}");
    let parent = telemetry.span("second");
    let children = telemetry
        .spans()
        .into_iter()
        .filter(|span| span.is_child_of(&parent));
    assert_eq!(children.count(), 3);
}

#[test]
fn span_ends_when_its_last_reference_is_dropped() {
    let telemetry = defaults();
    let span = info_span!("one");
    let other = span.clone();
    span.in_scope(|| {});
    drop(span);
    assert!(!telemetry.span("one").ended);
    drop(other);
    assert!(telemetry.span("one").ended);
}

#[test]
fn span_that_is_never_entered_is_recorded() {
    let telemetry = defaults();
    drop(info_span!("one"));
    assert!(telemetry.span("one").ended);
}

#[test]
fn parent_is_the_surrounding_span_or_the_named_one() {
    let telemetry = defaults();
    let outer = info_span!("outer");
    let elsewhere = info_span!("elsewhere");
    outer.in_scope(|| {
        drop(info_span!("contextual"));
        drop(info_span!(parent: &elsewhere, "explicit"));
        drop(info_span!(parent: None, "root"));
        Span::current().in_scope(|| drop(info_span!("current")));
    });
    let outer = telemetry.span("outer");
    assert!(telemetry.span("contextual").is_child_of(&outer));
    assert!(telemetry.span("current").is_child_of(&outer));
    assert!(
        telemetry
            .span("explicit")
            .is_child_of(&telemetry.span("elsewhere"))
    );
    assert_eq!(telemetry.span("root").parent, RecordedParent::None);
    assert_ne!(
        telemetry.span("root").context.trace_id,
        outer.context.trace_id
    );
}

#[test]
fn instrumented_functions_nest() {
    #[instrument]
    fn inner(order: u64) {}
    #[instrument(skip_all, fields(customer = "Ada"))]
    fn outer(_secret: &str) {
        inner(17);
    }
    let telemetry = defaults();
    outer("s");
    let (outer, inner) = (telemetry.span("outer"), telemetry.span("inner"));
    assert!(inner.is_child_of(&outer));
    assert_eq!(inner.attribute("order"), Some(&17.into()));
    assert_eq!(outer.attribute("customer"), Some(&"Ada".into()));
    assert_eq!(outer.attribute("_secret"), None);
}

/// Is ready at the second poll. Creates a span and a log at each poll.
struct Twice {
    name: &'static str,
    polled: bool,
}

impl Future for Twice {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        drop(info_span!("step", of = self.name));
        info!("{}", self.name);
        if core::mem::replace(&mut self.polled, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[test]
fn joined_futures_do_not_become_parent_and_child() {
    for activation in [true, false] {
        let telemetry = setup(|builder| builder.with_context_activation(activation));
        info_span!("around").in_scope(|| {
            let future = |name| {
                let span = info_span!("task", otel.name = name);
                Twice {
                    name,
                    polled: false,
                }
                .instrument(span)
            };
            let (mut first, mut second) = (pin!(future("first")), pin!(future("second")));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..2 {
                let _ = first.as_mut().poll(&mut context);
                let _ = second.as_mut().poll(&mut context);
            }
        });
        let around = telemetry.span("around");
        for name in ["first", "second"] {
            let task = telemetry.span(name);
            assert!(task.is_child_of(&around));
            assert!(task.ended);
            let steps: Vec<_> = telemetry
                .spans()
                .into_iter()
                .filter(|span| span.attribute("of") == Some(&name.into()))
                .collect();
            assert_eq!(steps.len(), 2);
            assert!(steps.iter().all(|step| step.is_child_of(&task)));
            let logs = telemetry.logs();
            let of_it = logs.iter().filter(|log| log.body == Some(name.into()));
            assert!(of_it.clone().count() == 2);
            assert!(
                of_it
                    .clone()
                    .all(|log| log.span.as_ref() == Some(&task.context))
            );
        }
    }
}

#[test]
fn spans_may_be_exited_and_closed_out_of_order() {
    let telemetry = defaults();
    let first = info_span!("first").entered();
    let second = info_span!("second").entered();
    drop(first);
    drop(info_span!("within the second"));
    drop(second);
    drop(info_span!("outside"));
    assert!(
        telemetry
            .span("second")
            .is_child_of(&telemetry.span("first"))
    );
    assert!(
        telemetry
            .span("within the second")
            .is_child_of(&telemetry.span("second"))
    );
    assert_eq!(telemetry.span("outside").parent, RecordedParent::None);
    assert!(telemetry.spans().iter().all(|span| span.ended));
}

#[test]
fn span_entered_twice_stays_entered_until_two_exits() {
    let telemetry = defaults();
    let span = info_span!("one");
    let outer = span.enter();
    let inner = span.enter();
    drop(inner);
    drop(info_span!("within"));
    drop(outer);
    drop(info_span!("outside"));
    assert!(telemetry.span("within").is_child_of(&telemetry.span("one")));
    assert_eq!(telemetry.span("outside").parent, RecordedParent::None);
}

#[test]
fn span_entered_elsewhere_keeps_its_parent() {
    let telemetry = defaults();
    let moved = info_span!("first").in_scope(|| info_span!("moved"));
    info_span!("second").in_scope(|| moved.in_scope(|| drop(info_span!("child"))));
    drop(moved);
    assert!(
        telemetry
            .span("moved")
            .is_child_of(&telemetry.span("first"))
    );
    assert!(
        telemetry
            .span("child")
            .is_child_of(&telemetry.span("moved"))
    );
}

#[test]
fn outermost_span_is_not_a_child_of_spans_entered_later() {
    let telemetry = defaults();
    let early = info_span!("early");
    info_span!("later").in_scope(|| early.in_scope(|| {}));
    drop(early);
    assert_eq!(telemetry.span("early").parent, RecordedParent::None);
    assert_eq!(telemetry.span("later").parent, RecordedParent::None);
}

#[test]
fn fields_recorded_before_the_start_are_sent_with_it() {
    let telemetry = defaults();
    let span = info_span!(
        "one",
        items = tracing::field::Empty,
        otel.name = tracing::field::Empty,
        otel.kind = tracing::field::Empty,
        otel.status_code = tracing::field::Empty
    );
    span.record("items", 2);
    span.record("otel.name", "sale");
    span.record("otel.kind", "producer");
    span.record("otel.status_code", "ok");
    assert_eq!(telemetry.take_calls(), ["tracer.ambient", "tracer.now"]);
    drop(span);
    let calls = telemetry.take_calls();
    assert_eq!(calls, ["tracer.get", "tracer.start", "tracer.end"]);
    let span = telemetry.span("sale");
    assert_eq!(span.attribute("items"), Some(&2.into()));
    assert_eq!(span.kind, SpanKind::Producer);
    assert_eq!(span.status, RecordedStatus::Ok);
}

#[test]
fn fields_recorded_after_the_start_are_sent_with_the_end() {
    let telemetry = defaults();
    let span = info_span!(
        "one",
        items = tracing::field::Empty,
        otel.status_description = tracing::field::Empty
    );
    span.in_scope(|| {});
    let _ = telemetry.take_calls();
    span.record("items", 2);
    span.record("otel.status_description", "sold out");
    assert_eq!(telemetry.take_calls(), [""; 0]);
    drop(span);
    assert_eq!(telemetry.take_calls(), ["tracer.end"]);
    let span = telemetry.span("one");
    assert_eq!(span.attribute("items"), Some(&2.into()));
    assert_eq!(span.status, RecordedStatus::Error("sold out".into()));
}

#[test]
fn span_may_be_renamed_after_its_start() {
    let telemetry = defaults();
    let span = info_span!("one", otel.name = tracing::field::Empty);
    span.in_scope(|| {});
    span.record("otel.name", "sale");
    drop(span);
    assert!(telemetry.span("sale").ended);
}

#[test]
fn follows_from_becomes_a_link_before_and_after_the_start() {
    let telemetry = defaults();
    let (cause, other) = (info_span!("cause"), info_span!("other"));
    let span = info_span!("one");
    span.follows_from(&cause);
    span.in_scope(|| {});
    span.follows_from(&other);
    // Ended before the span that links to it.
    drop((cause, other));
    drop(span);
    let links: Vec<_> = telemetry
        .span("one")
        .links
        .into_iter()
        .map(|link| link.context)
        .collect();
    assert_eq!(
        links,
        [
            telemetry.span("cause").context,
            telemetry.span("other").context
        ]
    );
}

#[test]
fn slots_are_reused() {
    let telemetry = defaults();
    for _ in 0..1000 {
        info_span!("one").in_scope(|| drop(info_span!("two")));
    }
    let slots = tracing::dispatcher::get_default(|dispatch| {
        core_of(dispatch).map(|core| core.lock().spans.slots())
    });
    assert_eq!(slots, Some(2));
    assert_eq!(telemetry.spans().len(), 2000);
}
