use super::*;
use crate::{FileError, Format};
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use tempfile::TempDir;

fn private() -> (TempDir, Cache) {
    let home = tempfile::tempdir().expect("a folder");
    let cache = Cache::open(home.path().join("a/cache")).expect("a cache");
    (home, cache)
}

fn key(of: &str) -> Key {
    Key::new([of.as_bytes()])
}

fn found(cache: &Cache, of: &str) -> Option<Vec<u8>> {
    cache.find(&key(of)).map(|code| code.bytes().to_vec())
}

fn names(cache: &Cache) -> Vec<String> {
    let entries = cache.folder().read_dir().expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("text")
        })
        .collect();
    names.sort();
    names
}

#[test]
fn stored_code_is_found_by_its_key_only() {
    let (_home, cache) = private();
    assert_eq!(found(&cache, "a"), None);
    cache.store(&key("a"), b"code of a").expect("stored");
    cache.store(&key("b"), b"").expect("stored");
    assert_eq!(found(&cache, "a").as_deref(), Some(&b"code of a"[..]));
    assert_eq!(found(&cache, "b").as_deref(), Some(&b""[..]));
    assert_eq!(found(&cache, "c"), None);
    cache.store(&key("a"), b"other code").expect("stored");
    assert_eq!(found(&cache, "a").as_deref(), Some(&b"other code"[..]));
    assert_eq!(names(&cache).len(), 2, "no drafts are left");
    for name in names(&cache) {
        let mode = cache.folder().join(name).metadata().unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
    }
    let mode = cache.folder().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn boundaries_of_key_parts_count() {
    let of = |parts: &[&[u8]]| Key::new(parts.iter().copied());
    assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
    assert_ne!(of(&[b"ab"]), of(&[b"ab", b""]));
    assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
}

#[test]
fn damaged_files_are_not_found_and_are_replaced() {
    let (_home, cache) = private();
    let code: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    cache.store(&key("a"), &code).expect("stored");
    let file = cache.entry(&key("a"));
    let whole = fs::read(&file).expect("a file");

    for length in [
        0,
        1,
        8,
        12,
        40,
        79,
        80,
        100,
        200,
        whole.len() / 2,
        whole.len() - 1,
    ] {
        fs::write(&file, &whole[..length]).expect("a file");
        assert_eq!(found(&cache, "a"), None, "cut off at {length}");
    }
    for at in (0..300).chain((300..whole.len()).step_by(501)) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(&file, damaged).expect("a file");
        assert_eq!(found(&cache, "a"), None, "changed at {at}");
    }
    fs::write(&file, [&whole[..], b"more"].concat()).expect("a file");
    assert_eq!(found(&cache, "a"), None, "with extra bytes at the end");
    fs::write(&file, vec![0; whole.len()]).expect("a file");
    assert_eq!(found(&cache, "a"), None, "zeros, as after a crash");

    cache.store(&key("a"), &code).expect("stored");
    assert_eq!(found(&cache, "a"), Some(code));
}

#[test]
fn every_changed_bit_is_detected() {
    let (home, cache) = private();
    let code: Vec<u8> = (0..=255).collect();
    cache.store(&key("a"), &code).expect("stored");
    let entry = cache.entry(&key("a"));
    // A user's own file, of which one part is not read.
    let path = home.path().join("app.cwasm");
    let contents = Contents {
        about: [("engine".to_owned(), "none".to_owned())].into(),
        parts: vec![("first".to_owned(), &code), ("second".to_owned(), b"more")],
    };
    let digest = CompiledFile::write(&path, &contents).expect("written");
    cache.record(&digest).expect("recorded");
    let accepted = |path: &Path| {
        let file = CompiledFile::open(path).ok()?;
        let file = cache.recognise(file).ok()?;
        file.file().check().ok()
    };
    assert!(accepted(&path).is_some());
    for path in [&entry, &path] {
        let mut bytes = fs::read(path).expect("a file");
        for bit in 0..8 * bytes.len() {
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(path, &bytes).expect("a file");
            assert_eq!(found(&cache, "a").is_some(), *path != entry, "bit {bit}");
            if *path != entry {
                assert!(accepted(path).is_none(), "bit {bit}");
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for length in 0..bytes.len() {
            fs::write(path, &bytes[..length]).expect("a file");
            assert_eq!(
                found(&cache, "a").is_some(),
                *path != entry,
                "{length} bytes"
            );
            if *path != entry {
                assert!(accepted(path).is_none(), "{length} bytes");
            }
        }
        fs::write(path, &bytes).expect("a file");
    }
    assert_eq!(found(&cache, "a"), Some(code));
    assert!(accepted(&path).is_some());
}

#[test]
fn code_of_another_key_is_not_found() {
    let (_home, cache) = private();
    cache.store(&key("a"), b"code of a").expect("stored");
    fs::rename(cache.entry(&key("a")), cache.entry(&key("b"))).expect("renamed");
    assert_eq!(found(&cache, "b"), None);
}

#[test]
fn files_that_others_can_write_to_are_not_found() {
    let (home, cache) = private();
    cache.store(&key("a"), b"code").expect("stored");
    let file = cache.entry(&key("a"));
    for mode in [0o602, 0o620, 0o666] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
        assert_eq!(found(&cache, "a"), None, "{mode:o}");
    }
    for mode in [0o400, 0o644] {
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
        assert!(found(&cache, "a").is_some(), "{mode:o}");
    }
    // Nor is a file found through a symbolic link, whose target may be anywhere.
    let elsewhere = home.path().join("elsewhere");
    fs::rename(&file, &elsewhere).expect("renamed");
    symlink(&elsewhere, &file).expect("a link");
    assert_eq!(found(&cache, "a"), None);
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let (home, cache) = private();
    for mode in [0o777, 0o770, 0o1777, 0o702] {
        fs::set_permissions(cache.folder(), Permissions::from_mode(mode)).expect("a mode");
        let refused = Cache::open(cache.folder()).expect_err("refused");
        assert!(matches!(refused, CacheError::Untrusted { .. }), "{refused}");
        assert!(refused.to_string().contains("chmod 700"), "{refused}");
    }
    fs::set_permissions(cache.folder(), Permissions::from_mode(0o755)).expect("a mode");
    assert!(Cache::open(cache.folder()).is_ok());
    let link = home.path().join("link");
    symlink(cache.folder(), &link).expect("a link");
    for other in [link, home.path().join("file")] {
        if !other.exists() {
            fs::write(&other, "").expect("a file");
        }
        let refused = Cache::open(&other).expect_err("refused");
        assert!(matches!(refused, CacheError::Untrusted { .. }), "{refused}");
    }
}

#[test]
fn concurrent_writers_leave_one_complete_file() {
    let (_home, cache) = private();
    std::thread::scope(|scope| {
        for writer in 0..8u8 {
            let cache = &cache;
            scope.spawn(move || {
                for _ in 0..10 {
                    cache
                        .store(&key("a"), &vec![writer; 50_000])
                        .expect("stored");
                    let code = found(cache, "a").expect("written by one of them");
                    assert_eq!(code.len(), 50_000);
                    assert!(code.iter().all(|byte| *byte == code[0]));
                }
            });
        }
    });
    assert_eq!(names(&cache).len(), 1);
}

#[test]
fn failed_write_leaves_nothing_and_returns_the_reason() {
    let (_home, cache) = private();
    cache.store(&key("a"), b"code").expect("stored");
    // A folder in place of the file, so that the rename fails.
    fs::create_dir_all(cache.entry(&key("b")).join("in the way")).expect("a folder");
    let before = names(&cache);
    let refused = cache.store(&key("b"), b"code").expect_err("refused");
    assert!(refused.to_string().contains("directory"), "{refused}");
    assert_eq!(names(&cache), before);
    assert_eq!(found(&cache, "b"), None);
    fs::remove_dir_all(cache.folder()).expect("removed");
    let refused = cache.store(&key("a"), b"code").expect_err("no folder");
    assert!(!refused.to_string().contains(".draft"), "{refused}");
}

#[test]
fn only_recorded_files_are_recognised() {
    let (home, cache) = private();
    let path = home.path().join("app.cwasm");
    let write = |code: &[u8]| {
        let contents = Contents {
            about: [("engine".to_owned(), "none".to_owned())].into(),
            parts: vec![("first".to_owned(), code), ("second".to_owned(), b"more")],
        };
        CompiledFile::write(&path, &contents).expect("written")
    };
    let open = || CompiledFile::open(&path).expect("a file");
    let digest = write(b"code");
    let Err(file) = cache.recognise(open()) else {
        panic!("there is no record")
    };
    assert_eq!(file.about("engine"), Some("none"));
    assert_eq!(file.about("other"), None);
    cache.record(&digest).expect("recorded");
    let Ok(trusted) = cache.recognise(file) else {
        panic!("there is a record")
    };
    let part = |name| {
        trusted
            .part(name)
            .expect("whole")
            .map(|part| part.bytes().to_vec())
    };
    assert_eq!(part("first").as_deref(), Some(&b"code"[..]));
    assert_eq!(part("second").as_deref(), Some(&b"more"[..]));
    assert_eq!(part("third"), None);
    // Another file under that name.
    write(b"other code");
    assert!(cache.recognise(open()).is_err());
    // A record that others can write to.
    write(b"code");
    assert!(cache.recognise(open()).is_ok());
    fs::set_permissions(cache.made(&digest), Permissions::from_mode(0o666)).expect("a mode");
    assert!(cache.recognise(open()).is_err());
}

#[test]
fn errors_describe_the_damage() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("app.cwasm");
    let contents = Contents {
        about: [("engine".to_owned(), "none".to_owned())].into(),
        parts: vec![("code".to_owned(), b"0123456789")],
    };
    CompiledFile::write(&path, &contents).expect("written");
    let whole = fs::read(&path).expect("a file");
    assert_eq!(Format::of(&whole), Format::Compiled);
    let error = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("a file");
        let file = CompiledFile::open(&path);
        let error = file.and_then(|file| file.part("code").map(drop));
        error.expect_err("it is wrong").to_string()
    };
    let last = whole.len() - 1;
    for length in [8, 11, 12, 50, 80, 90, last] {
        let message = error(&whole[..length]);
        assert!(
            message.starts_with("it is truncated: "),
            "{length}: {message}"
        );
    }
    for at in [16, 70, 85, last] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        let message = error(&bytes);
        assert!(message.starts_with("it was changed "), "{at}: {message}");
    }
    let mut newer = whole.clone();
    newer[8] = 2;
    assert!(error(&newer).starts_with("it has version 2 of the format"));
    assert_eq!(error(b"\0asm"), "it is not a file with compiled code");
    assert_eq!(error(b""), "it is not a file with compiled code");
    let missing = CompiledFile::open(&home.path().join("none")).expect_err("nothing there");
    assert!(matches!(missing, FileError::Io(_)), "{missing}");

    // A part that is not read.
    let contents = Contents {
        parts: vec![
            ("other".to_owned(), b"0123456789"),
            ("code".to_owned(), b"0123456789"),
        ],
        ..contents
    };
    CompiledFile::write(&path, &contents).expect("written");
    let mut bytes = fs::read(&path).expect("a file");
    let opened = CompiledFile::open(&path).expect("whole");
    opened.check().expect("as it was written");
    let other_part = bytes.len() - 15;
    bytes[other_part] ^= 1;
    fs::write(&path, &bytes).expect("a file");
    let opened = CompiledFile::open(&path).expect("its header is whole");
    opened.part("code").expect("it is whole");
    assert!(matches!(opened.check(), Err(FileError::Changed)));

    // A part that changes after the file was opened.
    fs::write(&path, &whole).expect("a file");
    let opened = CompiledFile::open(&path).expect("whole");
    let other = OpenOptions::new().write(true).open(&path).expect("a file");
    other.set_len(last as u64).expect("cut off");
    assert!(matches!(opened.part("code"), Err(FileError::Changed)));
}
