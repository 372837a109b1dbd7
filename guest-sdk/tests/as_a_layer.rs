//! A program with the layer beside `fmt`, and a filter for both.

#![cfg(feature = "layer")]

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use wasmscope::testing::{RecordedStatus, Recorder};

#[test]
fn spans_and_logs_reach_the_host_without_a_warning_and_a_panic_marks_its_span() {
    let telemetry = Recorder::install();
    tracing_subscriber::registry()
        .with(EnvFilter::new("info"))
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::sink))
        .with(wasmscope::layer())
        .init();
    let _telemetry = wasmscope::init();
    tracing::info_span!("outer").in_scope(|| {
        tracing::info!("said");
        tracing::debug!("too fine");
        tracing::info_span!("inner").in_scope(|| {});
    });

    let logs = telemetry.logs();
    assert_eq!(logs.len(), 1, "{logs:?}");
    assert_eq!(logs[0].body, Some("said".into()));
    let [outer, inner] = ["outer", "inner"].map(|name| telemetry.span(name));
    assert!(outer.ended && inner.ended && inner.is_child_of(&outer));

    let span = tracing::info_span!("fails");
    let waiting = span.in_scope(|| tracing::info_span!("waits"));
    let fails = std::panic::AssertUnwindSafe(|| span.in_scope(|| panic!("out of tea")));
    let failed = std::panic::catch_unwind(fails);
    assert!(failed.is_err());
    assert_eq!(
        telemetry.span("fails").status,
        RecordedStatus::Error("out of tea".into())
    );
    assert!(
        telemetry
            .span("waits")
            .is_child_of(&telemetry.span("fails"))
    );
    drop((waiting, span));
}
