//! A program without Wasmscope. It behaves alike on every runtime, and the host's telemetry
//! describes it.

use wasmscope_test_support::{Collector, Output};
use wasmscope_tests::{RUNTIMES, Runtime, guest};

/// Runs `run` on each runtime, checks that the results are equal, and returns the result.
fn alike<T: PartialEq + std::fmt::Debug>(run: impl Fn(Runtime) -> T) -> T {
    let mut results = RUNTIMES.iter().map(|runtime| (runtime.name, run(*runtime)));
    let (first, expected) = results.next().expect("a runtime");
    for (name, result) in results {
        assert_eq!(result, expected, "{name} on the left, {first} on the right");
    }
    expected
}

/// Returns standard error without the message about the first compilation.
fn stderr(output: &Output) -> String {
    let lines = output.stderr.lines();
    lines
        .filter(|line| !line.starts_with("wasmscope: compiling for WasmEdge"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn its_output_is_equal_on_every_runtime() {
    let output = alike(|runtime| {
        let folder = tempfile::tempdir().expect("a folder");
        let output = runtime
            .run()
            .args(["--env", "GIVEN=a value", "--dir", ".::/data"])
            .arg(guest("ordinary"))
            .args(["--flag", "ünïcödé", ""])
            .stdin("one two\nTwo\n\n\u{feff}three\r\nno end")
            .env("OTEL_SDK_DISABLED", "true")
            .current_dir(folder.path())
            .run()
            .expect_code(0);
        assert_eq!(stderr(&output), "", "{}: {output}", runtime.name);
        output.stdout().to_owned()
    });
    // The output must also be correct.
    for line in [
        r#"arguments: ["ordinary.wasm", "--flag", "ünïcödé", ""]"#,
        r#"environment: {"GIVEN": "a value"}"#,
        r#""two": 2"#,
        r#"written, changed and read: "0123ü6789abc""#,
        "cut: 5 bytes",
        r#"entries: [("a", true, false), ("three.txt", false, true), ("two.txt", false, true)]"#,
        "modified: true",
        "a folder that is not empty: Err(",
        "a file that is not there: Err(NotFound)",
        "twice: Err(AlreadyExists)",
        "slept long enough: true",
        "time goes on: true",
        "today is recent: true",
        "random numbers differ: true",
        "0.30000000000000004",
    ] {
        assert!(output.contains(line), "no {line:?} in\n{output}");
    }
}

#[test]
fn large_output_arrives_completely() {
    const LINES: usize = 30_000;
    let output = alike(|runtime| {
        let output = runtime
            .run()
            .arg(guest("ordinary"))
            .args(["much", &LINES.to_string()])
            .env("OTEL_SDK_DISABLED", "true")
            .run();
        output.expect_code(0).stdout
    });
    assert_eq!(output.iter().filter(|&&byte| byte == b'\n').count(), LINES);
}

#[test]
fn its_failure_is_in_the_hosts_span() {
    let span = alike(|runtime| {
        let collector = Collector::start();
        let output = runtime
            .run()
            .args(["--otlp-endpoint", &collector.endpoint_http()])
            .arg(guest("ordinary"))
            .arg("fail")
            .run()
            .expect_code(1);
        assert_eq!(stderr(&output), "it fails\n", "{output}");
        let span = collector.span("run ordinary");
        assert_eq!(
            span.resource.attr("process.runtime.name"),
            Some(runtime.options[1].into())
        );
        let mut attributes: Vec<_> = ["wasmscope.outcome", "process.exit.code", "error.type"]
            .iter()
            .map(|key| format!("{key} = {:?}", span.attr(key)))
            .collect();
        let mut metrics: Vec<_> = collector
            .metrics()
            .into_iter()
            .map(|metric| metric.name.clone())
            .collect();
        metrics.sort();
        metrics.dedup();
        attributes.extend(metrics);
        attributes
    });
    assert!(
        span.contains(&"wasmscope.runtime.memory".to_owned()),
        "{span:?}"
    );
}
