//! The workspace's own commands. `cargo xtask --help` lists them.

mod apt;
mod bench;
mod comments;
mod conformance;
mod demo;
mod deny;
mod dependencies;
mod fuzz;
mod guests;
mod install;
mod miri;
mod modules;
mod outside;
mod package;
mod parity;
mod pins;
mod run;
mod size;
mod soak;
mod test;
mod toolchain;
mod wasm_opt;
mod wasmedge;
mod wit;
mod wit_docs;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// Builds, shows and checks Wasmscope.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    propagate_version = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Builds and runs the demo, and shows its telemetry: on Wasmtime first, then on WasmEdge.
    Demo(demo::Options),
    /// Runs all checks, the same ones that CI runs, and prints the time of each.
    Test(test::Options),
    /// Builds the guest components into target/guests.
    Guests,
    /// Checks the contract: it parses, docs/wit.md is current, no published version has changed.
    Wit(wit::Options),
    /// Compares the README's table of runtimes with the last run of the scenarios.
    Parity(parity::Options),
    /// Runs a folder of .wast files on WasmEdge, for example the component model's own tests.
    Conformance(conformance::Options),
    /// Runs the unit tests of crates without native code under Miri. Needs a nightly toolchain.
    Miri(miri::Options),
    /// Measures the bytes that the SDK adds to a guest.
    Size(size::Options),
    /// Compares the cost of telemetry with the native OpenTelemetry SDK, and writes
    /// docs/benchmarks.md.
    Bench(bench::Options),
    /// Loads `wasmscope serve` for minutes on each runtime, while its collector goes away and comes
    /// back. Checks that no request fails, memory is bounded, and every loss is counted.
    Soak(soak::Options),
    /// Finds libwasmedge and libclang for the WasmEdge packages, or fetches them into
    /// target/wasmedge.
    Wasmedge(wasmedge::Options),
    /// Installs the command `wasmscope`; with `--wasmedge`, also WasmEdge's library.
    Install(install::Options),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let reported = error.is::<run::AlreadyReported>() && error.chain().len() == 1;
            if !reported {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::find()?;
    match command {
        Command::Demo(options) => demo::run(&workspace, &options),
        Command::Test(options) => test::run(&workspace, &options),
        Command::Guests => {
            toolchain::ensure_targets()?;
            guests::build_all(&workspace)?;
            Ok(())
        }
        Command::Wit(options) => wit::run(&workspace, &options),
        Command::Parity(options) => parity::run(&workspace, &options),
        Command::Conformance(options) => conformance::run(&workspace, &options),
        Command::Miri(options) => miri::run(&workspace, &options),
        Command::Size(options) => size::run(&workspace, &options),
        Command::Bench(options) => bench::run(&workspace, &options),
        Command::Soak(options) => soak::run(&workspace, &options),
        Command::Wasmedge(options) => wasmedge::run(&workspace, &options),
        Command::Install(options) => install::run(&workspace, &options),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readmes_show_the_current_hello_guest() {
        let workspace = Workspace::find().expect("the workspace");
        let read = |path| std::fs::read_to_string(workspace.path(path)).expect("a file");
        let guest = read("components/hello/src/main.rs");
        let (_, code) = guest
            .split_once("\n\n")
            .expect("a line of documentation, then code");
        for readme in ["README.md", "host-adapters/cli/README.md"] {
            assert!(
                read(readme).contains(&format!("```rust\n{code}```")),
                "{readme}"
            );
        }
    }
}
