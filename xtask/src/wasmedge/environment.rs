//! The variables for builds, and the two files that hold them.

use super::libclang::Libclang;
use super::library::Library;
use super::{Home, Version};
use anyhow::{Context as _, Result, ensure};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The version of the folder's layout. Folders of another version are built again.
const RECIPE: &str = "1";

/// The variables that ask for a certain library. A run with the same values, or with none, keeps
/// the existing library.
pub(super) const REQUEST: [&str; 6] = [
    "WASMEDGE_INCLUDE_DIR",
    "WASMEDGE_LIB_DIR",
    "WASMEDGE_DIR",
    "WASMEDGE_BUILD_DIR",
    "WASMEDGE_STANDALONE_ARCHIVE",
    "LIBCLANG_PATH",
];

/// The variables for builds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Environment {
    summary: String,
    request: Vec<(String, OsString)>,
    variables: Vec<(String, OsString)>,
}

impl Environment {
    /// Collects the variables.
    ///
    /// # Errors
    ///
    /// Fails if a linker argument cannot contain a path.
    pub(super) fn new(
        home: &Home,
        library: &Library,
        version: Version,
        clang: &Libclang,
    ) -> Result<Self> {
        let mut variables: Vec<(String, OsString)> = vec![
            (
                "WASMEDGE_INCLUDE_DIR".to_owned(),
                library.include.clone().into(),
            ),
            (
                "WASMEDGE_LIB_DIR".to_owned(),
                library.link_folder(home)?.into(),
            ),
            (
                "WASMEDGE_LINK_ARG".to_owned(),
                library.link_argument()?.into(),
            ),
            ("LIBCLANG_PATH".to_owned(), clang.file.clone().into()),
        ];
        // Arguments that the user has set take precedence.
        if !clang.arguments.is_empty() && home.variable("BINDGEN_EXTRA_CLANG_ARGS").is_none() {
            variables.push((
                "BINDGEN_EXTRA_CLANG_ARGS".to_owned(),
                clang.arguments.join(" ").into(),
            ));
        }
        let request = REQUEST
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), home.variable(name)?)))
            .collect();
        Ok(Self {
            summary: format!("{version} from {}", library.origin),
            request,
            variables,
        })
    }

    /// Returns the library's version and origin.
    pub(super) fn summary(&self) -> &str {
        &self.summary
    }

    /// Returns the value of a variable.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        value(&self.variables, name)
    }

    /// Returns the argument for the linker driver that lets programs find the library when they
    /// run.
    pub(crate) fn link_argument(&self) -> Option<&str> {
        self.variable("WASMEDGE_LINK_ARG")?.to_str()
    }

    /// Copies the library and its dependencies into a folder. Returns the argument for programs
    /// that find it there.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be copied, or if a linker argument cannot contain a path.
    pub(crate) fn install(&self, folder: &Path) -> Result<String> {
        let links = self.variable("WASMEDGE_LIB_DIR").map(Path::new);
        let links = links.context("the environment of WasmEdge names no library")?;
        Library::of_links(links, self.link_argument())?.install(folder)
    }

    /// Returns the value that a variable of [`REQUEST`] had when this was created.
    pub(super) fn request(&self, name: &str) -> Option<&OsStr> {
        value(&self.request, name)
    }

    /// Returns all variables.
    pub(super) fn variables(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// Writes `env` and `cargo.toml`, each atomically.
    ///
    /// # Errors
    ///
    /// Fails if a value is not UTF-8, or if a file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let shell = self.to_shell()?;
        let cargo = self.to_cargo()?;
        for (name, text) in [("cargo.toml", cargo), ("env", shell)] {
            let new = folder.join(format!("{name}.new"));
            fs::write(&new, text)
                .and_then(|()| fs::rename(&new, folder.join(name)))
                .with_context(|| format!("cannot write {name} in {}", folder.display()))?;
        }
        Ok(())
    }

    /// Reads the file of [`Environment::write`]. Returns `None` if it is missing or of another
    /// [`RECIPE`].
    pub(super) fn read(file: &Path) -> Option<Self> {
        Self::from_shell(&fs::read_to_string(file).ok()?)
    }

    fn to_shell(&self) -> Result<String> {
        let mut text = format!(
            "# Written by `cargo xtask wasmedge`. For a shell: . target/wasmedge/env\n# recipe: {RECIPE}\n# libwasmedge: {}\n",
            one_line(&self.summary)?
        );
        for (name, value) in &self.request {
            text.push_str(&format!("# asked: {name}={}\n", utf8(value)?));
        }
        for (name, value) in &self.variables {
            text.push_str(&format!("export {name}={}\n", quoted(utf8(value)?)));
        }
        Ok(text)
    }

    fn from_shell(text: &str) -> Option<Self> {
        let lines =
            |what: &'static str| text.lines().filter_map(move |line| line.strip_prefix(what));
        if lines("# recipe: ").next()? != RECIPE {
            return None;
        }
        let pair = |(name, value): (&str, String)| (name.to_owned(), OsString::from(value));
        Some(Self {
            summary: lines("# libwasmedge: ").next()?.to_owned(),
            request: lines("# asked: ")
                .map(|line| {
                    line.split_once('=')
                        .map(|(name, value)| pair((name, value.to_owned())))
                })
                .collect::<Option<_>>()?,
            variables: lines("export ")
                .map(|line| {
                    let (name, value) = line.split_once('=')?;
                    Some(pair((name, unquoted(value)?)))
                })
                .collect::<Option<_>>()?,
        })
    }

    fn to_cargo(&self) -> Result<String> {
        let mut text =
            "# Written by `cargo xtask wasmedge`, included by .cargo/config.toml.\n[env]\n"
                .to_owned();
        for (name, value) in &self.variables {
            text.push_str(&format!("{name} = '{}'\n", literal(utf8(value)?)?));
        }
        Ok(text)
    }
}

/// Removes the files of [`Environment::write`].
///
/// # Errors
///
/// Fails if a file exists and cannot be removed.
pub(super) fn forget(folder: &Path) -> Result<()> {
    for name in ["env", "cargo.toml"] {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the old {name}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns whether a variable names a file or a folder, which must still exist.
pub(super) fn is_path(name: &str) -> bool {
    ["WASMEDGE_INCLUDE_DIR", "WASMEDGE_LIB_DIR", "LIBCLANG_PATH"].contains(&name)
}

fn value<'a>(pairs: &'a [(String, OsString)], name: &str) -> Option<&'a OsStr> {
    pairs
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_os_str())
}

fn utf8(value: &OsStr) -> Result<&str> {
    one_line(
        value
            .to_str()
            .with_context(|| format!("{} is not UTF-8", value.display()))?,
    )
}

fn one_line(text: &str) -> Result<&str> {
    ensure!(!text.contains('\n'), "`{text}` contains a line break");
    Ok(text)
}

/// A literal string of TOML has no escapes, so it cannot contain a quote.
fn literal(text: &str) -> Result<&str> {
    ensure!(
        !text.contains('\''),
        "{text} contains a single quote; move the folder elsewhere"
    );
    Ok(text)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace(r"'\''", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Environment {
        let pair = |name: &str, value: &str| (name.to_owned(), OsString::from(value));
        Environment {
            summary: "0.17.1 from a place".to_owned(),
            request: vec![pair("WASMEDGE_DIR", "/opt/it's = here")],
            variables: vec![
                pair("WASMEDGE_LIB_DIR", "/a b/it's"),
                pair("WASMEDGE_LINK_ARG", "-Wl,-rpath,/a=b"),
            ],
        }
    }

    #[test]
    fn shell_file_is_read_back() {
        let text = sample().to_shell().expect("a text");
        assert!(
            text.contains(r"export WASMEDGE_LIB_DIR='/a b/it'\''s'"),
            "{text}"
        );
        assert_eq!(Environment::from_shell(&text), Some(sample()));
    }

    #[test]
    fn file_of_another_recipe_is_ignored() {
        let text = sample().to_shell().expect("a text");
        assert_eq!(
            Environment::from_shell(&text.replace("# recipe: 1", "# recipe: 0")),
            None
        );
        assert_eq!(Environment::from_shell(""), None);
    }

    #[test]
    fn cargo_file_has_the_same_values_or_fails() {
        let mut environment = sample();
        assert!(environment.to_cargo().is_err(), "a quote cannot be written");
        environment.variables.remove(0);
        let text = environment.to_cargo().expect("a text");
        assert!(
            text.ends_with("[env]\nWASMEDGE_LINK_ARG = '-Wl,-rpath,/a=b'\n"),
            "{text}"
        );
    }
}
