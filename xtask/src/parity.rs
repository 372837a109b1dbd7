//! `cargo xtask parity`: the README's table of scenarios with equal telemetry, from the last run of
//! the scenario suite.
//!
//! If `WASMSCOPE_PARITY` names a folder, the suite writes a file `RUNTIME/SCENARIO` there for each
//! scenario that matches its snapshot. All runtimes share the snapshot.

use crate::workspace::Workspace;
use anyhow::{Context as _, Result, bail, ensure};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Options of `cargo xtask parity`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Writes the table into the README instead of comparing it.
    #[arg(long)]
    bless: bool,
}

/// The variable that names the folder.
pub(crate) const VARIABLE: &str = "WASMSCOPE_PARITY";

/// The runtimes, as the suite and the table name them.
const RUNTIMES: [(&str, &str); 3] = [
    ("wasmtime", "Wasmtime"),
    ("wasmedge", "WasmEdge, interpreted"),
    ("wasmedge-aot", "WasmEdge, ahead of time"),
];

/// A row: its title, and a condition on the snapshots that it counts.
type Row = (&'static str, fn(&str) -> bool);

const ROWS: [Row; 7] = [
    ("all", |_| true),
    ("with spans of the guest", |text| {
        text.lines().any(is_span_of_guest)
    }),
    ("with metrics of the guest", |text| {
        text.lines().any(|line| {
            line.strip_prefix("  metric ")
                .is_some_and(|metric| !metric.starts_with("wasmscope."))
        })
    }),
    ("with logs", |text| text.contains("\nlogs:\n")),
    ("with telemetry beyond a limit, counted", |text| {
        text.contains("wasmscope.dropped")
    }),
    ("that end by a trap, a timeout or a signal", |text| {
        ["trap", "timeout", "killed"]
            .iter()
            .any(|outcome| text.contains(&format!("wasmscope.outcome = \"{outcome}\"")))
    }),
    ("of components that are composed", |text| {
        ["scenario-caller", "gateway"]
            .iter()
            .any(|name| text.contains(&format!("service.name = \"{name}\"")))
    }),
];

/// Returns whether a line of a snapshot begins a span of the guest: `s2 "name" internal …`.
fn is_span_of_guest(line: &str) -> bool {
    let number = line.trim_start().strip_prefix('s');
    number.is_some_and(|rest| {
        rest.starts_with(|char: char| char.is_ascii_digit())
            && rest
                .split_once(" \"")
                .is_some_and(|(_, name)| !name.starts_with("run "))
    })
}

const README: &str = "README.md";
const BEGIN: &str = "<!-- parity: written by `cargo xtask parity --bless` -->\n";
const END: &str = "<!-- end of parity -->\n";

/// Returns the folder for the suite's files.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target("parity")
}

/// Deletes the files of an earlier run of the suite.
///
/// # Errors
///
/// Fails if the folder cannot be emptied.
pub(crate) fn forget(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    Ok(())
}

/// Compares the README's table with the last run of the suite, or writes it.
///
/// # Errors
///
/// Fails if the suite has not run, or if the table in the README differs.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let table = table(workspace)?;
    let path = workspace.path(README);
    let readme = fs::read_to_string(&path).context("cannot read the README")?;
    let (before, rest) = readme
        .split_once(BEGIN)
        .with_context(|| format!("{README} has no line {BEGIN}"))?;
    let (found, after) = rest
        .split_once(END)
        .with_context(|| format!("{README} has no line {END}"))?;
    if found == table {
        return Ok(());
    }
    if !options.bless {
        bail!(
            "the table in {README} differs from the results of the scenarios; `cargo xtask parity --bless` writes this:\n{table}"
        );
    }
    let text = [before, BEGIN, &table, END, after].concat();
    fs::write(&path, text).context("cannot write the README")
}

fn table(workspace: &Workspace) -> Result<String> {
    let scenarios = names(&workspace.path("tests/scenarios"))?;
    let folder = folder(workspace);
    let mut passed = Vec::new();
    for (runtime, _) in RUNTIMES {
        let folder = folder.join(runtime);
        ensure!(
            folder.is_dir(),
            "the scenarios have not run on {runtime}; `cargo xtask test tests` runs them"
        );
        passed.push(names(&folder)?);
    }
    let mut snapshots = Vec::new();
    for scenario in &scenarios {
        let file = workspace.path(&format!("tests/scenarios/{scenario}/expected.snap"));
        let text =
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        snapshots.push((scenario, text));
    }
    let titles = RUNTIMES.map(|(_, title)| title).join(" | ");
    let mut text = format!("| scenarios with equal telemetry | {titles} |\n|---|---|---|---|\n");
    for (row, counts) in ROWS {
        let of_row: Vec<_> = snapshots
            .iter()
            .filter(|(_, text)| counts(text))
            .map(|(scenario, _)| scenario.as_str())
            .collect();
        // Writing to a string cannot fail.
        let _ = write!(text, "| {row} |");
        for passed in &passed {
            let count = of_row
                .iter()
                .filter(|scenario| passed.contains(**scenario))
                .count();
            let _ = write!(text, " {count} of {} |", of_row.len());
        }
        text.push('\n');
    }
    Ok(text)
}

fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}
