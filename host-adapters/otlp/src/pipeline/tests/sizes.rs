//! Requests stay within the configured size, or a collector's own limit.

use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use wasmscope_telemetry::Reason;
use wasmscope_test_support::Reply;

use super::*;
use crate::config::{Compression, RequestSize, TemporalityPreference};
use crate::pipeline::Flushed;

const FLAGS: &[(&str, &str)] = &[("max_request_size", "--otlp-max-request-size")];

/// Returns settings with requests of at most `bytes`.
fn limited(collector: &Collector, protocol: Protocol, bytes: usize) -> ConfigBuilder {
    to(collector, protocol)
        .max_request_size(RequestSize::new(bytes).unwrap())
        .flags(FLAGS)
}

fn large_span(pipeline: &Pipeline, name: &'static str, bytes: usize) {
    let provider = pipeline.providers.tracer.as_ref().unwrap();
    let mut span = provider.tracer("test").start(name);
    span.set_attribute(KeyValue::new("large", "x".repeat(bytes)));
    span.end();
}

fn large_log(pipeline: &Pipeline, name: &'static str, bytes: usize) {
    let logger = pipeline.providers.logger.as_ref().unwrap().logger("test");
    let mut record = logger.create_log_record();
    record.set_event_name(name);
    record.set_body("x".repeat(bytes).into());
    record.set_severity_number(Severity::Warn);
    logger.emit(record);
}

/// Adds `series` data points of `bytes` each to one counter.
fn large_points(pipeline: &Pipeline, name: &'static str, series: usize, bytes: usize) {
    let meter = pipeline.providers.meter.as_ref().unwrap().meter("test");
    let counter = meter.u64_counter(name).build();
    for index in 0..series {
        let value = format!("{index}{}", "x".repeat(bytes));
        counter.add(1, &[KeyValue::new("large", value)]);
    }
}

/// Returns the sizes of a signal's requests as counted by the collector.
fn sizes(collector: &Collector, signal: Signal) -> Vec<usize> {
    let requests = collector.requests();
    let of_signal = requests
        .iter()
        .filter(|request| request.signal() == support_signal(signal));
    of_signal.map(|request| request.size).collect()
}

fn points_of(metric: &Metric) -> usize {
    match metric.data.as_ref().unwrap() {
        Data::Gauge(data) => data.data_points.len(),
        Data::Sum(data) => data.data_points.len(),
        Data::Histogram(data) => data.data_points.len(),
        Data::ExponentialHistogram(data) => data.data_points.len(),
        Data::Summary(data) => data.data_points.len(),
    }
}

fn points(collector: &Collector, name: &str) -> usize {
    let metrics = collector.metrics();
    let named = metrics.iter().filter(|metric| metric.name == name);
    named.map(|metric| points_of(metric)).sum()
}

#[test]
fn batches_are_divided_by_their_encoded_size() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::start();
            collector.refuse_above(100_000);
            let config = limited(&collector, protocol, 100_000).compression(compression);
            let pipeline = build(config);
            for _ in 0..50 {
                large_span(&pipeline, "a span", 10_000);
                large_log(&pipeline, "an event", 10_000);
            }
            large_points(&pipeline, "a.counter", 50, 10_000);
            let report = pipeline.shutdown(PATIENCE);
            assert_eq!(report.lost(), 0, "{protocol}: {report}");
            assert_eq!((report.traces.exported, report.logs.exported), (50, 50));
            assert_eq!(collector.spans().len(), 50, "{protocol}");
            assert_eq!(collector.logs().len(), 50, "{protocol}");
            assert_eq!(points(&collector, "a.counter"), 50, "{protocol}");
            for signal in Signal::ALL {
                let sizes = sizes(&collector, signal);
                // Nine items fit into a request.
                assert!(
                    (6..=7).contains(&sizes.len()),
                    "{protocol} {signal:?}: {sizes:?}"
                );
                assert!(sizes.iter().all(|size| *size <= 100_000), "{sizes:?}");
            }
        }
    }
}

#[test]
fn request_of_exactly_the_limit_is_not_divided() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let pipeline = build(to(&collector, protocol));
        (0..20).for_each(|_| large_span(&pipeline, "a span", 1_000));
        pipeline.shutdown(PATIENCE);
        let [size] = sizes(&collector, Signal::Traces)[..] else {
            panic!("{protocol}: several requests");
        };
        for (limit, requests) in [(size, 1), (size - 1, 2)] {
            let collector = Collector::start();
            let pipeline = build(limited(&collector, protocol, limit));
            (0..20).for_each(|_| large_span(&pipeline, "a span", 1_000));
            assert_eq!(pipeline.shutdown(PATIENCE).lost(), 0);
            let sizes = sizes(&collector, Signal::Traces);
            assert_eq!(sizes.len(), requests, "{protocol} {limit}: {sizes:?}");
        }
    }
}

#[test]
fn oversized_item_alone_is_dropped_named_and_counted() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let warnings = Warnings::default();
        let config = limited(&collector, protocol, 50_000).on_warning(warnings.hook());
        let pipeline = build(config);
        for _ in 0..3 {
            span(&pipeline, "a span");
            large_span(&pipeline, "a large\nspan", 60_000);
            log(&pipeline, "a log");
            large_log(&pipeline, "a large event", 60_000);
        }
        count(&pipeline, "a.counter", 3);
        large_points(&pipeline, "a.large.counter", 2, 60_000);
        let report = pipeline.shutdown(PATIENCE);
        let dropped = pipeline.telemetry().dropped();
        for (signal, exported, too_large) in [
            (Signal::Traces, 3, 3),
            (Signal::Logs, 3, 3),
            (Signal::Metrics, 1, 2),
        ] {
            let one = report.signal(signal);
            assert_eq!(
                (one.too_large, one.lost()),
                (too_large, too_large),
                "{protocol} {signal:?}"
            );
            assert!(one.exported >= exported, "{protocol} {signal:?}: {one:?}");
            assert_eq!(dropped.get(signal, Reason::TooLarge), too_large);
            assert_eq!(dropped.total(signal), too_large);
        }
        assert_eq!(collector.spans().len(), 3, "{protocol}");
        assert_eq!(sizes(&collector, Signal::Traces).len(), 1, "{protocol}");
        assert_eq!(collector.logs().len(), 3, "{protocol}");
        assert_eq!(points_of(&collector.metric("a.counter")), 1);
        let names = |signal| {
            let snapshot = dropped.snapshot();
            let mut lines = snapshot.into_iter();
            let line = lines.find(|line| line.signal == signal && line.reason == Reason::TooLarge);
            line.unwrap().names.join(",")
        };
        assert_eq!(names(Signal::Traces), "a large\\nspan");
        assert_eq!(names(Signal::Logs), "a large event");
        assert_eq!(names(Signal::Metrics), "a.large.counter");
        let messages = warnings.get();
        assert_eq!(messages.len(), 3, "one for each signal: {messages:?}");
        let about = messages
            .iter()
            .find(|warning| warning.contains("span"))
            .unwrap();
        for words in [
            "cannot send the span \"a large\\nspan\" to http://127.0.0.1",
            "and a request may have 50000 bytes; to raise that",
            "set --otlp-max-request-size or WASMSCOPE_OTLP_MAX_REQUEST_SIZE",
        ] {
            assert!(about.contains(words), "{about}");
        }
        assert!(
            report
                .to_string()
                .contains("3 of 6 spans lost: too large to send"),
            "{report}"
        );
    }
}

#[test]
fn item_that_fits_without_its_resource_is_reported_as_such() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let warnings = Warnings::default();
        let config = limited(&collector, protocol, 4_096)
            .resource_attribute("large", "x".repeat(3_000))
            .on_warning(warnings.hook());
        let pipeline = build(config);
        large_span(&pipeline, "a span", 1_500);
        large_log(&pipeline, "an event", 1_500);
        large_points(&pipeline, "a.counter", 1, 1_500);
        let report = pipeline.shutdown(PATIENCE);
        assert_eq!(report.traces.too_large, 1, "{protocol}: {report}");
        let messages = warnings.get();
        for (item, around) in [
            ("span \"a span\"", "resource and scope"),
            ("\"an event\"", "resource and scope"),
            ("\"a.counter\"", "resource, scope and metric"),
        ] {
            let about = messages.iter().find(|warning| warning.contains(item));
            let about = about.unwrap_or_else(|| panic!("{protocol}: {item} in {messages:?}"));
            let number = |after: &str| -> usize {
                let (_, rest) = about.split_once(after).unwrap();
                let digits = rest.split(|next: char| !next.is_ascii_digit()).next();
                digits.unwrap().parse().unwrap()
            };
            let own = number("it takes ");
            let around = number(&format!("bytes, its {around} "));
            assert!((1_500..3_000).contains(&own), "{about}");
            assert!((3_000..4_000).contains(&around), "{about}");
            assert!(own + around > 4_096, "{about}");
            let advice =
                "and a request may have 4096 bytes; to raise that, set --otlp-max-request-size";
            assert!(about.contains(advice), "{about}");
            let advice = "or shorten the attributes of the resource (OTEL_RESOURCE_ATTRIBUTES)";
            assert!(about.ends_with(advice), "{about}");
        }
    }
}

#[test]
fn item_over_the_collectors_limit_is_named_with_its_request_size() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.refuse_above(30_000);
        let warnings = Warnings::default();
        let config = to(&collector, protocol)
            .resource_attribute("large", "x".repeat(10_000))
            .on_warning(warnings.hook());
        let pipeline = build(config);
        large_span(&pipeline, "a span", 25_000);
        pipeline.shutdown(PATIENCE);
        let messages = warnings.get().join("\n");
        let words = "a request with this item alone takes 3";
        assert!(messages.contains(words), "{protocol}: {messages}");
    }
}

#[test]
fn collector_with_a_lower_limit_gets_smaller_requests() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.refuse_above(30_000);
        let warnings = Warnings::default();
        let pipeline = build(to(&collector, protocol).on_warning(warnings.hook()));
        for _ in 0..100 {
            large_span(&pipeline, "a span", 1_000);
            large_log(&pipeline, "an event", 1_000);
        }
        large_points(&pipeline, "a.counter", 100, 1_000);
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered, "{protocol}");
        let first = collector.attempts_for(support_signal(Signal::Traces));
        assert!(first <= 16, "{protocol}: {first} requests");
        // The collector's limit is remembered.
        (0..100).for_each(|_| large_span(&pipeline, "a span", 1_000));
        let report = pipeline.shutdown(PATIENCE);
        let again = collector.attempts_for(support_signal(Signal::Traces)) - first;
        assert!(again < first, "{protocol}: {first}, then {again} requests");
        assert_eq!(report.lost(), 0, "{protocol}: {report}");
        assert_eq!(report.traces.exported, 200);
        assert_eq!(collector.spans().len(), 200, "{protocol}");
        assert_eq!(collector.logs().len(), 100, "{protocol}");
        assert!(points(&collector, "a.counter") >= 100, "{protocol}");
        assert_eq!(warnings.get(), Vec::<String>::new(), "{protocol}");
    }
}

#[test]
fn item_over_the_collectors_limit_alone_is_dropped() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.refuse_above(30_000);
        let pipeline = build(to(&collector, protocol));
        for _ in 0..40 {
            // More than the number of refusals that end an export.
            large_span(&pipeline, "a large span", 80_000);
        }
        span(&pipeline, "a span");
        log(&pipeline, "a log");
        large_log(&pipeline, "a large event", 40_000);
        let report = pipeline.shutdown(PATIENCE);
        assert_eq!(
            (report.traces.too_large, report.traces.exported),
            (40, 1),
            "{protocol}: {report}"
        );
        assert_eq!(
            (report.logs.too_large, report.logs.exported),
            (1, 1),
            "{protocol}: {report}"
        );
        assert_eq!(report.lost(), 41);
        assert_eq!(collector.span("a span").name, "a span");
    }
}

#[test]
fn collector_that_refuses_every_size_ends_the_export() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.refuse_above(0);
        let pipeline = build(to(&collector, protocol));
        (0..400).for_each(|_| span(&pipeline, "a span"));
        let report = pipeline.shutdown(PATIENCE);
        let lost = report.traces;
        assert_eq!(
            (lost.exported, lost.lost()),
            (0, 400),
            "{protocol}: {lost:?}"
        );
        let attempts = collector.attempts_for(support_signal(Signal::Traces));
        assert!(attempts <= 24, "{protocol}: {attempts} requests");
    }
}

#[test]
fn status_413_means_too_large() {
    for protocol in [Protocol::HttpProtobuf, Protocol::HttpJson] {
        let collector = Collector::start();
        collector.respond_with([Reply::status(413), Reply::status(413)]);
        let pipeline = build(to(&collector, protocol));
        (0..100).for_each(|_| span(&pipeline, "a span"));
        assert_eq!(pipeline.shutdown(PATIENCE).lost(), 0, "{protocol}");
        assert_eq!(collector.spans().len(), 100, "{protocol}");
        let attempts = collector.attempts_for(support_signal(Signal::Traces));
        // The whole, a half, a quarter, and the rests of these.
        assert!((6..=9).contains(&attempts), "{protocol}: {attempts}");
    }
}

#[test]
fn quota_error_does_not_mean_too_large() {
    let collector = Collector::start();
    collector.respond_always(Reply::status(429));
    let pipeline = build(to(&collector, Protocol::Grpc));
    (0..400).for_each(|_| span(&pipeline, "a span"));
    let report = pipeline.shutdown(PATIENCE);
    assert_eq!((report.traces.failed, report.traces.too_large), (400, 0));
    let attempts = collector.attempts_for(support_signal(Signal::Traces));
    assert!(attempts <= 4, "{attempts} requests");

    // Without a reason the cause may be the size, so halving is tried.
    let collector = Collector::start();
    collector.respond_with([Reply::status(429), Reply::status(429)]);
    let pipeline = build(to(&collector, Protocol::Grpc));
    (0..400).for_each(|_| span(&pipeline, "a span"));
    assert_eq!(pipeline.shutdown(PATIENCE).lost(), 0);
    assert_eq!(collector.spans().len(), 400);
}

#[test]
fn too_large_series_counts_once_over_all_exports() {
    for protocol in PROTOCOLS {
        for (temporality, counted, again) in [
            (TemporalityPreference::Cumulative, 2, Flushed::Delivered),
            (TemporalityPreference::Delta, 4, Flushed::Failed),
        ] {
            let collector = Collector::start();
            let config = limited(&collector, protocol, 50_000).temporality(temporality);
            let pipeline = build(config);
            for expected in [Flushed::Failed, again] {
                count(&pipeline, "a.counter", 1);
                large_points(&pipeline, "a.large.counter", 2, 60_000);
                assert_eq!(pipeline.flush(PATIENCE), expected, "{protocol}");
            }
            let report = pipeline.shutdown(PATIENCE);
            assert_eq!(
                report.metrics.too_large, counted,
                "{protocol} {temporality}"
            );
            assert_eq!(report.metrics.lost(), counted, "{protocol} {temporality}");
            assert!(
                collector
                    .metrics()
                    .iter()
                    .any(|metric| metric.name == "a.counter")
            );
        }
    }
}

#[test]
fn counts_add_up_over_the_requests_of_a_batch() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let traces = support_signal(Signal::Traces);
        // Of four requests, the first is accepted, the second partially, the third not at all, and
        // the fourth reports more rejections than it has items.
        collector.respond_to(
            traces,
            [
                Reply::Accept,
                Reply::partial(2, "too old"),
                Reply::status(400),
                Reply::partial(i64::MAX, ""),
            ],
        );
        let pipeline = build(limited(&collector, protocol, 100_000));
        (0..36).for_each(|_| large_span(&pipeline, "a span", 10_000));
        let report = pipeline.shutdown(PATIENCE);
        assert_eq!(collector.attempts_for(traces), 4, "{protocol}");
        let one = report.traces;
        assert_eq!(
            (one.exported, one.rejected, one.failed),
            (27, 11, 9),
            "{protocol}: {report}"
        );
        assert!(
            report.to_string().contains("20 of 36 spans lost"),
            "{protocol}: {report}"
        );
    }
}

#[test]
fn requests_delivered_before_a_failure_are_not_lost() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let traces = support_signal(Signal::Traces);
        collector.respond_to(traces, [Reply::Accept, Reply::Never]);
        let config = limited(&collector, protocol, 100_000).timeout(Duration::from_secs(1));
        let pipeline = build(config);
        (0..36).for_each(|_| large_span(&pipeline, "a span", 10_000));
        let start = Instant::now();
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{protocol}");
        // The time limit covers all requests of the batch.
        assert!(start.elapsed() < Duration::from_secs(5), "{protocol}");
        let report = pipeline.shutdown(PATIENCE);
        assert_eq!(
            (report.traces.exported, report.traces.failed),
            (9, 27),
            "{protocol}: {report}"
        );
        assert_eq!(collector.attempts_for(traces), 2, "{protocol}");
    }
}

#[test]
fn requests_unsent_at_the_deadline_are_abandoned() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        collector.respond_to(
            support_signal(Signal::Traces),
            [Reply::Accept, Reply::Never],
        );
        let pipeline = build(limited(&collector, protocol, 100_000));
        (0..36).for_each(|_| large_span(&pipeline, "a span", 10_000));
        let report = pipeline.shutdown(Duration::from_secs(2));
        assert_eq!(
            (report.traces.exported, report.traces.abandoned),
            (9, 27),
            "{protocol}: {report}"
        );
        assert_eq!(report.traces.lost(), 27, "{protocol}");
    }
}

#[test]
fn partially_delivered_cumulative_export_is_made_up_for() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let metrics = support_signal(Signal::Metrics);
        collector.respond_to(metrics, [Reply::Accept, Reply::status(401)]);
        let pipeline = build(limited(&collector, protocol, 100_000));
        large_points(&pipeline, "a.counter", 30, 10_000);
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{protocol}");
        assert_eq!(pipeline.status().lost(), 0, "{protocol}");
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered, "{protocol}");
        assert_eq!(pipeline.shutdown(PATIENCE).lost(), 0, "{protocol}");
    }
}

#[test]
fn every_kind_of_metric_is_divided_by_its_data_points() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let pipeline = build(limited(&collector, protocol, 20_000));
        let meter = pipeline.providers.meter.as_ref().unwrap().meter("test");
        for index in 0..10_u32 {
            let value = format!("{index}{}", "x".repeat(4_000));
            let attributes = [KeyValue::new("large", value)];
            let number = f64::from(index);
            meter
                .f64_up_down_counter("sum")
                .build()
                .add(number, &attributes);
            meter.f64_gauge("gauge").build().record(number, &attributes);
            meter
                .f64_histogram("histogram")
                .build()
                .record(number, &attributes);
        }
        assert_eq!(pipeline.shutdown(PATIENCE).lost(), 0, "{protocol}");
        for name in ["sum", "gauge", "histogram"] {
            assert_eq!(points(&collector, name), 10, "{protocol} {name}");
            // All parts have the same kind, unit and temporality.
            assert_eq!(points_of(&collector.metric(name)), 10, "{protocol} {name}");
        }
    }
}

/// gRPC has no code for this, so `too_large` goes by the message.
#[cfg(feature = "grpc")]
#[test]
fn tonics_message_for_a_request_that_is_too_large_is_known() {
    use std::task::{Context, Poll, Waker};

    use tonic::codec::{DecodeBuf, Decoder, Streaming};

    struct Nothing;

    impl Decoder for Nothing {
        type Item = ();
        type Error = tonic::Status;

        fn decode(&mut self, _: &mut DecodeBuf<'_>) -> Result<Option<()>, tonic::Status> {
            Ok(Some(()))
        }
    }

    // Not compressed, five bytes long.
    let body = String::from("\0\0\0\0\u{5}hello");
    let mut stream = Streaming::new_request(Nothing, body, None, Some(4));
    let mut message = std::pin::pin!(stream.message());
    let polled = message
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Err(status)) = polled else {
        panic!("{polled:?} is no error");
    };
    assert!(
        crate::pipeline::diagnosis::says_too_large(status.message()),
        "{status}"
    );
}
