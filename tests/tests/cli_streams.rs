//! Standard streams that are closed or not read. The command still ends in time, with the right
//! exit code.

use std::time::Duration;

use wasmscope_test_support::{Cli, Collector, Output, Reply, Running, Signal};
use wasmscope_tests::{Runtime, guest, on_each_engine, on_each_runtime};

on_each_runtime! {
    a_program_with_unread_output_is_stopped_at_its_timeout,
    a_program_with_unread_output_is_stopped_by_a_signal,
    a_closed_reader_is_an_error_in_the_program,
    closed_streams_are_empty_and_accept_everything,
    an_unwritable_standard_error_changes_no_exit_code,
    every_signal_that_ends_a_program_delivers_its_telemetry,
    ignored_signals_stay_ignored,
    a_command_in_the_background_of_a_script_is_not_interrupted,
    a_second_signal_gives_up_the_delivery,
    a_signal_during_the_delivery_does_not_end_it,
}

/// A program that writes more than a pipe holds.
fn much(runtime: Runtime, options: &[&str]) -> Cli {
    runtime
        .run()
        .args(options)
        .arg(guest("ordinary"))
        .args(["much", "1000000"])
        .env("OTEL_SDK_DISABLED", "true")
}

fn a_program_with_unread_output_is_stopped_at_its_timeout(runtime: Runtime) {
    let output = much(runtime, &["--timeout", "500ms"]).leave_stdout().run();
    let output = output.expect_code(124);
    let expected = "wasmscope: the program was stopped: it ran longer than --timeout allows\n";
    assert_eq!(output.stderr, expected, "{output}");
}

fn a_program_with_unread_output_is_stopped_by_a_signal(runtime: Runtime) {
    let collector = Collector::start();
    let running = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .arg(guest("ordinary"))
        .args(["much", "1000000"])
        .env("OTEL_METRIC_EXPORT_INTERVAL", "20")
        .leave_stdout()
        .spawn();
    // The program runs now. It soon fills the pipe.
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

/// Runs a line of shell script in which `"$@"` is the command.
fn shell(line: &str, runtime: Runtime, arguments: &[&str]) -> Output {
    runtime
        .run_in_shell(line)
        .arg(guest("ordinary"))
        .args(arguments)
        .env("OTEL_SDK_DISABLED", "true")
        .run()
}

fn a_closed_reader_is_an_error_in_the_program(runtime: Runtime) {
    let line = r#"{ "$@"; echo "exit code $?" >&2; } | head -n 1"#;
    let output = shell(line, runtime, &["much", "100000"]).expect_code(0);
    assert_eq!(output.stdout().lines().count(), 1, "{output}");
    assert_eq!(
        output.stderr, "the reader has closed\nexit code 0\n",
        "{output}"
    );
}

fn closed_streams_are_empty_and_accept_everything(runtime: Runtime) {
    let output = shell(r#""$@" <&- "#, runtime, &[]).expect_code(0);
    assert!(output.stdout().contains("words: {}\n"), "{output}");
    let output = shell(r#""$@" >&- "#, runtime, &["much", "10"]).expect_code(0);
    assert_eq!(output.stderr, "", "{output}");
    let output = shell(r#""$@" <&- >&- 2>&-"#, runtime, &["fail"]).expect_code(1);
    assert_eq!(output.stderr, "", "{output}");
}

fn an_unwritable_standard_error_changes_no_exit_code(runtime: Runtime) {
    // The command would print the error status and the telemetry.
    runtime
        .run_in_shell(r#""$@" 2>/dev/full"#)
        .arg(guest("endings"))
        .arg("abort")
        .run()
        .expect_code(134);
}

/// Starts a program that runs until it is stopped, with a collector.
fn looping(runtime: Runtime, collector: &Collector) -> Cli {
    runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .args(["--flush-timeout", "1h"])
        .arg(guest("endings"))
        .arg("loop")
}

fn every_signal_that_ends_a_program_delivers_its_telemetry(runtime: Runtime) {
    let signals = [
        (129, Running::hang_up as fn(&Running)),
        (130, Running::interrupt),
        (131, Running::quit),
        (143, Running::terminate),
    ];
    for (code, send) in signals {
        let collector = Collector::start();
        let running = looping(runtime, &collector).spawn();
        running.wait_for_stdout(|stdout| stdout.contains("ready"));
        send(&running);
        let output = running.finish().expect_code(code);
        assert_eq!(output.stderr, "", "{code}");
        for name in ["run endings", "outer", "inner", "finished before"] {
            let _ = collector.span(name);
        }
    }
}

fn ignored_signals_stay_ignored(runtime: Runtime) {
    let signals = [
        ("HUP", 129, Running::hang_up as fn(&Running)),
        ("INT", 130, Running::interrupt),
        ("QUIT", 131, Running::quit),
        ("TERM", 143, Running::terminate),
    ];
    for (name, _, ignored) in signals {
        // `nohup` ignores SIGHUP in the same way.
        let running = runtime
            .run_in_shell(&format!(r#"trap '' {name}; exec "$@""#))
            .arg(guest("endings"))
            .arg("loop")
            .env("OTEL_SDK_DISABLED", "true")
            .spawn();
        running.wait_for_stdout(|stdout| stdout.contains("ready"));
        ignored(&running);
        std::thread::sleep(Duration::from_millis(300));
        // The other signals still end the program.
        let (_, code, other) = signals[usize::from(name == "HUP")];
        other(&running);
        running.finish().expect_code(code);
    }
}

fn a_command_in_the_background_of_a_script_is_not_interrupted(runtime: Runtime) {
    // A terminal sends both signals to the whole process group. This shell has no job control.
    let line = r#""$@" > stdout &
        until grep -q ready stdout; do sleep 0.05; done
        kill -INT $!; kill -QUIT $!; sleep 0.3
        kill -TERM $!; wait $!; echo "exit code $?""#;
    let folder = tempfile::tempdir().expect("a folder");
    let output = runtime
        .run_in_shell(line)
        .arg(guest("endings"))
        .arg("loop")
        .env("OTEL_SDK_DISABLED", "true")
        .current_dir(folder.path())
        .run()
        .expect_code(0);
    assert_eq!(output.stdout(), "exit code 143\n", "{output}");
}

fn a_signal_during_the_delivery_does_not_end_it(runtime: Runtime) {
    let collector = Collector::start();
    collector.respond_with([Reply::Slow(Duration::from_secs(1))]);
    let running = runtime
        .run()
        .args(["--otlp-endpoint", &collector.endpoint_http()])
        .args(["--flush-timeout", "30s"])
        .arg(guest("endings"))
        .arg("leak")
        .spawn();
    collector.wait_for(
        |collector| !collector.requests().is_empty(),
        Duration::from_secs(30),
    );
    running.terminate();
    let output = running.finish().expect_code(0);
    assert_eq!(output.stderr, "", "{output}");
    let _ = collector.span("run endings");
}

fn a_second_signal_gives_up_the_delivery(runtime: Runtime) {
    let collector = Collector::start();
    collector.respond_always(Reply::Never);
    // The collector answers only requests with logs.
    collector.respond_to(Signal::Logs, [Reply::Accept]);
    let running = looping(runtime, &collector).spawn();
    running.wait_for_stdout(|stdout| stdout.contains("ready"));
    running.interrupt();
    // The command delivers its telemetry, and waits for the collector.
    collector.wait_for(
        |collector| {
            let signals = [Signal::Traces, Signal::Metrics, Signal::Logs];
            signals
                .iter()
                .all(|signal| collector.attempts_for(*signal) > 0)
        },
        Duration::from_secs(30),
    );
    // The answer to the logs has been read by now.
    std::thread::sleep(Duration::from_millis(300));
    running.interrupt();
    let output = running.finish().expect_code(130);
    for words in [
        "the second signal ended the delivery of telemetry; delivered before: 0 spans, 0 data points, 1 log records",
        "4 of 4 spans lost: not sent in time; ",
        " data points lost: not sent in time",
    ] {
        assert!(output.stderr.contains(words), "{output}");
    }
    assert!(!output.stderr.contains("--flush-timeout"), "{output}");
}

mod stuck {
    //! Guests that are stopped while they wait in host calls, some of which cannot be interrupted.

    use std::net::TcpListener;

    use wasmscope_test_support::{Running, Value};

    use super::*;

    on_each_engine! {
        a_guest_that_waits_for_standard_output_loses_no_telemetry_at_its_timeout,
        a_guest_that_waits_for_standard_output_loses_no_telemetry_by_a_signal,
        a_guest_that_waits_for_standard_error_loses_no_telemetry,
        a_guest_that_waits_for_standard_input_loses_no_telemetry,
        a_guest_that_waits_for_a_pipe_loses_no_telemetry,
        a_guest_that_waits_for_the_network_loses_no_telemetry,
        output_that_is_read_late_changes_no_telemetry,
    }

    fn command(runtime: Runtime, collector: &Collector, options: &[&str], args: &[&str]) -> Cli {
        runtime
            .run()
            .args(["--otlp-endpoint", &collector.endpoint_http()])
            .args(options)
            .arg(guest("endings"))
            .args(args)
    }

    /// Checks that the telemetry of a stopped guest has arrived, and only once.
    #[track_caller]
    fn ended(collector: &Collector, output: &Output, outcome: &str) {
        let value = |text: &str| Some(Value::from(text));
        let run = collector.span("run endings");
        assert_eq!(run.attr("wasmscope.outcome"), value(outcome), "{output}");
        assert_eq!(run.attr("error.type"), value(outcome), "{output}");
        let (outer, inner) = (collector.span("outer"), collector.span("inner"));
        assert!(
            outer.is_child_of(&run) && inner.is_child_of(&outer),
            "{output}"
        );
        for span in [outer, inner] {
            assert_eq!(
                span.attr("wasmscope.end_reason"),
                value(outcome),
                "{output}"
            );
        }
        assert!(!output.stderr.contains(" lost"), "{output}");
        assert!(!output.stderr.contains("panicked"), "{output}");
        let traps = collector
            .metrics()
            .iter()
            .filter(|metric| metric.name == "wasmscope.runtime.traps")
            .count();
        assert_eq!(traps > 0, outcome == "timeout", "{output}");
        let dropped =
            |metric: &wasmscope_test_support::MetricView| metric.name == "wasmscope.dropped";
        assert!(!collector.metrics().iter().any(dropped), "{output}");
    }

    #[track_caller]
    fn times_out(runtime: Runtime, options: &[&str], args: &[&str]) {
        let collector = Collector::start();
        let options = [&["--timeout", "500ms"], options].concat();
        let command = command(runtime, &collector, &options, args).leave_stdout();
        let output = command.hold_stdin().run().expect_code(124);
        ended(&collector, &output, "timeout");
    }

    fn a_guest_that_waits_for_standard_output_loses_no_telemetry_at_its_timeout(runtime: Runtime) {
        times_out(runtime, &[], &["write"]);
    }

    fn a_guest_that_waits_for_standard_output_loses_no_telemetry_by_a_signal(runtime: Runtime) {
        type Stop = fn(&Running);
        let signals: [(Stop, i32); 2] = [(Running::interrupt, 130), (Running::terminate, 143)];
        for (stop, code) in signals {
            let collector = Collector::start();
            let running = command(runtime, &collector, &[], &["write"])
                .env("OTEL_BSP_SCHEDULE_DELAY", "20")
                .leave_stdout()
                .spawn();
            collector.wait_for(
                |collector| !collector.spans().is_empty(),
                Duration::from_secs(30),
            );
            // The pipe is full after some microseconds.
            std::thread::sleep(Duration::from_millis(300));
            stop(&running);
            let output = running.finish().expect_code(code);
            ended(&collector, &output, "killed");
        }
    }

    fn a_guest_that_waits_for_standard_error_loses_no_telemetry(runtime: Runtime) {
        let collector = Collector::start();
        // Redirected to standard output, which is not read.
        let output = runtime
            .run_in_shell(r#"exec "$@" 2>&1"#)
            .args([
                "--otlp-endpoint",
                &collector.endpoint_http(),
                "--timeout",
                "500ms",
            ])
            .arg(guest("endings"))
            .arg("write-error")
            .leave_stdout()
            .deadline(Duration::from_secs(50))
            .run()
            .expect_code(124);
        ended(&collector, &output, "timeout");
    }

    fn a_guest_that_waits_for_standard_input_loses_no_telemetry(runtime: Runtime) {
        times_out(runtime, &[], &["read"]);
    }

    /// Opening a pipe waits for a writer. Reading and writing one fails, because WASI does that at
    /// an offset.
    fn a_guest_that_waits_for_a_pipe_loses_no_telemetry(runtime: Runtime) {
        let folder = tempfile::tempdir().expect("a folder");
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join("pipe"))
            .status();
        assert!(made.expect("mkfifo").success());
        let directory = format!("{}::/pipes", folder.path().display());
        times_out(runtime, &["--dir", &directory], &["open-pipe"]);
    }

    fn a_guest_that_waits_for_the_network_loses_no_telemetry(runtime: Runtime) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        times_out(runtime, &["--network"], &["receive", &address]);
    }

    /// The guest's thread continues while telemetry is delivered.
    fn output_that_is_read_late_changes_no_telemetry(runtime: Runtime) {
        let collector = Collector::start();
        let output = runtime
            .run_in_shell(r#"{ "$@"; echo "exit code $?" >&2; } | { sleep 4; cat >/dev/null; }"#)
            .args([
                "--otlp-endpoint",
                &collector.endpoint_http(),
                "--timeout",
                "500ms",
            ])
            .arg(guest("endings"))
            .arg("write")
            .run()
            .expect_code(0);
        assert!(output.stderr.contains("exit code 124"), "{output}");
        ended(&collector, &output, "timeout");
    }
}
