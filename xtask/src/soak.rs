//! `cargo xtask soak`: `wasmscope serve` under load, while its collector goes away and comes back.

use crate::bench::build_release;
use crate::run::run_our_own;
use crate::workspace::Workspace;
use crate::{guests, toolchain, wasmedge};
use anyhow::Result;
use std::process::Command;

/// Options of `cargo xtask soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The time on each runtime, in minutes.
    #[arg(long, default_value_t = 10, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
}

/// Builds the command and the service, and runs the soak.
///
/// # Errors
///
/// Fails if a build fails, if a request fails, if the memory grows, or if telemetry is neither
/// received nor counted.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let minutes = options.minutes;
    eprintln!(
        "The soak runs {minutes} minutes on Wasmtime, then {minutes} minutes on WasmEdge AOT. The builds before take some \
         minutes the first time."
    );
    toolchain::ensure_targets()?;
    wasmedge::ensure(workspace)?;
    let guests = guests::build(workspace, &["hello-http"])?;
    build_release("wasmscope-cli", &["--features", "wasmedge"])?;
    build_release("wasmscope-bench-http", &[])?;
    let mut command = Command::new(workspace.target("release/soak"));
    command
        .arg("--wasmscope")
        .arg(workspace.target("release/wasmscope"))
        .arg("--guest")
        .arg(guests.join("hello-http.wasm"))
        .arg("--cache")
        .arg(workspace.target("soak"))
        .args(["--time", &format!("{minutes}m")]);
    run_our_own(&mut command)
}
