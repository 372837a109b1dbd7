//! All waits end at their deadline, even if the collector does not answer.

use std::sync::Weak;

use wasmscope_telemetry::Reason;
use wasmscope_test_support::Reply;

use super::*;
use crate::pipeline::io::Io;
use crate::pipeline::{DROP_DEADLINE, Flushed};

/// Much longer than a deadline overruns on a busy machine, and shorter than any of the SDK's own
/// timeouts (5 s).
const MARGIN: Duration = Duration::from_secs(3);

fn stuck(protocol: Protocol) -> (Collector, Pipeline) {
    let collector = Collector::start();
    collector.respond_always(Reply::Never);
    let pipeline = build(
        to(&collector, protocol)
            .timeout(Duration::from_secs(3_000))
            .metric_timeout(Duration::from_secs(3_000)),
    );
    one_of_each(&pipeline);
    (collector, pipeline)
}

/// Waits until the sending threads are gone: they hold the last references to the connections.
fn wait_for_threads(io: &Weak<Io>) {
    wait_until("the pipeline's threads end", || io.strong_count() == 0);
}

#[test]
fn flush_keeps_its_deadline_with_a_silent_collector() {
    for protocol in PROTOCOLS {
        let (_collector, pipeline) = stuck(protocol);
        let start = Instant::now();
        assert_eq!(
            pipeline.flush(Duration::from_millis(50)),
            Flushed::TimedOut,
            "{protocol}"
        );
        assert!(
            start.elapsed() < MARGIN,
            "{protocol}: {:?}",
            start.elapsed()
        );
        // A second flush while the first is stuck.
        assert_eq!(
            pipeline.flush(Duration::from_millis(50)),
            Flushed::TimedOut,
            "{protocol}"
        );
        assert!(
            start.elapsed() < MARGIN,
            "{protocol}: {:?}",
            start.elapsed()
        );
        pipeline.shutdown(Duration::ZERO);
    }
}

#[test]
fn shutdown_keeps_its_deadline_and_counts_abandoned_items() {
    for protocol in PROTOCOLS {
        let (collector, pipeline) = stuck(protocol);
        span(&pipeline, "another");
        let start = Instant::now();
        let report = pipeline.shutdown(Duration::from_millis(50));
        assert!(
            start.elapsed() < MARGIN,
            "{protocol}: {:?}",
            start.elapsed()
        );
        assert!(!report.complete);
        assert_eq!(
            (report.traces.abandoned, report.logs.abandoned),
            (2, 1),
            "{protocol}"
        );
        assert!(report.metrics.lost() >= 1, "{report:?}");
        assert_eq!(report.traces.exported, 0);
        let dropped = pipeline.telemetry().dropped();
        assert_eq!(dropped.get(Signal::Traces, Reason::Shutdown), 2);
        assert!(collector.spans().is_empty());

        let io = Arc::downgrade(pipeline.io.as_ref().unwrap());
        drop(pipeline);
        wait_for_threads(&io);
    }
}

#[test]
fn shutdown_deadline_may_exceed_the_sdks() {
    // The SDK's periodic reader ignores its timeout, and stops after 5 s.
    let collector = Collector::start();
    collector.respond_with([Reply::Slow(Duration::from_millis(5_500))]);
    let pipeline = build(to(&collector, Protocol::HttpProtobuf));
    count(&pipeline, "a.counter", 1);
    let report = pipeline.shutdown(PATIENCE);
    assert!(report.complete, "{report:?}");
    assert_eq!(report.lost(), 0, "{report:?}");
    assert_eq!(collector.metric("a.counter").name, "a.counter");
}

#[test]
fn dropping_is_bounded() {
    for protocol in PROTOCOLS {
        let (_collector, pipeline) = stuck(protocol);
        let io = Arc::downgrade(pipeline.io.as_ref().unwrap());
        let start = Instant::now();
        drop(pipeline);
        assert!(
            start.elapsed() < DROP_DEADLINE + MARGIN,
            "{protocol}: {:?}",
            start.elapsed()
        );
        wait_for_threads(&io);
    }
}

#[test]
fn timeout_covers_an_export_with_its_retries() {
    let replies = [
        Reply::Never,
        Reply::status(503),
        Reply::Slow(PATIENCE),
        Reply::Disconnect,
    ];
    for protocol in PROTOCOLS {
        for reply in &replies {
            let collector = Collector::start();
            collector.respond_always(reply.clone());
            let pipeline = build(to(&collector, protocol).timeout(Duration::from_millis(300)));
            span(&pipeline, "a span");
            let start = Instant::now();
            assert_eq!(
                pipeline.flush(PATIENCE),
                Flushed::Failed,
                "{protocol} {reply:?}"
            );
            assert!(
                start.elapsed() < MARGIN,
                "{protocol} {reply:?}: {:?}",
                start.elapsed()
            );
            let report = pipeline.shutdown(PATIENCE);
            assert_eq!(
                (report.traces.failed, report.traces.exported),
                (1, 0),
                "{protocol} {reply:?}"
            );
        }
    }
}

#[test]
fn shorter_of_the_batchs_and_the_exporters_timeout_holds() {
    let collector = Collector::start();
    collector.respond_always(Reply::Never);
    let batches = BatchOptions {
        export_timeout: Some(Duration::from_millis(100)),
        ..BatchOptions::default()
    };
    let pipeline = build(
        to(&collector, Protocol::Grpc)
            .timeout(PATIENCE)
            .log_batches(batches),
    );
    log(&pipeline, "a log");
    let start = Instant::now();
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
    assert!(start.elapsed() < MARGIN);
    let error = pipeline.status().first_error.unwrap();
    assert!(
        error.contains(": no answer within 100ms; unless"),
        "{error}"
    );
}

#[test]
fn recording_does_not_block_on_a_silent_collector() {
    let (_collector, pipeline) = stuck(Protocol::HttpProtobuf);
    let start = Instant::now();
    for _ in 0..10_000 {
        span(&pipeline, "one of many");
        log(&pipeline, "one of many");
    }
    assert!(start.elapsed() < MARGIN, "{:?}", start.elapsed());
    pipeline.shutdown(Duration::ZERO);
}
