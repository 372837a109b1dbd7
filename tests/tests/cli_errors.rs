//! Each wrong command gives one error and exit code 2, and starts nothing.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::path::{Path, PathBuf};

use wasmscope_test_support::{Cli, Collector};
use wasmscope_tests::{Attempt, Runtime, assert_stderr_contains, guest, on_each_runtime};

on_each_runtime! {
    the_idle_command_runs_without_an_error,
    a_missing_file_is_named,
    a_folder_is_no_component,
    a_core_module_gets_advice,
    a_file_without_webassembly_is_refused,
    a_broken_component_is_refused_with_the_reason,
    an_asynchronous_component_is_refused_with_the_missing_feature,
    granted_directories_must_exist,
    an_unwritable_output_file_is_detected_before_the_program_runs,
}

/// A program that would write to standard output if it ran.
fn program() -> PathBuf {
    guest("guest-environment")
}

/// A command that does nothing and compiles quickly.
fn idle(attempt: &Attempt) -> PathBuf {
    attempt.write("idle.wasm", wat::parse_str(IDLE).expect("a component"))
}

const IDLE: &str = r#"(component
    (core module $program (func (export "run") (result i32) (i32.const 0)))
    (core instance $program (instantiate $program))
    (func $run (result (result)) (canon lift (core func $program "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

fn the_idle_command_runs_without_an_error(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let idle = idle(&attempt);
    let _ = runtime
        .run()
        .args(["--otlp-endpoint", &attempt.collector.endpoint_http()])
        .arg(idle)
        .run()
        .expect_code(0);
    assert_eq!(attempt.collector.span("run idle").name, "run idle");
}

fn a_missing_file_is_named(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let output = attempt.fails(&[], Path::new("no/such.wasm"), &[]);
    assert_stderr_contains(&output, &["no/such.wasm", "No such file"]);
}

fn a_folder_is_no_component(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let output = attempt.fails(&[], attempt.folder.path(), &[]);
    assert_stderr_contains(&output, &["directory"]);
}

fn a_core_module_gets_advice(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let module = attempt.write("core.wasm", wat::parse_str("(module)").unwrap());
    let output = attempt.fails(&[], &module, &[]);
    assert_stderr_contains(
        &output,
        &[
            "core.wasm",
            "core module",
            "wasm32-wasip2",
            "wasm-tools component new",
        ],
    );
}

fn a_file_without_webassembly_is_refused(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    for (name, bytes) in [
        ("empty.wasm", &b""[..]),
        ("text.wasm", b"#!/bin/sh\necho no\n"),
        ("short.wasm", b"\0asm"),
    ] {
        let file = attempt.write(name, bytes);
        let output = attempt.fails(&[], &file, &[]);
        assert_stderr_contains(&output, &[name, "not a WebAssembly component"]);
    }
}

fn a_broken_component_is_refused_with_the_reason(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let whole = std::fs::read(program()).unwrap();
    let truncated = attempt.write("truncated.wasm", &whole[..whole.len() / 2]);
    let output = attempt.fails(&[], &truncated, &[]);
    assert_stderr_contains(&output, &["truncated.wasm", "not a valid component"]);
}

#[test]
fn an_invalid_option_is_reported_with_the_expected_form() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    for (options, words) in [
        (
            &["--otlp-protocol", "smoke"][..],
            &["--otlp-protocol", "smoke", "http/protobuf"][..],
        ),
        (
            &["--sampler", "sometimes"],
            &["--sampler", "sometimes", "always_on"],
        ),
        (
            &["--sampler", "traceidratio=2"],
            &["--sampler", "traceidratio=2"],
        ),
        (
            &["--log-level", "loud"],
            &["--log-level", "loud", "expected one of trace"],
        ),
        (
            &["--max-memory", "much"],
            &["--max-memory", "much", "64MiB"],
        ),
        (
            &["--timeout", "soon"],
            &["--timeout", "soon", "for example 500ms, 30s or 1m30s"],
        ),
        (
            &["--timeout", "5"],
            &["--timeout", "'5'", "for seconds, 5s"],
        ),
        (&["--timeout", "0s"], &["--timeout", "above 0"]),
        (&["--timeout", "-5"], &["--timeout", "'-5'", "1m30s"]),
        (&["--fuel", "lots"], &["--fuel", "lots", "1000000"]),
        (&["--fuel", "-1"], &["--fuel", "'-1'", "1000000"]),
        (&["--fuel", "0"], &["--fuel", "above 0"]),
        (&["--max-memory", "-1"], &["--max-memory", "'-1'", "64MiB"]),
        (
            &["--max-descriptors", "0"],
            &["--max-descriptors", "from 1 to 100000", "512"],
        ),
        (
            &["--max-descriptors", "100001"],
            &["--max-descriptors", "from 1 to 100000", "512"],
        ),
        (
            &["--size-limit", "type_nesting=201"],
            &[
                "--size-limit",
                "from 0 to 200 for `type_nesting`",
                "found 201",
            ],
        ),
        (
            &["--size-limit", "nesting=1001"],
            &["--size-limit", "from 0 to 1000 for `nesting`", "found 1001"],
        ),
        (
            &["--size-limit", "function_bytes=8MiB"],
            &[
                "--size-limit",
                "from 0 to 7654321 for `function_bytes`",
                "found 8388608",
            ],
        ),
        (
            &["--size-limit", "bytes=7"],
            &["--size-limit", "at least 8 for `bytes`", "found 7"],
        ),
        (&["--env", "=x"], &["--env", "=x", "NAME=VALUE"]),
        (&["--dir", "::/in"], &["--dir", "HOST::GUEST"]),
        (
            &["--dir", "/tmp::x:ro:ro"],
            &["--dir", "/tmp::x:ro:ro", ":ro"],
        ),
        (&["--dir", "/tmp::/x:rw"], &["--dir", "found `:rw`", ":ro"]),
        (&["--dir", "/tmp:foo"], &["--dir", "found `:foo`", r"\:"]),
        (&["--dir", "a::b::c"], &["--dir", "a::b::c"]),
        (
            &["--otlp-header", "no value"],
            &["--otlp-header", "NAME=VALUE"],
        ),
        (&["--otlp-header", "bad name=x"], &["--otlp-header"]),
        (
            &["--otlp-compression", "zip"],
            &["--otlp-compression", "zip", "none or gzip"],
        ),
        (
            &["--otlp-certificate", "no/such.pem"],
            &["--otlp-certificate", "no/such.pem", "PEM file"],
        ),
        (
            &["--otlp-client-certificate", "no/such.pem"],
            &["--otlp-client-certificate", "no/such.pem", "PEM file"],
        ),
        (
            &["--otlp-client-key", "no/such.key"],
            &["--otlp-client-key", "no/such.key", "PEM file"],
        ),
        (
            &["--log-level", "info,shop::=off"],
            &["--log-level", "`shop::`"],
        ),
        (
            &["--service-name", ""],
            &["--service-name", "expected a name that is not empty"],
        ),
        (
            &["--flush-timeout", "1"],
            &["--flush-timeout", "for seconds, 1s"],
        ),
        (&["--flush-timeout", "soon"], &["--flush-timeout", "30s"]),
        (
            &["--flush-timeout", "18446744073709551615s"],
            &["--flush-timeout", "at most 100 years"],
        ),
        (
            &["--format", "yaml"],
            &["--format", "yaml", "text, tree, json"],
        ),
        (&["--no-such-option"], &["--no-such-option"]),
    ] {
        let output = attempt.fails(options, &program, &[]);
        assert_stderr_contains(&output, words);
    }
}

fn an_asynchronous_component_is_refused_with_the_missing_feature(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let file = attempt.write("later.wasm", wat::parse_str(ASYNC).expect("a component"));
    let output = attempt.fails(&[], &file, &[]);
    assert_stderr_contains(&output, &["later.wasm", "async"]);
    if runtime == Runtime::WASMEDGE {
        assert_stderr_contains(&output, &["cannot be run on WasmEdge", "(WASI 0.3)"]);
    }
}

/// A WASI 0.3 command, whose functions are asynchronous.
const ASYNC: &str = r#"(component
    (import "wasi:clocks/monotonic-clock@0.3.0" (instance
        (export "wait-for" (func async (param "how-long" u64)))))
    (core module $program
        (func (export "run") (result i32) unreachable)
        (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
    (core instance $program (instantiate $program))
    (func $run async (result (result))
        (canon lift (core func $program "run") async (callback (core func $program "callback"))))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.3.0" (instance $exported)))"#;

fn granted_directories_must_exist(runtime: Runtime) {
    let attempt = Attempt::on(runtime);
    let options = ["--dir", "no/such/folder"];
    let output = attempt.fails(&options, &idle(&attempt), &[]);
    assert_stderr_contains(
        &output,
        &["cannot open the directory no/such/folder", "No such file"],
    );
    let idle = idle(&attempt);
    let file = idle.to_str().expect("text");
    let output = attempt.fails(&["--dir", file], &idle, &[]);
    assert_stderr_contains(&output, &["--dir", file, "it is not a directory"]);
}

#[test]
fn an_unknown_runtime_is_reported_with_the_known_ones() {
    let output = Cli::new()
        .args(["run", "--runtime", "toaster", "app.wasm"])
        .run()
        .expect_code(2);
    assert_stderr_contains(&output, &["--runtime", "toaster", "wasmtime", "wasmedge"]);
}

#[test]
fn an_endpoint_that_is_no_url_is_an_error() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    for endpoint in ["not a url", "ftp://127.0.0.1", "127.0.0.1:4318", ""] {
        let output = Cli::new()
            .args(["run", "--otlp-endpoint", endpoint])
            .arg(&program)
            .run()
            .expect_code(2);
        assert_eq!(output.stdout(), "", "{endpoint:?}: {output}");
        assert!(
            output.stderr.starts_with("wasmscope: error: "),
            "{endpoint:?}: {output}"
        );
        assert!(output.stderr.contains("endpoint"), "{endpoint:?}: {output}");
        assert!(output.stderr.contains(endpoint), "{endpoint:?}: {output}");
    }
}

#[test]
fn an_unsuitable_endpoint_is_reported_with_its_setting() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    let run = |options: &[&str], env: &[(&str, &str)]| {
        let cli = Cli::new().arg("run").args(options).arg(&program);
        cli.envs(env.iter().copied()).run().expect_code(2)
    };
    let output = run(&["--otlp-endpoint", "127.0.0.1:4318"], &[]);
    assert_stderr_contains(
        &output,
        &["error: --otlp-endpoint: expected", "needs http://"],
    );
    let token = "http://127.0.0.1:4317?token=secret";
    let output = run(&["--otlp-endpoint", token, "--otlp-protocol", "grpc"], &[]);
    assert_stderr_contains(
        &output,
        &["error: --otlp-endpoint: expected", "without a query"],
    );
    assert!(!output.stderr.contains("secret"), "{output}");
    let output = run(
        &[],
        &[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "127.0.0.1:4318")],
    );
    assert_stderr_contains(
        &output,
        &["error: OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: expected"],
    );
}

#[test]
fn credentials_in_refused_values_are_not_shown() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    for (options, variable, value) in [
        (
            &["--otlp-endpoint"][..],
            "",
            "https://user:secret@127.0.0.1",
        ),
        (&["--otlp-endpoint"], "", "ftp://127.0.0.1/?token=secret"),
        (&["--otlp-endpoint"], "", "127.0.0.1:4318?token=secret"),
        (&["--otlp-header"], "", "secret"),
        (&["--otlp-header"], "", "bad name=secret"),
        (
            &[],
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://user:secret@127.0.0.1",
        ),
        (
            &[],
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "127.0.0.1?token=secret",
        ),
        (&[], "HTTPS_PROXY", "http://user:secret@127.0.0.1:port"),
        (&[], "OTEL_EXPORTER_OTLP_HEADERS", "secret"),
    ] {
        let mut cli = Cli::new().arg("run").args(options);
        if variable.is_empty() {
            cli = cli.arg(value);
        }
        let output = cli
            .arg(&program)
            .env(variable_or(variable), value)
            .run()
            .expect_code(2);
        assert!(!output.stderr.contains("secret"), "{output}");
        assert_stderr_contains(&output, &[options.first().copied().unwrap_or(variable)]);
    }
}

/// An unused variable, for the cases without one.
fn variable_or(name: &str) -> &str {
    if name.is_empty() { "UNREAD" } else { name }
}

#[test]
fn unsupported_valid_values_are_warnings() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    for (name, value, warning) in [
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
            "OTEL_TRACES_SAMPLER",
            "jaeger_remote",
            "OTEL_TRACES_SAMPLER: `jaeger_remote` is not supported here; the default, parentbased_always_on, is used",
        ),
        (
            "OTEL_TRACES_SAMPLER_ARG",
            "7",
            "OTEL_TRACES_SAMPLER_ARG has no effect: the sampler parentbased_always_on takes no argument",
        ),
    ] {
        let collector = Collector::start();
        let output = Runtime::WASMTIME
            .run()
            .args(["--otlp-endpoint", &collector.endpoint_http()])
            .arg(&program)
            .env(name, value)
            .run()
            .expect_code(0);
        assert_eq!(output.stderr, format!("wasmscope: warning: {warning}\n"));
        assert_eq!(collector.span("run idle").name, "run idle");
    }
}

#[test]
fn a_malformed_context_is_reported_once() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    let run = |env: &[(&str, &str)]| {
        let cli = Runtime::WASMTIME
            .run()
            .args(["--otlp-endpoint", &attempt.collector.endpoint_http()])
            .arg(&program);
        cli.envs(env.iter().copied()).run().expect_code(0)
    };
    let output = run(&[("TRACEPARENT", "00-1234"), ("TRACESTATE", "a=b")]);
    let warnings: Vec<_> = output
        .stderr
        .lines()
        .filter(|line| line.contains("warning"))
        .collect();
    assert_eq!(
        warnings,
        [
            "wasmscope: warning: TRACEPARENT: expected a W3C traceparent, found `00-1234`; a new trace is started"
        ]
    );
    let output = run(&[("BAGGAGE", "a=b,broken")]);
    assert_stderr_contains(
        &output,
        &["warning: BAGGAGE: ", "1 malformed entry left out"],
    );
    let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let output = run(&[("TRACEPARENT", valid), ("TRACESTATE", "broken")]);
    assert_stderr_contains(&output, &["warning: TRACESTATE: "]);
    // There is no warning for variables that are unused or empty.
    let output = run(&[("TRACEPARENT", "00-1234"), ("OTEL_PROPAGATORS", "none")]);
    assert_eq!(output.stderr, "");
    let output = run(&[("TRACEPARENT", ""), ("TRACESTATE", ""), ("BAGGAGE", "")]);
    assert_eq!(output.stderr, "");
}

#[test]
fn the_view_mentions_an_unsampled_trace() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    let run = |options: &[&str], parent: &str| {
        let cli = Runtime::WASMTIME.run().args(options).arg(&program);
        let output = cli.env("TRACEPARENT", parent).run().expect_code(0);
        output
            .stderr
            .lines()
            .find(|line| line.contains("not sampled"))
            .map(String::from)
    };
    let line = run(&["--sampler", "always_off"], "").expect("a line");
    assert!(
        line.contains("no trace is shown: it was not sampled (sampler always_off"),
        "{line}"
    );
    let line = run(
        &[],
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
    )
    .expect("a line");
    assert!(line.contains("or TRACEPARENT"), "{line}");
    assert_eq!(run(&[], ""), None);
    let endpoint = attempt.collector.endpoint_http();
    let sent = ["--sampler", "always_off", "--otlp-endpoint", &endpoint];
    assert_eq!(run(&sent, ""), None, "nothing is shown");
}

#[test]
fn an_invalid_variable_is_named_with_its_value() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let program = idle(&attempt);
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "perhaps"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_EXPORTER", "pigeon"),
        ("OTEL_METRICS_EXPORTER", "pigeon"),
        ("OTEL_LOGS_EXPORTER", "pigeon"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "smoke"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "no/such.pem"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0.5"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "many"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "never"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "some"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "long"),
        ("OTEL_RESOURCE_ATTRIBUTES", "no equals sign"),
        ("OTEL_PROPAGATORS", "pigeon"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "eternal",
        ),
        ("WASMSCOPE_LOG_LEVEL", "loud"),
        ("WASMSCOPE_LOG_LEVEL", "info,shop::=off"),
        ("WASMSCOPE_LIMITS", "patience=1"),
        ("WASMSCOPE_LIMITS", "open_span=1"),
    ] {
        let output = attempt.fails(&[], &program, &[(name, value)]);
        assert_stderr_contains(&output, &[name, value]);
    }
}

#[test]
fn a_misspelt_variable_is_a_warning() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let output = attempt
        .runtime
        .run()
        .arg(idle(&attempt))
        .env("OTEL_SDK_DISABLED", "true")
        .env("OTEL_EXPORTER_OLTP_ENDPOINT", "http://127.0.0.1:4318")
        .run()
        .expect_code(0);
    let warning = "wasmscope: warning: OTEL_EXPORTER_OLTP_ENDPOINT has no effect: it is not known; perhaps \
        OTEL_EXPORTER_OTLP_ENDPOINT was meant\n";
    assert_eq!(output.stderr, warning, "{output}");
}

#[test]
fn invalid_headers_are_not_shown() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let output = attempt.fails(
        &[],
        &idle(&attempt),
        &[("OTEL_EXPORTER_OTLP_HEADERS", "token-without-a-name")],
    );
    assert_stderr_contains(&output, &["OTEL_EXPORTER_OTLP_HEADERS"]);
    assert!(
        !output.stderr.contains("token"),
        "a header may be a secret: {output}"
    );
}

#[test]
fn an_invalid_sampler_argument_is_named() {
    let attempt = Attempt::on(Runtime::WASMTIME);
    let output = attempt.fails(
        &[],
        &idle(&attempt),
        &[
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "half"),
        ],
    );
    assert_stderr_contains(&output, &["OTEL_TRACES_SAMPLER_ARG", "half"]);
}

fn an_unwritable_output_file_is_detected_before_the_program_runs(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let output = runtime
        .run()
        .args(["--output", "no/such/folder/out.txt"])
        .arg(program())
        .current_dir(folder.path())
        .run()
        .expect_code(2);
    assert_eq!(output.stdout(), "", "{output}");
    assert_stderr_contains(&output, &["--output", "no/such/folder/out.txt"]);
}

#[test]
fn a_component_in_place_of_the_subcommand_gets_advice() {
    let output = Cli::new().arg("app.wasm").run().expect_code(2);
    assert_stderr_contains(&output, &["wasmscope run app.wasm"]);
}

#[test]
fn every_message_has_the_same_prefix() {
    for args in [
        &["run"][..],
        &["run", "--no-such", "a.wasm"],
        &["run", "--runtime", "toaster", "a.wasm"],
        &["run", "--timeout", "soon", "a.wasm"],
        &["run", "no/such.wasm"],
        &["inspect"],
        &["inspect", "no/such.wasm"],
        &["stroll"],
        &["app.wasm"],
    ] {
        let output = Cli::new().args(args).run().expect_code(2);
        assert!(
            output.stderr.starts_with("wasmscope: error: "),
            "{args:?}: {output}"
        );
        assert_eq!(output.stderr.matches("error:").count(), 1, "{output}");
    }
}

#[test]
fn without_a_component_the_usage_is_shown() {
    let output = Cli::new().arg("run").run().expect_code(2);
    assert!(output.stderr.contains("<COMPONENT>"), "{output}");
    let output = Cli::new().run().expect_code(2);
    assert!(output.stderr.contains("Usage: wasmscope"), "{output}");
}
