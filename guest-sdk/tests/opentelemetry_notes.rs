//! What the crate `opentelemetry` notes about itself (its default feature `internal-logs`) while it
//! is set up is none of the program's logs.

#![cfg(all(feature = "opentelemetry", feature = "tracing"))]

use opentelemetry::global;
use wasmscope::testing::Recorder;

#[test]
fn setting_up_the_providers_is_not_logged() {
    let recorder = Recorder::install();
    let _telemetry = wasmscope::init();
    assert_eq!(recorder.logs(), []);

    // Its notes do come here, though.
    global::set_tracer_provider(wasmscope::opentelemetry::TracerProvider::new());
    let names: Vec<_> = recorder
        .logs()
        .into_iter()
        .map(|log| log.event_name)
        .collect();
    assert_eq!(names, [Some("TracerProvider.GlobalSet".into())]);
}
