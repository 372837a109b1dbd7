//! Writes files atomically: a file is never visible incomplete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

/// The start and end of a draft's name.
const PREFIX: &str = ".";
const SUFFIX: &str = ".draft";

/// The age at which a draft counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Writes a file without a name, flushes it to the disk, and then names it. If anything fails, or
/// the process is killed, nothing is left, and an existing file of that name stays unchanged.
///
/// Some systems and file systems have no unnamed files. There the file has a temporary name until
/// it is complete, and a killed process leaves it behind.
///
/// # Errors
///
/// Returns the system's error.
pub(crate) fn write(
    target: &Path,
    mode: u32,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let draft = Draft::new(folder_of(target), mode)?;
    write_and_flush(draft, target, fill, File::sync_all)
}

fn write_and_flush(
    draft: Draft,
    target: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    flush: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(1 << 16, draft.file());
    fill(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    flush(draft.file())?;
    draft.publish(target)?;
    flush_folder(folder_of(target));
    Ok(())
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file that is being written.
enum Draft {
    /// It has no name, so it disappears with the process.
    #[cfg(target_os = "linux")]
    Unnamed(File),
    /// It has a temporary name.
    Named(NamedTempFile),
}

impl Draft {
    fn new(folder: &Path, mode: u32) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::create(folder, mode) {
            return Ok(Self::Unnamed(file));
        }
        Self::named(folder, mode)
    }

    fn named(folder: &Path, mode: u32) -> io::Result<Self> {
        let mut builder = builder();
        set_mode(&mut builder, mode);
        let draft = builder.tempfile_in(folder).map_err(without_path)?;
        Ok(Self::Named(draft))
    }

    fn file(&self) -> &File {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => file,
            Self::Named(draft) => draft.as_file(),
        }
    }

    /// Gives the file its name. Replaces a file of that name.
    fn publish(self, target: &Path) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Unnamed(file) => unnamed::link(&file, target),
            Self::Named(draft) => {
                draft.persist(target).map_err(|failed| failed.error)?;
                Ok(())
            }
        }
    }
}

fn builder() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    builder
}

/// Unnamed files. `tempfile` makes them too, but cannot name them later.
#[cfg(target_os = "linux")]
mod unnamed {
    use super::{builder, folder_of, without_path};
    use rustix::fs::{AtFlags, CWD, OFlags, linkat};
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::path::{Path, PathBuf};

    /// Returns `None` if unnamed files are not supported, or if one could not be named later.
    pub(super) fn create(folder: &Path, mode: u32) -> Option<File> {
        let mut options = OpenOptions::new();
        options.write(true).mode(mode);
        options.custom_flags(OFlags::TMPFILE.bits().cast_signed());
        let file = options.open(folder).ok()?;
        path(&file).exists().then_some(file)
    }

    /// Links cannot replace a file. If the target exists, the new file is linked under another name
    /// first and then renamed.
    pub(super) fn link(file: &File, target: &Path) -> io::Result<()> {
        let link = |target: &Path| {
            linkat(CWD, path(file), CWD, target, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
        };
        match link(target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => return done,
        }
        let draft = builder()
            .make_in(folder_of(target), link)
            .map_err(without_path)?;
        draft.persist(target).map_err(|failed| failed.error)?;
        Ok(())
    }

    fn path(file: &File) -> PathBuf {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }
}

/// Removes the drafts of killed processes from a folder, because they would fill up the disk.
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

/// Removes the draft's name from an error of `tempfile`. It means nothing to a reader.
fn without_path(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::Other {
        return error;
    }
    error.kind().into()
}

/// Flushes a rename to the disk. Some file systems cannot; the file is complete either way.
fn flush_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// Permissions of a file that only its owner can read and write.
pub(crate) const PRIVATE: u32 = 0o600;

/// Permissions of an ordinary file. The process's umask applies.
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

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a folder").count()
    }

    /// Writes files by one kind of draft. While one is being written, the folder has `names` more
    /// files.
    fn assert_flushed_before_named(draft: fn(&Path) -> io::Result<Draft>, names: usize) {
        let home = tempfile::tempdir().expect("a folder");
        let home = home.path();
        let target = home.join("file");
        let draft = || draft(home).expect("a draft");
        for content in [&b"first"[..], b"second one"] {
            let before = fs::read(&target).ok();
            let flush = |draft: &File| {
                assert_eq!(draft.metadata()?.len(), content.len() as u64);
                assert_eq!(fs::read(&target).ok(), before, "not yet");
                let there = names + usize::from(before.is_some());
                assert_eq!(
                    count(home),
                    there,
                    "a process that is killed here leaves these"
                );
                draft.sync_all()
            };
            let fill = |to: &mut dyn Write| to.write_all(content);
            write_and_flush(draft(), &target, fill, flush).expect("written");
            assert_eq!(fs::read(&target).expect("a file"), content);
            assert_eq!(count(home), 1);
        }
        // A file that cannot be flushed gets no name, and leaves nothing.
        let fail = |_: &File| Err(io::ErrorKind::StorageFull.into());
        let fill = |to: &mut dyn Write| to.write_all(b"third");
        let failed = write_and_flush(draft(), &target, fill, fail).expect_err("it failed");
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&target).expect("a file"), b"second one");
        assert_eq!(count(home), 1);
    }

    #[test]
    fn a_file_is_complete_and_flushed_before_it_is_named() {
        assert_flushed_before_named(|folder| Draft::named(folder, PRIVATE), 1);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_has_no_name_while_it_is_written() {
        let home = tempfile::tempdir().expect("a folder");
        if unnamed::create(home.path(), PRIVATE).is_none() {
            eprintln!("SKIPPED: the file system has no files without a name");
            return;
        }
        assert_flushed_before_named(|folder| Draft::new(folder, PRIVATE), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_requested_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().expect("a folder");
        let target = home.path().join("file");
        // Twice: the second file replaces the first.
        for (mode, masked) in [(PRIVATE, 0o777), (0o640, 0o700), (PRIVATE, 0o777)] {
            write(&target, mode, |to| to.write_all(b"x")).expect("written");
            let found = fs::metadata(&target).expect("a file").permissions().mode();
            assert_eq!(found & masked, mode & masked, "{found:o}");
        }
    }

    #[test]
    fn abandoned_drafts_are_removed() {
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
