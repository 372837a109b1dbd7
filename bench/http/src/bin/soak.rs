//! Loads `wasmscope serve` for some minutes on each runtime, while the collector goes away and
//! comes back. `cargo xtask soak` builds everything and runs it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use wasmscope_bench_http::{Soak, Soaked};

#[derive(Debug, Parser)]
struct Args {
    /// The command `wasmscope`.
    #[arg(long, value_name = "FILE")]
    wasmscope: PathBuf,
    /// The component `hello-http`.
    #[arg(long, value_name = "FILE")]
    guest: PathBuf,
    /// A folder for compiled code.
    #[arg(long, value_name = "DIR")]
    cache: PathBuf,
    /// The time on each runtime.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    time: Duration,
}

/// The runtimes, and the options that select them.
const RUNTIMES: [(&str, &[&str]); 2] = [
    ("Wasmtime", &[]),
    ("WasmEdge AOT", &["--runtime", "wasmedge", "--aot"]),
];

fn main() -> Result<()> {
    let args = Args::parse();
    for (name, options) in RUNTIMES {
        eprintln!("{name}: {}", humantime::format_duration(args.time));
        let soak = Soak {
            wasmscope: args.wasmscope.clone(),
            guest: args.guest.clone(),
            options: options.iter().copied().map(str::to_owned).collect(),
            cache: args.cache.clone(),
            time: args.time,
            connections: 16,
            queue: 2048,
        };
        let soaked = soak.run(|line| eprintln!("  {line}")).context(name)?;
        let Soaked {
            requests,
            spans,
            logs,
            memory,
        } = soaked;
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        eprintln!(
            "{name}: {requests} requests, none failed\n  \
             spans: {} received, {} lost and counted\n  \
             log records: {} received, {} lost and counted\n  \
             resident memory: at most {:.1} MiB early, {:.1} MiB late",
            spans.received,
            spans.lost,
            logs.received,
            logs.lost,
            mebibytes(memory.early),
            mebibytes(memory.late)
        );
    }
    Ok(())
}
