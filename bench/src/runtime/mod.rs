//! The columns: the runtimes that a guest is run by, and how they are set.

mod wasmedge;
mod wasmtime;

use std::path::Path;

use anyhow::Result;
use wasmscope_telemetry::Telemetry;

/// A runtime and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Wasmtime as it is.
    Wasmtime,
    /// Wasmtime, compiling each time.
    WasmtimeCompiling,
    /// Wasmtime with the cache that `wasmscope run --aot` has.
    WasmtimeCached,
    /// With the pooling allocator and checks of epochs, as platforms with many tenants set it.
    WasmtimePooled,
    /// WasmEdge's interpreter.
    Interpreter,
    /// WasmEdge with what its compiler made ahead of time.
    Aot,
}

impl Column {
    /// Those that every signal is told to, in the order of the tables.
    pub(crate) const ALL: [Self; 4] = [
        Self::Wasmtime,
        Self::WasmtimePooled,
        Self::Interpreter,
        Self::Aot,
    ];

    /// What tables call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Wasmtime => "Wasmtime",
            Self::WasmtimeCompiling => "Wasmtime, compiling",
            Self::WasmtimeCached => "Wasmtime, `--aot`",
            Self::WasmtimePooled => "Wasmtime, pooling and epochs",
            Self::Interpreter => "WasmEdge interpreter",
            Self::Aot => "WasmEdge AOT",
        }
    }
}

/// A runtime, set up, with all that it offers to guests.
pub(crate) trait Runtime: Send + Sync {
    /// Loads a component, from what was compiled of it before if there is a compiler; the first time it is compiled.
    ///
    /// # Errors
    ///
    /// Fails when the runtime cannot load it.
    fn load(&self, component: &Path) -> Result<Box<dyn Host>>;
}

/// A component, ready to be instantiated.
pub(crate) trait Host: Send + Sync {
    /// Makes an instance of it in a store of its own.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be instantiated.
    fn instantiate(&self, telemetry: &Telemetry) -> Result<Box<dyn Guest>>;
}

/// An instance of a component.
pub(crate) trait Guest {
    /// Calls `run` of a `bench-rows`.
    ///
    /// # Errors
    ///
    /// Fails when the guest traps or does not know the row.
    fn run(&mut self, row: &str, times: u32) -> Result<()>;

    /// Calls `handle` of a `bench-service`.
    ///
    /// # Errors
    ///
    /// Fails when the guest traps.
    fn handle(&mut self, request: &str) -> Result<String>;
}

/// Sets a runtime up, with a folder of the bench's own for what is compiled.
///
/// # Errors
///
/// Fails when the runtime cannot be set up.
pub(crate) fn runtime(column: Column, cache: &Path) -> Result<Box<dyn Runtime>> {
    Ok(match column {
        Column::Wasmtime | Column::WasmtimePooled => {
            let pooled = column == Column::WasmtimePooled;
            Box::new(wasmtime::SetUp::new(cache, pooled)?)
        }
        Column::WasmtimeCompiling => Box::new(wasmtime::SetUp::compiling(cache)?),
        Column::WasmtimeCached => Box::new(wasmtime::SetUp::caching(cache)?),
        Column::Interpreter => Box::new(wasmedge::SetUp::new(None)?),
        Column::Aot => Box::new(wasmedge::SetUp::new(Some(cache))?),
    })
}
