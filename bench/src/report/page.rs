//! The page with all tables, and the README's short one.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Table, bars, machine};

const BEGIN: &str = "<!-- bench: written by `cargo xtask bench` -->\n";
const END: &str = "<!-- end of bench -->\n";

/// The columns that the README shows.
const SHORT: [(&str, &str); 8] = [
    ("span", "span with 4 attributes and an event"),
    ("span, by `tracing`", "the same by `tracing`"),
    ("span not sampled", "span that is not sampled"),
    ("log", "log with 3 attributes"),
    ("log below the level", "log below the level"),
    ("counter", "counter with 3 attributes"),
    ("counter, bound", "counter, bound"),
    ("histogram, bound", "histogram, bound"),
];

/// Writes what the results of all tables come to.
///
/// # Errors
///
/// Fails when a table has never been made, or a file cannot be written.
pub(crate) fn write(
    results: &Path,
    names: &[&str],
    page: Option<&Path>,
    readme: Option<&Path>,
) -> Result<()> {
    let mut tables = Vec::new();
    let mut missing = Vec::new();
    let mut measured = HashMap::new();
    for name in names {
        match fs::read(results.join(format!("{name}.json"))) {
            Ok(bytes) => {
                let table: Table = serde_json::from_slice(&bytes)?;
                // Tables have rows of the same names.
                let numbers = table.measured.iter();
                measured.extend(numbers.map(|(key, value)| (format!("{name}/{key}"), *value)));
                tables.push(table);
            }
            Err(_) => missing.push(*name),
        }
    }
    eprintln!("{}", bars::markdown(&measured));
    if !missing.is_empty() {
        eprintln!(
            "nothing is written: the tables {} were never made; run without a name to make all",
            missing.join(", ")
        );
        return Ok(());
    }
    if let Some(page) = page {
        fs::write(page, text(&tables, &measured)).with_context(|| page.display().to_string())?;
    }
    if let Some(readme) = readme {
        replace(readme, &short(&measured))?;
    }
    Ok(())
}

fn text(tables: &[Table], measured: &HashMap<String, f64>) -> String {
    let mut text = format!(
        "# What telemetry costs\n\n\
         Written by `cargo xtask bench`. {}\n\n\
         Machines are shared and noisy, so look at the ratios: each is the median over 31 rounds, in each of which everybody had a turn, with the \
         quartiles in brackets. 1.00 is the native OpenTelemetry SDK in the same process and round. Guests are built at opt-level 3 and compiled before. \
         Each table checks that everything has arrived and nothing was dropped.\n\n\
         ## The bars\n\n{}",
        machine::describe(),
        bars::markdown(measured)
    );
    for table in tables {
        text.push_str(&format!(
            "\n## {}\n\n{}\n\n{}",
            table.title,
            table.about,
            table.markdown()
        ));
    }
    text
}

/// The README's table.
fn short(measured: &HashMap<String, f64>) -> String {
    let mut text =
        String::from("| to the native SDK = 1 | Wasmtime | WasmEdge AOT |\n|---|---|---|\n");
    for (row, title) in SHORT {
        let cell = |column: &str| {
            let value = measured.get(&format!("signals/{row}/{column}"));
            value.map_or_else(String::new, |value| format!("{value:.2}"))
        };
        text.push_str(&format!(
            "| {title} | {} | {} |\n",
            cell("Wasmtime"),
            cell("WasmEdge AOT")
        ));
    }
    text
}

/// Puts a text between the marks of a file.
fn replace(file: &Path, text: &str) -> Result<()> {
    let old = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let parts = old
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        bail!("{} has no lines {BEGIN} and {END}", file.display());
    };
    let new = [before, BEGIN, text, END, after].concat();
    fs::write(file, new).with_context(|| file.display().to_string())
}
