//! `wasi:cli`: arguments, variables, standard streams, and exit.

use crate::common::run;
use component_wasi::I32Exit;
use component_wasi::wasmtime_wasi::p2::pipe::{ClosedInputStream, MemoryInputPipe};
use wasmedge_component::TrapCode;

#[test]
fn standard_output_and_error_are_captured() {
    let ended = run("process", &["print"], |_| {});
    assert_eq!(ended.output(), "out\n");
    assert_eq!(ended.stderr, "err\n");
    let ended = run("process", &["large"], |_| {});
    assert_eq!(ended.output().len(), 20_000 * 11);
    assert!(ended.stdout.ends_with("0000019999\n"));
}

#[test]
fn arguments_and_variables_are_passed() {
    let ended = run("process", &["args", "", "héllo"], |_| {});
    assert_eq!(ended.output(), "[\"args\", \"\", \"héllo\"]\n");
    let ended = run("process", &["env"], |ctx| {
        ctx.env("A", "1").env("B", "");
    });
    assert_eq!(ended.output(), "[(\"A\", \"1\"), (\"B\", \"\")]\n");
}

#[test]
fn the_error_holds_the_exit_status() {
    for status in [0, 1] {
        let ended = run("process", &["exit", &status.to_string()], |_| {});
        let error = ended.result.unwrap_err();
        assert_eq!(
            error.downcast_ref::<I32Exit>().map(|exit| exit.0),
            Some(status)
        );
        assert_eq!(
            error.to_string(),
            format!("Exited with i32 exit status {status}")
        );
    }
}

#[test]
fn a_panic_is_a_trap() {
    let ended = run("process", &["panic"], |_| {});
    assert!(ended.stderr.contains("as told"), "{}", ended.stderr);
    assert_eq!(ended.trap(), TrapCode::Unreachable);
}

#[test]
fn standard_input_is_read_to_its_end() {
    let text = "line\n".repeat(10_000);
    let ended = run("process", &["read"], |ctx| {
        ctx.stdin(MemoryInputPipe::new(text.clone()));
    });
    assert_eq!(ended.output(), format!("{}: {text}\n", text.len()));
    let ended = run("process", &["read"], |ctx| {
        ctx.stdin(ClosedInputStream);
    });
    assert_eq!(ended.output(), "0: \n");
}
