//! A libwasmedge that is installed on the machine.

use super::library::Library;
use super::{Home, Version};
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns the first library of a suitable version in the folders that wasmedge-sys searches, and
/// in the system's folders.
///
/// # Errors
///
/// Fails if there is none. The error says why each library that was found is unsuitable.
pub(super) fn find(home: &Home) -> Result<(Library, Version)> {
    let mut refused = String::new();
    let named = candidates(&|name| home.variable(name));
    let found: Vec<_> = named
        .into_iter()
        .chain(of_the_system())
        .filter(Library::is_there)
        .collect();
    for library in found {
        match library.check(home) {
            Ok(version) => return Ok((library, version)),
            Err(error) => refused.push_str(&format!("\n{}: {error:#}", library.origin)),
        }
    }
    if refused.is_empty() {
        bail!(
            "none at WASMEDGE_INCLUDE_DIR and WASMEDGE_LIB_DIR, WASMEDGE_DIR, WASMEDGE_BUILD_DIR, in ~/.wasmedge, \
             /usr/local, ~/.local or the system's folders"
        );
    }
    bail!("no suitable library is installed:{refused}")
}

/// Returns the libraries that wasmedge-sys looks for, in its order. Our variables name the header
/// and the library, which take precedence, so wasmedge-sys uses the chosen one.
fn candidates(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<Library> {
    let mut candidates = Vec::new();
    let mut add = |origin: &str, include: PathBuf, lib: PathBuf| {
        candidates.push(Library {
            origin: format!("{origin} ({})", lib.display()),
            include,
            lib,
            loader: None,
        });
    };
    if let (Some(include), Some(lib)) = (
        variable("WASMEDGE_INCLUDE_DIR"),
        variable("WASMEDGE_LIB_DIR"),
    ) {
        add(
            "WASMEDGE_INCLUDE_DIR and WASMEDGE_LIB_DIR",
            absolute(include.as_ref()),
            absolute(lib.as_ref()),
        );
    }
    let at_home = |relative| variable("HOME").map(|home| PathBuf::from(home).join(relative));
    let bases = [
        (
            "WASMEDGE_DIR",
            variable("WASMEDGE_DIR").map(PathBuf::from),
            "",
        ),
        (
            "WASMEDGE_BUILD_DIR",
            variable("WASMEDGE_BUILD_DIR").map(PathBuf::from),
            "api",
        ),
        ("~/.wasmedge", at_home(".wasmedge"), ""),
        ("/usr/local", Some("/usr/local".into()), ""),
        ("~/.local", at_home(".local"), ""),
    ];
    for (origin, base, below) in bases {
        let Some(base) = base.map(|base| absolute(&base)) else {
            continue;
        };
        for lib in ["lib64", "lib"] {
            // Joining the empty path would append a slash.
            let [include, lib] = ["include", lib].map(|folder| match below {
                "" => base.join(folder),
                below => base.join(folder).join(below),
            });
            add(origin, include, lib);
        }
    }
    candidates
}

/// Returns the locations that distributions' packages use. wasmedge-sys does not search them.
fn of_the_system() -> Vec<Library> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains("-linux-gnu"))
        .collect();
    folders.extend(["/usr/lib64".into(), "/usr/lib".into()]);
    folders
        .into_iter()
        .map(|lib| Library {
            origin: format!("the system ({})", lib.display()),
            include: "/usr/include".into(),
            lib,
            loader: None,
        })
        .collect()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let lookup = |name: &str| {
            variables
                .iter()
                .find(|(set, _)| *set == name)
                .map(|(_, value)| OsString::from(value))
        };
        candidates(&lookup)
            .into_iter()
            .map(|library| {
                let text = |path: PathBuf| path.to_string_lossy().into_owned();
                (text(library.include), text(library.lib))
            })
            .collect()
    }

    #[test]
    fn candidates_follow_the_order_of_wasmedge_sys() {
        let pair = |include: &str, lib: &str| (include.to_owned(), lib.to_owned());
        assert_eq!(
            paths(&[
                ("WASMEDGE_INCLUDE_DIR", "/i"),
                ("WASMEDGE_LIB_DIR", "/l"),
                ("WASMEDGE_DIR", "/d"),
                ("WASMEDGE_BUILD_DIR", "/b"),
                ("HOME", "/h"),
            ]),
            [
                pair("/i", "/l"),
                pair("/d/include", "/d/lib64"),
                pair("/d/include", "/d/lib"),
                pair("/b/include/api", "/b/lib64/api"),
                pair("/b/include/api", "/b/lib/api"),
                pair("/h/.wasmedge/include", "/h/.wasmedge/lib64"),
                pair("/h/.wasmedge/include", "/h/.wasmedge/lib"),
                pair("/usr/local/include", "/usr/local/lib64"),
                pair("/usr/local/include", "/usr/local/lib"),
                pair("/h/.local/include", "/h/.local/lib64"),
                pair("/h/.local/include", "/h/.local/lib"),
            ]
        );
    }

    #[test]
    fn header_without_its_library_is_no_candidate() {
        assert_eq!(paths(&[("WASMEDGE_INCLUDE_DIR", "/i")]).len(), 2);
    }
}
