//! A libwasmedge, and the linker arguments for it.

use super::probe;
use super::{Home, Version};
use anyhow::{Context as _, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// The location of an installed library below the root. The last folder is called `lib`, because
/// some libraries look for others in `../lib`.
pub(crate) const INSTALLED: &str = "lib/wasmscope/lib";

/// A libwasmedge with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Library {
    /// A description of its origin.
    pub(super) origin: String,
    /// The folder that holds `wasmedge/wasmedge.h`.
    pub(super) include: PathBuf,
    /// The folder that holds the shared library.
    pub(super) lib: PathBuf,
    /// The dynamic linker of the glibc that came with the library, if one did.
    pub(super) loader: Option<PathBuf>,
}

impl Library {
    /// Returns whether both the header and the library exist.
    pub(super) fn is_there(&self) -> bool {
        self.include.join("wasmedge/wasmedge.h").is_file()
            && shared_objects(&self.lib).is_ok_and(|files| !files.is_empty())
    }

    /// Returns the compiler driver's argument that lets linked programs find the library.
    ///
    /// # Errors
    ///
    /// Fails if the argument cannot contain a path.
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

    /// Returns the library that a folder of links points to, with the argument for linking
    /// programs.
    ///
    /// # Errors
    ///
    /// Fails if the folder has no link to a library.
    pub(super) fn of_links(links: &Path, argument: Option<&str>) -> Result<Self> {
        let file = shared_objects(links)?.into_iter().next();
        let file = file.with_context(|| format!("no libwasmedge in {}", links.display()))?;
        // Only this link is followed: its target may be a link to a file beside it.
        let target = fs::read_link(&file).unwrap_or(file);
        let lib = links.join(target.parent().unwrap_or(links));
        let loader = argument
            .and_then(|argument| argument.split_once("--dynamic-linker="))
            .map(|(_, rest)| PathBuf::from(rest.split(',').next().unwrap_or(rest)));
        Ok(Self {
            origin: String::new(),
            include: PathBuf::new(),
            lib,
            loader,
        })
    }

    /// Copies the library and the libraries that came with it into a new folder. Returns the link
    /// argument for programs in `bin` beside [`INSTALLED`].
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be copied, or if the argument cannot contain a path.
    pub(super) fn install(&self, folder: &Path) -> Result<String> {
        let files = match self.loader {
            // A library with its own glibc has all dependencies beside it.
            Some(_) => fs::read_dir(&self.lib)
                .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
                .with_context(|| format!("cannot read {}", self.lib.display()))?,
            None => shared_objects(&self.lib)?,
        };
        let new = folder.with_extension("new");
        crate::apt::make_empty(&new)?;
        for file in files {
            let copy = new.join(file.file_name().unwrap_or_default());
            // A link to a library in the same folder stays a link.
            match fs::read_link(&file) {
                Ok(target) if target.components().count() == 1 => link(&target, &copy),
                _ => fs::copy(&file, &copy).map(drop),
            }
            .with_context(|| format!("cannot copy {}", file.display()))?;
        }
        if folder.exists() {
            fs::remove_dir_all(folder)
                .with_context(|| format!("cannot replace {}", folder.display()))?;
        }
        fs::rename(&new, folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let Some(loader) = &self.loader else {
            return Ok(format!("-Wl,-rpath,$ORIGIN/../{INSTALLED}"));
        };
        // The path of a dynamic linker cannot be relative to the program.
        let installed = Self {
            lib: folder.to_owned(),
            loader: Some(folder.join(loader.file_name().unwrap_or_default())),
            ..self.clone()
        };
        installed.link_argument()
    }

    /// Creates the folder for `WASMEDGE_LIB_DIR`, with links to libwasmedge and nothing else.
    ///
    /// # Errors
    ///
    /// Fails if the folder or a link cannot be created.
    pub(super) fn link_folder(&self, home: &Home) -> Result<PathBuf> {
        let folder = home.empty_folder("link")?;
        for file in shared_objects(&self.lib)? {
            let name = file.file_name().unwrap_or_default();
            link(&file, &folder.join(name))
                .with_context(|| format!("cannot link {}", file.display()))?;
        }
        Ok(folder)
    }

    /// Links a program with the library and runs it, as builds do.
    ///
    /// # Errors
    ///
    /// Fails if that does not work, or if the library has an unsuitable version.
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

/// Creates a symbolic link, or a hard link on systems without them.
///
/// # Errors
///
/// Fails if the system call fails.
pub(super) fn link(target: &Path, link: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(target, link);
    #[cfg(not(unix))]
    return fs::hard_link(link.with_file_name(target), link);
}

/// Returns the files in a folder that are libwasmedge under one of its names.
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

/// Returns a path for use in a comma-separated argument and in an rpath, which is separated by
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
    fn installed_library_needs_only_its_folder() {
        let argument = library("/opt/with space/lib", None).link_argument();
        assert_eq!(
            argument.expect("an argument"),
            "-Wl,-rpath,/opt/with space/lib"
        );
    }

    #[test]
    fn library_with_its_own_glibc_is_linked_with_its_loader() {
        let argument = library("/p/lib", Some("/p/lib/ld-linux-x86-64.so.2")).link_argument();
        assert_eq!(
            argument.expect("an argument"),
            "-Wl,--dynamic-linker=/p/lib/ld-linux-x86-64.so.2,-rpath,/p/lib,--disable-new-dtags,--allow-shlib-undefined"
        );
    }

    #[cfg(unix)]
    #[test]
    fn copied_library_is_found_beside_the_program() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["from", "links"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        for name in ["from/libwasmedge.so.0", "from/libother.so", "from/ld.so"] {
            fs::write(path(name), name).expect("a file");
        }
        link(
            &path("from/libwasmedge.so.0"),
            &path("links/libwasmedge.so"),
        )
        .expect("a link");
        let root = path("root").join(INSTALLED);
        let install = |argument| {
            let library = Library::of_links(&path("links"), argument).expect("a library");
            let argument = library.install(&root).expect("installed");
            let mut names: Vec<_> = fs::read_dir(&root)
                .expect("a folder")
                .map(|entry| {
                    entry
                        .expect("an entry")
                        .file_name()
                        .into_string()
                        .expect("text")
                })
                .collect();
            names.sort();
            (argument, names)
        };
        let (argument, names) = install(Some("-Wl,-rpath,/from"));
        assert_eq!(argument, "-Wl,-rpath,$ORIGIN/../lib/wasmscope/lib");
        assert_eq!(names, ["libwasmedge.so.0"]);
        let (argument, names) = install(Some("-Wl,--dynamic-linker=/from/ld.so,-rpath,/from"));
        let root = root.display();
        assert!(
            argument.starts_with(&format!("-Wl,--dynamic-linker={root}/ld.so,-rpath,{root},")),
            "{argument}"
        );
        assert_eq!(names, ["ld.so", "libother.so", "libwasmedge.so.0"]);
    }

    #[test]
    fn path_with_separators_of_the_linker_is_refused() {
        for path in ["/a,b/lib", "/a:b/lib", "/$ORIGIN/lib"] {
            assert!(library(path, None).link_argument().is_err(), "{path}");
        }
    }
}
