//! As `opentelemetry_notes`, in a program that sets up the subscriber itself, before `init`.

#![cfg(all(feature = "opentelemetry", feature = "tracing"))]

use wasmscope::testing::Recorder;

#[test]
fn setting_up_the_providers_is_not_logged_by_a_subscriber_that_was_there_first() {
    let recorder = Recorder::install();
    wasmscope::subscriber().init();
    let _telemetry = wasmscope::init();
    assert_eq!(recorder.logs(), []);
}
