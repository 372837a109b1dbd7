//! libclang, with which bindgen reads libwasmedge's header: one that the machine has, or one that
//! the machine's apt downloads into a separate folder.

use super::probe::{ClangProbe, compiler};
use super::{Home, debian};
use crate::apt::Apt;
use crate::run::output;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package that depends on the libclang of a release, in Debian and derived distributions.
const PACKAGE: &str = "libclang1";

/// A libclang that has parsed a header successfully.
#[derive(Clone, Debug)]
pub(super) struct Libclang {
    /// For `LIBCLANG_PATH`.
    pub(super) file: PathBuf,
    /// For `BINDGEN_EXTRA_CLANG_ARGS`: the folder of the compiler's headers, if libclang came
    /// without.
    pub(super) arguments: Vec<String>,
    /// Its version, as it reports it.
    pub(super) version: String,
}

/// Finds a working libclang, or fetches one.
///
/// # Errors
///
/// Fails if there is none and none can be fetched. The error says what was tried and what helps.
pub(super) fn find_or_fetch(home: &Home) -> Result<Libclang> {
    let probe = ClangProbe::build(home)?;
    let mut tried = String::new();
    for file in installed(home) {
        match usable(&probe, &file) {
            Ok(clang) => return Ok(clang),
            Err(error) => tried.push_str(&format!("\n- {error:#}")),
        }
    }
    if tried.is_empty() {
        tried.push_str("\n- LIBCLANG_PATH, llvm-config and the system's folders: none found");
    }
    match usable(&probe, &home.path(SHIM)).or_else(|_| fetch(home, &probe)) {
        Ok(clang) => Ok(clang),
        Err(error) => bail!(
            "no libclang was found, and none could be fetched; the bindings to libwasmedge need it. \
             Tried:{tried}\n- {PACKAGE} by apt: {error:#}\n\
             Install libclang (Debian: `apt install libclang-dev`, Fedora: `dnf install clang-libs`, \
             macOS: `xcode-select --install`), or set LIBCLANG_PATH to its folder"
        ),
    }
}

/// The shim beside the packages' libraries.
const SHIM: &str = "libclang/libclang.so";

/// Returns a library with the argument that it needs to parse a header: none, or the headers of the
/// C compiler. Debian has clang's own headers in a development package, and those of the C compiler
/// work as well.
fn usable(probe: &ClangProbe, file: &Path) -> Result<Libclang> {
    let with = |arguments: Vec<String>| {
        let version = probe.run(file, &arguments)?;
        Ok(Libclang {
            file: file.to_owned(),
            arguments,
            version,
        })
    };
    with(Vec::new()).or_else(|error| {
        let headers = output(compiler().arg("-print-file-name=include")).unwrap_or_default();
        if Path::new(headers.trim()).is_absolute() {
            with(vec!["-isystem".to_owned(), headers.trim().to_owned()])
        } else {
            Err(error)
        }
    })
}

fn fetch(home: &Home, probe: &ClangProbe) -> Result<Libclang> {
    let apt = Apt::of_this_machine(home.path("work/apt-libclang"))?;
    eprintln!("libclang: fetching {PACKAGE} {}", apt.version(PACKAGE)?);
    let root = apt.unpack(&[PACKAGE])?;
    let folder = home.empty_folder("libclang")?;
    debian::flatten(&root, &folder.join("lib"))?;
    let library = libraries_in(&folder.join("lib"))
        .into_iter()
        .next()
        .context("the packages hold no libclang")?;
    let shim = home.path(SHIM);
    make_shim(&library, &shim)?;
    usable(probe, &shim)
}

/// Builds a library that only depends on libclang and has an `RPATH`. Loading it gives libclang's
/// functions, and the loader finds libclang's own dependencies beside it. The alternatives fail:
/// the packages rely on the system's folders, and `LD_LIBRARY_PATH` would affect all of cargo.
fn make_shim(library: &Path, shim: &Path) -> Result<()> {
    let folder = library.parent().unwrap_or(library);
    let mut rpath = std::ffi::OsString::from("-Wl,-rpath,");
    rpath.push(folder);
    output(
        compiler()
            .args(["-shared", "-o"])
            .arg(shim)
            .args([
                "-Wl,--no-as-needed",
                "-Wl,--disable-new-dtags",
                "-Wl,--allow-shlib-undefined",
            ])
            .arg(rpath)
            .arg(library),
    )
    .context("cannot link with the libclang of the packages")?;
    Ok(())
}

/// Returns the machine's libclangs, where bindgen looks for them, best first.
fn installed(home: &Home) -> Vec<PathBuf> {
    if let Some(named) = home.variable("LIBCLANG_PATH").map(PathBuf::from) {
        return if named.is_file() {
            vec![named]
        } else {
            libraries_in(&named)
        };
    }
    let mut folders = Vec::new();
    if let Ok(prefix) = output(Command::new("llvm-config").arg("--prefix")) {
        folders.push(Path::new(prefix.trim()).join("lib"));
    }
    let two_below = ["/usr/local", "/usr"].into_iter().flat_map(|root| {
        let top: Vec<_> = folders_in(Path::new(root))
            .into_iter()
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("lib") || name.starts_with("llvm")
            })
            .collect();
        let middle: Vec<_> = top.iter().flat_map(|path| folders_in(path)).collect();
        let bottom: Vec<_> = middle.iter().flat_map(|path| folders_in(path)).collect();
        [top, middle, bottom].concat()
    });
    folders.extend(two_below);
    folders.extend(
        [
            "/opt/homebrew/opt/llvm/lib",
            "/usr/local/opt/llvm/lib",
            "/Library/Developer/CommandLineTools/usr/lib",
            "/Applications/Xcode.app/Contents/Developer/Toolchains/XcodeDefault.xctoolchain/usr/lib",
        ]
        .map(PathBuf::from),
    );
    let mut found: Vec<_> = folders
        .iter()
        .flat_map(|folder| libraries_in(folder))
        .collect();
    // One file may have several names. The first one in a folder's order is kept.
    let mut seen = Vec::new();
    found.retain(|path| {
        let file = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let is_new = !seen.contains(&file);
        seen.push(file);
        is_new
    });
    found
}

/// Returns the libclangs in a folder, highest version first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = libclang_version(&path.file_name()?.to_string_lossy())?;
            path.is_file().then_some((version, path))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// Returns the version in the file name of a libclang: `libclang.so.1`, `libclang-14.so.14.0.6`,
/// `libclang.dylib`.
fn libclang_version(name: &str) -> Option<Vec<u32>> {
    let rest = name.strip_prefix("libclang")?;
    if rest == ".dylib" {
        return Some(Vec::new());
    }
    let (before, after) = rest.split_once(".so")?;
    let is_libclang = before.is_empty()
        || before
            .strip_prefix('-')?
            .starts_with(|c: char| c.is_ascii_digit());
    let numbers = if before.is_empty() { after } else { before };
    is_libclang.then(|| {
        numbers
            .split(['-', '.'])
            .filter_map(|part| part.parse().ok())
            .collect()
    })
}

/// Returns the folders in a folder. Links are not followed: they would find a library twice, or
/// search a whole disk.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            entry.file_type().ok()?.is_dir().then(|| entry.path())
        })
        .collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libclang_is_recognised_by_name() {
        for (name, version) in [
            ("libclang.so", vec![]),
            ("libclang.so.1", vec![1]),
            ("libclang.so.18.1.3", vec![18, 1, 3]),
            ("libclang-14.so", vec![14]),
            ("libclang-14.so.13", vec![14]),
            ("libclang.dylib", vec![]),
        ] {
            assert_eq!(libclang_version(name), Some(version), "{name}");
        }
        for name in [
            "libclang-cpp.so.14",
            "libclang_rt.asan.so",
            "libclangd.so",
            "libclang.a",
            "libz.so",
        ] {
            assert_eq!(libclang_version(name), None, "{name}");
        }
    }
}
