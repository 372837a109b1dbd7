//! All operations on files.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map_or("", String::as_str) {
        "use" => use_files(),
        "directories" => use_directories(),
        "links" => use_links(),
        "read-only" => read_only(),
        "escape" => escape(),
        "read" => {
            let mut byte = [0];
            let mut file = File::open(&args[1]).unwrap();
            println!("{:?}", file.read(&mut byte));
        }
        other => panic!("no `{other}`"),
    }
}

fn use_files() {
    let mut file = File::create("/data/a.txt").unwrap();
    file.write_all(b"one\ntwo\n").unwrap();
    file.sync_all().unwrap();
    drop(file);
    assert_eq!(fs::read_to_string("/data/a.txt").unwrap(), "one\ntwo\n");
    assert_eq!(fs::read_to_string("data/a.txt").unwrap(), "one\ntwo\n");

    let mut file = OpenOptions::new().append(true).open("/data/a.txt").unwrap();
    file.write_all(b"three\n").unwrap();
    drop(file);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/data/a.txt")
        .unwrap();
    assert_eq!(file.seek(SeekFrom::End(-6)).unwrap(), 8);
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "three\n");
    file.seek(SeekFrom::Start(4)).unwrap();
    file.write_all(b"TWO").unwrap();
    file.set_len(8).unwrap();
    let stat = file.metadata().unwrap();
    assert!(stat.is_file() && stat.len() == 8);
    assert!(stat.modified().unwrap() >= stat.created().unwrap_or(stat.modified().unwrap()));
    drop(file);
    assert_eq!(fs::read_to_string("/data/a.txt").unwrap(), "one\nTWO\n");

    assert_eq!(
        File::create_new("/data/a.txt").unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        File::open("/data/b.txt").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    fs::rename("/data/a.txt", "/data/b.txt").unwrap();
    fs::copy("/data/b.txt", "/data/c.txt").unwrap();
    fs::hard_link("/data/b.txt", "/data/d.txt").unwrap();
    fs::remove_file("/data/b.txt").unwrap();
    assert!(!fs::exists("/data/b.txt").unwrap());

    let large = vec![7; 300_000];
    fs::write("/data/large", &large).unwrap();
    assert_eq!(fs::read("/data/large").unwrap(), large);
}

fn use_directories() {
    fs::create_dir("/data/dir").unwrap();
    fs::create_dir_all("/data/dir/deep/deeper").unwrap();
    fs::write("/data/dir/file", "x").unwrap();
    let mut entries: Vec<_> = fs::read_dir("/data/dir")
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            (
                entry.file_name().into_string().unwrap(),
                entry.file_type().unwrap().is_dir(),
            )
        })
        .collect();
    entries.sort();
    assert_eq!(
        entries,
        [("deep".to_owned(), true), ("file".to_owned(), false)]
    );
    assert!(fs::metadata("/data/dir").unwrap().is_dir());
    const ENOTEMPTY: i32 = 55;
    assert_eq!(
        fs::remove_dir("/data/dir").unwrap_err().raw_os_error(),
        Some(ENOTEMPTY)
    );
    assert_eq!(
        File::open("/data/dir/file/x").unwrap_err().kind(),
        ErrorKind::NotADirectory
    );
    fs::remove_dir("/data/dir/deep/deeper").unwrap();
    fs::rename("/data/dir/deep", "/data/moved").unwrap();
    fs::remove_dir_all("/data/dir").unwrap();
    let left: Vec<_> = fs::read_dir("/data")
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["moved"]);
}

unsafe extern "C" {
    safe fn symlink(target: *const u8, link: *const u8) -> i32;
}

fn use_links() {
    fs::write("/data/file", "linked").unwrap();
    assert_eq!(
        symlink(c"file".as_ptr().cast(), c"/data/link".as_ptr().cast()),
        0
    );
    assert_eq!(fs::read_to_string("/data/link").unwrap(), "linked");
    assert_eq!(fs::read_link("/data/link").unwrap().to_str(), Some("file"));
    assert!(fs::symlink_metadata("/data/link").unwrap().is_symlink());
    assert!(fs::metadata("/data/link").unwrap().is_file());
    fs::remove_file("/data/link").unwrap();
    assert!(fs::exists("/data/file").unwrap());
}

fn read_only() {
    assert_eq!(fs::read_to_string("/data/there").unwrap(), "content");
    let refused = |result: std::io::Result<()>| {
        let kind = result.unwrap_err().kind();
        assert!(
            matches!(
                kind,
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
            ),
            "{kind:?}"
        );
    };
    refused(File::create("/data/new").map(drop));
    refused(OpenOptions::new().write(true).open("/data/there").map(drop));
    refused(fs::remove_file("/data/there"));
    refused(fs::create_dir("/data/dir"));
    refused(fs::rename("/data/there", "/data/moved"));
    assert_eq!(fs::read_dir("/data").unwrap().count(), 1);
}

fn escape() {
    for path in [
        "/data/../secret",
        "/secret",
        "../secret",
        "/data/dir/../../secret",
        "/data/out/secret",
        "/data/absolute",
    ] {
        println!(
            "{path}: {:?}",
            fs::read_to_string(path).map_err(|error| error.kind())
        );
    }
    println!(
        "{:?}",
        fs::write("/data/../new", "x").map_err(|error| error.kind())
    );
}
