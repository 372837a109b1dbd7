//! `cargo xtask install`: installs the command `wasmscope` with the library that it needs.
//!
//! `cargo install` alone makes a command that looks for libwasmedge in the clone's
//! `target/wasmedge`, and no longer starts once that folder is deleted. Here the library is copied
//! into `ROOT/lib`, and the command in `ROOT/bin` looks there.

use crate::run::{cargo, run as run_command};
use crate::wasmedge;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// Options of `cargo xtask install`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Installs the command with WasmEdge, and WasmEdge's library with it.
    #[arg(long)]
    wasmedge: bool,
    /// The folder that contains bin/ and lib/. Default: the folder of `cargo install`.
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Builds faster, without optimisation.
    #[arg(long)]
    debug: bool,
}

/// Installs the command.
///
/// # Errors
///
/// Fails if the library cannot be found or copied, or if the command cannot be built.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let root = std::path::absolute(root(options)?)?;
    let mut command = cargo();
    command
        .args(["install", "--locked", "--force", "--path"])
        .arg(workspace.path("host-adapters/cli"))
        .arg("--root")
        .arg(&root);
    if options.debug {
        command.arg("--debug");
    }
    if options.wasmedge {
        let environment = wasmedge::ensure(workspace)?;
        let folder = root.join(wasmedge::INSTALLED);
        let argument = environment.install(&folder)?;
        eprintln!("WasmEdge's library: {}", folder.display());
        command
            .args(["--features", "wasmedge"])
            .env("WASMEDGE_LINK_ARG", argument);
    }
    run_command(&mut command)
}

fn root(options: &Options) -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(root) = &options.root {
        return Ok(root.clone());
    }
    let folder = variable("CARGO_INSTALL_ROOT").or_else(|| variable("CARGO_HOME"));
    folder
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .context("no folder to install into; name one with --root DIR")
}
