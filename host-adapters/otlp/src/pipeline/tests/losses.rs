//! Losses are counted, and reported once.

use wasmscope_telemetry::Reason;
use wasmscope_test_support::Reply;

use super::*;
use crate::config::TemporalityPreference;
use crate::pipeline::Flushed;

#[test]
fn full_queue_drops_exactly_the_excess() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.respond_always(Reply::Never);
        let batches = BatchOptions {
            queue_size: Some(4),
            batch_size: Some(2),
            delay: Some(Duration::from_secs(3_600)),
            ..BatchOptions::default()
        };
        let config = to(&collector, protocol)
            .span_batches(batches)
            .log_batches(batches)
            .timeout(Duration::from_secs(3_000));
        let pipeline = build(config);
        // The first batch stays in its export.
        for _ in 0..2 {
            span(&pipeline, "first");
            log(&pipeline, "first");
        }
        for signal in [Signal::Traces, Signal::Logs] {
            let signal = support_signal(signal);
            collector.wait_for(|c| c.attempts_for(signal) == 1, PATIENCE);
        }
        for _ in 0..10 {
            span(&pipeline, "later");
            log(&pipeline, "later");
        }
        let report = pipeline.shutdown(Duration::from_millis(50));
        for signal in [Signal::Traces, Signal::Logs] {
            let one = report.signal(signal);
            assert_eq!(
                (one.queue_full, one.abandoned, one.exported, one.failed),
                (6, 6, 0, 0),
                "{protocol}"
            );
            assert_eq!(
                pipeline
                    .telemetry()
                    .dropped()
                    .get(signal, Reason::QueueFull),
                6
            );
        }
    }
}

#[test]
fn concurrent_recording_loses_nothing_within_the_queue_size() {
    let collector = Collector::start();
    let pipeline = build(
        to(&collector, Protocol::HttpProtobuf).span_batches(BatchOptions {
            queue_size: Some(10_000),
            batch_size: Some(100),
            ..BatchOptions::default()
        }),
    );
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| span(&pipeline, "one of many")));
        }
    });
    let report = pipeline.shutdown(PATIENCE);
    assert_eq!((report.traces.exported, report.traces.lost()), (2_000, 0));
    assert_eq!(collector.spans().len(), 2_000);
}

#[test]
fn retry_after_is_honoured() {
    for protocol in PROTOCOLS {
        for code in [429, 503] {
            let collector = Collector::start();
            let wait = Duration::from_secs(1);
            collector.respond_with([Reply::retry_after(code, wait)]);
            let warnings = Warnings::default();
            let pipeline = build(to(&collector, protocol).on_warning(warnings.hook()));
            span(&pipeline, "a span");
            assert_eq!(
                pipeline.flush(PATIENCE),
                Flushed::Delivered,
                "{protocol} {code}"
            );
            let requests = collector.requests();
            let [first, second] = requests.as_slice() else {
                panic!("{protocol} {code}: {} requests", requests.len());
            };
            assert!(
                second.at.duration_since(first.at) >= wait,
                "{protocol} {code}"
            );
            let report = pipeline.shutdown(PATIENCE);
            assert_eq!((report.traces.exported, report.lost()), (1, 0));
            assert_eq!(
                warnings.get(),
                Vec::<String>::new(),
                "what a retry got over is no failure"
            );
        }
    }
}

#[test]
fn retry_after_beyond_the_timeout_is_not_waited_for() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.respond_always(Reply::retry_after(429, Duration::from_secs(600)));
        let pipeline = build(to(&collector, protocol).timeout(Duration::from_secs(15)));
        span(&pipeline, "a span");
        let start = Instant::now();
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{protocol}");
        assert!(start.elapsed() < Duration::from_secs(5), "{protocol}");
        let attempts = collector.attempts_for(support_signal(Signal::Traces));
        assert_eq!(attempts, 1, "{protocol}");
    }
}

#[test]
fn transient_errors_lose_nothing() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.respond_with([Reply::status(503), Reply::Disconnect, Reply::status(502)]);
        let pipeline = build(to(&collector, protocol));
        log(&pipeline, "a log");
        assert_eq!(
            pipeline.flush(PATIENCE),
            Flushed::Delivered,
            "{protocol}: {:?}",
            pipeline.status()
        );
        let attempts = collector.attempts_for(support_signal(Signal::Logs));
        assert_eq!(attempts, 4, "{protocol}");
        assert_eq!(collector.logs().len(), 1);
    }
}

#[test]
fn permanent_errors_are_not_retried() {
    for protocol in PROTOCOLS {
        for code in [400, 401, 403, 404, 307] {
            let collector = Collector::start();
            collector.respond_always(Reply::status(code));
            let pipeline = build(to(&collector, protocol));
            span(&pipeline, "a span");
            assert_eq!(
                pipeline.flush(PATIENCE),
                Flushed::Failed,
                "{protocol} {code}"
            );
            let status = pipeline.status();
            let attempts = collector.attempts_for(support_signal(Signal::Traces));
            assert_eq!(attempts, 1, "{protocol} {code}: {status:?}");
        }
    }
}

#[test]
fn failed_exports_are_counted_and_reported_once() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.respond_always(Reply::status(400));
        let warnings = Warnings::default();
        let pipeline = build(to(&collector, protocol).on_warning(warnings.hook()));
        span(&pipeline, "a span");
        span(&pipeline, "another");
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
        log(&pipeline, "a log");
        count(&pipeline, "a.counter", 1);
        let report = pipeline.shutdown(PATIENCE);
        assert!(report.complete, "it was all tried");
        assert_eq!(
            (report.traces.failed, report.logs.failed),
            (2, 1),
            "{protocol}"
        );
        assert!(report.metrics.failed >= 1);
        let dropped = pipeline.telemetry().dropped();
        assert_eq!(dropped.get(Signal::Traces, Reason::ExportFailed), 2);
        assert_eq!(dropped.get(Signal::Logs, Reason::ExportFailed), 1);

        let warnings = warnings.get();
        assert_eq!(warnings.len(), 1, "{protocol}: {warnings:?}");
        assert!(
            warnings[0].starts_with("cannot send traces to http://127.0.0.1:"),
            "{warnings:?}"
        );
        assert_eq!(report.first_error, Some(warnings[0].clone()));
    }
}

#[test]
fn configuration_warnings_are_reported_once_and_nothing_is_sent_elsewhere() {
    let collector = Collector::start();
    let warnings = Warnings::default();
    let address = collector.endpoint_http();
    let address = address.trim_start_matches("http://").to_owned();
    let env = move |name: &str| match name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(address.clone().into()),
        "OTEL_EXPORTER_OTLP_HEADERS" => Some("authorization=secret".into()),
        _ => None,
    };
    let config = Config::builder().with_env(env).on_warning(warnings.hook());
    let pipeline = build(config);
    assert!(pipeline.providers.tracer.is_none());
    let instance = pipeline.telemetry().instance("shop");
    drop(instance);
    let report = pipeline.shutdown(PATIENCE);
    assert_eq!(report.lost(), 0);
    let messages = warnings.get();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(
        messages[0].starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: expected a URL"),
        "{messages:?}"
    );
    assert!(
        messages[0].ends_with("traces, metrics and logs are not exported"),
        "{messages:?}"
    );
    assert_eq!(collector.connections(), 0);
}

#[test]
fn refused_connection_is_reported() {
    for protocol in PROTOCOLS {
        let collector = Collector::refusing();
        let pipeline = build(to(&collector, protocol).timeout(Duration::from_secs(2)));
        span(&pipeline, "a span");
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{protocol}");
        let error = pipeline.status().first_error.unwrap();
        assert!(
            error.to_lowercase().contains("connection refused"),
            "{protocol}: {error}"
        );
    }
}

#[test]
fn collector_that_comes_up_in_time_gets_everything() {
    for protocol in PROTOCOLS {
        let collector = Collector::refusing();
        let pipeline = build(to(&collector, protocol));
        one_of_each(&pipeline);
        std::thread::scope(|scope| {
            let flushed = scope.spawn(|| pipeline.flush(PATIENCE));
            wait_until("an export is under way", || {
                pipeline.stats.get(Signal::Traces).unsettled() > 0
            });
            collector.accept_connections();
            assert_eq!(
                flushed.join().unwrap(),
                Flushed::Delivered,
                "{protocol}: {:?}",
                pipeline.status()
            );
        });
        assert_one_of_each(&collector);
    }
}

#[test]
fn failed_cumulative_export_is_not_lost_if_a_later_one_succeeds() {
    let collector = Collector::start();
    let metrics = support_signal(Signal::Metrics);
    collector.respond_to(metrics, [Reply::status(400)]);
    let pipeline = build(to(&collector, Protocol::HttpProtobuf));
    count(&pipeline, "a.counter", 3);
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
    let report = pipeline.shutdown(PATIENCE);
    assert_eq!(report.lost(), 0, "{report}");
    assert_eq!(collector.metric("a.counter").name, "a.counter");
}

#[test]
fn failed_delta_export_is_lost() {
    let collector = Collector::start();
    collector.respond_with([Reply::status(400)]);
    let config = to(&collector, Protocol::HttpProtobuf).temporality(TemporalityPreference::Delta);
    let pipeline = build(config);
    count(&pipeline, "a.counter", 3);
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
    let report = pipeline.shutdown(PATIENCE);
    assert!(report.metrics.failed >= 1, "{report:?}");
}

#[test]
fn partial_success_is_counted() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let warnings = Warnings::default();
        let pipeline = build(to(&collector, protocol).on_warning(warnings.hook()));
        for signal in Signal::ALL {
            collector.respond_to(support_signal(signal), [Reply::partial(1, "too old")]);
        }
        one_of_each(&pipeline);
        let report = pipeline.shutdown(PATIENCE);
        for signal in Signal::ALL {
            assert_eq!(report.signal(signal).rejected, 1, "{protocol} {signal:?}");
        }
        assert_eq!(
            pipeline
                .telemetry()
                .dropped()
                .get(Signal::Logs, Reason::ExportFailed),
            1
        );
        assert_eq!(warnings.get().len(), 1);
        assert!(
            warnings.get()[0].ends_with("the collector rejected 1 item: too old"),
            "{:?}",
            warnings.get()
        );
    }
}

#[test]
fn credentials_echoed_by_a_collector_are_redacted() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let words = "no key s3cr3t-t0k3n, nor Bearer s3cr3t-t0k3n-2";
        collector.respond_to(support_signal(Signal::Traces), [Reply::partial(1, words)]);
        let headers = "authorization=Bearer%20s3cr3t-t0k3n-2,api-key=s3cr3t-t0k3n";
        let pipeline = build(to(&collector, protocol).headers(headers.parse().unwrap()));
        span(&pipeline, "a span");
        let message = pipeline.shutdown(PATIENCE).first_error.unwrap();
        assert!(
            message.ends_with("no key [redacted], nor Bearer [redacted]"),
            "{protocol}: {message}"
        );
    }
}

#[test]
fn hostile_collector_text_is_bounded_and_escaped() {
    for protocol in PROTOCOLS {
        for (rejected, counted) in [
            (i64::MAX, 2),
            (3, 2),
            (2, 2),
            (0, 0),
            (-1, 0),
            (i64::MIN, 0),
        ] {
            let collector = Collector::start();
            let warnings = Warnings::default();
            let pipeline = build(to(&collector, protocol).on_warning(warnings.hook()));
            let words = format!("\u{1b}[2J\n{}", "x".repeat(9_999));
            let traces = support_signal(Signal::Traces);
            collector.respond_to(traces, [Reply::partial(rejected, words)]);
            span(&pipeline, "a span");
            span(&pipeline, "a span");
            let report = pipeline.shutdown(PATIENCE);
            assert_eq!(report.traces.rejected, counted, "{protocol} {rejected}");
            assert_eq!(report.traces.lost(), counted, "{protocol} {rejected}");
            let messages = warnings.get();
            let [warning] = messages.as_slice() else {
                panic!("{protocol} {rejected}: {messages:?}");
            };
            assert!(!warning.contains(char::is_control), "{warning:?}");
            assert!(warning.len() < 400, "{warning}");
            let expected = if counted == 0 {
                "accepted the traces with a warning: \\u{1b}[2J\\nxxx"
            } else {
                "the collector rejected 2 items: \\u{1b}[2J\\nxxx"
            };
            assert!(
                warning.contains(expected),
                "{protocol} {rejected}: {warning}"
            );
        }
    }
}

#[test]
fn losses_are_exported_as_a_metric() {
    let collector = Collector::start();
    collector.respond_to(support_signal(Signal::Traces), [Reply::status(400)]);
    let pipeline = build(to(&collector, Protocol::HttpProtobuf));
    span(&pipeline, "a span");
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
    pipeline.flush(PATIENCE);
    collector.wait_for(
        |c| {
            c.metrics()
                .iter()
                .any(|metric| metric.name == "wasmscope.dropped")
        },
        PATIENCE,
    );
}

#[test]
fn exports_and_warnings_run_off_the_recording_thread() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.respond_always(Reply::status(400));
        let (sender, threads) = std::sync::mpsc::channel();
        let batches = BatchOptions {
            batch_size: Some(1),
            ..BatchOptions::default()
        };
        let hook = move |_: &str| sender.send(std::thread::current().id()).unwrap();
        let pipeline = build(
            to(&collector, protocol)
                .span_batches(batches)
                .on_warning(hook),
        );
        span(&pipeline, "a span");
        let exporting = threads.recv_timeout(PATIENCE).unwrap();
        assert_ne!(exporting, std::thread::current().id(), "{protocol}");
    }
}
