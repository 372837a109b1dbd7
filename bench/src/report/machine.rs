//! Describes the machine and the versions that were measured.

use std::fs;
use std::process::Command;

/// Describes the machine and the versions, as far as the system reports them.
pub(crate) fn describe() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let processor = processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let compiler = Command::new("rustc").arg("--version").output().ok();
    let compiler = compiler.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    format!(
        "Measured on {processor}, {cores} cores, {}, with Wasmscope {}, Wasmtime {}, WasmEdge {}, opentelemetry_sdk {} and {}.",
        std::env::consts::OS,
        env!("CARGO_PKG_VERSION"),
        wasmscope_wasmtime::runtime().version,
        wasmscope_wasmedge::runtime().version,
        env!("OPENTELEMETRY_SDK_VERSION"),
        compiler.unwrap_or_else(|| "an unknown rustc".to_owned()),
    )
}
