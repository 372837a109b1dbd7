//! `cargo xtask wasmedge`: a libwasmedge to build with, and the libclang that its bindings are made
//! with.
//!
//! # What it does
//!
//! Everything is in `target/wasmedge/`, nothing is installed into the system, no step needs root.
//! For libwasmedge three ways are tried in this order, and the first that gives a library of the
//! right version is taken:
//!
//! 1. [`existing`]: one that the machine has, where wasmedge-sys looks for it:
//!    `WASMEDGE_INCLUDE_DIR` and `WASMEDGE_LIB_DIR`, `WASMEDGE_DIR`, `WASMEDGE_BUILD_DIR`,
//!    `~/.wasmedge`, `/usr/local`, `~/.local`; and the system's own folders.
//! 2. [`release`]: the official release, by wasmedge-sys' own `standalone` download and its
//!    checksums. It is tried when the host of the releases answers within seconds, when a proxy is
//!    configured, or when `WASMEDGE_STANDALONE_ARCHIVE` names a local archive.
//! 3. [`debian`]: the packages of the Debian release that has this version, from the mirror that
//!    the machine's apt is configured with, unpacked into `target/wasmedge/debian/` together with
//!    the glibc that they want.
//!
//! "Of the right version" is found out by a small C program that is compiled, linked with the very
//! flags that builds get, and run. libclang is likewise taken from the machine, or downloaded by
//! its apt, and tried by parsing a header ([`libclang`]).
//!
//! The result is written to `target/wasmedge/env` (for `. target/wasmedge/env` in a shell) and
//! `target/wasmedge/cargo.toml`. The latter is included by `.cargo/config.toml`, so that a plain
//! `cargo build -p …` has it too; a variable that is set in the environment wins over it. As long
//! as the program above still runs, the next call does nothing else; `--fresh` starts over. The
//! folder is under the workspace's root, not under `CARGO_TARGET_DIR`, since `.cargo/config.toml`
//! can name only a fixed path.
//!
//! # What a build gets
//!
//! | variable | read by | meaning |
//! |---|---|---|
//! | `WASMEDGE_INCLUDE_DIR` | wasmedge-sys | the folder with `wasmedge/wasmedge.h` |
//! | `WASMEDGE_LIB_DIR` | wasmedge-sys | a folder that holds links to `libwasmedge.so*` and nothing else: wasmedge-sys makes it the `LD_LIBRARY_PATH` of rustc, which a glibc in there would break |
//! | `LIBCLANG_PATH`, `BINDGEN_EXTRA_CLANG_ARGS` | bindgen | libclang, and where the compiler's own headers are if it does not know |
//! | `WASMEDGE_LINK_ARG` | our build scripts | the one argument that the linker driver needs to make programs that find the library when they run |
//!
//! # What the build script of a package that links libwasmedge must do
//!
//! A package **with programs of its own** (binaries, tests, examples, benches) that have
//! wasmedge-sys among their dependencies, however deep, passes that one argument on. All of its
//! build script's `main`:
//!
//! ```no_run
//! println!("cargo::rerun-if-changed=build.rs");
//! println!("cargo::rerun-if-env-changed=WASMEDGE_LINK_ARG");
//! if let Ok(argument) = std::env::var("WASMEDGE_LINK_ARG") {
//!     println!("cargo::rustc-link-arg={argument}");
//! }
//! ```
//!
//! - It has to be each such package (the adapter, the command line, the tests): cargo applies
//!   `rustc-link-arg` to the programs of the package whose script says so, and not to those of its
//!   dependents. The search path and `-lwasmedge`, by contrast, come from wasmedge-sys and reach
//!   everybody.
//! - It has to be a build script, and not `RUSTFLAGS` or `[target.*] rustflags`: those reach build
//!   scripts and procedural macros too, which must keep the system's glibc, since rustc loads them.
//! - Where the variable is missing, the script stays silent: an official release in a folder that
//!   the system searches needs no argument, and what is missing otherwise is said by wasmedge-sys.
//! - The argument is one word for the compiler driver (`-Wl,…` with commas), so paths with spaces
//!   need no quoting. For Debian's packages it says `--dynamic-linker` (their glibc is newer than
//!   the machine's, and a glibc works with its own loader only), `-rpath` with
//!   `--disable-new-dtags` (an `RPATH` is also used for what the libraries need in turn, a
//!   `RUNPATH` is not), and `--allow-shlib-undefined` (the machine's linker looks for the newer
//!   symbols in the machine's glibc, and does not find them).
//! - Programs that are linked so start other programs with those programs' own libraries: nothing
//!   is in the environment. Copied to another machine they look for this machine's
//!   `target/wasmedge`: to distribute, build against the official release.
//! - Documentation tests get no `rustc-link-arg`: for those of packages that link libwasmedge
//!   `cargo xtask test` puts `-C link-arg=$WASMEDGE_LINK_ARG` into `RUSTDOCFLAGS`.

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
    /// Searches and fetches again, even though what the last run found still works.
    #[arg(long)]
    fresh: bool,
    /// Tries only this way to a libwasmedge.
    #[arg(long, value_enum, value_name = "WAY")]
    from: Option<Way>,
}

/// Where a libwasmedge can come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Way {
    /// One that the machine has.
    Existing,
    /// The official release.
    Release,
    /// Debian's packages, in a folder of their own.
    Debian,
}

impl Way {
    const ALL: [Self; 3] = [Self::Existing, Self::Release, Self::Debian];

    const fn name(self) -> &'static str {
        match self {
            Self::Existing => "one that the machine has",
            Self::Release => "the official release",
            Self::Debian => "Debian's packages",
        }
    }
}

/// Finds or fetches libwasmedge and libclang, and prints what it did and how to use it.
///
/// # Errors
///
/// Fails when one of them is not found and cannot be fetched; the error says what was tried and
/// what helps.
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
         For the command, with the library beside it: cargo xtask install --wasmedge",
        file.display(),
        workspace.path("host-adapters/wasmedge-library").display(),
    );
    Ok(())
}

/// Sees to it that the WasmEdge parts can be built: finds or fetches what they need, unless the
/// last run's result is still good. Cargo reads by itself what comes of it.
///
/// # Errors
///
/// As [`run`] does.
pub(crate) fn ensure(workspace: &Workspace) -> Result<Environment> {
    let environment = provide(&Home::of(workspace), &Options::default())?;
    eprintln!("libwasmedge {}", environment.summary());
    Ok(environment)
}

/// The folder that is ours, and the environment that we were started with.
#[derive(Debug)]
struct Home {
    folder: PathBuf,
    /// What the last run wrote.
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

    /// A variable of the environment, unless it is only what an earlier run of ours put there.
    fn variable(&self, name: &str) -> Option<OsString> {
        let value = std::env::var_os(name).filter(|value| !value.is_empty())?;
        let recorded = self.last.as_ref().and_then(|last| last.variable(name));
        let ours =
            recorded == Some(value.as_os_str()) || Path::new(&value).starts_with(&self.folder);
        (!ours).then_some(value)
    }

    /// An empty folder, whatever was there before.
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
        && let Some(last) = still_good(home)
    {
        return Ok(last);
    }
    // Whatever happens from here on, the last run's result no longer counts.
    environment::forget(&home.folder)?;
    let clang = libclang::find_or_fetch(home)?;
    eprintln!("libclang: {} at {}", clang.version, clang.file.display());
    let ways = options.from.map_or(Way::ALL.to_vec(), |way| vec![way]);
    let (library, version) = first_that_works(home, &ways, &clang)?;
    let environment = Environment::new(home, &library, version, &clang)?;
    environment.write(&home.folder)?;
    // What is left of fetching; its absence is not worth failing for.
    let _ = fs::remove_dir_all(home.path("work"));
    Ok(environment)
}

/// What the last run found, if no variable asks for something else by now and it still runs.
fn still_good(home: &Home) -> Option<Environment> {
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

fn first_that_works(
    home: &Home,
    ways: &[Way],
    clang: &libclang::Libclang,
) -> Result<(Library, Version)> {
    let mut tried = String::new();
    for way in ways {
        let found = match way {
            Way::Existing => existing::find(home),
            Way::Release => release::fetch(home, clang),
            Way::Debian => debian::fetch(home),
        };
        match found {
            Ok((library, version)) => {
                eprintln!("libwasmedge: {version} from {}", library.origin);
                return Ok((library, version));
            }
            Err(error) => {
                eprintln!("libwasmedge: not {}: {error:#}", way.name());
                tried.push_str(&format!(
                    "\n- {}: {}",
                    way.name(),
                    format!("{error:#}").replace('\n', "\n  ")
                ));
            }
        }
    }
    bail!(
        "no libwasmedge {} was found, nor could one be fetched. What was tried:{tried}\n\
         What helps, any one of these, and then `cargo xtask wasmedge` again:\n\
         - install WasmEdge {wanted} and set WASMEDGE_DIR to the folder that holds its include/ and lib/ (or lib64/)\n\
         - fetch the archive of the official release {wanted} for this platform elsewhere, and set \
         WASMEDGE_STANDALONE_ARCHIVE to it\n\
         - on a machine behind a proxy, set WASMEDGE_STANDALONE_PROXY or HTTPS_PROXY for the release, and apt's own \
         setting for Debian's packages",
        version::WANTED,
        wanted = release::RELEASE,
    )
}
