//! Waiting guests are interrupted at once, in every kind of wait.

use std::time::Duration;

use crate::common::{Ended, network, prepare};
use component_wasi::wasmtime_wasi::cli::AsyncStdinStream;
use component_wasi::{FsPerms, WasiCtx, WasiCtxBuilder};
use wasmedge_component::TrapCode;

const DELAY: Duration = Duration::from_millis(100);

fn assert_interrupted(ended: &Ended) {
    assert_eq!(ended.trap(), TrapCode::Interrupt);
    assert!(ended.time < Duration::from_secs(1), "{:?}", ended.time);
}

fn interrupted(name: &str, args: &[&str], configure: impl FnOnce(&mut WasiCtxBuilder)) -> Ended {
    let ended = prepare(name, args, configure).run_for(DELAY);
    assert_interrupted(&ended);
    ended
}

#[test]
fn a_sleep_is_interrupted() {
    interrupted("time", &["sleep", "60000"], |_| {});
}

#[test]
fn a_read_from_standard_input_is_interrupted() {
    let (_open, input) = tokio::io::duplex(64);
    // Reading standard input starts a task.
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let _entered = runtime.enter();
    interrupted("process", &["read"], |ctx| {
        ctx.stdin(AsyncStdinStream::new(input));
    });
}

#[test]
fn waiting_for_a_connection_or_a_datagram_is_interrupted() {
    for kind in ["accept", "receive"] {
        interrupted("net", &[kind], network);
    }
}

/// Opening a pipe without a writer waits in the operating system.
#[test]
fn a_file_operation_is_interrupted() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    interrupted("files", &["read", "/data/pipe"], |ctx| {
        ctx.preopened_dir(directory.path(), "/data", FsPerms::ReadWrite)
            .unwrap();
    });
    // Ends the thread that is still opening the pipe.
    std::fs::File::options().write(true).open(&pipe).unwrap();
}

#[test]
fn an_interruption_before_the_wait_is_noticed() {
    let mut guest = prepare("time", &["sleep", "60000"], |_| {});
    guest.store.interrupt_handle().unwrap().interrupt();
    let ended = guest.run();
    assert_eq!(ended.trap(), TrapCode::Interrupt);
    assert!(ended.time < Duration::from_secs(1));
}

#[test]
fn the_store_stays_usable_after_an_interruption() {
    let mut guest = prepare("time", &["sleep", "60000"], |_| {});
    assert_interrupted(&guest.run_for(DELAY));
    assert_eq!(guest.run().trap(), TrapCode::Interrupt);
    guest.store.clear_interruption();
    guest.store.data_mut().ctx = WasiCtx::builder().args(&["time", "sleep", "10"]).build();
    assert_eq!(guest.run().status(), 0);
}

#[test]
fn a_thread_for_blocking_tasks_is_interrupted() {
    let single = || tokio::runtime::Builder::new_current_thread();
    let multi = || tokio::runtime::Builder::new_multi_thread();
    for mut runtime in [single(), multi()] {
        let runtime = runtime.enable_all().build().unwrap();
        let ended = runtime.block_on(async {
            let mut guest = prepare("time", &["sleep", "60000"], |_| {});
            tokio::task::spawn_blocking(move || guest.run_for(DELAY)).await
        });
        assert_interrupted(&ended.unwrap());
        let ended = runtime.block_on(async {
            let mut guest = prepare("net", &["tcp"], network);
            tokio::task::spawn_blocking(move || guest.run()).await
        });
        ended.unwrap().output();
    }
}
