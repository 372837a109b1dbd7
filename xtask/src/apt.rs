//! An apt of one's own: it downloads packages from the mirror that the machine's apt uses, into a folder, and leaves
//! the machine as it is. It needs no root.

use crate::run::output;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A part of an archive: what one line of a list of sources names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The address of the archive.
    pub(crate) archive: String,
    /// The release, or a part of it such as its updates.
    pub(crate) suite: String,
    /// `main`, for example.
    pub(crate) component: String,
}

/// What counts as installed, so that it is not downloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    /// Nothing: a package comes with all that it needs, down to the C library.
    Nothing,
    /// What the machine has.
    AsOnThisMachine,
}

/// An apt with folders of its own.
#[derive(Debug)]
pub(crate) struct Apt {
    folder: PathBuf,
    config: PathBuf,
}

impl Apt {
    /// Prepares an apt that knows these sources, in a folder that it empties, and fetches their lists of packages.
    ///
    /// # Errors
    ///
    /// Fails when there is no apt, or a list cannot be fetched.
    pub(crate) fn new(
        folder: PathBuf,
        distribution: &str,
        sources: &[Source],
        installed: Installed,
    ) -> Result<Self> {
        make_empty(&folder)?;
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let keyring = keyring(distribution);
        let lines: String = sources
            .iter()
            .map(|source| source_line(source, keyring.as_deref()))
            .collect();
        fs::write(folder.join("sources.list"), lines)?;
        let status = match installed {
            Installed::Nothing => String::new(),
            Installed::AsOnThisMachine => fs::read_to_string("/var/lib/dpkg/status")
                .context("cannot read which packages are installed")?,
        };
        fs::write(folder.join("status"), status)?;
        let config = folder.join("apt.conf");
        fs::write(&config, configuration(&folder))?;
        let apt = Self { folder, config };
        let told = output(apt.get().arg("update"))?;
        // apt calls it a success when lists are missing, and only warns.
        if apt.package_version_of_any().is_none() {
            bail!(
                "apt-get update fetched no list of packages\n{}",
                told.trim_end()
            );
        }
        Ok(apt)
    }

    /// Prepares an apt that knows the packages of the release that runs, in a folder that it empties.
    ///
    /// # Errors
    ///
    /// As [`Apt::new`], and when the release is not known, or not to the machine's apt.
    pub(crate) fn of_this_release(folder: PathBuf) -> Result<Self> {
        let codename =
            os_release("VERSION_CODENAME").context("it is not said which release runs")?;
        let sources: Vec<_> = sources(&folder)?
            .into_iter()
            .filter(|source| is_part_of(&source.suite, &codename))
            .collect();
        if sources.is_empty() {
            bail!(
                "the machine's apt has no archive with {codename}, which is the release that runs"
            );
        }
        let distribution = os_release("ID").unwrap_or_default();
        Self::new(folder, &distribution, &sources, Installed::AsOnThisMachine)
    }

    /// The version of a package that would be installed.
    ///
    /// # Errors
    ///
    /// Fails when the sources have no such package.
    pub(crate) fn version(&self, package: &str) -> Result<String> {
        let shown = output(self.cache().args(["show", "--no-all-versions", package]))?;
        field(&shown, "Version")
            .map(str::to_owned)
            .with_context(|| format!("the archive has no package {package}"))
    }

    /// Downloads packages with all that they need and is not installed, and unpacks them into one folder.
    ///
    /// # Errors
    ///
    /// Fails when a download does, or a package cannot be unpacked.
    pub(crate) fn unpack(&self, packages: &[&str]) -> Result<PathBuf> {
        output(
            self.get()
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

    fn package_version_of_any(&self) -> Option<String> {
        let names = output(self.cache().arg("pkgnames")).ok()?;
        names.lines().next().map(str::to_owned)
    }

    fn get(&self) -> Command {
        self.command("apt-get")
    }

    fn cache(&self) -> Command {
        self.command("apt-cache")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-c").arg(&self.config);
        // What it prints goes into our error messages.
        command
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    }
}

/// The sources that the machine's apt is configured with. Wants a folder that it may empty.
///
/// # Errors
///
/// Fails when there is no apt, or it knows no archive.
pub(crate) fn sources(empty: &Path) -> Result<Vec<Source>> {
    // With no lists at hand apt tells all addresses that it would fetch, whichever syntax the sources are written in.
    make_empty(empty)?;
    let told = output(
        Command::new("apt-get")
            .arg("-o")
            .arg(format!("Dir::State::Lists={}", empty.display()))
            .args(["update", "--print-uris"])
            .env("LC_ALL", "C"),
    )
    .context("cannot ask apt for its mirror")?;
    let sources = parse_sources(&told);
    if sources.is_empty() {
        bail!("the machine's apt has no archive configured");
    }
    Ok(sources)
}

fn parse_sources(told: &str) -> Vec<Source> {
    let addresses = || {
        told.lines()
            .filter_map(|line| line.strip_prefix('\'')?.split('\'').next())
    };
    let mut sources = Vec::new();
    for address in addresses() {
        let Some(release) = address.strip_suffix("/InRelease") else {
            continue;
        };
        let Some((archive, suite)) = release.split_once("/dists/") else {
            continue;
        };
        for index in addresses().filter_map(|address| address.strip_prefix(release)) {
            let Some((component, file)) = index
                .strip_prefix('/')
                .and_then(|index| index.split_once("/binary-"))
            else {
                continue;
            };
            let source = Source {
                archive: archive.to_owned(),
                suite: suite.to_owned(),
                component: component.to_owned(),
            };
            if file.contains("/Packages") && !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    sources
}

fn source_line(source: &Source, keyring: Option<&Path>) -> String {
    let signed = keyring.map_or(String::new(), |keyring| {
        format!(" signed-by={}", keyring.display())
    });
    let Source {
        archive,
        suite,
        component,
    } = source;
    format!("deb [target=Packages{signed}] {archive} {suite} {component}\n")
}

/// The keys of a distribution's archive. Without them apt falls back to the keys that it trusts for everything.
fn keyring(distribution: &str) -> Option<PathBuf> {
    ["gpg", "pgp"]
        .iter()
        .map(|extension| {
            PathBuf::from(format!(
                "/usr/share/keyrings/{distribution}-archive-keyring.{extension}"
            ))
        })
        .find(|path| path.exists())
}

/// Read after the machine's configuration, so that its proxy holds. Its hooks must not: they are for the system's own
/// packages, and one of them may clean the system's cache.
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
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "1";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
// As root, apt would download as a user who may not be able to enter this folder.
APT::Sandbox::User "root";
"#
    )
}

/// The value of a field of a package's description.
fn field<'a>(description: &'a str, name: &str) -> Option<&'a str> {
    description
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Whether a suite is the release or its updates, and not something that is newer or for testing.
fn is_part_of(suite: &str, codename: &str) -> bool {
    suite
        .strip_prefix(codename)
        .is_some_and(|rest| ["", "-updates", "-security"].contains(&rest))
}

/// A value of `/etc/os-release`.
pub(crate) fn os_release(name: &str) -> Option<String> {
    os_release_value(&fs::read_to_string("/etc/os-release").ok()?, name)
}

fn os_release_value(text: &str, name: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches(['"', '\'']).to_owned())
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

    fn source(archive: &str, suite: &str, component: &str) -> Source {
        Source {
            archive: archive.to_owned(),
            suite: suite.to_owned(),
            component: component.to_owned(),
        }
    }

    #[test]
    fn the_sources_are_read_from_the_addresses_that_apt_would_fetch() {
        assert_eq!(
            parse_sources(TOLD),
            [
                source("http://mirror.example/debian", "bookworm", "main"),
                source("http://mirror.example/debian", "bookworm", "contrib"),
                source(
                    "http://mirror.example/security",
                    "bookworm-security",
                    "main"
                ),
            ]
        );
        assert_eq!(parse_sources("W: something\n"), []);
    }

    #[test]
    fn a_line_of_sources_names_the_keys_if_there_are_any() {
        let main = source("http://mirror.example/debian", "forky", "main");
        assert_eq!(
            source_line(&main, Some(Path::new("/keys.gpg"))),
            "deb [target=Packages signed-by=/keys.gpg] http://mirror.example/debian forky main\n"
        );
        assert_eq!(
            source_line(&main, None),
            "deb [target=Packages] http://mirror.example/debian forky main\n"
        );
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let shown = "Package: p\nInstalled-Version: 1\nVersion: 0.17.1-1+b1\nDepends: q\n";
        assert_eq!(field(shown, "Version"), Some("0.17.1-1+b1"));
        assert_eq!(field(shown, "Pack"), None);
    }

    #[test]
    fn a_release_includes_its_updates_only() {
        for suite in ["bookworm", "bookworm-updates", "bookworm-security"] {
            assert!(is_part_of(suite, "bookworm"), "{suite}");
        }
        for suite in [
            "bookworm-backports",
            "bookworm-proposed-updates",
            "forky",
            "stable",
        ] {
            assert!(!is_part_of(suite, "bookworm"), "{suite}");
        }
    }

    #[test]
    fn a_value_of_os_release_comes_without_quotes() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(
            os_release_value(text, "NAME").as_deref(),
            Some("Debian GNU/Linux")
        );
        assert_eq!(os_release_value(text, "ID").as_deref(), Some("debian"));
        assert_eq!(os_release_value(text, "VERSION"), None);
    }
}
