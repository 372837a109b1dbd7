//! libwasmedge from the official release, by the `standalone` download of wasmedge-sys.
//!
//! The address and the checksums are in wasmedge-sys' build script, so we let that do it, for a
//! package that consists of nothing else, and take what it unpacked. Switching the feature on in
//! the workspace instead would tie every build to the download, since the script then looks nowhere
//! else.

use super::libclang::Libclang;
use super::library::Library;
use super::{Home, Version};
use crate::run::cargo;
use anyhow::{Context as _, Result, bail, ensure};
use std::fs;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// The release that [`WASMEDGE_SYS`] downloads.
pub(super) const RELEASE: &str = "0.17.1";
const WASMEDGE_SYS: &str = "0.21.1";

/// Where the build script fetches from. Used only to find out quickly whether it can.
const HOST: (&str, u16) = ("github.com", 443);
/// For an answer of the host. A closed network says no at once or says nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// For compiling the build script and fetching some 60 MB. The script itself would wait for a day.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// Fetches the release.
///
/// # Errors
///
/// Fails when the network is closed, there is no release for this platform, or the download fails.
pub(super) fn fetch(home: &Home, clang: &Libclang) -> Result<(Library, Version)> {
    if let Some(library) = library(home)
        && let Ok(version) = library.check(home)
    {
        return Ok((library, version));
    }
    let brought = home.variable("WASMEDGE_STANDALONE_ARCHIVE");
    if brought.is_none() && !has_proxy(home) {
        reach(HOST)?;
    }
    eprintln!(
        "libwasmedge: fetching the official release {RELEASE} (this compiles wasmedge-sys' build script and downloads \
         some 60 MB)"
    );
    let package = home.empty_folder("work/release")?;
    fs::write(package.join("Cargo.toml"), manifest())?;
    fs::create_dir(package.join("src"))?;
    fs::write(package.join("src/lib.rs"), "")?;
    let mut command = cargo();
    command
        .args(["check", "--quiet"])
        .arg("--target-dir")
        .arg(package.join("target"))
        .current_dir(&package)
        .stdin(Stdio::null())
        .env("LIBCLANG_PATH", &clang.file)
        .envs(
            (!clang.arguments.is_empty())
                .then(|| ("BINDGEN_EXTRA_CLANG_ARGS", clang.arguments.join(" "))),
        );
    run_until(command, Instant::now() + DEADLINE)
        .context("wasmedge-sys could not fetch it; see above")?;
    let unpacked = unpacked(&package.join("target/debug/build"))
        .context("wasmedge-sys unpacked no header and library")?;
    let place = home.path("release");
    if place.exists() {
        fs::remove_dir_all(&place)?;
    }
    fs::rename(&unpacked, &place)?;
    let library = library(home).context("the release has no header or no library")?;
    let version = library.check(home)?;
    Ok((library, version))
}

fn library(home: &Home) -> Option<Library> {
    let place = home.path("release");
    ["lib64", "lib"]
        .into_iter()
        .map(|lib| Library {
            origin: format!("the official release, in {}", place.display()),
            include: place.join("include"),
            lib: place.join(lib),
            loader: None,
        })
        .find(Library::is_there)
}

fn manifest() -> String {
    format!(
        "[package]\nname = \"fetch-libwasmedge\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nwasmedge-sys = {{ version = \"={WASMEDGE_SYS}\", features = [\"standalone\"] }}\n"
    )
}

/// With a proxy the host itself need not be in reach, so that only trying tells.
fn has_proxy(home: &Home) -> bool {
    [
        "WASMEDGE_STANDALONE_PROXY",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ]
    .iter()
    .any(|name| home.variable(name).is_some())
}

/// Whether a host answers. Looking up its name can take long, and cannot be given a limit, hence
/// the thread.
fn reach(host: (&'static str, u16)) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let answer = host.to_socket_addrs().and_then(|addresses| {
            let mut last = std::io::Error::other("it has no address");
            for address in addresses {
                match TcpStream::connect_timeout(&address, PATIENCE) {
                    Ok(_) => return Ok(()),
                    Err(error) => last = error,
                }
            }
            Err(last)
        });
        // Nobody listens any more when it took too long.
        let _ = sender.send(answer);
    });
    match receiver.recv_timeout(PATIENCE) {
        Ok(answer) => answer.with_context(|| format!("{} cannot be reached", host.0)),
        Err(_) => bail!("{} did not answer in {} s", host.0, PATIENCE.as_secs()),
    }
}

fn run_until(mut command: Command, deadline: Instant) -> Result<()> {
    let mut child = command.spawn().context("cannot start cargo")?;
    loop {
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "cargo check failed with {status}");
            return Ok(());
        }
        if Instant::now() > deadline {
            stop(&mut child);
            bail!("it took more than {} minutes", DEADLINE.as_secs() / 60);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Stops cargo and the build script that it runs, which would go on otherwise.
fn stop(cargo: &mut Child) {
    let threads = format!("/proc/{}/task", cargo.id());
    let children: Vec<_> = fs::read_dir(threads)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let _ = cargo.kill();
    let _ = cargo.wait();
    if !children.is_empty() {
        let _ = Command::new("kill").args(children).status();
    }
}

/// The folder with `include` and `lib` or `lib64` below the build script's output: either what it
/// unpacked into, or a folder in there that is named for the release.
fn unpacked(builds: &Path) -> Option<PathBuf> {
    let outputs = fs::read_dir(builds).ok()?.flatten();
    let roots = outputs
        .map(|entry| entry.path().join("out/standalone"))
        .filter(|path| path.is_dir());
    roots
        .flat_map(|root| {
            let below: Vec<_> = fs::read_dir(&root)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path())
                .collect();
            std::iter::once(root).chain(below)
        })
        .find(|path| {
            path.join("include/wasmedge/wasmedge.h").is_file()
                && (path.join("lib").is_dir() || path.join("lib64").is_dir())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_found_whether_or_not_its_archive_has_a_folder_of_its_own() {
        let builds = std::env::temp_dir().join(format!("unpacked-{}", std::process::id()));
        for inner in ["", "WasmEdge-0.17.1-Linux"] {
            let place = builds.join("wasmedge-sys-1234/out/standalone").join(inner);
            fs::create_dir_all(place.join("include/wasmedge")).expect("folders");
            fs::create_dir_all(builds.join("other-1234/out")).expect("folders");
            fs::write(place.join("include/wasmedge/wasmedge.h"), "").expect("a header");
            assert_eq!(unpacked(&builds), None, "there is no library yet");
            fs::create_dir_all(place.join("lib64")).expect("folders");
            let found = unpacked(&builds).expect("the release");
            assert_eq!(found.join(""), place.join(""));
            fs::remove_dir_all(&builds).expect("tidied");
        }
    }

    #[test]
    fn a_host_that_is_not_there_is_said_so() {
        let error = reach(("host.invalid", 443)).expect_err("no such host");
        assert!(error.to_string().contains("host.invalid"), "{error}");
    }
}
