//! Spans that end while others refer to them. A registry keeps spans open in these cases, so the
//! layer does not share the tests.

use tracing::info_span;

use super::defaults;
use crate::testing::RecordedParent;

#[test]
fn waiting_span_is_started_before_its_parent_ends() {
    static TRACER: crate::Tracer = crate::tracer!();
    let telemetry = defaults();
    let (by_tracing, direct) = {
        let _outer = info_span!("outer").entered();
        let by_tracing = info_span!("by tracing");
        let _direct = TRACER.enter("direct");
        (by_tracing, info_span!("by the direct API"))
    };
    let calls = telemetry.take_calls();
    let starts = calls.iter().filter(|call| **call == "tracer.start").count();
    assert_eq!(starts, 4, "{calls:?}");
    drop((by_tracing, direct));
}

#[test]
fn id_of_a_closed_span_is_invalid() {
    let telemetry = defaults();
    let id = info_span!("closed").id().expect("enabled");
    let next = info_span!("next");
    assert_ne!(next.id(), Some(id.clone()), "the slot is reused");
    drop(info_span!(parent: id.clone(), "orphan"));
    next.follows_from(id.clone());
    tracing::dispatcher::get_default(|dispatch| {
        dispatch.enter(&id);
        dispatch.exit(&id);
        assert!(!dispatch.try_close(id.clone()));
    });
    drop(next);
    assert_eq!(telemetry.span("orphan").parent, RecordedParent::None);
    assert_eq!(telemetry.span("next").links, []);
}
