//! Tests the precedence of settings.

use super::super::environment::Environment;
use super::*;

#[test]
fn environment_is_not_read_by_default() {
    // Cargo sets at least PATH and HOME, so the environment is not empty.
    let config = Config::builder().build().unwrap();
    assert_eq!(config.warnings(), []);
    assert!(Environment::default().looked_up.is_empty());
}

#[test]
fn builder_takes_precedence_in_any_order() {
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
    // A general flag also takes precedence over the environment's setting for one signal.
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
fn signal_setting_takes_precedence_over_the_general_one() {
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
fn service_name_comes_from_the_first_source() {
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
fn standard_endpoint_takes_precedence_over_the_fallback() {
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
            .console(MemoryExporter::default())
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
fn grpc_endpoint_without_a_scheme_is_secure_by_default() {
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
fn small_preset_has_the_lowest_precedence() {
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
