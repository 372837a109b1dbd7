//! `cargo xtask wasmedge`: provides a libwasmedge for builds, and a libclang for its bindings.
//!
//! # What it does
//!
//! All files are in `target/wasmedge/`. Nothing is installed into the system, and no step needs
//! root. Three sources of libwasmedge are tried in this order. The first one that has the right
//! version is used:
//!
//! 1. [`existing`]: one on the machine, where wasmedge-sys looks for it (`WASMEDGE_INCLUDE_DIR` and
//!    `WASMEDGE_LIB_DIR`, `WASMEDGE_DIR`, `WASMEDGE_BUILD_DIR`, `~/.wasmedge`, `/usr/local`,
//!    `~/.local`), or in the system's own folders.
//! 2. [`release`]: the official release, by wasmedge-sys' own `standalone` download and its
//!    checksums. It is tried if the host of the releases answers within seconds, if a proxy is
//!    configured, or if `WASMEDGE_STANDALONE_ARCHIVE` names a local archive.
//! 3. [`debian`]: the packages of the Debian release that has this version, from the mirror of the
//!    machine's apt, unpacked into `target/wasmedge/debian/` with the glibc that they need.
//!
//! The version is checked by compiling a small C program, linking it with the flags that builds
//! get, and running it. libclang is also taken from the machine or downloaded with apt, and checked
//! by parsing a header ([`libclang`]).
//!
//! The results are written to `target/wasmedge/env` (for `. target/wasmedge/env` in a shell) and
//! `target/wasmedge/cargo.toml`. `.cargo/config.toml` includes the latter, so a plain `cargo build
//! -p …` uses it, too. Variables in the environment take precedence. The next run does nothing else
//! while the C program still runs; `--fresh` starts over. The folder is under the workspace's root
//! and not under `CARGO_TARGET_DIR`, because `.cargo/config.toml` can name only a fixed path.
//!
//! # Variables for builds
//!
//! | variable | read by | meaning |
//! |---|---|---|
//! | `WASMEDGE_INCLUDE_DIR` | wasmedge-sys | the folder with `wasmedge/wasmedge.h` |
//! | `WASMEDGE_LIB_DIR` | wasmedge-sys | a folder that holds links to `libwasmedge.so*` and nothing else: wasmedge-sys makes it the `LD_LIBRARY_PATH` of rustc, which would break if it contained a glibc |
//! | `LIBCLANG_PATH`, `BINDGEN_EXTRA_CLANG_ARGS` | bindgen | libclang, and where the compiler's own headers are if it does not know |
//! | `WASMEDGE_LINK_ARG` | our build scripts | the one argument that the linker driver needs to make programs that find the library when they run |
//!
//! # Requirements for the build script of a package that links libwasmedge
//!
//! A package **with its own programs** (binaries, tests, examples, benches) that depend on
//! wasmedge-sys, directly or not, must pass on that one argument. This is all of its build script's
//! `main`:
//!
//! ```no_run
//! println!("cargo::rerun-if-changed=build.rs");
//! println!("cargo::rerun-if-env-changed=WASMEDGE_LINK_ARG");
//! if let Ok(argument) = std::env::var("WASMEDGE_LINK_ARG") {
//!     println!("cargo::rustc-link-arg={argument}");
//! }
//! ```
//!
//! - Each such package needs it (the adapter, the command line, the tests). Cargo applies
//!   `rustc-link-arg` to the programs of the package with the build script, and not to those of
//!   dependents. The search path and `-lwasmedge`, however, come from wasmedge-sys and reach all
//!   dependents.
//! - It must be a build script, and not `RUSTFLAGS` or `[target.*] rustflags`. Those also affect
//!   build scripts and procedural macros, which must keep the system's glibc, because rustc loads
//!   them.
//! - Without the variable, the script does nothing. An official release in a folder that the system
//!   searches needs no argument, and wasmedge-sys reports a missing library.
//! - The argument is one word for the compiler driver (`-Wl,…` with commas), so paths with spaces
//!   need no quoting. For Debian's packages it contains `--dynamic-linker` (their glibc is newer
//!   than the machine's, and a glibc works only with its own loader), `-rpath` with
//!   `--disable-new-dtags` (an `RPATH` also applies to the library's own dependencies, a `RUNPATH`
//!   does not), and `--allow-shlib-undefined` (the machine's linker looks for the newer symbols in
//!   the machine's glibc, and does not find them).
//! - Programs linked this way start other programs with those programs' own libraries, because
//!   no environment variable is set. On another machine they still look for this machine's
//!   `target/wasmedge`. To distribute them, build against the official release.
//! - Documentation tests get no `rustc-link-arg`. For packages that link libwasmedge, `cargo xtask
//!   test` puts `-C link-arg=$WASMEDGE_LINK_ARG` into `RUSTDOCFLAGS`.

mod debian;
mod environment;
mod existing;
mod libclang;
mod library;
mod probe;
mod release;
mod version;

pub(crate) use environment::Environment;
pub(crate) use library::INSTALLED;

use crate::apt::make_empty;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail};
use library::Library;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use version::Version;

/// Options of `cargo xtask wasmedge`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Searches and fetches again, even if the last result still works.
    #[arg(long)]
    fresh: bool,
    /// Tries only this source of libwasmedge.
    #[arg(long, value_enum, value_name = "WAY")]
    from: Option<Source>,
}

/// The sources of libwasmedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Source {
    /// A library that the machine has.
    Existing,
    /// The official release.
    Release,
    /// Debian's packages, in a separate folder.
    Debian,
}

impl Source {
    const ALL: [Self; 3] = [Self::Existing, Self::Release, Self::Debian];

    const fn name(self) -> &'static str {
        match self {
            Self::Existing => "the machine's own library",
            Self::Release => "the official release",
            Self::Debian => "Debian's packages",
        }
    }
}

/// Finds or fetches libwasmedge and libclang, and prints what it did and how to use it.
///
/// # Errors
///
/// Fails if one of them is not found and cannot be fetched. The error says what was tried and what
/// helps.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let home = Home::of(workspace);
    let environment = provide(&home, options)?;
    println!("libwasmedge {}", environment.summary());
    for (name, value) in environment.variables() {
        println!("  {name}={}", value.display());
    }
    let file = home.path("cargo.toml");
    println!(
        "In this clone, cargo reads {} by itself; in a shell: . {}",
        file.display(),
        home.path("env").display()
    );
    println!(
        "For a package elsewhere that depends on wasmedge-component:\n\
         - .cargo/config.toml beside its Cargo.toml:  include = [{{ path = '{}' }}]\n\
         - its Cargo.toml:  [build-dependencies] wasmedge-library = {{ path = '{}' }}\n\
         - its build.rs:  fn main() {{ wasmedge_library::link(); }}\n\
         To install the command with the library: cargo xtask install --wasmedge",
        file.display(),
        workspace.path("host-adapters/wasmedge-library").display(),
    );
    Ok(())
}

/// Makes sure that the WasmEdge packages can be built: finds or fetches what is missing, unless the
/// last result still works. Cargo reads the result by itself.
///
/// # Errors
///
/// As [`run`] does.
pub(crate) fn ensure(workspace: &Workspace) -> Result<Environment> {
    let environment = provide(&Home::of(workspace), &Options::default())?;
    eprintln!("libwasmedge {}", environment.summary());
    Ok(environment)
}

/// The folder for all files, and the environment in which xtask was started.
#[derive(Debug)]
struct Home {
    folder: PathBuf,
    /// The environment that the last run wrote.
    last: Option<Environment>,
}

impl Home {
    fn of(workspace: &Workspace) -> Self {
        let folder = workspace.path("target/wasmedge");
        let last = Environment::read(&folder.join("env"));
        Self { folder, last }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// Returns a variable of the environment, unless an earlier run has set it.
    fn variable(&self, name: &str) -> Option<OsString> {
        let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
        let recorded = self.last.as_ref().and_then(|last| last.variable(name));
        let is_own =
            recorded == Some(value.as_os_str()) || Path::new(&value).starts_with(&self.folder);
        (!is_own).then_some(value)
    }

    /// Returns a folder after emptying it.
    fn empty_folder(&self, relative: &str) -> Result<PathBuf> {
        let folder = self.path(relative);
        make_empty(&folder)?;
        Ok(folder)
    }
}

fn provide(home: &Home, options: &Options) -> Result<Environment> {
    fs::create_dir_all(&home.folder)
        .with_context(|| format!("cannot create {}", home.folder.display()))?;
    let lock = fs::File::create(home.path("lock")).context("cannot create a lock file")?;
    lock.lock()
        .context("cannot wait for another run that fetches libwasmedge")?;
    if !options.fresh
        && options.from.is_none()
        && let Some(last) = reusable(home)
    {
        return Ok(last);
    }
    // The last result is no longer valid, even if this run fails.
    environment::forget(&home.folder)?;
    let clang = libclang::find_or_fetch(home)?;
    eprintln!("libclang: {} at {}", clang.version, clang.file.display());
    let sources = options
        .from
        .map_or(Source::ALL.to_vec(), |source| vec![source]);
    let (library, version) = first_usable(home, &sources, &clang)?;
    let environment = Environment::new(home, &library, version, &clang)?;
    environment.write(&home.folder)?;
    // Leftovers of the downloads. A failure to remove them does not matter.
    let _ = fs::remove_dir_all(home.path("work"));
    Ok(environment)
}

/// Returns the last result if it still runs and no variable asks for another library.
fn reusable(home: &Home) -> Option<Environment> {
    let last = home.last.clone()?;
    let asks_the_same = environment::REQUEST.iter().all(|name| {
        home.variable(name)
            .is_none_or(|value| last.request(name) == Some(value.as_os_str()))
    });
    let still_there = last.variables().all(|(name, value)| {
        !environment::is_path(name) || Path::new(value).try_exists().unwrap_or(false)
    });
    let runs = || probe::run_wasmedge(&home.path("probe")).is_ok_and(Version::fits);
    (asks_the_same && still_there && runs()).then_some(last)
}

fn first_usable(
    home: &Home,
    sources: &[Source],
    clang: &libclang::Libclang,
) -> Result<(Library, Version)> {
    let mut tried = String::new();
    for source in sources {
        let found = match source {
            Source::Existing => existing::find(home),
            Source::Release => release::fetch(home, clang),
            Source::Debian => debian::fetch(home),
        };
        match found {
            Ok((library, version)) => {
                eprintln!("libwasmedge: {version} from {}", library.origin);
                return Ok((library, version));
            }
            Err(error) => {
                eprintln!("libwasmedge: not {}: {error:#}", source.name());
                tried.push_str(&format!(
                    "\n- {}: {}",
                    source.name(),
                    format!("{error:#}").replace('\n', "\n  ")
                ));
            }
        }
    }
    bail!(
        "no libwasmedge {} was found, and none could be fetched. Tried:{tried}\n\
         Do one of these, then run `cargo xtask wasmedge` again:\n\
         - install WasmEdge {wanted} and set WASMEDGE_DIR to the folder with its include/ and lib/ (or lib64/)\n\
         - fetch the archive of the official release {wanted} for this platform elsewhere, and set \
         WASMEDGE_STANDALONE_ARCHIVE to it\n\
         - on a machine behind a proxy, set WASMEDGE_STANDALONE_PROXY or HTTPS_PROXY for the release, and apt's own \
         setting for Debian's packages",
        version::WANTED,
        wanted = release::RELEASE,
    )
}
