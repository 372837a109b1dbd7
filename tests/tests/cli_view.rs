//! The output of `wasmscope run` without an endpoint. The program's own streams are unchanged.

#![expect(clippy::unwrap_used, reason = "a failed set-up fails the test")]

use std::path::Path;

use wasmscope_test_support::{Cli, Output};
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    the_view_goes_to_standard_error_without_colours,
    the_view_goes_to_a_given_file,
    options_without_effect_are_warnings,
    json_is_one_otlp_request_a_line,
    what_was_written_is_shown_as_it_was,
    the_view_is_shown_after_a_trap_too,
    the_view_mentions_a_program_without_telemetry,
    bytes_pass_through_unchanged,
    the_program_cannot_write_to_a_read_only_directory,
}

fn run(runtime: Runtime, options: &[&str], folder: &Path) -> Output {
    runtime
        .run()
        .args(options)
        .arg(guest("sdk-direct"))
        .current_dir(folder)
        .run()
        .expect_code(0)
}

/// The guest also writes bytes that are not UTF-8.
fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn the_view_goes_to_standard_error_without_colours(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(runtime, &[], folder.path());
    assert!(
        output.stdout().contains("\ndebug is enabled: false\n"),
        "{output}"
    );
    assert!(!output.stdout().contains("outer"), "{output}");
    assert!(!output.stderr.contains('\u{1b}'), "{output}");
    for word in [
        "run sdk-direct",
        "outer",
        "inner, entered",
        "count",
        "{thing}",
        "thing.happened",
    ] {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
}

fn the_view_goes_to_a_given_file(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(runtime, &["--output", "shown.txt"], folder.path());
    assert_eq!(output.stderr, "", "{output}");
    let shown = std::fs::read_to_string(folder.path().join("shown.txt")).unwrap();
    assert!(shown.contains("inner, entered"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

fn options_without_effect_are_warnings(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(runtime, &["--otlp-protocol", "grpc"], folder.path());
    let warning = "warning: --otlp-protocol has no effect without an endpoint";
    assert!(output.stderr.contains(warning), "{output}");

    let output = runtime
        .run()
        .args(["--format", "json", "--output", "shown.jsonl"])
        .arg(guest("guest-environment"))
        .env("OTEL_TRACES_EXPORTER", "none")
        .env("OTEL_METRICS_EXPORTER", "none")
        .env("OTEL_LOGS_EXPORTER", "none")
        .current_dir(folder.path())
        .run()
        .expect_code(0);
    for option in ["--format", "--output"] {
        let warning = format!("warning: {option} has no effect: no telemetry is shown here");
        assert!(output.stderr.contains(&warning), "{output}");
    }
}

fn json_is_one_otlp_request_a_line(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let _ = run(
        runtime,
        &["--format", "json", "--output", "shown.jsonl"],
        folder.path(),
    );
    let shown = std::fs::read_to_string(folder.path().join("shown.jsonl")).unwrap();
    let mut spans = Vec::new();
    let mut metrics = Vec::new();
    let mut logs = Vec::new();
    for line in shown.lines() {
        // Protobuf's JSON mapping, which a collector's file receiver reads.
        let value: serde_json::Value = serde_json::from_str(line).expect(line);
        let keys: Vec<_> = value.as_object().expect(line).keys().cloned().collect();
        match keys[..] {
            [ref key] if key == "resourceSpans" => {
                spans.extend(wasmscope_test_support::views::spans_of(
                    &serde_json::from_str(line).expect(line),
                ));
            }
            [ref key] if key == "resourceMetrics" => {
                metrics.extend(wasmscope_test_support::views::metrics_of(
                    &serde_json::from_str(line).expect(line),
                ));
            }
            [ref key] if key == "resourceLogs" => {
                logs.extend(wasmscope_test_support::views::logs_of(
                    &serde_json::from_str(line).expect(line),
                ));
            }
            _ => panic!("not one request: {keys:?}"),
        }
    }
    assert_eq!(
        spans.iter().filter(|span| span.name == "outer").count(),
        1,
        "{shown}"
    );
    assert_eq!(
        metrics
            .iter()
            .filter(|metric| metric.name == "count")
            .count(),
        1,
        "{shown}"
    );
    assert_eq!(
        logs.iter()
            .filter(|log| log.event_name == "thing.happened")
            .count(),
        1,
        "{shown}"
    );
}

fn the_view_is_shown_after_a_trap_too(runtime: Runtime) {
    let output = runtime
        .run()
        .arg(guest("endings"))
        .arg("abort")
        .run()
        .expect_code(134);
    assert_eq!(output.stdout(), "");
    for word in [
        "the program trapped",
        "outer",
        "inner",
        "got this far",
        "about to end",
        "unreachable",
    ] {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
}

fn the_view_mentions_a_program_without_telemetry(runtime: Runtime) {
    let output = runtime
        .run()
        .arg(guest("guest-environment"))
        .env("OTEL_SDK_DISABLED", "true")
        .run()
        .expect_code(0);
    assert!(text(&output).contains("arguments: []"), "{output}");
}

fn bytes_pass_through_unchanged(runtime: Runtime) {
    let output = runtime
        .run()
        .arg(guest("guest-environment"))
        .run()
        .expect_code(0);
    assert!(output.stdout.ends_with(b"b\0\t\xff\n"), "{output}");
    assert!(
        output.stderr.contains("and on standard error\n"),
        "{output}"
    );
}

fn the_program_cannot_write_to_a_read_only_directory(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let output = runtime
        .run()
        .args(["--dir", "in::/in:ro", "--dir", "in::/out"])
        .arg(guest("guest-environment"))
        .current_dir(folder.path())
        .run()
        .expect_code(0);
    assert!(text(&output).contains("/in is written: false"), "{output}");
    assert!(text(&output).contains("/out is written: true"), "{output}");
    let written = std::fs::read_to_string(folder.path().join("in/new.txt")).unwrap();
    assert_eq!(written, "new");
}

#[test]
fn telemetry_of_two_services_becomes_whole_traces() {
    let folder = tempfile::tempdir().unwrap();
    let line = |service: &str, span: &str| {
        format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}},"scopeSpans":[{{"scope":{{"name":"s"}},"spans":[{{"traceId":"0af7651916cd43dd8448eb211c80319c",{span}}}]}}]}}]}}"#
        )
    };
    let asks = r#""spanId":"00000000000000aa","name":"asks","kind":3"#;
    let answers = r#""spanId":"00000000000000bb","parentSpanId":"00000000000000aa","name":"answers","kind":2"#;
    // The order of files and lines does not matter.
    let files = [
        (
            "prices.jsonl",
            format!("{}\n\nnonsense\n", line("prices", answers)),
        ),
        ("shop.jsonl", line("shop", asks)),
    ];
    for (name, lines) in &files {
        std::fs::write(folder.path().join(name), lines).unwrap();
    }
    let output = Cli::new()
        .args(["view", "prices.jsonl", "shop.jsonl"])
        .current_dir(folder.path())
        .run()
        .expect_code(0);
    let shown = output.stdout();
    assert!(shown.contains("· 2 spans ·"), "{shown}");
    assert!(shown.contains("asks (client)  [s]"), "{shown}");
    assert!(
        shown.contains("└─ answers (server)  [prices: s]"),
        "{shown}"
    );
    let warning = "wasmscope: warning: prices.jsonl: line 3 is not OTLP JSON: ";
    assert!(output.stderr.starts_with(warning), "{output}");
}

#[test]
fn the_view_of_nothing_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.jsonl"), "").unwrap();
    for (file, expected) in [
        (
            "empty.jsonl",
            "wasmscope: error: there is no telemetry in the files",
        ),
        (
            "missing.jsonl",
            "wasmscope: error: cannot read missing.jsonl: No such file",
        ),
        (".", "wasmscope: error: cannot read .: Is a directory"),
    ] {
        let output = Cli::new()
            .args(["view", file])
            .current_dir(folder.path())
            .run()
            .expect_code(2);
        assert!(output.stderr.starts_with(expected), "{output}");
    }
}

fn what_was_written_is_shown_as_it_was(runtime: Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let written = ["--format", "json", "--output", "written.jsonl"];
    let _ = run(runtime, &written, folder.path());
    let output = Cli::new()
        .args(["view", "written.jsonl"])
        .current_dir(folder.path())
        .run()
        .expect_code(0);
    for word in ["run sdk-direct", "outer", "{thing}", "thing.happened"] {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
    assert_eq!(output.stderr, "", "{output}");
}
