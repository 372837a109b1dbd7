//! A folder for compiled code that only its owner can write to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::file::{self, CompiledFile, Contents};
use crate::trust::{Trusted, TrustedFile, distrust};
use crate::{digest, draft};

/// The name of an entry's only part, and of its header's only value.
const CODE: &str = "code";
const KEY: &str = "key";

/// A folder for compiled code. Any number of components, engines and processes may use it at once.
///
/// The folder is checked when it is opened, and each file when it is read: they must belong to this
/// user or to root, and no other user may write to them. A file is named by its [`Key`] and holds
/// digests of its contents. A damaged file, or one that belongs to another key, is treated as
/// missing. A file gets its name when it is complete and flushed to the disk. If the file system
/// requires a temporary name, a killed writer leaves that file, which is removed an hour later.
/// Nothing else is removed: the folder may be emptied at any time.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// A digest of everything that compiled code depends on: the input, the compiler, the target
/// machine and the settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

impl Key {
    /// Returns the key of the given parts. Their boundaries count as well.
    pub fn new<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(digest::of_all(parts))
    }
}

/// A compiled component, with the error if its code could not be cached.
#[derive(Debug)]
pub struct Precompiled<C> {
    /// The component.
    pub component: C,
    /// The error, if the code could not be written to the cache.
    pub cache_error: Option<io::Error>,
}

/// Says why a folder cannot be used as a cache.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The folder cannot be created or read.
    #[error("the cache folder {folder} cannot be used: {source}")]
    Io {
        /// The folder.
        folder: String,
        /// The system's error.
        source: io::Error,
    },
    /// The folder belongs to another user, or others can write to it.
    #[error(
        "the cache folder {folder} cannot be trusted: {reason}; use one that only you can access (chmod 700)"
    )]
    Untrusted {
        /// The folder.
        folder: String,
        /// Why it is not trusted.
        reason: String,
    },
}

impl Cache {
    /// Opens a folder. Creates it if it is missing, readable by its owner only.
    ///
    /// # Errors
    ///
    /// Returns [`CacheError::Untrusted`] if it belongs to another user or others can write to it,
    /// and [`CacheError::Io`] if it cannot be created.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, CacheError> {
        let folder = folder.into();
        let failed = |source| CacheError::Io {
            folder: folder.display().to_string(),
            source,
        };
        let metadata = match fs::symlink_metadata(&folder) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private(&folder).map_err(failed)?;
                fs::symlink_metadata(&folder).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        let reason = if metadata.is_dir() {
            distrust(&metadata)
        } else {
            Some("it is not a folder".to_owned())
        };
        if let Some(reason) = reason {
            return Err(CacheError::Untrusted {
                folder: folder.display().to_string(),
                reason,
            });
        }
        let folder = folder.canonicalize().map_err(failed)?;
        Ok(Self { folder })
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the code of a key. Returns `None` if there is none, or if its file is damaged or not
    /// trusted.
    pub fn find(&self, key: &Key) -> Option<Trusted> {
        let file = self.open_private(&self.entry(key))?;
        if file.about(KEY) != Some(&key.0) {
            return None;
        }
        file.part(CODE).ok().flatten().map(Trusted::new)
    }

    /// Stores the code of a key. Replaces code that was stored before.
    ///
    /// # Errors
    ///
    /// Returns the system's error. In that case nothing has changed.
    pub fn store(&self, key: &Key, code: &[u8]) -> io::Result<()> {
        let contents = Contents {
            about: [(KEY.to_owned(), key.0.clone())].into(),
            parts: vec![(CODE.to_owned(), code)],
        };
        draft::remove_abandoned(&self.folder);
        file::write(&self.entry(key), draft::PRIVATE, &contents)?;
        Ok(())
    }

    /// Records that this user made a file: [`recognise`](Self::recognise) then accepts it, in any
    /// folder.
    ///
    /// # Errors
    ///
    /// Returns the system's error.
    pub fn record(&self, digest: &str) -> io::Result<()> {
        let contents = Contents {
            about: [(KEY.to_owned(), digest.to_owned())].into(),
            parts: Vec::new(),
        };
        file::write(&self.made(digest), draft::PRIVATE, &contents)?;
        Ok(())
    }

    /// Marks a file as trusted, if there is a record that this user made it.
    ///
    /// # Errors
    ///
    /// Returns the file unchanged if there is no record.
    pub fn recognise(&self, file: CompiledFile) -> Result<TrustedFile, CompiledFile> {
        match self.open_private(&self.made(file.digest())) {
            Some(record) if record.about(KEY) == Some(file.digest()) => Ok(TrustedFile::new(file)),
            _ => Err(file),
        }
    }

    fn entry(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.code", key.0))
    }

    fn made(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.made"))
    }

    fn open_private(&self, path: &Path) -> Option<CompiledFile> {
        if !fs::symlink_metadata(path).ok()?.is_file() {
            return None;
        }
        let file = CompiledFile::open(path).ok()?;
        let metadata = file.file().metadata().ok()?;
        distrust(&metadata).is_none().then_some(file)
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if let Some(parent) = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        // Another process created it first.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests;
