//! The format of a file with compiled code.
//!
//! | bytes | |
//! |---|---|
//! | 8 | [`MAGIC`] |
//! | 4 | the format's version, [`VERSION`] |
//! | 4 | the length of the header |
//! | 64 | the header's digest, as text |
//! | | the header, as JSON: what the code is, and the names, lengths and digests of the parts |
//! | | the parts, one after another |
//!
//! Integers are little-endian. So one part can be read and checked without the others.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{digest, draft};

/// The first bytes. Like PNG's, they are not text, and a transfer that converts line ends changes
/// them.
const MAGIC: [u8; 8] = *b"\x89CODE\r\n\x1a";

/// The version of the format.
const VERSION: u32 = 1;

/// Bytes before the header.
const PREFIX: usize = 80;

/// A file with a longer header is not in this format.
const MAX_HEADER: usize = 1 << 20;

/// The contents of a file with compiled code.
#[derive(Debug, Default)]
pub struct Contents<'a> {
    /// Names and values that describe the code, for example its engine and that engine's version.
    pub about: BTreeMap<String, String>,
    /// The parts by name. If a name occurs twice, only the first is found.
    pub parts: Vec<(String, &'a [u8])>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Header {
    about: BTreeMap<String, String>,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    name: String,
    length: u64,
    digest: String,
}

/// The kind of a file, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A file in this format. It may be truncated.
    Compiled,
    /// Something else.
    Other,
}

impl Format {
    /// Returns the kind of a file that begins with `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(&MAGIC) {
            Self::Compiled
        } else {
            Self::Other
        }
    }
}

/// Says why a file with compiled code cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a file of another kind.
    #[error("it is not a file with compiled code")]
    Other,
    /// Its end is missing.
    #[error("it is truncated: {expected} bytes were written, and {found} are left")]
    Truncated {
        /// The original number of bytes.
        expected: u64,
        /// The present number of bytes.
        found: u64,
    },
    /// It was changed after it was written.
    #[error("it was changed after it was written: a digest does not match")]
    Changed,
    /// It was written by another version of the program.
    #[error("it has version {found} of the format, and this program reads version {VERSION}")]
    Format {
        /// The version of its format.
        found: u32,
    },
}

/// An open file with compiled code. The digest of its header is correct, but that does not prove
/// who wrote it.
#[derive(Debug)]
pub struct CompiledFile {
    file: File,
    header: Header,
    /// The offset of the first part.
    begin: u64,
    digest: String,
}

impl CompiledFile {
    /// Writes a file, and flushes it to the disk before it gets its name, so that it is never
    /// visible incomplete. Replaces a file of that name.
    ///
    /// Returns the file's digest, for [`Cache::record`](crate::Cache::record).
    ///
    /// # Errors
    ///
    /// Returns the system's error, or an error if there are too many parts.
    pub fn write(path: &Path, contents: &Contents<'_>) -> io::Result<String> {
        write(path, draft::ORDINARY, contents)
    }

    /// Opens a file, and checks its header and length.
    ///
    /// # Errors
    ///
    /// Returns a [`FileError`] if the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let mut file = File::open(path)?;
        let found = file.metadata()?.len();
        let mut prefix = Vec::new();
        (&mut file).take(PREFIX as u64).read_to_end(&mut prefix)?;
        if Format::of(&prefix) == Format::Other {
            return Err(FileError::Other);
        }
        let truncated = |expected| FileError::Truncated { expected, found };
        let Some((version, rest)) = prefix[MAGIC.len()..].split_first_chunk() else {
            return Err(truncated(PREFIX as u64));
        };
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(FileError::Format { found: version });
        }
        if prefix.len() < PREFIX {
            return Err(truncated(PREFIX as u64));
        }
        let (length, digest) = rest.split_first_chunk().ok_or(FileError::Changed)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_HEADER {
            return Err(FileError::Changed);
        }
        let mut bytes = Vec::new();
        (&mut file).take(length as u64).read_to_end(&mut bytes)?;
        let begin = (PREFIX + length) as u64;
        if bytes.len() < length {
            return Err(truncated(begin));
        }
        let digest = str::from_utf8(digest).unwrap_or_default().to_owned();
        if digest::of(&bytes) != digest {
            return Err(FileError::Changed);
        }
        // The digest matches, so the header is as it was written.
        let header: Header = serde_json::from_slice(&bytes).map_err(io::Error::from)?;
        let lengths = header.parts.iter().map(|part| part.length);
        let expected = lengths.fold(begin, u64::saturating_add);
        match expected.cmp(&found) {
            std::cmp::Ordering::Equal => Ok(Self {
                file,
                header,
                begin,
                digest,
            }),
            std::cmp::Ordering::Greater => Err(truncated(expected)),
            std::cmp::Ordering::Less => Err(FileError::Changed),
        }
    }

    /// Returns a value of the header's description of the code.
    pub fn about(&self, name: &str) -> Option<&str> {
        self.header.about.get(name).map(String::as_str)
    }

    /// Returns whether there is a part of this name.
    pub fn has(&self, name: &str) -> bool {
        self.header.parts.iter().any(|part| part.name == name)
    }

    /// Returns the digest of the header, which holds those of all parts.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Reads and checks a part. Returns `None` if there is no part of this name.
    ///
    /// # Errors
    ///
    /// Returns a [`FileError`] if the part cannot be used.
    pub fn part(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let mut at = self.begin;
        for part in &self.header.parts {
            if part.name == name {
                return self.read(at, part).map(Some);
            }
            at = at.saturating_add(part.length);
        }
        Ok(None)
    }

    /// Checks all parts, including those that will not be read.
    ///
    /// # Errors
    ///
    /// Returns a [`FileError`] if a part cannot be used.
    pub fn check(&self) -> Result<(), FileError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.begin))?;
        for part in &self.header.parts {
            if digest::of_next(file.take(part.length))? != part.digest {
                return Err(FileError::Changed);
            }
        }
        Ok(())
    }

    fn read(&self, at: u64, part: &Part) -> Result<Vec<u8>, FileError> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::new();
        // The length was checked when the file was opened.
        let length = usize::try_from(part.length).map_err(|_too_large| FileError::Changed)?;
        bytes
            .try_reserve_exact(length)
            .map_err(|_refused| io::Error::from(io::ErrorKind::OutOfMemory))?;
        file.take(part.length).read_to_end(&mut bytes)?;
        if bytes.len() < length || digest::of(&bytes) != part.digest {
            return Err(FileError::Changed);
        }
        Ok(bytes)
    }
}

pub(crate) fn write(path: &Path, mode: u32, contents: &Contents<'_>) -> io::Result<String> {
    let parts = contents.parts.iter().map(|(name, bytes)| Part {
        name: name.clone(),
        length: bytes.len() as u64,
        digest: digest::of(bytes),
    });
    let header = serde_json::to_vec(&Header {
        about: contents.about.clone(),
        parts: parts.collect(),
    })?;
    if header.len() > MAX_HEADER {
        let message = "there are too many parts";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let digest = digest::of(&header);
    draft::write(path, mode, |to| {
        to.write_all(&MAGIC)?;
        to.write_all(&VERSION.to_le_bytes())?;
        // The header has at most `MAX_HEADER` bytes.
        to.write_all(&(header.len() as u32).to_le_bytes())?;
        to.write_all(digest.as_bytes())?;
        to.write_all(&header)?;
        contents
            .parts
            .iter()
            .try_for_each(|(_, part)| to.write_all(part))
    })?;
    Ok(digest)
}
