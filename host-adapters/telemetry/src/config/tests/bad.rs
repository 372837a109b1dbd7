//! What cannot be used is named, and stops nothing unless it is to.

use proptest::prelude::*;
use wasmscope_test_support::Tls as TestTls;

use super::super::environment::Environment;
use super::*;

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
        (
            "WASMSCOPE_LOG_LEVEL",
            "loud",
            "expected one of trace, debug, info, warn, error, fatal or off, found `loud`",
        ),
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

#[cfg(unix)]
#[test]
fn text_that_is_no_utf8_is_a_bad_value() {
    use std::os::unix::ffi::OsStringExt;
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
fn names_that_were_meant_to_be_others_are_told() {
    let warnings = |names: &[&str]| -> Vec<String> {
        let mut environment = Environment::read(&|_| None);
        environment.warn_of_unknown(names.iter().map(|name| String::from(*name)));
        environment
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(
        warnings(&[
            "WASMSCOPE_VERBOSITY",
            "OTEL_EXPORTER_OLTP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_TRACE_ENDPOINT",
            // Near one that has no effect either.
            "OTEL_CONFIG_FILES",
            "WASMSCOPE_LIMIT",
            "WASMSCOPE_SERVICE_HOST",
            "WASMSCOPE_SERVICE_PORT_OTLP",
            "WASMSCOPE_PORT_4318_TCP_ADDR",
        ]),
        [
            "OTEL_EXPORTER_OLTP_ENDPOINT has no effect: it is not known; perhaps OTEL_EXPORTER_OTLP_ENDPOINT was meant",
            "OTEL_EXPORTER_OTLP_TRACE_ENDPOINT has no effect: it is not known; perhaps OTEL_EXPORTER_OTLP_TRACES_ENDPOINT was meant",
            "WASMSCOPE_LIMIT has no effect: it is not known; perhaps WASMSCOPE_LIMITS was meant",
            "WASMSCOPE_VERBOSITY has no effect: it is not known",
        ]
    );
    // Those that are known, and those that others know.
    let known: Vec<String> = VARIABLES.iter().flat_map(Variable::names).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    assert_eq!(warnings(&known), [""; 0]);
    let others = [
        "OTEL_PYTHON_LOG_CORRELATION",
        "OTEL_JAVA_GLOBAL_AUTOCONFIGURE_ENABLED",
        "OTEL_SERVICE_VERSION_FILE",
        "HTTP_PROXIES",
        "OTLP_SERVICE_NAMES",
        "PATH",
    ];
    assert_eq!(warnings(&others), [""; 0]);
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
fn endpoint_for_all_that_ends_in_the_path_of_one_is_told_once() {
    let with = |endpoint: &str, protocol: &str| {
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ];
        with_env(env).strict().build().unwrap()
    };
    let config = with("http://c.example/otlp/v1/traces/", "http/protobuf");
    let [warning] = config.warnings() else {
        panic!("{:?}", config.warnings());
    };
    assert_eq!(
        warning.to_string(),
        "the OTLP endpoint http://c.example/otlp/v1/traces/ is for all signals, and each has its path put after it; leave /v1/traces out, or \
         set it for that signal alone"
    );
    for (endpoint, protocol) in [
        ("http://c.example/v1/traces", "grpc"),
        ("http://c.example/v1", "http/json"),
        ("http://c.example/xv1/traces", "http/json"),
    ] {
        assert_eq!(with(endpoint, protocol).warnings(), [], "{endpoint}");
    }
    // The builder's likewise.
    let builder = Config::builder().endpoint("https://c.example/v1/logs".parse().unwrap());
    assert_eq!(builder.build().unwrap().warnings().len(), 1);
    let own = [(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://c.example/v1/traces",
    )];
    build(own);
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
fn http_proxy_of_a_cgi_request_is_not_trusted() {
    let config = build([
        ("HTTP_PROXY", "http://evil.example"),
        ("REQUEST_METHOD", "GET"),
    ]);
    assert_eq!(otlp(&config, Signal::Traces).proxies.http, None);
}

proptest! {
    /// Whatever the environment holds, a library goes on, and a strict host names a setting.
    #[test]
    fn no_environment_stops_a_library(
        values in proptest::collection::vec((0usize..200, "\\PC{0,20}|[0-9]{1,25}|-?[0-9.eE]{1,9}|[a-z]{0,5}(=|://|,)[%a-z0-9:/@,=]{0,30}"), 1..5),
    ) {
        let names: Vec<String> = VARIABLES.iter().flat_map(Variable::names).collect();
        let variables: HashMap<&String, &String> =
            values.iter().map(|(index, value)| (&names[index % names.len()], value)).collect();
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| known.as_str() == name);
            found.map(|(_, value)| OsString::from(value.as_str()))
        };
        let config = Config::builder().with_env(lookup).build();
        prop_assert!(config.is_ok(), "{config:?}");
        if let Err(error) = Config::builder().with_env(lookup).strict().build() {
            prop_assert!(!error.setting().is_empty() && !error.expected().is_empty());
        }
    }
}
