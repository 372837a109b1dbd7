//! The stage `package`: checks that every library and the command can be published.

use crate::run::{cargo, run};
use crate::workspace::Workspace;
use anyhow::{Result, ensure};
use cargo_metadata::Package;
use std::fs;

/// Checks the manifest and the README of each package to be published, and packages it. Builds
/// nothing and needs no network.
///
/// # Errors
///
/// Fails with a list of everything that is missing, or if `cargo package` fails.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let packages = workspace.published();
    let missing: Vec<_> = packages
        .iter()
        .flat_map(|package| missing(package).map(|part| format!("\n- {}: {part}", package.name)))
        .collect();
    ensure!(
        missing.is_empty(),
        "packages cannot be published (set `publish = false` for private ones):{}",
        missing.concat()
    );
    let mut command = cargo();
    command.args([
        "package",
        "--locked",
        "--offline",
        "--quiet",
        "--no-verify",
        "--allow-dirty",
    ]);
    for package in packages {
        command.args(["--package", &package.name]);
    }
    run(&mut command)
}

/// Returns the missing parts of a package.
fn missing(package: &Package) -> impl Iterator<Item = &'static str> {
    let folder = package.manifest_path.parent();
    let read = |file: &str| folder.and_then(|folder| fs::read_to_string(folder.join(file)).ok());
    let readme = read("README.md").unwrap_or_default();
    let documented = "https://docs.rs/".to_owned() + &package.name;
    let docs_rs = &package.metadata["docs"]["rs"]["all-features"];
    [
        ("description", package.description.is_some()),
        ("license", package.license.is_some()),
        ("repository", package.repository.is_some()),
        (
            "documentation on docs.rs",
            package.documentation.as_ref() == Some(&documented),
        ),
        ("1 to 5 keywords", (1..=5).contains(&package.keywords.len())),
        (
            "1 to 5 categories",
            (1..=5).contains(&package.categories.len()),
        ),
        (
            "package.metadata.docs.rs with all features",
            docs_rs.as_bool() == Some(true),
        ),
        ("a file LICENSE", read("LICENSE").is_some()),
        (
            "readme = \"README.md\"",
            package
                .readme
                .as_ref()
                .is_some_and(|readme| readme == "README.md"),
        ),
        (
            "an example in README.md",
            readme.contains("```rust") && !readme.contains("```rust,ignore"),
        ),
        // A program has no documentation tests.
        (
            "a documentation test of README.md in src/lib.rs",
            read("src/lib.rs").is_none_or(|lib| lib.contains("include_str!(\"../README.md\")")),
        ),
    ]
    .into_iter()
    .filter_map(|(what, is_there)| (!is_there).then_some(what))
}
