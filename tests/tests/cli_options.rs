//! Options that are given more than once, in upper or lower case, or without effect.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use wasmscope_test_support::{Collector, Output};
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    the_last_value_of_a_variable_holds_once,
    a_variable_that_is_not_set_is_a_warning,
    the_last_directory_of_a_name_holds,
    the_last_value_of_an_option_holds,
    the_last_header_of_a_name_is_sent_in_any_case,
    names_of_values_may_be_in_any_case,
}

fn run_guest(runtime: Runtime, options: &[&str], env: &[(&str, &str)]) -> Output {
    runtime
        .run()
        .args(options)
        .arg(guest("guest-environment"))
        .env("OTEL_SDK_DISABLED", "true")
        .envs(env.iter().copied())
        .run()
        .expect_code(0)
}

#[track_caller]
fn prints(output: &Output, line: &str) {
    let found = output
        .stdout
        .split(|byte| *byte == b'\n')
        .any(|found| found == line.as_bytes());
    assert!(found, "no {line:?} in {output}");
}

fn the_last_value_of_a_variable_holds_once(runtime: Runtime) {
    let set = [("A", "outside")];
    for (options, expected) in [
        (&["--env", "A=1", "--env", "A=2"][..], r#"[("A", "2")]"#),
        (&["--env", "A", "--env", "A=2"], r#"[("A", "2")]"#),
        (&["--env", "A=1", "--env", "A"], r#"[("A", "outside")]"#),
        (
            &["--env", "A=1", "--env", "a=2"],
            r#"[("A", "1"), ("a", "2")]"#,
        ),
        (&["--env", "A=1", "--env", "A="], r#"[("A", "")]"#),
    ] {
        let output = run_guest(runtime, options, &set);
        prints(&output, &format!("environment: {expected}"));
    }
}

fn a_variable_that_is_not_set_is_a_warning(runtime: Runtime) {
    let output = run_guest(runtime, &["--env", "A=1", "--env", "A"], &[]);
    prints(&output, r#"environment: [("A", "1")]"#);
    let warning = "wasmscope: warning: --env A has no effect: the variable is not set here\n";
    assert!(output.stderr.contains(warning), "{output}");
}

fn the_last_directory_of_a_name_holds(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["first", "last"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        std::fs::write(folder.path().join(name).join("a.txt"), name).unwrap();
    }
    for guest_path in ["/in", "/in/"] {
        let last = format!("last::{guest_path}:ro");
        let output = runtime
            .run()
            .args(["--dir", "first::/in", "--dir", &last])
            .arg(guest("guest-environment"))
            .env("OTEL_SDK_DISABLED", "true")
            .current_dir(folder.path())
            .run()
            .expect_code(0);
        prints(&output, r#"/in/a.txt: "last""#);
        prints(&output, "/in is written: false, and read back: None");
    }
}

fn the_last_value_of_an_option_holds(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    // Each first value would end the program, hide it, or stop the command.
    for twice in [
        &["--timeout", "1ms", "--timeout", "1h"][..],
        &["--fuel", "1", "--fuel", "100000000000"],
        &["--max-memory", "1KiB", "--max-memory", "1GiB"],
        &["--network", "--network"],
        &["--small", "--small"],
        &["--service-name", "a", "--service-name", "b"],
        &["--sampler", "always_off", "--sampler", "always_on"],
        &["--log-level", "off", "--log-level", "info"],
        &["--flush-timeout", "1ms", "--flush-timeout", "5s"],
        &[
            "--otlp-protocol",
            "grpc",
            "--otlp-protocol",
            "http/protobuf",
        ],
        &[
            "--otlp-endpoint",
            "http://127.0.0.1:1",
            "--otlp-endpoint",
            "http://127.0.0.1:2",
        ],
        &["--format", "json", "--format", "text"],
        &["--output", "no/such/file", "--output", "shown.txt"],
    ] {
        let output = runtime
            .run()
            .args(twice)
            .arg(guest("guest-environment"))
            .env("OTEL_SDK_DISABLED", "true")
            .current_dir(folder.path())
            .run()
            .expect_code(0);
        prints(&output, "arguments: []");
    }
    let other = match runtime {
        Runtime::WASMTIME => "wasmedge",
        _ => "wasmtime",
    };
    let collector = Collector::start();
    let output = wasmscope_test_support::Cli::new()
        .args(["run", "--otlp-endpoint", &collector.endpoint_http()])
        .args(["--service-name", "first", "--service-name", "last"])
        .args(["--runtime", other, "--runtime", runtime.name])
        .arg(guest("guest-environment"))
        .run()
        .expect_code(0);
    prints(&output, "arguments: []");
    let span = collector.span("run guest-environment");
    for (found, expected) in [
        (span.resource.attr("service.name"), "last"),
        (span.attr("process.runtime.name"), runtime.name),
    ] {
        let found = format!("{found:?}");
        assert!(found.contains(expected), "no {expected} in {found}");
    }
}

fn the_last_header_of_a_name_is_sent_in_any_case(runtime: Runtime) {
    let collector = Collector::start();
    let _ = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .args([
            "--otlp-header",
            "X-Token=first",
            "--otlp-header",
            "x-token=last",
        ])
        .arg(guest("guest-environment"))
        .run()
        .expect_code(0);
    for request in collector.requests() {
        let values: Vec<_> = request
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-token"))
            .map(|(_, value)| value.clone())
            .collect();
        assert_eq!(values, ["last"]);
    }
}

fn names_of_values_may_be_in_any_case(runtime: Runtime) {
    let name = runtime.name.to_uppercase();
    let output = wasmscope_test_support::Cli::new()
        .args(["run", "--runtime", &name, "--format", "JSON"])
        .args([
            "--sampler",
            "Always_On",
            "--otlp-protocol",
            "GRPC",
            "--log-level",
            "WARN",
        ])
        .arg(guest("guest-environment"))
        .env("OTEL_SDK_DISABLED", "true")
        .run()
        .expect_code(0);
    prints(&output, "arguments: []");
    let _ = wasmscope_test_support::Cli::new()
        .args(["inspect", "--runtime", &name, "--runtime", "WasmEdge"])
        .arg(guest("guest-environment"))
        .run()
        .expect_code(0);
}
