//! A program that puts a filter of tracing-subscriber on top of the subscriber.

#![cfg(feature = "tracing")]

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use wasmscope::testing::Recorder;

#[test]
fn filter_applies_and_the_rest_reaches_the_host() {
    let telemetry = Recorder::install();
    let wanted = Targets::new().with_target("shop", tracing::Level::INFO);
    wasmscope::subscriber().build().with(wanted).init();
    let _telemetry = wasmscope::init();
    let _again = wasmscope::init();
    tracing::info_span!(target: "shop", "wanted").in_scope(|| {
        tracing::info!(target: "shop", "said");
        tracing::debug!(target: "shop", "too fine");
    });
    drop(tracing::info_span!("unwanted"));

    assert!(telemetry.span("wanted").ended);
    assert_eq!(telemetry.spans().len(), 1);
    let logs = telemetry.logs();
    let [log] = logs.as_slice() else {
        panic!("one log, not {logs:?}");
    };
    assert_eq!(log.body, Some("said".into()));
}
