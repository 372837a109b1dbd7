//! Guest components, built for `wasm32-wasip2`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::cargo::{self, Artifact};

/// Names the folder in which `cargo xtask test` puts the guests that it builds.
pub const GUESTS_VARIABLE: &str = "WASMSCOPE_GUESTS";

/// The target and the profile (in the workspace's `Cargo.toml`) of guests.
const TARGET: &str = "wasm32-wasip2";
const PROFILE: &str = "guest";

type Built = Arc<OnceLock<Result<PathBuf, String>>>;

/// Returns the file of the guest component that the package `name` builds.
///
/// With `WASMSCOPE_GUESTS` set, the file is taken from that folder. Otherwise it is in the target
/// directory, and cargo builds it if it is missing or older than its sources. Each process checks
/// this once for each guest.
///
/// # Panics
/// If there is no such guest. The message contains the command that builds it.
#[must_use]
#[track_caller]
pub fn guest(name: &str) -> PathBuf {
    guest_of(name, name)
}

/// Returns the file of the guest component that the binary `name` of a package builds, like
/// [`guest`].
///
/// # Panics
/// See [`guest`].
#[must_use]
#[track_caller]
pub fn guest_of(package: &str, name: &str) -> PathBuf {
    static BUILT: Mutex<Option<HashMap<String, Built>>> = Mutex::new(None);
    // Locked only for the look-up, so that tests do not wait while the guest of another test is
    // built.
    let built = {
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            built
                .get_or_insert_default()
                .entry(name.to_owned())
                .or_default(),
        )
    };
    let prebuilt = cargo::path_from_env(GUESTS_VARIABLE);
    match built.get_or_init(|| find(package, name, prebuilt.as_deref())) {
        Ok(file) => file.clone(),
        Err(error) => panic!("no guest component `{name}`: {error}"),
    }
}

/// Reads the guest component that the package `name` builds.
///
/// # Panics
/// See [`guest`]. Also if the file cannot be read.
#[must_use]
#[track_caller]
pub fn guest_bytes(name: &str) -> Vec<u8> {
    let file = guest(name);
    std::fs::read(&file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()))
}

fn find(package: &str, name: &str, prebuilt: Option<&Path>) -> Result<PathBuf, String> {
    let artifact = artifact_in(cargo::workspace(), cargo::target_dir(), package, name);
    let Some(folder) = prebuilt else {
        return artifact.make();
    };
    let names = artifact.files.iter().filter_map(|file| file.file_name());
    if let Some(file) = names
        .map(|name| folder.join(name))
        .find(|file| file.is_file())
    {
        return Ok(file);
    }
    Err(format!(
        "it is not in {}, the folder of {GUESTS_VARIABLE}; unset the variable, or run `cargo xtask test`, which fills the \
         folder, or `{}` and copy {} there",
        folder.display(),
        artifact.command(),
        artifact.files[0].display(),
    ))
}

fn artifact_in(workspace: PathBuf, target_dir: PathBuf, package: &str, name: &str) -> Artifact {
    let folder = target_dir.join(TARGET).join(PROFILE);
    // The file of a program has its name; in that of a library, hyphens become underscores.
    let files = [name.to_owned(), name.replace('-', "_")];
    let mut args = vec![
        "build",
        "--package",
        package,
        "--target",
        TARGET,
        "--profile",
        PROFILE,
    ];
    // A package with the name of its guest builds one guest, which may be a library.
    if package != name {
        args.extend(["--bin", name]);
    }
    Artifact {
        files: files
            .map(|name| folder.join(format!("{name}.wasm")))
            .to_vec(),
        workspace,
        target_dir,
        args: args.into_iter().map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prebuilt_guest_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a-program.wasm"), "").unwrap();
        std::fs::write(folder.path().join("a_library.wasm"), "").unwrap();
        for (package, file) in [
            ("a-program", "a-program.wasm"),
            ("a-library", "a_library.wasm"),
        ] {
            assert_eq!(
                find(package, package, Some(folder.path())),
                Ok(folder.path().join(file))
            );
        }
    }

    #[test]
    fn a_guest_that_was_not_prebuilt_is_an_error_with_the_commands() {
        let folder = tempfile::tempdir().unwrap();
        let error = find("absent", "absent", Some(folder.path())).unwrap_err();
        assert!(error.contains("`cargo xtask test`"), "{error}");
        assert!(
            error.contains("`cargo build --package absent --target wasm32-wasip2 --profile guest`"),
            "{error}"
        );
    }

    #[test]
    fn a_binary_of_a_package_with_several_is_built_alone() {
        let folder = tempfile::tempdir().unwrap();
        let error = find("many", "one", Some(folder.path())).unwrap_err();
        assert!(
            error.contains(
                "`cargo build --package many --target wasm32-wasip2 --profile guest --bin one`"
            ),
            "{error}"
        );
        assert!(error.contains("one.wasm"), "{error}");
    }

    #[test]
    fn a_guest_that_cannot_be_built_is_an_error_with_the_command() {
        // Cargo itself says that this workspace has no such package.
        let error = find("no-such-package", "no-such-package", None).unwrap_err();
        assert!(
            error.starts_with("`cargo build --package no-such-package"),
            "{error}"
        );
    }

    #[test]
    fn programs_and_libraries_become_components_by_the_guest_profile() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write(
            "Cargo.toml",
            "[workspace]\nmembers = [\"*-it\"]\nresolver = \"3\"\n[profile.guest]\ninherits = \"release\"\n",
        );
        let manifest = |name: &str| format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n");
        write("run-it/Cargo.toml", &manifest("run-it"));
        write("run-it/src/main.rs", "fn main() {}");
        write(
            "call-it/Cargo.toml",
            &(manifest("call-it") + "[lib]\ncrate-type = [\"cdylib\"]\n"),
        );
        write("call-it/src/lib.rs", "");

        for (name, file) in [("run-it", "run-it.wasm"), ("call-it", "call_it.wasm")] {
            let target_dir = folder.path().join("target");
            let artifact = artifact_in(folder.path().to_owned(), target_dir.clone(), name, name);
            // Two builds, because the first one writes Cargo.lock, which makes the component look
            // out of date.
            artifact.make().unwrap();
            let made = artifact.make().unwrap();
            assert_eq!(made, target_dir.join("wasm32-wasip2/guest").join(file));
            // The preamble of a component. That of a core module has version 1 and layer 0.
            let bytes = std::fs::read(&made).unwrap();
            assert_eq!(bytes[..8], *b"\0asm\x0d\0\x01\0", "{name}");
            let modified = made.metadata().unwrap().modified().unwrap();
            artifact.make().unwrap();
            assert_eq!(
                made.metadata().unwrap().modified().unwrap(),
                modified,
                "not built again"
            );
        }
    }
}
