//! Standard streams that nobody reads, or that are not there: the command still ends when it should, and as it should.

use std::time::Duration;

use wasmscope_test_support::{Cli, Collector, Output, Reply};
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    a_program_that_nobody_listens_to_is_stopped_when_its_time_is_over,
    a_program_that_nobody_listens_to_is_stopped_by_a_signal,
    a_reader_that_goes_away_is_an_error_in_the_program,
    streams_that_are_closed_are_empty_and_take_everything,
    a_standard_error_that_takes_nothing_changes_no_exit_code,
    a_second_signal_waits_for_no_collector,
}

/// A program that writes more than any pipe holds.
fn much(runtime: Runtime, options: &[&str]) -> Cli {
    runtime
        .run()
        .args(options)
        .arg(guest("ordinary"))
        .args(["much", "1000000"])
        .env("OTEL_SDK_DISABLED", "true")
}

fn a_program_that_nobody_listens_to_is_stopped_when_its_time_is_over(runtime: Runtime) {
    let output = much(runtime, &["--timeout", "500ms"]).leave_stdout().run();
    let output = output.expect_code(124);
    let expected = "wasmscope: the program was stopped: it ran longer than --timeout allows\n";
    assert_eq!(output.stderr, expected, "{output}");
}

fn a_program_that_nobody_listens_to_is_stopped_by_a_signal(runtime: Runtime) {
    let collector = Collector::start();
    let running = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .arg(guest("ordinary"))
        .args(["much", "1000000"])
        .env("OTEL_METRIC_EXPORT_INTERVAL", "20")
        .leave_stdout()
        .spawn();
    // It runs, then, and what a pipe holds is soon written.
    collector.wait_for(
        |collector| {
            let metrics = collector.metrics();
            metrics
                .iter()
                .any(|metric| metric.name == "wasmscope.runtime.memory")
        },
        Duration::from_secs(30),
    );
    running.interrupt();
    let output = running.finish().expect_code(130);
    assert!(!output.stderr.contains("panicked"), "{output}");
}

/// Runs a line of the shell in which `"$@"` is the command.
fn shell(line: &str, runtime: Runtime, arguments: &[&str]) -> Output {
    Cli::program("sh")
        .args(["-c", line, "sh"])
        .arg(wasmscope_test_support::binary::binary())
        .arg("run")
        .args(runtime.options)
        .arg(guest("ordinary"))
        .args(arguments)
        .env("OTEL_SDK_DISABLED", "true")
        .run()
}

fn a_reader_that_goes_away_is_an_error_in_the_program(runtime: Runtime) {
    let line = r#"{ "$@"; echo "exit code $?" >&2; } | head -n 1"#;
    let output = shell(line, runtime, &["much", "100000"]).expect_code(0);
    assert_eq!(output.stdout().lines().count(), 1, "{output}");
    assert_eq!(output.stderr, "nobody reads on\nexit code 0\n", "{output}");
}

fn streams_that_are_closed_are_empty_and_take_everything(runtime: Runtime) {
    let output = shell(r#""$@" <&- "#, runtime, &[]).expect_code(0);
    assert!(output.stdout().contains("words: {}\n"), "{output}");
    let output = shell(r#""$@" >&- "#, runtime, &["much", "10"]).expect_code(0);
    assert_eq!(output.stderr, "", "{output}");
    let output = shell(r#""$@" <&- >&- 2>&-"#, runtime, &["fail"]).expect_code(1);
    assert_eq!(output.stderr, "", "{output}");
}

fn a_standard_error_that_takes_nothing_changes_no_exit_code(runtime: Runtime) {
    // Its error status is said, and its telemetry shown.
    Cli::program("sh")
        .args(["-c", r#""$@" 2>/dev/full"#, "sh"])
        .arg(wasmscope_test_support::binary::binary())
        .arg("run")
        .args(runtime.options)
        .arg(guest("endings"))
        .arg("abort")
        .run()
        .expect_code(134);
}

fn a_second_signal_waits_for_no_collector(runtime: Runtime) {
    let collector = Collector::start();
    collector.respond_always(Reply::Never);
    let running = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .args(["--flush-timeout", "1h"])
        .arg(guest("endings"))
        .arg("loop")
        .spawn();
    running.wait_for_stdout(|stdout| stdout.contains("ready"));
    running.interrupt();
    // It delivers what there is, and waits.
    collector.wait_for(
        |collector| !collector.requests().is_empty(),
        Duration::from_secs(30),
    );
    running.interrupt();
    let _ = running.finish().expect_code(130);
}
