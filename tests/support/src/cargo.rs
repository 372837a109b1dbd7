//! Building what the tests run, when it is missing or out of date.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Something that cargo builds into one file.
#[derive(Debug)]
pub(crate) struct Artifact {
    /// Where the file may be: cargo names a program and a library of one package differently.
    pub(crate) files: Vec<PathBuf>,
    /// Where cargo is run.
    pub(crate) workspace: PathBuf,
    /// Cargo's target directory.
    pub(crate) target_dir: PathBuf,
    /// What cargo is asked to do.
    pub(crate) args: Vec<String>,
}

impl Artifact {
    /// Gives the command that builds it, as a person would type it.
    pub(crate) fn command(&self) -> String {
        format!("cargo {}", self.args.join(" "))
    }

    /// Builds it where it is missing or older than its sources, and gives its path.
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
        // Where cargo found nothing to do (a source was touched, not changed, or the manifest was) the file would look out of date for
        // ever, and every test process would run cargo again.
        if let Some(file) = self.file() {
            let file = std::fs::File::options().append(true).open(file);
            let _ = file.and_then(|file| file.set_modified(before));
        }
        Ok(())
    }

    /// Whether the file is there and no older than what it was made of, by the list that cargo leaves beside it (`NAME.d`), and
    /// the manifests.
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
        // A source that is gone counts as newer: cargo is to say what is wrong.
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

/// Reads the list of sources out of a makefile rule, `file: source source …`, in which spaces are escaped by backslashes.
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

/// Lists the manifests above the sources, up to the workspace's, and its lock file.
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

/// Gives the workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .nth(2)
        .expect("this crate lies in tests/support of the workspace");
    root.to_owned()
}

/// Gives cargo's target directory: the one in which the running test lies.
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

/// Gives the path that an environment variable names, none where it is unset or empty.
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

    /// A workspace of one program that depends on nothing, to be built for real.
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
            // As cargo writes it, to the letter: it would write another otherwise.
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

        /// Makes a file look as if it was changed well after everything else.
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
    fn what_is_missing_is_built() {
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
        assert!(!artifact.is_current(), "a source that is gone");
    }

    #[test]
    fn a_failed_build_names_the_command_and_the_compilers_words() {
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
