//! The stage `deny`: licences and origins of all dependencies, by cargo-deny and `deny.toml`.

use crate::run::{cargo, output, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;

/// Later versions may find more to complain about.
const VERSION: &str = "0.20.2";

/// Runs cargo-deny, which is installed into the target folder the first time.
///
/// # Errors
///
/// Fails when it cannot be installed, or finds something.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let program = installed(workspace)?;
    run(Command::new(program)
        .args([
            "--manifest-path".as_ref(),
            workspace.path("Cargo.toml").as_os_str(),
        ])
        .args(["check", "bans", "licenses", "sources"]))
}

fn installed(workspace: &Workspace) -> Result<PathBuf> {
    let root = workspace.target("tools");
    let program = root.join("bin").join("cargo-deny");
    let version = output(Command::new(&program).arg("--version"));
    if version.is_ok_and(|version| version.trim_end().ends_with(VERSION)) {
        return Ok(program);
    }
    eprintln!("installing cargo-deny {VERSION} into the target folder: about 2 minutes");
    // In a debug build, it takes half the time to build and 4 s to run.
    run(cargo()
        .args(["install", "cargo-deny", "--version", VERSION, "--locked"])
        .args(["--debug", "--no-default-features", "--force", "--root"])
        .arg(&root)
        .env("CARGO_TARGET_DIR", root.join("build")))
    .context("cargo-deny cannot be installed")?;
    // Only the program is needed from here on.
    let _ = std::fs::remove_dir_all(root.join("build"));
    Ok(program)
}
