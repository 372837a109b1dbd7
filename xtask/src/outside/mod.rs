//! Builds and runs the embedding examples as packages outside of the clone, in the way that the
//! README describes.

mod features;

use crate::run::{cargo, run as run_command};
use crate::workspace::Workspace;
use crate::{guests, wasmedge};
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An embedder.
struct Embedder {
    /// The name of the adapter's folder. The package is named for it, too.
    engine: &'static str,
    /// Crates of the clone, by name and folder.
    local_crates: &'static [(&'static str, &'static str)],
    /// Crates of the registry, in the workspace's versions.
    registry_crates: &'static [&'static str],
}

const TELEMETRY: (&str, &str) = ("wasmscope-telemetry", "telemetry");
const OTLP: (&str, &str) = ("wasmscope-otlp", "otlp");

const WASMTIME: Embedder = Embedder {
    engine: "wasmtime",
    local_crates: &[
        TELEMETRY,
        OTLP,
        ("wasi-bounds", "wasi-bounds"),
        ("wasmscope-wasmtime", "wasmtime"),
    ],
    registry_crates: &["wasmtime", "wasmtime-wasi"],
};

const WASMEDGE: Embedder = Embedder {
    engine: "wasmedge",
    local_crates: &[
        TELEMETRY,
        OTLP,
        ("wasmscope-wasmedge", "wasmedge"),
        ("wasmedge-component", "wasmedge-component"),
        ("component-model", "component-model"),
        ("component-wasi", "component-wasi"),
    ],
    registry_crates: &["anyhow"],
};

/// Builds and runs both embedders.
///
/// # Errors
///
/// Fails if an embedder cannot be built or run, or if a build without the library fails without
/// early advice.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let _ = wasmedge::ensure(workspace)?;
    guests::build(workspace, &["hello"])?;
    let folder = std::env::temp_dir().join(format!("wasmscope-outside-{}", std::process::id()));
    let result = [WASMTIME, WASMEDGE]
        .iter()
        .try_for_each(|embedder| embed(workspace, embedder, &folder.join(embedder.engine)));
    // A failure to clean up does not matter.
    let _ = fs::remove_dir_all(folder);
    result
}

fn embed(workspace: &Workspace, embedder: &Embedder, package: &Path) -> Result<()> {
    write(workspace, embedder, package)?;
    if embedder.engine == WASMEDGE.engine {
        fails_early_without_library(workspace, package)?;
        let line = format!(
            "include = [{{ path = '{}' }}]\n",
            workspace.path("target/wasmedge/cargo.toml").display()
        );
        write_file(&package.join(".cargo/config.toml"), &line)?;
    }
    run_command(without_library(workspace, package).arg("build"))?;
    run_command(
        Command::new(workspace.target(&format!("debug/outside-{}", embedder.engine)))
            .arg(workspace.target("guests/hello.wasm"))
            .env("OTEL_SDK_DISABLED", "true")
            .env_remove("LD_LIBRARY_PATH")
            .current_dir(package),
    )
}

/// Returns cargo for a package outside, with the workspace's target folder and without its
/// variables.
fn without_library(workspace: &Workspace, package: &Path) -> Command {
    let mut command = cargo();
    command
        .current_dir(package)
        .env("CARGO_TARGET_DIR", workspace.target(""));
    for variable in [
        "WASMEDGE_INCLUDE_DIR",
        "WASMEDGE_LIB_DIR",
        "WASMEDGE_LINK_ARG",
        "WASMEDGE_DIR",
        "WASMEDGE_BUILD_DIR",
        "LIBCLANG_PATH",
        "BINDGEN_EXTRA_CLANG_ARGS",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Checks that a build without the library fails with advice instead of a panic.
fn fails_early_without_library(workspace: &Workspace, package: &Path) -> Result<()> {
    let home = std::env::home_dir().context("no home directory")?;
    let has_one = |folder: &Path| folder.join("include/wasmedge/wasmedge.h").exists();
    if [
        home.join(".wasmedge"),
        home.join(".local"),
        "/usr/local".into(),
    ]
    .iter()
    .any(|folder: &PathBuf| has_one(folder))
    {
        return Ok(());
    }
    let output = without_library(workspace, package)
        .args(["check", "--package", "wasmedge-library"])
        .output()
        .context("cannot start cargo")?;
    let printed = String::from_utf8_lossy(&output.stderr);
    ensure!(
        !output.status.success(),
        "built without libwasmedge:\n{printed}"
    );
    for words in [
        "was not found",
        ".cargo/config.toml",
        "target/wasmedge/cargo.toml",
        "WASMEDGE_DIR",
    ] {
        ensure!(printed.contains(words), "no {words:?} in:\n{printed}");
    }
    ensure!(!printed.contains("panicked"), "{printed}");
    Ok(())
}

fn write(workspace: &Workspace, embedder: &Embedder, package: &Path) -> Result<()> {
    let Embedder {
        engine,
        local_crates,
        registry_crates,
    } = embedder;
    let root = fs::read_to_string(workspace.path("Cargo.toml"))?;
    let path = |folder: &str| workspace.path(&format!("host-adapters/{folder}"));
    let mut manifest = format!(
        "[package]\nname = \"outside-{engine}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{}",
        features::DEPENDENCY
    );
    for (name, folder) in *local_crates {
        manifest.push_str(&format!(
            "{name} = {{ path = '{}' }}\n",
            path(folder).display()
        ));
    }
    for name in *registry_crates {
        let line = root
            .lines()
            .find(|line| line.starts_with(&format!("{name} = ")));
        manifest.push_str(line.with_context(|| format!("the workspace has no {name}"))?);
        manifest.push('\n');
    }
    if *engine == WASMEDGE.engine {
        manifest.push_str(&format!(
            "\n[build-dependencies]\nwasmedge-library = {{ path = '{}' }}\n",
            path("wasmedge-library").display()
        ));
        let build = "fn main() {\n    wasmedge_library::link();\n}\n";
        write_file(&package.join("build.rs"), build)?;
    }
    // The same profiles, so that the workspace's builds are reused.
    let (_, profiles) = root.split_once("[profile.dev]").context("no profile")?;
    let (profiles, _) = profiles
        .split_once("[profile.release]")
        .unwrap_or((profiles, ""));
    manifest.push_str(&format!("\n[profile.dev]{profiles}"));
    write_file(
        &package.join("src/main.rs"),
        &fs::read_to_string(path(engine).join("examples/embed.rs"))?,
    )?;
    write_file(&package.join("Cargo.toml"), &manifest)?;
    let lock = fs::read_to_string(workspace.path("Cargo.lock"))?;
    write_file(&package.join("Cargo.lock"), &lock)?;
    features::align(&workspace.path(""), package)?;
    // Once more: cargo removed unused packages from it, and would choose other versions of them
    // now.
    write_file(&package.join("Cargo.lock"), &lock)
}

fn write_file(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, text))
        .with_context(|| format!("cannot write {}", file.display()))
}
