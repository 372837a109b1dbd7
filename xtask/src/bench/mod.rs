//! `cargo xtask bench`: builds the bench with its guests, and runs it.

pub(crate) mod guests;
mod http;

pub(crate) use http::build_release;

use crate::run::{cargo, run as run_command, run_our_own};
use crate::workspace::Workspace;
use crate::{toolchain, wasmedge};
use anyhow::{Result, ensure};
use std::process::Command;

/// The names of the bench's tables. Only the names, because xtask must build without any library.
const TABLES: [&str; 11] = [
    "signals",
    "batch",
    "bindgen",
    "boundary",
    "size",
    "cold-start",
    "start",
    "memory",
    "throughput",
    "http",
    "http-memory",
];

/// Options of `cargo xtask bench`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Makes only the tables whose name contains this text.
    #[arg(value_name = "TABLE", help = format!("Makes only the tables whose name contains this text: {}", TABLES.join(", ")))]
    filter: Option<String>,
    /// Runs each measurement once and briefly, unoptimised, to check that everything works. Writes
    /// no results.
    #[arg(long)]
    short: bool,
}

impl Options {
    /// Returns the options of CI: every table, for its assertions rather than its times.
    pub(crate) fn short() -> Self {
        Self {
            filter: None,
            short: true,
        }
    }
}

/// Builds the guests and the bench, runs it, and lets it write `docs/benchmarks.md` and the
/// README's tables.
///
/// # Errors
///
/// Fails if a build fails, or a table: telemetry did not arrive, or was dropped.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    // The bench would report it as well, but only after it is built.
    let filter = options.filter.as_deref().unwrap_or_default();
    ensure!(
        TABLES.iter().any(|name| name.contains(filter)),
        "no table is called `{filter}`; choose from {}",
        TABLES.join(", ")
    );
    toolchain::ensure_targets()?;
    wasmedge::ensure(workspace)?;
    let is_wanted = |name: &&str| name.contains(filter);
    let (of_http, others): (Vec<_>, Vec<_>) = TABLES
        .into_iter()
        .filter(is_wanted)
        .partition(|name| name.starts_with("http"));
    if !others.is_empty() {
        guests::build_rows(workspace)?;
        guests::build_services(workspace)?;
    }
    let programs = if of_http.is_empty() {
        Vec::new()
    } else {
        http::prepare(workspace, options.short)?
    };
    let (profile, folder) = if options.short {
        ("dev", "debug")
    } else {
        eprintln!("building the bench with link-time optimisation: some minutes the first time");
        ("release", "release")
    };
    let mut build = cargo();
    build.args(["build", "--locked", "--profile", profile]);
    build.args(["--package", "wasmscope-bench"]);
    if options.short && !of_http.is_empty() {
        // Together, so that they share their dependencies.
        build.args(["--package", "wasmscope-cli", "--package"]);
        build.args([
            "wasmscope-bench-http",
            "--features",
            "wasmscope-cli/wasmedge",
        ]);
    }
    run_command(&mut build)?;
    let mut bench = Command::new(workspace.target(&format!("{folder}/wasmscope-bench")));
    bench.arg("--guests").arg(guests::folder(workspace)?);
    bench.args(programs);
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
    fn tables_are_those_of_the_bench() {
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
    fn unknown_table_is_reported_before_anything_is_built() {
        let workspace = Workspace::find().expect("the workspace");
        let options = Options {
            filter: Some("foo".to_owned()),
            short: true,
        };
        let error = run(&workspace, &options).expect_err("no such table");
        assert_eq!(
            error.to_string(),
            "no table is called `foo`; choose from signals, batch, bindgen, boundary, size, cold-start, start, memory, throughput, http, http-memory"
        );
    }
}
