//! `cargo xtask bench`: builds what the bench needs, and runs it.

pub(crate) mod guests;

use crate::run::{cargo, run as run_command, run_our_own};
use crate::workspace::Workspace;
use crate::{toolchain, wasmedge};
use anyhow::{Result, ensure};
use std::process::Command;

/// The tables that the bench makes, of which this knows no more than the names: it is to be built
/// without any library.
const TABLES: [&str; 9] = [
    "signals",
    "batch",
    "bindgen",
    "boundary",
    "size",
    "cold-start",
    "start",
    "memory",
    "throughput",
];

/// Options of `cargo xtask bench`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Makes only the tables whose name contains this.
    #[arg(value_name = "TABLE", help = format!("Makes only the tables whose name contains this: {}", TABLES.join(", ")))]
    filter: Option<String>,
    /// Does each thing once and short, unoptimised, to see that all works; measures and writes
    /// nothing.
    #[arg(long)]
    short: bool,
}

impl Options {
    /// Those of CI: every table, for its asserts and not for its times.
    pub(crate) fn short() -> Self {
        Self {
            filter: None,
            short: true,
        }
    }
}

/// Builds guests and bench, runs it, and has it write `docs/benchmarks.md` and the README's tables.
///
/// # Errors
///
/// Fails when something does not build, and when a table fails: what was said has not arrived, or
/// was dropped.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    // The bench would say so too, but only when it is built.
    let filter = options.filter.as_deref().unwrap_or_default();
    ensure!(
        TABLES.iter().any(|name| name.contains(filter)),
        "no table is called `{filter}`; there are {}",
        TABLES.join(", ")
    );
    toolchain::ensure_targets()?;
    wasmedge::ensure(workspace)?;
    guests::build_rows(workspace)?;
    let guests = guests::build_services(workspace)?;
    let (profile, folder) = if options.short {
        ("dev", "debug")
    } else {
        eprintln!("building the bench, optimised as a whole: some minutes the first time");
        ("release", "release")
    };
    run_command(cargo().args([
        "build",
        "--locked",
        "--profile",
        profile,
        "--package",
        "wasmscope-bench",
    ]))?;
    let mut bench = Command::new(workspace.target(&format!("{folder}/wasmscope-bench")));
    bench.arg("--guests").arg(&guests);
    if options.short {
        bench.arg("--short");
    } else {
        bench
            .arg("--page")
            .arg(workspace.path("docs/benchmarks.md"));
        bench.arg("--readme").arg(workspace.path("README.md"));
    }
    bench.args(&options.filter);
    run_our_own(&mut bench)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_the_bench() {
        let workspace = Workspace::find().expect("the workspace");
        let source = workspace.path("bench/src/tables/mod.rs");
        let source = std::fs::read_to_string(source).expect("a file");
        let (_, rest) = source
            .split_once("const TABLES")
            .expect("the bench's tables");
        let (list, _) = rest.split_once("];\n").expect("an end of them");
        let names: Vec<_> = list
            .lines()
            .filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next())
            .collect();
        assert_eq!(names, TABLES);
    }

    #[test]
    fn a_table_that_there_is_not_is_found_before_anything_is_built() {
        let workspace = Workspace::find().expect("the workspace");
        let options = Options {
            filter: Some("foo".to_owned()),
            short: true,
        };
        let error = run(&workspace, &options).expect_err("no such table");
        assert_eq!(
            error.to_string(),
            "no table is called `foo`; there are signals, batch, bindgen, boundary, size, cold-start, start, memory, throughput"
        );
    }
}
