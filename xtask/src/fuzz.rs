//! The stage `fuzz`: compiles the fuzz targets, which are a workspace of their own.

use crate::run::{cargo, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::process::Command;

/// Compiles all fuzz targets on the stable toolchain, with clippy.
///
/// Leaves out libFuzzer, which would need a C++ compiler: targets cannot be run then. Builds into
/// the workspace's target folder, where the stage `clippy` has checked most dependencies already.
///
/// # Errors
///
/// Fails if a target does not compile or has a warning, or if `fuzz/Cargo.lock` is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut command = in_workspace(workspace, "clippy");
    command.args(["--locked", "--workspace", "--all-targets"]);
    command.arg("--no-default-features");
    command.arg("--target-dir").arg(workspace.target(""));
    command.args(["--", "--deny", "warnings"]);
    run(&mut command).context(
        "the fuzz targets do not compile; if only Cargo.lock is out of date, run \
         `cargo update --workspace --manifest-path fuzz/Cargo.toml`",
    )
}

/// Checks the format of the targets, as a part of the stage `format`.
///
/// # Errors
///
/// Fails with the difference.
pub(crate) fn check_format(workspace: &Workspace) -> Result<()> {
    run(in_workspace(workspace, "fmt").arg("--check"))
}

fn in_workspace(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = cargo();
    command.arg(subcommand).current_dir(workspace.path("fuzz"));
    command
}
