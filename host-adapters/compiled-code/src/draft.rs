//! Writes files that are never there in part.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::Builder;

/// Writes a file under another name, flushes it to the disk, and renames it to its own. If any of
/// it fails, the other file is removed, and a file under the right name stays unchanged.
///
/// # Errors
///
/// Returns the system's error.
pub(crate) fn write(
    target: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(".").suffix(".draft");
    set_mode(&mut builder, mode);
    let draft = builder.tempfile_in(folder).map_err(without_path)?;
    let mut buffered = BufWriter::with_capacity(1 << 16, draft.as_file());
    fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    draft.as_file().sync_all()?;
    draft.persist(target).map_err(|failed| failed.error)?;
    flush_folder(folder);
    Ok(())
}

/// Removes the draft's name, which means nothing to a reader, from an error of `tempfile`.
fn without_path(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Other {
        return error;
    }
    error.kind().into()
}

/// Flushes a rename to the disk. Not every file system can; the file is whole either way.
fn flush_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Permissions of a file that only its owner can read and write.
pub(crate) const PRIVATE: u32 = 0o600;

/// Permissions of an ordinary file; the process's umask applies.
pub(crate) const ORDINARY: u32 = 0o666;

#[cfg(unix)]
fn set_mode(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(std::fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_: &mut Builder<'_, '_>, _: u32) {}
