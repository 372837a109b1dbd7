//! A libwasmedge, and how programs are linked with it.

use super::probe;
use super::{Home, Version};
use anyhow::{Context as _, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// A libwasmedge with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Library {
    /// Where it is from, in words.
    pub(super) origin: String,
    /// The folder that holds `wasmedge/wasmedge.h`.
    pub(super) include: PathBuf,
    /// The folder that holds the shared library.
    pub(super) lib: PathBuf,
    /// The dynamic linker of the glibc that the library came with, if it did come with one.
    pub(super) loader: Option<PathBuf>,
}

impl Library {
    /// Whether both the header and the library are there.
    pub(super) fn is_there(&self) -> bool {
        self.include.join("wasmedge/wasmedge.h").is_file()
            && shared_objects(&self.lib).is_ok_and(|files| !files.is_empty())
    }

    /// The argument for the compiler driver that makes linked programs find the library.
    ///
    /// # Errors
    ///
    /// Fails when a path cannot be said in such an argument.
    pub(super) fn link_argument(&self) -> Result<String> {
        let lib = word(&self.lib)?;
        let Some(loader) = &self.loader else {
            return Ok(format!("-Wl,-rpath,{lib}"));
        };
        Ok(format!(
            "-Wl,--dynamic-linker={},-rpath,{lib},--disable-new-dtags,--allow-shlib-undefined",
            word(loader)?
        ))
    }

    /// Makes the folder that `WASMEDGE_LIB_DIR` names: links to libwasmedge and nothing else.
    ///
    /// # Errors
    ///
    /// Fails when the folder or a link cannot be made.
    pub(super) fn link_folder(&self, home: &Home) -> Result<PathBuf> {
        let folder = home.empty_folder("link")?;
        for file in shared_objects(&self.lib)? {
            let name = file.file_name().unwrap_or_default();
            link(&file, &folder.join(name))
                .with_context(|| format!("cannot link {}", file.display()))?;
        }
        Ok(folder)
    }

    /// Links a program with the library and runs it, the way builds are linked and run.
    ///
    /// # Errors
    ///
    /// Fails when that does not work, or the library is of a version that does not fit.
    pub(super) fn check(&self, home: &Home) -> Result<Version> {
        ensure!(
            self.is_there(),
            "no header wasmedge/wasmedge.h in {}, or no shared libwasmedge in {}",
            self.include.display(),
            self.lib.display()
        );
        let links = self.link_folder(home)?;
        let program = probe::build_wasmedge(home, &self.include, &links, &self.link_argument()?)?;
        let version = probe::run_wasmedge(&program)?;
        if !version.fits() {
            bail!(
                "version {version} in {}, where {} is needed",
                self.lib.display(),
                super::version::WANTED
            );
        }
        Ok(version)
    }
}

/// Makes a symbolic link, or what comes nearest.
///
/// # Errors
///
/// Fails when the system does.
pub(super) fn link(target: &Path, link: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(target, link);
    #[cfg(not(unix))]
    return fs::hard_link(link.with_file_name(target), link);
}

/// The files of a folder that are libwasmedge under one of its names.
fn shared_objects(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_library = name.starts_with("libwasmedge.so")
            || (name.starts_with("libwasmedge.") && name.ends_with(".dylib"));
        if is_library && path.exists() {
            files.push(path);
        }
    }
    Ok(files)
}

/// A path as a part of an argument whose parts are separated by commas, and of an rpath, whose folders are separated by
/// colons and may contain variables.
fn word(path: &Path) -> Result<&str> {
    let text = path
        .to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    ensure!(
        !text.contains([',', ':', '$', '\'', '\n']),
        "{text} cannot be given to a linker, since it contains one of , : $ ' or a line break; \
         move the folder elsewhere"
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(lib: &str, loader: Option<&str>) -> Library {
        Library {
            origin: String::new(),
            include: PathBuf::new(),
            lib: lib.into(),
            loader: loader.map(PathBuf::from),
        }
    }

    #[test]
    fn a_library_of_the_machine_needs_its_folder_only() {
        let argument = library("/opt/with space/lib", None).link_argument();
        assert_eq!(
            argument.expect("an argument"),
            "-Wl,-rpath,/opt/with space/lib"
        );
    }

    #[test]
    fn a_library_with_its_own_glibc_is_linked_with_that_loader() {
        let argument = library("/p/lib", Some("/p/lib/ld-linux-x86-64.so.2")).link_argument();
        assert_eq!(
            argument.expect("an argument"),
            "-Wl,--dynamic-linker=/p/lib/ld-linux-x86-64.so.2,-rpath,/p/lib,--disable-new-dtags,--allow-shlib-undefined"
        );
    }

    #[test]
    fn a_path_that_a_linker_would_take_apart_is_refused() {
        for path in ["/a,b/lib", "/a:b/lib", "/$ORIGIN/lib"] {
            assert!(library(path, None).link_argument().is_err(), "{path}");
        }
    }
}
