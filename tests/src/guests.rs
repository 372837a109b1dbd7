//! The scenarios' guests, and a check that each has a scenario.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use crate::scenario::{self, Scenario};

/// The package that contains most guests as binaries.
const PACKAGE: &str = "scenarios";

#[derive(Deserialize)]
struct Manifest {
    package: Package,
    #[serde(default)]
    bin: Vec<Bin>,
}

#[derive(Deserialize)]
struct Package {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    wasmscope: Wasmscope,
}

#[derive(Default, Deserialize)]
struct Wasmscope {
    #[serde(default)]
    plug: Vec<String>,
}

#[derive(Deserialize)]
struct Bin {
    name: String,
    path: String,
}

fn manifest(package: &str) -> Result<Manifest> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = ["guests", "../components"]
        .map(|folder| root.join(folder).join(package).join("Cargo.toml"))
        .into_iter()
        .find(|file| file.is_file())
        .with_context(|| format!("there is no guest {package}"))?;
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    toml::from_str(&text).with_context(|| file.display().to_string())
}

/// Returns the file of a guest, and builds it if necessary.
///
/// Guests for another target than `wasm32-wasip2` (`NAME.TARGET`) and compositions are not built
/// here. They come from the folder that `cargo xtask guests` fills.
///
/// # Panics
/// If there is no such guest. The message contains the command that builds it.
#[must_use]
#[track_caller]
pub fn guest(name: &str) -> PathBuf {
    let manifest = manifest(PACKAGE).expect("the guests' manifest");
    if manifest.bin.iter().any(|bin| bin.name == name) {
        return wasmscope_test_support::guests::guest_of(PACKAGE, name);
    }
    if !name.contains(".wasm32-") && !is_composition(name) {
        return wasmscope_test_support::guest(name);
    }
    let file = guests_folder().join(format!("{name}.wasm"));
    assert!(
        file.is_file(),
        "there is no {}; run `cargo xtask guests`",
        file.display()
    );
    file
}

/// Returns true if the package `name` is composed with others. Cargo then builds only a part of the
/// guest.
fn is_composition(name: &str) -> bool {
    manifest(name).is_ok_and(|manifest| !manifest.package.metadata.wasmscope.plug.is_empty())
}

/// Returns the folder that `cargo xtask guests` fills.
#[must_use]
pub fn guests_folder() -> PathBuf {
    std::env::var_os(wasmscope_test_support::guests::GUESTS_VARIABLE)
        .filter(|folder| !folder.is_empty())
        .map_or_else(default_folder, PathBuf::from)
}

/// Returns the default folder of `cargo xtask guests`, in the target directory of the running test.
fn default_folder() -> PathBuf {
    let exe = std::env::current_exe().expect("the path of the running test");
    let target = exe
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target
        .expect("a test lies in a target directory")
        .join("guests")
}

/// Returns the folder of the guests that were compiled ahead of time.
#[must_use]
pub fn compiled_folder() -> PathBuf {
    default_folder().join("compiled")
}

/// Checks that each guest has a scenario that runs it, and that each scenario's guest is built.
///
/// # Errors
/// If a guest or a scenario is left over. The message says what to do.
pub fn check_complete() -> Result<()> {
    let manifest = manifest(PACKAGE)?;
    let built: BTreeSet<_> = manifest.bin.iter().map(|bin| bin.name.clone()).collect();
    let mut run = BTreeSet::new();
    for name in scenario::names()? {
        let scenario = Scenario::read(&name)?;
        let own = scenario::folder().join(&name).join("guest.rs").is_file();
        match &scenario.guest {
            Some(guest) => {
                ensure!(
                    !own || guest == &name,
                    "the scenario {name} has a guest.rs, but runs the guest {guest}"
                );
                run.insert(guest.clone());
            }
            None => {
                ensure!(
                    own,
                    "the scenario {name} has no guest.rs and names no other's guest"
                );
                ensure!(
                    built.contains(&name),
                    "the guest of the scenario {name} is not built: add [[bin]] to tests/guests/{PACKAGE}/Cargo.toml"
                );
                run.insert(name);
            }
        }
    }
    for bin in manifest.bin {
        let expected = format!("../../scenarios/{}/guest.rs", bin.name);
        ensure!(
            bin.path == expected,
            "the path of the guest {} is not {expected}",
            bin.name
        );
        if !run.contains(&bin.name) {
            bail!("no scenario runs the guest {}", bin.name);
        }
    }
    Ok(())
}
