//! Downloads packages with the machine's apt into a folder, and unpacks them there. It needs no
//! root, and does not change the machine.
//!
//! `apt-get download` skips dependencies. So this runs `apt-get install --download-only` with its
//! own lists, cache and record of installed packages.

use crate::run::{output, shown};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An apt with its own folders.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: PathBuf,
    config: PathBuf,
    /// The messages of `apt-get update`.
    updated: String,
}

impl Apt {
    /// Prepares an apt that chooses the same packages as the machine's apt. Installed packages are
    /// not downloaded. Empties the folder.
    ///
    /// # Errors
    ///
    /// Fails if there is no apt, or if files cannot be written.
    pub(crate) fn of_this_machine(folder: PathBuf) -> Result<Self> {
        let installed = fs::read_to_string("/var/lib/dpkg/status")
            .context("cannot read which packages are installed")?;
        Self::new(folder, &installed, None)
    }

    /// Prepares an apt that knows one suite of a Debian archive. A package comes with all its
    /// dependencies, including the C library. Empties the folder.
    ///
    /// # Errors
    ///
    /// As [`Apt::of_this_machine`].
    pub(crate) fn of_debian(folder: PathBuf, archive: &str, suite: &str) -> Result<Self> {
        let source = source_line(archive, suite, keyring().as_deref());
        Self::new(folder, "", Some(&source))
    }

    fn new(folder: PathBuf, installed: &str, source: Option<&str>) -> Result<Self> {
        make_empty(&folder)?;
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part))?;
        }
        fs::write(folder.join("status"), installed)?;
        let mut configuration = configuration(&folder);
        if let Some(source) = source {
            let list = folder.join("sources.list");
            fs::write(&list, source)?;
            configuration.push_str(&only_source(&list));
        }
        let config = folder.join("apt.conf");
        fs::write(&config, configuration)?;
        let mut apt = Self {
            folder,
            config,
            updated: String::new(),
        };
        // The exit status says little: apt only warns if lists are missing, and fails if one
        // archive of many cannot be trusted.
        let mut update = apt.command("apt-get");
        let update = update.arg("update");
        let printed = update
            .output()
            .with_context(|| format!("cannot start `{}`", shown(update)))?;
        apt.updated =
            String::from_utf8_lossy(&[printed.stdout, printed.stderr].concat()).into_owned();
        Ok(apt)
    }

    /// Returns the version of a package that apt would install.
    ///
    /// # Errors
    ///
    /// Fails if the sources have no such package.
    pub(crate) fn version(&self, package: &str) -> Result<String> {
        let mut show = self.command("apt-cache");
        output(show.args(["show", "--no-all-versions", package]))
            .ok()
            .and_then(|shown| field(&shown, "Version").map(str::to_owned))
            .with_context(|| {
                let updated = self.updated.trim_end();
                format!("apt knows no package {package} after `apt-get update`:\n{updated}")
            })
    }

    /// Downloads packages with all dependencies that are not installed, and unpacks them into one
    /// folder.
    ///
    /// # Errors
    ///
    /// Fails if a download fails, or if a package cannot be unpacked.
    pub(crate) fn unpack(&self, packages: &[&str]) -> Result<PathBuf> {
        output(
            self.command("apt-get")
                .args(["--yes", "--download-only", "--no-install-recommends"])
                .arg("install")
                .args(packages),
        )?;
        let root = self.folder.join("root");
        fs::create_dir_all(&root)?;
        let mut unpacked = 0;
        for entry in fs::read_dir(self.folder.join("cache/archives"))? {
            let archive = entry?.path();
            if archive
                .extension()
                .is_some_and(|extension| extension == "deb")
            {
                output(Command::new("dpkg").arg("-x").arg(&archive).arg(&root))?;
                unpacked += 1;
            }
        }
        if unpacked == 0 {
            bail!("apt downloaded nothing for {}", packages.join(" "));
        }
        Ok(root)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(&self.config);
        // The error messages contain its output.
        command
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

/// Returns the addresses of the archives in the configuration of the machine's apt. Empties the
/// folder.
///
/// # Errors
///
/// Fails if there is no apt, or if it has no archive.
pub(crate) fn archives(empty: &Path) -> Result<Vec<String>> {
    // Without lists, apt prints every address that it would fetch, in whichever syntax the sources
    // are written. `apt-get indextargets` prints only lists that were fetched.
    make_empty(empty)?;
    let printed = output(
        Command::new("apt-get")
            .arg("-o")
            .arg(format!("Dir::State::Lists={}", empty.display()))
            .args(["update", "--print-uris"])
            .env("LC_ALL", "C"),
    )
    .context("cannot ask apt for its mirror")?;
    let archives = parse_archives(&printed);
    if archives.is_empty() {
        bail!("the machine's apt has no archive configured");
    }
    Ok(archives)
}

fn parse_archives(printed: &str) -> Vec<String> {
    let mut archives = Vec::new();
    for line in printed.lines() {
        let address = line
            .strip_prefix('\'')
            .and_then(|rest| rest.split('\'').next());
        let archive = address
            .and_then(|address| address.strip_suffix("/InRelease"))
            .and_then(|release| release.split_once("/dists/"))
            .map(|(archive, _)| archive.to_owned());
        archives.extend(archive.filter(|archive| !archives.contains(archive)));
    }
    archives
}

fn source_line(archive: &str, suite: &str, keyring: Option<&Path>) -> String {
    let signed = keyring.map_or(String::new(), |keyring| {
        format!(" signed-by={}", keyring.display())
    });
    format!("deb [target=Packages{signed}] {archive} {suite} main\n")
}

/// Returns the keys of Debian's archive. Without them, apt uses all keys that it trusts.
fn keyring() -> Option<PathBuf> {
    ["gpg", "pgp"]
        .iter()
        .map(|extension| format!("/usr/share/keyrings/debian-archive-keyring.{extension}").into())
        .find(|path: &PathBuf| path.exists())
}

/// Returns settings that override the machine's configuration but keep its proxy. The machine's
/// hooks are disabled: they are for the system's packages, and may clean the system's cache.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
Dir::State "{folder}";
Dir::State::Lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Log "{folder}";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
// As root, apt would download as a user who may not have access to this folder.
APT::Sandbox::User "root";
"#
    )
}

/// Returns settings that replace the machine's sources with a list.
fn only_source(list: &Path) -> String {
    format!(
        r#"Dir::Etc::sourcelist "{}";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
"#,
        list.display()
    )
}

/// Returns the value of a field in a package's description.
fn field<'a>(description: &'a str, name: &str) -> Option<&'a str> {
    description
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Creates an empty folder, or empties it.
///
/// # Errors
///
/// Fails if the old folder cannot be removed, or if the new one cannot be created.
pub(crate) fn make_empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
'http://mirror.example/debian/dists/bookworm/InRelease' mirror.example_debian_dists_bookworm_InRelease 0 
'http://mirror.example/security/dists/bookworm-security/InRelease' mirror.example_InRelease 0 
'http://mirror.example/flat/./InRelease' mirror.example_flat_InRelease 0 
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' a 0 
'http://mirror.example/debian/dists/bookworm/main/binary-all/Packages.xz' b 0 
'http://mirror.example/debian/dists/bookworm/main/dep11/Components-amd64.yml.xz' c 0 
'http://mirror.example/debian/dists/bookworm/contrib/binary-amd64/Packages.xz' d 0 
'http://mirror.example/security/dists/bookworm-security/main/binary-amd64/Packages.xz' e 0 
";

    #[test]
    fn archives_are_parsed_from_the_addresses_that_apt_prints() {
        assert_eq!(
            parse_archives(PRINTED),
            [
                "http://mirror.example/debian",
                "http://mirror.example/security"
            ]
        );
        assert!(parse_archives("W: something\n").is_empty());
    }

    #[test]
    fn source_line_names_the_keyring_if_there_is_one() {
        let archive = "http://mirror.example/debian";
        assert_eq!(
            source_line(archive, "forky", Some(Path::new("/keys.gpg"))),
            "deb [target=Packages signed-by=/keys.gpg] http://mirror.example/debian forky main\n"
        );
        assert_eq!(
            source_line(archive, "forky", None),
            "deb [target=Packages] http://mirror.example/debian forky main\n"
        );
    }

    #[test]
    fn field_is_found_by_its_whole_name() {
        let shown = "Package: p\nInstalled-Version: 1\nVersion: 0.17.1-1+b1\nDepends: q\n";
        assert_eq!(field(shown, "Version"), Some("0.17.1-1+b1"));
        assert_eq!(field(shown, "Pack"), None);
    }
}
