//! A libwasmedge that the machine has.

use super::library::Library;
use super::{Home, Version};
use anyhow::{Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Takes the first library of a version that fits from where wasmedge-sys looks, and from the
/// system's folders.
///
/// # Errors
///
/// Fails when there is none; the error says what is wrong with those that were found.
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
    bail!("what is there does not serve:{refused}")
}

/// The places where wasmedge-sys looks, in its order. Which of them it takes is known from which of
/// the variables we set: those for the header and the library come first.
fn candidates(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<Library> {
    let mut places = Vec::new();
    let mut place = |origin: &str, include: PathBuf, lib: PathBuf| {
        places.push(Library {
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
        place(
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
            // Joining the empty path would add a slash at the end.
            let [include, lib] = ["include", lib].map(|folder| match below {
                "" => base.join(folder),
                below => base.join(folder).join(below),
            });
            place(origin, include, lib);
        }
    }
    places
}

/// Where a distribution's own packages put it; wasmedge-sys does not look there.
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

    fn places(variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let lookup = |name: &str| {
            variables
                .iter()
                .find(|(set, _)| *set == name)
                .map(|(_, value)| OsString::from(value))
        };
        candidates(&lookup)
            .into_iter()
            .map(|place| {
                let text = |path: PathBuf| path.to_string_lossy().into_owned();
                (text(place.include), text(place.lib))
            })
            .collect()
    }

    #[test]
    fn the_places_are_those_of_wasmedge_sys_in_its_order() {
        let pair = |include: &str, lib: &str| (include.to_owned(), lib.to_owned());
        assert_eq!(
            places(&[
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
    fn a_header_without_its_library_is_no_place() {
        assert_eq!(places(&[("WASMEDGE_INCLUDE_DIR", "/i")]).len(), 2);
    }
}
