//! `cargo xtask size`: the bytes that the SDK adds to a guest, and the size of `no-telemetry`.

use crate::bench::guests::{LEVELS, VARIANTS, build_services, service};
use crate::workspace::Workspace;
use crate::{guests, toolchain};
use anyhow::{Context as _, Result};
use std::fs;

/// Options of `cargo xtask size`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

/// Builds the bench's service without telemetry and with each API of the SDK, at two optimisation
/// levels. Prints the bytes as a table in Markdown.
///
/// # Errors
///
/// Fails if a build fails.
pub(crate) fn run(workspace: &Workspace, _: &Options) -> Result<()> {
    toolchain::ensure_targets()?;
    let folder = build_services(workspace)?;
    let builds: Vec<_> = LEVELS
        .iter()
        .flat_map(|level| [(level.name, false), (level.name, true)])
        .filter(|&(level, wasm_opt)| service(&folder, VARIANTS[0], level, wasm_opt).exists())
        .collect();
    let titles = builds.iter().map(|(level, wasm_opt)| {
        format!(
            "opt-level {level}{}",
            if *wasm_opt { ", wasm-opt" } else { "" }
        )
    });
    println!("{}", row("service", titles));
    println!("{}", row("---", builds.iter().map(|_| "---:".to_owned())));
    let mut bases = Vec::new();
    for variant in VARIANTS {
        let mut sizes = Vec::new();
        for &(level, wasm_opt) in &builds {
            let file = service(&folder, variant, level, wasm_opt);
            let metadata = fs::metadata(&file);
            sizes.push(
                metadata
                    .with_context(|| format!("cannot read {}", file.display()))?
                    .len(),
            );
        }
        if bases.is_empty() {
            bases.clone_from(&sizes);
        }
        let cells = sizes.iter().zip(&bases).map(|(size, base)| {
            if size == base {
                size.to_string()
            } else {
                format!("{size} ({:+})", size.cast_signed() - base.cast_signed())
            }
        });
        println!("{}", row(title(variant), cells));
    }
    print_no_telemetry(workspace)
}

/// Prints the size of `no-telemetry`.
fn print_no_telemetry(workspace: &Workspace) -> Result<()> {
    let file = guests::build(workspace, &["no-telemetry"])?.join("no_telemetry.wasm");
    let bytes = fs::metadata(&file).with_context(|| format!("cannot read {}", file.display()))?;
    println!(
        "\n`no-telemetry`, the no-op provider for hosts without Wasmscope: {} bytes",
        bytes.len()
    );
    Ok(())
}

fn title(variant: &str) -> &str {
    match variant {
        "none" => "without telemetry",
        "direct" => "direct API",
        "log" => "direct API, the log record by `log`",
        "tracing" => "`tracing` without `std`, metrics by the direct API",
        "tracing-std" => "`tracing` with `std`, metrics by the direct API",
        _ => "`opentelemetry`",
    }
}

fn row(title: &str, cells: impl Iterator<Item = String>) -> String {
    cells.fold(format!("| {title} |"), |row, cell| {
        format!("{row} {cell} |")
    })
}
