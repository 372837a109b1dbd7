//! A home directory in which nothing was compiled yet, for tests of ahead-of-time compilation.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use wasmscope_test_support::Cli;
use wasmscope_test_support::binary::binary;

use crate::Runtime;

/// A command that does nothing and compiles quickly.
const IDLE: &str = r#"(component
    (core module $program (func (export "run") (result i32) (i32.const 0)))
    (core instance $program (instantiate $program))
    (func $run (result (result)) (canon lift (core func $program "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

/// A command that never ends and has two pages of memory.
const ENDLESS: &str = r#"(component
    (core module $program
        (memory 2)
        (func (export "run") (result i32) (loop $again (br $again)) (i32.const 0)))
    (core instance $program (instantiate $program))
    (func $run (result (result)) (canon lift (core func $program "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

/// A folder with a home directory in it, in which `wasmscope` runs.
#[derive(Debug)]
pub struct Home(TempDir);

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// Makes the folder.
    ///
    /// # Panics
    /// If the system has no temporary folder.
    #[must_use]
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// Returns a path in the folder.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns a `wasmscope` command, without the environment variables that name folders.
    #[must_use]
    #[track_caller]
    pub fn command(&self, name: &str) -> Cli {
        self.set_up(Cli::new().arg(name))
    }

    /// Returns `wasmscope run` on a runtime.
    #[must_use]
    #[track_caller]
    pub fn run(&self, runtime: Runtime, options: &[&str]) -> Cli {
        self.command("run")
            .args(runtime.options.iter().take(2))
            .args(options)
    }

    /// Returns `wasmscope run` on a runtime, as a user to whom file permissions apply. For root,
    /// the capability to bypass them is dropped.
    ///
    /// # Panics
    /// If there is no `wasmscope`.
    #[must_use]
    #[track_caller]
    pub fn bound_run(&self, runtime: Runtime, options: &[&str]) -> Cli {
        let owner = self.0.path().metadata().expect("a folder").uid();
        let command = if owner == 0 {
            Cli::program("setpriv")
                .args(["--bounding-set", "-dac_override"])
                .arg(binary())
        } else {
            Cli::new()
        };
        self.set_up(command.arg("run"))
            .args(runtime.options.iter().take(2))
            .args(options)
    }

    /// Returns a `wasmscope` command that can write only files of a few KiB. This simulates a full
    /// disk.
    ///
    /// # Panics
    /// If there is no `wasmscope`.
    #[must_use]
    #[track_caller]
    pub fn with_little_space(&self, kib: u32) -> Cli {
        // In blocks of 512 bytes. The signal keeps its default action, which ends a process that
        // does not handle it.
        let script = format!("ulimit -c 0 && ulimit -f {} && exec \"$@\"", 2 * kib);
        self.set_up(Cli::program("sh").args(["-c", &script, "sh"]).arg(binary()))
    }

    fn set_up(&self, command: Cli) -> Cli {
        command
            .envs([("OTEL_SDK_DISABLED", "true"), ("XDG_CACHE_HOME", "")])
            .env("HOME", self.path("home"))
            // WasmEdge's compiler is slow if many tests run at once.
            .deadline(Duration::from_secs(300))
            .current_dir(self.0.path())
    }

    /// Writes a command component that does nothing to `idle.wasm`, and returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn idle(&self) -> PathBuf {
        self.write("idle.wasm", IDLE)
    }

    /// Writes a command component that never ends and has 128 KiB of memory to `endless.wasm`, and
    /// returns its path.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn endless(&self) -> PathBuf {
        self.write("endless.wasm", ENDLESS)
    }

    /// Writes a command component with `functions` functions to `many.wasm`, and returns its path.
    /// It does nothing, but takes long to compile.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn with_functions(&self, functions: usize) -> PathBuf {
        let file = self.path("many.wasm");
        let idle = wat::parse_str(IDLE).expect("a component");
        std::fs::write(&file, with_module(&idle, &module(functions))).expect("a file");
        file
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.path(name);
        std::fs::write(&file, wat::parse_str(text).expect("a component")).expect("a file");
        file
    }
}

/// Returns a core module with `functions` functions. The first one is exported as `run`.
fn module(functions: usize) -> Vec<u8> {
    // No locals; 16 times `i32.const 1; i32.const 2; i32.add; drop`; `i32.const 0`; the end.
    let body: Vec<u8> = [
        &[0][..],
        &[0x41, 1, 0x41, 2, 0x6a, 0x1a].repeat(16),
        &[0x41, 0, 0x0b],
    ]
    .concat();
    let body = [leb(body.len()), body].concat();
    let count = leb(functions);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend(section(1, &[1, 0x60, 0, 1, 0x7f]));
    module.extend(section(3, &[count.clone(), vec![0; functions]].concat()));
    module.extend(section(7, b"\x01\x03run\0\0"));
    module.extend(section(10, &[count, body.repeat(functions)].concat()));
    module
}

/// Replaces a component's core module. The sections before it must be short.
fn with_module(component: &[u8], module: &[u8]) -> Vec<u8> {
    let (preamble, mut rest) = component.split_at(8);
    let mut made = preamble.to_vec();
    while let [id, size, ..] = *rest {
        assert!(size < 0x80, "a section is too long for this");
        let (whole, behind) = rest.split_at(2 + usize::from(size));
        match id {
            1 => made.extend(section(1, module)),
            _ => made.extend(whole),
        }
        rest = behind;
    }
    made
}

fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    [vec![id], leb(contents.len()), contents.to_vec()].concat()
}

/// Encodes a number as LEB128.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Lists the files in a folder.
///
/// # Panics
/// If there is no such folder.
#[must_use]
#[track_caller]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("a folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}
