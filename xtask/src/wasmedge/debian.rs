//! libwasmedge from Debian's packages, in a separate folder with the C library that they need.
//!
//! The packages are of a newer release than most machines run. So they cannot be installed into the
//! system, and cannot use the system's C library.

use super::library::{Library, link as make_link};
use super::{Home, Version};
use crate::apt::{self, Apt};
use anyhow::{Context as _, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The release whose packages have the required version.
const SUITE: &str = "forky";
const PACKAGE: &str = "libwasmedge-dev";

/// Fetches the packages from the machine's mirror and unpacks them.
///
/// # Errors
///
/// Fails if the machine has no apt, if its mirror lacks the release or the version, or if a
/// download fails.
pub(super) fn fetch(home: &Home) -> Result<(Library, Version)> {
    let existing = library(home);
    // An earlier run fetched it, and `--fresh` or a changed variable discarded the result. It need
    // not be fetched again.
    if existing.is_there()
        && let Ok(version) = existing.check(home)
    {
        return Ok((existing, version));
    }
    let apt = open(home)?;
    let offered = apt.version(PACKAGE)?;
    if !offered.parse::<Version>()?.fits() {
        bail!(
            "{SUITE} now has {PACKAGE} {offered}, but {} is needed; use another source of libwasmedge",
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

/// Prepares an apt for the release, with the first of the machine's archives that has it.
fn open(home: &Home) -> Result<Apt> {
    let mut refused = String::new();
    for archive in apt::archives(&home.path("work/lists"))? {
        let apt = Apt::of_debian(home.path("work/apt"), &archive, SUITE)?;
        match apt.version(PACKAGE) {
            Ok(_) => return Ok(apt),
            Err(error) => refused.push_str(&format!("\n{archive}: {error:#}")),
        }
    }
    bail!("none of the archives of the machine's apt has the release {SUITE}:{refused}")
}

/// Moves all shared libraries of the packages into one folder. libLLVM looks for its dependencies
/// in `$ORIGIN/../lib`. A folder named `lib` that holds everything is its own `../lib`.
///
/// # Errors
///
/// Fails if a folder cannot be read, or if a file cannot be moved.
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

/// Returns the folders in which packages put shared libraries. Folders below them hold modules, and
/// are left out.
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
    fn shared_objects_are_recognised_by_name() {
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
    fn libraries_are_moved_into_one_folder_with_valid_links() {
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
