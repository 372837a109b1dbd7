//! The guests of the bench, in `target/bench/guests`.

use crate::guests::{HOME_TARGET, compile_as, write_if_changed};
use crate::run::{cargo, run};
use crate::wasm_opt::WasmOpt;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The profile of guests whose speed is measured.
pub(super) const FAST: &str = "fast-guest";

/// The service without telemetry, and with each API of the SDK. All names but the first are
/// features.
pub(crate) const VARIANTS: [&str; 6] = [
    "none",
    "direct",
    "log",
    "tracing",
    "tracing-std",
    "opentelemetry",
];

/// An optimisation level: its name in file names, its profile, and its option of `wasm-opt`.
pub(crate) struct Level {
    pub(crate) name: &'static str,
    profile: &'static str,
    wasm_opt: &'static str,
}

/// The levels at which the service is built.
pub(crate) const LEVELS: [Level; 2] = [
    Level {
        name: "z",
        profile: "guest",
        wasm_opt: "-Oz",
    },
    Level {
        name: "3",
        profile: FAST,
        wasm_opt: "-O3",
    },
];

/// Builds the guest that makes each kind of call, as `rows.wasm`. Returns its folder.
///
/// # Errors
///
/// Fails if it does not compile.
pub(crate) fn build_rows(workspace: &Workspace) -> Result<PathBuf> {
    let folder = folder(workspace)?;
    compile_as(&["bench-rows"], HOME_TARGET, FAST)?;
    let bytes = built(workspace, FAST, "bench_rows")?;
    write_if_changed(&folder.join("rows.wasm"), &bytes)?;
    Ok(folder)
}

/// Builds the service in each variant at each level, as `service.<variant>.<level>.wasm`. If there
/// is a `wasm-opt`, also writes the optimised component as
/// `service.<variant>.<level>.wasm-opt.wasm`. Returns the folder.
///
/// # Errors
///
/// Fails if a variant does not compile, or if `wasm-opt` fails.
pub(crate) fn build_services(workspace: &Workspace) -> Result<PathBuf> {
    let folder = folder(workspace)?;
    let wasm_opt = WasmOpt::find_or_fetch(workspace);
    for level in LEVELS {
        for variant in VARIANTS {
            compile_service(variant, level.profile)?;
            let component = built(workspace, level.profile, "bench_service")?;
            write_if_changed(&service(&folder, variant, level.name, false), &component)?;
            let optimised = service(&folder, variant, level.name, true);
            match &wasm_opt {
                Some(wasm_opt) => {
                    let component = wasm_opt.optimise(&component, level.wasm_opt)?;
                    write_if_changed(&optimised, &component)?;
                }
                // A file of an earlier run does not match this component.
                None if optimised.exists() => fs::remove_file(&optimised)?,
                None => {}
            }
        }
    }
    Ok(folder)
}

/// Returns the path of a build of the service.
pub(crate) fn service(folder: &Path, variant: &str, level: &str, wasm_opt: bool) -> PathBuf {
    let suffix = if wasm_opt { ".wasm-opt" } else { "" };
    folder.join(format!("service.{variant}.{level}{suffix}.wasm"))
}

pub(super) fn folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target("bench/guests");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Compiles the service without the function names that the profile keeps for backtraces.
fn compile_service(variant: &str, profile: &str) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--quiet", "--locked", "--package", "bench-service"]);
    command.args(["--profile", profile, "--target", HOME_TARGET]);
    command.args(["--config", &format!("profile.{profile}.strip=true")]);
    if variant != "none" {
        command.args(["--features", variant]);
    }
    // Settings for the host's binaries must not change the guests.
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    run(&mut command)
}

fn built(workspace: &Workspace, profile: &str, library: &str) -> Result<Vec<u8>> {
    let file = workspace.target(&format!("{HOME_TARGET}/{profile}/{library}.wasm"));
    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
}
