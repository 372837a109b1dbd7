//! Gives packages outside of the workspace the features that the workspace's own build turns on, so
//! that both use one build of Wasmtime and of all that is large.
//!
//! Cargo compiles a crate once for each set of features. The workspace turns on more of them than
//! an embedder does: by the command line, by tests, by the bench. Without this, an embedder
//! compiles some forty crates again, which takes minutes.

use super::write_file;
use crate::run::{cargo, output};
use anyhow::{Result, ensure};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The features that crates of the registry are compiled with, by the crates' names and versions.
type Sets = BTreeMap<(String, String), BTreeSet<String>>;

/// The line of the package's manifest for what [`align`] writes.
pub(super) const DEPENDENCY: &str = "features = { path = 'features' }\n";

/// Makes an empty library in the package's folder that depends on crates with the features of the
/// workspace. So the package's own dependencies stay as they are.
///
/// # Errors
///
/// Fails when `cargo tree` does, or a file cannot be written.
pub(super) fn align(workspace: &Path, package: &Path) -> Result<()> {
    let folder = package.join("features");
    write_file(&folder.join("src/lib.rs"), "")?;
    let mut manifest =
        "[package]\nname = \"features\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n"
            .to_owned();
    let theirs = read(&tree(
        workspace,
        &["--locked", "--workspace", "--all-features"],
    )?);
    // A feature may bring a crate, which has features in turn.
    loop {
        write_file(&folder.join("Cargo.toml"), &manifest)?;
        let more = missing(&read(&tree(package, &[])?), &theirs);
        if more.is_empty() {
            return Ok(());
        }
        ensure!(
            !more.lines().any(|line| manifest.contains(line)),
            "these features are not turned on by asking for them:\n{more}"
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
            // Macros and build scripts have sets of their own.
            .args(["--edges", "normal,dev,no-proc-macro", "--no-dedupe"])
            .args(["--prefix", "none", "--format", "{p}|{f}"]),
    )
}

/// Reads lines such as `hyper v1.12.0|client,http1`. A crate with a path behind its version, or
/// another remark, is not of the registry.
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

/// A line for each crate that the workspace compiles with more features.
fn missing(ours: &Sets, theirs: &Sets) -> String {
    let mut lines = String::new();
    for ((name, version), features) in ours {
        let key = (name.clone(), version.clone());
        let Some(features) = theirs.get(&key).filter(|more| *more != features) else {
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
    fn a_crate_that_the_workspace_compiles_with_more_features_gets_them() {
        let theirs =
            read("cli v0.1.0 (/clone)|wasmedge\ntokio v1.54.1|net,rt\nmemchr v2.8.3|std\n");
        let ours =
            read("cli v0.1.0 (/clone)|\ntokio v1.54.1|rt\nmemchr v2.8.3|std\nhttp v1.0.0|\n");
        assert_eq!(
            missing(&ours, &theirs),
            "tokio-1-54-1 = { package = \"tokio\", version = \"=1.54.1\", default-features = false, features = [\"net\", \"rt\"] }\n"
        );
        assert_eq!(missing(&theirs, &theirs), "");
    }
}
