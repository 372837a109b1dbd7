use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use opentelemetry::Key;
use wasmscope_test_support::Tls as TestTls;

use super::environment::Environment;
use super::*;

/// A builder that reads these variables and no others.
fn with_env<const N: usize>(variables: [(&str, &str); N]) -> ConfigBuilder {
    let variables: HashMap<String, OsString> = variables
        .into_iter()
        .map(|(name, value)| (String::from(name), OsString::from(value)))
        .collect();
    Config::builder().with_env(move |name| variables.get(name).cloned())
}

fn build<const N: usize>(variables: [(&str, &str); N]) -> Config {
    let config = with_env(variables).build().unwrap();
    assert_eq!(config.warnings(), [], "{variables:?}");
    config
}

fn otlp(config: &Config, signal: Signal) -> &Otlp {
    match config.targets.get(signal) {
        Target::Otlp(otlp) => otlp,
        Target::Console | Target::None => panic!("{signal:?} does not go over OTLP"),
    }
}

fn attribute(config: &Config, key: &'static str) -> Option<String> {
    config
        .resource()
        .get(&Key::from_static_str(key))
        .map(|value| value.to_string())
}

#[test]
fn every_honoured_variable_of_the_table_is_read_and_no_other() {
    let read = Environment::read(&|_| None).asked;
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
        ("OTEL_TRACES_SAMPLER_ARG", "0.5", |c| {
            c.sampler() == Sampler::ParentBasedAlwaysOn
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
fn ratio_goes_with_the_samplers_that_take_one() {
    let config = build([
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
    ]);
    assert_eq!(
        config.sampler(),
        Sampler::ParentBasedTraceIdRatio(Ratio::new(0.25).unwrap())
    );
    // What no sampler takes cannot be wrong either.
    build([
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "endpoint=http://x"),
    ]);
}

#[test]
fn bad_value_is_a_warning_that_names_it_and_the_default_holds() {
    let table = [
        ("OTEL_SDK_DISABLED", "yes", "true or false"),
        (
            "OTEL_TRACES_SAMPLER",
            "jaeger_remote",
            "one of always_on, always_off",
        ),
        (
            "OTEL_PROPAGATORS",
            "b3",
            "a list of tracecontext and baggage, or none",
        ),
        ("OTEL_RESOURCE_ATTRIBUTES", "a", "a list like key=value"),
        (
            "OTEL_TRACES_EXPORTER",
            "zipkin",
            "one of otlp, console or none",
        ),
        (
            "OTEL_TRACES_EXPORTER",
            "console",
            "this host has no console",
        ),
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "http",
            "one of http/protobuf, http/json or grpc",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x", "a URL like"),
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "-1",
            "a whole number of milliseconds",
        ),
        (
            "OTEL_EXPORTER_OTLP_TIMEOUT",
            "10s",
            "a whole number of milliseconds",
        ),
        (
            "OTEL_EXPORTER_OTLP_COMPRESSION",
            "zstd",
            "one of none or gzip",
        ),
        ("OTEL_EXPORTER_OTLP_INSECURE", "1", "true or false"),
        (
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
            "/nowhere/ca.pem",
            "a PEM file that can be read",
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "both",
            "one of cumulative, delta or lowmemory",
        ),
        ("OTEL_BSP_SCHEDULE_DELAY", "0", "1 or more"),
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "0",
            "a whole number from 1 to 1000000",
        ),
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "18446744073709551615",
            "a whole number from 1 to 1000000",
        ),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "1 or more"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "-1", "a whole number from 0"),
        ("WASMSCOPE_LOG_LEVEL", "loud", "unknown log level `loud`"),
        ("WASMSCOPE_LIMITS", "spans=1", "known limits"),
    ];
    let defaults = build([]);
    for (name, value, expected) in table {
        let config = with_env([(name, value)]).build().unwrap();
        let [warning] = config.warnings() else {
            panic!("{name}={value}: {:?}", config.warnings());
        };
        let text = warning.to_string();
        assert!(
            text.contains(name) && text.contains(value) && text.contains(expected),
            "{text}"
        );
        assert_eq!(config.spans, defaults.spans);
        assert_eq!(config.limits(), defaults.limits());
        assert_eq!(config.sampler(), defaults.sampler());

        let error = with_env([(name, value)]).strict().build().unwrap_err();
        assert_eq!((error.setting(), error.value()), (name, Some(value)));
    }
}

#[test]
fn bad_ratio_leaves_the_sampler() {
    let config = with_env([
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
    ])
    .build()
    .unwrap();
    assert_eq!(config.sampler(), Sampler::TraceIdRatio(Ratio::ALL));
    assert_eq!(config.warnings().len(), 1);
}

#[test]
fn text_that_is_no_utf8_is_a_bad_value() {
    let builder = || {
        Config::builder()
            .with_env(|name| (name == "OTEL_SERVICE_NAME").then(|| OsString::from_vec(vec![0xff])))
    };
    assert_eq!(builder().build().unwrap().warnings().len(), 1);
    assert_eq!(
        builder().strict().build().unwrap_err().to_string(),
        "OTEL_SERVICE_NAME: expected text in UTF-8"
    );
}

#[test]
fn secrets_are_in_no_message() {
    for name in [
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "HTTP_PROXY",
    ] {
        let error = with_env([(name, "bad secret\n")])
            .strict()
            .build()
            .unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("secret"),
            "{error:?}"
        );
        assert_eq!(error.setting(), name);
    }
    let config = build([("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret")]);
    assert!(!format!("{config:?}").contains("secret"));
}

#[test]
fn empty_values_are_as_good_as_none() {
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

#[test]
fn variable_without_effect_is_told_even_in_strict_mode() {
    let config = with_env([("OTEL_CONFIG_FILE", "otel.yaml")])
        .strict()
        .build()
        .unwrap();
    let texts: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        ["OTEL_CONFIG_FILE has no effect: declarative configuration is not supported"]
    );
}

#[test]
fn without_being_told_no_environment_is_read() {
    // Cargo sets PATH and HOME at least; a lookup that is never made cannot find them.
    let config = Config::builder().build().unwrap();
    assert_eq!(config.warnings(), []);
    assert!(Environment::default().asked.is_empty());
}

#[test]
fn builder_wins_over_the_environment_whichever_comes_first() {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env.example"),
        (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://env.example/traces",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=env,b=env"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "gzip"),
        ("OTEL_SERVICE_NAME", "env"),
        ("OTEL_RESOURCE_ATTRIBUTES", "region=env,zone=env"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "5"),
        ("WASMSCOPE_LIMITS", "open_spans=5,series=5"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ];
    let config = with_env(env)
        .endpoint("http://flag.example".parse().unwrap())
        .headers("A=flag".parse().unwrap())
        .compression(Compression::None)
        .service_name("flag")
        .resource_attribute("region", "flag")
        .limits(|limits| limits.open_spans = 9)
        .sampler(Sampler::AlwaysOn)
        .build()
        .unwrap();
    // A general flag is over the environment's setting for one signal as well.
    assert_eq!(
        config.url(Signal::Traces),
        Some("http://flag.example/v1/traces")
    );
    assert_eq!(otlp(&config, Signal::Logs).compression, Compression::None);
    let headers = otlp(&config, Signal::Traces).headers.as_map();
    assert_eq!(
        (&headers["a"], &headers["b"]),
        (&"flag".parse().unwrap(), &"env".parse().unwrap())
    );
    assert_eq!(attribute(&config, "service.name").unwrap(), "flag");
    assert_eq!(attribute(&config, "region").unwrap(), "flag");
    assert_eq!(attribute(&config, "zone").unwrap(), "env");
    assert_eq!(
        (
            config.limits().open_spans,
            config.limits().series,
            config.limits().span_events
        ),
        (9, 5, 5)
    );
    assert_eq!(config.sampler(), Sampler::AlwaysOn);

    let config = Config::builder()
        .service_name("flag")
        .with_env(|name| (name == "OTEL_SERVICE_NAME").then(|| "env".into()))
        .build()
        .unwrap();
    assert_eq!(attribute(&config, "service.name").unwrap(), "flag");
}

#[test]
fn one_signals_setting_wins_over_that_for_all() {
    let config = with_env([
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "100"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "200"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=1"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "a=2"),
    ])
    .otlp(
        Signal::Metrics,
        OtlpOptions {
            timeout: Some(Duration::from_millis(300)),
            ..OtlpOptions::default()
        },
    )
    .build()
    .unwrap();
    let timeout = |signal| otlp(&config, signal).timeout.as_millis();
    assert_eq!(
        [
            timeout(Signal::Traces),
            timeout(Signal::Logs),
            timeout(Signal::Metrics)
        ],
        [100, 200, 300]
    );
    assert_eq!(otlp(&config, Signal::Logs).headers.as_map().len(), 1);
}

#[test]
fn service_name_comes_from_the_first_that_knows() {
    let all = [
        ("OTEL_SERVICE_NAME", "standard"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute"),
        ("OTLP_SERVICE_NAME", "fallback"),
    ];
    let name =
        |builder: ConfigBuilder| attribute(&builder.build().unwrap(), "service.name").unwrap();
    assert_eq!(
        name(with_env(all).default_service_name("component")),
        "standard"
    );
    assert_eq!(
        name(with_env([all[1], all[2]]).default_service_name("component")),
        "attribute"
    );
    assert_eq!(
        name(with_env([all[2]]).default_service_name("component")),
        "fallback"
    );
    assert_eq!(
        name(with_env([]).default_service_name("component")),
        "component"
    );
    assert_eq!(
        name(with_env(all).resource_attribute("service.name", "own")),
        "own"
    );
}

#[test]
fn standard_endpoint_wins_over_the_fallback() {
    let config = build([
        ("OTLP_EXPORTER_ENDPOINT", "http://fallback.example"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://standard.example"),
    ]);
    assert_eq!(
        config.url(Signal::Logs),
        Some("http://standard.example/v1/logs")
    );
}

#[test]
fn without_an_endpoint_the_embedder_decides() {
    let builder = |env: &'static [(&str, &str)]| {
        Config::builder()
            .with_env(|name| {
                env.iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| value.into())
            })
            .without_endpoint(Exporter::Console)
            .console(Collector::default())
    };
    let exporters = |env| {
        let config = builder(env).build().unwrap();
        Signal::ALL.map(|signal| config.exporter(signal))
    };
    let (otlp, console, none) = (Exporter::Otlp, Exporter::Console, Exporter::None);
    assert_eq!(exporters(&[]), [console, console, console]);
    assert_eq!(
        exporters(&[("OTLP_EXPORTER_ENDPOINT", "http://x")]),
        [otlp, otlp, otlp]
    );
    assert_eq!(
        exporters(&[("OTEL_LOGS_EXPORTER", "none")]),
        [console, console, none]
    );
    assert_eq!(
        exporters(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"),
            ("OTEL_METRICS_EXPORTER", "console")
        ]),
        [otlp, console, otlp]
    );
    assert_eq!(
        exporters(&[("OTEL_SDK_DISABLED", "true")]),
        [none, none, none]
    );
}

#[test]
fn grpc_endpoint_without_a_scheme_is_secure_unless_told_otherwise() {
    let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "c.example:4317");
    assert_eq!(
        build([grpc, endpoint]).url(Signal::Logs),
        Some("https://c.example:4317")
    );
    let insecure = ("OTEL_EXPORTER_OTLP_LOGS_INSECURE", "true");
    let config = build([grpc, endpoint, insecure]);
    assert_eq!(config.url(Signal::Logs), Some("http://c.example:4317"));
    assert_eq!(config.url(Signal::Traces), Some("https://c.example:4317"));
}

#[test]
fn http_endpoint_without_a_scheme_is_a_bad_value() {
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318")];
    let error = with_env(env).strict().build().unwrap_err();
    assert_eq!(error.value(), Some("localhost:4318"));
    let config = with_env(env).build().unwrap();
    assert_eq!(
        config.url(Signal::Logs),
        Some("http://localhost:4318/v1/logs")
    );
    assert!(!config.warnings().is_empty());
}

#[test]
fn certificates_are_read_and_half_an_identity_is_none() {
    let files = TestTls::mutual();
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (ca, certificate, key) = (
        path(files.ca_file()),
        path(files.client_cert_file()),
        path(files.client_key_file()),
    );
    let config = build([
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca),
        ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", &certificate),
        ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", &key),
    ]);
    assert!(otlp(&config, Signal::Traces).tls.authorities.is_some());
    assert!(otlp(&config, Signal::Traces).tls.identity.is_none());
    assert!(otlp(&config, Signal::Logs).tls.identity.is_some());

    let lone = || with_env([("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", &certificate)]);
    assert_eq!(
        lone().strict().build().unwrap_err().setting(),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY"
    );
    assert_eq!(lone().build().unwrap().warnings().len(), 1);
    let swapped = with_env([("OTEL_EXPORTER_OTLP_CLIENT_KEY", &certificate)])
        .strict()
        .build()
        .unwrap_err();
    assert!(swapped.expected().contains("private key"), "{swapped}");
}

#[test]
fn builders_own_values_are_checked_in_either_mode() {
    let batches = |options| {
        Config::builder()
            .span_batches(options)
            .build()
            .unwrap_err()
            .to_string()
    };
    let queue = batches(BatchOptions {
        queue_size: Some(0),
        ..BatchOptions::default()
    });
    assert_eq!(
        queue,
        "span_batches.queue_size: expected a whole number from 1 to 1000000, found `0`"
    );
    let delay = batches(BatchOptions {
        delay: Some(Duration::ZERO),
        ..BatchOptions::default()
    });
    assert!(
        delay.starts_with("span_batches.delay: expected a time from 1 ms"),
        "{delay}"
    );
    assert!(Config::builder().timeout(Duration::MAX).build().is_err());
    assert!(
        Config::builder()
            .metric_interval(Duration::ZERO)
            .build()
            .is_err()
    );
}

#[test]
fn small_preset_gives_way_to_everything_else() {
    let config = Config::small().build().unwrap();
    let batch = Batch {
        queue_size: 256,
        batch_size: 64,
        delay: Duration::from_secs(2),
        export_timeout: Duration::from_secs(30),
    };
    assert_eq!((config.spans, config.logs), (batch, batch));
    assert_eq!(
        otlp(&config, Signal::Metrics).timeout,
        Duration::from_secs(5)
    );
    let config = with_env([("OTEL_BSP_MAX_QUEUE_SIZE", "1000")])
        .small()
        .build()
        .unwrap();
    assert_eq!(
        (config.spans.queue_size, config.spans.batch_size),
        (1_000, 64)
    );
}

#[test]
fn http_proxy_of_a_cgi_request_is_not_trusted() {
    let config = build([
        ("HTTP_PROXY", "http://evil.example"),
        ("REQUEST_METHOD", "GET"),
    ]);
    assert_eq!(otlp(&config, Signal::Traces).proxies.http, None);
}

#[test]
fn runtime_is_part_of_the_resource() {
    let runtime = Runtime {
        name: "wasmtime",
        version: "48.0.8",
    };
    let config = Config::builder().runtime(runtime).build().unwrap();
    assert_eq!(
        attribute(&config, "process.runtime.name").unwrap(),
        "wasmtime"
    );
    assert_eq!(
        attribute(&config, "process.runtime.version").unwrap(),
        "48.0.8"
    );
}
