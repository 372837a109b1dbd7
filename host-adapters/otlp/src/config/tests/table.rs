//! Every variable has its effect, and the published table lists it.

use std::collections::BTreeSet;

use super::super::environment::Environment;
use super::*;

#[test]
fn every_honoured_variable_of_the_table_is_read_and_no_other() {
    let read = Environment::read(&|_| None).looked_up;
    let honoured = VARIABLES
        .iter()
        .filter(|variable| variable.status == Status::Honoured);
    let published: BTreeSet<String> = honoured.flat_map(Variable::names).collect();
    assert_eq!(read, published);
    let names: Vec<_> = VARIABLES.iter().flat_map(Variable::names).collect();
    assert_eq!(
        names.iter().collect::<BTreeSet<_>>().len(),
        names.len(),
        "a variable is listed twice"
    );
}

#[test]
fn published_table_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->\n");
    let (before, rest) = text
        .split_once(begin)
        .expect("no mark where the table begins");
    let (table, after) = rest.split_once(end).expect("no mark where the table ends");
    let current = format!("\n{}\n", markdown());
    if std::env::var_os("WASMSCOPE_BLESS").is_some() {
        std::fs::write(path, format!("{before}{begin}{current}{end}{after}")).unwrap();
    } else {
        assert_eq!(
            table, current,
            "run this test with WASMSCOPE_BLESS=1 to bring docs/configuration.md up to date"
        );
    }
}

#[test]
fn empty_environment_gives_the_defaults_of_the_specification() {
    let config = build([]);
    assert_eq!(
        config.url(Signal::Traces),
        Some("http://localhost:4318/v1/traces")
    );
    assert_eq!(
        config.url(Signal::Metrics),
        Some("http://localhost:4318/v1/metrics")
    );
    assert_eq!(
        config.url(Signal::Logs),
        Some("http://localhost:4318/v1/logs")
    );
    for signal in Signal::ALL {
        let otlp = otlp(&config, signal);
        assert_eq!(otlp.protocol, Protocol::HttpProtobuf);
        assert_eq!(otlp.timeout, Duration::from_secs(10));
        assert_eq!(otlp.compression, Compression::None);
        assert_eq!(otlp.max_request_size.bytes(), 4_000_000);
        assert_eq!(otlp.headers, Headers::default());
        assert_eq!(otlp.tls, Tls::default());
    }
    let batch = |delay| Batch {
        queue_size: 2_048,
        batch_size: 512,
        delay,
        export_timeout: Duration::from_secs(30),
    };
    assert_eq!(config.spans, batch(Duration::from_secs(5)));
    assert_eq!(config.logs, batch(Duration::from_secs(1)));
    assert_eq!(config.metric_interval, Duration::from_secs(60));
    assert_eq!(config.metric_timeout, Duration::from_secs(30));
    assert_eq!(config.sampler(), Sampler::ParentBasedAlwaysOn);
    assert_eq!(config.temporality, TemporalityPreference::Cumulative);
    assert_eq!(config.histograms, HistogramAggregation::ExplicitBuckets);
    assert_eq!(config.propagators(), Propagators::default());
    assert_eq!(config.http_known_methods, KnownMethods::default());
    assert_eq!(config.limits(), &Limits::default());
    assert_eq!(config.log_levels, LogLevels::default());
    assert_eq!(
        attribute(&config, "service.name").unwrap(),
        "unknown_service:wasmscope"
    );
    assert_eq!(
        attribute(&config, "telemetry.sdk.language").unwrap(),
        "rust"
    );
}

/// Variables with a default that is described in words, and one that has no effect alone.
const NOT_COMPARED: &[&str] = &[
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_LOGS_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "WASMSCOPE_LIMITS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

#[test]
fn published_defaults_are_the_defaults() {
    /// Formats everything that a variable can set, except for the resource, which has no order.
    fn settings(config: Config) -> String {
        let resource = Resource::builder_empty().build();
        format!("{:?}", Config { resource, ..config })
    }
    let defaults = settings(build([]));
    for variable in VARIABLES.iter() {
        if variable.status == Status::Honoured && !NOT_COMPARED.contains(&variable.name) {
            for name in variable.names() {
                let config = build([(&name, variable.default)]);
                assert_eq!(settings(config), defaults, "{name}");
            }
        }
    }
}

#[test]
fn every_variable_has_its_effect() {
    type Check = fn(&Config) -> bool;
    let table: &[(&str, &str, Check)] = &[
        ("OTEL_SDK_DISABLED", "TRUE", |c| {
            Signal::ALL.iter().all(|&s| c.exporter(s) == Exporter::None)
        }),
        ("OTEL_SDK_DISABLED", "false", |c| {
            c.exporter(Signal::Logs) == Exporter::Otlp
        }),
        ("OTEL_SERVICE_NAME", "shop", |c| {
            attribute(c, "service.name").unwrap() == "shop"
        }),
        ("OTLP_SERVICE_NAME", "shop", |c| {
            attribute(c, "service.name").unwrap() == "shop"
        }),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=1%202,b = c", |c| {
            attribute(c, "a").unwrap() == "1 2" && attribute(c, "b").unwrap() == "c"
        }),
        ("OTEL_PROPAGATORS", "baggage", |c| {
            c.propagators()
                == Propagators {
                    trace_context: false,
                    baggage: true,
                }
        }),
        ("OTEL_PROPAGATORS", "none", |c| {
            c.propagators()
                == Propagators {
                    trace_context: false,
                    baggage: false,
                }
        }),
        (
            "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
            "GET,PROPFIND",
            |c| c.http_known_methods == "GET,PROPFIND".parse().unwrap(),
        ),
        ("OTEL_TRACES_SAMPLER", "always_off", |c| {
            c.sampler() == Sampler::AlwaysOff
        }),
        ("OTEL_TRACES_SAMPLER", "Always_On", |c| {
            c.sampler() == Sampler::AlwaysOn
        }),
        ("OTEL_TRACES_SAMPLER", "traceidratio", |c| {
            c.sampler() == Sampler::TraceIdRatio(Ratio::ALL)
        }),
        ("OTEL_TRACES_SAMPLER", "parentbased_always_off", |c| {
            c.sampler() == Sampler::ParentBasedAlwaysOff
        }),
        ("WASMSCOPE_LOG_LEVEL", "warn,db=debug", |c| {
            c.log_levels == "warn,db=debug".parse().unwrap()
        }),
        ("OTEL_TRACES_EXPORTER", "none", |c| {
            c.exporter(Signal::Traces) == Exporter::None
                && c.exporter(Signal::Logs) == Exporter::Otlp
        }),
        ("OTEL_METRICS_EXPORTER", "none", |c| {
            c.exporter(Signal::Metrics) == Exporter::None
        }),
        ("OTEL_LOGS_EXPORTER", "none", |c| {
            c.exporter(Signal::Logs) == Exporter::None
        }),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example/x", |c| {
            c.url(Signal::Logs) == Some("https://c.example/x/v1/logs")
        }),
        ("OTLP_EXPORTER_ENDPOINT", "http://c.example:4318", |c| {
            c.url(Signal::Traces) == Some("http://c.example:4318/v1/traces")
        }),
        (
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
            "http://m.example/in",
            |c| {
                c.url(Signal::Metrics) == Some("http://m.example/in")
                    && c.url(Signal::Logs) == Some("http://localhost:4318/v1/logs")
            },
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", |c| {
            c.url(Signal::Traces) == Some("http://localhost:4317")
        }),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json", |c| {
            otlp(c, Signal::Logs).protocol == Protocol::HttpJson
                && otlp(c, Signal::Traces).protocol == Protocol::HttpProtobuf
        }),
        ("OTEL_EXPORTER_OTLP_HEADERS", "k=v", |c| {
            otlp(c, Signal::Logs).headers.as_map()["k"] == "v"
        }),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "k=v", |c| {
            otlp(c, Signal::Traces).headers.as_map().len() == 1
                && otlp(c, Signal::Logs).headers.as_map().is_empty()
        }),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "250", |c| {
            otlp(c, Signal::Logs).timeout == Duration::from_millis(250)
        }),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", |c| {
            otlp(c, Signal::Logs).timeout == Duration::from_secs(3_600)
        }),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "1", |c| {
            otlp(c, Signal::Logs).timeout == Duration::from_millis(1)
        }),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "GZIP", |c| {
            otlp(c, Signal::Logs).compression == Compression::Gzip
        }),
        ("WASMSCOPE_OTLP_MAX_REQUEST_SIZE", "20MiB", |c| {
            Signal::ALL
                .iter()
                .all(|&signal| otlp(c, signal).max_request_size.bytes() == 20 << 20)
        }),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip", |c| {
            otlp(c, Signal::Traces).compression == Compression::Gzip
        }),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "Delta",
            |c| c.temporality == TemporalityPreference::Delta,
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "lowmemory",
            |c| c.temporality == TemporalityPreference::LowMemory,
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
            |c| c.histograms == HistogramAggregation::Base2Exponential,
        ),
        ("OTEL_BSP_SCHEDULE_DELAY", "7", |c| {
            c.spans.delay == Duration::from_millis(7)
        }),
        ("OTEL_BSP_EXPORT_TIMEOUT", "7", |c| {
            c.spans.export_timeout == Duration::from_millis(7)
        }),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100", |c| {
            c.spans.queue_size == 100 && c.spans.batch_size == 100
        }),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7", |c| {
            c.spans.batch_size == 7 && c.logs.batch_size == 512
        }),
        ("OTEL_BLRP_SCHEDULE_DELAY", "7", |c| {
            c.logs.delay == Duration::from_millis(7)
        }),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "7", |c| {
            c.logs.export_timeout == Duration::from_millis(7)
        }),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "700", |c| {
            c.logs.queue_size == 700 && c.logs.batch_size == 512
        }),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "7", |c| {
            c.logs.batch_size == 7
        }),
        ("OTEL_METRIC_EXPORT_INTERVAL", "7", |c| {
            c.metric_interval == Duration::from_millis(7)
        }),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "7", |c| {
            c.metric_timeout == Duration::from_millis(7)
        }),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "7", |c| {
            let limits = c.limits();
            [
                limits.span_attributes,
                limits.event_attributes,
                limits.link_attributes,
                limits.log_attributes,
            ] == [7; 4]
        }),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7", |c| {
            c.limits().span_value_chars == Some(7) && c.limits().log_value_chars == Some(7)
        }),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0", |c| {
            c.limits().span_attributes == 0
        }),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7", |c| {
            c.limits().span_value_chars == Some(7) && c.limits().log_value_chars.is_none()
        }),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "7", |c| {
            c.limits().span_events == 7
        }),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "7", |c| {
            c.limits().span_links == 7
        }),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "7", |c| {
            c.limits().event_attributes == 7
        }),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "7", |c| {
            c.limits().link_attributes == 7
        }),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "7", |c| {
            c.limits().log_attributes == 7
        }),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7", |c| {
            c.limits().log_value_chars == Some(7)
        }),
        ("WASMSCOPE_LIMITS", "open_spans=7, call_bytes=8", |c| {
            c.limits().open_spans == 7 && c.limits().call_bytes == 8
        }),
        ("HTTP_PROXY", "http://p.example:1", |c| {
            otlp(c, Signal::Logs).proxies.http.as_deref() == Some("http://p.example:1")
        }),
        ("https_proxy", "http://p.example:1", |c| {
            let proxies = &otlp(c, Signal::Logs).proxies;
            proxies.https.is_some() && proxies.http.is_none()
        }),
        ("ALL_PROXY", "http://p.example:1", |c| {
            let proxies = &otlp(c, Signal::Logs).proxies;
            proxies.https.is_some() && proxies.http.is_some()
        }),
        ("NO_PROXY", "localhost", |c| {
            otlp(c, Signal::Logs).proxies.except.as_deref() == Some("localhost")
        }),
    ];
    for (name, value, holds) in table {
        let config = build([(*name, *value)]);
        assert!(holds(&config), "{name}={value}: {config:?}");
    }
}

#[test]
fn ratio_applies_to_ratio_samplers_only() {
    let config = build([
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ]);
    assert_eq!(
        config.sampler(),
        Sampler::ParentBasedTraceIdRatio(Ratio::new(0.25).unwrap())
    );
    // If the sampler takes no argument, any argument has no effect.
    for (sampler, argument, name) in [
        ("always_on", "endpoint=http://x", "always_on"),
        ("always_off", "0.5", "always_off"),
        ("", "1.5", "parentbased_always_on"),
    ] {
        let env = [
            ("OTEL_TRACES_SAMPLER", sampler),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ];
        let config = with_env(env).strict().build().unwrap();
        let [warning] = config.warnings() else {
            panic!("{:?}", config.warnings());
        };
        assert_eq!(
            warning.to_string(),
            format!("OTEL_TRACES_SAMPLER_ARG has no effect: the sampler {name} takes no argument")
        );
    }
}

#[test]
fn empty_values_count_as_unset() {
    let names: Vec<String> = VARIABLES.iter().flat_map(Variable::names).collect();
    let config = Config::builder()
        .with_env(move |name| names.iter().any(|known| known == name).then(OsString::new))
        .strict()
        .build()
        .unwrap();
    assert_eq!(config.warnings(), []);
    assert_eq!(
        config.url(Signal::Traces),
        Some("http://localhost:4318/v1/traces")
    );
}
