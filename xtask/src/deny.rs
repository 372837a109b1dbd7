//! The stage `deny`: checks licences and sources of all dependencies with cargo-deny and
//! `deny.toml`.

use crate::run::{cargo, output, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::path::PathBuf;
use std::process::Command;

/// Pinned, because later versions may have more checks.
const VERSION: &str = "0.20.2";

/// Runs cargo-deny. Installs it into the target folder the first time.
///
/// # Errors
///
/// Fails if it cannot be installed, or finds an error.
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
    // A debug build takes half the time, and runs for 4 s.
    run(cargo()
        .args(["install", "cargo-deny", "--version", VERSION, "--locked"])
        .args(["--debug", "--no-default-features", "--force", "--root"])
        .arg(&root)
        .env("CARGO_TARGET_DIR", root.join("build")))
    .context("cargo-deny cannot be installed")?;
    // Only the program is needed later.
    let _ = std::fs::remove_dir_all(root.join("build"));
    Ok(program)
}
