//! Exports do not wait for an unreachable collector, and lose nothing once it is back.

use wasmscope_telemetry::Reason;
use wasmscope_test_support::Reply;

use super::*;
use crate::pipeline::Flushed;

/// Much longer than refused connections take, and shorter than the waits between the retries of a
/// single batch (0.7 s).
const SOON: Duration = Duration::from_millis(300);

const BATCHES: u64 = 10;

/// Sends a batch for every two items.
fn in_small_batches(collector: &Collector, protocol: Protocol) -> ConfigBuilder {
    let batches = BatchOptions {
        batch_size: Some(2),
        delay: Some(Duration::from_secs(3_600)),
        ..BatchOptions::default()
    };
    to(collector, protocol)
        .span_batches(batches)
        .log_batches(batches)
}

fn several_batches_of_each(pipeline: &Pipeline) {
    for _ in 0..BATCHES * 2 {
        span(pipeline, "one of many");
        log(pipeline, "one of many");
    }
    count(pipeline, "a.counter", 1);
}

fn assert_all_failed(pipeline: &Pipeline, report: &crate::pipeline::Report, protocol: Protocol) {
    assert!(report.complete, "{protocol}: {report:?}");
    for signal in [Signal::Traces, Signal::Logs] {
        let one = report.signal(signal);
        assert_eq!(
            (one.failed, one.lost(), one.exported),
            (BATCHES * 2, BATCHES * 2, 0),
            "{protocol}: {report:?}"
        );
        let dropped = pipeline.telemetry().dropped();
        assert_eq!(dropped.get(signal, Reason::ExportFailed), BATCHES * 2);
    }
    assert!(report.metrics.failed >= 1, "{protocol}: {report:?}");
}

#[test]
fn shutdown_does_not_wait_for_refused_connections() {
    for protocol in PROTOCOLS {
        let collector = Collector::refusing();
        let warnings = Warnings::default();
        let pipeline = build(in_small_batches(&collector, protocol).on_warning(warnings.hook()));
        several_batches_of_each(&pipeline);
        let start = Instant::now();
        let report = pipeline.shutdown(PATIENCE);
        let took = start.elapsed();
        assert!(took < SOON, "{protocol}: {took:?}");
        assert_all_failed(&pipeline, &report, protocol);
        let warnings = warnings.get();
        assert_eq!(warnings.len(), 1, "{protocol}: {warnings:?}");
        assert!(
            warnings[0].to_lowercase().contains("connection refused"),
            "{protocol}: {warnings:?}"
        );
    }
}

#[test]
fn shutdown_waits_once_for_a_silent_collector() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.respond_always(Reply::Never);
        let timeout = Duration::from_millis(500);
        let pipeline = build(
            in_small_batches(&collector, protocol)
                .timeout(timeout)
                .metric_timeout(timeout),
        );
        several_batches_of_each(&pipeline);
        let start = Instant::now();
        let report = pipeline.shutdown(PATIENCE);
        let took = start.elapsed();
        // One batch of each signal may have been in flight before.
        assert!(took < timeout * 4, "{protocol}: {took:?}");
        assert_all_failed(&pipeline, &report, protocol);
    }
}

#[test]
fn unreachable_collector_is_tried_once_per_export_until_it_is_back() {
    for protocol in PROTOCOLS {
        let collector = Collector::refusing();
        let pipeline = build(to(&collector, protocol));
        span(&pipeline, "lost");
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{protocol}");

        // The log's export is the first of its signal.
        log(&pipeline, "lost");
        let start = Instant::now();
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{protocol}");
        let took = start.elapsed();
        assert!(took < SOON, "{protocol}: {took:?}");

        // A collector that is reachable but fails once is retried.
        collector.accept_connections();
        for signal in Signal::ALL {
            collector.respond_to(support_signal(signal), [Reply::status(503)]);
        }
        one_of_each(&pipeline);
        let flushed = pipeline.flush(PATIENCE);
        assert_eq!(
            flushed,
            Flushed::Delivered,
            "{protocol}: {:?}",
            pipeline.status()
        );
        assert_one_of_each(&collector);

        // A collector that was reachable and is briefly away is retried too.
        collector.refuse_connections();
        span(&pipeline, "another span");
        std::thread::scope(|scope| {
            let flushed = scope.spawn(|| pipeline.flush(PATIENCE));
            wait_until("an export is under way", || {
                let stats = pipeline.stats.get(Signal::Traces);
                stats.unsettled() > 0
            });
            collector.accept_connections();
            assert_eq!(
                flushed.join().unwrap(),
                Flushed::Delivered,
                "{protocol}: {:?}",
                pipeline.status()
            );
        });
        let report = pipeline.shutdown(PATIENCE);
        assert_eq!(
            (
                report.traces.exported,
                report.traces.lost(),
                report.logs.lost()
            ),
            (2, 1, 1),
            "{protocol}: {report:?}"
        );
    }
}
