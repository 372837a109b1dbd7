//! `cargo xtask test`: everything that CI runs.

use crate::run::{cargo, output, run as run_command};
use crate::workspace::Workspace;
use crate::{bench, comments, deny, dependencies, fuzz, guests, modules, outside, package, parity};
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
const STAGES: [Stage; 17] = [
    ("format", format),
    ("contract", |workspace| wit::check(workspace)),
    ("dependencies", |workspace| dependencies::check(workspace)),
    ("deny", |workspace| deny::check(workspace)),
    ("modules", |workspace| {
        modules::check(&workspace.path("guest-sdk/src"))
    }),
    ("package", |workspace| package::check(workspace)),
    ("guests", guest_builds),
    ("clippy", clippy),
    ("clippy-guest", clippy_guest),
    ("fuzz", |workspace| fuzz::check(workspace)),
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
    fuzz::check_format(workspace)?;
    comments::check(workspace)
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
