//! Raw host functions: what a runtime offers to core modules, without the component model.

use super::CORE;

pub(super) mod wasmedge;
pub(super) mod wasmtime;

/// The core module with a memory of its own.
fn text() -> String {
    format!("(module {CORE} (memory (export \"memory\") 1))")
}
