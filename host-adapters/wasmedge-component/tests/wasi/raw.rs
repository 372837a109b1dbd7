//! Functions that Rust's standard library does not call.

use crate::common::{network, run};
use component_wasi::FsPerms;
use component_wasi::wasmtime_wasi::p2::pipe::MemoryInputPipe;

#[test]
fn streams_are_skipped_spliced_and_filled_with_zeroes() {
    let ended = run("raw", &["streams"], |ctx| {
        ctx.stdin(MemoryInputPipe::new("abcdefg"));
    });
    assert_eq!(ended.output(), "def\0\0");
}

#[test]
fn files_are_described() {
    let directory = tempfile::tempdir().unwrap();
    let ended = run("raw", &["files"], |ctx| {
        ctx.preopened_dir(directory.path(), "/", FsPerms::ReadWrite)
            .unwrap();
    });
    ended.output();
    let content = std::fs::read(directory.path().join("raw")).unwrap();
    assert_eq!(content, b"\0abc");
}

#[test]
fn errors_of_streams_are_reported() {
    let ended = run("raw", &["errors"], |ctx| {
        ctx.preopened_dir("/dev", "/dev", FsPerms::ReadWrite)
            .unwrap();
    });
    assert!(
        ended.output().contains("No space left on device"),
        "{}",
        ended.stdout
    );
}

#[test]
fn clocks_random_numbers_and_the_working_directory_work() {
    let ended = run("raw", &["others"], |ctx| {
        ctx.initial_cwd("/here");
    });
    assert_eq!(ended.output(), "/here\n");
}

#[test]
fn sockets_have_options() {
    run("raw", &["sockets"], network).output();
}
