//! Where `--aot` keeps what it compiles.

use crate::args::Program;
use crate::failure::Failure;
use crate::messages::say;
use compiled_code::{Cache, CacheError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What is done with compiled code.
pub(super) enum Aot {
    /// Nothing is kept: no `--aot`.
    Off,
    /// It is kept here.
    Into(Cache),
    /// It was to be kept, but cannot be, as was said.
    Unkept,
}

impl Aot {
    /// Opens the cache if it is wanted. One that the system does not let us make is gone without.
    ///
    /// # Errors
    ///
    /// Fails when there is no folder, when it is something else, and when it may not be trusted.
    pub(super) fn open(program: Option<&Program>) -> Result<Self, Failure> {
        let Some(program) = program.filter(|program| program.aot) else {
            return Ok(Self::Off);
        };
        let folder = program.aot_cache.clone().or_else(default_folder);
        let folder = folder.ok_or_else(|| {
            Failure::new(
                "--aot: there is no home directory for what is compiled; give --aot-cache FOLDER",
            )
        })?;
        match Cache::open(folder) {
            Ok(cache) => Ok(Self::Into(cache)),
            Err(CacheError::Io { folder, source }) if is_refused(&source) => {
                say!(
                    "wasmscope: warning: --aot keeps nothing: the cache folder {folder} cannot be made: {source}"
                );
                Ok(Self::Unkept)
            }
            Err(error) => Err(Failure::new(format!("--aot-cache: {error}"))),
        }
    }
}

/// Whether the system refuses what would be right elsewhere.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
    )
}

/// Says that something is compiled, which takes its time.
pub(super) fn say_compiling(runtime: &str, cache: &Cache) {
    say!(
        "wasmscope: compiling for {runtime}, once, into {}",
        cache.folder().display()
    );
}

/// Says that what was compiled will be compiled again.
pub(super) fn say_not_kept(cache: &Cache, error: Option<&io::Error>) {
    if let Some(error) = error {
        say!(
            "wasmscope: warning: --aot keeps nothing: the cache folder {} cannot be written to: {error}",
            cache.folder().display()
        );
    }
}

/// Says that there is nothing to compile.
pub(super) fn say_no_effect(path: &Path, program: Option<&Program>) {
    if program.is_some_and(|program| program.aot) {
        say!(
            "wasmscope: warning: --aot has no effect: {} is compiled already",
            path.display()
        );
    }
}

/// Returns the cache in the user's cache folder, if there is one that can be used.
pub(super) fn default_cache() -> Option<Cache> {
    Cache::open(default_folder()?).ok()
}

/// Returns the user's cache folder's part for this: by the XDG base directory specification.
// The crates for this ask the user database where HOME is empty; here an empty one means that nothing is to be kept.
fn default_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|base| base.is_absolute());
    let base = base.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")));
    Some(base?.join("wasmscope").join("aot"))
}
