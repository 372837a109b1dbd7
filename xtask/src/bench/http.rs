//! The programs and guests of the bench's tables of HTTP services.

use super::guests::{FAST, folder};
use crate::guests::{HOME_TARGET, compile_as, plug, write_if_changed};
use crate::pins;
use crate::run::{cargo, output, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A program that cargo installs into `target/tools`.
struct Tool {
    /// The name of the program.
    name: &'static str,
    package: &'static str,
    version: String,
    features: &'static [&'static str],
    /// About how long it takes on two cores.
    time: &'static str,
}

/// Returns the load generator.
fn oha() -> Tool {
    Tool {
        name: "oha",
        package: "oha",
        version: "1.16.0".to_owned(),
        // It does not compile without TLS.
        features: &["rustls"],
        time: "5 minutes",
    }
}

/// Returns the peer, `wasmtime serve`, of the version of our own Wasmtime. It has the features that
/// it uses by default, and no others.
fn wasmtime(workspace: &Workspace) -> Result<Tool> {
    Ok(Tool {
        name: "wasmtime",
        package: "wasmtime-cli",
        version: pins::wasmtime(workspace)?,
        features: &[
            "component-model-async",
            "cranelift",
            "parallel-compilation",
            "pooling-allocator",
            // `serve` does not compile without it.
            "run",
            "serve",
        ],
        time: "10 minutes",
    })
}

/// Builds the programs, installs those of others unless it is only a check, and builds the guests.
/// Returns the bench's options that name the programs.
///
/// # Errors
///
/// Fails if a build fails.
pub(super) fn prepare(workspace: &Workspace, short: bool) -> Result<Vec<OsString>> {
    let release = if short { "debug" } else { "release" };
    let mut programs = vec![
        (
            "--wasmscope",
            workspace.target(&format!("{release}/wasmscope")),
        ),
        (
            "--native-service",
            workspace.target(&format!("{release}/native-service")),
        ),
    ];
    if short {
        build_hello(workspace)?;
    } else {
        programs.push(("--oha", oha().install(workspace)?));
        programs.push(("--wasmtime", wasmtime(workspace)?.install(workspace)?));
        eprintln!("building `wasmscope` and its native peer: some minutes the first time");
        build_release("wasmscope-cli", &["--features", "wasmedge"])?;
        build_release("wasmscope-bench-http", &[])?;
        build_guests(workspace)?;
    }
    let options = programs
        .into_iter()
        .flat_map(|(option, file)| [OsString::from(option), file.into_os_string()]);
    Ok(options.collect())
}

/// Builds a package as it is installed: with its own features alone.
pub(crate) fn build_release(package: &str, features: &[&str]) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--locked", "--release", "--package", package]);
    run(command.args(features))
}

/// Stores `hello-http` as it is built for all tests.
fn build_hello(workspace: &Workspace) -> Result<()> {
    let built = crate::guests::build(workspace, &["hello-http"])?;
    let hello = fs::read(built.join("hello-http.wasm"))?;
    write_if_changed(&folder(workspace)?.join("hello-http.wasm"), &hello)
}

/// Builds `hello-http`, the same with `no-telemetry` plugged in, and the same without the SDK.
fn build_guests(workspace: &Workspace) -> Result<()> {
    let packages = ["hello-http", "bench-hello-http", "no-telemetry"];
    compile_as(&packages, HOME_TARGET, FAST)?;
    let built = |name: &str| {
        let file = workspace.target(&format!("{HOME_TARGET}/{FAST}/{name}.wasm"));
        fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
    };
    let hello = built("hello-http")?;
    let provider = built("no_telemetry")?;
    let plugged = plug(
        ("hello-http", hello.clone()),
        vec![("no-telemetry", provider)],
    )?;
    let folder = folder(workspace)?;
    write_if_changed(&folder.join("hello-http.wasm"), &hello)?;
    write_if_changed(&folder.join("hello-http.plugged.wasm"), &plugged)?;
    let plain = built("bench-hello-http")?;
    write_if_changed(&folder.join("hello-http.none.wasm"), &plain)
}

impl Tool {
    /// Installs the program, unless it is there. Returns its file.
    fn install(&self, workspace: &Workspace) -> Result<PathBuf> {
        let root = workspace.target("tools");
        let file = root.join("bin").join(self.name);
        let version = output(Command::new(&file).arg("--version"));
        if version.is_ok_and(|text| text.split_whitespace().any(|word| word == self.version)) {
            return Ok(file);
        }
        eprintln!(
            "installing {} {} into {}, for the tables of HTTP services: about {} the first time",
            self.package,
            self.version,
            root.display(),
            self.time
        );
        let mut command = cargo();
        command.args(["install", "--locked", "--force", self.package]);
        command
            .args(["--version", &self.version, "--root"])
            .arg(&root);
        command.args([
            "--no-default-features",
            "--features",
            &self.features.join(","),
        ]);
        // The optimisations of our own release profile.
        command
            .env("CARGO_PROFILE_RELEASE_LTO", "fat")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1");
        run(&mut command)?;
        Ok(file)
    }
}
