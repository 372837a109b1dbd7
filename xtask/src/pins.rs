//! Checks the pinned version of Wasmtime (ADR 20 explains why it is pinned), and the tests that
//! notice a library's new messages.

use crate::workspace::Workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;

/// Each release of Wasmtime depends on exactly its own version of this crate. The feature `lifting`
/// of `wasmscope-wasmtime` does, too.
const PIN: &str = "wasmtime-internal-component-util";

/// The crates of a release on whose behaviour our code and tests depend.
const CRATES: [&str; 5] = [
    "wasmtime",
    "wasmtime-environ",
    "wasmtime-wasi",
    "wasmtime-wasi-io",
    "wasi-preview1-component-adapter-provider",
];

/// Compares the pin in `Cargo.toml` with `Cargo.lock`.
///
/// # Errors
///
/// Fails if the versions differ.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let read = |name| fs::read_to_string(workspace.path(name)).context(name);
    compare(&read("Cargo.toml")?, &read("Cargo.lock")?)
}

/// Returns the version of Wasmtime that `Cargo.toml` pins.
///
/// # Errors
///
/// Fails if it pins none.
pub(crate) fn wasmtime(workspace: &Workspace) -> Result<String> {
    let manifest = fs::read_to_string(workspace.path("Cargo.toml")).context("Cargo.toml")?;
    pinned(&manifest).map(str::to_owned)
}

fn pinned(manifest: &str) -> Result<&str> {
    let pin = format!("\n{PIN} = \"=");
    let (_, rest) = manifest
        .split_once(&pin)
        .with_context(|| format!("Cargo.toml does not pin {PIN} to one version"))?;
    Ok(rest.split('"').next().unwrap_or_default())
}

fn compare(manifest: &str, lock: &str) -> Result<()> {
    let version = pinned(manifest)?;
    for name in CRATES {
        let package = format!("\nname = \"{name}\"\nversion = \"");
        let locked: Vec<_> = lock.split(&package).skip(1).collect();
        ensure!(!locked.is_empty(), "Cargo.lock has no {name}");
        for rest in locked {
            let locked = rest.split('"').next().unwrap_or_default();
            ensure!(
                locked == version,
                "Cargo.lock has {name} {locked}, but {version} is pinned; \
                 follow \"A new release of Wasmtime\" in CONTRIBUTING.md"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(of_wasi: &str) -> String {
        let version = |name| {
            if name == "wasmtime-wasi" {
                of_wasi
            } else {
                "1.2.3"
            }
        };
        let packages = CRATES.map(|name| {
            let version = version(name);
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")
        });
        packages.join("\n")
    }

    #[test]
    fn version_other_than_the_pinned_one_is_named() {
        let manifest = format!("[workspace.dependencies]\n{PIN} = \"=1.2.3\"\n");
        compare(&manifest, &lock("1.2.3")).expect("all are of one version");
        let error = compare(&manifest, &lock("1.2.4")).expect_err("one is not");
        assert_eq!(
            error.to_string(),
            "Cargo.lock has wasmtime-wasi 1.2.4, but 1.2.3 is pinned; \
             follow \"A new release of Wasmtime\" in CONTRIBUTING.md"
        );
        assert!(compare(&manifest, "").is_err());
        let caret = manifest.replace("=1.2.3", "1.2.3");
        let error = compare(&caret, &lock("1.2.3")).expect_err("a range is no pin");
        assert!(error.to_string().contains("does not pin"), "{error}");
    }

    #[test]
    fn contributing_has_the_section_that_the_error_names() {
        let workspace = Workspace::find().expect("the workspace");
        check(&workspace).expect("Cargo.lock has the pinned version");
        let text = fs::read_to_string(workspace.path("CONTRIBUTING.md")).expect("a file");
        assert!(text.contains("\n## A new release of Wasmtime\n"));
    }

    #[test]
    fn tests_and_files_in_the_table_of_messages_exist() {
        let workspace = Workspace::find().expect("the workspace");
        let text = fs::read_to_string(workspace.path("CONTRIBUTING.md")).expect("a file");
        let (_, section) = text
            .split_once("\n### Messages that the code reads\n")
            .expect("the section");
        let section = section.split("\n#").next().expect("a part");
        // The columns: library, words, where, test.
        let named: Vec<_> = section
            .lines()
            .filter(|line| line.starts_with("| "))
            .skip(1)
            .flat_map(|row| row.split('|').skip(3))
            .flat_map(|cell| cell.split('`').skip(1).step_by(2))
            .collect();
        assert!(named.len() >= 15, "{named:?}");
        let (files, tests): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|name| name.ends_with(".rs"));
        for file in files {
            let folders = ["", "host-adapters/"].map(|folder| format!("{folder}{file}"));
            let exists = folders.iter().any(|path| workspace.path(path).is_file());
            assert!(exists, "CONTRIBUTING.md names {file}, which does not exist");
        }
        let mut code = String::new();
        let every_file = &mut |_: &std::path::Path, text: &str| code.push_str(text);
        crate::comments::visit(&workspace.path("host-adapters"), every_file).expect("the code");
        for test in tests {
            let exists = code.contains(&format!("fn {test}("));
            assert!(exists, "CONTRIBUTING.md names {test}, which does not exist");
        }
    }
}
