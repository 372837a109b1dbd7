//! The size of a guest in bytes, by API and by build.

use std::fs;

use anyhow::{Context as _, Result};

use super::Inputs;
use crate::report::Table;

/// The APIs, by file name and by title.
const VARIANTS: [(&str, &str); 6] = [
    ("none", "without telemetry"),
    ("direct", "direct API"),
    ("log", "direct API, the log record by `log`"),
    (
        "tracing",
        "`tracing` without `std`, metrics by the direct API",
    ),
    (
        "tracing-std",
        "`tracing` with `std`, metrics by the direct API",
    ),
    ("opentelemetry", "`opentelemetry`"),
];

/// The builds.
const BUILDS: [(&str, &str); 4] = [
    ("z", "opt-level z"),
    ("z.wasm-opt", "z, wasm-opt"),
    ("3", "opt-level 3"),
    ("3.wasm-opt", "3, wasm-opt"),
];

pub(super) fn table(inputs: &Inputs) -> Result<Table> {
    let mut table = Table {
        title: "Size of a guest".to_owned(),
        about: "A service that prices orders. The first row is the size of the component without telemetry, in bytes (fat LTO, one codegen unit, symbols \
            stripped). The other rows are the bytes that each API adds. Services are built without the default feature `std` of `tracing`, unless the \
            row says so."
            .to_owned(),
        header: vec![String::new()],
        rows: VARIANTS.map(|(_, title)| vec![title.to_owned()]).to_vec(),
        ..Table::default()
    };
    for (build, title) in BUILDS {
        let size = |variant: &str| {
            let file = inputs
                .guests
                .join(format!("service.{variant}.{build}.wasm"));
            fs::metadata(&file)
                .map(|metadata| metadata.len() as f64)
                .with_context(|| format!("cannot read {}", file.display()))
        };
        if build.ends_with("wasm-opt") && size("none").is_err() {
            table.about.push_str(" wasm-opt was not available.");
            continue;
        }
        table.header.push(title.to_owned());
        let base = size("none")?;
        for ((variant, _), row) in VARIANTS.iter().zip(&mut table.rows) {
            let added = size(variant)? - base;
            row.push(if added == 0.0 {
                format!("{base}")
            } else {
                format!("{added:+}")
            });
            table
                .measured
                .push((format!("size, {variant}/{build}"), added));
        }
    }
    Ok(table)
}
