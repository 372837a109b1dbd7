//! Fails in the first second of a build if libwasmedge cannot be found.
//!
//! wasmedge-sys looks in the same folders, but only after minutes, and then panics. This script
//! cannot pass it other paths, because cargo runs every build script with cargo's own environment.

use std::env;
use std::path::{Path, PathBuf};

/// Skips the check if it is set: for builds in which wasmedge-sys downloads the library (its
/// feature `standalone`).
const UNCHECKED: &str = "WASMEDGE_LIBRARY_UNCHECKED";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if variable(UNCHECKED).is_some() || variable("DOCS_RS").is_some() {
        return;
    }
    if !folders()
        .iter()
        .any(|(include, lib)| is_there(include, lib))
    {
        for line in advice() {
            println!("cargo::error={line}");
        }
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var_os(name).map(PathBuf::from)
}

/// Returns the folders for headers and libraries in which wasmedge-sys looks, in its order.
fn folders() -> Vec<(PathBuf, PathBuf)> {
    let mut folders = Vec::new();
    if let (Some(include), Some(lib)) = (
        variable("WASMEDGE_INCLUDE_DIR"),
        variable("WASMEDGE_LIB_DIR"),
    ) {
        folders.push((include, lib));
    }
    let home = variable("HOME");
    let bases = [
        (variable("WASMEDGE_DIR"), "include", ["lib64", "lib"]),
        (
            variable("WASMEDGE_BUILD_DIR"),
            "include/api",
            ["lib64/api", "lib/api"],
        ),
        (
            home.as_ref().map(|home| home.join(".wasmedge")),
            "include",
            ["lib64", "lib"],
        ),
        (Some("/usr/local".into()), "include", ["lib64", "lib"]),
        (
            home.map(|home| home.join(".local")),
            "include",
            ["lib64", "lib"],
        ),
    ];
    for (base, include, libs) in bases {
        if let Some(base) = base {
            folders.extend(libs.map(|lib| (base.join(include), base.join(lib))));
        }
    }
    folders
}

fn is_there(include: &Path, lib: &Path) -> bool {
    include.join("wasmedge/wasmedge.h").is_file() && lib.is_dir()
}

fn advice() -> Vec<String> {
    let mut advice = vec![
        "libwasmedge, the library of WasmEdge, was not found. Any one of these helps:".to_owned(),
    ];
    advice.extend(advice_of_clone());
    advice.extend([
        "- set WASMEDGE_DIR to the folder of an installed WasmEdge 0.17.1, with its include/ and lib/ or lib64/"
            .to_owned(),
        format!(
            "- let wasmedge-sys download it: depend on wasmedge-sys 0.21.1 with its feature `standalone`, and set {UNCHECKED}=1"
        ),
    ]);
    advice
}

/// Returns the advice for a clone of Wasmscope, if this package is in one and not from a registry.
fn advice_of_clone() -> Option<String> {
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    if !clone.join("xtask").is_dir() {
        return None;
    }
    let found = clone.join("target/wasmedge/cargo.toml");
    let run = match found.is_file() {
        true => String::new(),
        false => format!("run `cargo xtask wasmedge` in {}, then ", clone.display()),
    };
    Some(format!(
        "- {run}create the file .cargo/config.toml beside your Cargo.toml with this line: include = [{{ path = \"{}\" }}]",
        found.display()
    ))
}
