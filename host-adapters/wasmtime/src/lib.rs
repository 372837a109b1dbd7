//! Wasmscope on Wasmtime.
