//! Writes the page with all tables, and the README's short ones.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Table, nanos, targets};
use crate::rounds::Effort;

/// The lines of a file between which a table is written.
struct Marks {
    begin: &'static str,
    end: &'static str,
}

const BENCH: Marks = Marks {
    begin: "<!-- bench: written by `cargo xtask bench` -->\n",
    end: "<!-- end of bench -->\n",
};

const SIZE: Marks = Marks {
    begin: "<!-- size: written by `cargo xtask bench size` -->\n",
    end: "<!-- end of size -->\n",
};

/// The rows in the README, with their titles there.
const SHORT: [(&str, &str); 8] = [
    ("span", "span with 4 attributes and an event"),
    ("span, by `tracing`", "the same by `tracing`"),
    ("span not sampled", "span that is not sampled"),
    ("log", "log with 3 attributes"),
    (BELOW, "log below the level (a time, not a ratio)"),
    ("counter", "counter with 3 attributes"),
    ("counter, bound", "counter, bound"),
    ("histogram, bound", "histogram, bound"),
];

/// The row that the README shows as a time, because a ratio of a few nanoseconds means little.
const BELOW: &str = "log below the level";

/// Writes the page and the README's tables from the results of all tables. Returns a message with
/// the written files, and the tables that the present run, which made `made`, did not measure.
///
/// # Errors
///
/// If a file cannot be written. If the result of a table is missing, nothing is written, and the
/// message says so.
pub(crate) fn write(
    results: &Path,
    names: &[&str],
    made: &[&str],
    page: Option<&Path>,
    readme: Option<&Path>,
) -> Result<()> {
    let mut tables = Vec::new();
    let mut missing = Vec::new();
    let mut measured = HashMap::new();
    for name in names {
        let file = fs::read(results.join(format!("{name}.json"))).ok();
        // The results of an earlier version may lack something.
        let table = file.and_then(|bytes| serde_json::from_slice::<Table>(&bytes).ok());
        let Some(table) = table else {
            missing.push(*name);
            continue;
        };
        // Tables have rows with equal names.
        let numbers = table.measured.iter();
        measured.extend(numbers.map(|(key, value)| (format!("{name}/{key}"), *value)));
        tables.push(table);
    }
    eprintln!("{}", targets::markdown(&measured));
    if !missing.is_empty() {
        eprintln!(
            "nothing is written: this version of the bench has no results for the tables {}; run it without a name to make all",
            missing.join(", ")
        );
        return Ok(());
    }
    let mut written = Vec::new();
    if let Some(page) = page {
        written.push(page);
        fs::write(page, text(&tables, &measured)).with_context(|| page.display().to_string())?;
    }
    if let Some(readme) = readme {
        written.push(readme);
        replace(readme, &BENCH, &short(&measured))?;
        let mut tables = names.iter().zip(&tables);
        if let Some((_, size)) = tables.find(|(name, _)| **name == "size") {
            replace(readme, &SIZE, &size.markdown())?;
        }
    }
    eprint!("{}", summary(&written, names, made));
    Ok(())
}

/// Returns the message with the written files, and the tables from earlier runs.
fn summary(written: &[&Path], names: &[&str], made: &[&str]) -> String {
    let mut text = String::new();
    for file in written {
        text.push_str(&format!("written: {}\n", file.display()));
    }
    let earlier = names.iter().filter(|name| !made.contains(name));
    let earlier: Vec<_> = earlier.copied().collect();
    if !written.is_empty() && !earlier.is_empty() {
        let earlier = earlier.join(", ");
        text.push_str(&format!("tables from earlier runs: {earlier}\n"));
    }
    text
}

fn text(tables: &[Table], measured: &HashMap<String, f64>) -> String {
    let made_with = tables.first().map_or("", |table| &table.made_with);
    let mut text = format!(
        "# What telemetry costs\n\n\
         Written by `cargo xtask bench`. {made_with}\n\n\
         Machines are shared and noisy, so look at the ratios. Ratios of signals, the boundary and the cold start are medians over {} rounds, with the \
         quartiles in brackets; each round measures every variant. Throughput has fewer rounds, and memory and sizes are measured once. For signals, 1.00 \
         is the native OpenTelemetry SDK in the same process and round. Guests are compiled before they are measured. They are built at opt-level 3, except \
         those in the tables of sizes. The bench checks that all telemetry has arrived and none was dropped.\n\n\
         ## Targets\n\n\
         A target is a limit that the project sets for itself. It applies to the direct API unless the row says otherwise. An aim is a goal beyond the \
         target.\n\n{}",
        Effort::FULL.rounds,
        targets::markdown(measured)
    );
    for table in tables {
        text.push_str(&format!("\n## {}\n\n", table.title));
        if table.made_with != made_with {
            text.push_str(&format!("{}\n\n", table.made_with));
        }
        text.push_str(&format!("{}\n\n{}", table.about, table.markdown()));
    }
    text
}

/// Renders the README's table of signals.
fn short(measured: &HashMap<String, f64>) -> String {
    let mut text =
        String::from("| to the native SDK = 1 | Wasmtime | WasmEdge AOT |\n|---|---|---|\n");
    for (row, title) in SHORT {
        let cell = |column: &str| {
            let key = format!("signals/{row}/{column}");
            let shown = if row == BELOW {
                measured.get(&format!("{key}/ns")).map(|time| nanos(*time))
            } else {
                measured.get(&key).map(|ratio| format!("{ratio:.2}"))
            };
            shown.unwrap_or_default()
        };
        text.push_str(&format!(
            "| {title} | {} | {} |\n",
            cell("Wasmtime"),
            cell("WasmEdge AOT")
        ));
    }
    text
}

/// Replaces the text between the marks in a file.
fn replace(file: &Path, Marks { begin, end }: &Marks, text: &str) -> Result<()> {
    let old = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let parts = old
        .split_once(begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(end)?.1)));
    let Some((before, after)) = parts else {
        bail!("{} has no lines {begin} and {end}", file.display());
    };
    let new = [before, begin, text, end, after].concat();
    fs::write(file, new).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_lists_written_files_and_earlier_tables() {
        let files = [Path::new("page.md"), Path::new("README.md")];
        let names = ["a", "b", "c"];
        assert_eq!(
            summary(&files, &names, &["b"]),
            "written: page.md\nwritten: README.md\ntables from earlier runs: a, c\n"
        );
        assert_eq!(summary(&files[..1], &names, &names), "written: page.md\n");
        assert_eq!(summary(&[], &names, &[]), "");
    }

    #[test]
    fn a_log_below_the_level_is_shown_as_a_time() {
        let measured = [
            ("log below the level/Wasmtime", 3.25),
            ("log below the level/Wasmtime/ns", 4.7),
            ("log/Wasmtime", 3.24),
        ];
        let measured = measured.map(|(key, value)| (format!("signals/{key}"), value));
        let text = short(&HashMap::from(measured));
        assert!(
            text.contains("(a time, not a ratio) | 4.7 ns |  |\n"),
            "{text}"
        );
        assert!(
            text.contains("| log with 3 attributes | 3.24 |  |\n"),
            "{text}"
        );
    }

    #[test]
    fn a_table_of_another_machine_names_it() {
        let table = |title: &str, made_with: &str| Table {
            title: title.to_owned(),
            made_with: made_with.to_owned(),
            ..Table::default()
        };
        let tables = [
            table("A", "Here."),
            table("B", "Here."),
            table("C", "There."),
        ];
        let text = text(&tables, &HashMap::new());
        assert_eq!(text.matches("Here.").count(), 1);
        assert!(text.contains("## C\n\nThere.\n\n"), "{text}");
    }
}
