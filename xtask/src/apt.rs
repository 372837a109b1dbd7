//! Downloads packages by the machine's apt into a folder, and unpacks them there. It needs no root,
//! and leaves the machine as it is.
//!
//! `apt-get download` would not do, because it takes no dependencies along. So this runs `apt-get
//! install --download-only`, with lists, a cache and a record of installed packages of its own.

use crate::run::{output, shown};
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An apt with folders of its own.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: PathBuf,
    config: PathBuf,
    /// The messages of `apt-get update`.
    updated: String,
}

impl Apt {
    /// Prepares an apt that chooses packages as the machine's own would. Those that are installed
    /// are not downloaded. Empties the folder.
    ///
    /// # Errors
    ///
    /// Fails when there is no apt, or files cannot be written.
    pub(crate) fn of_this_machine(folder: PathBuf) -> Result<Self> {
        let installed = fs::read_to_string("/var/lib/dpkg/status")
            .context("cannot read which packages are installed")?;
        Self::new(folder, &installed, None)
    }

    /// Prepares an apt that knows one suite of an archive of Debian. A package comes with all that
    /// it needs, down to the C library. Empties the folder.
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
        // Whether it succeeds says little: apt only warns if lists are missing, and fails if one
        // archive of many cannot be trusted.
        let mut update = apt.command("apt-get");
        let update = update.arg("update");
        let told = update
            .output()
            .with_context(|| format!("cannot start `{}`", shown(update)))?;
        apt.updated = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).into_owned();
        Ok(apt)
    }

    /// Returns the version of a package that would be installed.
    ///
    /// # Errors
    ///
    /// Fails when the sources have no such package.
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

    /// Downloads packages with all that they need and is not installed, and unpacks them into one
    /// folder.
    ///
    /// # Errors
    ///
    /// Fails when a download does, or a package cannot be unpacked.
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
        // Its output goes into our error messages.
        command
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

/// Returns the addresses of the archives that the machine's apt is configured with. Empties the
/// folder.
///
/// # Errors
///
/// Fails when there is no apt, or it knows no archive.
pub(crate) fn archives(empty: &Path) -> Result<Vec<String>> {
    // Without lists, apt prints all addresses that it would fetch, whichever syntax the sources are
    // written in. `apt-get indextargets` prints only what has been fetched.
    make_empty(empty)?;
    let told = output(
        Command::new("apt-get")
            .arg("-o")
            .arg(format!("Dir::State::Lists={}", empty.display()))
            .args(["update", "--print-uris"])
            .env("LC_ALL", "C"),
    )
    .context("cannot ask apt for its mirror")?;
    let archives = parse_archives(&told);
    if archives.is_empty() {
        bail!("the machine's apt has no archive configured");
    }
    Ok(archives)
}

fn parse_archives(told: &str) -> Vec<String> {
    let mut archives = Vec::new();
    for line in told.lines() {
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

/// Returns the keys of Debian's archive. Without them, apt falls back to the keys that it trusts
/// for everything.
fn keyring() -> Option<PathBuf> {
    ["gpg", "pgp"]
        .iter()
        .map(|extension| format!("/usr/share/keyrings/debian-archive-keyring.{extension}").into())
        .find(|path: &PathBuf| path.exists())
}

/// Returns settings that are read after the machine's configuration, so that its proxy holds. Its
/// hooks must not: they are for the system's own packages, and one of them may clean the system's
/// cache.
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
// As root, apt would download as a user who may not be able to enter this folder.
APT::Sandbox::User "root";
"#
    )
}

/// Returns settings with which a list replaces the machine's sources.
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

/// Returns the value of a field of a package's description.
fn field<'a>(description: &'a str, name: &str) -> Option<&'a str> {
    description
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Makes an empty folder, whatever was there before.
///
/// # Errors
///
/// Fails when what was there cannot be removed, or the folder not be made.
pub(crate) fn make_empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "\
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
    fn the_archives_are_read_from_the_addresses_that_apt_would_fetch() {
        assert_eq!(
            parse_archives(TOLD),
            [
                "http://mirror.example/debian",
                "http://mirror.example/security"
            ]
        );
        assert!(parse_archives("W: something\n").is_empty());
    }

    #[test]
    fn a_line_of_sources_names_the_keys_if_there_are_any() {
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
    fn a_field_is_found_by_its_whole_name() {
        let shown = "Package: p\nInstalled-Version: 1\nVersion: 0.17.1-1+b1\nDepends: q\n";
        assert_eq!(field(shown, "Version"), Some("0.17.1-1+b1"));
        assert_eq!(field(shown, "Pack"), None);
    }
}
