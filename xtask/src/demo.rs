//! `cargo xtask demo`: from a fresh clone to telemetry in the terminal.

use crate::run::{cargo, run as run_command, shown};
use crate::workspace::Workspace;
use crate::{guests, toolchain, wasmedge};
use anyhow::Result;
use std::process::Command;

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Sends the telemetry to this OTLP endpoint instead of showing it here, for example `http://127.0.0.1:4318`.
    #[arg(long, value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// How many orders to process.
    #[arg(long, default_value_t = 12, value_name = "NUMBER")]
    orders: u32,
}

/// One program of the demo, and what it is given.
struct Run {
    /// What is shown above it.
    heading: &'static str,
    package: &'static str,
    /// Stands in the package's folder, which the program sees as `/data`.
    input: &'static str,
    /// What comes before the name of the input.
    args: Vec<String>,
}

/// The options of `wasmscope run` that choose a runtime. All runs are made on each of them.
const RUNTIMES: [(&str, &[&str]); 2] = [
    ("Wasmtime", &["--runtime", "wasmtime"]),
    ("WasmEdge", &["--runtime", "wasmedge"]),
];

fn runs(options: &Options) -> [Run; 2] {
    [
        Run {
            heading: "one component: a checkout prices orders",
            package: "checkout",
            input: "orders.jsonl",
            args: vec!["--limit".to_owned(), options.orders.to_string()],
        },
        Run {
            heading: "two components joined into one: a gateway, and the pricing service that it calls",
            package: "gateway",
            input: "requests.jsonl",
            args: Vec::new(),
        },
    ]
}

/// Builds the demo guests and the command line, and runs the ones on the other.
///
/// # Errors
///
/// Fails when a build fails, or the demo does.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    toolchain::ensure_targets()?;
    let runs = runs(options);
    let packages = runs.each_ref().map(|run| run.package);
    eprintln!("building the demo guests, {}", packages.join(" and "));
    let guests = guests::build(workspace, &packages)?;
    eprintln!(
        "building the command line (the first time takes some minutes: it contains a compiler)"
    );
    wasmedge::ensure(workspace)?;
    run_command(cargo().args([
        "build",
        "--locked",
        "--package",
        "wasmscope-cli",
        "--features",
        "wasmedge",
    ]))?;
    let wasmscope = workspace.target("debug/wasmscope");
    eprintln!("`wasmscope` below is {}", wasmscope.display());
    for (runtime, choice) in RUNTIMES {
        for run in &runs {
            eprintln!("\n=== {runtime}, {}\n", run.heading);
            let mut command = Command::new(&wasmscope);
            command.arg("run").args(choice);
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
            eprintln!("\nthis was: {}", shown(&command));
        }
    }
    Ok(())
}
