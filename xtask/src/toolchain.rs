//! The parts of the Rust toolchain that a default installation lacks.

use crate::run::{output, run};
use anyhow::{Context as _, Result, bail};
use std::process::Command;

/// The targets for which guests are built.
pub(crate) const TARGETS: [&str; 3] = ["wasm32-wasip2", "wasm32-wasip1", "wasm32-unknown-unknown"];

/// Adds missing wasm targets.
///
/// # Errors
///
/// Fails if a target is missing and rustup is not installed or cannot add it.
pub(crate) fn ensure_targets() -> Result<()> {
    let missing: Vec<_> = TARGETS
        .iter()
        .filter(|target| !has_target(target))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("adding the targets {}", join(&missing));
    run(Command::new("rustup").arg("target").arg("add").args(&missing)).with_context(|| {
        format!("cannot add the targets {0}; run `rustup target add {0}`, or install them with your Rust distribution", join(&missing))
    })
}

/// Adds clippy and rustfmt if they are missing.
///
/// # Errors
///
/// Fails if one is missing and rustup is not installed or cannot add it.
pub(crate) fn ensure_components() -> Result<()> {
    for (component, program) in [("clippy", "cargo-clippy"), ("rustfmt", "cargo-fmt")] {
        if output(Command::new(program).arg("--version")).is_ok() {
            continue;
        }
        eprintln!("adding {component}");
        if run(Command::new("rustup").args(["component", "add", component])).is_err() {
            bail!("{component} is missing; run `rustup component add {component}`");
        }
    }
    Ok(())
}

/// Returns whether cargo-nextest is installed.
pub(crate) fn has_nextest() -> bool {
    output(crate::run::cargo().args(["nextest", "--version"])).is_ok()
}

/// Returns whether a target is installed. Asks rustc, because toolchains may come without rustup.
fn has_target(target: &str) -> bool {
    output(Command::new("rustc").args(["--print", "target-libdir", "--target", target]))
        .is_ok_and(|folder| std::path::Path::new(folder.trim()).is_dir())
}

fn join(targets: &[&&str]) -> String {
    targets
        .iter()
        .map(|target| **target)
        .collect::<Vec<_>>()
        .join(" ")
}
