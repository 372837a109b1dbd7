//! Writes files that are never there in part.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::Builder;

/// What the other name begins and ends with.
const PREFIX: &str = ".";
const SUFFIX: &str = ".draft";

/// When a draft that has not changed counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

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
    write_and_flush(target, mode, fill, File::sync_all)
}

fn write_and_flush(
    target: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    flush: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let folder = match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    set_mode(&mut builder, mode);
    let draft = builder.tempfile_in(folder).map_err(without_path)?;
    let mut buffered = BufWriter::with_capacity(1 << 16, draft.as_file());
    fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    flush(draft.as_file())?;
    draft.persist(target).map_err(|failed| failed.error)?;
    flush_folder(folder);
    Ok(())
}

/// Removes the drafts that processes have left in a folder which were killed while they wrote. They
/// would keep the disk full.
pub(crate) fn remove_abandoned(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let is_draft = name.starts_with(PREFIX) && name.ends_with(SUFFIX);
        let age = || {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            metadata.modified().ok()?.elapsed().ok()
        };
        if is_draft && age().is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
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
    builder.permissions(fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_: &mut Builder<'_, '_>, _: u32) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn a_file_is_flushed_whole_before_it_gets_its_name() {
        let home = tempfile::tempdir().expect("a folder");
        let target = home.path().join("file");
        for content in [&b"first"[..], b"second one"] {
            let before = fs::read(&target).ok();
            let flush = |draft: &File| {
                assert_eq!(draft.metadata()?.len(), content.len() as u64);
                assert_eq!(fs::read(&target).ok(), before, "not yet");
                draft.sync_all()
            };
            write_and_flush(&target, PRIVATE, |to| to.write_all(content), flush).expect("written");
            assert_eq!(fs::read(&target).expect("a file"), content);
        }
        // What cannot be flushed gets no name, and leaves nothing.
        let fail = |_: &File| Err(io::ErrorKind::StorageFull.into());
        let failed = write_and_flush(&target, PRIVATE, |to| to.write_all(b"third"), fail);
        assert_eq!(
            failed.expect_err("it failed").kind(),
            io::ErrorKind::StorageFull
        );
        assert_eq!(fs::read(&target).expect("a file"), b"second one");
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn drafts_that_were_abandoned_are_removed() {
        let home = tempfile::tempdir().expect("a folder");
        let old = SystemTime::now() - ABANDONED * 2;
        for (name, time) in [
            (".old.draft", old),
            (".new.draft", SystemTime::now()),
            ("old.draft", old),
            (".old", old),
        ] {
            let file = File::create(home.path().join(name)).expect("a file");
            file.set_modified(time).expect("a time");
        }
        remove_abandoned(home.path());
        let left = |name: &str| home.path().join(name).exists();
        assert!(!left(".old.draft"));
        assert!(left(".new.draft") && left("old.draft") && left(".old"));
    }
}
