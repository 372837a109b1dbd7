//! `cargo xtask size`: what the SDK adds to a guest.

use crate::run::{cargo, run as run_command};
use crate::toolchain;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::fs;

/// Options of `cargo xtask size`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

/// What of the demo guest is built: what the row is called, and the features.
const VARIANTS: [(&str, &[&str]); 3] = [
    (
        "without telemetry",
        &[
            "--no-default-features",
            "--features",
            "tracing/release_max_level_off",
        ],
    ),
    (
        "with spans and logs by `tracing`, metrics by the direct API",
        &["--no-default-features", "--features", "telemetry"],
    ),
    ("and the OpenTelemetry API for a library that uses it", &[]),
];

/// Builds the demo guest with and without telemetry, at `opt-level = "z"` with link-time optimisation and without the
/// names of functions, and prints the sizes and what telemetry adds.
///
/// # Errors
///
/// Fails when a build does.
pub(crate) fn run(workspace: &Workspace, _: &Options) -> Result<()> {
    toolchain::ensure_targets()?;
    let target = workspace.target("size");
    let mut base = None;
    println!("| checkout, opt-level z | bytes | added |\n|---|---|---|");
    for (name, features) in VARIANTS {
        let mut command = cargo();
        command
            .args([
                "build",
                "--quiet",
                "--locked",
                "--profile",
                "guest",
                "--target",
                "wasm32-wasip2",
            ])
            .args([
                "--package",
                "checkout",
                "--config",
                "profile.guest.strip=true",
            ])
            .args(features)
            .arg("--target-dir")
            .arg(&target)
            .env_remove("RUSTFLAGS");
        run_command(&mut command)?;
        let file = target.join("wasm32-wasip2/guest/checkout.wasm");
        let bytes = fs::metadata(&file)
            .with_context(|| format!("cannot read {}", file.display()))?
            .len();
        let added = base.map_or_else(String::new, |base: u64| {
            format!("{:+}", bytes.cast_signed() - base.cast_signed())
        });
        println!("| {name} | {bytes} | {added} |");
        base.get_or_insert(bytes);
    }
    Ok(())
}
