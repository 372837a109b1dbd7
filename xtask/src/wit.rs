//! `cargo xtask wit`: keeps the contract, its documentation and the list of its versions
//! consistent.

use crate::wit_docs;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};
use std::fs;
use wit_component::{OutputToString, WitPrinter};
use wit_parser::{PackageId, Resolve};

/// Options of `cargo xtask wit`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Writes docs/wit.md and the hash of an unpublished version, instead of comparing them.
    #[arg(long)]
    bless: bool,
}

const DOCUMENT: &str = "docs/wit.md";
const VERSIONS: &str = "wit/versions.txt";

/// Checks the files that are derived from the contract, or writes them with `--bless`.
///
/// # Errors
///
/// Fails if the contract does not parse, or if a derived file is out of date.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    if options.bless {
        bless(workspace)
    } else {
        check(workspace)
    }
}

/// Checks the contract.
///
/// # Errors
///
/// See [`run`].
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let (resolve, package) = parse(workspace)?;
    let document = fs::read_to_string(workspace.path(DOCUMENT)).unwrap_or_default();
    ensure!(
        document == wit_docs::render(&resolve, package)?,
        "{DOCUMENT} does not match wit/; run `cargo xtask wit --bless`"
    );
    let version = version(&resolve, package)?;
    let hash = hash(&resolve, package)?;
    let versions = Versions::read(workspace)?;
    let entry = versions.find(&version)?;
    if entry.hash != hash {
        if entry.published {
            bail!(
                "wit/ differs from the published version {version}, which is frozen; give the package a new version"
            );
        }
        bail!("{VERSIONS} does not match wit/; run `cargo xtask wit --bless`");
    }
    Ok(())
}

fn bless(workspace: &Workspace) -> Result<()> {
    let (resolve, package) = parse(workspace)?;
    let version = version(&resolve, package)?;
    let mut versions = Versions::read(workspace)?;
    versions.set_draft(&version, hash(&resolve, package)?)?;
    versions.write(workspace)?;
    fs::write(
        workspace.path(DOCUMENT),
        wit_docs::render(&resolve, package)?,
    )?;
    eprintln!("wrote {DOCUMENT} and {VERSIONS}");
    Ok(())
}

fn parse(workspace: &Workspace) -> Result<(Resolve, PackageId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(workspace.path("wit"))
        .context("the contract does not parse")?;
    Ok((resolve, package))
}

fn version(resolve: &Resolve, package: PackageId) -> Result<String> {
    let version = resolve.packages[package].name.version.as_ref();
    Ok(version
        .context("the package in wit/ has no version")?
        .to_string())
}

/// Returns the hash of the contract's meaning: the package as wit-component prints it, without
/// documentation.
fn hash(resolve: &Resolve, package: PackageId) -> Result<String> {
    let mut printer = WitPrinter::new(OutputToString::default());
    printer.emit_docs(false);
    printer.print(resolve, package, &[])?;
    let digest = Sha256::digest(printer.output.to_string());
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The file `wit/versions.txt`. Each line has a version of the package, `draft` or `published`, and
/// the hash.
#[derive(Debug)]
struct Versions {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    version: String,
    published: bool,
    hash: String,
}

impl Versions {
    fn read(workspace: &Workspace) -> Result<Self> {
        let text = fs::read_to_string(workspace.path(VERSIONS)).unwrap_or_default();
        let mut entries = Vec::new();
        for line in text
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let words: Vec<_> = line.split_whitespace().collect();
            let [version, state @ ("draft" | "published"), hash] = words[..] else {
                bail!("{VERSIONS}: expected `<version> draft|published <hash>`, found `{line}`");
            };
            entries.push(Entry {
                version: version.to_owned(),
                published: state == "published",
                hash: hash.to_owned(),
            });
        }
        Ok(Self { entries })
    }

    fn find(&self, version: &str) -> Result<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.version == version)
            .with_context(|| {
                format!("{VERSIONS} has no version {version}; run `cargo xtask wit --bless`")
            })
    }

    fn set_draft(&mut self, version: &str, hash: String) -> Result<()> {
        match self
            .entries
            .iter_mut()
            .find(|entry| entry.version == version)
        {
            Some(entry) if entry.published && entry.hash != hash => {
                bail!("version {version} is published and frozen; give the package a new version")
            }
            Some(entry) => entry.hash = hash,
            None => self.entries.push(Entry {
                version: version.to_owned(),
                published: false,
                hash,
            }),
        }
        Ok(())
    }

    fn write(&self, workspace: &Workspace) -> Result<()> {
        let mut text = String::from(
            "# Each version of the package wasmscope:otel, whether it is published, and the SHA-256 of its WIT without\n\
             # documentation. A published version never changes. Checked by `cargo xtask test contract`.\n",
        );
        for entry in &self.entries {
            let state = if entry.published {
                "published"
            } else {
                "draft"
            };
            text.push_str(&format!("{} {state} {}\n", entry.version, entry.hash));
        }
        fs::write(workspace.path(VERSIONS), text)
            .with_context(|| format!("cannot write {VERSIONS}"))
    }
}
