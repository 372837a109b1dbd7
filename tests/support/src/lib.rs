//! wasmscope-test-support
