//! The memory of idle instances, which were called once.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::super::Inputs;
use super::{COLUMNS, Counted, REQUEST, VARIANTS, component};
use crate::report::Table;
use crate::rounds::Effort;
use crate::runtime::runtime;

/// The number of idle instances.
const INSTANCES: usize = 200;

pub(in super::super) fn table(inputs: &Inputs) -> Result<Table> {
    let instances = instances(inputs.effort);
    let mut table = Table {
        title: "Memory of an idle instance".to_owned(),
        about: format!(
            "The growth of the process's resident memory for each of {instances} instances of the service. Each was called once and is idle. Each \
                cell is measured in a process of its own."
        ),
        header: ["", "without telemetry", "direct API", "`tracing`"]
            .map(str::to_owned)
            .to_vec(),
        ..Table::default()
    };
    for (at, column) in COLUMNS.into_iter().enumerate() {
        let mut row = vec![column.title().to_owned()];
        for (variant, _) in VARIANTS {
            // Processes seldom return memory to the system, so each cell has its own.
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("--guests").arg(&inputs.guests);
            command.args(["--memory-of", &format!("{at}/{variant}")]);
            if !inputs.effort.is_full() {
                command.arg("--short");
            }
            let output = command.output().context("cannot start the bench again")?;
            let message = String::from_utf8_lossy(&output.stderr);
            let message = message.trim();
            ensure!(
                output.status.success(),
                "{}",
                message.strip_prefix("error: ").unwrap_or(message)
            );
            let bytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
            row.push(format!("{:.0} KiB", bytes / 1024.0));
            let key = format!("memory, {variant}/{}", column.title());
            table.measured.push((key, bytes));
        }
        table.rows.push(row);
    }
    Ok(table)
}

fn instances(effort: Effort) -> usize {
    if effort.is_full() { INSTANCES } else { 2 }
}

/// Measures one cell in this process, and prints the bytes.
///
/// # Errors
///
/// If the service cannot be called, or if the system does not report the process's memory.
pub(crate) fn report_one(inputs: &Inputs, cell: &str) -> Result<()> {
    let (column, variant) = cell.split_once('/').context("not a cell")?;
    let column = COLUMNS
        .get(column.parse::<usize>()?)
        .context("not a column")?;
    let host = runtime(*column, &inputs.cache)?.load(&component(inputs, variant))?;
    let counted = Counted::new();
    let mut waiting = Vec::new();
    let mut begin = || -> Result<()> {
        let mut guest = host.instantiate(&counted.telemetry)?;
        guest.handle(REQUEST)?;
        waiting.push(guest);
        Ok(())
    };
    // The first instance allocates what all share.
    begin()?;
    let before = resident()?;
    let instances = instances(inputs.effort);
    for _ in 0..instances {
        begin()?;
    }
    let grown = resident()?.saturating_sub(before);
    counted.check(variant, instances as u64 + 1)?;
    println!("{}", grown / instances as u64);
    Ok(())
}

/// Returns the resident memory of this process in bytes.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status").context("only Linux tells it")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes: u64 = kibibytes
        .context("no VmRSS in /proc/self/status")?
        .parse()?;
    Ok(kibibytes * 1024)
}
