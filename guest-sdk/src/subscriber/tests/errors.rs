//! Errors: as values, as events, and on their spans.

use core::error::Error;
use core::fmt;

use tracing::{error, info, info_span, instrument, warn};

use super::{defaults, setup};
use crate::Severity;
use crate::subscriber::Events;
use crate::testing::{RecordedStatus, RecordedValue};

#[derive(Debug)]
struct Failure(&'static str, Option<Box<Self>>);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn failure() -> Failure {
    let base = Failure("disk full", None);
    let middle = Failure("cannot write", Some(Box::new(base)));
    Failure("no receipt", Some(Box::new(middle)))
}

fn chain() -> RecordedValue {
    vec!["cannot write", "disk full"].into()
}

#[test]
fn an_error_value_of_a_span_adds_its_chain_and_the_exception_attributes() {
    let telemetry = defaults();
    let failure = failure();
    drop(info_span!("one", error = &failure as &dyn Error));
    let span = telemetry.span("one");
    assert_eq!(span.attribute("error"), Some(&"no receipt".into()));
    assert_eq!(span.attribute("error.chain"), Some(&chain()));
    assert_eq!(
        span.attribute("exception.message"),
        Some(&"no receipt".into())
    );
    assert_eq!(span.attribute("exception.stacktrace"), Some(&chain()));
    assert_eq!(span.status, RecordedStatus::Unset);
}

#[test]
fn an_error_without_source_has_no_chain() {
    let telemetry = defaults();
    let failure = Failure("alone", None);
    drop(info_span!("one", cause = &failure as &dyn Error));
    let span = telemetry.span("one");
    assert_eq!(span.attribute("cause"), Some(&"alone".into()));
    assert_eq!(span.attribute("cause.chain"), None);
    assert_eq!(span.attribute("exception.stacktrace"), None);
}

#[test]
fn error_value_may_be_recorded_later() {
    let telemetry = defaults();
    let span = info_span!("one", error = tracing::field::Empty);
    let _entered = span.enter();
    span.record("error", &failure() as &dyn Error);
    drop(_entered);
    drop(span);
    let span = telemetry.span("one");
    assert_eq!(span.attribute("error"), Some(&"no receipt".into()));
    assert_eq!(span.attribute("error.chain"), Some(&chain()));
    assert_eq!(span.attribute("exception.stacktrace"), Some(&chain()));
}

#[test]
fn error_value_of_an_event_marks_its_span() {
    let telemetry = defaults();
    let failure = failure();
    info_span!("one").in_scope(|| warn!(cause = &failure as &dyn Error, "went wrong"));
    let log = &telemetry.logs()[0];
    assert_eq!(log.body, Some("went wrong".into()));
    assert_eq!(log.attribute("cause"), Some(&"no receipt".into()));
    assert_eq!(log.attribute("cause.chain"), Some(&chain()));
    assert_eq!(
        log.attribute("exception.message"),
        Some(&"no receipt".into())
    );
    assert_eq!(log.attribute("exception.stacktrace"), Some(&chain()));
    let span = telemetry.span("one");
    assert_eq!(
        span.attribute("exception.message"),
        Some(&"no receipt".into())
    );
    assert_eq!(span.attribute("exception.stacktrace"), Some(&chain()));
    assert_eq!(span.status, RecordedStatus::Unset);
}

#[test]
fn an_error_value_without_message_is_an_exception() {
    let telemetry = defaults();
    let failure = failure();
    info_span!("one").in_scope(|| error!(error = &failure as &dyn Error));
    let log = &telemetry.logs()[0];
    assert_eq!(log.body, Some("no receipt".into()));
    assert_eq!(log.event_name.as_deref(), Some("exception"));
    let messages = log.attributes.iter();
    let messages = messages.filter(|(key, _)| key == "exception.message");
    assert_eq!(messages.count(), 1);
    assert_eq!(log.attribute("exception.stacktrace"), Some(&chain()));
    assert_eq!(log.attribute("error"), None);
    let span = telemetry.span("one");
    assert_eq!(span.status, RecordedStatus::Error("no receipt".into()));
}

#[test]
fn exception_attributes_can_be_left_out() {
    let telemetry = setup(|builder| {
        builder
            .with_error_fields_to_exceptions(false)
            .with_error_records_to_exceptions(false)
    });
    let failure = failure();
    info_span!("one", cause = &failure as &dyn Error)
        .in_scope(|| warn!(cause = &failure as &dyn Error, "went wrong"));
    assert_eq!(telemetry.logs()[0].attribute("exception.message"), None);
    let span = telemetry.span("one");
    assert_eq!(span.attribute("exception.message"), None);
    assert_eq!(span.attribute("cause.chain"), Some(&chain()));
}

#[instrument(err)]
fn fails() -> Result<(), Failure> {
    Err(failure())
}

#[test]
fn a_function_that_returns_an_error_logs_it_and_marks_its_span() {
    let telemetry = defaults();
    fails().expect_err("fails");
    let log = &telemetry.logs()[0];
    assert_eq!(log.severity, Some(Severity::Error));
    assert_eq!(log.body, Some("no receipt".into()));
    assert_eq!(log.event_name.as_deref(), Some("exception"));
    assert_eq!(
        log.attribute("exception.message"),
        Some(&"no receipt".into())
    );
    assert_eq!(log.attribute("error"), None);
    let span = telemetry.span("fails");
    assert_eq!(span.status, RecordedStatus::Error("no receipt".into()));
    assert_eq!(log.span, Some(span.context));
}

#[test]
fn error_event_may_be_a_span_event_named_exception() {
    let telemetry = setup(|builder| builder.with_events(Events::SpanEvents));
    fails().expect_err("fails");
    let span = telemetry.span("fails");
    assert_eq!(span.events[0].name, "exception");
    assert_eq!(
        span.events[0].attribute("exception.message"),
        Some(&"no receipt".into())
    );
}

#[test]
fn error_events_can_be_left_unchanged() {
    let telemetry = setup(|builder| {
        builder
            .with_error_events_to_exceptions(false)
            .with_error_events_to_status(false)
    });
    fails().expect_err("fails");
    let log = &telemetry.logs()[0];
    assert_eq!(log.event_name, None);
    assert_eq!(log.attribute("error"), Some(&"no receipt".into()));
    assert_eq!(
        telemetry.span("fails").status,
        RecordedStatus::Error(String::new()),
        "the level still sets an error"
    );
}

#[test]
fn error_beside_a_message_is_an_attribute() {
    let telemetry = defaults();
    info_span!("one").in_scope(|| info!(error = "disk full", "will try again"));
    let log = &telemetry.logs()[0];
    assert_eq!(log.body, Some("will try again".into()));
    assert_eq!(log.attribute("error"), Some(&"disk full".into()));
    assert_eq!(telemetry.span("one").status, RecordedStatus::Unset);
}

#[test]
fn an_error_level_event_marks_its_span_and_keeps_an_earlier_description() {
    let telemetry = defaults();
    info_span!("one").in_scope(|| {
        error!(error = "disk full");
        error!("giving up");
    });
    info_span!("two").in_scope(|| error!("giving up"));
    assert_eq!(
        telemetry.span("one").status,
        RecordedStatus::Error("disk full".into())
    );
    assert_eq!(
        telemetry.span("two").status,
        RecordedStatus::Error(String::new())
    );
}

#[test]
fn a_status_of_ok_is_final() {
    let telemetry = defaults();
    info_span!("one", otel.status_code = "ok").in_scope(|| error!("but"));
    drop(info_span!(
        "two",
        otel.status_code = "ok",
        otel.status_description = "but"
    ));
    drop(info_span!(
        "three",
        otel.status_description = "but",
        otel.status_code = "ok"
    ));
    for name in ["one", "two", "three"] {
        assert_eq!(telemetry.span(name).status, RecordedStatus::Ok, "{name}");
    }
}

#[test]
fn a_status_description_means_an_error_in_either_order() {
    let telemetry = defaults();
    drop(info_span!(
        "one",
        otel.status_code = "ERROR",
        otel.status_description = "sold out"
    ));
    drop(info_span!(
        "two",
        otel.status_description = "sold out",
        otel.status_code = "ERROR"
    ));
    for name in ["one", "two"] {
        assert_eq!(
            telemetry.span(name).status,
            RecordedStatus::Error("sold out".into())
        );
    }
}

#[instrument(ret, err(level = "info"))]
fn divides(by: i64) -> Result<i64, String> {
    12_i64
        .checked_div(by)
        .ok_or_else(|| "division by zero".into())
}

#[test]
fn arguments_and_return_value_are_recorded() {
    let telemetry = defaults();
    divides(4).expect("divides");
    assert_eq!(telemetry.span("divides").attribute("by"), Some(&4.into()));
    let log = &telemetry.logs()[0];
    assert_eq!(log.attribute("return"), Some(&"3".into()));
    assert_eq!(log.body, None);
}

#[test]
fn errors_mark_their_span_if_logs_are_disabled_too() {
    let telemetry = defaults();
    telemetry.set_log_threshold(None);
    fails().expect_err("fails");
    divides(0).expect_err("fails");
    assert_eq!(telemetry.logs(), []);
    assert_eq!(
        telemetry.span("fails").status,
        RecordedStatus::Error("no receipt".into())
    );
    assert_eq!(
        telemetry.span("divides").status,
        RecordedStatus::Error("division by zero".into())
    );
}
