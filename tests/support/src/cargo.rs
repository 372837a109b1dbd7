//! Builds programs and guests for tests if they are missing or out of date.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// A file that cargo builds.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// The possible paths of the file. Cargo names a program and a library of one package
    /// differently.
    pub(crate) files: Vec<PathBuf>,
    /// The folder to run cargo in.
    pub(crate) workspace: PathBuf,
    /// Cargo's target directory.
    pub(crate) target_dir: PathBuf,
    /// The arguments for cargo.
    pub(crate) args: Vec<String>,
}

impl Artifact {
    /// Returns the build command, for messages.
    pub(crate) fn command(&self) -> String {
        format!("cargo {}", self.args.join(" "))
    }

    /// Builds the file if it is missing or older than its sources, and returns its path.
    pub(crate) fn make(&self) -> Result<PathBuf, String> {
        if !self.is_current() {
            self.build()?;
        }
        self.file().map(Path::to_owned).ok_or_else(|| {
            let files: Vec<_> = self
                .files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            format!("`{}` did not make {}", self.command(), files.join(" or "))
        })
    }

    fn file(&self) -> Option<&Path> {
        self.files
            .iter()
            .map(PathBuf::as_path)
            .find(|file| file.is_file())
    }

    fn build(&self) -> Result<(), String> {
        let before = SystemTime::now();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(&self.args)
            .current_dir(&self.workspace)
            .env("CARGO_TARGET_DIR", &self.target_dir)
            .output()
            .map_err(|error| format!("`{}` did not start: {error}", self.command()))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "`{}` failed ({}):\n{stderr}",
                self.command(),
                output.status
            ));
        }
        // If cargo had nothing to do (a source was touched but not changed, or a manifest was), the
        // file would stay out of date, and each test process would run cargo again.
        if let Some(file) = self.file() {
            let file = std::fs::File::options().append(true).open(file);
            let _ = file.and_then(|file| file.set_modified(before));
        }
        Ok(())
    }

    /// Returns true if the file exists and is not older than its sources and manifests. Cargo lists
    /// the sources in a file beside it (`NAME.d`).
    fn is_current(&self) -> bool {
        let Some(file) = self.file() else {
            return false;
        };
        let Some(made) = modified(file) else {
            return false;
        };
        let Ok(list) = std::fs::read_to_string(file.with_extension("d")) else {
            return false;
        };
        let sources = dependencies(&list);
        let manifests = manifests(&sources, &self.workspace);
        // A missing source counts as newer, so that cargo runs and reports it.
        !sources.is_empty()
            && sources
                .iter()
                .chain(&manifests)
                .all(|source| modified(source).is_some_and(|m| m <= made))
    }
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata()
        .and_then(|metadata| metadata.modified())
        .ok()
}

/// Reads the sources from a makefile rule, `file: source source …`, in which backslashes escape
/// spaces.
fn dependencies(rule: &str) -> Vec<PathBuf> {
    let Some((_, list)) = rule.split_once(": ") else {
        return Vec::new();
    };
    let mut sources = Vec::new();
    let mut source = String::new();
    let mut chars = list.lines().next().unwrap_or("").chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next_if_eq(&' ').is_some() => source.push(' '),
            ' ' => sources.extend(Some(std::mem::take(&mut source)).filter(|s| !s.is_empty())),
            c => source.push(c),
        }
    }
    sources.extend(Some(source).filter(|s| !s.is_empty()));
    sources.into_iter().map(PathBuf::from).collect()
}

/// Lists the manifests in the folders above the sources, up to the workspace's, and the lock file.
fn manifests(sources: &[PathBuf], workspace: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<&Path> = sources
        .iter()
        .flat_map(|source| {
            source
                .ancestors()
                .skip(1)
                .take_while(|f| f.starts_with(workspace))
        })
        .collect();
    folders.sort_unstable();
    folders.dedup();
    let mut manifests: Vec<_> = folders
        .into_iter()
        .map(|folder| folder.join("Cargo.toml"))
        .collect();
    manifests.push(workspace.join("Cargo.lock"));
    manifests.retain(|manifest| manifest.is_file());
    manifests
}

/// Returns the workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .nth(2)
        .expect("this crate lies in tests/support of the workspace");
    root.to_owned()
}

/// Returns cargo's target directory, which contains the running test.
pub(crate) fn target_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("the path of the running test");
    // Cargo puts this file into every target directory.
    let marked = exe
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(
        || {
            let named = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            named.unwrap_or_else(|| workspace().join("target"))
        },
        Path::to_owned,
    )
}

/// Returns the path in an environment variable, or `None` if it is unset or empty.
pub(crate) fn path_from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value: &OsString| !value.is_empty())
        .map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;

    /// A workspace with one program and no dependencies, which the tests really build.
    struct Project {
        dir: TempDir,
    }

    impl Project {
        fn new(main: &str) -> Self {
            let dir = tempfile::Builder::new()
                .prefix("a project ")
                .tempdir()
                .unwrap();
            let project = Self { dir };
            std::fs::create_dir(project.path("src")).unwrap();
            std::fs::write(project.path("src/main.rs"), main).unwrap();
            let manifest = "[package]\nname = \"made\"\nedition = \"2024\"\n[workspace]\n";
            std::fs::write(project.path("Cargo.toml"), manifest).unwrap();
            // Exactly the text that cargo writes. Cargo would rewrite any other.
            let lock = "# This file is automatically @generated by Cargo.\n\
                # It is not intended for manual editing.\n\
                version = 4\n\n[[package]]\nname = \"made\"\nversion = \"0.0.0\"\n";
            std::fs::write(project.path("Cargo.lock"), lock).unwrap();
            project
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        fn artifact(&self) -> Artifact {
            Artifact {
                files: vec![self.path("target/debug/made")],
                workspace: self.dir.path().to_owned(),
                target_dir: self.path("target"),
                args: ["build", "--offline", "--quiet"]
                    .map(str::to_owned)
                    .to_vec(),
            }
        }

        /// Sets a file's modification time well after that of all other files.
        fn touch(&self, name: &str) {
            let file = std::fs::File::options()
                .append(true)
                .open(self.path(name))
                .unwrap();
            file.set_modified(SystemTime::now() + Duration::from_secs(60))
                .unwrap();
        }
    }

    #[test]
    fn a_missing_file_is_built() {
        let project = Project::new("fn main() { print!(\"made\") }");
        let artifact = project.artifact();
        assert!(!artifact.is_current());
        let file = artifact.make().unwrap();
        let output = Command::new(file).output().unwrap();
        assert_eq!(output.stdout, b"made");
        assert!(artifact.is_current());
    }

    #[test]
    fn a_changed_source_or_manifest_makes_it_out_of_date() {
        let project = Project::new("fn main() {}");
        let artifact = project.artifact();
        artifact.make().unwrap();
        for changed in ["src/main.rs", "Cargo.toml", "Cargo.lock"] {
            let other = project
                .path(changed)
                .metadata()
                .unwrap()
                .modified()
                .unwrap();
            project.touch(changed);
            assert!(!artifact.is_current(), "{changed}");
            let file = std::fs::File::options()
                .append(true)
                .open(project.path(changed))
                .unwrap();
            file.set_modified(other).unwrap();
            assert!(artifact.is_current(), "{changed} as before");
        }
        std::fs::remove_file(project.path("src/main.rs")).unwrap();
        assert!(!artifact.is_current(), "a removed source");
    }

    #[test]
    fn a_failed_build_shows_the_command_and_the_compilers_message() {
        let project = Project::new("fn main() { no_such_function() }");
        let error = project.artifact().make().unwrap_err();
        assert!(
            error.contains("`cargo build --offline --quiet` failed"),
            "{error}"
        );
        assert!(error.contains("no_such_function"), "{error}");
    }

    #[test]
    fn a_build_that_makes_another_file_is_an_error() {
        let project = Project::new("fn main() {}");
        let mut artifact = project.artifact();
        artifact.files = vec![project.path("target/debug/other")];
        let error = artifact.make().unwrap_err();
        assert!(error.contains("did not make"), "{error}");
    }

    #[test]
    fn dependencies_are_read_with_their_spaces() {
        let rule = "/t/made: /a/b.rs /with\\ space/c.rs\n";
        let expected = ["/a/b.rs", "/with space/c.rs"].map(PathBuf::from);
        assert_eq!(dependencies(rule), expected);
        assert_eq!(dependencies("nothing"), Vec::<PathBuf>::new());
    }

    #[test]
    fn the_target_directory_holds_the_running_test() {
        assert!(std::env::current_exe().unwrap().starts_with(target_dir()));
        assert!(workspace().join("wit").is_dir());
    }
}
