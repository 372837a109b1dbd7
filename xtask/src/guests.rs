//! Builds the guests. Each binary and each `cdylib` of the packages under `components/` and
//! `tests/guests/` becomes `target/guests/<name>.wasm`.
//!
//! Each guest is built for `wasm32-wasip2`. Two keys in its manifest change this:
//!
//! - `package.metadata.wasmscope.targets = ["wasm32-wasip1", ..]`: also builds it for these
//!   targets, makes a component with wit-component, and stores it as `<name>.<target>.wasm`.
//! - `package.metadata.wasmscope.plug = ["<package>", ..]`: composes it with these guests, whose
//!   exports become its imports.

use crate::run::{cargo, run};
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{Package, Target};
use std::fs;
use std::path::{Path, PathBuf};
use wac_graph::types::Package as Component;
use wac_graph::{CompositionGraph, EncodeOptions};
use wit_component::ComponentEncoder;

pub(crate) const HOME_TARGET: &str = "wasm32-wasip2";

/// Builds every guest for each of its targets. Returns the folder with the components.
///
/// # Errors
///
/// Fails if a guest does not compile, or if the result is not a component.
pub(crate) fn build_all(workspace: &Workspace) -> Result<PathBuf> {
    let guests = workspace.guests();
    let mut targets = vec![HOME_TARGET.to_owned()];
    for package in &guests {
        for target in listed(package, "targets") {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    for target in targets {
        let built: Vec<_> = guests
            .iter()
            .copied()
            .filter(|package| target == HOME_TARGET || listed(package, "targets").contains(&target))
            .collect();
        let names: Vec<_> = built.iter().map(|package| package.name.as_str()).collect();
        eprintln!("building the guests {} for {target}", names.join(", "));
        compile(&names, &target)?;
        store(workspace, &built, &target)?;
    }
    folder(workspace)
}

/// Builds some guests for `wasm32-wasip2`, and the guests that are plugged into them. Returns the
/// folder with the components.
///
/// # Errors
///
/// As [`build_all`].
pub(crate) fn build(workspace: &Workspace, names: &[&str]) -> Result<PathBuf> {
    let guests = workspace.guests();
    let built: Vec<_> = guests
        .into_iter()
        .filter(|package| names.contains(&package.name.as_str()))
        .collect();
    let plugs: Vec<_> = built
        .iter()
        .flat_map(|guest| listed(guest, "plug"))
        .collect();
    let plugs = plugs.iter().map(String::as_str);
    compile(
        &names.iter().copied().chain(plugs).collect::<Vec<_>>(),
        HOME_TARGET,
    )?;
    store(workspace, &built, HOME_TARGET)?;
    folder(workspace)
}

/// Returns the folder with the components, and creates it.
fn folder(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target("guests");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Makes components of compiled packages and stores them.
fn store(workspace: &Workspace, packages: &[&Package], target: &str) -> Result<()> {
    let folder = folder(workspace)?;
    for (package, guest) in packages.iter().flat_map(|package| {
        let made = package.targets.iter().filter(|guest| is_guest(guest));
        made.map(move |guest| (package, guest))
    }) {
        let file = if target == HOME_TARGET {
            format!("{}.wasm", guest.name)
        } else {
            format!("{}.{target}.wasm", guest.name)
        };
        let component = component(&artifact(workspace, guest, target), target)
            .and_then(|component| composed(workspace, package, component))
            .with_context(|| format!("{} for {target}", guest.name))?;
        write_if_changed(&folder.join(file), &component)?;
    }
    Ok(())
}

/// Compiles packages for one target in the guests' profile.
///
/// # Errors
///
/// Fails if cargo fails.
pub(crate) fn compile(packages: &[&str], target: &str) -> Result<()> {
    compile_as(packages, target, "guest")
}

/// Compiles packages for one target in a given profile.
///
/// # Errors
///
/// Fails if cargo fails.
pub(crate) fn compile_as(packages: &[&str], target: &str, profile: &str) -> Result<()> {
    let mut command = cargo();
    command.args([
        "build",
        "--locked",
        "--profile",
        profile,
        "--target",
        target,
    ]);
    for package in packages {
        command.args(["--package", package]);
    }
    // Settings for the host's binaries must not change the guests.
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    run(&mut command)
}

fn is_guest(target: &Target) -> bool {
    target.is_bin() || target.is_cdylib()
}

/// Returns the path of a binary or a `cdylib` that cargo has built.
fn artifact(workspace: &Workspace, guest: &Target, target: &str) -> PathBuf {
    let stem = if guest.is_cdylib() {
        guest.name.replace('-', "_")
    } else {
        guest.name.clone()
    };
    workspace.target(&format!("{target}/guest/{stem}.wasm"))
}

/// Reads a compiled file and makes it a component.
fn component(file: &Path, target: &str) -> Result<Vec<u8>> {
    let module = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if target == HOME_TARGET {
        return Ok(module);
    }
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module)?;
    if target == "wasm32-wasip1" {
        encoder.adapter(
            wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME,
            wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
        )?;
    }
    encoder.encode()
}

/// Plugs the guests that a package names into its component.
fn composed(workspace: &Workspace, package: &Package, socket: Vec<u8>) -> Result<Vec<u8>> {
    let plugs = listed(package, "plug");
    if plugs.is_empty() {
        return Ok(socket);
    }
    let mut plugged = Vec::new();
    for name in &plugs {
        for file in home_artifacts(workspace, name)? {
            let bytes =
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            plugged.push((name.as_str(), bytes));
        }
    }
    plug((&package.name, socket), plugged)
}

/// Plugs components, given with their names, into another one.
///
/// # Errors
///
/// Fails if bytes are not a component, or if no export of a plug matches an import.
pub(crate) fn plug(socket: (&str, Vec<u8>), plugs: Vec<(&str, Vec<u8>)>) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let mut add = |(name, bytes): (&str, Vec<u8>)| -> Result<_> {
        let component = Component::from_bytes(name, None, bytes, graph.types_mut())?;
        Ok(graph.register_package(component)?)
    };
    let names: Vec<_> = plugs.iter().map(|(name, _)| *name).collect();
    let names = names.join(", ");
    let socket = add(socket)?;
    let plugged = plugs
        .into_iter()
        .map(&mut add)
        .collect::<Result<Vec<_>>>()?;
    wac_graph::plug(&mut graph, plugged, socket).with_context(|| format!("cannot plug {names}"))?;
    Ok(graph.encode(EncodeOptions::default())?)
}

/// Returns the files of a guest for `wasm32-wasip2`, which is built before all other targets.
fn home_artifacts(workspace: &Workspace, name: &str) -> Result<Vec<PathBuf>> {
    let guests = workspace.guests();
    let package = guests.iter().find(|package| package.name == name);
    let package = package.with_context(|| format!("no guest is called {name}"))?;
    let made = package.targets.iter().filter(|guest| is_guest(guest));
    let files: Vec<_> = made
        .map(|guest| artifact(workspace, guest, HOME_TARGET))
        .collect();
    ensure!(
        !files.is_empty(),
        "the package {name} has no binary and no cdylib"
    );
    Ok(files)
}

/// Returns a list of strings in `package.metadata.wasmscope`, which is empty if it is missing.
fn listed(package: &Package, key: &str) -> Vec<String> {
    package.metadata["wasmscope"][key]
        .as_array()
        .map(|list| {
            list.iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect()
        })
        .unwrap_or_default()
}

/// Writes a file only if its content changes. Otherwise it keeps its modification time.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
