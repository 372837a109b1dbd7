//! `cargo xtask demo`: from a fresh clone to telemetry in the terminal.

use crate::run::{cargo, run as run_command, shown};
use crate::workspace::Workspace;
use crate::{guests, toolchain};
use anyhow::Result;
use std::process::Command;

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Sends the telemetry to this OTLP endpoint instead of showing it here, for example `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// How many orders to process.
    #[arg(long, default_value_t = 12, value_name = "NUMBER")]
    orders: u32,
}

/// Builds the demo guest and the command line, and runs the one on the other.
///
/// # Errors
///
/// Fails when a build fails, or the demo does.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    toolchain::ensure_targets()?;
    eprintln!("building the demo guest, components/checkout");
    guests::compile(&["checkout"], guests::HOME_TARGET)?;
    eprintln!(
        "building the command line (the first time takes some minutes: it contains a compiler)"
    );
    run_command(cargo().args(["build", "--locked", "--package", "wasmscope-cli"]))?;
    let mut command = Command::new(workspace.target("debug/wasmscope"));
    command.arg("run");
    if let Some(endpoint) = &options.otlp_endpoint {
        command.args(["--otlp-endpoint", endpoint]);
    }
    let orders = workspace.path("components/checkout/orders.jsonl");
    let data = orders.parent().unwrap_or(&orders);
    command
        .arg("--dir")
        .arg(format!("{}::/data:ro", data.display()))
        .arg(workspace.target("wasm32-wasip2/guest/checkout.wasm"))
        .args(["--limit", &options.orders.to_string(), "/data/orders.jsonl"]);
    eprintln!();
    run_command(&mut command)?;
    eprintln!("\nthis was: {}", shown(&command));
    Ok(())
}
