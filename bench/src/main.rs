//! The benchmark: measures the cost of telemetry from a guest, and compares it with the native
//! OpenTelemetry SDK in the same process. `cargo xtask bench` builds the guests and runs it.

mod native;
mod report;
mod rounds;
mod runtime;
mod sink;
mod tables;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;

use crate::report::{machine, page};
use crate::rounds::Effort;
use crate::tables::{Inputs, Programs, TABLES};

/// Measures, and writes the page and the README's tables.
#[derive(Debug, Parser)]
struct Args {
    /// Runs only the tables whose name contains this. The page keeps the other tables.
    filter: Option<String>,
    /// The folder with the guests. Results are kept there too.
    #[arg(long)]
    guests: PathBuf,
    /// The page to write.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// The README whose tables are written.
    #[arg(long, value_name = "FILE")]
    readme: Option<PathBuf>,
    #[command(flatten)]
    programs: Programs,
    /// Runs only the row with this title, in the tables of signals, or the rows whose title
    /// contains this, in the table of HTTP services. For use with a profiler.
    #[arg(long, hide = true, default_value = "")]
    rows: String,
    /// Runs only columns whose title contains this, in the tables of signals. For use with a
    /// profiler.
    #[arg(long, hide = true, default_value = "")]
    columns: String,
    /// Runs each measurement once and briefly, as a check. Writes nothing.
    #[arg(long)]
    short: bool,
    /// Measures nothing. Writes the page and the README's tables from existing results.
    #[arg(long)]
    render: bool,
    /// Makes one table in this process, and prints it or its error as JSON.
    #[arg(long, hide = true)]
    table: Option<String>,
    /// Measures the memory of one column and variant, and prints it.
    #[arg(long, hide = true)]
    memory_of: Option<String>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let cache = args.guests.join("compiled");
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let inputs = Inputs {
        guests: args.guests.clone(),
        cache,
        rows: args.rows.clone(),
        columns: args.columns.clone(),
        programs: args.programs.clone(),
        effort: if args.short {
            Effort::SHORT
        } else {
            Effort::FULL
        },
    };
    if let Some(cell) = &args.memory_of {
        return tables::report_memory(&inputs, cell);
    }
    if let Some(name) = &args.table {
        println!("{}", serde_json::to_string(&make(name, &inputs))?);
        return Ok(());
    }
    run_all(args)
}

/// The output of a process that makes one table: the table, or the error.
type Made = Result<report::Table, String>;

fn make(name: &str, inputs: &Inputs) -> Made {
    let (_, make) = TABLES
        .iter()
        .find(|(known, _)| *known == name)
        .ok_or("there is no such table")?;
    let mut table = make(inputs).map_err(|error| format!("{error:#}"))?;
    table.made_with = machine::describe();
    Ok(table)
}

/// Makes each table in its own process.
fn run_all(args: &Args) -> Result<()> {
    let filter = args.filter.as_deref().unwrap_or_default();
    let wanted: Vec<_> = TABLES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| name.contains(filter))
        .collect();
    ensure!(
        !wanted.is_empty(),
        "no table is called `{filter}`; there are {}",
        TABLES.map(|(name, _)| name).join(", ")
    );
    let results = args.guests.join("results");
    fs::create_dir_all(&results)?;
    let made = if args.render { Vec::new() } else { wanted };
    for name in &made {
        eprintln!("== {name}");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--guests").arg(&args.guests);
        command.args(["--table", name]);
        args.programs.pass_on(&mut command);
        if args.short {
            command.arg("--short");
        }
        let output = command.stderr(Stdio::inherit()).output()?;
        ensure!(
            output.status.success(),
            "the table {name} failed with {}",
            output.status
        );
        let table = match serde_json::from_slice::<Made>(&output.stdout)? {
            Ok(table) => table,
            Err(error) => bail!("the table {name} failed: {error}"),
        };
        if args.short {
            continue;
        }
        eprintln!("{}", table.markdown());
        let file = results.join(format!("{name}.json"));
        fs::write(file, serde_json::to_vec(&table)?)?;
    }
    if args.short {
        return Ok(());
    }
    let names = TABLES.map(|(name, _)| name);
    page::write(
        &results,
        &names,
        &made,
        args.page.as_deref(),
        args.readme.as_deref(),
    )
}
