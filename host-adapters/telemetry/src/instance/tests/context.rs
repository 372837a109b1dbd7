use super::*;
use crate::model::{BaggageEntry, BaggageHandle};

fn id(context: Option<SpanContext>) -> Option<SpanId> {
    context.map(|context| context.span_id())
}

#[test]
fn the_innermost_entered_span_is_ambient() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let one = instance.begin("one", SpanReference::None);
    let two = instance.begin("two", SpanReference::None);
    let (id_one, id_two) = (
        id(instance.span_context(one)),
        id(instance.span_context(two)),
    );
    assert_eq!(instance.current_context(), None);
    instance.enter_span(one);
    instance.enter_span(two);
    instance.enter_span(one);
    assert_eq!(id(instance.current_context()), id_one);
    instance.exit_span(one);
    assert_eq!(id(instance.current_context()), id_two);
    // An exit removes the span's own entry, even if it is not the innermost.
    instance.exit_span(one);
    assert_eq!(id(instance.current_context()), id_two);
    instance.exit_span(two);
    assert_eq!(instance.current_context(), None);
    assert_eq!(bench.all_dropped(), []);
    instance.exit_span(two);
    assert_eq!(bench.dropped(Reason::NotEntered), 1);
}

#[test]
fn a_start_can_enter_the_span_and_the_end_exits_it() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let outer = instance.start_span(SpanStart {
        activate: true,
        ..start(tracer, "outer", SpanReference::None)
    });
    let inner = instance.start_span(SpanStart {
        activate: true,
        ..start(tracer, "inner", SpanReference::Ambient)
    });
    instance.enter_span(outer);
    instance.end(outer);
    assert_eq!(instance.current_context(), instance.span_context(inner));
    instance.end(inner);
    assert_eq!(instance.current_context(), None);
    assert_eq!(
        bench.span("inner").parent_span_id,
        bench.span("outer").span_context.span_id()
    );
    assert_eq!(instance.activity.lock().entered.len(), 0);
}

#[test]
fn unrecorded_spans_are_ambient_too() {
    let bench = Bench::with(Sampler::AlwaysOff, Limits::default());
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    instance.enter_span(span);
    assert_eq!(instance.current_context(), instance.span_context(span));
    let child = instance.begin("child", SpanReference::Ambient);
    let (span, child) = (
        instance.span_context(span).unwrap(),
        instance.span_context(child).unwrap(),
    );
    assert_eq!(span.trace_id(), child.trace_id());
}

#[test]
fn the_end_of_an_unrecorded_span_removes_all_its_entries() {
    let bench = Bench::with(Sampler::AlwaysOff, Limits::default());
    let mut instance = bench.instance();
    let tracer = instance.tracer(scope("lib"));
    let outer = instance.begin("outer", SpanReference::None);
    instance.enter_span(outer);
    let span = instance.start_span(SpanStart {
        activate: true,
        ..start(tracer, "s", SpanReference::None)
    });
    instance.enter_span(span);
    let changes = SpanChanges {
        attributes: numbered("a", 1),
        ..SpanChanges::default()
    };
    instance.end_span(span, changes, Some(7));
    assert_eq!(instance.current_context(), instance.span_context(outer));
    // A second exit and end.
    instance.exit_span(span);
    instance.end(span);
    assert_eq!(bench.all_dropped(), []);
    instance.exit_span(SpanHandle::from_bits(SpanHandle::NOT_RECORDED));
    assert_eq!(bench.dropped(Reason::NotEntered), 1);
}

#[test]
fn references_of_logs_resolve_like_parents() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let one = instance.begin("one", SpanReference::None);
    let two = instance.begin("two", SpanReference::None);
    instance.enter_span(one);
    let (id_one, id_two) = (
        id(instance.span_context(one)),
        id(instance.span_context(two)),
    );
    let resolve = |reference| id(instance.resolve(reference, Signal::Logs));
    assert_eq!(resolve(SpanReference::Ambient), id_one);
    assert_eq!(resolve(SpanReference::None), None);
    assert_eq!(resolve(SpanReference::Span(two)), id_two);
    assert_eq!(
        resolve(SpanReference::Remote(remote(1))),
        Some(SpanId::from(3))
    );
    assert_eq!(bench.all_dropped(), []);
    let resolve = |reference| id(instance.resolve(reference, Signal::Logs));
    assert_eq!(
        resolve(SpanReference::Span(SpanHandle::from_bits(5))),
        id_one
    );
    assert_eq!(
        resolve(SpanReference::Remote(RemoteContext::default())),
        None
    );
    let dropped = bench.telemetry.dropped();
    assert_eq!(dropped.get(Signal::Logs, Reason::WrongHandle), 1);
    assert_eq!(dropped.get(Signal::Logs, Reason::InvalidContext), 1);
}

fn entry(key: &str, value: &str) -> BaggageEntry {
    BaggageEntry {
        key: key.to_owned(),
        value: value.to_owned(),
        metadata: String::new(),
    }
}

#[test]
fn baggage_nests_and_can_be_exited_in_any_order() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    assert_eq!(instance.baggage(), []);
    let one = instance.enter_baggage(vec![entry("a", "1")]);
    let two = instance.enter_baggage(vec![entry("b", "2")]);
    assert_eq!(instance.baggage(), [entry("b", "2")]);
    instance.exit_baggage(one);
    assert_eq!(instance.baggage(), [entry("b", "2")]);
    instance.exit_baggage(two);
    assert_eq!(instance.baggage(), []);
    assert_eq!(bench.all_dropped(), []);
    instance.exit_baggage(one);
    assert_eq!(bench.all_dropped(), []);
    let never = bench.instance().enter_baggage(Vec::new());
    for wrong in [0, u64::MAX, one.to_bits() + 2, never.to_bits()] {
        instance.exit_baggage(BaggageHandle::from_bits(wrong));
    }
    assert_eq!(bench.dropped(Reason::NotEntered), 4);
}

#[test]
fn entered_baggage_has_a_limit() {
    let bench = Bench::limited(|limits| limits.baggage_scopes = 2);
    let mut instance = bench.instance();
    for value in ["1", "2", "3"] {
        instance.enter_baggage(vec![entry("a", value)]);
    }
    instance.enter_baggage(Vec::new());
    assert_eq!(instance.baggage(), [entry("a", "2")]);
    assert_eq!(bench.dropped(Reason::BaggageScopes), 2);
}

#[test]
fn a_notice_has_the_generation_of_the_log_levels() {
    let bench = Bench::new();
    let mut instance = bench.instance();
    let span = instance.begin("s", SpanReference::None);
    let before = instance.enter_span(span) as u32;
    bench.telemetry.set_log_levels("error".parse().unwrap());
    assert_ne!(instance.exit_span(span) as u32, before);
}
