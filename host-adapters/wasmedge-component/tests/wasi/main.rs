//! WASI 0.2 on WasmEdge, by the crate `component-wasi`.

mod common;
mod complete;
mod files;
mod interrupt;
mod net;
mod process;
mod raw;
mod time;
