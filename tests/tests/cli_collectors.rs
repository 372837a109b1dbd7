//! Unreachable, slow and failing collectors. The program's result does not change, and losses are
//! reported.

use std::sync::OnceLock;
use std::time::Duration;

use wasmscope_test_support::{Cli, Collector, Normaliser, Output, Protocol, Reply, Signal, Tls};
use wasmscope_tests::{RUNTIMES, Runtime, guest, on_each_runtime};

on_each_runtime! {
    a_collector_that_refuses_changes_nothing_for_the_program,
    a_collector_that_never_answers_delays_the_end_only_to_the_deadline,
    a_slow_collector_gets_everything_within_the_deadline,
    a_permanent_failure_is_reported_once_with_the_losses,
    items_dropped_by_a_full_queue_are_reported,
    losses_are_counted_in_the_metric,
    requests_keep_to_the_configured_size,
    an_item_that_is_too_large_is_named_at_the_end,
}

/// Returns the guest's output with a collector that accepts everything.
fn undisturbed(runtime: Runtime) -> &'static Output {
    static OUTPUTS: [OnceLock<Output>; RUNTIMES.len()] =
        [const { OnceLock::new() }; RUNTIMES.len()];
    let index = RUNTIMES.iter().position(|other| *other == runtime);
    OUTPUTS[index.expect("one of the runtimes")].get_or_init(|| {
        let output = command(runtime, &Collector::start(), &[])
            .run()
            .expect_code(0);
        assert_eq!(output.stderr, "", "{output}");
        output
    })
}

fn command(runtime: Runtime, collector: &Collector, options: &[&str]) -> Cli {
    runtime
        .run()
        .args([
            "--otlp-endpoint",
            &collector.endpoint_http(),
            "--log-level",
            "debug",
        ])
        .args(options)
        .arg(guest("sdk-direct"))
}

/// Runs the guest, and checks that its output does not depend on the collector.
fn run(runtime: Runtime, collector: &Collector, options: &[&str]) -> Output {
    let output = command(runtime, collector, options).run().expect_code(0);
    assert_eq!(output.stdout(), undisturbed(runtime).stdout(), "{output}");
    output
}

fn warnings(output: &Output) -> Vec<&str> {
    let all = output.stderr.lines();
    all.filter(|line| line.starts_with("wasmscope: warning: "))
        .collect()
}

/// Checks that there is one warning when the first export fails, and one report of the losses at
/// the end.
#[track_caller]
fn warns_once_and_reports_losses(output: &Output, why: &str) {
    let warnings = warnings(output);
    assert_eq!(warnings.len(), 1, "{output}");
    assert!(warnings[0].contains(why), "no {why:?} in {output}");
    let accounts: Vec<_> = output
        .stderr
        .lines()
        .filter(|line| line.contains("spans lost"))
        .collect();
    assert_eq!(accounts.len(), 1, "{output}");
    for what in ["wasmscope: ", "data points lost", "log records lost"] {
        assert!(accounts[0].contains(what), "no {what:?} in {output}");
    }
}

fn normal_form(collector: &Collector) -> String {
    assert_eq!(collector.violations(), [], "{}", collector.dump());
    let mut normaliser = Normaliser::new();
    let traces = normaliser.traces(&collector.spans());
    let logs = normaliser.logs(&collector.logs());
    let metrics: Vec<_> = collector
        .metrics()
        .into_iter()
        // The queue's length at the time of a collection differs between runs.
        .filter(|metric| {
            !["wasmscope.runtime.", "otel.sdk."]
                .iter()
                .any(|prefix| metric.name.starts_with(prefix))
        })
        .collect();
    traces + &normaliser.metrics(&metrics) + &logs
}

#[test]
fn every_protocol_delivers_the_same() {
    let forms: Vec<_> = [
        ("http/protobuf", Protocol::HttpProtobuf),
        ("http/json", Protocol::HttpJson),
        ("grpc", Protocol::Grpc),
    ]
    .into_iter()
    .map(|(name, protocol)| {
        let collector = Collector::start();
        let endpoint = match protocol {
            Protocol::Grpc => collector.endpoint_grpc(),
            Protocol::HttpProtobuf | Protocol::HttpJson => collector.endpoint_http(),
        };
        let output = Cli::new()
            .args(["run", "--otlp-endpoint", &endpoint, "--otlp-protocol", name])
            .arg(guest("sdk-direct"))
            .run()
            .expect_code(0);
        assert_eq!(warnings(&output), [""; 0], "{output}");
        let requests = collector.requests();
        assert!(!requests.is_empty());
        assert!(
            requests.iter().all(|request| request.protocol == protocol),
            "{name}"
        );
        normal_form(&collector)
    })
    .collect();
    assert!(forms[0].contains("\"outer\" server"), "{}", forms[0]);
    assert_eq!(forms[0], forms[1], "JSON differs from protobuf");
    assert_eq!(forms[0], forms[2], "gRPC differs from HTTP");
}

#[test]
fn gzip_and_headers_from_the_environment_and_the_options_are_sent() {
    let collector = Collector::start();
    let _ = Cli::new()
        .args([
            "run",
            "--otlp-header",
            "x-both=option",
            "--otlp-header",
            "x-option=1",
        ])
        .arg(guest("sdk-direct"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint_http())
        .env("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "x-both=variable,x-variable=a%20b",
        )
        .run()
        .expect_code(0);
    let requests = collector.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert_eq!(request.header("x-both"), Some("option"));
        assert_eq!(request.header("x-option"), Some("1"));
        assert_eq!(request.header("x-variable"), Some("a b"));
        assert_eq!(request.header("content-encoding"), Some("gzip"));
    }
    assert_eq!(collector.span("outer").name, "outer");
}

#[test]
fn options_win_over_the_environment() {
    let (given, ignored) = (Collector::start(), Collector::start());
    let _ = Cli::new()
        .args([
            "run",
            "--otlp-endpoint",
            &given.endpoint_http(),
            "--service-name",
            "by-option",
        ])
        .arg(guest("sdk-direct"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", ignored.endpoint_http())
        .env(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            ignored.endpoint_http(),
        )
        .env("OTEL_SERVICE_NAME", "by-variable")
        .env(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test,service.name=by-attribute",
        )
        .run()
        .expect_code(0);
    assert_eq!(ignored.connections(), 0);
    let resource = given.span("outer").resource;
    assert_eq!(resource.attr("service.name"), Some("by-option".into()));
    assert_eq!(
        resource.attr("deployment.environment.name"),
        Some("test".into())
    );
}

fn a_collector_that_refuses_changes_nothing_for_the_program(runtime: Runtime) {
    let collector = Collector::refusing();
    let output = run(runtime, &collector, &["--flush-timeout", "2s"]);
    warns_once_and_reports_losses(&output, &collector.endpoint_http());
}

fn a_collector_that_never_answers_delays_the_end_only_to_the_deadline(runtime: Runtime) {
    let collector = Collector::start();
    collector.respond_always(Reply::Never);
    let flush = Duration::from_secs(1);
    let output = run(runtime, &collector, &["--flush-timeout", "1s"]);
    // Only the deadline shows that there is no answer, so there may be no earlier warning.
    assert!(warnings(&output).len() <= 1, "{output}");
    assert!(
        output
            .stderr
            .contains("13 of 13 spans lost: not sent in time"),
        "{output}"
    );
    // The time of the command itself, doubled for a busy machine.
    let rest = undisturbed(runtime).elapsed;
    assert!(
        output.elapsed < flush + rest * 3 + Duration::from_secs(2),
        "{output}"
    );
}

fn a_slow_collector_gets_everything_within_the_deadline(runtime: Runtime) {
    let collector = Collector::start();
    collector.respond_always(Reply::Slow(Duration::from_millis(300)));
    let output = run(runtime, &collector, &["--flush-timeout", "30s"]);
    assert_eq!(warnings(&output), [""; 0], "{output}");
    assert_eq!(collector.span("outer").name, "outer");
    assert_eq!(collector.log("at the threshold").severity_number, 5);
    assert_eq!(collector.metric("count").name, "count");
}

#[test]
fn retry_after_is_honoured() {
    let collector = Collector::start();
    let after = Duration::from_secs(1);
    collector.respond_to(Signal::Traces, [Reply::retry_after(429, after)]);
    collector.respond_to(Signal::Logs, [Reply::retry_after(503, after)]);
    let output = run(Runtime::WASMTIME, &collector, &["--flush-timeout", "30s"]);
    assert_eq!(warnings(&output), [""; 0], "{output}");
    for signal in [Signal::Traces, Signal::Logs] {
        let times: Vec<_> = collector
            .requests()
            .iter()
            .filter(|request| request.signal() == signal)
            .map(|request| request.at)
            .collect();
        assert_eq!(times.len(), 2, "{signal:?}: {}", collector.dump());
        assert!(
            times[1] - times[0] >= after,
            "{signal:?} was sent again too soon"
        );
    }
    assert_eq!(collector.span("outer").name, "outer");
}

#[test]
fn a_temporary_failure_is_retried_without_a_message() {
    for reply in [Reply::status(503), Reply::status(429), Reply::Disconnect] {
        let collector = Collector::start();
        collector.respond_to(Signal::Traces, [reply.clone()]);
        let output = run(Runtime::WASMTIME, &collector, &["--flush-timeout", "30s"]);
        assert_eq!(warnings(&output), [""; 0], "{reply:?}: {output}");
        assert_eq!(
            collector.attempts_for(Signal::Traces),
            2,
            "{reply:?}: {output}"
        );
        assert_eq!(collector.span("outer").name, "outer");
    }
}

fn a_permanent_failure_is_reported_once_with_the_losses(runtime: Runtime) {
    for code in [503, 400] {
        let collector = Collector::start();
        collector.respond_always(Reply::status(code));
        let output = run(runtime, &collector, &["--flush-timeout", "3s"]);
        warns_once_and_reports_losses(&output, &code.to_string());
        assert_eq!(collector.spans().len(), 0);
        if code == 400 {
            assert_eq!(
                collector.attempts_for(Signal::Traces),
                1,
                "400 is not tried again"
            );
        }
    }
}

#[test]
fn rejected_items_are_reported() {
    let collector = Collector::start();
    collector.respond_to(
        Signal::Traces,
        [Reply::partial(2, "two of them are too old")],
    );
    let output = run(Runtime::WASMTIME, &collector, &["--flush-timeout", "30s"]);
    assert!(
        output
            .stderr
            .contains("spans lost: rejected by the collector"),
        "{output}"
    );
    assert!(
        output.stderr.contains("two of them are too old"),
        "{output}"
    );
}

fn requests_keep_to_the_configured_size(runtime: Runtime) {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        let collector = Collector::start();
        let endpoint = match protocol {
            "grpc" => collector.endpoint_grpc(),
            _ => collector.endpoint_http(),
        };
        let output = runtime
            .run()
            .args(["--otlp-endpoint", &endpoint, "--otlp-protocol", protocol])
            .args(["--otlp-max-request-size", "20kB", "--flush-timeout", "30s"])
            .arg(guest("raw-handles"))
            .env("OTEL_BSP_MAX_QUEUE_SIZE", "10000")
            .run()
            .expect_code(0);
        assert!(!output.stderr.contains("lost"), "{output}");
        assert!(collector.spans().len() > 3_000, "{output}");
        let requests = collector.requests();
        assert!(requests.iter().all(|request| request.size <= 20_000));
    }
}

fn an_item_that_is_too_large_is_named_at_the_end(runtime: Runtime) {
    let collector = Collector::start();
    let output = command(runtime, &collector, &["--flush-timeout", "30s"])
        .env("WASMSCOPE_OTLP_MAX_REQUEST_SIZE", "4KiB")
        .env(
            "OTEL_RESOURCE_ATTRIBUTES",
            format!("large={}", "x".repeat(5_000)),
        )
        .run()
        .expect_code(0);
    for words in [
        "its resource and scope 5",
        "and a request may have 4096 bytes",
        "or shorten the attributes of the resource (OTEL_RESOURCE_ATTRIBUTES)",
        "spans lost: too large to send",
        "log records lost: too large to send",
        "\nwasmscope: too large to send: \"",
        "set --otlp-max-request-size",
    ] {
        assert!(output.stderr.contains(words), "no {words:?} in {output}");
    }
    assert_eq!(collector.attempts(), 0);
}

#[test]
fn a_request_size_below_the_minimum_is_refused() {
    let collector = Collector::start();
    let expected = "expected a size from 4KiB to 64MiB, such as 4000000 or 20MiB";
    let by_variable = command(Runtime::WASMTIME, &collector, &[])
        .env("WASMSCOPE_OTLP_MAX_REQUEST_SIZE", "1")
        .run()
        .expect_code(2);
    let words = format!("WASMSCOPE_OTLP_MAX_REQUEST_SIZE: {expected}, found `1`");
    assert!(by_variable.stderr.contains(&words), "{by_variable}");
    let option = ["--otlp-max-request-size", "4095"];
    let by_option = command(Runtime::WASMTIME, &collector, &option)
        .run()
        .expect_code(2);
    for words in ["--otlp-max-request-size", "'4095'", expected] {
        assert!(by_option.stderr.contains(words), "{by_option}");
    }
    assert_eq!(collector.attempts(), 0);
}

fn items_dropped_by_a_full_queue_are_reported(runtime: Runtime) {
    let collector = Collector::start();
    // The guest makes more than 3,000 spans without a pause.
    let output = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .arg(guest("raw-handles"))
        .env("OTEL_BSP_MAX_QUEUE_SIZE", "10")
        .env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
        .run()
        .expect_code(0);
    assert!(output.stdout().ends_with("done\n"), "{output}");
    let account = output
        .stderr
        .lines()
        .find(|line| line.contains("queue full"))
        .unwrap_or_else(|| panic!("no account in {output}"));
    let numbers: Vec<usize> = account
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect();
    let [lost, all, ..] = numbers[..] else {
        panic!("no numbers in {output}")
    };
    assert_eq!(collector.spans().len(), all - lost, "{output}");
    assert!(all > 3_000, "{output}");
    let form = normal_form(&collector);
    let line =
        format!("{{wasmscope.reason = \"queue_full\", wasmscope.signal = \"traces\"}} = {lost}");
    assert!(
        form.contains(&line),
        "no {line:?} in {}",
        form.rsplit("metric wasmscope.dropped").next().unwrap_or("")
    );
}

fn losses_are_counted_in_the_metric(runtime: Runtime) {
    let collector = Collector::start();
    collector.respond_to(Signal::Traces, [Reply::status(400)]);
    let running = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .arg(guest("endings"))
        .arg("sleep")
        .env("OTEL_BSP_SCHEDULE_DELAY", "10")
        .spawn();
    running.wait_for_stderr(|stderr| stderr.contains("cannot send traces"));
    running.terminate();
    let output = running.finish().expect_code(143);
    assert!(
        output.stderr.contains("1 of 4 spans lost: export failed"),
        "{output}"
    );
    let form = normal_form(&collector);
    let line = r#"{wasmscope.reason = "export_failed", wasmscope.signal = "traces"} = 1"#;
    assert!(form.contains(line), "{form}");
}

#[test]
fn a_signal_may_go_elsewhere_or_nowhere() {
    let (rest, traces) = (Collector::start(), Collector::start());
    let _ = Cli::new()
        .arg("run")
        .arg(guest("sdk-direct"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", rest.endpoint_http())
        .env(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            format!("{}/v1/traces", traces.endpoint_http()),
        )
        .env("OTEL_LOGS_EXPORTER", "none")
        .run()
        .expect_code(0);
    assert_eq!(traces.span("outer").name, "outer");
    assert_eq!(traces.metrics().len(), 0);
    assert_eq!(rest.spans().len(), 0);
    assert_eq!(rest.metric("count").name, "count");
    assert_eq!(rest.logs().len() + traces.logs().len(), 0);
}

#[test]
fn certificates_and_compression_are_taken_from_the_options() {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        let collector = Collector::start_tls(Tls::mutual());
        let endpoint = match protocol {
            "grpc" => collector.endpoint_grpc(),
            _ => collector.endpoint_http(),
        };
        let tls = collector.tls().expect("certificates");
        let run = |identity: bool| {
            let cli = Cli::new()
                .args(["run", "--otlp-endpoint", &endpoint])
                .args(["--otlp-protocol", protocol, "--otlp-compression", "gzip"])
                .arg("--otlp-certificate")
                .arg(tls.ca_file());
            let cli = if identity {
                cli.arg("--otlp-client-certificate")
                    .arg(tls.client_cert_file())
                    .arg("--otlp-client-key")
                    .arg(tls.client_key_file())
            } else {
                cli
            };
            cli.arg(guest("sdk-direct")).run().expect_code(0)
        };
        let output = run(true);
        assert_eq!(warnings(&output), [""; 0], "{output}");
        assert_eq!(collector.span("outer").name, "outer", "{protocol}");
        for request in collector.requests() {
            let header = match protocol {
                "grpc" => "grpc-encoding",
                _ => "content-encoding",
            };
            assert_eq!(request.header(header), Some("gzip"), "{protocol}");
        }
        let output = run(false);
        let hint = "--otlp-client-certificate or OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
        assert!(output.stderr.contains(hint), "{protocol}: {output}");
    }
}

#[test]
fn a_wrong_port_or_protocol_is_reported_with_the_option_to_change() {
    let (plain, tls) = (Collector::start(), Collector::start_tls(Tls::new()));
    for (endpoint, protocol, words) in [
        (
            plain.endpoint_grpc(),
            "http/protobuf",
            &["set --otlp-protocol or OTEL_EXPORTER_OTLP_PROTOCOL to grpc"][..],
        ),
        (
            plain.endpoint_http(),
            "grpc",
            &["set --otlp-protocol or OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf"],
        ),
        (
            plain.endpoint_http().replace("http:", "https:"),
            "http/json",
            &["the port does not speak TLS", "--otlp-endpoint", "http://"],
        ),
        (
            tls.endpoint_http().replace("https:", "http:"),
            "http/json",
            &["begin --otlp-endpoint", "https://"],
        ),
        (
            tls.endpoint_http(),
            "http/json",
            &["set --otlp-certificate or OTEL_EXPORTER_OTLP_CERTIFICATE"],
        ),
    ] {
        let other = Tls::new();
        let output = Cli::new()
            .args(["run", "--otlp-endpoint", &endpoint])
            .args(["--otlp-protocol", protocol])
            .arg(guest("sdk-direct"))
            .env("OTEL_EXPORTER_OTLP_CERTIFICATE", other.ca_file())
            .run()
            .expect_code(0);
        for word in words {
            assert!(output.stderr.contains(word), "no {word:?} in {output}");
        }
    }
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let proxy = Collector::refusing();
    let address = proxy.endpoint_http();
    let with_password = address.replace("http://", "http://user:s3cret@");
    let attempt = |except: &str| {
        Runtime::WASMTIME
            .run()
            .args(["--otlp-endpoint", &Collector::refusing().endpoint_http()])
            .arg(guest("sdk-direct"))
            .env("http_proxy", &with_password)
            .env("no_proxy", except)
            .run()
            .expect_code(0)
    };
    let output = attempt("");
    let named = format!("nothing listens at the proxy {address}");
    warns_once_and_reports_losses(&output, &named);
    assert!(output.stderr.contains("check HTTP_PROXY"), "{output}");
    assert!(!output.stderr.contains("s3cret"), "{output}");
    let output = attempt("127.0.0.1");
    warns_once_and_reports_losses(&output, "nothing listens there: check the port");
}

#[test]
fn a_token_in_the_query_is_sent_but_not_shown() {
    let collector = Collector::start();
    let endpoint = format!("{}?token=secret", collector.endpoint_http());
    let run = || {
        Cli::new()
            .args(["run", "--otlp-endpoint", &endpoint])
            .arg(guest("sdk-direct"))
            .run()
            .expect_code(0)
    };
    let output = run();
    assert_eq!(warnings(&output), [""; 0], "{output}");
    assert_eq!(collector.span("outer").name, "outer");
    collector.respond_always(Reply::status(401));
    let output = run();
    assert!(!output.stderr.contains("secret"), "{output}");
    assert!(
        output
            .stderr
            .contains("--otlp-header or OTEL_EXPORTER_OTLP_HEADERS"),
        "{output}"
    );
}
