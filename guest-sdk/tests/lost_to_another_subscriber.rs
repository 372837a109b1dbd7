//! A program that sets another subscriber, and another logger, before `init`.

#![cfg(all(feature = "tracing", feature = "log"))]

use wasmscope::Severity;
use wasmscope::testing::Recorder;

struct Other;

impl log::Log for Other {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

#[test]
fn each_lost_source_sends_one_warning() {
    let telemetry = Recorder::install();
    tracing_subscriber::fmt().with_writer(std::io::sink).init();
    log::set_logger(&Other).unwrap();
    for _ in 0..2 {
        drop(wasmscope::init());
    }
    tracing::info!("lost");
    let logs = telemetry.logs();
    assert_eq!(logs.len(), 2, "{logs:?}");
    for (log, name) in logs.iter().zip(["`tracing` subscriber", "logger"]) {
        assert_eq!(log.severity, Some(Severity::Warn));
        assert_eq!(log.event_name.as_deref(), Some("wasmscope.warning"));
        assert_eq!(log.scope.name, "wasmscope");
        let body = format!("{:?}", log.body);
        assert!(
            body.contains(name) && body.contains("do not reach the host"),
            "{body}"
        );
    }
}
