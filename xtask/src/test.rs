//! `cargo xtask test`: everything that CI runs.

use crate::run::{cargo, output, run as run_command};
use crate::workspace::Workspace;
use crate::{bench, comments, deny, guests, modules, outside, package, parity, pins};
use crate::{toolchain, wasmedge, wit};
use anyhow::{Result, bail, ensure};
use std::process::Command;
use std::time::{Duration, Instant};

/// Options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Runs only the stages whose name contains this text.
    #[arg(value_name = "STAGE", help = format!("Runs only the stages whose name contains this text: {}", stage_names()))]
    filter: Option<String>,
}

type Stage = (&'static str, fn(&Workspace) -> Result<()>);

/// Stages that fail quickly come first.
const STAGES: [Stage; 16] = [
    ("format", format),
    ("contract", |workspace| wit::check(workspace)),
    ("dependencies", dependencies),
    ("deny", |workspace| deny::check(workspace)),
    ("modules", |workspace| {
        modules::check(&workspace.path("guest-sdk/src"))
    }),
    ("package", |workspace| package::check(workspace)),
    ("guests", guest_builds),
    ("clippy", clippy),
    ("clippy-guest", clippy_guest),
    ("without-wasmedge", without_wasmedge),
    ("tests", tests),
    ("parity", |workspace| {
        parity::run(workspace, &parity::Options::default())
    }),
    ("bench", |workspace| {
        bench::run(workspace, &bench::Options::short())
    }),
    ("outside", |workspace| outside::check(workspace)),
    ("doc-tests", doc_tests),
    ("docs", docs),
];

fn stage_names() -> String {
    STAGES.map(|(name, _)| name).join(", ")
}

/// Runs the stages up to the first failure, and prints the time of each.
///
/// # Errors
///
/// Fails if a stage fails, or if no name contains the filter.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let filter = options.filter.as_deref().unwrap_or_default();
    let stages: Vec<_> = STAGES
        .iter()
        .filter(|(name, _)| name.contains(filter))
        .collect();
    if stages.is_empty() {
        bail!(
            "no stage is called `{filter}`; choose from {}",
            stage_names()
        );
    }
    toolchain::ensure_targets()?;
    toolchain::ensure_components()?;
    wasmedge::ensure(workspace)?;
    let mut times = Vec::new();
    for (name, stage) in stages {
        eprintln!("== {name}");
        let start = Instant::now();
        let result = stage(workspace);
        times.push((*name, start.elapsed()));
        if let Err(error) = result {
            print_times(&times);
            return Err(error.context(format!(
                "stage `{name}`; to run it alone: cargo xtask test {name}"
            )));
        }
    }
    print_times(&times);
    Ok(())
}

fn print_times(times: &[(&str, Duration)]) {
    eprintln!("== time");
    for (name, time) in times {
        eprintln!("{name:<14}{:>8.1} s", time.as_secs_f64());
    }
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    eprintln!("{:<14}{:>8.1} s", "all", total.as_secs_f64());
}

fn format(workspace: &Workspace) -> Result<()> {
    run_command(cargo().args(["fmt", "--all", "--check"]))?;
    comments::check(workspace)
}

/// Checks the direction of dependencies.
fn dependencies(workspace: &Workspace) -> Result<()> {
    pins::check(workspace)?;
    let depends_by = |edges: &str, features: &str, package: &str, on: &str| -> Result<bool> {
        let tree = output(cargo().args([
            "tree",
            "--locked",
            "--package",
            package,
            features,
            "--target",
            "all",
            "--edges",
            edges,
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]))?;
        Ok(tree.lines().any(|line| line.split(' ').next() == Some(on)))
    };
    let depends =
        |package: &str, on: &str| depends_by("normal,build", "--all-features", package, on);
    ensure!(
        !depends_by(
            "normal,build",
            "--no-default-features",
            "wasmscope-otlp",
            "tonic"
        )?,
        "wasmscope-otlp must not depend on tonic without its feature `grpc`"
    );
    // A misspelt name would pass as an absence, so one presence is asserted for each name.
    for (package, on) in [
        ("wasmscope-wasmtime", "wasmtime"),
        ("wasmscope-wasmtime", "wasmscope-contract"),
        ("wasmscope-contract", "wasmscope-telemetry"),
        ("wasmscope-telemetry", "opentelemetry_sdk"),
        ("wasmscope-otlp", "wasmscope-telemetry"),
        ("wasmscope-otlp", "reqwest"),
        ("wasmscope-otlp", "tonic"),
        ("wasmscope-otlp", "rustls"),
        ("wasmscope-otlp", "flate2"),
        ("wasmscope-console", "wasmscope-otlp"),
        ("wasmscope-console", "anstyle"),
        ("wasmscope-console", "unicode-width"),
        ("xtask", "wit-parser"),
        ("component-model", "wasmtime-environ"),
        ("component-model", "component-size"),
        ("wasmedge-component", "component-model"),
        ("wasmscope-wasmtime", "component-size"),
        ("component-wasi", "wasmtime-wasi"),
        ("wasi-bounds", "wasmtime-wasi"),
        ("wasmscope-wasmedge", "component-wasi"),
        ("wasmscope-cli", "cranelift-codegen"),
    ] {
        ensure!(
            depends(package, on)?,
            "{package} no longer depends on {on}; this check can no longer detect a dependency"
        );
    }
    for (package, on) in [
        ("wasmscope", "wasmtime"),
        ("wasmscope", "wasmscope-telemetry"),
        ("wasmscope", "opentelemetry_sdk"),
        ("wasmscope-telemetry", "wasmtime"),
        ("wasmscope-telemetry", "wasmscope-contract"),
        ("wasmscope-telemetry", "wasmscope-wasmtime"),
        // A host with its own providers compiles no transport and no terminal view.
        ("wasmscope-telemetry", "wasmscope-otlp"),
        ("wasmscope-telemetry", "reqwest"),
        ("wasmscope-telemetry", "tonic"),
        ("wasmscope-telemetry", "rustls"),
        ("wasmscope-telemetry", "flate2"),
        ("wasmscope-telemetry", "anstyle"),
        ("wasmscope-telemetry", "unicode-width"),
        ("wasmscope-telemetry", "tokio"),
        ("wasmscope-wasmtime", "wasmscope-otlp"),
        ("wasmscope-wasmtime", "reqwest"),
        ("wasmscope-wasmtime", "tonic"),
        ("wasmscope-wasmtime", "rustls"),
        ("wasmscope-wasmtime", "flate2"),
        ("wasmscope-wasmtime", "anstyle"),
        ("wasmscope-wasmtime", "unicode-width"),
        ("wasmscope-wasmedge", "wasmscope-otlp"),
        ("wasmscope-wasmedge", "opentelemetry-otlp"),
        ("wasmscope-wasmedge", "tonic"),
        ("wasmscope-otlp", "wasmscope-console"),
        ("wasmscope-otlp", "wasmscope-contract"),
        ("wasmscope-otlp", "anstyle"),
        ("wasmscope-otlp", "unicode-width"),
        ("component-size", "wasmtime-environ"),
        ("component-size", "wasmscope-telemetry"),
        ("wasmscope-contract", "wasmtime"),
        ("wasmscope-contract", "wasmtime-environ"),
        ("wasmscope-contract", "wasmedge-component"),
        ("wasmscope-contract", "wasmscope-wasmtime"),
        // The component model works without telemetry, on any engine, and needs no compiler.
        ("component-model", "wasmscope-telemetry"),
        ("component-model", "cranelift-codegen"),
        ("component-model", "wasmedge-sys"),
        ("component-wasi", "wasmedge-sys"),
        ("wasmedge-component", "wasmscope-telemetry"),
        ("wasmedge-component", "opentelemetry"),
        ("wasmedge-component", "cranelift-codegen"),
        ("component-wasi", "cranelift-codegen"),
        ("component-wasi", "wasmscope-telemetry"),
        ("wasi-bounds", "cranelift-codegen"),
        ("wasi-bounds", "wasmscope-telemetry"),
        ("wasmscope-wasmedge", "cranelift-codegen"),
        ("wasmscope-wasmedge", "wasmscope-wasmtime"),
        ("wasmscope-wasmtime", "wasmedge-component"),
        // Would need cmake or an installed C library.
        ("wasmscope-cli", "aws-lc-sys"),
        ("wasmscope-cli", "openssl-sys"),
    ] {
        ensure!(!depends(package, on)?, "{package} must not depend on {on}");
    }
    // The build script of wasmedge-sys can download the library, with reqwest, rustls and flate2. A
    // host's program does not contain them. It contains unicode-width, which wasmedge-sys needs to
    // parse WebAssembly text.
    for (package, on, expected) in [
        ("wasmscope-wasmedge", "wasmedge-sys", true),
        ("wasmscope-wasmedge", "reqwest", false),
        ("wasmscope-wasmedge", "rustls", false),
        ("wasmscope-wasmedge", "flate2", false),
        ("wasmscope-wasmedge", "anstyle", false),
    ] {
        ensure!(
            depends_by("normal", "--all-features", package, on)? == expected,
            "{package}: is {on} a normal dependency? Expected: {expected}"
        );
    }
    Ok(())
}

fn guest_builds(workspace: &Workspace) -> Result<()> {
    guests::build_all(workspace)?;
    // The SDK alone, on every promised target, with every feature of that target.
    for (target, features) in [
        ("wasm32-wasip2", "tracing,log,opentelemetry"),
        ("wasm32-wasip1", "tracing,log,opentelemetry"),
        ("wasm32-unknown-unknown", "tracing,log"),
    ] {
        run_command(cargo().args([
            "check",
            "--quiet",
            "--locked",
            "--package",
            "wasmscope",
            "--no-default-features",
            "--features",
            features,
            "--target",
            target,
        ]))?;
    }
    Ok(())
}

fn clippy(_: &Workspace) -> Result<()> {
    run_command(cargo().args([
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "--deny",
        "warnings",
    ]))?;
    run_command(cargo().args([
        "clippy",
        "--locked",
        "--package",
        "wasmscope-otlp",
        "--no-default-features",
        "--",
        "--deny",
        "warnings",
    ]))?;
    // Without the feature `lifting`, which uses hidden API of Wasmtime.
    run_command(cargo().args([
        "clippy",
        "--locked",
        "--package",
        "wasmscope-wasmtime",
        "--no-default-features",
        "--features",
        "bindgen",
        "--",
        "--deny",
        "warnings",
    ]))
}

fn clippy_guest(_: &Workspace) -> Result<()> {
    run_command(cargo().args([
        "clippy",
        "--locked",
        "--package",
        "wasmscope",
        "--all-features",
        "--target",
        "wasm32-wasip2",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// Checks that the workspace's default members build without a C library.
///
/// The stage `tests` tests them, with all features. A separate build here would take minutes.
fn without_wasmedge(_: &Workspace) -> Result<()> {
    let tree = output(cargo().args([
        "tree", "--locked", "--target", "all", "--prefix", "none", "--format", "{p}",
    ]))?;
    let has = |name: &str| {
        tree.lines()
            .any(|line| line.split(' ').next() == Some(name))
    };
    ensure!(
        has("wasmtime") && has("wasmscope-cli"),
        "the default members no longer depend on wasmtime; this check can no longer detect a dependency"
    );
    for name in ["wasmedge-sys", "wasmedge-component"] {
        ensure!(!has(name), "the default members must not depend on {name}");
    }
    let mut command = cargo();
    command.args(["check", "--locked", "--all-targets"]);
    // These override cargo's configuration, which contains the results of `cargo xtask wasmedge`.
    for variable in ["WASMEDGE_INCLUDE_DIR", "WASMEDGE_LIB_DIR", "LIBCLANG_PATH"] {
        command.env(variable, "/nonexistent");
    }
    run_command(&mut command)
}

fn tests(workspace: &Workspace) -> Result<()> {
    parity::forget(workspace)?;
    let mut command: Command = cargo();
    if toolchain::has_nextest() {
        command.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        command.args(["test", "--no-fail-fast", "--all-targets"]);
    }
    // The tests of the command line run the program, so it is built with them.
    command
        .args(["--locked", "--workspace", "--all-features"])
        .env("WASMSCOPE_BIN", workspace.target("debug/wasmscope"))
        .env("WASMSCOPE_GUESTS", workspace.target("guests"))
        .env(parity::VARIABLE, parity::folder(workspace))
        .env("INSTA_UPDATE", "no");
    run_command(&mut command)
}

fn doc_tests(workspace: &Workspace) -> Result<()> {
    let mut command = cargo();
    command.args(["test", "--locked", "--workspace", "--all-features", "--doc"]);
    // Link arguments of build scripts do not reach documentation tests.
    if let Some(argument) = wasmedge::ensure(workspace)?.link_argument() {
        command.env("RUSTDOCFLAGS", format!("-C link-arg={argument}"));
    }
    run_command(&mut command)
}

fn docs(_: &Workspace) -> Result<()> {
    run_command(
        cargo()
            .args([
                "doc",
                "--locked",
                "--workspace",
                "--all-features",
                "--no-deps",
            ])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}
