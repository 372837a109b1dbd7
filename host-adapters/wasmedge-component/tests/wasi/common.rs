//! Helpers of several tests: guests, compiled on first use, and runs of them.

#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test uses a part of it"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use component_wasi::wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use component_wasi::{I32Exit, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmedge_component::{Component, Engine, InstancePre, Linker, Store, Trap, TrapCode};

/// The data of a store.
pub(crate) struct State {
    pub(crate) ctx: WasiCtx,
    pub(crate) table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.ctx,
            table: &mut self.table,
        }
    }
}

/// Compiles `tests/wasi/guests/<name>.rs`, if it has changed since the last time.
pub(crate) fn guest(name: &str) -> PathBuf {
    static COMPILING: Mutex<()> = Mutex::new(());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/wasi/guests/{name}.rs"));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.wasm"));
    let changed = |file: &Path| file.metadata().and_then(|file| file.modified());
    let _one_at_a_time = COMPILING.lock();
    let source_changed = changed(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
    if changed(&file).is_ok_and(|compiled| compiled > source_changed) {
        return file;
    }
    // Other test processes may compile it at the same time. Each uses its own folder, because rustc
    // writes other files beside the output. The last one replaces the file with an equal one.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap_or_else(|error| panic!("a folder for {name}: {error}"));
    let made = folder.path().join(format!("{name}.wasm"));
    let status = Command::new("rustc")
        .args([
            "--target",
            "wasm32-wasip2",
            "--edition",
            "2024",
            "-Copt-level=s",
            "-Cstrip=debuginfo",
            "-o",
        ])
        .args([&made, &source])
        .status()
        .unwrap_or_else(|error| panic!("rustc: {error}"));
    assert!(
        status.success(),
        "{name} cannot be compiled; `rustup target add wasm32-wasip2` may be missing"
    );
    std::fs::rename(&made, &file).unwrap_or_else(|error| panic!("{name}: {error}"));
    file
}

/// The end of a guest's run.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) result: anyhow::Result<Result<(), ()>>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) time: Duration,
}

impl Ended {
    /// Returns the status with which the guest exited.
    pub(crate) fn status(&self) -> i32 {
        match &self.result {
            Ok(result) => i32::from(result.is_err()),
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(exit) => exit.0,
                None => panic!("{error:?}\n{}{}", self.stdout, self.stderr),
            },
        }
    }

    /// Returns the output of a guest that succeeded.
    pub(crate) fn output(&self) -> &str {
        assert_eq!(self.status(), 0, "{}{}", self.stdout, self.stderr);
        &self.stdout
    }

    /// Returns the trap that ended the guest.
    pub(crate) fn trap(&self) -> TrapCode {
        match &self.result {
            Err(error) => match error.downcast_ref::<Trap>() {
                Some(trap) => trap.code(),
                None => panic!("{error:?}"),
            },
            Ok(_) => panic!("the guest succeeded: {}{}", self.stdout, self.stderr),
        }
    }
}

/// Allows TCP and UDP with any address.
pub(crate) fn network(ctx: &mut WasiCtxBuilder) {
    ctx.inherit_network().allow_tcp(true).allow_udp(true);
}

/// A guest that can be run in a store.
pub(crate) struct Prepared {
    pub(crate) store: Store<State>,
    pre: InstancePre<State>,
    stdout: MemoryOutputPipe,
    stderr: MemoryOutputPipe,
}

/// Prepares a guest with these arguments.
pub(crate) fn prepare(
    name: &str,
    args: &[&str],
    configure: impl FnOnce(&mut WasiCtxBuilder),
) -> Prepared {
    let engine = Engine::default();
    let component = Component::from_file(&engine, guest(name)).expect("the guest can be loaded");
    let mut linker = Linker::new();
    component_wasi::add_to_linker(&mut linker).expect("no duplicate definitions");
    let (stdout, stderr) = (
        MemoryOutputPipe::new(CAPACITY),
        MemoryOutputPipe::new(CAPACITY),
    );
    let mut ctx = WasiCtx::builder();
    ctx.stdout(stdout.clone()).stderr(stderr.clone());
    ctx.arg(name).args(args);
    configure(&mut ctx);
    let state = State {
        ctx: ctx.build(),
        table: ResourceTable::new(),
    };
    Prepared {
        store: Store::new(&engine, state).expect("a store is made"),
        pre: linker
            .instantiate_pre(&component)
            .expect("all imports are defined"),
        stdout,
        stderr,
    }
}

const CAPACITY: usize = 1 << 20;

impl Prepared {
    /// Runs a new instance of the guest.
    pub(crate) fn run(&mut self) -> Ended {
        let start = Instant::now();
        let result = self.run_command();
        let time = start.elapsed();
        let text = |pipe: &MemoryOutputPipe| String::from_utf8_lossy(&pipe.contents()).into_owned();
        Ended {
            result,
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
            time,
        }
    }

    fn run_command(&mut self) -> anyhow::Result<Result<(), ()>> {
        let instance = self.pre.instantiate(&mut self.store)?;
        let run = instance
            .get_func_in(&mut self.store, "wasi:cli/run@0.2.0", "run")
            .expect("the guest is a command");
        let run = run.typed::<(), (Result<(), ()>,)>(&mut self.store)?;
        run.call(&mut self.store, ()).map(|(result,)| result)
    }

    /// Runs a new instance of the guest, and interrupts it after a while. The result has the time
    /// from the interruption to the end.
    pub(crate) fn run_for(&mut self, time: Duration) -> Ended {
        let handle = self.store.interrupt_handle();
        let handle = handle.expect("an interrupt handle");
        let interrupting = std::thread::spawn(move || {
            std::thread::sleep(time);
            handle.interrupt();
            Instant::now()
        });
        let mut ended = self.run();
        let now = Instant::now();
        ended.time = now - interrupting.join().expect("the thread does not panic");
        ended
    }
}

/// Runs a guest with these arguments.
pub(crate) fn run(name: &str, args: &[&str], configure: impl FnOnce(&mut WasiCtxBuilder)) -> Ended {
    prepare(name, args, configure).run()
}
