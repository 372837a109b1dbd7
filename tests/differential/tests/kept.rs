//! Every difference that was ever found, and some calls that are worth to be looked at by name: one file each in `tests/kept`.

use std::fs;
use std::path::Path;

use libtest_mimic::{Arguments, Trial};
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
        trials.push(Trial::test(name, move || {
            let text = fs::read_to_string(&path)?;
            let hosts = (&Wasmtime::new()?, &WasmEdge::interpreting()?);
            replay(hosts, &text).map_err(|error| format!("{error:#}"))?;
            Ok(())
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
