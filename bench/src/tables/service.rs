//! The cost for a whole service: cold start, memory of idle instances, throughput.

mod cold_start;
mod memory;
mod start;
mod throughput;

pub(super) use cold_start::table as cold_start;
pub(crate) use memory::report_one;
pub(super) use memory::table as memory;
pub(super) use start::table as start;
pub(super) use throughput::table as throughput;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use wasmscope_telemetry::{Providers, Telemetry};

use super::Inputs;
use crate::runtime::Column;
use crate::sink::{Kind, Sink};

/// The variants of instrumentation, with their titles in the tables.
const VARIANTS: [(&str, &str); 3] = [
    ("none", "without telemetry"),
    ("direct", "direct API"),
    ("tracing", "`tracing`"),
];

/// The runtimes that a service is compiled for.
const COLUMNS: [Column; 3] = [Column::Wasmtime, Column::WasmtimePooled, Column::Aot];

/// The request to the service.
const REQUEST: &str = "4711 alice MUG*3 TEA*12";

fn component(inputs: &Inputs, variant: &str) -> PathBuf {
    inputs.guests.join(format!("service.{variant}.3.wasm"))
}

/// Telemetry that is counted and dropped at once.
struct Counted {
    sink: Sink,
    providers: Providers,
    telemetry: Telemetry,
}

impl Counted {
    fn new() -> Self {
        let sink = Sink::default();
        let (providers, telemetry) = sink.telemetry(Kind::Counting);
        Self {
            sink,
            providers,
            telemetry,
        }
    }

    /// Checks that each of `requests` requests sent telemetry, if the variant does, and that
    /// nothing was dropped.
    fn check(&self, variant: &str, requests: u64) -> Result<()> {
        let arrived = self.sink.settled(&self.providers)?;
        let spans = if variant == "none" { 0 } else { requests };
        ensure!(
            arrived.spans == spans,
            "{} spans arrived of {requests} requests to the variant {variant}",
            arrived.spans
        );
        let dropped = self.telemetry.dropped().snapshot();
        ensure!(dropped.is_empty(), "the host dropped {dropped:?}");
        Ok(())
    }
}
