//! A program with a registry of tracing-subscriber that sends spans to the host through
//! tracing-opentelemetry.

#![cfg(feature = "opentelemetry")]

use opentelemetry::trace::TracerProvider as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use wasmscope::testing::Recorder;

#[test]
fn spans_go_through_tracing_opentelemetry_without_a_warning() {
    let telemetry = Recorder::install();
    let tracer = wasmscope::opentelemetry::TracerProvider::new().tracer("shop");
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::sink))
        .with(tracing_opentelemetry::layer().with_tracer(tracer))
        .init();
    let _telemetry = wasmscope::init();
    tracing::info_span!("outer").in_scope(|| tracing::info_span!("inner").in_scope(|| {}));

    assert!(telemetry.logs().is_empty(), "{:?}", telemetry.logs());
    let [outer, inner] = ["outer", "inner"].map(|name| telemetry.span(name));
    assert!(outer.ended && inner.ended);
    assert_eq!(inner.context.trace_id, outer.context.trace_id);
}
