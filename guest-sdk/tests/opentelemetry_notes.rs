//! The crate `opentelemetry` logs about its own set-up (its default feature `internal-logs`). These
//! events must not become logs of the program.

#![cfg(all(feature = "opentelemetry", feature = "tracing"))]

use opentelemetry::global;
use wasmscope::testing::Recorder;

#[test]
fn setting_up_the_providers_is_not_logged() {
    let recorder = Recorder::install();
    let _telemetry = wasmscope::init();
    assert_eq!(recorder.logs(), []);

    // Its other events do arrive.
    global::set_tracer_provider(wasmscope::opentelemetry::TracerProvider::new());
    let names: Vec<_> = recorder
        .logs()
        .into_iter()
        .map(|log| log.event_name)
        .collect();
    assert_eq!(names, [Some("TracerProvider.GlobalSet".into())]);
}
