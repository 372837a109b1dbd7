//! Guests that use up what they can of the host. Each resource is bounded, alike on every engine,
//! and the guest's telemetry still arrives.

use std::path::Path;
use std::time::Duration;

use wasmscope_test_support::{Cli, Collector, Output, Value};
use wasmscope_tests::{Runtime, guest, on_each_engine};

on_each_engine! {
    files_directories_and_streams_are_bounded,
    sockets_are_bounded,
    listings_hold_only_a_part_of_their_directory,
    a_large_directory_is_listed_and_removed,
    name_lookups_are_bounded,
    closed_descriptors_can_be_reopened,
    a_guest_that_takes_all_descriptors_loses_no_telemetry,
    more_descriptors_than_the_system_has_are_a_warning,
    handles_are_bounded,
    random_bytes_are_bounded,
    tables_are_bounded_without_an_option,
    memories_are_bounded_without_an_option,
}

/// Returns a command that runs the guest in a shell with a limit on open files, with a directory
/// and the network.
fn greedy(
    runtime: Runtime,
    files: u32,
    options: &[&str],
    collector: Option<&Collector>,
    folder: &Path,
    args: &[&str],
) -> Cli {
    std::fs::write(folder.join("existing"), "").expect("a file");
    let command = runtime
        .run_in_shell(&format!(r#"ulimit -n {files}; exec "$@""#))
        .args(options)
        .args([
            "--dir",
            &format!("{}::/data", folder.display()),
            "--network",
        ]);
    let command = match collector {
        Some(collector) => command.args(["--otlp-endpoint", &collector.endpoint_http()]),
        None => command.env("OTEL_SDK_DISABLED", "true"),
    };
    command.arg(guest("greedy")).args(args)
}

/// Runs the guest. Returns how many items it had when the host refused more, and the reason.
#[track_caller]
fn taken(runtime: Runtime, options: &[&str], what: &str) -> (usize, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = greedy(runtime, 4096, options, None, folder.path(), &[what]).run();
    let output = output.expect_code(0);
    let text = output.stdout();
    let (count, reason) = text.split_once(' ').expect("two words");
    // The debug form has the name in quotes.
    let reason = reason.split('"').nth(1).expect("a name");
    (count.parse().expect("a number"), reason.to_owned())
}

/// The directory and the standard library use a few descriptors and streams.
#[track_caller]
fn nearly(found: usize, limit: usize) {
    assert!((limit - 12..=limit).contains(&found), "{found} of {limit}");
}

const NO_MEMORY: &str = "insufficient-memory";
const NO_SOCKET: &str = "new-socket-limit";

fn files_directories_and_streams_are_bounded(runtime: Runtime) {
    for what in [
        "files",
        "directories",
        "existing",
        "reading",
        "writing",
        "appending",
    ] {
        let (count, reason) = taken(runtime, &[], what);
        nearly(count, 512);
        assert_eq!(reason, NO_MEMORY, "{what}");
    }
    let (count, reason) = taken(runtime, &["--max-descriptors", "100"], "forgotten");
    nearly(count, 100);
    assert_eq!(reason, NO_MEMORY);
    let listings = taken(runtime, &[], "listings");
    assert_eq!(listings, (64, NO_MEMORY.to_owned()));
}

fn sockets_are_bounded(runtime: Runtime) {
    for what in ["tcp", "udp", "ports"] {
        let (count, reason) = taken(runtime, &[], what);
        nearly(count, 512);
        assert_eq!(reason, NO_SOCKET, "{what}");
    }
    // Each pair has two sockets and four streams.
    let (count, reason) = taken(runtime, &["--max-descriptors", "60"], "accepting");
    assert!((7..=10).contains(&count), "{count}");
    assert_eq!(reason, NO_SOCKET);
}

/// Makes a directory of `count` files with long names.
fn many(folder: &Path, files: usize) {
    let many = folder.join("many");
    std::fs::create_dir(&many).expect("a directory");
    for index in 0..files {
        let name = format!("{index}{}", "x".repeat(200));
        std::fs::write(many.join(name), "").expect("a file");
    }
}

fn listings_hold_only_a_part_of_their_directory(runtime: Runtime) {
    let held = |files| {
        let folder = tempfile::tempdir().expect("a folder");
        many(folder.path(), files);
        let directory = folder.path().join("many");
        let args = ["listings", "sleep"];
        let running = greedy(runtime, 4096, &[], None, &directory, &args).spawn();
        running.wait_for_stdout(|stdout| stdout.starts_with("64 "));
        let status = std::fs::read_to_string(format!("/proc/{}/status", running.id()));
        let status = status.expect("the peak memory");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        running.terminate();
        running.finish().expect_code(143);
        peak.expect("in kB").parse::<u64>().expect("a number")
    };
    let (few, many) = (held(1), held(30_000));
    assert!(many < few + 100_000, "{few} kB and {many} kB");
}

fn a_large_directory_is_listed_and_removed(runtime: Runtime) {
    let folder = tempfile::tempdir().expect("a folder");
    many(folder.path(), 5_000);
    let command = greedy(runtime, 4096, &[], None, folder.path(), &["listed"]);
    let output = command.run().expect_code(0);
    let expected = "5000 listed, and removed: Ok(())\n";
    assert_eq!(output.stdout(), expected, "{output}");
    assert!(!folder.path().join("many").exists());
}

fn name_lookups_are_bounded(runtime: Runtime) {
    let (count, reason) = taken(runtime, &["--max-descriptors", "50"], "names");
    nearly(count, 50);
    assert_eq!(reason, "temporary-resolver-failure");
    assert_eq!(taken(runtime, &[], "names-forgotten").1, "asked");
    let long = taken(runtime, &[], "names-long");
    assert_eq!(long, (0, "invalid-argument".to_owned()));
}

fn closed_descriptors_can_be_reopened(runtime: Runtime) {
    let (_, reason) = taken(runtime, &["--max-descriptors", "20"], "again");
    assert_eq!(reason, "opened and closed");
}

/// The guest takes all descriptors and ends in different ways. Its spans and the run's span still
/// arrive.
fn a_guest_that_takes_all_descriptors_loses_no_telemetry(runtime: Runtime) {
    for (what, end, code) in [
        ("existing", "", 0),
        ("existing", "abort", 134),
        ("existing", "sleep", 124),
        ("tcp", "abort", 134),
        ("accepting", "sleep", 124),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let collector = Collector::start();
        let options = ["--timeout", "5s"];
        let args = [what, end];
        let command = greedy(
            runtime,
            256,
            &options,
            Some(&collector),
            folder.path(),
            &args,
        );
        let output = command.run().expect_code(code);
        arrived(&collector, &output);
        let expected = "it was refused more file descriptors than --max-descriptors allows (128)";
        assert_eq!(output.stderr.contains(expected), code != 0, "{output}");
    }
}

#[track_caller]
fn arrived(collector: &Collector, output: &Output) {
    let run = collector.span("run greedy");
    assert!(collector.span("greedy").is_child_of(&run), "{output}");
    assert!(!output.stderr.contains(" lost"), "{output}");
    assert!(!collector.metrics().is_empty(), "{output}");
}

fn more_descriptors_than_the_system_has_are_a_warning(runtime: Runtime) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--max-descriptors", "1000"];
    let command = greedy(runtime, 300, &options, None, folder.path(), &["files"]);
    let output = command.run().expect_code(0);
    let warning = "wasmscope: warning: --max-descriptors 1000: the system's limit on open files allows the program 172; \
        raise it with `ulimit -n`\n";
    assert_eq!(output.stderr, warning, "{output}");
}

/// Runs the guest, which traps, and returns the collector with its telemetry.
#[track_caller]
fn trapped(runtime: Runtime, what: &str) -> (Collector, Output) {
    let folder = tempfile::tempdir().expect("a folder");
    let collector = Collector::start();
    let command = greedy(runtime, 256, &[], Some(&collector), folder.path(), &[what]);
    let output = command.run().expect_code(134);
    arrived(&collector, &output);
    (collector, output)
}

fn handles_are_bounded(runtime: Runtime) {
    let (collector, output) = trapped(runtime, "timers");
    let error = collector.span("greedy").attr("error.type");
    assert_eq!(error, Some(Value::from("too_many_handles")), "{output}");
}

fn random_bytes_are_bounded(runtime: Runtime) {
    let (_, output) = trapped(runtime, "random");
    assert!(output.stderr.contains("exceeds limit"), "{output}");
}

/// Returns a component whose `run` grows a table or a memory step by step until it is refused. It
/// succeeds if the size reached is the expected one.
fn growing(declared: &str, step: &str, expected: u64) -> Vec<u8> {
    let text = format!(
        r#"(component
            (core module $m
                {declared}
                (func (export "run") (result i32) (local $had i32)
                    (loop $again
                        (local.set $had {step})
                        (br_if $again (i32.ne (local.get $had) (i32.const -1))))
                    (i32.ne (call $size) (i32.const {expected}))))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "run")))
            (instance $export (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $export)))"#
    );
    wat::parse_str(text).expect("a component")
}

#[track_caller]
fn grows(runtime: Runtime, component: &[u8], refused: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("growing.wasm");
    std::fs::write(&file, component).expect("a file");
    let command = runtime.run().env("OTEL_SDK_DISABLED", "true").arg(&file);
    let output = command.deadline(Duration::from_secs(60)).run();
    // The program fails, so that the command's message about the limit is shown.
    let output = output.expect_code(1);
    assert!(output.stderr.ends_with(refused), "{output}");
}

fn tables_are_bounded_without_an_option(runtime: Runtime) {
    // Two tables share the limit. 1,000,001 elements are refused.
    let declared = r#"(table $other 10 funcref) (table $t 0 funcref)
        (func $size (result i32) (i32.sub (table.size $t) (i32.const 1)))"#;
    let step = "(table.grow $t (ref.null func) (i32.const 99999))";
    let refused = "wasmscope: it was refused tables of more than 1000000 elements in total\n";
    grows(runtime, &growing(declared, step, 999_990), refused);
}

fn memories_are_bounded_without_an_option(runtime: Runtime) {
    let declared = r#"(memory $other 16384) (memory $m 0)
        (func $size (result i32) (i32.sub (memory.size $m) (i32.const 1)))"#;
    let step = "(memory.grow $m (i32.const 4096))";
    let refused = "wasmscope: it was refused more memory than --max-memory allows (4.0 GiB)\n";
    grows(runtime, &growing(declared, step, 49_152), refused);
}
