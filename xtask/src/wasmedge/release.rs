//! libwasmedge from the official release, downloaded by the `standalone` feature of wasmedge-sys.
//!
//! The address and the checksums are in wasmedge-sys' build script. So that script runs in an
//! otherwise empty package, and its unpacked files are used. With the feature enabled in the
//! workspace, every build would depend on the download, because the script then looks nowhere else.

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

/// The host of the downloads. Used only to find out quickly whether it is reachable.
const HOST: (&str, u16) = ("github.com", 443);
/// The timeout for an answer of the host. A closed network refuses at once or never answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The timeout for compiling the build script and fetching about 60 MB. The script itself would
/// wait for a day.
const FETCH_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Fetches the release.
///
/// # Errors
///
/// Fails if the network is closed, if there is no release for this platform, or if the download
/// fails.
pub(super) fn fetch(home: &Home, clang: &Libclang) -> Result<(Library, Version)> {
    if let Some(library) = library(home)
        && let Ok(version) = library.check(home)
    {
        return Ok((library, version));
    }
    let archive = home.variable("WASMEDGE_STANDALONE_ARCHIVE");
    if archive.is_none() && !has_proxy(home) {
        reach(HOST)?;
    }
    eprintln!(
        "libwasmedge: fetching the official release {RELEASE} (this compiles wasmedge-sys' build script and downloads \
         about 60 MB)"
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
    run_until(command, Instant::now() + FETCH_TIMEOUT)
        .context("wasmedge-sys could not fetch it; see above")?;
    let unpacked = unpacked(&package.join("target/debug/build"))
        .context("wasmedge-sys unpacked no header and library")?;
    let folder = home.path("release");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::rename(&unpacked, &folder)?;
    let library = library(home).context("the release has no header or no library")?;
    let version = library.check(home)?;
    Ok((library, version))
}

fn library(home: &Home) -> Option<Library> {
    let folder = home.path("release");
    ["lib64", "lib"]
        .into_iter()
        .map(|lib| Library {
            origin: format!("the official release, in {}", folder.display()),
            include: folder.join("include"),
            lib: folder.join(lib),
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

/// Returns whether there is a proxy. The host need not be reachable directly then, so only a
/// download can tell.
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

/// Checks that a host answers. Its name is resolved on a thread, because that can take long and has
/// no timeout.
fn reach(host: (&'static str, u16)) -> Result<()> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let answer = host.to_socket_addrs().and_then(|addresses| {
            let mut last = std::io::Error::other("the name has no address");
            for address in addresses {
                match TcpStream::connect_timeout(&address, ANSWER_TIMEOUT) {
                    Ok(_) => return Ok(()),
                    Err(error) => last = error,
                }
            }
            Err(last)
        });
        // After the timeout, there is no receiver any more.
        let _ = sender.send(answer);
    });
    match receiver.recv_timeout(ANSWER_TIMEOUT) {
        Ok(answer) => answer.with_context(|| format!("{} cannot be reached", host.0)),
        Err(_) => bail!(
            "{} did not answer in {} s",
            host.0,
            ANSWER_TIMEOUT.as_secs()
        ),
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
            bail!("it took more than {} minutes", FETCH_TIMEOUT.as_secs() / 60);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Stops cargo and its build script, which would otherwise continue.
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

/// Returns the folder with `include` and `lib` or `lib64` in the build script's output: either the
/// output folder, or one in it that is named for the release.
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
    fn release_is_found_with_and_without_a_top_folder() {
        let builds = std::env::temp_dir().join(format!("unpacked-{}", std::process::id()));
        for inner in ["", "WasmEdge-0.17.1-Linux"] {
            let folder = builds.join("wasmedge-sys-1234/out/standalone").join(inner);
            fs::create_dir_all(folder.join("include/wasmedge")).expect("folders");
            fs::create_dir_all(builds.join("other-1234/out")).expect("folders");
            fs::write(folder.join("include/wasmedge/wasmedge.h"), "").expect("a header");
            assert_eq!(unpacked(&builds), None, "there is no library yet");
            fs::create_dir_all(folder.join("lib64")).expect("folders");
            let found = unpacked(&builds).expect("the release");
            assert_eq!(found.join(""), folder.join(""));
            fs::remove_dir_all(&builds).expect("tidied");
        }
    }

    #[test]
    fn unreachable_host_is_reported() {
        let error = reach(("host.invalid", 443)).expect_err("no such host");
        assert!(error.to_string().contains("host.invalid"), "{error}");
    }
}
