//! `--aot`: where compiled code is kept, when it is reused, and that code of other users is
//! refused.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use wasmscope_test_support::Output;
use wasmscope_tests::home::{Home, files};
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    the_second_run_compiles_nothing_and_gives_the_same_result,
    code_that_is_damaged_is_compiled_again,
    code_that_others_can_write_to_is_compiled_again,
    concurrent_runs_leave_whole_files,
    the_default_folder_is_the_users_cache,
    without_a_home_a_folder_has_to_be_given,
    a_folder_that_others_can_write_to_is_refused_with_advice,
    a_file_as_the_folder_is_refused,
    compiled_code_is_loaded_from_a_read_only_folder,
    a_read_only_folder_does_not_stop_the_run,
    a_missing_folder_that_cannot_be_made_does_not_stop_the_run,
    a_full_disk_does_not_stop_the_run,
    a_folder_without_aot_is_an_error,
    an_invalid_component_is_refused_as_without_aot,
}

/// The beginning of the message that announces a compilation.
fn compiling(runtime: Runtime) -> &'static str {
    match runtime.name {
        "wasmtime" => "wasmscope: compiling for Wasmtime, once, into ",
        _ => "wasmscope: compiling for WasmEdge, once, into ",
    }
}

/// Returns the folder of the compiled code, if the component was compiled.
fn compiled_into(runtime: Runtime, output: &Output) -> Vec<PathBuf> {
    let lines = output.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix(compiling(runtime)))
        .map(PathBuf::from)
        .collect()
}

#[track_caller]
fn assert_stderr_contains(output: &Output, words: &[&str]) {
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
}

fn the_second_run_compiles_nothing_and_gives_the_same_result(runtime: Runtime) {
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

    // The cache's key depends on the component and the options, so other runs find nothing.
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
            .expect("cannot change the test's folder");
    }
    assert_eq!(compiled_into(runtime, &run()).len(), 1);
    assert_eq!(compiled_into(runtime, &run()).len(), 0);
}

fn concurrent_runs_leave_whole_files(runtime: Runtime) {
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

fn the_default_folder_is_the_users_cache(runtime: Runtime) {
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
            .expect("cannot change the test's folder")
    );
    let mode = folder
        .metadata()
        .expect("cannot change the test's folder")
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o700, "only the user may read or write it");
    assert!(!files(&folder).is_empty());

    let expected = |folder: &Path| {
        let default = home.path("home/.cache/wasmscope/aot");
        assert_eq!(
            folder,
            default
                .canonicalize()
                .expect("cannot change the test's folder")
        );
        std::fs::remove_dir_all(default).expect("cannot change the test's folder");
    };
    expected(&run(&[]));
    // The specification requires that relative paths are ignored.
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
    assert_stderr_contains(&output, &["error: --aot: ", "--aot-cache FOLDER"]);
}

fn a_folder_that_others_can_write_to_is_refused_with_advice(runtime: Runtime) {
    let home = Home::new();
    let folder = home.path("shared");
    std::fs::create_dir(&folder).expect("cannot change the test's folder");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777))
        .expect("cannot change the test's folder");
    let run = || {
        home.run(runtime, &["--aot", "--aot-cache", "shared"])
            .arg(guest("ordinary"))
            .args(["much", "1"])
            .run()
    };
    let output = run().expect_code(2);
    assert_eq!(output.stdout(), "", "{output}");
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
    assert_stderr_contains(
        &output,
        &[
            "error: --aot-cache: ",
            "shared",
            "others can write to it",
            "chmod 700",
        ],
    );
    assert!(files(&folder).is_empty());

    // The advice works.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))
        .expect("cannot change the test's folder");
    let output = run().expect_code(0);
    assert_eq!(output.stdout().lines().count(), 1, "{output}");
}

fn a_file_as_the_folder_is_refused(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let file = home.path("file");
    std::fs::write(&file, "").expect("cannot change the test's folder");
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
        assert_stderr_contains(
            &output,
            &["error: --aot-cache: ", &folder.display().to_string(), words],
        );
    }
}

/// Like an image that was built with the compiled code.
fn compiled_code_is_loaded_from_a_read_only_folder(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    let options = &["--aot", "--aot-cache", "compiled"];
    home.run(runtime, options).arg(&idle).run().expect_code(0);
    let folder = home.path("compiled");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500))
        .expect("cannot change the test's folder");
    let output = home.bound_run(runtime, options).arg(&idle).run();
    assert_eq!(output.expect_code(0).stderr, "");
}

fn a_read_only_folder_does_not_stop_the_run(runtime: Runtime) {
    let home = Home::new();
    let folder = home.path("compiled");
    std::fs::create_dir(&folder).expect("cannot change the test's folder");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500))
        .expect("cannot change the test's folder");
    let output = home
        .bound_run(runtime, &["--aot", "--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(0);
    keeps_nothing(&output, &folder, "cannot be written to: permission denied");
    assert!(files(&folder).is_empty());
}

fn a_missing_folder_that_cannot_be_made_does_not_stop_the_run(runtime: Runtime) {
    let home = Home::new();
    let parent = home.path("parent");
    std::fs::create_dir(&parent).expect("cannot change the test's folder");
    std::fs::set_permissions(&parent, std::fs::Permissions::from_mode(0o500))
        .expect("cannot change the test's folder");
    let output = home
        .bound_run(runtime, &["--aot", "--aot-cache", "parent/compiled"])
        .arg(home.idle())
        .run()
        .expect_code(0);
    keeps_nothing(
        &output,
        Path::new("parent/compiled"),
        "cannot be created: Permission denied",
    );
}

fn a_full_disk_does_not_stop_the_run(runtime: Runtime) {
    let home = Home::new();
    // WasmEdge's compiler writes a file, which has to fit.
    let space = if runtime.name == "wasmtime" { 4 } else { 0 };
    let output = home
        .with_little_space(space)
        .arg("run")
        .args(runtime.options)
        .args(["--aot", "--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(0);
    assert_stderr_contains(&output, &["wasmscope: warning: "]);
    assert!(files(&home.path("compiled")).is_empty(), "no partial file");
}

#[track_caller]
fn keeps_nothing(output: &Output, folder: &Path, why: &str) {
    let folder = folder.display().to_string();
    assert_stderr_contains(
        output,
        &[
            "wasmscope: warning: --aot stores nothing: the cache folder ",
            &folder,
            why,
        ],
    );
}

fn an_invalid_component_is_refused_as_without_aot(runtime: Runtime) {
    let home = Home::new();
    // Only the preamble of a component.
    std::fs::write(home.path("odd.wasm"), b"\0asm\x0d\0\x01\0\xff\xff")
        .expect("cannot change the test's folder");
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

fn a_folder_without_aot_is_an_error(runtime: Runtime) {
    let home = Home::new();
    let output = home
        .run(runtime, &["--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(2);
    assert_stderr_contains(&output, &["error: ", "--aot"]);
    assert!(!home.path("compiled").exists());
}
