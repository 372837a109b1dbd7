//! Parents, links and contexts from outside `tracing`, and spans of the direct API among those of
//! `tracing`.

use tracing::dispatcher::Dispatch;
use tracing::{Span, info, info_span};

use super::{defaults, setup};
use crate::subscriber::{SetParentError, SpanExt};
use crate::testing::{RecordedParent, RecordedStatus};
use crate::{Link, SpanContext, SpanReference, Status, TraceId, Tracer, attributes};

static TRACER: Tracer = crate::tracer!();

fn remote() -> SpanContext {
    SpanContext {
        trace_id: TraceId { high: 1, low: 2 },
        span_id: 3,
        trace_state: "a=b".into(),
        ..SpanContext::default()
    }
}

#[test]
fn remote_parent_can_be_set_until_the_span_is_used() {
    let telemetry = defaults();
    info_span!("around").in_scope(|| {
        let span = info_span!("handle");
        span.record("unknown", 1);
        assert_eq!(span.set_parent(&remote()), Ok(()));
        span.in_scope(|| {});
        assert_eq!(
            span.set_parent(&SpanContext::default()),
            Err(SetParentError::AlreadyStarted)
        );
    });
    let span = telemetry.span("handle");
    assert_eq!(span.parent, RecordedParent::Remote(remote()));
    assert_eq!(span.context.trace_id, remote().trace_id);
}

#[test]
fn waiting_span_may_get_another_parent_than_the_ambient_one() {
    let telemetry = defaults();
    let span = info_span!("handle");
    assert_eq!(span.set_parent(&remote()), Ok(()));
    info_span!("other").in_scope(|| {});
    assert_eq!(
        span.set_parent(&remote()),
        Ok(()),
        "it no longer waits for the ambient span"
    );
    drop(span);
    assert_eq!(
        telemetry.span("handle").parent,
        RecordedParent::Remote(remote())
    );
}

#[test]
fn parent_cannot_be_set_on_a_started_disabled_or_foreign_span() {
    let _telemetry = setup(|builder| builder.with_max_level(tracing::Level::INFO));
    assert_eq!(
        tracing::debug_span!("off").set_parent(&remote()),
        Err(SetParentError::Disabled)
    );
    struct Other;
    impl tracing::Subscriber for Other {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
            tracing::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}
        fn event(&self, _: &tracing::Event<'_>) {}
        fn enter(&self, _: &tracing::Id) {}
        fn exit(&self, _: &tracing::Id) {}
    }
    tracing::dispatcher::with_default(&Dispatch::new(Other), || {
        let span = info_span!("theirs");
        assert_eq!(
            span.set_parent(&remote()),
            Err(SetParentError::OtherSubscriber)
        );
        assert_eq!(span.context(), None);
        assert_eq!(span.reference(), SpanReference::Ambient);
    });
}

#[test]
fn links_with_attributes_may_be_added_before_and_after_the_start() {
    let telemetry = defaults();
    let span = info_span!("one");
    let texts: &[&str] = &["a", "b"];
    let (bools, ints, doubles): (&[bool], &[i64], &[f64]) = (&[true], &[1, 2], &[0.5]);
    span.add_link(Link::to_remote(
        &remote(),
        attributes![
            "reason" => "batch", "parts" => texts, "bools" => bools, "ints" => ints, "doubles" => doubles
        ],
    ));
    assert_eq!(telemetry.take_calls(), ["tracer.ambient", "tracer.now"]);
    span.in_scope(|| {});
    span.add_link(Link::to_remote(&remote(), &[]));
    drop(span);
    let links = telemetry.span("one").links;
    assert_eq!(links.len(), 2);
    assert_eq!(links[0].context, remote());
    assert_eq!(
        links[0].attributes,
        [
            ("reason".into(), "batch".into()),
            ("parts".into(), vec!["a", "b"].into()),
            ("bools".into(), vec![true].into()),
            ("ints".into(), vec![1_i64, 2].into()),
            ("doubles".into(), vec![0.5].into())
        ]
    );
    assert_eq!(links[1].attributes, []);
}

#[test]
fn context_of_a_span_can_be_propagated() {
    let telemetry = defaults();
    let span = info_span!("one");
    let context = span.context().expect("known");
    assert_eq!(Span::none().context(), None);
    drop(span);
    assert_eq!(context, telemetry.span("one").context);
}

#[test]
fn attributes_status_and_events_can_be_added_under_any_name() {
    let telemetry = defaults();
    let span = info_span!("one");
    span.set_attribute(&format!("header.{}", 1), "a");
    span.set_status(Status::Error("first"));
    span.add_event("sale", attributes!["items" => 2], Some(5));
    span.set_attribute(&format!("header.{}", 2), true);
    span.set_status(Status::Error("second"));
    span.set_status(Status::Unset);
    drop(span);
    let span = telemetry.span("one");
    assert_eq!(span.attribute("header.1"), Some(&"a".into()));
    assert_eq!(span.attribute("header.2"), Some(&true.into()));
    assert_eq!(span.status, RecordedStatus::Error("second".into()));
    assert_eq!(span.events[0].name, "sale");
    assert_eq!(span.events[0].time, Some(5));
    assert_eq!(span.events[0].attribute("items"), Some(&2.into()));
}

#[test]
fn spans_of_both_apis_nest_in_each_other() {
    let telemetry = defaults();
    info_span!("outer").in_scope(|| {
        let _direct = TRACER.enter("direct");
        info_span!("inner").in_scope(|| {
            drop(TRACER.start("innermost"));
            info!("said");
        });
        info!("in the direct span");
    });
    let chain = ["outer", "direct", "inner", "innermost"].map(|name| telemetry.span(name));
    for pair in chain.windows(2) {
        assert!(pair[1].is_child_of(&pair[0]), "{pair:?}");
    }
    let logs = telemetry.logs();
    assert_eq!(logs[0].span, Some(chain[2].context.clone()));
    assert_eq!(logs[1].span, Some(chain[1].context.clone()));
}

#[test]
fn tracing_span_can_be_a_parent_in_the_direct_api() {
    let telemetry = defaults();
    let span = info_span!("one");
    drop(TRACER.span("child").with_parent(span.reference()).start());
    drop(span);
    assert!(telemetry.span("child").is_child_of(&telemetry.span("one")));
}

#[test]
fn host_span_is_the_outermost_parent() {
    let telemetry = defaults();
    telemetry.set_host_span(Some(remote()));
    info_span!("one").in_scope(|| drop(info_span!(parent: None, "root")));
    assert_eq!(
        telemetry.span("one").parent,
        RecordedParent::Remote(remote())
    );
    assert_eq!(telemetry.span("root").parent, RecordedParent::None);
}
