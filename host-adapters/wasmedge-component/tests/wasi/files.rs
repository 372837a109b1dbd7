//! `wasi:filesystem`.

use std::fs;
use std::os::unix::fs::symlink;

use crate::common::{Ended, run};
use component_wasi::FsPerms;

/// Runs the guest with a directory, once with file operations in the background, and once on the
/// guest's thread.
fn run_in(
    directory: impl Fn() -> tempfile::TempDir,
    args: &[&str],
    perms: FsPerms,
) -> Vec<(tempfile::TempDir, Ended)> {
    let run = |here| {
        let directory = directory();
        let data = directory.path().join("data");
        let ended = run("files", args, |ctx| {
            ctx.preopened_dir(&data, "/data", perms)
                .expect("the directory can be opened");
            ctx.allow_blocking_current_thread(here);
        });
        (directory, ended)
    };
    [false, true].map(run).into()
}

fn empty() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a folder is made");
    fs::create_dir(directory.path().join("data")).expect("a folder is made");
    directory
}

#[test]
fn files_are_made_read_written_and_removed() {
    for (directory, ended) in run_in(empty, &["use"], FsPerms::ReadWrite) {
        ended.output();
        let data = directory.path().join("data");
        let mut names: Vec<_> = fs::read_dir(&data)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["c.txt", "d.txt", "large"]);
        assert_eq!(
            fs::read_to_string(data.join("d.txt")).unwrap(),
            "one\nTWO\n"
        );
    }
}

#[test]
fn directories_are_made_listed_and_removed() {
    for (_, ended) in run_in(empty, &["directories"], FsPerms::ReadWrite) {
        ended.output();
    }
}

#[test]
fn symbolic_links_are_made_and_followed() {
    for (_, ended) in run_in(empty, &["links"], FsPerms::ReadWrite) {
        ended.output();
    }
}

#[test]
fn read_only_directories_are_not_written() {
    let directory = || {
        let directory = empty();
        fs::write(directory.path().join("data/there"), "content").unwrap();
        directory
    };
    for (_, ended) in run_in(directory, &["read-only"], FsPerms::ReadOnly) {
        ended.output();
    }
}

#[test]
fn paths_outside_are_not_reachable() {
    let directory = || {
        let directory = empty();
        fs::write(directory.path().join("secret"), "secret").unwrap();
        fs::create_dir(directory.path().join("data/dir")).unwrap();
        symlink("..", directory.path().join("data/out")).unwrap();
        symlink(
            directory.path().join("secret"),
            directory.path().join("data/absolute"),
        )
        .unwrap();
        directory
    };
    for (directory, ended) in run_in(directory, &["escape"], FsPerms::ReadWrite) {
        let lines: Vec<_> = ended.output().lines().collect();
        assert_eq!(lines.len(), 7);
        assert!(
            lines.iter().all(|line| line.contains("Err(")),
            "{}",
            ended.stdout
        );
        assert!(!directory.path().join("new").exists());
    }
}
