//! The memory of a server over many requests.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use wasmscope_bench_http::{Collector, Progress, load};

use super::super::Inputs;
use super::rows::Row;
use crate::report::Table;

/// The numbers of requests after which the memory is read.
const AFTER: [u64; 4] = [10_000, 100_000, 500_000, 1_000_000];

/// The servers, with the key of the targets.
const SERVERS: [(&str, &str); 3] = [
    ("on", "Wasmtime"),
    ("aot", "WasmEdge AOT"),
    ("aot, reused", "WasmEdge AOT, reused"),
];

const CONNECTIONS: usize = 16;

pub(in super::super) fn table(inputs: &Inputs) -> Result<Table> {
    let full = inputs.effort.is_full();
    let mut table = Table {
        title: "Memory of a server over many requests".to_owned(),
        about: format!(
            "The resident memory of `wasmscope serve` with `hello-http` and telemetry, after so many requests from {CONNECTIONS} connections."
        ),
        header: vec![String::new()],
        ..Table::default()
    };
    let share = if full { 1 } else { 5_000 };
    let after = AFTER.map(|requests| requests / share);
    table
        .header
        .extend(after.map(|requests| requests.to_string()));
    let servers = SERVERS.iter().take(if full { SERVERS.len() } else { 1 });
    for (name, title) in servers {
        let row = Row::named(name).context("no such row")?;
        let collector = Collector::start()?;
        let server = row.start(inputs, &collector.endpoint())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let progress = Arc::new(Progress::default());
        let mut cells = vec![row.title.to_owned()];
        let mut memory = Vec::new();
        for requests in after {
            let more = move |done| done < requests;
            runtime.block_on(load(server.address(), CONNECTIONS, &progress, more))?;
            progress.check()?;
            // What the last requests took is given back.
            std::thread::sleep(Duration::from_millis(500));
            memory.push(server.memory()? as f64);
            eprintln!("   {}: {requests} requests", row.title);
        }
        cells.extend(
            memory
                .iter()
                .map(|bytes| format!("{:.1} MiB", bytes / f64::from(1 << 20))),
        );
        table.rows.push(cells);
        server.stop()?;
        let growth = memory[AFTER.len() - 1] / memory[1];
        table.measured.push((format!("{title}/growth"), growth));
    }
    Ok(table)
}
