use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use wasmscope::testing::{RecordedParent, RecordedStatus, Recorder};
use wasmscope::{
    EnteredSpan, KeyValue, Link, Scope, Span, SpanChanges, SpanContext, SpanKind, SpanReference,
    Status, Tracer, Value, attributes,
};

static TRACER: Tracer = Tracer::new(
    Scope::new("shop")
        .with_version("1.2.3")
        .with_schema_url("https://example.com/schema"),
);

fn remote() -> SpanContext {
    SpanContext::from_traceparent(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "vendor=1",
    )
    .expect("a valid header")
}

#[test]
fn a_span_ends_when_it_is_dropped() {
    let recorder = Recorder::install();
    let span = TRACER.start("work");
    assert!(!recorder.span("work").ended);
    drop(span);
    let span = recorder.span("work");
    assert!(span.ended);
    assert_eq!(span.end_time, None);
    assert_eq!(span.scope.name, "shop");
    assert_eq!(span.scope.version.as_deref(), Some("1.2.3"));
    assert_eq!(
        span.scope.schema_url.as_deref(),
        Some("https://example.com/schema")
    );
}

#[test]
fn span_starts_with_all_settings_of_the_builder() {
    let recorder = Recorder::install();
    let cause = TRACER.start("cause");
    TRACER
        .span("work")
        .with_kind(SpanKind::Consumer)
        .with_attributes(attributes!["id" => 17, "who" => "Ada", "ok" => true, "cost" => 0.5])
        .with_links(&[
            Link::to_span(&cause, attributes!["why" => "batch"]),
            Link::to_remote(&remote(), &[]),
        ])
        .with_start_time(1_000)
        .start()
        .end_at(2_000);
    drop(cause);
    let span = recorder.span("work");
    assert_eq!(span.kind, SpanKind::Consumer);
    assert_eq!(span.start_time, Some(1_000));
    assert_eq!(span.end_time, Some(2_000));
    assert_eq!(span.attribute("id"), Some(&17.into()));
    assert_eq!(span.attribute("who"), Some(&"Ada".into()));
    assert_eq!(span.attribute("ok"), Some(&true.into()));
    assert_eq!(span.attribute("cost"), Some(&0.5.into()));
    assert_eq!(span.links.len(), 2);
    assert_eq!(span.links[0].context, recorder.span("cause").context);
    assert_eq!(
        span.links[0].attributes,
        [("why".to_owned(), "batch".into())]
    );
    assert_eq!(span.links[1].context, remote());
}

#[test]
fn parent_is_ambient_given_remote_or_none() {
    let recorder = Recorder::install();
    recorder.set_host_span(Some(remote()));
    let hosted = TRACER.start("under the host");
    let entered = TRACER.enter("entered");
    let _ambient = TRACER.start("ambient");
    let _given = TRACER.span("given").with_parent(&hosted).start();
    let context = remote();
    let _remote = TRACER.span("remote").with_parent(&context).start();
    let _root = TRACER.span("root").with_parent(SpanReference::None).start();
    let _under_entered = TRACER.span("under entered").with_parent(&entered).start();

    let hosted = recorder.span("under the host");
    assert_eq!(hosted.parent, RecordedParent::Remote(remote()));
    let entered = recorder.span("entered");
    assert!(recorder.span("ambient").is_child_of(&entered));
    assert!(recorder.span("under entered").is_child_of(&entered));
    assert!(recorder.span("given").is_child_of(&hosted));
    assert_eq!(
        recorder.span("given").context.trace_id,
        hosted.context.trace_id
    );
    let remote_child = recorder.span("remote");
    assert_eq!(remote_child.parent, RecordedParent::Remote(context));
    assert_eq!(remote_child.context.trace_state, "vendor=1");
    let root = recorder.span("root");
    assert_eq!(root.parent, RecordedParent::None);
    assert_ne!(root.context.trace_id, hosted.context.trace_id);
}

#[test]
fn span_that_is_not_entered_is_not_a_parent() {
    let recorder = Recorder::install();
    let _started = TRACER.start("started");
    let _other = TRACER.start("other");
    assert_eq!(recorder.span("other").parent, RecordedParent::None);
}

#[test]
fn entries_nest_and_exits_out_of_order_keep_later_entries() {
    let recorder = Recorder::install();
    let (outer, inner) = (TRACER.start("outer"), TRACER.start("inner"));
    let in_outer = outer.enter();
    let in_inner = inner.enter();
    drop(in_outer);
    let _one = TRACER.start("one");
    drop(in_inner);
    let _two = TRACER.start("two");
    assert!(recorder.span("one").is_child_of(&recorder.span("inner")));
    assert_eq!(recorder.span("two").parent, RecordedParent::None);
}

#[test]
fn entered_span_stays_entered_until_its_end() {
    let recorder = Recorder::install();
    let outer: EnteredSpan = TRACER.start("outer").entered();
    drop(TRACER.enter("inner"));
    drop(outer);
    let _after = TRACER.start("after");
    assert!(recorder.span("inner").is_child_of(&recorder.span("outer")));
    assert!(recorder.span("outer").ended);
    assert_eq!(recorder.span("after").parent, RecordedParent::None);
}

#[test]
fn exited_span_continues() {
    let recorder = Recorder::install();
    let outer = TRACER.enter("outer").exit();
    let _after = TRACER.start("after");
    assert_eq!(recorder.span("after").parent, RecordedParent::None);
    assert!(!recorder.span("outer").ended);
    outer.end();
    assert!(recorder.span("outer").ended);
}

#[test]
fn joined_futures_do_not_become_parent_and_child() {
    async fn step(name: &str) {
        let _span = TRACER.span(name).start();
        let mut waited = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        let _child = TRACER.start("after the wait");
    }

    let recorder = Recorder::install();
    let (one, two) = (TRACER.start("one"), TRACER.start("two"));
    {
        let mut first = pin!(one.instrument(step("first")));
        let mut second = pin!(two.instrument(step("second")));
        let mut context = Context::from_waker(Waker::noop());
        // Interleaved: both are started before either continues.
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(first.as_mut().poll(&mut context).is_ready());
        assert!(second.as_mut().poll(&mut context).is_ready());
    }
    let (one, two) = (recorder.span("one"), recorder.span("two"));
    assert!(recorder.span("first").is_child_of(&one));
    assert!(recorder.span("second").is_child_of(&two));
    let parents: Vec<_> = recorder
        .spans()
        .into_iter()
        .filter(|span| span.name == "after the wait")
        .map(|span| span.parent)
        .collect();
    assert_eq!(
        parents,
        [
            RecordedParent::Span(one.handle),
            RecordedParent::Span(two.handle)
        ]
    );
}

#[test]
fn attributes_are_sent_with_the_end_in_one_call() {
    let recorder = Recorder::install();
    let span = TRACER.start("work");
    span.set_attribute("id", 1);
    span.set_attribute("who", "Ada");
    span.set_attribute("id", 2);
    span.set_attribute("share", 0.25);
    span.set_attribute("done", true);
    span.set_status(Status::Error("late"));
    let _ = recorder.take_calls();
    drop(span);
    assert_eq!(recorder.take_calls(), ["tracer.end"]);
    let span = recorder.span("work");
    let expected = [
        ("id".to_owned(), 2.into()),
        ("who".to_owned(), "Ada".into()),
        ("share".to_owned(), 0.25.into()),
        ("done".to_owned(), true.into()),
    ];
    assert_eq!(span.attributes, expected);
    assert_eq!(span.status, RecordedStatus::Error("late".into()));
}

#[test]
fn attributes_reach_their_own_span() {
    let recorder = Recorder::install();
    let (one, two) = (TRACER.start("one"), TRACER.start("two"));
    for round in 0..3 {
        one.set_attribute("round", round);
        two.set_attribute("round", round * 10);
    }
    drop(one);
    drop(two);
    assert_eq!(recorder.span("one").attribute("round"), Some(&2.into()));
    assert_eq!(recorder.span("two").attribute("round"), Some(&20.into()));
}

#[test]
fn many_attributes_and_arrays_arrive_in_order() {
    let recorder = Recorder::install();
    let span = TRACER.start("work");
    for number in 0..100 {
        span.set_attribute(&format!("k{number}"), number);
    }
    span.set_attribute("ids", "text first");
    span.set_attribute("ids", &[1, 2][..]);
    span.set_attributes(attributes![
        "texts" => &["a", "b"][..], "flags" => &[true, false][..], "shares" => &[0.5][..],
    ]);
    drop(span);
    let span = recorder.span("work");
    assert_eq!(span.attributes.len(), 104);
    assert_eq!(span.attribute("k99"), Some(&99.into()));
    assert_eq!(span.attribute("ids"), Some(&vec![1_i64, 2].into()));
    assert_eq!(span.attribute("texts"), Some(&vec!["a", "b"].into()));
    assert_eq!(span.attribute("flags"), Some(&vec![true, false].into()));
    assert_eq!(span.attribute("shares"), Some(&vec![0.5].into()));
}

#[test]
fn update_is_sent_at_once_and_in_order() {
    let recorder = Recorder::install();
    let span = TRACER.start("work");
    span.set_attribute("step", 1);
    span.update(
        SpanChanges::new()
            .with_name("renamed")
            .with_status(Status::Error("half done"))
            .with_attributes(attributes!["step" => 2])
            .with_links(&[Link::to_remote(&remote(), &[])]),
    );
    let recorded = recorder.span("renamed");
    assert_eq!(recorded.attribute("step"), Some(&2.into()));
    assert_eq!(recorded.status, RecordedStatus::Error("half done".into()));
    assert_eq!(recorded.links.len(), 1);
    assert!(!recorded.ended);
    span.set_attribute("step", 3);
    drop(span);
    assert_eq!(recorder.span("renamed").attribute("step"), Some(&3.into()));
}

#[test]
fn scope_has_its_own_attributes() {
    static SCOPED: Tracer = Tracer::new(Scope::new("scoped").with_attributes(&[KeyValue {
        key: "short_name",
        value: Value::String("s"),
    }]));
    let recorder = Recorder::install();
    drop(SCOPED.start("work"));
    assert_eq!(
        recorder.span("work").scope.attributes,
        [("short_name".to_owned(), "s".into())]
    );
}

#[test]
fn events_reach_the_host_at_once() {
    let recorder = Recorder::install();
    let span = TRACER.start("work");
    span.event("cache miss", attributes!["key" => "k"]);
    span.event_at("earlier", &[], 5);
    let recorded = recorder.span("work");
    assert!(!recorded.ended);
    assert_eq!(recorded.events.len(), 2);
    assert_eq!(recorded.events[0].name, "cache miss");
    assert_eq!(recorded.events[0].attribute("key"), Some(&"k".into()));
    assert_eq!(recorded.events[0].time, None);
    assert_eq!(recorded.events[1].time, Some(5));
}

#[test]
fn status_ok_is_final_and_unset_changes_nothing() {
    let recorder = Recorder::install();
    let span = TRACER.start("work");
    span.set_status(Status::Error("first"));
    span.set_status(Status::Unset);
    span.set_status(Status::Ok);
    span.set_status(Status::Error("too late"));
    span.set_name("renamed");
    drop(span);
    assert_eq!(recorder.span("renamed").status, RecordedStatus::Ok);
}

#[derive(Debug)]
struct OutOfStock;

impl fmt::Display for OutOfStock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no tea left")
    }
}

impl std::error::Error for OutOfStock {}

#[test]
fn error_becomes_the_event_of_the_conventions() {
    let recorder = Recorder::install();
    TRACER.start("work").record_error(&OutOfStock);
    let span = recorder.span("work");
    let event = &span.events[0];
    assert_eq!(event.name, "exception");
    assert_eq!(
        event.attribute("exception.message"),
        Some(&"no tea left".into())
    );
    assert_eq!(
        event.attribute("exception.type"),
        Some(&"direct::traces::OutOfStock".into())
    );
    assert_eq!(span.status, RecordedStatus::Unset);
}

#[test]
fn unrecorded_span_makes_no_further_call() {
    let recorder = Recorder::install();
    recorder.sample(false);
    let other = TRACER.start("other");
    let span = TRACER.start("work");
    let _ = recorder.take_calls();
    assert!(!span.is_recorded());
    span.set_attribute("k", 1);
    span.set_attribute("ks", &[1, 2][..]);
    span.set_status(Status::Ok);
    span.set_name("other");
    span.event("e", &[]);
    span.record_error(&OutOfStock);
    span.add_link(Link::to_span(&other, &[]));
    drop(span);
    TRACER
        .span("linked")
        .with_links(&[Link::to_span(&other, &[])])
        .start()
        .end_at(1);
    assert_eq!(recorder.take_calls(), ["tracer.start"]);
    assert_eq!(recorder.spans(), []);
}

#[test]
fn attributes_follow_an_unexpectedly_recorded_start() {
    let recorder = Recorder::install();
    let calls = |name| {
        let _ = recorder.take_calls();
        TRACER
            .span(name)
            .with_attributes(attributes!["k" => 1])
            .start()
            .end();
        recorder.take_calls()
    };
    assert_eq!(calls("ever"), ["tracer.get", "tracer.start", "tracer.end"]);
    recorder.sample(false);
    assert_eq!(calls("before"), ["tracer.start"]);
    recorder.sample(true);
    assert_eq!(
        calls("first"),
        ["tracer.start", "tracer.update", "tracer.end"]
    );
    assert_eq!(calls("second"), ["tracer.start", "tracer.end"]);
    for name in ["first", "second"] {
        assert_eq!(recorder.span(name).attribute("k"), Some(&1.into()));
    }
    recorder.sample(false);
    assert_eq!(calls("after"), ["tracer.start"]);
    recorder.sample(true);
    let _ = recorder.take_calls();
    TRACER.start("bare").end();
    assert_eq!(recorder.take_calls(), ["tracer.start", "tracer.end"]);
}

#[test]
fn unrecorded_span_still_propagates_its_trace() {
    let recorder = Recorder::install();
    recorder.sample(false);
    let unrecorded: Span = TRACER.start("unrecorded");
    let context = unrecorded.context().expect("the host knows it");
    assert!(!context.trace_flags.is_sampled());
    let entered = unrecorded.enter();
    recorder.sample(true);
    let child = TRACER.start("child");
    drop(entered);
    let sibling = TRACER.start("sibling");
    drop((child, sibling));
    assert_eq!(recorder.span("child").context.trace_id, context.trace_id);
    assert_ne!(recorder.span("sibling").context.trace_id, context.trace_id);
}

#[test]
fn span_reference_uses_the_handle_of_a_span() {
    let recorder = Recorder::install();
    let span = TRACER.start("work");
    let handle = recorder.span("work").handle;
    assert_eq!(SpanReference::from(&span), SpanReference::Span(handle));
    assert!(handle.is_recorded());
}

#[test]
fn calls_without_a_backend_do_nothing() {
    let span = TRACER.enter("work");
    assert!(!span.is_recorded());
    span.set_attribute("k", 1);
    span.event("e", &[]);
    assert_eq!(span.context(), None);
    drop(span);
    assert_eq!(wasmscope::current(), None);
}

#[test]
fn every_integer_type_converts_and_large_values_become_text() {
    let recorder = Recorder::install();
    let name = std::borrow::Cow::Borrowed("Ada");
    let span = TRACER
        .span("one")
        .with_attributes(attributes!["size" => 3usize, "wide" => u64::MAX, "name" => &name])
        .start();
    span.set_attribute("set", u64::MAX);
    span.set_attribute("offset", -3isize);
    span.event("said", attributes!["wide" => 1u64 << 63]);
    drop(span);
    let span = recorder.span("one");
    assert_eq!(span.attribute("size"), Some(&3.into()));
    assert_eq!(span.attribute("wide"), Some(&"18446744073709551615".into()));
    assert_eq!(span.attribute("name"), Some(&"Ada".into()));
    assert_eq!(span.attribute("set"), Some(&"18446744073709551615".into()));
    assert_eq!(span.attribute("offset"), Some(&(-3).into()));
    let event = &span.events[0].attributes;
    assert_eq!(event[0].1, "9223372036854775808".into());
}

#[test]
fn the_hosts_span_takes_a_route_attributes_events_and_a_status() {
    let recorder = Recorder::install();
    wasmscope::route("/orders/{id}");
    let invocation = wasmscope::invocation();
    assert!(invocation.is_recorded());
    invocation.set_attributes(attributes!["order.id" => 7]);
    invocation.set_status(Status::Error("sold out"));
    invocation.set_name("take an order");
    invocation.event("found", attributes!["n" => 1]);
    assert_eq!(invocation.context(), None, "the recorder has no host span");
    let host = recorder.invocation();
    assert_eq!(host.name, "take an order");
    assert_eq!(host.attribute("http.route"), Some(&"/orders/{id}".into()));
    assert_eq!(host.attribute("order.id"), Some(&7.into()));
    assert_eq!(host.status, RecordedStatus::Error("sold out".to_owned()));
    assert_eq!(host.events[0].name, "found");
    assert_eq!(recorder.spans(), [], "it is no span of the program");
}

#[test]
fn the_hosts_span_can_be_a_parent() {
    let recorder = Recorder::install();
    let context = SpanContext::from_traceparent(
        "00-11112222333344440000000000000aaa-00000000000000bb-01",
        "",
    );
    recorder.set_host_span(context.clone());
    assert_eq!(wasmscope::invocation().context(), context);
    let _other = TRACER.enter("ambient");
    let child = TRACER
        .span("child")
        .with_parent(wasmscope::invocation())
        .start();
    child.end();
    let parent = recorder.span("child").parent;
    assert_eq!(
        parent,
        RecordedParent::Remote(context.expect("it is valid"))
    );
}

#[test]
fn without_a_host_nothing_is_kept_of_an_invocation() {
    let invocation = wasmscope::invocation();
    assert!(!invocation.is_recorded());
    invocation.set_attribute("lost", 1);
    assert_eq!(invocation.context(), None);
}
