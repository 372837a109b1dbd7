//! Variables that the OpenTelemetry crates would read from the process's environment have no
//! effect.

use std::process::Command;

use super::*;
use crate::pipeline::Flushed;

/// Set in the child process with the hostile environment. Holds the collector's address.
const CHILD: &str = "WASMSCOPE_TEST_CHILD";

/// A process cannot change its own environment without `unsafe`, so the test runs itself again.
#[test]
fn process_environment_is_not_read_unless_requested() {
    if let Ok(endpoints) = std::env::var(CHILD) {
        return send_all(&endpoints);
    }
    let collector = Collector::start();
    let program = std::env::current_exe().unwrap();
    let name = "pipeline::tests::environment::process_environment_is_not_read_unless_requested";
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture"]);
    command.env(
        CHILD,
        format!(
            "{} {}",
            collector.endpoint_http(),
            collector.endpoint_grpc()
        ),
    );
    for (variable, value) in [
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_SERVICE_NAME", "stray"),
        ("OTEL_RESOURCE_ATTRIBUTES", "stray=stray"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "1"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "not a url"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "stray=stray,x-token=stray"),
        (
            "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
            "stray=stray,x-token=stray",
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "stray"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "false"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("http_proxy", "http://127.0.0.1:1"),
        ("ALL_PROXY", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ] {
        command.env(variable, value);
    }
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );

    // Two spans for each protocol: neither the sampler nor the queue came from the environment.
    assert_eq!(
        collector.spans().len(),
        2 * PROTOCOLS.len(),
        "{}",
        collector.dump()
    );
    assert_eq!(collector.logs().len(), 2 * PROTOCOLS.len());
    for span in collector.spans() {
        assert_eq!(span.resource.attr("service.name"), Some("mine".into()));
        assert_eq!(span.resource.attr("stray"), None);
        assert_eq!(span.attr("kept"), Some(true.into()));
    }
    for request in collector.requests() {
        assert_eq!(request.header("stray"), None, "{:?}", request.headers);
        assert_eq!(
            request.header("x-token"),
            Some("mine"),
            "{:?}",
            request.headers
        );
        for encoding in ["content-encoding", "grpc-encoding"] {
            let found = request.header(encoding);
            assert_eq!(found, None, "{:?}", request.headers);
        }
    }
    assert_eq!(collector.violations(), []);
}

fn send_all(endpoints: &str) {
    let (http, grpc) = endpoints.split_once(' ').unwrap();
    for protocol in PROTOCOLS {
        let endpoint = if protocol == Protocol::Grpc {
            grpc
        } else {
            http
        };
        let config = Config::builder()
            .endpoint(endpoint.parse().unwrap())
            .protocol(protocol)
            .headers("x-token=mine".parse().unwrap())
            .service_name("mine");
        let pipeline = build(config);
        for _ in 0..2 {
            let tracer = pipeline.providers.tracer.as_ref().unwrap().tracer("test");
            let mut span = tracer.start("a span");
            span.set_attribute(KeyValue::new("kept", true));
            span.end();
            log(&pipeline, "a log");
        }
        assert_eq!(
            pipeline.flush(PATIENCE),
            Flushed::Delivered,
            "{protocol}: {:?}",
            pipeline.status()
        );
    }
}
