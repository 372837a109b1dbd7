//! Tries an invalid value for every setting. In a variable it is a warning that names the variable,
//! or an error in strict mode. In the builder it is an error.

use wasmscope_test_support::Tls as TestTls;

use super::super::layer::Layer;
use super::super::settings::GeneralOptions;
use super::*;
use crate::memory::MemoryExporter;

/// Variables for which every text is valid.
const FREE: &[&str] = &[
    "OTEL_SERVICE_NAME",
    "OTLP_SERVICE_NAME",
    "NO_PROXY",
    "no_proxy",
];

/// A variable, an invalid value, and the expected part of the message. If the variable exists for
/// each signal, all its names are tried.
const VARIABLES_WRONG: &[(&str, &str, &str)] = &[
    ("OTEL_SDK_DISABLED", "yes", "true or false"),
    ("OTEL_SDK_DISABLED", "1", "true or false"),
    (
        "OTEL_TRACES_SAMPLER",
        "sometimes",
        "one of always_on, always_off",
    ),
    (
        "OTEL_TRACES_SAMPLER",
        "traceidratio=2",
        "a number from 0 to 1",
    ),
    ("OTEL_TRACES_SAMPLER_ARG", "1.5", "a number from 0 to 1"),
    ("OTEL_TRACES_SAMPLER_ARG", "-0.1", "a number from 0 to 1"),
    ("OTEL_TRACES_SAMPLER_ARG", "NaN", "a number from 0 to 1"),
    ("OTEL_TRACES_SAMPLER_ARG", "0,5", "a number from 0 to 1"),
    (
        "OTEL_PROPAGATORS",
        "pigeon",
        "a list of tracecontext and baggage, or none",
    ),
    (
        "OTEL_PROPAGATORS",
        "none,baggage",
        "a list of tracecontext and baggage, or none",
    ),
    (
        "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
        "GET POST",
        "a list of up to 64 methods like GET,POST,PROPFIND",
    ),
    ("OTEL_RESOURCE_ATTRIBUTES", "a", "a list like key=value"),
    ("OTEL_RESOURCE_ATTRIBUTES", "=b", "a list like key=value"),
    ("OTEL_RESOURCE_ATTRIBUTES", "a=%ZZ", "a list like key=value"),
    ("OTEL_RESOURCE_ATTRIBUTES", "a=%FF", "a list like key=value"),
    ("OTEL_RESOURCE_ATTRIBUTES", "%Z=b", "a list like key=value"),
    (
        "OTEL_TRACES_EXPORTER",
        "pigeon",
        "one of otlp, console or none",
    ),
    (
        "OTEL_TRACES_EXPORTER",
        "console",
        "this host has no console",
    ),
    ("OTEL_METRICS_EXPORTER", "otlp,none", "none alone"),
    (
        "OTEL_LOGS_EXPORTER",
        "prometheus",
        "one of otlp, console or none",
    ),
    (
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http",
        "one of http/protobuf, http/json or grpc",
    ),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x", "a URL like"),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "localhost:4318",
        "needs http:// or https://",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://x:0",
        "a port from 1 to 65535",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://x/a b",
        "without spaces",
    ),
    (
        "OTLP_EXPORTER_ENDPOINT",
        "localhost:4318",
        "needs http:// or https://",
    ),
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
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "99999999999999999999",
        "a whole number of milliseconds",
    ),
    (
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "zstd",
        "one of none or gzip",
    ),
    (
        "WASMSCOPE_OTLP_MAX_REQUEST_SIZE",
        "0",
        "a size from 4KiB to 64MiB",
    ),
    (
        "WASMSCOPE_OTLP_MAX_REQUEST_SIZE",
        "4095",
        "a size from 4KiB to 64MiB",
    ),
    (
        "WASMSCOPE_OTLP_MAX_REQUEST_SIZE",
        "99999999999999999999GiB",
        "a size from 4KiB to 64MiB",
    ),
    (
        "WASMSCOPE_OTLP_MAX_REQUEST_SIZE",
        "65MiB",
        "a size from 4KiB to 64MiB",
    ),
    (
        "WASMSCOPE_OTLP_MAX_REQUEST_SIZE",
        "large",
        "a size from 4KiB to 64MiB",
    ),
    ("OTEL_EXPORTER_OTLP_INSECURE", "1", "true or false"),
    (
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "/nowhere/ca.pem",
        "a PEM file that can be read",
    ),
    (
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        "PEM with a certificate in it",
    ),
    (
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        "PEM with a private key",
    ),
    (
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "/dev/null",
        "a PEM file of 4 MiB at most",
    ),
    (
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
        "/nowhere/client.pem",
        "a PEM file that can be read",
    ),
    (
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
        "/nowhere/client.key",
        "a PEM file that can be read",
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "both",
        "one of cumulative, delta or lowmemory",
    ),
    (
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "buckets",
        "one of explicit_bucket_histogram",
    ),
    ("OTEL_BSP_SCHEDULE_DELAY", "0", "1 or more"),
    ("OTEL_BSP_SCHEDULE_DELAY", "-1", "1 or more"),
    (
        "OTEL_BSP_EXPORT_TIMEOUT",
        "-1",
        "a whole number of milliseconds",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "0",
        "a whole number from 1 to 1000000",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "-1",
        "a whole number from 1 to 1000000",
    ),
    (
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "18446744073709551615",
        "a whole number from 1 to 1000000",
    ),
    (
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "0",
        "a whole number from 1 to 1000000",
    ),
    (
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "3000",
        "from 1 to 2048, which is OTEL_BSP_MAX_QUEUE_SIZE",
    ),
    ("OTEL_BLRP_SCHEDULE_DELAY", "0.5", "1 or more"),
    (
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "soon",
        "a whole number of milliseconds",
    ),
    (
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "1e3",
        "a whole number from 1 to 1000000",
    ),
    (
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "many",
        "a whole number from 1 to 1000000",
    ),
    (
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "3000",
        "from 1 to 2048, which is OTEL_BLRP_MAX_QUEUE_SIZE",
    ),
    ("OTEL_METRIC_EXPORT_INTERVAL", "0", "1 or more"),
    (
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "-1",
        "a whole number of milliseconds",
    ),
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1", "a whole number from 0"),
    (
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "long",
        "a whole number from 0",
    ),
    (
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "4294967296",
        "a whole number from 0",
    ),
    (
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "-1",
        "a whole number from 0",
    ),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", "-1", "a whole number from 0"),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", "1.0", "a whole number from 0"),
    (
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "x",
        "a whole number from 0",
    ),
    (
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "x",
        "a whole number from 0",
    ),
    (
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "x",
        "a whole number from 0",
    ),
    (
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "x",
        "a whole number from 0",
    ),
    (
        "WASMSCOPE_LOG_LEVEL",
        "loud",
        "one of trace, debug, info, warn, error, fatal or off",
    ),
    (
        "WASMSCOPE_LOG_LEVEL",
        "info,shop::=off",
        "the name of a scope in place of `shop::`",
    ),
    (
        "WASMSCOPE_LIMITS",
        "spans=1",
        "the name of a limit in place of `spans`",
    ),
    (
        "WASMSCOPE_LIMITS",
        "open_span=1",
        "perhaps open_spans was meant",
    ),
    ("WASMSCOPE_LIMITS", "open_spans=-1", "a whole number from 0"),
    ("HTTP_PROXY", "http://", "a proxy's URL"),
    ("HTTPS_PROXY", "http://", "a proxy's URL"),
    ("ALL_PROXY", "http://", "a proxy's URL"),
    ("http_proxy", "http://", "a proxy's URL"),
    ("https_proxy", "http://", "a proxy's URL"),
    ("all_proxy", "http://", "a proxy's URL"),
    ("HTTPS_PROXY", "socks5://127.0.0.1:1080", "a proxy's URL"),
    ("http_proxy", "ftp://127.0.0.1", "a proxy's URL"),
];

/// The same for variables whose values no message may repeat.
const SECRETS_WRONG: &[(&str, &str, &str)] = &[
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "secret",
        "a list like name=value",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "a=secret%0D%0Ax: y",
        "visible ASCII",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "a=secret\nx: y",
        "visible ASCII",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "a=secret%ZZ",
        "percent-encoded",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "content-length=secret",
        "the name of another header, since the transport sets `content-length` itself",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "a=b,secret=",
        "a value after the first `=`",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "secret==",
        "a value after the first `=`",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "secret=%20",
        "a value after the first `=`",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization: Basic secret==",
        "the name of a header before the first `=`",
    ),
    (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization: Bearer secret=%ZZ",
        "the name of a header before the first `=`",
    ),
];

/// Returns all names of a variable.
fn names(variable: &str) -> Vec<String> {
    let known = VARIABLES.iter().find(|known| known.name == variable);
    known
        .unwrap_or_else(|| panic!("{variable} is in no table"))
        .names()
}

/// Returns a builder that reads one variable, and others that it needs to have an effect.
fn reading(name: &str, value: &str) -> ConfigBuilder {
    let (name, value) = (String::from(name), String::from(value));
    Config::builder().with_env(move |variable| match variable {
        _ if variable == name => Some(OsString::from(&value)),
        "OTEL_TRACES_SAMPLER" if name == "OTEL_TRACES_SAMPLER_ARG" => Some("traceidratio".into()),
        // Authorities have an effect only with TLS.
        "OTEL_EXPORTER_OTLP_ENDPOINT" if name.ends_with("_CERTIFICATE") => {
            Some("https://c.example".into())
        }
        _ => None,
    })
}

#[test]
fn every_variable_is_tested_with_an_invalid_value() {
    let tried = VARIABLES_WRONG.iter().chain(SECRETS_WRONG);
    let tried: Vec<_> = tried.map(|(name, ..)| *name).collect();
    for variable in VARIABLES.iter() {
        let free = FREE.contains(&variable.name);
        if variable.status == Status::Honoured {
            assert_ne!(tried.contains(&variable.name), free, "{}", variable.name);
        }
    }
}

#[test]
fn invalid_variable_is_a_warning_and_the_default_applies() {
    let defaults = build([]);
    for (variable, value, expected) in VARIABLES_WRONG {
        for name in names(variable) {
            let config = reading(&name, value).build().unwrap();
            let [warning] = config.warnings() else {
                panic!("{name}={value}: {:?}", config.warnings());
            };
            let text = warning.to_string();
            let named = [name.as_str(), value, expected];
            assert!(
                named.iter().all(|word| text.contains(word)),
                "{name}: {text}"
            );
            assert_eq!((config.spans, config.logs), (defaults.spans, defaults.logs));
            assert_eq!(config.limits(), defaults.limits());
            assert_eq!(config.log_levels, defaults.log_levels);
            assert_eq!(config.metric_interval, defaults.metric_interval);
            assert_eq!(config.propagators(), defaults.propagators());
            if !name.starts_with("OTEL_TRACES_SAMPLER") {
                assert_eq!(config.sampler(), defaults.sampler());
            }

            let error = reading(&name, value).strict().build().unwrap_err();
            assert_eq!(
                (error.setting(), error.value()),
                (name.as_str(), Some(*value))
            );
        }
    }
}

#[test]
fn invalid_secret_is_not_repeated() {
    for (variable, value, expected) in SECRETS_WRONG {
        for name in names(variable) {
            let config = reading(&name, value).build().unwrap();
            let text = config.warnings()[0].to_string();
            assert!(text.contains(&name) && text.contains(expected), "{text}");
            let error = reading(&name, value).strict().build().unwrap_err();
            assert_eq!(error.setting(), name);
            for shown in [text, error.to_string(), format!("{error:?}")] {
                assert!(!shown.contains("secret"), "{shown}");
            }
        }
    }
}

/// An invalid value of the builder: the call, the name in the error, and the expected part of the
/// message.
type Wrong = (
    fn(ConfigBuilder) -> ConfigBuilder,
    &'static str,
    &'static str,
);

/// The invalid values of each setting. The fields are listed exhaustively, so that a new setting
/// does not compile until it is added here.
fn wrong_values() -> Vec<(&'static str, Vec<Wrong>)> {
    /// For types that cannot hold an invalid value.
    const TYPED: Vec<Wrong> = Vec::new();
    let ConfigBuilder {
        layer: _,
        // Tested above.
        environment: _,
        strict: _,
        small: _,
        without_endpoint: _,
        console: _,
        // An empty name counts as unset.
        default_service_name: _,
        // Every number is a valid limit.
        limits: _,
        runtime: _,
        on_warning: _,
        flags: _,
    } = Config::builder();
    let Layer {
        general: _,
        service_name: _,
        attributes: _,
        spans: _,
        logs: _,
        exporters: _,
        otlp: _,
        signals: _,
        // The builder cannot set proxies.
        proxies: _,
    } = Layer::default();
    let GeneralOptions {
        disabled: _,
        sampler: _,
        propagators: _,
        http_known_methods: _,
        log_levels: _,
        metric_interval: _,
        metric_timeout: _,
        temporality: _,
        histogram_aggregation: _,
    } = GeneralOptions::default();
    let OtlpOptions {
        endpoint: _,
        headers: _,
        timeout: _,
        compression: _,
        max_request_size: _,
        protocol: _,
        certificate: _,
        client_certificate: _,
        client_key: _,
        insecure: _,
    } = OtlpOptions::default();
    let BatchOptions {
        queue_size: _,
        batch_size: _,
        delay: _,
        export_timeout: _,
    } = BatchOptions::default();
    vec![
        (
            "without_endpoint",
            vec![(
                |b| b.without_endpoint(Exporter::Console),
                "without_endpoint",
                "this host has no console",
            )],
        ),
        (
            "exporter",
            vec![(
                |b| b.exporter(Signal::Logs, Exporter::Console),
                "exporter",
                "this host has no console",
            )],
        ),
        (
            "service_name",
            vec![(|b| b.service_name(""), "service_name", "not empty")],
        ),
        (
            "resource_attribute",
            vec![(
                |b| b.resource_attribute("", "x"),
                "resource_attribute",
                "not empty",
            )],
        ),
        (
            "log_levels",
            vec![
                (
                    |b| b.log_levels(LogLevels::default().with_scope("shop::", None)),
                    "log_levels",
                    "in place of `shop::`",
                ),
                (
                    |b| b.log_levels(LogLevels::default().with_scope("", None)),
                    "log_levels",
                    "the name of a scope",
                ),
            ],
        ),
        (
            "endpoint",
            vec![
                (
                    |b| b.endpoint("c.example:4318".parse().unwrap()),
                    "endpoint",
                    "needs http:// or https://",
                ),
                (
                    |b| {
                        b.endpoint("c.example".parse().unwrap())
                            .protocol(Protocol::HttpJson)
                    },
                    "endpoint",
                    "http/json needs http:// or https://",
                ),
                (
                    |b| {
                        b.endpoint("http://c.example?k=v".parse().unwrap())
                            .protocol(Protocol::Grpc)
                    },
                    "endpoint",
                    "without a query",
                ),
                (
                    |b| {
                        b.protocol(Protocol::Grpc)
                            .endpoint("c.example:4317".parse().unwrap())
                            .otlp(
                                Signal::Logs,
                                OtlpOptions {
                                    protocol: Some(Protocol::HttpJson),
                                    ..OtlpOptions::default()
                                },
                            )
                    },
                    "endpoint",
                    "needs http:// or https://",
                ),
                (
                    |b| {
                        b.otlp(
                            Signal::Traces,
                            OtlpOptions {
                                endpoint: Some("c.example:4318".parse().unwrap()),
                                ..OtlpOptions::default()
                            },
                        )
                    },
                    "otlp(traces).endpoint",
                    "needs http:// or https://",
                ),
            ],
        ),
        (
            "timeout",
            vec![
                (|b| b.timeout(Duration::ZERO), "timeout", "from 1 ms"),
                (|b| b.timeout(Duration::MAX), "timeout", "from 1 ms"),
                (
                    |b| {
                        b.otlp(
                            Signal::Logs,
                            OtlpOptions {
                                timeout: Some(Duration::ZERO),
                                ..OtlpOptions::default()
                            },
                        )
                    },
                    "otlp(logs).timeout",
                    "from 1 ms",
                ),
            ],
        ),
        (
            "client_certificate, client_key",
            vec![
                (
                    |b| {
                        let (certificate, _) = identity();
                        let (_, key) = identity();
                        b.client_certificate(certificate).client_key(key)
                    },
                    "client_key",
                    "the private key of the client certificate",
                ),
                (
                    |b| b.client_certificate(identity().0),
                    "client_certificate",
                    "its private key in client_key",
                ),
                (
                    |b| b.client_key(identity().1),
                    "client_key",
                    "its certificate in client_certificate",
                ),
                (
                    |b| {
                        b.otlp(
                            Signal::Traces,
                            OtlpOptions {
                                client_certificate: Some(identity().0),
                                ..OtlpOptions::default()
                            },
                        )
                    },
                    "otlp(traces).client_certificate",
                    "its private key in otlp(traces).client_key",
                ),
                (
                    |b| {
                        b.otlp(
                            Signal::Traces,
                            OtlpOptions {
                                client_key: Some(identity().1),
                                ..OtlpOptions::default()
                            },
                        )
                    },
                    "otlp(traces).client_key",
                    "its certificate in otlp(traces).client_certificate",
                ),
            ],
        ),
        (
            "span_batches",
            vec![
                (
                    |b| b.span_batches(queue(0)),
                    "span_batches.queue_size",
                    "1 to 1000000",
                ),
                (
                    |b| b.span_batches(queue(usize::MAX)),
                    "span_batches.queue_size",
                    "1 to 1000000",
                ),
                (
                    |b| b.span_batches(batch(0)),
                    "span_batches.batch_size",
                    "1 to 1000000",
                ),
                (
                    |b| b.span_batches(batch(2_049)),
                    "span_batches.batch_size",
                    "from 1 to 2048, the queue's size",
                ),
                (
                    |b| {
                        b.span_batches(BatchOptions {
                            batch_size: Some(11),
                            ..queue(10)
                        })
                    },
                    "span_batches.batch_size",
                    "from 1 to 10, the queue's size",
                ),
                (
                    |b| b.span_batches(delay(Duration::ZERO)),
                    "span_batches.delay",
                    "from 1 ms",
                ),
                (
                    |b| b.span_batches(delay(Duration::MAX)),
                    "span_batches.delay",
                    "from 1 ms",
                ),
                (
                    |b| {
                        b.span_batches(BatchOptions {
                            export_timeout: Some(Duration::MAX),
                            ..BatchOptions::default()
                        })
                    },
                    "span_batches.export_timeout",
                    "from 1 ms",
                ),
            ],
        ),
        (
            "log_batches",
            vec![
                (
                    |b| b.log_batches(queue(0)),
                    "log_batches.queue_size",
                    "1 to 1000000",
                ),
                (
                    |b| b.log_batches(batch(0)),
                    "log_batches.batch_size",
                    "1 to 1000000",
                ),
                (
                    |b| b.log_batches(delay(Duration::ZERO)),
                    "log_batches.delay",
                    "from 1 ms",
                ),
                (
                    |b| {
                        b.log_batches(BatchOptions {
                            export_timeout: Some(Duration::ZERO),
                            ..BatchOptions::default()
                        })
                    },
                    "log_batches.export_timeout",
                    "from 1 ms",
                ),
            ],
        ),
        (
            "metric_interval",
            vec![
                (
                    |b| b.metric_interval(Duration::ZERO),
                    "metric_interval",
                    "from 1 ms",
                ),
                (
                    |b| b.metric_interval(Duration::MAX),
                    "metric_interval",
                    "from 1 ms",
                ),
            ],
        ),
        (
            "metric_timeout",
            vec![
                (
                    |b| b.metric_timeout(Duration::ZERO),
                    "metric_timeout",
                    "from 1 ms",
                ),
                (
                    |b| b.metric_timeout(Duration::MAX),
                    "metric_timeout",
                    "from 1 ms",
                ),
            ],
        ),
        (
            "disabled, sampler, propagators, http_known_methods, temporality, histogram_aggregation",
            TYPED,
        ),
        (
            "headers, compression, max_request_size, protocol, certificate, insecure",
            TYPED,
        ),
    ]
}

fn identity() -> (Certificates, PrivateKey) {
    let files = TestTls::mutual();
    let read = |path| std::fs::read(path).unwrap();
    (
        Certificates::from_pem(read(files.client_cert_file())).unwrap(),
        PrivateKey::from_pem(read(files.client_key_file())).unwrap(),
    )
}

fn queue(queue_size: usize) -> BatchOptions {
    BatchOptions {
        queue_size: Some(queue_size),
        ..BatchOptions::default()
    }
}

fn batch(batch_size: usize) -> BatchOptions {
    BatchOptions {
        batch_size: Some(batch_size),
        ..BatchOptions::default()
    }
}

fn delay(delay: Duration) -> BatchOptions {
    BatchOptions {
        delay: Some(delay),
        ..BatchOptions::default()
    }
}

#[test]
fn invalid_builder_value_is_an_error_in_either_mode() {
    for (method, values) in wrong_values() {
        for (set, setting, expected) in values {
            for builder in [Config::builder(), Config::builder().strict()] {
                let Err(error) = set(builder).build() else {
                    panic!("{method}: a wrong {setting} is taken");
                };
                assert_eq!(error.setting(), setting, "{error}");
                assert!(error.to_string().contains(expected), "{error}");
            }
        }
    }
}

#[test]
fn builder_values_are_checked_when_parsed() {
    for text in ["", "c.example:x", "ftp://x", "http://u:p@x", "http://x#y"] {
        assert!(text.parse::<Endpoint>().is_err(), "{text}");
    }
    let mut headers = Headers::default();
    for (name, value) in [
        ("", "x"),
        ("a b", "x"),
        ("a", "x\r\ny: z"),
        ("a", "\0"),
        ("host", "x"),
    ] {
        assert!(headers.insert(name, value).is_err(), "{name}: {value}");
    }
    assert!(headers.insert("a", "").is_ok(), "an empty value is one");
    for ratio in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(Ratio::new(ratio), None);
    }
    for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAA==\n"] {
        assert!(Certificates::from_pem(pem).is_err(), "{pem}");
        assert!(PrivateKey::from_pem(pem).is_err(), "{pem}");
    }
}

#[test]
fn error_names_the_flag_if_there_is_one() {
    let flags: &[_] = &[
        ("endpoint", "--otlp-endpoint"),
        ("client_key", "--otlp-client-key"),
        ("service_name", "--service-name"),
    ];
    let setting = |builder: ConfigBuilder| {
        let error = builder.flags(flags).build().unwrap_err();
        String::from(error.setting())
    };
    let builder = Config::builder;
    let (certificate, _) = identity();
    let (_, key) = identity();
    assert_eq!(
        setting(builder().endpoint("x:1".parse().unwrap())),
        "--otlp-endpoint"
    );
    assert_eq!(
        setting(builder().client_certificate(certificate).client_key(key)),
        "--otlp-client-key"
    );
    assert_eq!(setting(builder().service_name("")), "--service-name");
    // An environment variable keeps its name in the error.
    let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", "x:1")];
    assert_eq!(
        setting(with_env(env).strict()),
        "OTEL_EXPORTER_OTLP_ENDPOINT"
    );
}

#[test]
fn console_exporter_needs_a_console() {
    let config = Config::builder()
        .console(MemoryExporter::default())
        .without_endpoint(Exporter::Console)
        .build()
        .unwrap();
    assert_eq!(config.exporter(Signal::Logs), Exporter::Console);
}
