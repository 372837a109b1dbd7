//! Scratch folders for compilers, which are removed however the compiler ends.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

/// The prefix of the folders' names.
const PREFIX: &str = "wasmedge-compile-";

/// A file in the folder that is locked while a process uses it.
const LOCK: &str = "in-use";

/// The age below which a folder without a lock may be new.
const MIN_AGE: Duration = Duration::from_secs(60);

/// A private folder in the system's temporary folder. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: TempDir,
    _lock: File,
}

impl Scratch {
    /// Creates a folder. The first call in a process also removes folders that killed processes of
    /// this user have left.
    pub(crate) fn new() -> io::Result<Self> {
        static CLEANUP: Once = Once::new();
        CLEANUP.call_once(|| remove_abandoned(&std::env::temp_dir()));
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir()?;
        let lock = File::create(folder.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes a scratch folder. Ignores any other folder.
pub(crate) fn remove(folder: &Path) {
    if !is_scratch(folder) {
        return;
    }
    // A compiler that is still running may add a file meanwhile.
    for _ in 0..3 {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            _ => return,
        }
    }
}

fn is_scratch(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    is_folder && name.is_some_and(|name| name.starts_with(PREFIX)) && folder.join(LOCK).is_file()
}

fn remove_abandoned(temporary: &Path) {
    let Ok(entries) = fs::read_dir(temporary) else {
        return;
    };
    for folder in entries.flatten().map(|entry| entry.path()) {
        if is_scratch(&folder) && is_abandoned(&folder).unwrap_or(false) {
            remove(&folder);
        }
    }
}

/// Returns whether no process uses a folder. A folder of another user cannot be opened for writing.
fn is_abandoned(folder: &PathBuf) -> io::Result<bool> {
    let made = fs::symlink_metadata(folder)?.modified()?;
    let age = SystemTime::now().duration_since(made).unwrap_or_default();
    let lock = File::options().write(true).open(folder.join(LOCK))?;
    Ok(age > MIN_AGE && lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_folders_are_removed_and_others_are_not() {
        let home = tempfile::tempdir().unwrap();
        let make = |name: &str, locked: bool| {
            let folder = home.path().join(name);
            fs::create_dir(&folder).unwrap();
            let lock = File::create(folder.join(LOCK)).unwrap();
            if locked {
                lock.lock().unwrap();
            }
            fs::write(folder.join("large"), [0; 100]).unwrap();
            let old = SystemTime::now() - MIN_AGE * 2;
            File::open(&folder).unwrap().set_modified(old).unwrap();
            (folder, lock)
        };
        let (used, _lock) = make("wasmedge-compile-used", true);
        let (abandoned, lock) = make("wasmedge-compile-abandoned", false);
        drop(lock);
        let (other, lock) = make("something-else", false);
        drop(lock);
        let (unmarked, lock) = make("wasmedge-compile-unmarked", false);
        drop(lock);
        fs::remove_file(unmarked.join(LOCK)).unwrap();
        let old = SystemTime::now() - MIN_AGE * 2;
        File::open(&unmarked).unwrap().set_modified(old).unwrap();
        let (new, lock) = make("wasmedge-compile-new", false);
        drop(lock);
        File::open(&new)
            .unwrap()
            .set_modified(SystemTime::now())
            .unwrap();
        remove_abandoned(home.path());
        assert!(!abandoned.exists());
        for kept in [used, other, unmarked, new] {
            assert!(kept.exists(), "{}", kept.display());
        }
        remove_abandoned(&home.path().join("none"));
    }

    #[test]
    fn a_folder_is_private_and_removed_on_drop() {
        let scratch = Scratch::new().unwrap();
        let folder = scratch.path().to_owned();
        assert!(is_scratch(&folder));
        assert!(!is_abandoned(&folder).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        drop(scratch);
        assert!(!folder.exists());
    }
}
