//! Disabled and unrecorded spans and events, and their cost.

use std::cell::Cell;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata, Subscriber as _, debug, debug_span, error, info, info_span, warn};
use tracing_core::Kind;
use tracing_core::callsite::DefaultCallsite;

use super::{defaults, setup};
use crate::subscriber::{Events, Subscriber};
use crate::testing::{RecordedParent, RecordedStatus, Recorder};
use crate::{Severity, Tracer};

static TRACER: Tracer = crate::tracer!();

#[test]
fn disabled_event_is_neither_evaluated_nor_sent() {
    let telemetry = defaults();
    telemetry.set_log_threshold(Some(Severity::Info));
    let evaluated = Cell::new(0);
    let evaluate = || {
        evaluated.set(evaluated.get() + 1);
        evaluated.get()
    };
    // The first event of a target requests its threshold.
    debug!("quiet");
    let _ = telemetry.take_calls();
    for _ in 0..3 {
        debug!(value = evaluate(), "quiet");
    }
    assert_eq!(telemetry.take_calls(), [""; 0]);
    assert_eq!(evaluated.get(), 0);
    assert!(!tracing::enabled!(Level::DEBUG));
    info!(value = evaluate(), "heard");
    assert_eq!(telemetry.take_calls(), ["logger.emit"]);
    assert_eq!(evaluated.get(), 1);
}

#[test]
fn changed_threshold_arrives_with_the_next_call() {
    let telemetry = defaults();
    telemetry.set_log_threshold(Some(Severity::Info));
    let emit = || debug!("quiet, then not");
    emit();
    telemetry.set_log_threshold(Some(Severity::Debug));
    emit();
    assert_eq!(telemetry.logs(), [], "the change is not known yet");
    info_span!("any").in_scope(|| {});
    emit();
    assert_eq!(telemetry.logs().len(), 1);
    telemetry.set_log_threshold(None);
    info_span!("any").in_scope(|| {});
    emit();
    warn!("not either");
    assert_eq!(telemetry.logs().len(), 1);
}

/// Returns the metadata of a callsite that is not registered.
macro_rules! metadata {
    ($kind:ident $level:ident $field:literal) => {{
        static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
        static METADATA: Metadata<'static> = tracing_core::metadata! {
            name: "any",
            target: "shop",
            level: Level::$level,
            fields: &[$field],
            callsite: &CALLSITE,
            kind: Kind::$kind,
        };
        &METADATA
    }};
}

fn cached(
    change: impl FnOnce(crate::subscriber::Builder) -> crate::subscriber::Builder,
) -> Subscriber {
    change(crate::subscriber().with_cached_thresholds(true)).build()
}

#[test]
fn callsites_cache_that_they_are_disabled() {
    let recorder = Recorder::install();
    recorder.set_log_threshold(Some(Severity::Info));
    let subscriber = cached(|builder| builder);
    let debug = metadata!(EVENT DEBUG "message");
    let info = metadata!(EVENT INFO "message");
    let error = metadata!(EVENT ERROR "message");
    let failed = metadata!(EVENT DEBUG "error");
    let span = metadata!(SPAN TRACE "message");
    assert!(subscriber.register_callsite(debug).is_never());
    assert!(subscriber.register_callsite(info).is_always());
    assert!(subscriber.register_callsite(error).is_always());
    assert!(subscriber.register_callsite(span).is_always());
    assert!(subscriber.register_callsite(failed).is_always());
    assert_eq!(
        recorder.take_calls(),
        ["logger.get", "logger.threshold"],
        "asked once for the target"
    );
    recorder.set_log_threshold(None);
    drop(TRACER.start("any"));
    assert!(subscriber.register_callsite(info).is_never());
    assert!(
        subscriber.register_callsite(error).is_always(),
        "it marks its span"
    );
    let plain = cached(|builder| builder.with_error_events_to_status(false));
    assert!(plain.register_callsite(failed).is_never());
    let as_span_events = cached(|builder| builder.with_events(Events::SpanEvents));
    assert!(as_span_events.register_callsite(debug).is_always());
    let quiet = cached(|builder| builder.with_max_level(Level::INFO));
    assert_eq!(quiet.max_level_hint(), Some(LevelFilter::INFO));
    assert!(quiet.register_callsite(span).is_never());
}

#[test]
fn maximum_level_applies_to_spans_and_events() {
    for events in [Events::Logs, Events::SpanEvents, Events::Both] {
        let telemetry = setup(|builder| builder.with_max_level(Level::INFO).with_events(events));
        debug_span!("off").in_scope(|| {
            debug!("off");
            drop(info_span!("on"));
        });
        assert_eq!(telemetry.spans().len(), 1);
        assert_eq!(telemetry.span("on").parent, RecordedParent::None);
        assert_eq!(telemetry.logs(), []);
    }
}

#[test]
fn unrecorded_spans_cost_a_start_each_and_the_outermost_an_exit() {
    let telemetry = defaults();
    info_span!("warm-up").in_scope(|| {});
    telemetry.sample(false);
    telemetry.set_log_threshold(None);
    let _ = telemetry.take_calls();
    let outer = info_span!("outer", items = tracing::field::Empty);
    outer.in_scope(|| {
        info_span!("inner").in_scope(|| info_span!("innermost").in_scope(|| {}));
        outer.record("items", 2);
        outer.follows_from(info_span!("cause"));
    });
    drop(outer);
    let calls = telemetry.take_calls();
    let starts = calls.iter().filter(|call| **call == "tracer.start");
    assert_eq!(starts.count(), 4);
    let calls: Vec<_> = calls
        .into_iter()
        .filter(|call| *call != "tracer.start")
        .collect();
    // The outermost one could have been recorded.
    assert_eq!(calls, ["tracer.ambient", "tracer.now", "tracer.exit"]);
}

#[test]
fn span_within_an_unrecorded_one_is_its_child_with_every_api() {
    let telemetry = defaults();
    telemetry.sample(false);
    let outer = info_span!("outer");
    let trace = outer.in_scope(|| {
        info_span!("inner").in_scope(|| {
            telemetry.sample(true);
            drop(info_span!("tracing"));
            drop(TRACER.start("direct"));
            info!("said");
        });
        use crate::subscriber::SpanExt;
        outer.context().expect("known").trace_id
    });
    assert_eq!(telemetry.span("tracing").context.trace_id, trace);
    assert_eq!(telemetry.span("direct").context.trace_id, trace);
    let log_trace = telemetry.logs()[0].span.as_ref().map(|span| span.trace_id);
    assert_eq!(log_trace, Some(trace));
}

#[test]
fn tracing_without_a_recorder_does_not_panic() {
    let _default = crate::subscriber().set_default();
    info_span!("one", items = 2).in_scope(|| error!("said"));
}

#[test]
fn subscriber_works_with_several_recorders_in_turn() {
    let _default = crate::subscriber().set_default();
    for _ in 0..2 {
        let recorder = Recorder::install();
        info_span!("one").in_scope(|| error!("said"));
        assert_eq!(
            recorder.span("one").status,
            RecordedStatus::Error(String::new())
        );
        assert_eq!(recorder.logs()[0].scope.name, module_path!());
    }
}

macro_rules! log_to_targets {
    ($($target:literal)*) => {
        $(info!(target: $target, "said");)*
    };
}

#[test]
fn targets_share_scopes_below_the_hosts_limit() {
    let telemetry = defaults();
    log_to_targets!("a01" "a02" "a03" "a04" "a05" "a06" "a07" "a08" "a09" "a10" "a11" "a12" "a13" "a14" "a15" "a16" "a17" "a18" "a19" "a20");
    log_to_targets!("b01" "b02" "b03" "b04" "b05" "b06" "b07" "b08" "b09" "b10" "b11" "b12" "b13" "b14" "b15" "b16" "b17" "b18" "b19" "b20");
    log_to_targets!("c1::x" "c1::y" "c2" "c3" "c4" "c5" "c6" "c7" "c8" "c9::x");
    let logs = telemetry.logs();
    let names: Vec<_> = logs.iter().map(|log| log.scope.name.as_str()).collect();
    assert_eq!(names[39], "b20");
    assert_eq!(
        names[40..],
        [
            "c1", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "tracing"
        ]
    );
    assert_eq!(logs[41].attribute("target"), Some(&"c1::y".into()));
    assert_eq!(logs[42].attribute("target"), None);
    assert_eq!(logs[49].attribute("target"), Some(&"c9::x".into()));
    let mut distinct = names;
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 49);
}
