//! A program with its own logger in front of the bridge.

#![cfg(feature = "log")]

use wasmscope::log::Bridge;
use wasmscope::testing::Recorder;

struct Front(Bridge);

impl log::Log for Front {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.log(record);
    }

    fn flush(&self) {}
}

#[test]
fn no_warning_is_sent() {
    let telemetry = Recorder::install();
    static FRONT: Front = Front(Bridge::new());
    log::set_logger(&FRONT).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let _telemetry = wasmscope::init();
    log::info!("said");
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 1, "{logs:?}");
    assert_eq!(logs[0].body, Some("said".into()));
}
