//! Checks the owner of a file or folder, and defines the types of trusted code.

use std::fs::Metadata;

use crate::file::{CompiledFile, FileError};

/// Code that an engine's compiler made and that was not changed since. Loading it is as safe as
/// compiling.
#[derive(Debug, Clone)]
pub struct Trusted(Vec<u8>);

impl Trusted {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Marks bytes as trusted code.
    ///
    /// # Safety
    ///
    /// The engine's own compiler must have made them: the engine runs them in this process without
    /// a check.
    #[expect(
        unsafe_code,
        reason = "the caller guarantees the origin of code that runs outside the sandbox"
    )]
    pub unsafe fn assume(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Returns the code.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A trusted file with compiled code.
#[derive(Debug)]
pub struct TrustedFile(CompiledFile);

impl TrustedFile {
    pub(crate) fn new(file: CompiledFile) -> Self {
        Self(file)
    }

    /// Returns the file.
    pub fn file(&self) -> &CompiledFile {
        &self.0
    }

    /// Reads and checks a part. Returns `None` if there is no part of this name.
    ///
    /// # Errors
    ///
    /// Returns a [`FileError`] if the part cannot be used.
    pub fn part(&self, name: &str) -> Result<Option<Trusted>, FileError> {
        Ok(self.0.part(name)?.map(Trusted))
    }
}

#[expect(
    unsafe_code,
    reason = "the caller guarantees the origin of code that runs outside the sandbox"
)]
impl CompiledFile {
    /// Marks the file as trusted.
    ///
    /// # Safety
    ///
    /// The file must have been written by [`write`](Self::write), with code that the engine's own
    /// compiler made: the engine runs it in this process without a check. The digests do not prove
    /// that.
    pub unsafe fn assume_trusted(self) -> TrustedFile {
        TrustedFile::new(self)
    }
}

/// Returns the reason for not trusting a file or folder, or `None` if it is trusted.
#[cfg(unix)]
pub(crate) fn distrust(metadata: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let user = rustix::process::geteuid().as_raw();
    reason(user, metadata.uid(), metadata.mode())
}

#[cfg(not(unix))]
pub(crate) fn distrust(_: &Metadata) -> Option<String> {
    Some("the owner cannot be determined on this platform".to_owned())
}

/// Root is trusted, because it can change this user's files anyway.
#[cfg(unix)]
fn reason(user: u32, owner: u32, mode: u32) -> Option<String> {
    if owner != user && owner != 0 {
        return Some(format!("it belongs to user {owner}"));
    }
    let mode = mode & 0o7777;
    (mode & 0o022 != 0).then(|| format!("others can write to it (mode {mode:o})"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_user_or_root_that_others_cannot_write_are_trusted() {
        for (user, owner, mode, expected) in [
            (1000, 1000, 0o100_600, None),
            (1000, 1000, 0o040_755, None),
            (1000, 0, 0o100_644, None),
            (0, 0, 0o040_700, None),
            (1000, 1001, 0o100_600, Some("it belongs to user 1001")),
            (0, 1000, 0o100_600, Some("it belongs to user 1000")),
            (
                1000,
                1000,
                0o040_777,
                Some("others can write to it (mode 777)"),
            ),
            (
                1000,
                1000,
                0o040_720,
                Some("others can write to it (mode 720)"),
            ),
            (
                1000,
                0,
                0o041_777,
                Some("others can write to it (mode 1777)"),
            ),
        ] {
            let found = reason(user, owner, mode);
            assert_eq!(found.as_deref(), expected, "{user} {owner} {mode:o}");
        }
    }
}
