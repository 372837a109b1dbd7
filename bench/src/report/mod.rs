//! Measured tables, and their text.

pub(crate) mod machine;
pub(crate) mod page;
mod targets;

use serde::{Deserialize, Serialize};

use crate::rounds::Spread;

/// A table as it is printed, with the numbers that are compared with the targets.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Table {
    pub(crate) title: String,
    /// The explanation above the table.
    pub(crate) about: String,
    pub(crate) header: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    /// Numbers by `row/column`.
    pub(crate) measured: Vec<(String, f64)>,
    /// The machine and the versions of the measurement.
    pub(crate) made_with: String,
}

/// Formats a ratio and its spread.
pub(crate) fn ratio(spread: Spread) -> String {
    let Spread { median, low, high } = spread;
    format!("{median:.2} ({low:.2}–{high:.2})")
}

/// Formats a time.
pub(crate) fn nanos(nanos: f64) -> String {
    match nanos {
        ..100.0 => format!("{nanos:.1} ns"),
        ..10_000.0 => format!("{nanos:.0} ns"),
        ..10_000_000.0 => format!("{:.0} µs", nanos / 1e3),
        _ => format!("{:.1} ms", nanos / 1e6),
    }
}

impl Table {
    /// Renders the table in Markdown, without its title.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule = vec!["---".to_owned(); self.header.len()];
        let mut text = line(&self.header) + &line(&rule);
        text.extend(self.rows.iter().map(|row| line(row)));
        text
    }
}
