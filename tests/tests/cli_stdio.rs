//! `wasmscope run --stdio`: lines with the trace of the run, and log records.

use wasmscope_test_support::{Cli, Collector, Value};
use wasmscope_tests::{Runtime, guest, on_each_engine};

on_each_engine! {
    lines_have_the_trace_of_the_run,
    lines_become_log_records_of_the_run,
    lines_wait_for_a_slow_reader,
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A program that prints standard input and other things, in a trace.
fn printing(runtime: Runtime, stdio: &str, args: &[&str]) -> Cli {
    runtime
        .run()
        .args(["--stdio", stdio])
        .arg(guest("ordinary"))
        .args(args)
        .env("TRACEPARENT", format!("00-{TRACE}-b7ad6b7169203331-01"))
}

fn lines_have_the_trace_of_the_run(runtime: Runtime) {
    let program = printing(runtime, "lines", &[]).stdin("a line");
    let output = program.run().expect_code(0);
    let words = format!("[{TRACE}] words: {{\"a\": 1, \"line\": 1}}\n");
    assert!(output.stdout().contains(&words), "{output}");
    let prefix = format!("[{TRACE}] ");
    assert!(
        output
            .stdout()
            .lines()
            .all(|line| line.starts_with(&prefix)),
        "{output}"
    );
    let output = printing(runtime, "lines", &["fail"]).run().expect_code(1);
    assert!(
        output.stderr.contains(&format!("[{TRACE}] it fails\n")),
        "{output}"
    );
    // Without traces there is no id.
    let output = runtime
        .run()
        .args(["--stdio", "lines"])
        .arg(guest("ordinary"))
        .arg("fail")
        .env("OTEL_SDK_DISABLED", "true")
        .run()
        .expect_code(1);
    assert!(output.stderr.contains("[-] it fails\n"), "{output}");
    // A closed reader is an error of the program, as without lines.
    let closed = printing(runtime, "lines", &["much", "1000000"]).close_stdout();
    let output = closed.run().expect_code(0);
    assert!(output.stderr.contains("the reader has closed"), "{output}");
}

fn lines_become_log_records_of_the_run(runtime: Runtime) {
    let collector = Collector::start();
    let output = printing(runtime, "logs", &["fail"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint_http())
        .run()
        .expect_code(1);
    assert_eq!(output.stdout(), "");
    assert!(!output.stderr.contains("it fails"), "{output}");
    let log = collector.log("it fails");
    assert!(log.is_in(&collector.span("run ordinary")));
    assert_eq!(
        log.attr("log.iostream"),
        Some(Value::Str("stderr".to_owned()))
    );
    // On the terminal without an endpoint, and nowhere without logs.
    let output = printing(runtime, "logs", &["fail"]).run().expect_code(1);
    assert!(output.stderr.contains("it fails"), "{output}");
    let lost = printing(runtime, "logs", &["fail"]).env("OTEL_LOGS_EXPORTER", "none");
    let output = lost.run().expect_code(1);
    assert!(!output.stderr.contains("it fails"), "{output}");
    let warning = "wasmscope: warning: what the program prints is lost";
    assert!(output.stderr.contains(warning), "{output}");
}

fn lines_wait_for_a_slow_reader(runtime: Runtime) {
    // More than the host keeps, and longer than a server waits.
    let slow = runtime
        .run_in_shell(r#""$@" | (sleep 2; wc -l)"#)
        .args(["--stdio", "lines"])
        .arg(guest("ordinary"))
        .args(["much", "100000"])
        .env("OTEL_SDK_DISABLED", "true");
    assert_eq!(slow.run().expect_code(0).stdout().trim(), "100000");
    // Who does not read cannot keep the program.
    let stopped = runtime
        .run()
        .args(["--stdio", "lines", "--timeout", "1s"])
        .arg(guest("ordinary"))
        .args(["much", "1000000"])
        .env("OTEL_SDK_DISABLED", "true")
        .leave_stdout();
    let output = stopped.run().expect_code(124);
    assert!(
        output
            .stderr
            .contains(" lines of the program: standard output"),
        "{output}"
    );
}
