//! Invalid values are named in warnings, and are errors in strict mode only.

use proptest::prelude::*;
use wasmscope_test_support::Tls as TestTls;

use super::super::environment::Environment;
use super::*;

#[test]
fn invalid_ratio_keeps_the_sampler() {
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
fn non_utf8_text_is_invalid() {
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
    let config = build([
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=secret"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://c.example/?token=secret",
        ),
        ("HTTPS_PROXY", "http://user:secret@proxy.example"),
    ]);
    assert!(!format!("{config:?}").contains("secret"));
    assert!(
        config
            .url(Signal::Logs)
            .unwrap()
            .ends_with("/v1/logs?token=secret")
    );

    // Refused URLs are named without a possible password.
    for (name, value) in [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://user:secret@c.example",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://user:secret@c.example"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "user:secret@c.example"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http:/user:secret@c.example"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://c.example:99999/?token=secret",
        ),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c.example/#secret"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "c.example?token=secret"),
        ("OTLP_EXPORTER_ENDPOINT", "https://secret@c.example"),
        ("HTTP_PROXY", "http://user:secret@c.example:port"),
        ("https_proxy", "user:secret@:"),
        ("ALL_PROXY", "http://user:secret@"),
    ] {
        let error = with_env([(name, value)]).strict().build().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(error.value().unwrap().contains("[redacted]"), "{error}");
        assert_eq!(error.setting(), name);
        let config = with_env([(name, value)]).build().unwrap();
        let shown = format!("{config:?} {:?}", config.warnings());
        assert!(!shown.contains("secret"), "{shown}");
    }
    let builder = Config::builder()
        .endpoint("https://c.example?token=secret".parse().unwrap())
        .protocol(Protocol::Grpc);
    assert!(!format!("{builder:?}").contains("secret"));
    let error = builder.build().unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
}

#[test]
fn variable_without_effect_is_reported_even_in_strict_mode() {
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
fn misspelt_names_are_reported() {
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
            // Similar to a variable that has no effect either.
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
    // Variables that are known, and those that belong to other programs.
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
fn general_endpoint_with_a_signal_path_is_reported_once() {
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
        "the OTLP endpoint http://c.example/otlp/v1/traces/ is for all signals, and each signal's path is appended to it; leave /v1/traces out, or \
         set it for that signal alone"
    );
    for (endpoint, protocol) in [
        ("http://c.example/", "grpc"),
        ("http://c.example/v1", "http/json"),
        ("http://c.example/xv1/traces", "http/json"),
    ] {
        assert_eq!(with(endpoint, protocol).warnings(), [], "{endpoint}");
    }
    // The same for the builder's endpoint.
    let builder = Config::builder().endpoint("https://c.example/v1/logs".parse().unwrap());
    assert_eq!(builder.build().unwrap().warnings().len(), 1);
    let own = [(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "http://c.example/v1/traces",
    )];
    build(own);
}

#[test]
fn certificates_are_read_and_need_their_key() {
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
        lone().strict().build().unwrap_err().to_string(),
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: expected its private key in OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"
    );
    let config = lone().build().unwrap();
    assert_eq!(config.warnings().len(), 1);
    assert!(otlp(&config, Signal::Traces).tls.identity.is_none());
    // For all signals there is one warning, not three.
    let key = with_env([("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key)]);
    assert_eq!(key.build().unwrap().warnings().len(), 1);
    let swapped = with_env([("OTEL_EXPORTER_OTLP_CLIENT_KEY", &certificate)])
        .strict()
        .build()
        .unwrap_err();
    assert!(swapped.expected().contains("private key"), "{swapped}");
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
    /// With any environment a library runs, and a strict host gets an error that names a setting.
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
