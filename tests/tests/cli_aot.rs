//! `--aot`: where compiled code is kept, that it is used again, and that nobody else's is.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wasmscope_test_support::{Cli, Output};
use wasmscope_tests::{Runtime, guest};

/// How the line begins that says that something is compiled, which takes its time.
const COMPILING: &str = "wasmscope: compiling for WasmEdge, once, into ";

/// A home of its own, in which nothing was ever compiled.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `wasmscope run` on a runtime, with nothing in its environment that says where things are kept.
    fn run(&self, runtime: Runtime, options: &[&str]) -> Cli {
        Cli::new()
            .arg("run")
            .args(runtime.options.iter().take(2))
            .args(options)
            .envs([("OTEL_SDK_DISABLED", "true"), ("XDG_CACHE_HOME", "")])
            .env("HOME", self.path("home"))
            .current_dir(self.0.path())
    }

    /// A command that does nothing, and is compiled at once.
    fn idle(&self) -> PathBuf {
        let file = self.path("idle.wasm");
        std::fs::write(&file, wat::parse_str(IDLE).expect("a component")).expect("a file");
        file
    }
}

const IDLE: &str = r#"(component
    (core module $program (func (export "run") (result i32) (i32.const 0)))
    (core instance $program (instantiate $program))
    (func $run (result (result)) (canon lift (core func $program "run")))
    (instance $exported (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $exported)))"#;

/// Where it was compiled into, if it was.
fn compiled_into(output: &Output) -> Vec<PathBuf> {
    let lines = output.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix(COMPILING))
        .map(PathBuf::from)
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

#[track_caller]
fn says(output: &Output, words: &[&str]) {
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
}

#[test]
fn the_second_run_compiles_nothing_and_does_the_same() {
    let home = Home::new();
    let run = || {
        home.run(Runtime::WASMEDGE, &["--aot", "--aot-cache", "compiled"])
            .arg(guest("ordinary"))
            .args(["much", "3"])
            .run()
            .expect_code(0)
    };
    let (first, second) = (run(), run());
    let folder = home.path("compiled").canonicalize().expect("a folder");
    assert_eq!(
        compiled_into(&first),
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
            Runtime::WASMEDGE,
            &["--aot", "--aot-cache", "compiled", "--fuel", "100000000"],
        )
        .arg(guest("ordinary"))
        .args(["much", "3"])
        .run()
        .expect_code(0);
    assert_eq!(
        compiled_into(&metered),
        std::slice::from_ref(&folder),
        "{metered}"
    );
    assert_eq!(files(&folder).len(), 2 * before);
}

#[test]
fn code_that_is_damaged_is_compiled_again() {
    let home = Home::new();
    let idle = home.idle();
    let run = || {
        home.run(Runtime::WASMEDGE, &["--aot", "--aot-cache", "compiled"])
            .arg(&idle)
            .run()
            .expect_code(0)
    };
    let _ = run();
    for file in files(&home.path("compiled")) {
        std::fs::write(file, "damaged").expect("a file");
    }
    let again = run();
    assert_eq!(compiled_into(&again).len(), 1, "{again}");
    let _ = run();
}

#[test]
fn the_folder_is_the_users_unless_another_is_given() {
    let home = Home::new();
    let idle = home.idle();
    let run = |variables: &[(&str, PathBuf)]| {
        let output = home
            .run(Runtime::WASMEDGE, &["--aot"])
            .arg(&idle)
            .envs(variables.iter().cloned())
            .run()
            .expect_code(0);
        let folders = compiled_into(&output);
        assert_eq!(folders.len(), 1, "{output}");
        folders[0].clone()
    };
    let cache = home.path("cache");
    let folder = run(&[("XDG_CACHE_HOME", cache.clone())]);
    assert_eq!(folder, cache.join("wasmscope/aot").canonicalize().unwrap());
    let mode = folder.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o700, "nobody else's to write or read");
    assert!(!files(&folder).is_empty());

    let expected = |folder: &Path| {
        let default = home.path("home/.cache/wasmscope/aot");
        assert_eq!(folder, default.canonicalize().unwrap());
        std::fs::remove_dir_all(default).unwrap();
    };
    expected(&run(&[]));
    // The specification says to ignore what is not absolute.
    expected(&run(&[("XDG_CACHE_HOME", "relative".into())]));
}

#[test]
fn without_a_home_a_folder_has_to_be_given() {
    let home = Home::new();
    let output = home
        .run(Runtime::WASMEDGE, &["--aot"])
        .arg(home.idle())
        .env("HOME", "")
        .run()
        .expect_code(2);
    says(&output, &["error: --aot: ", "--aot-cache FOLDER"]);
}

#[test]
fn a_folder_that_others_can_write_to_is_refused_with_what_to_do() {
    let home = Home::new();
    let folder = home.path("shared");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    let run = || {
        home.run(Runtime::WASMEDGE, &["--aot", "--aot-cache", "shared"])
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
            "others may write to it",
            "chmod 700",
        ],
    );
    assert!(files(&folder).is_empty());

    // And what it says helps.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let output = run().expect_code(0);
    assert_eq!(output.stdout().lines().count(), 1, "{output}");
}

#[test]
fn a_folder_that_cannot_be_one_is_refused() {
    let home = Home::new();
    let idle = home.idle();
    let file = home.path("file");
    std::fs::write(&file, "").unwrap();
    for (folder, words) in [
        (file.clone(), "it is no folder"),
        (file.join("within"), "cannot be used"),
    ] {
        let output = home
            .run(Runtime::WASMEDGE, &["--aot", "--aot-cache"])
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

#[test]
fn on_wasmtime_it_has_no_effect_and_that_is_said() {
    let home = Home::new();
    let output = home
        .run(Runtime::WASMTIME, &["--aot", "--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(0);
    assert_eq!(
        output.stderr,
        "wasmscope: warning: --aot has no effect: this runtime compiles by itself\n"
    );
    assert!(!home.path("compiled").exists());
}

#[test]
fn a_folder_without_aot_is_a_mistake() {
    let home = Home::new();
    let output = home
        .run(Runtime::WASMEDGE, &["--aot-cache", "compiled"])
        .arg(home.idle())
        .run()
        .expect_code(2);
    says(&output, &["error: ", "--aot"]);
    assert!(!home.path("compiled").exists());
}
