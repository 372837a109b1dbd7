//! Aligns the features of packages outside of the workspace with those of the workspace's own
//! build, so that both share one build of Wasmtime and other large crates.
//!
//! Cargo compiles a crate once for each set of features. The workspace turns on more of them than
//! an embedder does: for the command line, tests and the bench. Without this, an embedder's build
//! compiles about forty crates again, which takes minutes.

use super::write_file;
use crate::run::{cargo, output};
use anyhow::{Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The features with which registry crates are compiled, by the crates' names and versions.
type Sets = BTreeMap<(String, String), BTreeSet<String>>;

/// The line in the package's manifest that depends on the crate that [`align`] writes.
pub(super) const DEPENDENCY: &str = "features = { path = 'features' }\n";

/// Writes an empty library into the package's folder. It depends on crates with the workspace's
/// features, so the package's own dependencies stay unchanged.
///
/// # Errors
///
/// Fails if `cargo tree` fails, or if a file cannot be written.
pub(super) fn align(workspace: &Path, package: &Path) -> Result<()> {
    let folder = package.join("features");
    write_file(&folder.join("src/lib.rs"), "")?;
    let mut manifest =
        "[package]\nname = \"features\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n"
            .to_owned();
    let package_sets = read(&tree(
        workspace,
        &["--locked", "--workspace", "--all-features"],
    )?);
    // A feature may add a crate, which has features as well.
    loop {
        write_file(&folder.join("Cargo.toml"), &manifest)?;
        let more = missing(&read(&tree(package, &[])?), &package_sets);
        if more.is_empty() {
            return Ok(());
        }
        ensure!(
            !more.lines().any(|line| manifest.contains(line)),
            "these features stay off although they were requested:\n{more}"
        );
        manifest.push_str(&more);
    }
}

fn tree(folder: &Path, arguments: &[&str]) -> Result<String> {
    output(
        cargo()
            .current_dir(folder)
            .arg("tree")
            .args(arguments)
            // Macros and build scripts have separate feature sets.
            .args(["--edges", "normal,dev,no-proc-macro", "--no-dedupe"])
            .args(["--prefix", "none", "--format", "{p}|{f}"]),
    )
}

/// Parses lines such as `hyper v1.12.0|client,http1`. A crate with a path or another remark after
/// its version is not from the registry.
fn read(tree: &str) -> Sets {
    let mut sets = Sets::new();
    for (krate, features) in tree.lines().filter_map(|line| line.split_once('|')) {
        let [name, version] = krate.split(' ').collect::<Vec<_>>()[..] else {
            continue;
        };
        let key = (name.to_owned(), version.trim_start_matches('v').to_owned());
        let features = features.split(',').filter(|feature| !feature.is_empty());
        sets.insert(key, features.map(str::to_owned).collect());
    }
    sets
}

/// Returns a line for each crate that the workspace compiles with more features.
fn missing(workspace_sets: &Sets, package_sets: &Sets) -> String {
    let mut lines = String::new();
    for ((name, version), features) in workspace_sets {
        let key = (name.clone(), version.clone());
        let Some(features) = package_sets.get(&key).filter(|more| *more != features) else {
            continue;
        };
        let features: Vec<_> = features.iter().collect();
        lines.push_str(&format!(
            "{name}-{} = {{ package = \"{name}\", version = \"={version}\", default-features = false, features = {features:?} }}\n",
            version.replace(['.', '+'], "-"),
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_features_of_a_crate_are_added() {
        let package_sets =
            read("cli v0.1.0 (/clone)|wasmedge\ntokio v1.54.1|net,rt\nmemchr v2.8.3|std\n");
        let workspace_sets =
            read("cli v0.1.0 (/clone)|\ntokio v1.54.1|rt\nmemchr v2.8.3|std\nhttp v1.0.0|\n");
        assert_eq!(
            missing(&workspace_sets, &package_sets),
            "tokio-1-54-1 = { package = \"tokio\", version = \"=1.54.1\", default-features = false, features = [\"net\", \"rt\"] }\n"
        );
        assert_eq!(missing(&package_sets, &package_sets), "");
    }
}
