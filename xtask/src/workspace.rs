//! The workspace's packages and paths.

use anyhow::{Context as _, Result};
use cargo_metadata::{Metadata, MetadataCommand, Package};
use std::path::PathBuf;

/// The workspace as cargo sees it.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

impl Workspace {
    /// Reads the workspace from cargo.
    ///
    /// # Errors
    ///
    /// Fails if `cargo metadata` fails.
    pub(crate) fn find() -> Result<Self> {
        // Clones that share a target directory share this program, but each sets the variable for
        // itself.
        let package = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let manifest = package.join("../Cargo.toml");
        let metadata = MetadataCommand::new()
            .manifest_path(manifest)
            .no_deps()
            .exec()
            .context("cannot read the workspace")?;
        Ok(Self { metadata })
    }

    /// Returns a path in the repository.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.metadata.workspace_root.join(relative).into()
    }

    /// Returns a path in the target directory.
    pub(crate) fn target(&self, relative: &str) -> PathBuf {
        self.metadata.target_directory.join(relative).into()
    }

    /// Returns the packages to publish.
    pub(crate) fn published(&self) -> Vec<&Package> {
        let packages = self.metadata.packages.iter();
        packages
            .filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
            .collect()
    }

    /// Returns the guests of the demo and of the tests, sorted by name.
    pub(crate) fn guests(&self) -> Vec<&Package> {
        let homes = ["components", "tests/guests"].map(|f| self.metadata.workspace_root.join(f));
        let mut guests: Vec<_> = self
            .metadata
            .packages
            .iter()
            .filter(|package| {
                homes
                    .iter()
                    .any(|home| package.manifest_path.starts_with(home))
            })
            .collect();
        guests.sort_by(|a, b| a.name.cmp(&b.name));
        guests
    }
}
