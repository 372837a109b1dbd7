//! SHA-256 digests as hexadecimal text, as used in headers and file names.

use std::fmt::Write as _;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// Returns the digest of some bytes.
pub(crate) fn of(bytes: &[u8]) -> String {
    text(Sha256::digest(bytes).as_slice())
}

/// Returns the digest of a reader's contents, without holding all of them in memory.
pub(crate) fn of_next(mut reader: impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut reader, &mut hash)?;
    Ok(text(hash.finalize().as_slice()))
}

/// Returns the digest of several texts, including their lengths.
pub(crate) fn of_all<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    text(hash.finalize().as_slice())
}

fn text(digest: &[u8]) -> String {
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
