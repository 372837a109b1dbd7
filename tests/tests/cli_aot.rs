//! `--aot`: where compiled code is kept, that it is used again, and that no other user's is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use wasmscope_test_support::Output;
use wasmscope_tests::home::{Home, files};
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    the_second_run_compiles_nothing_and_does_the_same,
    code_that_is_damaged_is_compiled_again,
    code_that_others_can_write_to_is_compiled_again,
    runs_at_once_leave_whole_files,
    the_folder_is_the_users_unless_another_is_given,
    without_a_home_a_folder_has_to_be_given,
    a_folder_that_others_can_write_to_is_refused_with_what_to_do,
    a_folder_that_cannot_be_one_is_refused,
    what_is_there_is_taken_from_a_folder_that_cannot_be_written_to,
    a_folder_that_cannot_be_written_to_stops_nothing,
    a_folder_that_cannot_be_made_stops_nothing,
    a_full_disk_stops_nothing,
    a_folder_without_aot_is_a_mistake,
    what_is_no_component_is_refused_as_without_aot,
}

/// How the line begins that says that something is compiled, which takes its time.
fn compiling(runtime: Runtime) -> &'static str {
    match runtime.name {
        "wasmtime" => "wasmscope: compiling for Wasmtime, once, into ",
        _ => "wasmscope: compiling for WasmEdge, once, into ",
    }
}

/// Where it was compiled into, if it was.
fn compiled_into(runtime: Runtime, output: &Output) -> Vec<PathBuf> {
    let lines = output.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix(compiling(runtime)))
        .map(PathBuf::from)
        .collect()
}

#[track_caller]
fn says(output: &Output, words: &[&str]) {
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
}

fn the_second_run_compiles_nothing_and_does_the_same(runtime: Runtime) {
    let home = Home::new();
    let run = || {
        home.run(runtime, &["--aot", "--aot-cache", "compiled"])
            .arg(guest("ordinary"))
            .args(["much", "3"])
            .run()
            .expect_code(0)
    };
    let (first, second) = (run(), run());
    let folder = home.path("compiled").canonicalize().expect("a folder");
    assert_eq!(
        compiled_into(runtime, &first),
        std::slice::from_ref(&folder),
        "{first}"
    );
    assert_eq!(second.stderr, "", "{second}");
    assert_eq!(first.stdout(), second.stdout());
    assert_eq!(first.stdout().lines().count(), 3, "{first}");

    // What is there was compiled of this program and for these options: others find nothing in it.
    let before = files(&folder).len();
    let metered = home
        .run(
            runtime,
            &["--aot", "--aot-cache", "compiled", "--fuel", "100000000"],
        )
        .arg(guest("ordinary"))
        .args(["much", "3"])
        .run()
        .expect_code(0);
    assert_eq!(
        compiled_into(runtime, &metered),
        std::slice::from_ref(&folder),
        "{metered}"
    );
    assert_eq!(files(&folder).len(), 2 * before);
}

fn code_that_is_damaged_is_compiled_again(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let run = || {
        home.run(runtime, &["--aot", "--aot-cache", "compiled"])
            .arg(&idle)
            .run()
            .expect_code(0)
    };
    let _ = run();
    let file = files(&home.path("compiled")).remove(0);
    let whole = std::fs::read(&file).expect("a file");
    let middle = whole.len() / 2;
    let mut changed = whole.clone();
    changed[middle] ^= 1;
    for damaged in [b"damaged", &whole[..middle], &whole[..100], &changed, b""] {
        std::fs::write(&file, damaged).expect("a file");
        let again = run();
        assert_eq!(compiled_into(runtime, &again).len(), 1, "{again}");
        assert_eq!(run().stderr, "");
    }
    assert_eq!(files(&home.path("compiled")).len(), 1);
}

fn code_that_others_can_write_to_is_compiled_again(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let run = || {
        home.run(runtime, &["--aot", "--aot-cache", "compiled"])
            .arg(&idle)
            .run()
            .expect_code(0)
    };
    let _ = run();
    for file in files(&home.path("compiled")) {
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666))
            .expect("a folder of the test's own");
    }
    assert_eq!(compiled_into(runtime, &run()).len(), 1);
    assert_eq!(compiled_into(runtime, &run()).len(), 0);
}

fn runs_at_once_leave_whole_files(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let run = || {
        home.run(runtime, &["--aot", "--aot-cache", "compiled"])
            .arg(&idle)
    };
    let running: Vec<_> = (0..6).map(|_| run().spawn()).collect();
    for program in running {
        program.finish().expect_code(0);
    }
    assert_eq!(files(&home.path("compiled")).len(), 1);
    assert_eq!(run().run().expect_code(0).stderr, "");
}

fn the_folder_is_the_users_unless_another_is_given(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let run = |variables: &[(&str, PathBuf)]| {
        let output = home
            .run(runtime, &["--aot"])
            .arg(&idle)
            .envs(variables.iter().cloned())
            .run()
            .expect_code(0);
        let folders = compiled_into(runtime, &output);
        assert_eq!(folders.len(), 1, "{output}");
        folders[0].clone()
    };
    let cache = home.path("cache");
    let folder = run(&[("XDG_CACHE_HOME", cache.clone())]);
    assert_eq!(
        folder,
        cache
            .join("wasmscope/aot")
            .canonicalize()
            .expect("a folder of the test's own")
    );
    let mode = folder
        .metadata()
        .expect("a folder of the test's own")
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o700, "nobody else's to write or read");
    assert!(!files(&folder).is_empty());

    let expected = |folder: &Path| {
        let default = home.path("home/.cache/wasmscope/aot");
        assert_eq!(
            folder,
            default.canonicalize().expect("a folder of the test's own")
        );
        std::fs::remove_dir_all(default).expect("a folder of the test's own");
    };
    expected(&run(&[]));
    // The specification says to ignore what is not absolute.
    expected(&run(&[("XDG_CACHE_HOME", "relative".into())]));
}

fn without_a_home_a_folder_has_to_be_given(runtime: Runtime) {
    let home = Home::new();
    let output = home
        .run(runtime, &["--aot"])
        .arg(home.idle())
        .env("HOME", "")
        .run()
        .expect_code(2);
    says(&output, &["error: --aot: ", "--aot-cache FOLDER"]);
}

fn a_folder_that_others_can_write_to_is_refused_with_what_to_do(runtime: Runtime) {
    let home = Home::new();
    let folder = home.path("shared");
    std::fs::create_dir(&folder).expect("a folder of the test's own");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777))
        .expect("a folder of the test's own");
    let run = || {
        home.run(runtime, &["--aot", "--aot-cache", "shared"])
            .arg(guest("ordinary"))
            .args(["much", "1"])
            .run()
    };
    let output = run().expect_code(2);
    assert_eq!(output.stdout(), "", "{output}");
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
    says(
        &output,
        &[
            "error: --aot-cache: ",
            "shared",
            "others can write to it",
            "chmod 700",
        ],
    );
    assert!(files(&folder).is_empty());

    // And what it says helps.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
        .expect("a folder of the test's own");
    let output = run().expect_code(0);
    assert_eq!(output.stdout().lines().count(), 1, "{output}");
}

fn a_folder_that_cannot_be_one_is_refused(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let file = home.path("file");
    std::fs::write(&file, "").expect("a folder of the test's own");
    for (folder, words) in [
        (file.clone(), "it is not a folder"),
        (file.join("within"), "cannot be used"),
    ] {
        let output = home
            .run(runtime, &["--aot", "--aot-cache"])
            .arg(&folder)
            .arg(&idle)
            .run()
            .expect_code(2);
        says(
            &output,
            &["error: --aot-cache: ", &folder.display().to_string(), words],
        );
    }
}

/// As in an image that was made with what it runs.
fn what_is_there_is_taken_from_a_folder_that_cannot_be_written_to(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let options = &["--aot", "--aot-cache", "compiled"];
    home.run(runtime, options).arg(&idle).run().expect_code(0);
    let folder = home.path("compiled");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500))
        .expect("a folder of the test's own");
    let output = home.bound_run(runtime, options).arg(&idle).run();
    assert_eq!(output.expect_code(0).stderr, "");
}

fn a_folder_that_cannot_be_written_to_stops_nothing(runtime: Runtime) {
    let home = Home::new();
    let folder = home.path("compiled");
    std::fs::create_dir(&folder).expect("a folder of the test's own");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500))
        .expect("a folder of the test's own");
    let output = home
        .bound_run(runtime, &["--aot", "--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(0);
    keeps_nothing(&output, &folder, "cannot be written to: permission denied");
    assert!(files(&folder).is_empty());
}

fn a_folder_that_cannot_be_made_stops_nothing(runtime: Runtime) {
    let home = Home::new();
    let parent = home.path("parent");
    std::fs::create_dir(&parent).expect("a folder of the test's own");
    std::fs::set_permissions(&parent, std::fs::Permissions::from_mode(0o500))
        .expect("a folder of the test's own");
    let output = home
        .bound_run(runtime, &["--aot", "--aot-cache", "parent/compiled"])
        .arg(home.idle())
        .run()
        .expect_code(0);
    keeps_nothing(
        &output,
        Path::new("parent/compiled"),
        "cannot be made: Permission denied",
    );
}

fn a_full_disk_stops_nothing(runtime: Runtime) {
    let home = Home::new();
    // WasmEdge's compiler needs a file of its own, which has to fit.
    let space = if runtime.name == "wasmtime" { 4 } else { 0 };
    let output = home
        .with_little_space(space)
        .arg("run")
        .args(runtime.options)
        .args(["--aot", "--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(0);
    says(&output, &["wasmscope: warning: "]);
    assert!(files(&home.path("compiled")).is_empty(), "not half of it");
}

#[track_caller]
fn keeps_nothing(output: &Output, folder: &Path, why: &str) {
    let folder = folder.display().to_string();
    says(
        output,
        &[
            "wasmscope: warning: --aot keeps nothing: the cache folder ",
            &folder,
            why,
        ],
    );
}

fn what_is_no_component_is_refused_as_without_aot(runtime: Runtime) {
    let home = Home::new();
    // The preamble of a component, and nothing that could follow it.
    std::fs::write(home.path("odd.wasm"), b"\0asm\x0d\0\x01\0\xff\xff")
        .expect("a folder of the test's own");
    let run = |options| {
        let output = home.run(runtime, options).arg("odd.wasm").run();
        output.expect_code(2).stderr
    };
    let without = run(&[]);
    let with = run(&["--aot"]);
    let with: Vec<_> = with
        .lines()
        .filter(|line| !line.starts_with(compiling(runtime)))
        .collect();
    assert_eq!(with, without.lines().collect::<Vec<_>>());
    assert!(
        without.contains("odd.wasm is not a valid component"),
        "{without}"
    );
}

fn a_folder_without_aot_is_a_mistake(runtime: Runtime) {
    let home = Home::new();
    let output = home
        .run(runtime, &["--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(2);
    says(&output, &["error: ", "--aot"]);
    assert!(!home.path("compiled").exists());
}
