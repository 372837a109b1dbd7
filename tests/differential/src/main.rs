//! Runs any number of types: see the library's documentation.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, bail};
use wasmedge_component::Cache;
use wasmscope_differential::host::{WasmEdge, Wasmtime};
use wasmscope_differential::run::{Plan, run};

fn main() -> anyhow::Result<ExitCode> {
    let mut plan = Plan::default();
    let mut compile = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> anyhow::Result<u64> {
            let value = arguments
                .next()
                .with_context(|| format!("{argument} takes a number"))?;
            Ok(value.parse()?)
        };
        match &*argument {
            "--compile" => compile = true,
            "--types" => plan.types = number()?.try_into()?,
            "--seed" => plan.seed = number()?,
            "--values" => plan.values = number()?.try_into()?,
            "--mutations" => plan.mutations = number()?.try_into()?,
            other => bail!(
                "unknown argument {other}: there are --types, --seed, --values, --mutations and --compile"
            ),
        }
    }
    let start = Instant::now();
    let home = tempfile::tempdir()?;
    let wasmedge = if compile {
        WasmEdge::compiling(Cache::open(home.path())?)?
    } else {
        WasmEdge::interpreting()?
    };
    let coverage = run((&Wasmtime::new()?, &wasmedge), plan, &|failure| {
        println!("{failure}\n");
    })?;
    println!(
        "{coverage}{:<24}{:.1} s",
        "time",
        start.elapsed().as_secs_f64()
    );
    Ok(if coverage.different() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
