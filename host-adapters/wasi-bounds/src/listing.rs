//! Directory listings that are read in pieces.
//!
//! [`wasmtime_wasi`] reads all names of a directory when its listing is opened, and keeps them
//! until it is closed. A directory with a million files then takes some hundred megabytes for each
//! listing.

use std::collections::VecDeque;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Descriptor, DirectoryEntry, ErrorCode as FileError,
};
use wasmtime_wasi::p2::{FsError, FsResult};

#[cfg(unix)]
use self::pieces::Reader;
#[cfg(not(unix))]
use self::whole::Reader;
use crate::Bounds;

/// The most bytes of entries that a listing holds, plus one entry of the greatest length.
pub const LISTING_BYTES: usize = 32 << 10;

/// A directory listing: the resource `directory-entry-stream`. It holds a descriptor and at most
/// [`LISTING_BYTES`] of entries, for directories of any size.
///
/// Entries that are created or removed during the listing may or may not appear, as with `readdir`.
/// On systems other than Unix, it holds all entries.
#[derive(Debug)]
pub struct Listing {
    reader: Reader,
    /// Entries that were read but not yet returned.
    ready: VecDeque<Entry>,
    /// Whether the directory has no further entries.
    is_complete: bool,
}

/// An entry, or the error for it.
type Entry = Result<DirectoryEntry, FileError>;

/// Entries that were read together.
#[derive(Debug, Default)]
struct Piece {
    entries: VecDeque<Entry>,
    /// Whether these are the last ones.
    is_last: bool,
}

impl Listing {
    /// Opens a listing, if the guest may have one more (`descriptor.read-directory`).
    ///
    /// # Errors
    ///
    /// Returns `insufficient-memory` if it may not, or the system's error for the directory.
    pub async fn open(
        bounds: &Bounds,
        files: &mut WasiFilesystemCtxView<'_>,
        directory: Resource<Descriptor>,
    ) -> FsResult<Resource<Self>> {
        bounds.listing(files.table)?;
        let reader = Reader::open(files, directory).await?;
        let mut listing = Self {
            reader,
            ready: VecDeque::new(),
            is_complete: false,
        };
        listing.read().await;
        Ok(files.table.push(listing)?)
    }

    /// Returns the next entry, or `None` at the end
    /// (`directory-entry-stream.read-directory-entry`).
    ///
    /// # Errors
    ///
    /// Returns `illegal-byte-sequence` for a name that is not UTF-8, or the system's error.
    pub async fn next(
        table: &mut ResourceTable,
        listing: Resource<Self>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let listing = table.get_mut(&listing)?;
        if listing.ready.is_empty() && !listing.is_complete {
            listing.read().await;
        }
        let entry = listing.ready.pop_front().transpose();
        entry.map_err(FsError::from)
    }

    /// Closes a listing.
    ///
    /// # Errors
    ///
    /// Returns an error if the handle is invalid.
    pub fn close(table: &mut ResourceTable, listing: Resource<Self>) -> wasmtime::Result<()> {
        table.delete(listing)?;
        Ok(())
    }

    async fn read(&mut self) {
        let Piece { entries, is_last } = self.reader.read().await;
        self.ready = entries;
        self.is_complete = is_last;
    }
}

#[cfg(unix)]
mod pieces {
    use std::sync::{Arc, Mutex, PoisonError};

    use rustix::fs::{AtFlags, Dir, DirEntry, FileType, statat};
    use wasmtime_wasi::p2::bindings::filesystem::types::DescriptorType;
    use wasmtime_wasi::runtime::spawn_blocking;

    use super::*;

    /// Reads a directory piece by piece.
    #[derive(Debug)]
    pub(super) struct Reader(Arc<Mutex<Dir>>);

    impl Reader {
        pub(super) async fn open(
            files: &mut WasiFilesystemCtxView<'_>,
            directory: Resource<Descriptor>,
        ) -> FsResult<Self> {
            let directory = match files.table.get(&directory)? {
                Descriptor::Dir(directory) => Arc::clone(&directory.dir),
                Descriptor::File(_) => return Err(FileError::NotDirectory.into()),
            };
            let opened = spawn_blocking(move || Dir::read_from(&*directory)).await;
            let opened = opened.map_err(std::io::Error::from)?;
            Ok(Self(Arc::new(Mutex::new(opened))))
        }

        pub(super) async fn read(&self) -> Piece {
            let directory = Arc::clone(&self.0);
            spawn_blocking(move || {
                piece(&mut directory.lock().unwrap_or_else(PoisonError::into_inner))
            })
            .await
        }
    }

    fn piece(directory: &mut Dir) -> Piece {
        let mut piece = Piece::default();
        let mut bytes = 0;
        while bytes < LISTING_BYTES {
            let entry = match directory.read() {
                Some(Ok(entry)) if [c".", c".."].contains(&entry.file_name()) => continue,
                Some(Ok(entry)) => named(directory, &entry),
                Some(Err(error)) => Err(std::io::Error::from(error).into()),
                None => {
                    piece.is_last = true;
                    break;
                }
            };
            let name = entry.as_ref().map_or(0, |entry| entry.name.len());
            bytes += size_of::<Entry>() + name;
            piece.entries.push_back(entry);
        }
        piece
    }

    fn named(directory: &Dir, entry: &DirEntry) -> Entry {
        let name = entry.file_name();
        let mut file_type = entry.file_type();
        // Some file systems do not return the type.
        if file_type == FileType::Unknown {
            let found = directory
                .fd()
                .and_then(|directory| statat(directory, name, AtFlags::SYMLINK_NOFOLLOW))
                .map_err(std::io::Error::from)?;
            file_type = FileType::from_raw_mode(found.st_mode);
        }
        let Ok(name) = name.to_str() else {
            return Err(FileError::IllegalByteSequence);
        };
        Ok(DirectoryEntry {
            type_: descriptor_type(file_type),
            name: name.to_owned(),
        })
    }

    /// Converts the type.
    fn descriptor_type(file_type: FileType) -> DescriptorType {
        match file_type {
            FileType::RegularFile => DescriptorType::RegularFile,
            FileType::Directory => DescriptorType::Directory,
            FileType::Symlink => DescriptorType::SymbolicLink,
            FileType::CharacterDevice => DescriptorType::CharacterDevice,
            FileType::BlockDevice => DescriptorType::BlockDevice,
            FileType::Fifo | FileType::Socket | FileType::Unknown => DescriptorType::Unknown,
        }
    }
}

#[cfg(not(unix))]
mod whole {
    use wasmtime_wasi::p2::ReaddirIterator;
    use wasmtime_wasi::p2::bindings::filesystem::types::HostDescriptor as _;

    use super::*;

    /// Holds all entries.
    pub(super) struct Reader(Option<ReaddirIterator>);

    impl std::fmt::Debug for Reader {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("Reader").finish_non_exhaustive()
        }
    }

    impl Reader {
        pub(super) async fn open(
            files: &mut WasiFilesystemCtxView<'_>,
            directory: Resource<Descriptor>,
        ) -> FsResult<Self> {
            let entries = files.read_directory(directory).await?;
            Ok(Self(Some(files.table.delete(entries)?)))
        }

        pub(super) async fn read(&mut self) -> Piece {
            let entries = self.0.take().into_iter().flatten();
            let passed = entries
                .map(|entry| entry.map_err(|error| error.downcast().unwrap_or(FileError::Io)));
            Piece {
                entries: passed.collect(),
                is_last: true,
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use wasmtime_wasi::filesystem::{Dir, OpenMode, WasiFilesystemCtx};
    use wasmtime_wasi::runtime::in_tokio;
    use wasmtime_wasi::{FsPerms, p2};

    use super::*;

    /// Calls a function with a table that holds a directory.
    fn with<R>(
        path: &std::path::Path,
        test: impl AsyncFnOnce(&mut WasiFilesystemCtxView<'_>, Resource<Descriptor>) -> R,
    ) -> R {
        let mut table = ResourceTable::new();
        let mut ctx = WasiFilesystemCtx::default();
        let opened = std::fs::File::open(path).expect("a directory");
        let directory = Dir::new(opened, FsPerms::ReadOnly, OpenMode::READ, false);
        let directory = table.push(Descriptor::Dir(directory)).expect("few entries");
        let mut files = WasiFilesystemCtxView {
            ctx: &mut ctx,
            table: &mut table,
        };
        in_tokio(test(&mut files, directory))
    }

    fn same_handle<T: 'static>(resource: &Resource<T>) -> Resource<T> {
        Resource::new_borrow(resource.rep())
    }

    #[test]
    fn large_listing_is_complete_and_holds_few_entries() {
        let folder = tempfile::tempdir().unwrap();
        let name = |index| format!("{index:04}{}", "x".repeat(200));
        for index in 0..2_000 {
            std::fs::write(folder.path().join(name(index)), "").unwrap();
        }
        with(folder.path(), async |files, directory| {
            let bounds = Bounds::default();
            let listing = Listing::open(&bounds, files, directory).await.unwrap();
            let mut found = Vec::new();
            loop {
                let held = files.table.get(&listing).unwrap();
                let held = held.ready.iter().map(|entry| {
                    size_of::<Entry>() + entry.as_ref().map_or(0, |entry| entry.name.len())
                });
                assert!(held.sum::<usize>() <= LISTING_BYTES + 512);
                match Listing::next(files.table, same_handle(&listing))
                    .await
                    .unwrap()
                {
                    Some(entry) => found.push(entry.name),
                    None => break,
                }
            }
            found.sort_unstable();
            assert_eq!(found, (0..2_000).map(name).collect::<Vec<_>>());
            // After the end, further calls return the end again.
            let end = Listing::next(files.table, same_handle(&listing))
                .await
                .unwrap();
            assert!(end.is_none());
            Listing::close(files.table, listing).unwrap();
        });
    }

    #[test]
    fn entries_have_the_types_of_wasmtime_wasi() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        std::fs::write(path.join("file"), "").unwrap();
        std::fs::create_dir(path.join("directory")).unwrap();
        std::os::unix::fs::symlink("nowhere", path.join("link")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(path.join("socket")).unwrap());
        let illegal = std::ffi::OsStr::from_bytes(b"\xff");
        std::fs::write(path.join(illegal), "").unwrap();
        with(path, async |files, directory| {
            use p2::bindings::filesystem::types::{HostDescriptor, HostDirectoryEntryStream};
            let theirs = HostDescriptor::read_directory(files, same_handle(&directory));
            let theirs = theirs.await.unwrap();
            let bounds = Bounds::default();
            let ours = Listing::open(&bounds, files, directory).await.unwrap();
            let text = |entry: FsResult<Option<DirectoryEntry>>| match entry {
                Ok(entry) => entry.map(|entry| format!("{entry:?}")),
                Err(error) => Some(format!("{:?}", error.downcast().unwrap())),
            };
            let (mut one, mut other) = (Vec::new(), Vec::new());
            for _ in 0..=5 {
                let entry = files.read_directory_entry(same_handle(&theirs)).await;
                one.extend(text(entry));
                let entry = Listing::next(files.table, same_handle(&ours)).await;
                other.extend(text(entry));
            }
            one.sort_unstable();
            other.sort_unstable();
            assert_eq!(one.len(), 5);
            assert_eq!(one, other);
            HostDirectoryEntryStream::drop(files, theirs).unwrap();
        });
    }

    #[test]
    fn file_is_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        with(folder.path(), async |files, directory| {
            files.table.delete(directory).unwrap();
            let opened = std::fs::File::open(&path).unwrap();
            let file = wasmtime_wasi::filesystem::File::new(
                opened,
                FsPerms::ReadOnly,
                OpenMode::READ,
                false,
            );
            let file = files.table.push(Descriptor::File(file)).unwrap();
            let refused = Listing::open(&Bounds::default(), files, file).await;
            let refused = refused.unwrap_err();
            assert_eq!(refused.downcast_ref(), Some(&FileError::NotDirectory));
        });
    }
}
