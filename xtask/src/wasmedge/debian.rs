//! libwasmedge from Debian's packages, in a folder of its own with the C library that they want.
//!
//! The packages are of a release that is newer than the ones that most machines run, so they cannot
//! be installed into the system, and cannot be used with the system's C library.

use super::library::{Library, link as make_link};
use super::{Home, Version};
use crate::apt::{self, Apt};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The release whose packages have the version that fits.
const SUITE: &str = "forky";
const PACKAGE: &str = "libwasmedge-dev";

/// Fetches the packages from the machine's mirror and unpacks them.
///
/// # Errors
///
/// Fails when the machine has no apt, its mirror does not have the release or the version, or a
/// download fails.
pub(super) fn fetch(home: &Home) -> Result<(Library, Version)> {
    let existing = library(home);
    // An earlier run's, which `--fresh` or another variable made us forget. Not worth fetching
    // again.
    if existing.is_there()
        && let Ok(version) = existing.check(home)
    {
        return Ok((existing, version));
    }
    let apt = open(home)?;
    let offered = apt.version(PACKAGE)?;
    if !offered.parse::<Version>()?.fits() {
        bail!(
            "{SUITE} has {PACKAGE} {offered} by now, where {} is needed; take one of the other ways",
            super::version::WANTED
        );
    }
    eprintln!("libwasmedge: fetching {PACKAGE} {offered} of Debian {SUITE}");
    let root = apt.unpack(&[PACKAGE])?;
    let staging = home.empty_folder("work/debian")?;
    flatten(&root, &staging.join("lib"))?;
    fs::rename(root.join("usr/include"), staging.join("include"))
        .context("the packages have no headers")?;
    let place = home.path("debian");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(&staging, &place)?;
    let library = library(home);
    if library.loader.is_none() {
        bail!("the packages have no dynamic linker");
    }
    let version = library.check(home)?;
    Ok((library, version))
}

fn library(home: &Home) -> Library {
    let lib = home.path("debian/lib");
    Library {
        origin: format!(
            "Debian {SUITE}'s packages, in {}",
            home.path("debian").display()
        ),
        include: home.path("debian/include"),
        loader: loader(&lib),
        lib,
    }
}

/// Prepares an apt that knows the release, from the first of the machine's archives that has it.
fn open(home: &Home) -> Result<Apt> {
    let mut refused = String::new();
    for archive in apt::archives(&home.path("work/lists"))? {
        let apt = Apt::of_debian(home.path("work/apt"), &archive, SUITE)?;
        match apt.version(PACKAGE) {
            Ok(_) => return Ok(apt),
            Err(error) => refused.push_str(&format!("\n{archive}: {error:#}")),
        }
    }
    bail!("none of the archives that the machine's apt knows gives the release {SUITE}:{refused}")
}

/// Moves all shared libraries of the packages into one folder. libLLVM looks for what it needs in
/// `$ORIGIN/../lib`, and only a folder that is called `lib` and holds everything is its own
/// `../lib`.
///
/// # Errors
///
/// Fails when a folder cannot be read or a file cannot be moved.
pub(super) fn flatten(root: &Path, lib: &Path) -> Result<()> {
    fs::create_dir_all(lib)?;
    let mut links = BTreeMap::new();
    for folder in library_folders(root) {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name();
            if !is_shared_object(&name.to_string_lossy()) {
                continue;
            }
            let kind = entry.file_type()?;
            if kind.is_file() {
                fs::rename(entry.path(), lib.join(&name))
                    .with_context(|| format!("cannot move {}", entry.path().display()))?;
            } else if kind.is_symlink()
                && let Some(target) = fs::read_link(entry.path())?.file_name()
                && target != name
            {
                links.insert(name, target.to_owned());
            }
        }
    }
    for (name, target) in links {
        let link = lib.join(name);
        if link.symlink_metadata().is_err() {
            make_link(target.as_ref(), &link)
                .with_context(|| format!("cannot link {}", link.display()))?;
        }
    }
    Ok(())
}

/// The folders where packages put libraries that programs are linked with; not those below, which
/// hold modules.
fn library_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for parent in ["usr/lib", "lib", "usr/lib64", "lib64"] {
        let parent = root.join(parent);
        // Older packages have both /lib and /usr/lib.
        let below = fs::read_dir(&parent).into_iter().flatten().flatten();
        folders.extend(
            below
                .map(|entry| entry.path())
                .filter(|path| path.is_dir() && path.to_string_lossy().contains("-linux-gnu")),
        );
        folders.extend(parent.is_dir().then_some(parent));
    }
    folders
}

fn is_shared_object(name: &str) -> bool {
    name.ends_with(".so") || name.contains(".so.")
}

fn loader(lib: &Path) -> Option<PathBuf> {
    fs::read_dir(lib)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("ld-linux") || name.starts_with("ld64.so")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasmedge::library::link;

    #[test]
    fn shared_objects_are_told_from_what_lies_beside_them() {
        for name in [
            "libz.so",
            "libz.so.1.3",
            "ld-linux-x86-64.so.2",
            "libLLVM-21.so",
        ] {
            assert!(is_shared_object(name), "{name}");
        }
        for name in ["libz.a", "some.sorted", "crt1.o"] {
            assert!(!is_shared_object(name), "{name}");
        }
    }

    #[test]
    fn libraries_end_up_in_one_folder_with_links_that_hold_there() {
        let root = std::env::temp_dir().join(format!("flatten-{}", std::process::id()));
        let folder = root.join("root/usr/lib/x86_64-linux-gnu");
        fs::create_dir_all(folder.join("gconv")).expect("folders");
        fs::create_dir_all(root.join("root/usr/lib64")).expect("folders");
        fs::write(folder.join("libz.so.1.3"), "z").expect("a file");
        fs::write(folder.join("ld-linux-x86-64.so.2"), "ld").expect("a file");
        fs::write(folder.join("gconv/UTF-7.so"), "module").expect("a file");
        link(
            Path::new("../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"),
            &root.join("root/usr/lib64/ld-linux-x86-64.so.2"),
        )
        .expect("a link");
        link(Path::new("libz.so.1.3"), &folder.join("libz.so.1")).expect("a link");
        let lib = root.join("lib");
        flatten(&root.join("root"), &lib).expect("a folder");
        assert_eq!(
            fs::read_to_string(lib.join("libz.so.1")).expect("libz"),
            "z"
        );
        assert_eq!(loader(&lib), Some(lib.join("ld-linux-x86-64.so.2")));
        assert_eq!(
            fs::read_to_string(lib.join("ld-linux-x86-64.so.2")).expect("ld"),
            "ld"
        );
        assert!(!lib.join("UTF-7.so").exists());
        fs::remove_dir_all(&root).expect("tidied");
    }
}
