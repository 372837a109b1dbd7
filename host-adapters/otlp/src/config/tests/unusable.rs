//! If the destination is invalid, nothing is exported instead of being sent elsewhere.

use super::*;

const HEADERS: (&str, &str) = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret");

/// The URLs of all signals.
fn urls(config: &Config) -> [Option<&str>; 3] {
    Signal::ALL.map(|signal| config.url(signal))
}

fn only_warning(config: &Config) -> String {
    match config.warnings() {
        [warning] => warning.to_string(),
        warnings => panic!("{warnings:?}"),
    }
}

#[test]
fn unusable_endpoint_sends_nothing_to_the_default() {
    for value in ["localhost:4318", "ftp://c.example", "https://u:p@c.example"] {
        let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", value), HEADERS];
        let config = with_env(env).build().unwrap();
        assert_eq!(urls(&config), [None; 3]);
        assert_eq!(config.exporter(Signal::Traces), Exporter::None);
        let warning = only_warning(&config);
        assert!(
            warning.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: expected"),
            "{warning}"
        );
        assert!(
            warning.ends_with("; traces, metrics and logs are not exported"),
            "{warning}"
        );
        // Nor to the console, which was not selected.
        let config = with_env(env)
            .without_endpoint(Exporter::Console)
            .console(MemoryExporter::default())
            .build()
            .unwrap();
        assert_eq!(config.exporter(Signal::Traces), Exporter::None);
    }
}

#[test]
fn unusable_endpoint_of_one_signal_disables_that_signal() {
    let config = with_env([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c.example"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "traces.example"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=secret"),
    ])
    .build()
    .unwrap();
    let [traces, metrics, logs] = urls(&config);
    assert_eq!(traces, None);
    assert_eq!(metrics, Some("http://c.example/v1/metrics"));
    assert_eq!(logs, Some("http://c.example/v1/logs"));
    let warning = only_warning(&config);
    assert!(
        warning.starts_with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "),
        "{warning}"
    );
    assert!(warning.ends_with("; traces are not exported"), "{warning}");
}

#[test]
fn signal_with_its_own_endpoint_needs_no_general_one() {
    let config = with_env([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "c.example"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://logs.example/in"),
    ])
    .build()
    .unwrap();
    assert_eq!(urls(&config), [None, None, Some("http://logs.example/in")]);
    assert!(only_warning(&config).ends_with("; traces and metrics are not exported"));
}

#[test]
fn warning_names_the_variable_that_was_set() {
    let config = with_env([("OTLP_EXPORTER_ENDPOINT", "c.example")])
        .build()
        .unwrap();
    assert_eq!(urls(&config), [None; 3]);
    assert!(only_warning(&config).starts_with("OTLP_EXPORTER_ENDPOINT: "));
    // The fallback variable is only reported, as it has no effect.
    let config = with_env([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c.example"),
        ("OTLP_EXPORTER_ENDPOINT", "ftp://c.example"),
    ])
    .build()
    .unwrap();
    assert_eq!(urls(&config)[0], Some("http://c.example/v1/traces"));
    assert!(only_warning(&config).starts_with("OTLP_EXPORTER_ENDPOINT: "));
}

#[test]
fn builder_endpoint_is_used_with_any_environment() {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://env.example"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "env.example"),
    ];
    let config = with_env(env)
        .endpoint("http://flag.example".parse().unwrap())
        .build()
        .unwrap();
    assert_eq!(urls(&config)[2], Some("http://flag.example/v1/logs"));
    let warnings = config.warnings();
    assert!(!warnings.is_empty());
    for warning in warnings {
        assert!(
            matches!(warning, ConfigWarning::Unusable(_)),
            "{warnings:?}"
        );
    }
}

#[test]
fn unusable_authorities_do_not_fall_back_to_the_system() {
    let with = |endpoint| {
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem"),
            HEADERS,
        ];
        with_env(env).build().unwrap()
    };
    let config = with("https://c.example");
    assert_eq!(urls(&config), [None; 3]);
    let warning = only_warning(&config);
    assert!(
        warning.starts_with("OTEL_EXPORTER_OTLP_CERTIFICATE: "),
        "{warning}"
    );
    assert!(warning.ends_with("are not exported"), "{warning}");
    // Without TLS the authorities are not needed.
    let config = with("http://c.example");
    assert!(config.url(Signal::Traces).is_some());
    assert!(only_warning(&config).ends_with("the setting is ignored"));
}

#[test]
fn query_over_grpc_is_refused_and_a_path_is_reported() {
    let with = |endpoint| {
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ];
        with_env(env).build().unwrap()
    };
    let config = with("https://c.example:4317/?token=secret");
    assert_eq!(urls(&config), [None; 3]);
    let warning = only_warning(&config);
    assert!(warning.contains("without a query"), "{warning}");
    assert!(!warning.contains("secret"), "{warning}");
    let config = with("https://c.example:4317/v1/traces");
    assert_eq!(urls(&config)[0], Some("https://c.example:4317"));
    assert_eq!(
        only_warning(&config),
        "the path /v1/traces of the OTLP endpoint https://c.example:4317/v1/traces has no effect over gRPC"
    );
}

#[test]
fn unsupported_values_are_warnings() {
    let table = [
        (
            "OTEL_PROPAGATORS",
            "tracecontext,baggage,b3",
            "OTEL_PROPAGATORS: `b3` is not supported here; tracecontext and baggage are continued",
        ),
        (
            "OTEL_METRICS_EXPORTER",
            "prometheus",
            "OTEL_METRICS_EXPORTER: `prometheus` is not supported here; metrics are not exported",
        ),
        (
            "OTEL_TRACES_EXPORTER",
            "otlp,zipkin",
            "OTEL_TRACES_EXPORTER: `zipkin` is not supported here; otlp is used",
        ),
        (
            "OTEL_TRACES_SAMPLER",
            "jaeger_remote",
            "OTEL_TRACES_SAMPLER: `jaeger_remote` is not supported here; the default, parentbased_always_on, is used",
        ),
    ];
    for (name, value, expected) in table {
        let env = [(name, value), ("OTEL_TRACES_SAMPLER_ARG", "")];
        let config = with_env(env).strict().build().unwrap();
        assert_eq!(only_warning(&config), expected);
        assert_eq!(config.sampler(), Sampler::ParentBasedAlwaysOn);
    }
    // The argument belongs to the unsupported sampler, which has its own warning.
    let config = with_env([
        ("OTEL_TRACES_SAMPLER", "parentbased_jaeger_remote"),
        (
            "OTEL_TRACES_SAMPLER_ARG",
            "endpoint=http://x,pollingIntervalMs=5",
        ),
    ]);
    assert_eq!(config.strict().build().unwrap().warnings().len(), 1);
}
