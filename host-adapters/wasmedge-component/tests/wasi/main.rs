//! WASI 0.2 on WasmEdge, with the crate `component-wasi`.

mod common;
mod complete;
mod files;
mod interrupt;
mod net;
mod process;
mod raw;
mod time;
