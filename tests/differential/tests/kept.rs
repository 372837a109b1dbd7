//! Replays all differences that were found, and some interesting calls: one file each in
//! `tests/kept`. WasmEdge interprets each component, and then compiles it.

use std::fs;
use std::path::Path;

use libtest_mimic::{Arguments, Trial};
use wasmedge_component::Cache;
use wasmscope_differential::case::replay;
use wasmscope_differential::host::{WasmEdge, Wasmtime};

fn main() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept");
    let mut trials = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let compiled = format!("{name}, compiled");
        let again = path.clone();
        trials.push(Trial::test(name, move || {
            Ok(run(&path, &WasmEdge::interpreting()?)?)
        }));
        trials.push(Trial::test(compiled, move || {
            let home = tempfile::tempdir()?;
            let wasmedge = WasmEdge::compiling(Cache::open(home.path())?)?;
            Ok(run(&again, &wasmedge)?)
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn run(path: &Path, wasmedge: &WasmEdge) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let wasmtime = Wasmtime::new().map_err(|error| error.to_string())?;
    replay((&wasmtime, wasmedge), &text).map_err(|error| format!("{error:#}"))
}
