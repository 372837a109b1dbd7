//! The same as `opentelemetry_notes`, in a program that sets up the subscriber before `init`.

#![cfg(all(feature = "opentelemetry", feature = "tracing"))]

use wasmscope::testing::Recorder;

#[test]
fn setting_up_the_providers_is_not_logged_by_an_existing_subscriber() {
    let recorder = Recorder::install();
    wasmscope::subscriber().init();
    let _telemetry = wasmscope::init();
    assert_eq!(recorder.logs(), []);
}
