//! The cache of `--aot`.

use crate::args::Program;
use crate::failure::Failure;
use crate::messages::say;
use compiled_code::{Cache, CacheError};
use etcetera::BaseStrategy as _;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The destination of compiled code.
pub(super) enum Aot {
    /// Without `--aot`: none.
    Off,
    /// A cache.
    Into(Cache),
    /// None, because the cache cannot be created. The user was warned.
    Unavailable,
}

impl Aot {
    /// Opens the cache for `--aot`. If the system does not allow creating the folder, warns and
    /// continues without a cache.
    ///
    /// # Errors
    ///
    /// Fails if there is no home directory, if the path is not a folder, or if other users can
    /// write to it.
    pub(super) fn open(program: Option<&Program>) -> Result<Self, Failure> {
        let Some(program) = program.filter(|program| program.aot) else {
            return Ok(Self::Off);
        };
        let folder = program.aot_cache.clone().or_else(default_folder);
        let folder = folder.ok_or_else(|| {
            Failure::new("--aot: there is no home directory for the cache; set --aot-cache FOLDER")
        })?;
        match Cache::open(folder) {
            Ok(cache) => Ok(Self::Into(cache)),
            Err(CacheError::Io { folder, source }) if is_refused(&source) => {
                say!(
                    "wasmscope: warning: --aot stores nothing: the cache folder {folder} cannot be created: {source}"
                );
                Ok(Self::Unavailable)
            }
            Err(error) => Err(Failure::new(format!("--aot-cache: {error}"))),
        }
    }
}

/// Returns true if the system denied the access, although the command line is correct.
fn is_refused(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
    )
}

/// Tells the user that a component is being compiled, which takes time.
pub(super) fn say_compiling(runtime: &str, cache: &Cache) {
    say!(
        "wasmscope: compiling for {runtime}, once, into {}",
        cache.folder().display()
    );
}

/// Warns that the code could not be stored, so the next run compiles again.
pub(super) fn warn_cache_error(cache: &Cache, error: Option<&io::Error>) {
    if let Some(error) = error {
        say!(
            "wasmscope: warning: --aot stores nothing: the cache folder {} cannot be written to: {error}",
            cache.folder().display()
        );
    }
}

/// Warns that `--aot` has no effect on a compiled file.
pub(super) fn warn_no_effect(path: &Path, program: Option<&Program>) {
    if program.is_some_and(|program| program.aot) {
        say!(
            "wasmscope: warning: --aot has no effect: {} is already compiled",
            path.display()
        );
    }
}

/// Returns the cache in the user's cache folder, if it exists and is usable.
pub(super) fn default_cache() -> Option<Cache> {
    Cache::open(default_folder()?).ok()
}

/// Returns the folder `wasmscope/aot` in the user's cache folder.
fn default_folder() -> Option<PathBuf> {
    // An empty HOME means that there is no home. Otherwise the user database is consulted.
    if std::env::var_os("HOME").is_some_and(|home| home.is_empty()) {
        return None;
    }
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.cache_dir().join("wasmscope").join("aot"))
}
