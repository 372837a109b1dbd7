//! `cargo xtask parity`: the README's table of what arrives from which runtime, out of what the scenario suite has run.
//!
//! Where `WASMSCOPE_PARITY` names a folder, the suite leaves a file `RUNTIME/SCENARIO` there for each scenario that came to
//! its snapshot. All runtimes are held to the same snapshot, so what stands in it is what arrived.

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

/// What the suite calls the runtimes, and what the table does.
const RUNTIMES: [(&str, &str); 3] = [
    ("wasmtime", "Wasmtime"),
    ("wasmedge", "WasmEdge, interpreted"),
    ("wasmedge-aot", "WasmEdge, ahead of time"),
];

/// What a row counts: scenarios whose snapshot has one of these.
const ROWS: [(&str, &[&str]); 7] = [
    ("all scenarios", &[""]),
    ("with spans of the guest", &["\n      s2 ", "\n        s2 "]),
    ("with metrics of the guest", &["\n  metric "]),
    ("with logs", &["\nlogs:\n"]),
    (
        "with telemetry that exceeds a limit, counted",
        &["wasmscope.dropped"],
    ),
    (
        "that end by a trap, a timeout or a signal",
        &[
            "wasmscope.outcome = \"trap\"",
            "wasmscope.outcome = \"timeout\"",
            "wasmscope.outcome = \"killed\"",
        ],
    ),
    (
        "of components that are composed",
        &["\"scenario-caller\"", "\"gateway\""],
    ),
];

const README: &str = "README.md";
const BEGIN: &str = "<!-- parity: written by `cargo xtask parity --bless` -->\n";
const END: &str = "<!-- end of parity -->\n";

/// The folder that the suite leaves its files in.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target("parity")
}

/// Forgets what an earlier run of the suite has left.
///
/// # Errors
///
/// Fails when the folder cannot be emptied.
pub(crate) fn forget(workspace: &Workspace) -> Result<()> {
    let folder = folder(workspace);
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    Ok(())
}

/// Compares the README's table with what the suite has run, or writes it.
///
/// # Errors
///
/// Fails when the suite has not run, or something else stands in the README.
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
            "the table in {README} is not what the scenarios came to; `cargo xtask parity --bless` writes this:\n{table}"
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
    for (row, marks) in ROWS {
        let of_row: Vec<_> = snapshots
            .iter()
            .filter(|(_, text)| marks.iter().any(|mark| text.contains(mark)))
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
