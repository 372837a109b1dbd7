//! `cargo xtask bench`: builds what the bench needs, and runs it.

pub(crate) mod guests;

use crate::run::{cargo, run as run_command};
use crate::workspace::Workspace;
use crate::{toolchain, wasmedge};
use anyhow::Result;
use std::process::Command;

/// Options of `cargo xtask bench`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Makes only the tables whose name contains this: signals, batch, boundary, size, cold-start, memory, throughput.
    #[arg(value_name = "TABLE")]
    filter: Option<String>,
    /// Does each thing once and short, unoptimised, to see that all works; measures and writes nothing.
    #[arg(long)]
    short: bool,
}

impl Options {
    /// Those of CI: every table, for its asserts and not for its times.
    pub(crate) fn short() -> Self {
        Self {
            filter: None,
            short: true,
        }
    }
}

/// Builds guests and bench, runs it, and has it write `docs/benchmarks.md` and the README's tables.
///
/// # Errors
///
/// Fails when something does not build, and when a table fails: what was said has not arrived, or was dropped.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    toolchain::ensure_targets()?;
    wasmedge::ensure(workspace)?;
    guests::build_rows(workspace)?;
    let guests = guests::build_services(workspace)?;
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
