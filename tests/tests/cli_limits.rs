//! Limits that end a program. The program's own message does not name them, so the command does.

use wasmscope_test_support::Output;
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    refused_memory_is_reported_if_the_program_fails,
    refused_memory_is_not_reported_if_the_program_succeeds,
    used_up_fuel_is_reported,
}

const REFUSED: &str = "wasmscope: it was refused more memory than --max-memory allows";

/// Runs a guest with an option and its value.
fn limited(runtime: Runtime, option: [&str; 2], name: &str, arguments: &[&str]) -> Output {
    runtime
        .run()
        .args(option)
        .arg(guest(name))
        .args(arguments)
        .env("OTEL_SDK_DISABLED", "true")
        .run()
}

fn refused_memory_is_reported_if_the_program_fails(runtime: Runtime) {
    let output = limited(runtime, ["--max-memory", "64KiB"], "ordinary", &[]).expect_code(134);
    let named = format!("{REFUSED} (64.0 KiB)\n");
    assert!(output.stderr.ends_with(&named), "{output}");
}

fn refused_memory_is_not_reported_if_the_program_succeeds(runtime: Runtime) {
    let option = ["--max-memory", "16MiB"];
    let output = limited(runtime, option, "endings", &["memory"]).expect_code(0);
    assert!(output.stdout().contains("memory was refused"), "{output}");
    assert!(!output.stderr.contains(REFUSED), "{output}");
}

fn used_up_fuel_is_reported(runtime: Runtime) {
    let option = ["--fuel", "10000000"];
    let output = limited(runtime, option, "endings", &["loop"]).expect_code(134);
    let named = "wasmscope: it used up its fuel (--fuel 10000000): raise it, or look for a loop\n";
    assert!(output.stderr.ends_with(named), "{output}");
}
