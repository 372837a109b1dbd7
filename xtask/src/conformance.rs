//! `cargo xtask conformance`: runs a folder of test scripts on WasmEdge.

use crate::run::{cargo, run_our_own};
use crate::workspace::Workspace;
use anyhow::Result;
use std::path::PathBuf;

/// Options of `cargo xtask conformance`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A folder of .wast files, for instance the folder `test` of the component model's
    /// repository.
    folder: PathBuf,
    /// Compiles the components ahead of time instead of interpreting them.
    #[arg(long)]
    compile: bool,
}

/// Runs the scripts. Prints the failures, and how many directives pass, fail or are not supported.
///
/// # Errors
///
/// Fails if a directive fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut command = cargo();
    command
        .args(["run", "--quiet", "--package", "wasmscope-differential"])
        .args(["--bin", "conformance", "--manifest-path"])
        .arg(workspace.path("Cargo.toml"))
        .arg("--")
        .arg(&options.folder);
    if options.compile {
        command.arg("--compile");
    }
    run_our_own(&mut command)
}
