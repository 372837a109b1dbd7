//! The spans of events, and the names of logs.

use tracing::{Level, info, info_span};

use super::{defaults, setup};
use crate::subscriber::Events;
use crate::{SpanContext, TraceId};

fn remote() -> SpanContext {
    SpanContext {
        trace_id: TraceId { high: 1, low: 2 },
        span_id: 3,
        ..SpanContext::default()
    }
}

#[test]
fn log_belongs_to_the_span_around_it() {
    let telemetry = defaults();
    info_span!("outer").in_scope(|| {
        info_span!("inner").in_scope(|| info!("in the inner one"));
        info!("in the outer one");
    });
    let logs = telemetry.logs();
    assert_eq!(logs[0].span, Some(telemetry.span("inner").context));
    assert_eq!(logs[1].span, Some(telemetry.span("outer").context));
}

#[test]
fn a_log_can_name_its_span_or_none() {
    let telemetry = defaults();
    let other = info_span!("other");
    info_span!("around").in_scope(|| {
        info!(parent: &other, "of the other one");
        info!(parent: None, "of none");
    });
    let logs = telemetry.logs();
    assert_eq!(logs[0].span, Some(telemetry.span("other").context));
    assert_eq!(logs[1].span, None);
}

#[test]
fn log_outside_of_any_span_belongs_to_the_host_span() {
    let telemetry = defaults();
    telemetry.set_host_span(Some(remote()));
    info!("said");
    assert_eq!(telemetry.logs()[0].span, Some(remote()));
}

#[test]
fn a_span_event_can_name_its_span() {
    let telemetry = setup(|builder| builder.with_events(Events::SpanEvents));
    let other = info_span!("other");
    info_span!("around").in_scope(|| {
        info!(parent: &other, "of the other one");
        info!(parent: None, "of none");
    });
    drop(other);
    assert_eq!(telemetry.span("other").events.len(), 1);
    assert_eq!(telemetry.span("around").events.len(), 0);
}

#[test]
fn log_has_the_name_that_its_author_gave() {
    let telemetry = defaults();
    tracing::event!(name: "sale", Level::INFO, items = 2);
    tracing::event!(name: "event of the year", Level::INFO, "here");
    info!("unnamed");
    let names: Vec<_> = telemetry
        .logs()
        .into_iter()
        .map(|log| log.event_name)
        .collect();
    assert_eq!(
        names,
        [
            Some("sale".to_owned()),
            Some("event of the year".to_owned()),
            None
        ]
    );
}

#[test]
fn message_that_is_not_text_is_an_attribute() {
    let telemetry = defaults();
    info!(message = 5);
    let log = &telemetry.logs()[0];
    assert_eq!(log.body, None);
    assert_eq!(log.attribute("message"), Some(&5.into()));
}

#[test]
fn logs_are_emitted_at_once_so_a_trap_loses_none() {
    let telemetry = defaults();
    let span = info_span!("around");
    let _entered = span.enter();
    info!("said");
    // As if the program ended here.
    assert_eq!(telemetry.logs().len(), 1);
    assert!(!telemetry.span("around").ended);
}
