//! The columns: the runtimes that run guests, with their settings.

mod wasmedge;
mod wasmtime;

use std::path::Path;

use anyhow::Result;
use wasmscope_telemetry::Telemetry;

/// A runtime and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Wasmtime with its defaults.
    Wasmtime,
    /// Wasmtime with the adapter that `bindgen!` generates.
    WasmtimeBindgen,
    /// Wasmtime, compiling each time.
    WasmtimeCompiling,
    /// Wasmtime with the cache of `wasmscope run --aot`.
    WasmtimeCached,
    /// Wasmtime with the pooling allocator and epoch checks, as multi-tenant platforms use it.
    WasmtimePooled,
    /// WasmEdge's interpreter.
    Interpreter,
    /// WasmEdge with ahead-of-time compilation.
    Aot,
}

impl Column {
    /// The columns of the tables of signals, in their order.
    pub(crate) const ALL: [Self; 4] = [
        Self::Wasmtime,
        Self::WasmtimePooled,
        Self::Interpreter,
        Self::Aot,
    ];

    /// Returns its title in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Wasmtime => "Wasmtime",
            Self::WasmtimeBindgen => "Wasmtime, `bindgen!`",
            Self::WasmtimeCompiling => "Wasmtime, compiling",
            Self::WasmtimeCached => "Wasmtime, `--aot`",
            Self::WasmtimePooled => "Wasmtime, pooling and epochs",
            Self::Interpreter => "WasmEdge interpreter",
            Self::Aot => "WasmEdge AOT",
        }
    }
}

/// A runtime that is set up, with all functions for guests.
pub(crate) trait Runtime: Send + Sync {
    /// Loads a component from its compiled code if there is a compiler. The first time, it is
    /// compiled.
    ///
    /// # Errors
    ///
    /// If the runtime cannot load it.
    fn load(&self, component: &Path) -> Result<Box<dyn Host>>;
}

/// A component that is ready to be instantiated.
pub(crate) trait Host: Send + Sync {
    /// Makes an instance in its own store.
    ///
    /// # Errors
    ///
    /// If it cannot be instantiated.
    fn instantiate(&self, telemetry: &Telemetry) -> Result<Box<dyn Guest>>;
}

/// An instance of a component.
pub(crate) trait Guest {
    /// Calls `run` of `bench-rows`.
    ///
    /// # Errors
    ///
    /// If the guest traps or does not know the row.
    fn run(&mut self, row: &str, times: u32) -> Result<()>;

    /// Calls `handle` of `bench-service`.
    ///
    /// # Errors
    ///
    /// If the guest traps.
    fn handle(&mut self, request: &str) -> Result<String>;
}

/// Sets up a runtime, with a folder for the benchmark's compiled code.
///
/// # Errors
///
/// If the runtime cannot be set up.
pub(crate) fn runtime(column: Column, cache: &Path) -> Result<Box<dyn Runtime>> {
    Ok(match column {
        Column::Wasmtime | Column::WasmtimePooled => {
            let pooled = column == Column::WasmtimePooled;
            Box::new(wasmtime::SetUp::new(cache, pooled)?)
        }
        Column::WasmtimeBindgen => Box::new(wasmtime::SetUp::generated(cache)?),
        Column::WasmtimeCompiling => Box::new(wasmtime::SetUp::compiling(cache)?),
        Column::WasmtimeCached => Box::new(wasmtime::SetUp::caching(cache)?),
        Column::Interpreter => Box::new(wasmedge::SetUp::new(None)?),
        Column::Aot => Box::new(wasmedge::SetUp::new(Some(cache))?),
    })
}
