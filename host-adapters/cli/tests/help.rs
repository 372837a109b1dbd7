//! The output for users who ask for help or make a mistake.

use std::process::{Command, Output};

fn wasmscope(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wasmscope"))
        .args(args)
        .output()
        .expect("wasmscope runs")
}

#[test]
fn help_lists_the_commands_and_options_with_their_variables() {
    let output = wasmscope(&["run", "--help"]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success());
    for expected in [
        "--otlp-endpoint <URL>",
        "[env: OTEL_EXPORTER_OTLP_ENDPOINT]",
        "--sampler <SAMPLER>",
        "--timeout <DURATION>",
        "The exit code is the program's.",
    ] {
        assert!(text.contains(expected), "no `{expected}` in\n{text}");
    }
}

#[test]
fn without_arguments_help_is_shown_with_exit_code_2() {
    let output = wasmscope(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("inspect"));
}

#[test]
fn similar_option_is_suggested_for_a_misspelt_one() {
    let output = wasmscope(&["run", "--otlp-endpont", "http://127.0.0.1:4318", "a.wasm"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("--otlp-endpont") && text.contains("--otlp-endpoint"),
        "{text}"
    );
}

#[test]
fn option_after_the_component_belongs_to_the_program() {
    for args in [
        &["--help"][..],
        &["--timeout", "soon"],
        &["--otlp-endpoint", "no url"],
    ] {
        let output = wasmscope(&[&["run", "no-such.wasm"], args].concat());
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("cannot read no-such.wasm"), "{text}");
    }
}

#[test]
fn a_wrong_place_for_the_output_is_answered_with_the_right_ones() {
    for command in ["run", "serve"] {
        let output = wasmscope(&[command, "--stdio", "file", "a.wasm"]);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        for expected in ["'file'", "--stdio <WHERE>", "inherit, lines, logs"] {
            assert!(text.contains(expected), "no `{expected}` in {text}");
        }
    }
}
