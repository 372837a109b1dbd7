//! Limits on preparing a component: its size, the time to compile it, and the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wasmscope_test_support::binary::binary;
use wasmscope_test_support::{Cli, Output};
use wasmscope_tests::home::{Home, files};
use wasmscope_tests::{Runtime, on_each_runtime};

on_each_runtime! {
    a_small_component_with_huge_instantiation_is_refused_at_once,
    many_uninstantiated_modules_are_refused_at_once,
    limits_on_size_are_settings,
    modules_that_take_gigabytes_are_refused,
    a_file_without_an_end_is_refused,
    a_pipe_without_a_writer_times_out,
    compiling_ends_in_time,
    a_killed_compilation_leaves_no_partial_file,
    a_short_timeout_of_the_program_leaves_time_to_prepare_it,
    a_file_size_limit_does_not_end_the_command,
    a_full_disk_is_reported_and_cleaned_up,
    a_full_cache_is_reported_and_cleaned_up,
}

/// The commands that prepare a component.
const COMMANDS: [&[&str]; 4] = [
    &["run"],
    &["run", "--aot", "--aot-cache", "compiled"],
    &["inspect"],
    &["compile", "-o", "out.cwasm"],
];

/// Returns a command for a runtime.
fn command(home: &Home, runtime: Runtime, words: &[&str]) -> Cli {
    let (name, options) = words.split_first().expect("a command");
    home.command(name)
        .args(runtime.options.iter().take(2))
        .args(options)
}

/// Runs a command that must end within some seconds.
#[track_caller]
fn in_time(command: Cli, within: Duration) -> Output {
    let begin = Instant::now();
    let output = command.run();
    let took = begin.elapsed();
    assert!(took < within, "{took:?}: {output}");
    output
}

#[track_caller]
fn assert_stderr_contains(output: &Output, words: &[&str]) {
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
    assert!(!output.stderr.contains("panicked"), "{output}");
}

/// A component of about 2 KB in which each level instantiates the level below twice.
fn doubling(home: &Home) -> PathBuf {
    let mut text =
        String::from("(component $c0 (core module $m) (core instance (instantiate $m)))");
    for level in 1..30 {
        let below = level - 1;
        text += &format!(
            "(component $c{level} (alias outer 1 $c{below} (component $x))
                (instance (instantiate $x)) (instance (instantiate $x)))"
        );
    }
    let text = format!("(component {text} (instance (instantiate $c29)))");
    let bytes = wat::parse_str(text).expect("a component");
    assert!(bytes.len() < 2500, "{}", bytes.len());
    let file = home.path("doubling.wasm");
    fs::write(&file, bytes).expect("a file");
    file
}

fn a_small_component_with_huge_instantiation_is_refused_at_once(runtime: Runtime) {
    let home = Home::new();
    let component = doubling(&home);
    for words in COMMANDS {
        let command = command(&home, runtime, words).arg(&component);
        let output = in_time(command, Duration::from_secs(20)).expect_code(2);
        assert_stderr_contains(
            &output,
            &[
                "wasmscope: error: ",
                "doubling.wasm",
                "more than 200000 definitions, counted again at each instantiation",
                "--size-limit definitions=NUMBER",
            ],
        );
    }
    assert!(!home.path("out.cwasm").exists());
}

/// The validator would take 1.2 GB.
fn many_uninstantiated_modules_are_refused_at_once(runtime: Runtime) {
    let home = Home::new();
    let modules = format!("(component {})", "(core module)".repeat(1000));
    let text = format!("(component {})", modules.repeat(6));
    let bytes = wat::parse_str(text).expect("a component");
    assert!(bytes.len() < 70_000, "{}", bytes.len());
    let file = home.path("modules.wasm");
    fs::write(&file, bytes).expect("a file");
    for words in COMMANDS {
        let command = command(&home, runtime, words).arg(&file);
        let output = in_time(command, Duration::from_secs(20)).expect_code(2);
        assert_stderr_contains(
            &output,
            &[
                "more than 1000 core modules and components",
                "--size-limit modules=NUMBER",
            ],
        );
    }
}

fn limits_on_size_are_settings(runtime: Runtime) {
    let home = Home::new();
    let idle = home.idle();
    for (limit, words) in [
        ("bytes=10", "more than 10 bytes"),
        ("modules=1", "more than 1 core modules and components"),
        ("definitions=1", "more than 1 definitions"),
        ("functions=0", "more than 0 functions"),
        ("function_bytes=1", "more than 1 bytes in one function"),
        ("module_bytes=1", "more than 1 bytes of core modules"),
    ] {
        for words_of in COMMANDS {
            let command = command(&home, runtime, words_of)
                .args(["--size-limit", limit])
                .arg(&idle);
            assert_stderr_contains(&command.run().expect_code(2), &[words]);
        }
    }
    // A limit cannot be raised above its maximum.
    let mut nested = wasm_encoder::Component::new();
    for _ in 0..1001 {
        let mut outer = wasm_encoder::Component::new();
        outer.section(&wasm_encoder::NestedComponentSection(&nested));
        nested = outer;
    }
    let file = home.path("nested.wasm");
    fs::write(&file, nested.finish()).expect("a file");
    let limits = [
        "--size-limit",
        "modules=10000",
        "--size-limit",
        "nesting=1000",
    ];
    let inspect = command(&home, runtime, &["inspect"])
        .args(limits)
        .arg(&file);
    let words =
        "more than 1000 levels of nested components (limit `nesting`); that limit cannot be raised";
    assert_stderr_contains(&inspect.run().expect_code(2), &[words]);
    // The last value of a name holds.
    let limits = ["--size-limit", "functions=0", "--size-limit", "functions=9"];
    let command = command(&home, runtime, &["run"]).args(limits).arg(&idle);
    command.run().expect_code(0);
    let output = Cli::new()
        .args(["run", "--size-limit", "function=1", "idle.wasm"])
        .run();
    assert_stderr_contains(
        &output.expect_code(2),
        &["unknown limit `function`", "function_bytes"],
    );
}

fn modules_that_take_gigabytes_are_refused(runtime: Runtime) {
    let home = Home::new();
    let data = "x".repeat(1 << 20);
    let text = format!(
        r#"(component (core module $m (memory 17) (data (i32.const 0) "{data}")) {})"#,
        "(core instance (instantiate $m))".repeat(65)
    );
    let component = home.path("large.wasm");
    let bytes = wat::parse_str(text).expect("a component");
    fs::write(&component, bytes).expect("a file");
    for words in COMMANDS {
        let command = command(&home, runtime, words).arg(&component);
        let output = in_time(command, Duration::from_secs(20)).expect_code(2);
        assert_stderr_contains(&output, &["more than 67108864 bytes of core modules"]);
    }
}

fn a_file_without_an_end_is_refused(runtime: Runtime) {
    let home = Home::new();
    for words in COMMANDS {
        let command =
            command(&home, runtime, words).args(["--size-limit", "bytes=1MiB", "/dev/zero"]);
        let output = in_time(command, Duration::from_secs(20)).expect_code(2);
        assert_stderr_contains(&output, &["/dev/zero", "more than 1048576 bytes"]);
    }
}

fn a_pipe_without_a_writer_times_out(runtime: Runtime) {
    let home = Home::new();
    let made = std::process::Command::new("mkfifo")
        .arg(home.path("pipe"))
        .status();
    assert!(made.expect("mkfifo runs").success());
    for words in COMMANDS {
        let command = command(&home, runtime, words).args(["--prepare-timeout", "1s", "pipe"]);
        let output = in_time(command, Duration::from_secs(20)).expect_code(124);
        assert_stderr_contains(
            &output,
            &["pipe is not ready", "--prepare-timeout allows (1s)"],
        );
    }
}

fn compiling_ends_in_time(runtime: Runtime) {
    let home = Home::new();
    let component = home.with_functions(100_000);
    let temporary = home.path("temporary");
    fs::create_dir(&temporary).expect("a folder");
    // WasmEdge compiles only with `--aot`.
    let compiles = |words: &[&str]| {
        runtime.name == "wasmtime" || words.contains(&"--aot") || words[0] == "compile"
    };
    // Checks that the command ends in time and leaves nothing behind.
    let given_up = |words: &[&str], option: [&str; 2], limit: u64| {
        let command = command(&home, runtime, words)
            .env("TMPDIR", &temporary)
            .args(option)
            .arg(&component);
        let output = in_time(command, Duration::from_secs(limit)).expect_code(124);
        assert!(files(&temporary).is_empty(), "{:?}", files(&temporary));
        output
    };
    for words in COMMANDS.into_iter().filter(|words| compiles(words)) {
        let output = given_up(words, ["--prepare-timeout", "3s"], 15);
        assert_stderr_contains(
            &output,
            &[
                "wasmscope: error: ",
                "many.wasm is not ready",
                "--prepare-timeout allows (3s)",
            ],
        );
        assert!(!output.stderr.contains("is interpreted"), "{output}");
        assert_eq!(output.stdout(), "");
        if words[0] == "compile" {
            assert_stderr_contains(&output, &["wasmscope: compiling ", "many.wasm for ", "…\n"]);
        }
    }
    assert!(!home.path("out.cwasm").exists());

    let run = ["run", "--aot", "--aot-cache", "compiled"];
    let output = given_up(&run, ["--timeout", "6s"], 20);
    assert_stderr_contains(
        &output,
        &["--timeout allows (6s); --prepare-timeout sets a separate limit"],
    );
}

/// Waits until a process has opened a file in `folder`. Returns `false` if the process ends first.
fn writes_to(process: u32, folder: &Path) -> bool {
    let folder = folder.canonicalize().expect("a folder");
    while let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) {
        let mut targets = files.flatten().flat_map(|file| fs::read_link(file.path()));
        if targets.any(|target| target.starts_with(&folder)) {
            return true;
        }
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        if stat.contains(") Z ") {
            return false;
        }
    }
    false
}

fn a_killed_compilation_leaves_no_partial_file(runtime: Runtime) {
    let home = Home::new();
    let component = home.with_functions(1000);
    let output = home.path("out");
    fs::create_dir(&output).expect("a folder");
    let file = output.join("app.cwasm");
    let mut caught = 0;
    for signal in ["-KILL", "-TERM", "-INT", "-HUP", "-KILL"] {
        let running = command(&home, runtime, &["compile", "-o", "out/app.cwasm"])
            .arg(&component)
            .spawn();
        if writes_to(running.id(), &output) {
            let id = running.id().to_string();
            let killed = std::process::Command::new("kill")
                .args([signal, &id])
                .status();
            caught += i32::from(killed.expect("kill runs").success());
        }
        let ended = running.finish();
        // The file may have been complete before the signal came.
        for left in files(&output) {
            assert_eq!(left, file, "{signal}: {ended}");
            // The record of the file may not have been written yet.
            let run = home.command("run").arg("--allow-precompiled").arg(&file);
            let run = run.run();
            assert_eq!(run.code(), Some(0), "{signal}: {run}");
            fs::remove_file(&file).expect("a file");
        }
    }
    assert!(caught > 0, "no process was caught while it wrote");
}

fn a_short_timeout_of_the_program_leaves_time_to_prepare_it(runtime: Runtime) {
    let home = Home::new();
    let endless = home.endless();
    let run = command(&home, runtime, &["run", "--timeout", "1ms"]);
    let output = run.arg(&endless).run().expect_code(124);
    assert_stderr_contains(
        &output,
        &["the program was stopped: it ran longer than --timeout allows"],
    );
}

/// The default action of SIGXFSZ ends a process.
fn a_file_size_limit_does_not_end_the_command(runtime: Runtime) {
    let home = Home::new();
    let component = home.with_functions(2000);
    let temporary = home.path("temporary");
    fs::create_dir(&temporary).expect("a folder");
    // Too small for the module, for the code, and for both in one file.
    for kib in [16, 300] {
        let limited = |words: &[&str]| {
            home.with_little_space(kib)
                .env("TMPDIR", &temporary)
                .args(words)
                .args(runtime.options.iter().take(2))
                .arg(&component)
                .run()
        };
        let output = limited(&["run", "--aot", "--aot-cache", "compiled"]).expect_code(0);
        assert_stderr_contains(&output, &["wasmscope: warning: "]);
        let output = limited(&["compile", "-o", "out.cwasm"]).expect_code(2);
        assert_stderr_contains(&output, &["wasmscope: error: "]);
        let named = ["ulimit -f", "File too large"];
        let named = named.iter().any(|words| output.stderr.contains(words));
        assert!(named, "{output}");
        assert!(files(&temporary).is_empty(), "{:?}", files(&temporary));
        assert!(!home.path("out.cwasm").exists());
        assert!(files(&home.path("compiled")).is_empty());
    }
}

/// Runs a command with a small disk at `full`, in its own mount namespace. Lists the remaining
/// files on standard error. Returns `None` if the system does not let this user mount.
fn on_small_disk(home: &Home, kib: u64, words: &[&str]) -> Option<Output> {
    let full = home.path("full");
    let _ = fs::create_dir(&full);
    let script = format!(
        "mount -t tmpfs -o size={kib}k,mode=700 tmpfs full || exit 77; \"$@\"; code=$?; \
         for file in $(find full -mindepth 1); do echo \"left: $file\" >&2; done; exit $code"
    );
    let output = Cli::program("unshare")
        .args(["--mount", "sh", "-c", &script, "sh"])
        .arg(binary())
        .args(words)
        .envs([("OTEL_SDK_DISABLED", "true"), ("XDG_CACHE_HOME", "")])
        .env("HOME", home.path("home"))
        .deadline(Duration::from_secs(300))
        .current_dir(home.path(""))
        .env(
            "TMPDIR",
            if words.contains(&"full/cache") {
                home.path("")
            } else {
                full
            },
        )
        .run();
    if output.code() == Some(77) || output.stderr.contains("unshare failed") {
        eprintln!("SKIPPED: this user cannot mount a file system: {output}");
        return None;
    }
    Some(output)
}

fn a_full_disk_is_reported_and_cleaned_up(runtime: Runtime) {
    let home = Home::new();
    let component = home.with_functions(2000);
    let module = fs::metadata(&component).expect("a file").len() / 1024;
    let component = component.display().to_string();
    let [first, second] = [runtime.options[0], runtime.options[1]];
    // Too small for the module, for its code, and for the linker's other files.
    for kib in [module / 2, module + 40, module + 150, module * 2] {
        let run = [
            "run",
            first,
            second,
            "--aot",
            "--aot-cache",
            "compiled",
            &component,
        ];
        let Some(output) = on_small_disk(&home, kib, &run) else {
            return;
        };
        let output = output.expect_code(0);
        assert!(!output.stderr.contains("left: "), "{kib} KiB: {output}");
        let compile = ["compile", first, second, "-o", "full/out.cwasm", &component];
        let output = on_small_disk(&home, kib, &compile).expect("it was mounted before");
        let output = output.expect_code(2);
        assert_stderr_contains(&output, &["wasmscope: error: "]);
        let named = [
            "no space left in the temporary folder",
            "No space left on device",
        ];
        let named = named.iter().any(|words| output.stderr.contains(words));
        assert!(named, "{kib} KiB: {output}");
        assert!(!output.stderr.contains("left: "), "{kib} KiB: {output}");
    }
}

fn a_full_cache_is_reported_and_cleaned_up(runtime: Runtime) {
    let home = Home::new();
    let component = home.with_functions(500).display().to_string();
    let [first, second] = [runtime.options[0], runtime.options[1]];
    let run = [
        "run",
        first,
        second,
        "--aot",
        "--aot-cache",
        "full/cache",
        &component,
    ];
    let Some(output) = on_small_disk(&home, 16, &run) else {
        return;
    };
    let output = output.expect_code(0);
    let words = "--aot stores nothing: the cache folder ";
    assert_stderr_contains(
        &output,
        &[words, "cannot be written to: No space left on device"],
    );
    assert!(!output.stderr.contains(".draft"), "{output}");
}

/// Tests of the child process in which WasmEdge's compiler runs.
mod child {
    use super::*;
    use std::process::Command;

    const RUN: [&str; 4] = ["run", "--aot", "--aot-cache", "compiled"];

    /// Returns the child process that compiles for `parent`.
    fn child_of(parent: u32) -> Option<u32> {
        let entries = fs::read_dir("/proc").expect("Linux");
        let ids = entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        ids.into_iter().find(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            let fields = stat.rsplit(')').next().unwrap_or_default();
            let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            fields.split_whitespace().nth(1) == Some(&parent.to_string())
                && String::from_utf8_lossy(&words).contains("compile-in-child")
        })
    }

    fn wait_for<T>(mut condition: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + Duration::from_secs(120);
        loop {
            if let Some(found) = condition() {
                return found;
            }
            assert!(Instant::now() < end, "it did not happen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(signal: &str, process: u32) {
        let killed = Command::new("kill")
            .args([signal, &process.to_string()])
            .status();
        assert!(killed.expect("kill runs").success());
    }

    fn temporary(home: &Home) -> PathBuf {
        let folder = home.path("temporary");
        fs::create_dir(&folder).expect("a folder");
        folder
    }

    #[test]
    fn a_killed_or_crashed_child_is_reported_and_cleaned_up() {
        let home = Home::new();
        let component = home.with_functions(20_000);
        let temporary = temporary(&home);
        for (signal, words) in [
            (
                "-KILL",
                "was killed (SIGKILL): the system may be out of memory",
            ),
            ("-SEGV", "has crashed (SIGSEGV)"),
            ("-ABRT", "has crashed (SIGABRT)"),
            ("-TERM", "was ended by a signal (SIGTERM)"),
        ] {
            let running = command(&home, Runtime::WASMEDGE, &RUN)
                .env("TMPDIR", &temporary)
                .arg(&component)
                .spawn();
            kill(signal, wait_for(|| child_of(running.id())));
            let output = running.finish().expect_code(0);
            assert_stderr_contains(&output, &["wasmscope: warning: ", "is interpreted", words]);
            assert!(files(&temporary).is_empty(), "{:?}", files(&temporary));
        }
    }

    #[test]
    fn a_child_without_its_parent_cleans_up() {
        let home = Home::new();
        let component = home.with_functions(100_000);
        let temporary = temporary(&home);
        for signal in ["-KILL", "-INT"] {
            let running = command(&home, Runtime::WASMEDGE, &RUN)
                .env("TMPDIR", &temporary)
                .arg(&component)
                .spawn();
            let child = wait_for(|| child_of(running.id()));
            wait_for(|| (!files(&temporary).is_empty()).then_some(()));
            kill(signal, running.id());
            let _ = running.finish();
            wait_for(|| (!Path::new(&format!("/proc/{child}")).exists()).then_some(()));
            assert!(files(&temporary).is_empty(), "{:?}", files(&temporary));
        }
    }

    #[test]
    fn without_a_temporary_folder_the_component_is_interpreted() {
        let home = Home::new();
        let idle = home.idle();
        let none = home.path("none");
        let file = home.path("file");
        fs::write(&file, "").expect("a file");
        for folder in [&none, &file] {
            let run = command(&home, Runtime::WASMEDGE, &RUN).env("TMPDIR", folder);
            let output = run.arg(&idle).run().expect_code(0);
            let folder = folder.display().to_string();
            assert_stderr_contains(
                &output,
                &["is interpreted", &folder, "(TMPDIR) cannot be used"],
            );
            let compile = command(&home, Runtime::WASMEDGE, &["compile"]).env("TMPDIR", &folder);
            let output = compile.arg(&idle).run().expect_code(2);
            assert_stderr_contains(&output, &[&folder, "(TMPDIR) cannot be used"]);
        }
        let closed = temporary(&home);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).expect("a mode");
        let run = home
            .bound_run(Runtime::WASMEDGE, &RUN[1..])
            .env("TMPDIR", &closed);
        let output = run.arg(&idle).run().expect_code(0);
        assert_stderr_contains(
            &output,
            &[
                "is interpreted",
                "(TMPDIR) cannot be used: permission denied",
            ],
        );
    }

    #[test]
    fn without_memory_the_component_is_interpreted() {
        let home = Home::new();
        let component = home.with_functions(20_000);
        let temporary = temporary(&home);
        // The child has the same limit as the parent, which needs half of it.
        let output = Cli::program("sh")
            .args(["-c", "ulimit -c 0 && ulimit -d 160000 && exec \"$@\"", "sh"])
            .arg(binary())
            .args(RUN)
            .args(Runtime::WASMEDGE.options.iter().take(2))
            .arg(&component)
            .envs([("OTEL_SDK_DISABLED", "true"), ("XDG_CACHE_HOME", "")])
            .env("HOME", home.path("home"))
            .env("TMPDIR", &temporary)
            .deadline(Duration::from_secs(300))
            .current_dir(home.path(""))
            .run()
            .expect_code(0);
        let words = ["is interpreted", "out of memory", "it may have 8192 MiB"];
        assert_stderr_contains(&output, &words);
        assert!(files(&temporary).is_empty(), "{:?}", files(&temporary));
    }

    #[test]
    fn a_child_without_an_exit_status_is_no_failure() {
        let home = Home::new();
        // With SIGCHLD ignored, the system keeps no exit status of children.
        let output = Cli::program("env")
            .arg("--ignore-signal=CHLD")
            .arg(binary())
            .args(RUN)
            .args(Runtime::WASMEDGE.options.iter().take(2))
            .arg(home.idle())
            .envs([("OTEL_SDK_DISABLED", "true"), ("XDG_CACHE_HOME", "")])
            .env("HOME", home.path("home"))
            .deadline(Duration::from_secs(300))
            .current_dir(home.path(""))
            .run()
            .expect_code(0);
        assert!(!output.stderr.contains("warning"), "{output}");
        assert_eq!(files(&home.path("compiled")).len(), 1);
    }

    /// `exit` would run exit handlers of libraries while the compiler uses them.
    #[test]
    fn a_child_without_its_parent_ends_without_exit_handlers() {
        use std::os::unix::process::ExitStatusExt as _;
        let home = Home::new();
        let scratch = home.path("wasmedge-compile-test");
        fs::create_dir(&scratch).expect("a folder");
        fs::write(scratch.join("in-use"), "").expect("a file");
        let component = fs::read(home.with_functions(20_000)).expect("a file");
        // The core module comes after the component's preamble.
        let module = (1..component.len())
            .find(|at| component[*at..].starts_with(b"\0asm"))
            .expect("a module");
        fs::write(scratch.join("module.wasm"), &component[module..]).expect("a file");
        let mut child = Command::new(binary())
            .arg("compile-in-child")
            .env("WASMEDGE_COMPONENT_COMPILE", "0 2 8589934592")
            .env("TMPDIR", &scratch)
            .current_dir(&scratch)
            .stdin(std::process::Stdio::piped())
            .spawn()
            .expect("a process");
        drop(child.stdin.take());
        let status = child.wait().expect("it ends");
        assert_eq!(status.signal(), Some(9), "{status}");
        assert!(!scratch.exists());
    }

    #[test]
    fn the_hidden_subcommand_alone_removes_nothing() {
        let home = Home::new();
        fs::write(home.path("kept"), "").expect("a file");
        let output = home.command("compile-in-child").run().expect_code(2);
        assert_stderr_contains(&output, &["is for programs that compile with WasmEdge"]);
        let output = home
            .command("compile-in-child")
            .env("WASMEDGE_COMPONENT_COMPILE", "0 2 8589934592")
            .run();
        assert_ne!(output.code(), Some(0), "{output}");
        assert!(home.path("kept").exists());
    }
}
