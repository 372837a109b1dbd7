//! wasmscope-tests
