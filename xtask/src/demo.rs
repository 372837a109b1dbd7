//! `cargo xtask demo`: from a fresh clone to telemetry in the terminal.

mod services;

use crate::run::{cargo, run as run_command, shown};
use crate::workspace::Workspace;
use crate::{guests, toolchain, wasmedge};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Sends the telemetry to this OTLP endpoint instead of showing it here, for example
    /// `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// The number of orders to process.
    #[arg(long, default_value_t = 12, value_name = "NUMBER")]
    orders: u32,
}

/// A program of the demo with its input.
struct Run {
    heading: &'static str,
    package: &'static str,
    /// A file in the package's folder. The program finds it in `/data`.
    input: &'static str,
    /// The arguments before the name of the input.
    args: Vec<String>,
}

fn runs(options: &Options) -> [Run; 2] {
    [
        Run {
            heading: "one component: a checkout prices orders",
            package: "checkout",
            input: "orders.jsonl",
            args: vec!["--limit".to_owned(), options.orders.to_string()],
        },
        Run {
            heading: "two composed components: a gateway calls a pricing service",
            package: "gateway",
            input: "requests.jsonl",
            args: Vec::new(),
        },
    ]
}

/// Shows the demo on Wasmtime first, because WasmEdge takes longer to build.
///
/// # Errors
///
/// Fails if a build or a program of the demo fails.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let runs = runs(options);
    let mut packages = runs.each_ref().map(|run| run.package).to_vec();
    packages.extend(services::PACKAGES);
    eprintln!(
        "The demo has five steps. The times are those of the first run; later runs take seconds.\n\
         1. Build the example components ({}): about 1 minute.\n\
         2. Build the command `wasmscope` with Wasmtime: about 3 minutes. Run two programs on it.\n\
         3. Find or fetch WasmEdge's library: about 1 minute.\n\
         4. Build `wasmscope` with WasmEdge too: about 2 minutes. Run the programs on WasmEdge.\n\
         5. Run two services, on Wasmtime and on WasmEdge, and show one trace through both.",
        packages.join(", ")
    );
    step(1, "building the example components");
    toolchain::ensure_targets()?;
    let guests = guests::build(workspace, &packages)?;
    let show = |runtime: &str| -> Result<()> {
        runs.iter()
            .try_for_each(|run| show(workspace, options, &guests, runtime, run))
    };
    step(2, "building `wasmscope` with Wasmtime");
    build(&[])?;
    show("wasmtime")?;
    step(
        3,
        "looking for WasmEdge's library (to see the demo on Wasmtime only, stop here with Ctrl-C)",
    );
    wasmedge::ensure(workspace)?;
    step(4, "building `wasmscope` with WasmEdge");
    build(&["--features", "wasmedge"])?;
    show("wasmedge")?;
    step(5, "one trace through two services, on two engines");
    services::run(workspace, &guests, options.otlp_endpoint.as_deref())
}

fn step(number: u32, text: &str) {
    eprintln!("\n--- step {number} of 5: {text}");
}

/// Builds the command line, with further arguments for cargo.
fn build(arguments: &[&str]) -> Result<()> {
    run_command(
        cargo()
            .args(["build", "--locked", "--package", "wasmscope-cli"])
            .args(arguments),
    )
}

/// Runs a program of the demo.
fn show(
    workspace: &Workspace,
    options: &Options,
    guests: &Path,
    runtime: &str,
    run: &Run,
) -> Result<()> {
    let name = match runtime {
        "wasmtime" => "Wasmtime",
        _ => "WasmEdge",
    };
    eprintln!("\n=== {name}, {}\n", run.heading);
    let mut command = Command::new(workspace.target("debug/wasmscope"));
    command.args(["run", "--runtime", runtime]);
    if let Some(endpoint) = &options.otlp_endpoint {
        command.args(["--otlp-endpoint", endpoint]);
    }
    let folder = workspace.path(&format!("components/{}", run.package));
    command
        .arg("--dir")
        .arg(format!("{}::/data:ro", folder.display()))
        .arg(guests.join(format!("{}.wasm", run.package)))
        .args(&run.args)
        .arg(format!("/data/{}", run.input));
    run_command(&mut command)?;
    eprintln!(
        "\nthis was: {}\nwhere `wasmscope` is {}",
        shown(&command),
        command.get_program().to_string_lossy()
    );
    Ok(())
}
