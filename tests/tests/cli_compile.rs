//! `wasmscope compile`, and running the compiled files.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use compiled_code::{CompiledFile, Contents};
use wasmscope_test_support::{Cli, Collector, Output};
use wasmscope_tests::home::{Home, files};
use wasmscope_tests::{Runtime, guest, on_each_runtime};

on_each_runtime! {
    a_compiled_file_runs_like_its_component,
    options_of_run_work_with_a_compiled_file,
    inspect_shows_the_same_for_a_compiled_file,
    telemetry_has_the_name_of_the_compiled_file,
    the_output_option_names_a_file_and_replaces_it,
    a_failed_write_is_reported_and_leaves_nothing,
    an_invalid_component_is_refused,
    a_file_from_elsewhere_needs_an_option,
    a_file_for_another_target_is_refused_with_advice,
    a_damaged_file_is_refused,
}

/// Compiles a component into `app.cwasm`.
#[track_caller]
fn compile(home: &Home, runtime: Runtime, component: &Path, options: &[&str]) -> Output {
    home.command("compile")
        .args(runtime.options)
        .args(options)
        .arg(component)
        .args(["-o", "app.cwasm"])
        .run()
        .expect_code(0)
}

/// Returns `wasmscope run` without a runtime, which the file determines.
fn run(home: &Home, options: &[&str]) -> Cli {
    home.command("run").args(options)
}

fn title(runtime: Runtime) -> &'static str {
    match runtime.name {
        "wasmtime" => "Wasmtime",
        _ => "WasmEdge",
    }
}

fn other(runtime: Runtime) -> Runtime {
    match runtime.name {
        "wasmtime" => Runtime::WASMEDGE,
        _ => Runtime::WASMTIME,
    }
}

/// Checks that nothing was run, and that there is one line with the message.
#[track_caller]
fn refused(output: Output, words: &[&str]) {
    let output = output.expect_code(2);
    assert_eq!(output.stdout(), "", "{output}");
    assert_eq!(output.stderr.lines().count(), 1, "{output}");
    assert!(output.stderr.starts_with("wasmscope: error: "), "{output}");
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in {output}");
    }
}

fn a_compiled_file_runs_like_its_component(runtime: Runtime) {
    let home = Home::new();
    let output = compile(&home, runtime, &guest("ordinary"), &["--no-fuel"]);
    let title = title(runtime);
    let component = guest("ordinary");
    // The first line is printed only if compiling takes longer than a second.
    let begin = format!(
        "wasmscope: compiling {} for {title}…\n",
        component.display()
    );
    let end = format!("wasmscope: compiled for {title} into app.cwasm\n");
    assert_eq!(output.stderr.replace(&begin, ""), end);
    assert_eq!(output.stdout(), "");
    let component = home.run(runtime, &[]).arg(guest("ordinary"));
    let component = component.args(["much", "3"]).run().expect_code(0);
    for options in [&[][..], runtime.options, &["--allow-precompiled"]] {
        let output = run(&home, options)
            .arg("app.cwasm")
            .args(["much", "3"])
            .run()
            .expect_code(0);
        assert_eq!(output.stderr, "");
        assert_eq!(output.stdout(), component.stdout());
    }
}

fn options_of_run_work_with_a_compiled_file(runtime: Runtime) {
    let home = Home::new();
    let endless = home.endless();
    compile(&home, runtime, &endless, &[]);
    let app = |options: &[&str]| run(&home, options).arg("app.cwasm").run();
    let output = app(&["--fuel", "10000"]).expect_code(134);
    assert!(output.stderr.contains("--fuel 10000"), "{output}");
    let output = app(&["--timeout", "100ms", "--aot"]).expect_code(124);
    let warning = "wasmscope: warning: --aot has no effect: app.cwasm is already compiled\n";
    assert!(output.stderr.starts_with(warning), "{output}");
    let output = app(&["--max-memory", "64KiB"]).expect_code(134);
    assert!(output.stderr.contains("--max-memory allows"), "{output}");

    // A file without the code that counts fuel.
    let with = fs::metadata(home.path("app.cwasm"))
        .expect("cannot change the test's folder")
        .len();
    compile(&home, runtime, &endless, &["--no-fuel"]);
    let without = fs::metadata(home.path("app.cwasm"))
        .expect("cannot change the test's folder")
        .len();
    assert!(without < with * 2 / 3, "{without} of {with}");
    app(&["--timeout", "100ms"]).expect_code(124);
    refused(
        app(&["--fuel", "10000"]),
        &[
            "app.cwasm has no code that counts fuel",
            "without --no-fuel",
        ],
    );
}

fn inspect_shows_the_same_for_a_compiled_file(runtime: Runtime) {
    let home = Home::new();
    let component = home.idle();
    compile(&home, runtime, &component, &[]);
    let inspect = |file: &Path, options: &[&str]| {
        let output = home.command("inspect").args(options).arg(file).run();
        let stdout = output.expect_code(0).stdout().to_owned();
        let (_, rest) = stdout.split_once('\n').expect("its name, and more");
        rest.to_owned()
    };
    assert_eq!(
        inspect(Path::new("app.cwasm"), &[]),
        inspect(&component, runtime.options)
    );
}

fn telemetry_has_the_name_of_the_compiled_file(runtime: Runtime) {
    let home = Home::new();
    compile(&home, runtime, &home.idle(), &[]);
    let collector = Collector::start();
    let output = run(&home, &["--otlp-endpoint"])
        .arg(collector.endpoint_http())
        .arg("app.cwasm")
        .env("OTEL_SDK_DISABLED", "false")
        .run();
    output.expect_code(0);
    let spans = collector.spans();
    let resource = format!("{:?}", spans.first().expect("a span").resource);
    assert!(resource.contains("\"app\""), "{resource}");
    let span = format!("{:?}", spans);
    assert!(span.contains(&format!("\"{}\"", runtime.name)), "{span}");
}

fn the_output_option_names_a_file_and_replaces_it(runtime: Runtime) {
    let home = Home::new();
    home.idle();
    let compile = |output: &[&str]| {
        let command = home.command("compile").args(runtime.options);
        command.arg("idle.wasm").args(output).run()
    };
    compile(&[]).expect_code(0);
    run(&home, &[]).arg("idle.cwasm").run().expect_code(0);
    fs::create_dir(home.path("build")).expect("cannot change the test's folder");
    fs::write(home.path("build/other.bin"), "old content")
        .expect("cannot change the test's folder");
    compile(&["-o", "build/other.bin"]).expect_code(0);
    run(&home, &[]).arg("build/other.bin").run().expect_code(0);
    // Output files are ordinary files, as those of compilers are, and links are followed.
    let mode = fs::metadata(home.path("build/other.bin"))
        .expect("cannot change the test's folder")
        .permissions();
    assert_ne!(mode.mode() & 0o044, 0, "{:o}", mode.mode());
    symlink("other.bin", home.path("build/link")).expect("cannot change the test's folder");
    fs::write(home.path("build/other.bin"), "old content")
        .expect("cannot change the test's folder");
    compile(&["-o", "build/link"]).expect_code(0);
    run(&home, &[]).arg("build/other.bin").run().expect_code(0);
    assert_eq!(files(&home.path("build")).len(), 2, "no drafts are left");

    for (output, words) in [
        (
            "idle.wasm",
            "it is the component itself; choose another name with -o",
        ),
        ("./build/../idle.wasm", "it is the component itself"),
        ("build", "it is a folder"),
        ("none/idle.cwasm", "there is no folder none"),
        ("build/", "it is not a file name"),
        ("/dev/null", "it is not a file"),
    ] {
        refused(compile(&["-o", output]), &["cannot write ", output, words]);
    }
    assert!(
        fs::metadata("/dev/null")
            .expect("cannot change the test's folder")
            .len()
            == 0
    );
}

fn a_failed_write_is_reported_and_leaves_nothing(runtime: Runtime) {
    let home = Home::new();
    fs::create_dir(home.path("build")).expect("cannot change the test's folder");
    fs::write(home.path("build/app.cwasm"), "old content")
        .expect("cannot change the test's folder");
    let space = if runtime.name == "wasmtime" { 4 } else { 0 };
    let output = home
        .with_little_space(space)
        .arg("compile")
        .args(runtime.options)
        .arg(home.idle())
        .args(["-o", "build/app.cwasm"])
        .run();
    let words = match runtime.name {
        "wasmtime" => "build/app.cwasm: File too large",
        _ => "cannot be compiled",
    };
    // WasmEdge's linker prints lines of its own.
    let output = output.expect_code(2);
    assert!(output.stderr.contains(words), "{output}");
    assert_eq!(files(&home.path("build")).len(), 1);
    let there = fs::read(home.path("build/app.cwasm")).expect("cannot change the test's folder");
    assert_eq!(there, b"old content");
}

fn an_invalid_component_is_refused(runtime: Runtime) {
    let home = Home::new();
    home.idle();
    compile(&home, runtime, Path::new("idle.wasm"), &[]);
    fs::write(home.path("module.wasm"), b"\0asm\x01\0\0\0")
        .expect("cannot change the test's folder");
    fs::write(home.path("text"), "a text").expect("cannot change the test's folder");
    fs::write(home.path("odd.wasm"), b"\0asm\x0d\0\x01\0\xff\xff")
        .expect("cannot change the test's folder");
    for (file, words) in [
        (
            "app.cwasm",
            "app.cwasm is already compiled; name the component",
        ),
        ("module.wasm", "is a core module, not a component"),
        ("text", "is not a WebAssembly component"),
        ("odd.wasm", "is not a valid component"),
        ("none.wasm", "cannot read none.wasm: No such file"),
    ] {
        let command = home.command("compile").args(runtime.options).arg(file);
        refused(command.args(["-o", "made"]).run(), &[words]);
        assert!(!home.path("made").exists(), "{file}");
    }
}

fn a_file_from_elsewhere_needs_an_option(runtime: Runtime) {
    let (home, elsewhere) = (Home::new(), Home::new());
    home.idle();
    compile(&home, runtime, Path::new("idle.wasm"), &[]);
    fs::copy(home.path("app.cwasm"), elsewhere.path("app.wasm"))
        .expect("cannot change the test's folder");
    for command in ["run", "inspect"] {
        let output = elsewhere.command(command).arg("app.wasm").run();
        refused(
            output,
            &[
                "app.wasm contains native code",
                "if you trust its source",
                "--allow-precompiled",
            ],
        );
        let allowed = elsewhere.command(command).arg("--allow-precompiled");
        allowed.arg("app.wasm").run().expect_code(0);
    }
    // Without a home directory, there are no records of files.
    let output = run(&home, &[]).arg("app.cwasm").env("HOME", "").run();
    refused(output, &["--allow-precompiled"]);
    // A record that other users could have written is ignored.
    let cache = home.path("home/.cache/wasmscope/aot");
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o777))
        .expect("cannot change the test's folder");
    refused(
        run(&home, &[]).arg("app.cwasm").run(),
        &["--allow-precompiled"],
    );
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o700))
        .expect("cannot change the test's folder");
    run(&home, &[]).arg("app.cwasm").run().expect_code(0);
}

fn a_file_for_another_target_is_refused_with_advice(runtime: Runtime) {
    let home = Home::new();
    home.idle();
    compile(&home, runtime, Path::new("idle.wasm"), &[]);
    let output = home.run(other(runtime), &[]).arg("app.cwasm").run();
    refused(
        output,
        &[
            &format!("app.cwasm was compiled for {}, not for", title(runtime)),
            "leave --runtime out",
            &format!("`wasmscope compile --runtime {}`", other(runtime).name),
        ],
    );
    let real =
        CompiledFile::open(&home.path("app.cwasm")).expect("cannot change the test's folder");
    let about = |name: &str| real.about(name).unwrap_or_default().to_owned();
    let (version, target) = (about("version"), about("target"));
    let write = |runtime: &str, version: &str, target: &str| {
        let about = [
            ("runtime", runtime),
            ("version", version),
            ("target", target),
        ];
        let about = about.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let contents = Contents {
            about: about.into(),
            parts: vec![("plain".to_owned(), b"no code")],
        };
        CompiledFile::write(&home.path("odd.cwasm"), &contents)
            .expect("cannot change the test's folder");
        run(&home, &["--allow-precompiled"]).arg("odd.cwasm").run()
    };
    let again = "compile the component again with `wasmscope compile`";
    refused(
        write(runtime.name, "1.2.3", &target),
        &[
            "compiled by version 1.2.3",
            &format!("this is {version}"),
            again,
        ],
    );
    refused(
        write(runtime.name, &version, "pdp11-unix"),
        &[
            "compiled for pdp11-unix",
            &format!("this is {target}"),
            again,
        ],
    );
    refused(
        write("wamr", &version, &target),
        &[
            "compiled for wamr",
            // The default runtime, because the file's runtime is unknown.
            "again with `wasmscope compile --runtime wasmtime`",
        ],
    );
    refused(
        write(runtime.name, &version, &target),
        &["odd.cwasm cannot be run", "compile"],
    );
    // Compiled files of other tools are named.
    fs::write(home.path("odd.so"), b"\x7fELF\x02\x01\x01\0 and so on")
        .expect("cannot change the test's folder");
    refused(
        home.run(runtime, &[]).arg("odd.so").run(),
        &["odd.so is a native program or library", "wasmscope compile"],
    );
}

fn a_damaged_file_is_refused(runtime: Runtime) {
    let home = Home::new();
    home.idle();
    compile(&home, runtime, Path::new("idle.wasm"), &[]);
    let whole = fs::read(home.path("app.cwasm")).expect("cannot change the test's folder");
    let damaged = |bytes: &[u8]| {
        fs::write(home.path("app.cwasm"), bytes).expect("cannot change the test's folder");
        run(&home, &["--allow-precompiled"]).arg("app.cwasm").run()
    };
    for length in [8, 60, 100, whole.len() / 2, whole.len() - 1] {
        refused(
            damaged(&whole[..length]),
            &["app.cwasm cannot be run: it is truncated"],
        );
    }
    // The code for `--fuel` is checked too, although this run does not use it.
    let parts = (90..whole.len()).step_by(whole.len() / 20);
    for (number, at) in [40].into_iter().chain(parts).enumerate() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (number % 8);
        refused(
            damaged(&bytes),
            &[
                "app.cwasm cannot be run: it was changed",
                "wasmscope compile",
            ],
        );
    }
    let mut newer = whole.clone();
    newer[8] = 9;
    refused(damaged(&newer), &["it has version 9 of the format"]);
    damaged(&whole).expect_code(0);
}

#[test]
fn help_shows_an_example_and_the_warning_about_trust() {
    let output = Cli::new().args(["compile", "--help"]).run().expect_code(0);
    for word in [
        "Examples:",
        "--output",
        "app.cwasm",
        "--runtime",
        "--allow-precompiled",
        "trust",
    ] {
        assert!(output.stdout().contains(word), "no {word:?} in {output}");
    }
}
