//! Recorded items arrive, over each protocol and with TLS.

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SdkTracerProvider;
use wasmscope_telemetry::Reason;
use wasmscope_telemetry::model::{InstrumentDescriptor, InstrumentKind, Number};
use wasmscope_telemetry::{Providers, Runtime, Telemetry};
use wasmscope_test_support::{Protocol as Arrived, Resource, Tls};

use super::*;
use crate::config::{
    Certificates, Compression, Exporter, HistogramAggregation, OtlpOptions, PrivateKey, Sampler,
    TemporalityPreference,
};
use crate::memory::MemoryExporter as Console;
use crate::pipeline::Flushed;

fn arrives_as(protocol: Protocol) -> Arrived {
    match protocol {
        Protocol::HttpProtobuf => Arrived::HttpProtobuf,
        Protocol::HttpJson => Arrived::HttpJson,
        Protocol::Grpc => Arrived::Grpc,
    }
}

#[test]
fn every_signal_arrives_over_every_protocol() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::start();
            let config = to(&collector, protocol)
                .compression(compression)
                .headers("x-token=s%20ecret,user-agent=mine".parse().unwrap())
                .service_name("shop")
                .resource_attribute("region", "here")
                .runtime(Runtime {
                    name: "wasmtime",
                    version: "48.0.8",
                });
            let pipeline = build(config);
            one_of_each(&pipeline);
            assert_eq!(
                pipeline.flush(PATIENCE),
                Flushed::Delivered,
                "{protocol} {compression}"
            );

            assert_one_of_each(&collector);
            assert_eq!(collector.violations(), [], "{protocol} {compression}");
            for request in collector.requests() {
                assert_eq!(request.protocol, arrives_as(protocol));
                assert_eq!(request.header("x-token"), Some("s ecret"));
                assert!(request.header("user-agent").unwrap().starts_with("mine"));
                let encoding = match protocol {
                    Protocol::Grpc => request.header("grpc-encoding"),
                    Protocol::HttpProtobuf | Protocol::HttpJson => {
                        request.header("content-encoding")
                    }
                };
                let expected = (compression == Compression::Gzip).then_some("gzip");
                assert_eq!(
                    encoding.filter(|encoding| *encoding != "identity"),
                    expected
                );
            }
            // Sorted by name: neither OTLP nor the SDK gives the order of attributes a meaning.
            let resource = |resource: &Resource| {
                let mut attributes = resource.attributes.clone();
                attributes.sort_by(|a, b| a.key.cmp(&b.key));
                attributes
            };
            let of_log = resource(&collector.log("a log").resource);
            let resource = resource(&collector.span("a span").resource);
            for (key, value) in [
                ("service.name", "shop"),
                ("region", "here"),
                ("process.runtime.name", "wasmtime"),
                ("process.runtime.version", "48.0.8"),
                ("telemetry.sdk.name", "opentelemetry"),
            ] {
                let found = wasmscope_test_support::attr(&resource, key);
                assert_eq!(found, Some(value.into()), "{key}");
            }
            assert_eq!(of_log, resource);

            let report = pipeline.shutdown(PATIENCE);
            assert!(report.complete, "{report:?}");
            assert_eq!(report.lost(), 0, "{report}");
            assert_eq!((report.traces.exported, report.logs.exported), (1, 1));
        }
    }
}

#[test]
fn shutdown_sends_queued_items() {
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        let pipeline = build(to(&collector, protocol));
        one_of_each(&pipeline);
        let report = pipeline.shutdown(PATIENCE);
        assert!(report.complete);
        assert_eq!(report.to_string(), "nothing lost");
        assert_one_of_each(&collector);
        assert_eq!(
            pipeline.shutdown(Duration::ZERO),
            report,
            "the second call repeats the first"
        );
    }
}

#[test]
fn drop_sends_queued_items() {
    let collector = Collector::start();
    let pipeline = build(to(&collector, Protocol::HttpProtobuf));
    one_of_each(&pipeline);
    drop(pipeline);
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn full_and_delayed_batches_are_sent_without_a_flush() {
    let collector = Collector::start();
    let soon = BatchOptions {
        delay: Some(Duration::from_millis(1)),
        ..BatchOptions::default()
    };
    let full = BatchOptions {
        batch_size: Some(2),
        delay: Some(Duration::from_secs(3_600)),
        ..BatchOptions::default()
    };
    let config = to(&collector, Protocol::Grpc)
        .span_batches(full)
        .log_batches(soon)
        .metric_interval(Duration::from_millis(1));
    let pipeline = build(config);
    span(&pipeline, "one");
    span(&pipeline, "two");
    log(&pipeline, "a log");
    count(&pipeline, "a.counter", 1);
    collector.wait_for(
        |c| c.spans().len() == 2 && c.logs().len() == 1 && !c.metrics().is_empty(),
        PATIENCE,
    );
}

#[test]
fn tls_trusts_the_named_authority_and_no_other() {
    for protocol in PROTOCOLS {
        let collector = Collector::start_tls(Tls::new());
        let authority = std::fs::read(collector.tls().unwrap().ca_file()).unwrap();
        let pipeline =
            build(to(&collector, protocol).certificate(Certificates::from_pem(authority).unwrap()));
        one_of_each(&pipeline);
        assert_eq!(
            pipeline.flush(PATIENCE),
            Flushed::Delivered,
            "{protocol}: {:?}",
            pipeline.status()
        );
        assert_eq!(collector.spans().len(), 1);

        let other = std::fs::read(Tls::new().ca_file()).unwrap();
        let distrustful = to(&collector, protocol)
            .timeout(Duration::from_millis(300))
            .certificate(Certificates::from_pem(other).unwrap());
        let pipeline = build(distrustful);
        span(&pipeline, "not for you");
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
        let error = pipeline.status().first_error.unwrap();
        assert!(error.contains("certificate"), "{protocol}: {error}");
        assert!(collector.spans().iter().all(|span| span.name == "a span"));
    }
}

#[test]
fn tls_presents_the_client_certificate() {
    for protocol in PROTOCOLS {
        let collector = Collector::start_tls(Tls::mutual());
        let files = collector.tls().unwrap();
        let read = |path: std::path::PathBuf| std::fs::read(path).unwrap();
        let authority = Certificates::from_pem(read(files.ca_file())).unwrap();
        let certificate = Certificates::from_pem(read(files.client_cert_file())).unwrap();
        let key = PrivateKey::from_pem(read(files.client_key_file())).unwrap();
        let known = to(&collector, protocol)
            .certificate(authority.clone())
            .client_certificate(certificate)
            .client_key(key);
        let pipeline = build(known);
        one_of_each(&pipeline);
        assert_eq!(
            pipeline.flush(PATIENCE),
            Flushed::Delivered,
            "{protocol}: {:?}",
            pipeline.status()
        );
        assert_eq!(collector.spans().len(), 1);

        let stranger = to(&collector, protocol)
            .certificate(authority)
            .timeout(Duration::from_millis(300));
        let pipeline = build(stranger);
        span(&pipeline, "unknown");
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{protocol}");
    }
}

fn received(console: &Console) -> String {
    let mut lines = Vec::new();
    console.write_json(&mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

#[test]
fn each_signal_has_its_own_exporter() {
    let (one, two) = (Collector::start(), Collector::start());
    let console = Console::default();
    let options = OtlpOptions {
        endpoint: Some(two.endpoint_grpc().parse().unwrap()),
        protocol: Some(Protocol::Grpc),
        ..OtlpOptions::default()
    };
    let config = to(&one, Protocol::HttpJson)
        .otlp(Signal::Logs, options)
        .exporter(Signal::Metrics, Exporter::Console)
        .console(console.clone());
    let pipeline = build(config);
    one_of_each(&pipeline);
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered);
    assert_eq!(one.spans().len(), 1);
    assert_eq!(two.logs().len(), 1);
    assert_eq!(one.attempts() + two.attempts(), 2);
    assert!(received(&console).contains("a.counter"));
}

#[test]
fn console_keeps_everything_at_once_and_without_a_connection() {
    let console = Console::default();
    let config = Config::builder()
        .without_endpoint(Exporter::Console)
        .console(console.clone());
    let pipeline = build(config);
    assert!(pipeline.io.is_none());
    span(&pipeline, "a span");
    log(&pipeline, "a log");
    let shown = received(&console);
    assert!(
        shown.contains("a span") && shown.contains("a log"),
        "{shown}"
    );
    count(&pipeline, "a.counter", 3);
    let report = pipeline.shutdown(PATIENCE);
    assert!(report.complete);
    assert_eq!(
        (report.traces.exported, report.logs.exported, report.lost()),
        (1, 1, 0)
    );
    assert!(received(&console).contains("a.counter"));
}

#[test]
fn console_is_cumulative_with_any_otlp_temporality() {
    let config = Config::builder()
        .without_endpoint(Exporter::Console)
        .console(Console::default())
        .temporality(TemporalityPreference::Delta)
        .limits(|limits| limits.cardinality = 1);
    let pipeline = build(config);
    let mut guest = pipeline.telemetry().instance("shop");
    let meter = guest.meter(InstrumentationScope::builder("s").build());
    let descriptor = InstrumentDescriptor {
        name: String::from("c"),
        kind: InstrumentKind::CounterU64,
        unit: None,
        description: None,
        boundaries: None,
    };
    let counter = guest.create_instrument(meter, descriptor);
    // Only delta temporality would let the first set make room for another.
    for set in 0..6 {
        guest.measure(counter, Number::Unsigned(1), vec![KeyValue::new("k", set)]);
        for _ in 0..3 {
            assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered);
        }
    }
    let dropped = pipeline.telemetry().dropped();
    assert_eq!(dropped.get(Signal::Metrics, Reason::Cardinality), 5);
}

#[test]
fn exponential_histograms_count_with_their_own_size() {
    let dropped = |aggregation| {
        let config = Config::builder()
            .without_endpoint(Exporter::Console)
            .console(Console::default())
            .histogram_aggregation(aggregation)
            .limits(|limits| limits.metric_bytes = 50_000);
        let pipeline = build(config);
        let mut guest = pipeline.telemetry().instance("shop");
        let meter = guest.meter(InstrumentationScope::builder("s").build());
        let descriptor = InstrumentDescriptor {
            name: String::from("h"),
            kind: InstrumentKind::HistogramF64,
            unit: None,
            description: None,
            boundaries: None,
        };
        let histogram = guest.create_instrument(meter, descriptor);
        for set in 0..20 {
            guest.measure(histogram, Number::Float(1.0), vec![KeyValue::new("k", set)]);
        }
        let dropped = pipeline.telemetry().dropped();
        dropped.get(Signal::Metrics, Reason::MetricBytes)
    };
    assert_eq!(dropped(HistogramAggregation::ExplicitBuckets), 0);
    assert!(dropped(HistogramAggregation::Base2Exponential) > 0);
}

#[test]
fn overflow_of_one_histogram_series_leaves_the_others_alone() {
    for aggregation in [
        HistogramAggregation::ExplicitBuckets,
        HistogramAggregation::Base2Exponential,
    ] {
        let collector = Collector::start();
        // A limit below the number of sets, and delta temporality: every condition under which
        // series could be merged.
        let config = to(&collector, Protocol::HttpProtobuf)
            .histogram_aggregation(aggregation)
            .temporality(TemporalityPreference::Delta)
            .limits(|limits| limits.cardinality = 4);
        let pipeline = build(config);
        let measure = |set: i64, value| {
            let mut guest = pipeline.telemetry().instance("shop");
            let meter = guest.meter(InstrumentationScope::builder("s").build());
            let descriptor = InstrumentDescriptor {
                name: String::from("h"),
                kind: InstrumentKind::HistogramU64,
                unit: None,
                description: None,
                boundaries: None,
            };
            let histogram = guest.create_instrument(meter, descriptor);
            guest.measure(
                histogram,
                Number::Unsigned(value),
                vec![KeyValue::new("k", set)],
            );
        };
        let dropped = |reason| pipeline.telemetry().dropped().get(Signal::Metrics, reason);
        for set in 0..4 {
            measure(set, i64::MAX as u64);
        }
        for set in 0..4 {
            measure(set, 0);
        }
        measure(4, 1);
        assert_eq!(dropped(Reason::NumberRange), 0, "{aggregation:?}");
        measure(0, 1);
        assert_eq!(dropped(Reason::NumberRange), 1, "{aggregation:?}");
        assert_eq!(dropped(Reason::Cardinality), 1, "{aggregation:?}");
        // New sets replace old ones, whose sums the SDK has forgotten by then.
        for round in 0..20 {
            assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered);
            measure(10 + round, i64::MAX as u64 / 32);
        }
        assert_eq!(dropped(Reason::NumberRange), 1, "{aggregation:?}");
        assert_eq!(pipeline.shutdown(PATIENCE).lost(), 0);
    }
}

#[test]
fn disabled_signals_have_no_provider() {
    let pipeline = build(Config::builder().disabled(true));
    assert!(pipeline.io.is_none());
    assert!(pipeline.providers.tracer.is_none());
    assert!(pipeline.providers.meter.is_none());
    assert!(pipeline.providers.logger.is_none());
    assert_eq!(pipeline.flush(Duration::ZERO), Flushed::Delivered);
    assert!(pipeline.shutdown(Duration::ZERO).complete);
}

#[test]
fn sampler_selects_recorded_traces() {
    for (sampler, expected) in [(Sampler::AlwaysOff, 0), (Sampler::AlwaysOn, 1)] {
        let collector = Collector::start();
        let pipeline = build(to(&collector, Protocol::HttpProtobuf).sampler(sampler));
        span(&pipeline, "a span");
        let report = pipeline.shutdown(PATIENCE);
        assert_eq!(
            (collector.spans().len(), report.traces.exported),
            (expected, expected as u64)
        );
        assert_eq!(report.lost(), 0);
    }
}

#[test]
fn temporality_and_histograms_are_as_configured() {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    let histogram_of = |config: ConfigBuilder, collector: &Collector| {
        let pipeline = build(config);
        let meter = pipeline.providers.meter.as_ref().unwrap().meter("test");
        meter
            .f64_histogram("h")
            .with_boundaries(vec![1.0])
            .build()
            .record(0.5, &[]);
        pipeline.flush(PATIENCE);
        collector.metric("h").data.clone()
    };
    let collector = Collector::start();
    match histogram_of(to(&collector, Protocol::HttpProtobuf), &collector) {
        Some(Data::Histogram(histogram)) => {
            assert_eq!(histogram.aggregation_temporality, 2);
            assert_eq!(histogram.data_points[0].explicit_bounds, [1.0]);
        }
        other => panic!("{other:?}"),
    }
    let collector = Collector::start();
    let config = to(&collector, Protocol::HttpProtobuf)
        .temporality(TemporalityPreference::Delta)
        .histogram_aggregation(HistogramAggregation::Base2Exponential);
    match histogram_of(config, &collector) {
        Some(Data::ExponentialHistogram(histogram)) => {
            assert_eq!(histogram.aggregation_temporality, 1)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pipelines_of_one_process_are_independent() {
    let (one, two) = (Collector::start(), Collector::start());
    let first = build(to(&one, Protocol::Grpc).service_name("one"));
    let second = build(to(&two, Protocol::HttpProtobuf).service_name("two"));
    span(&first, "of one");
    first.shutdown(PATIENCE);
    span(&second, "of two");
    assert_eq!(second.shutdown(PATIENCE).traces.exported, 1);
    assert_eq!(one.spans().len(), 1);
    assert_eq!(
        two.span("of two").resource.attr("service.name"),
        Some("two".into())
    );
    // No pipeline set the global provider.
    let global = opentelemetry::global::tracer_provider();
    use opentelemetry::trace::TracerProvider as _;
    assert!(
        !global
            .tracer("test")
            .start("nowhere")
            .span_context()
            .is_valid()
    );
}

#[test]
fn works_inside_of_an_asynchronous_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for protocol in PROTOCOLS {
        let collector = Collector::start();
        runtime.block_on(async {
            let pipeline = build(to(&collector, protocol));
            one_of_each(&pipeline);
            assert_eq!(pipeline.flush(PATIENCE), Flushed::Delivered);
            span(&pipeline, "another");
            drop(pipeline);
        });
        assert_one_of_each(&collector);
        assert_eq!(collector.spans().len(), 2);
    }
}

#[test]
fn recording_after_shutdown_is_discarded() {
    let collector = Collector::start();
    let pipeline = build(to(&collector, Protocol::HttpProtobuf));
    let telemetry = pipeline.telemetry().clone();
    pipeline.shutdown(PATIENCE);
    one_of_each(&pipeline);
    drop(pipeline);
    let _instance = telemetry.instance("late");
    assert!(collector.spans().is_empty());
}

#[test]
fn embedders_own_providers_are_neither_configured_nor_shut_down() {
    let provider = SdkTracerProvider::builder()
        .with_sampler(opentelemetry_sdk::trace::Sampler::AlwaysOn)
        .build();
    let telemetry = Telemetry::builder(Providers {
        tracer: Some(provider.clone()),
        ..Providers::default()
    });
    drop(telemetry.build());
    assert!(
        provider
            .tracer("test")
            .start("still recording")
            .is_recording()
    );
}

#[test]
fn proxy_of_the_environment_is_used() {
    let through = |except: &'static str, endpoint: &str, proxy: &Collector| {
        let proxy = proxy.endpoint_http();
        let config = Config::builder()
            .with_env(move |name| match name {
                "HTTP_PROXY" => Some(proxy.clone().into()),
                "NO_PROXY" => Some(except.into()),
                _ => None,
            })
            .timeout(Duration::from_secs(2))
            .endpoint(endpoint.parse().unwrap());
        let pipeline = build(config);
        span(&pipeline, "a span");
        pipeline.flush(PATIENCE)
    };
    let proxy = Collector::start();
    assert_eq!(
        through("", "http://collector.invalid:4318", &proxy),
        Flushed::Delivered
    );
    let request = &proxy.requests()[0];
    assert_eq!(request.header("host"), Some("collector.invalid:4318"));

    let (proxy, collector) = (Collector::start(), Collector::start());
    assert_eq!(
        through("127.0.0.1", &collector.endpoint_http(), &proxy),
        Flushed::Delivered
    );
    let direct = collector.attempts_for(wasmscope_test_support::Signal::Traces);
    assert_eq!((proxy.attempts(), direct), (0, 1));
}
