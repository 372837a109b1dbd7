//! `cargo xtask bench`: builds what the bench needs, and runs it.

use crate::run::{cargo, run as run_command};
use crate::workspace::Workspace;
use crate::{guests, toolchain, wasmedge};
use anyhow::{Context as _, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Options of `cargo xtask bench`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Makes only the tables whose name contains this: signals, batch, boundary, size, cold-start, memory, throughput.
    #[arg(value_name = "TABLE")]
    filter: Option<String>,
    /// Does each thing once and short, unoptimised, to see that all works; measures and writes nothing.
    #[arg(long)]
    pub(crate) short: bool,
}

/// The profile of guests whose speed is measured.
const FAST: &str = "fast-guest";

/// Builds guests and bench, runs it, and has it write `docs/benchmarks.md` and the README's table.
///
/// # Errors
///
/// Fails when something does not build, and when a table fails: what was said has not arrived, or was dropped.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    toolchain::ensure_targets()?;
    wasmedge::ensure(workspace)?;
    let guests = guests(workspace)?;
    let (profile, folder) = if options.short {
        ("dev", "debug")
    } else {
        eprintln!("building the bench, optimised as a whole: some minutes the first time");
        ("release", "release")
    };
    run_command(cargo().args([
        "build",
        "--locked",
        "--profile",
        profile,
        "--package",
        "wasmscope-bench",
    ]))?;
    let mut bench = Command::new(workspace.target(&format!("{folder}/wasmscope-bench")));
    bench.arg("--guests").arg(&guests);
    if options.short {
        bench.arg("--short");
    } else {
        bench
            .arg("--page")
            .arg(workspace.path("docs/benchmarks.md"));
        bench.arg("--readme").arg(workspace.path("README.md"));
    }
    bench.args(&options.filter);
    run_command(&mut bench)
}

/// Builds the guests, and gives the folder that they are in.
fn guests(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target("bench/guests");
    fs::create_dir_all(&folder)?;
    guests::compile_as(&["bench-rows"], guests::HOME_TARGET, FAST)?;
    let built = workspace.target(&format!("{}/{FAST}/bench_rows.wasm", guests::HOME_TARGET));
    let bytes = fs::read(&built).with_context(|| format!("cannot read {}", built.display()))?;
    guests::write_if_changed(&folder.join("rows.wasm"), &bytes)?;
    Ok(folder)
}
