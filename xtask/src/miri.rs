//! `cargo xtask miri`: unit tests under Miri.

use crate::run::{output, run_our_own};
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::env;
use std::process::Command;

/// The crates whose unit tests run without native code.
const PACKAGES: [&str; 2] = ["component-model", "wasmscope-contract"];

/// Options of `cargo xtask miri`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(value_name = "PACKAGE", help = format!("The crates to test [default: {}]", PACKAGES.join(", ")))]
    packages: Vec<String>,
    /// Runs only the tests whose name contains this.
    #[arg(long)]
    filter: Option<String>,
}

/// Runs the unit tests under Miri, which reports undefined behaviour, data races and leaks.
///
/// Tests that are too slow are ignored, with the reason beside each. The fuzz targets pass far more
/// values through the same code.
///
/// # Errors
///
/// Fails when a test does, or when there is no nightly toolchain with Miri.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let nightly = || {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "miri"]);
        command
    };
    if output(nightly().arg("--version")).is_err() {
        bail!("Miri is missing; run `rustup toolchain install nightly --component miri,rust-src`");
    }
    let mut command = nightly();
    command.args(["test", "--locked", "--lib", "--manifest-path"]);
    command.arg(workspace.path("Cargo.toml"));
    let default = options.packages.is_empty();
    let packages = PACKAGES.iter().filter(|_| default).copied();
    for package in packages.chain(options.packages.iter().map(String::as_str)) {
        command.args(["--package", package]);
    }
    command.arg("--").args(&options.filter);
    if env::var_os("MIRIFLAGS").is_none() {
        // Tests read the clock.
        command.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    }
    run_our_own(&mut command)
}
